"""Why a change failed: Kanboard says only `false`, so Kanport looks for the reason."""

from collections.abc import Sequence
from typing import Any

from kanport.apply.calls import Ids
from kanport.apply.reconcile import Observation, Reader
from kanport.errors import Unreachable
from kanport.facts import Fact, Param, fact
from kanport.fields import USER_FIELDS
from kanport.kanboard import procedures
from kanport.kanboard.history import SINCE
from kanport.kanboard.rpc import Answer, Call, NoAnswer, Refusal, Refused, Result
from kanport.plan.change import About, Action, Change
from kanport.plan.own_ldap import by_ldap


def failure_reason(
    change: Change, answer: Answer, observed: Observation, found: Sequence[Fact] = ()
) -> Fact:
    """Return why a change failed: from the answer, what is there instead, and what was found."""
    seen = (*found, *([] if observed.actual is None else [observed.actual]))
    if isinstance(answer, NoAnswer):
        return _with("never-answered", "", seen, answer=answer.reason)
    if isinstance(answer, Refused) and answer.kind is Refusal.NO_PROCEDURE:
        method = {Action.USER_DISABLE: "disableUser", Action.USER_ENABLE: "enableUser"}.get(
            change.action
        )
        if method is None:
            return _with("no-procedure", "", seen)
        return _with("no-procedure", "since", seen, method=method, since=SINCE[method])
    if isinstance(answer, Refused):
        return _with("rejected", "error", seen, answer=answer.reason)
    if (role := stays_through_group(change, answer, observed)) is not None:
        return _still(role, found)
    if answer.value is False and by_ldap(change):
        return _with("kanboard-ldap-refused", "", seen)
    if found and answer.value is not True:
        return fact("rejected", case="found", found=seen)
    if answer.value is False:
        return _with("rejected", "silent", seen)
    return _with("no-effect", "", seen)


def _with(code: str, case: str, found: tuple[Fact, ...], **params: Param) -> Fact:
    """Return a fact in the wording that says what was found, if anything was."""
    if not found:
        return fact(code, case=case, **params)
    return fact(code, case=f"{case}-found".removeprefix("-"), found=found, **params)


def _still(role: str, found: Sequence[Fact]) -> Fact:
    if not found:
        return fact("still-through-group", role=role)
    if len(found) == 1 and found[0].code == "through-groups":
        groups, n = found[0]["groups"], found[0]["n"]
        return fact("still-through-group", case="groups", role=role, groups=groups, n=n)
    return fact("still-through-group", case="found", role=role, found=tuple(found))


def stays_through_group(change: Change, answer: Answer, observed: Observation) -> str | None:
    """Return the role that somebody keeps through a group after a revoke; None if none is left.

    Whatever was direct ends with any answer, so what is read after it comes through a group.
    """
    revoked = change.action is Action.MEMBERSHIP_REVOKE and isinstance(answer, Result)
    return observed.role if revoked and observed.role else None


def diagnose(server: Reader, refused: Sequence[tuple[Change, Ids]]) -> dict[str, list[Fact]]:
    """Find out why changes were refused, by change id; nothing if nothing shows why.

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


def _found(change: Change, ids: Ids, rows: dict[tuple[str, int], Any]) -> list[Fact]:
    found = [*_rules(change)]
    if ids.user is not None and ("user", ids.user) in rows and not rows["user", ids.user]:
        found.append(fact("removed-meanwhile", case="user"))
    if ids.group is not None and ("group", ids.group) in rows and not rows["group", ids.group]:
        found.append(fact("removed-meanwhile", case="group"))
    if ids.project is not None and ("project", ids.project) in rows:
        row = rows["project", ids.project]
        project = procedures.project_from_row(row) if row else None
        if project is None:
            found.append(fact("removed-meanwhile", case="project"))
        elif not project.active and change.action is not Action.MEMBERSHIP_REVOKE:
            found.append(fact("project-is-closed"))
        elif project.private:
            found.append(fact("project-is-private"))
    if not found and ids.user is not None and ("groups", ids.user) in rows:
        names = tuple(_names(rows["groups", ids.user]))
        if names:
            found.append(fact("through-groups", groups=names, n=len(names)))
    return found


def _names(rows: Any) -> list[str]:
    groups = (procedures.group_from_row(row) for row in procedures.rows_of(rows) or ())
    return [group.name for group in groups if group is not None]


def _rules(change: Change) -> list[Fact]:
    """Return what Kanboard's rules for users say of the values that a user is to have."""
    if change.about is not About.USER:
        return []
    wanted = change.new.fields
    return [
        problem
        for field in USER_FIELDS
        if field.check is not None and (value := wanted.get(field.name))
        if (problem := field.check(str(value))) is not None
    ]
