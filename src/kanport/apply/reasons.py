"""Why something was not done: Kanboard says only `false`, so it is found out by looking."""

from collections.abc import Sequence
from typing import Any, Protocol

from kanport.apply.observed import Ids, Observed
from kanport.errors import Unreachable
from kanport.kanboard import procedures
from kanport.kanboard.history import came_with
from kanport.kanboard.rpc import METHOD_NOT_FOUND, Answer, Call, NoAnswer, Refused, Result
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
    if isinstance(answer, Refused) and answer.code == METHOD_NOT_FOUND:
        since = {Action.USER_DISABLE: "disableUser", Action.USER_ENABLE: "enableUser"}
        named = since.get(change.action)
        lacks = f"{named}, which {came_with(named)}" if named else "the procedure for it"
        return f"the server does not have {lacks}; {instead}"
    if isinstance(answer, Refused):
        return f"the server refused it ({answer.message}); {instead}"
    if stays_through_group(change, answer, observed) is not None:
        return f"still a member {found or 'through a group'}; {observed.instead}"
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


def stays_through_group(change: Change, answer: Answer, observed: Observed) -> str | None:
    """Give the role that somebody keeps through a group after a revoke; None where none is left.

    Whatever was direct ends with any answer, so what is read after it comes through a group.
    """
    revoked = change.action is Action.MEMBERSHIP_REVOKE and isinstance(answer, Result)
    return observed.role if revoked and observed.role else None


def look_into(server: Reader, refused: Sequence[tuple[Change, Ids]]) -> dict[str, str]:
    """Find out why changes were refused, by change id; an empty text where nothing shows why.

    `refused` are the changes with the ids of what they are about. Looks at whether user, project
    and group are still there, closed or private, through which groups somebody may have kept their
    access, and at what Kanboard's own rules say of the values.
    """
    calls: dict[tuple[str, int], Call] = {}
    for change, ids in refused:
        if ids.user is not None:
            calls["user", ids.user] = procedures.get_user(ids.user)
        if ids.project is not None:
            calls["project", ids.project] = procedures.get_project_by_id(ids.project)
        if ids.group is not None:
            calls["group", ids.group] = procedures.get_group(ids.group)
        if ids.user is not None and change.action is Action.MEMBERSHIP_REVOKE:
            calls["groups", ids.user] = procedures.get_member_groups(ids.user)
    try:
        rows = dict(zip(calls, server.read(list(calls.values())), strict=True))
    except Unreachable:
        rows = {}
    return {change.id: _found(change, ids, rows) for change, ids in refused}


def _found(change: Change, ids: Ids, rows: dict[tuple[str, int], Any]) -> str:
    found = [*_rules(change)]
    if ids.user is not None and ("user", ids.user) in rows and not rows["user", ids.user]:
        found.append("the user was removed meanwhile")
    if ids.group is not None and ("group", ids.group) in rows and not rows["group", ids.group]:
        found.append("the group is gone")
    if ids.project is not None and ("project", ids.project) in rows:
        row = rows["project", ids.project]
        project = procedures.project_from_row(row) if row else None
        if project is None:
            found.append("the project is gone")
        elif not project.active and change.action is not Action.MEMBERSHIP_REVOKE:
            found.append("the project is closed")
        elif project.private:
            found.append("the project is private")
    if not found and ids.user is not None and ("groups", ids.user) in rows:
        names = _names(rows["groups", ids.user])
        if names:
            found.append(
                f"through {'group' if len(names) == 1 else 'one of the groups'} " + ", ".join(names)
            )
    return "; ".join(found)


def _names(rows: Any) -> list[str]:
    groups = (procedures.group_from_row(row) for row in procedures.rows_of(rows) or ())
    return [group.name for group in groups if group is not None]


def _rules(change: Change) -> list[str]:
    after = change.after or {}
    checks = {"username": username_problem, "email": email_problem}
    return [
        problem.text
        for key, check in checks.items()
        if after.get(key) and (problem := check(after[key])) is not None
    ]
