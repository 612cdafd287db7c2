"""Why something was not done: Kanboard says only `false`, so it is found out by looking."""

from collections.abc import Sequence
from typing import Any, Protocol

from kanport.apply.steps import Observed
from kanport.errors import Unreachable
from kanport.kanboard import procedures
from kanport.kanboard.rpc import Answer, Call, NoAnswer, Refused
from kanport.plan.model import Action, Change
from kanport.plan.own_ldap import by_ldap
from kanport.rules import email_problem, username_problem


class Reader(Protocol):
    """What is needed of the client."""

    def read(self, calls: Sequence[Call]) -> list[Any]:
        """Read; see `kanport.kanboard.client.Client.read`."""


def why_not(change: Change, answer: Answer, observed: Observed, found: str = "") -> str:
    """Say why a change was not done, from the answer, what is there instead, and what was found."""
    instead = "; ".join(part for part in (found, observed.instead) if part)
    if isinstance(answer, NoAnswer):
        return f"the server never answered it ({answer.why}); {instead}"
    if isinstance(answer, Refused):
        return f"the server refused it ({answer.message}); {instead}"
    if change.action is Action.MEMBERSHIP_REVOKE and not found:
        return f"still a member, so the access comes through a group; {instead}"
    if answer.value is False and by_ldap(change):
        return (
            "Kanboard's own LDAP does not know them, or Kanboard cannot ask it"
            f" (LDAP_BIND_TYPE user? its log says more); {instead}"
        )
    if found:
        return f"the server refused it: {instead}"
    if answer.value is False:
        return f"the server refused it and does not say why; {instead}"
    return f"the server said yes, but {instead}"


def look_into(server: Reader, refused: Sequence[tuple[Change, int | None]]) -> dict[str, str]:
    """Find out why changes were refused, by change id; an empty text where nothing shows why.

    `refused` are the changes with the ids of their users. Looks at whether user and project are
    still there, closed or private, and at what Kanboard's own rules say of the values.
    """
    calls: dict[tuple[str, int], Call] = {}
    for change, user_id in refused:
        if user_id is not None:
            calls["user", user_id] = procedures.get_user(user_id)
        if change.project_id is not None:
            calls["project", change.project_id] = procedures.get_project_by_id(change.project_id)
    try:
        rows = dict(zip(calls, server.read(list(calls.values())), strict=True))
    except Unreachable:
        rows = {}
    return {change.id: _found(change, user_id, rows) for change, user_id in refused}


def _found(change: Change, user_id: int | None, rows: dict[tuple[str, int], Any]) -> str:
    found = [*_rules(change)]
    if user_id is not None and ("user", user_id) in rows and not rows["user", user_id]:
        found.append("the user was removed meanwhile")
    if change.project_id is not None and ("project", change.project_id) in rows:
        row = rows["project", change.project_id]
        project = procedures.project_from_row(row) if row else None
        if project is None:
            found.append("the project is gone")
        elif not project.active:
            found.append("the project is closed")
        elif project.private:
            found.append("the project is private")
    return "; ".join(found)


def _rules(change: Change) -> list[str]:
    after = change.after or {}
    checks = {"username": username_problem, "email": email_problem}
    return [
        problem.message
        for key, check in checks.items()
        if after.get(key) and (problem := check(after[key])) is not None
    ]
