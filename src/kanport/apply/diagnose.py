"""Why a change failed: Kanboard says only `false`, so Kanport looks for the reason."""

from collections.abc import Sequence
from typing import Any

from kanport.apply.calls import Ids
from kanport.apply.reconcile import Observation, Reader, group_members
from kanport.errors import Unreachable
from kanport.facts import Fact, Param, fact
from kanport.fields import USER_FIELDS
from kanport.kanboard import procedures
from kanport.kanboard.api_versions import SINCE
from kanport.kanboard.rpc import Answer, Call, CallResult, NoAnswer, Refusal, RefusedCall
from kanport.model import Group
from kanport.plan.change import Action, Change, by_ldap
from kanport.records import dataclass
from kanport.relations import About

_Key = tuple[str, int]
_Rows = dict[_Key, Any]


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What was found about a change that failed.

    `groups` are the names of those through which somebody may have access who was to lose it; None
    where that was not asked, or could not be read.
    """

    facts: tuple[Fact, ...] = ()
    groups: tuple[str, ...] | None = None


_NOTHING = Diagnosis()


def failure_reason(
    change: Change, answer: Answer, observed: Observation, diagnosis: Diagnosis = _NOTHING
) -> Fact:
    """Return why a change failed: from the answer, what is there instead, and what was found."""
    found = diagnosis.facts
    seen = (*found, *([] if observed.actual is None else [observed.actual]))
    if isinstance(answer, NoAnswer):
        return _with("never-answered", "", seen, answer=answer.reason)
    if isinstance(answer, RefusedCall) and answer.kind is Refusal.NO_PROCEDURE:
        method = {Action.USER_DISABLE: "disableUser", Action.USER_ENABLE: "enableUser"}.get(
            change.action
        )
        if method is None:
            return _with("no-procedure", "", seen)
        return _with("no-procedure", "since", seen, method=method, since=SINCE[method])
    if isinstance(answer, RefusedCall):
        return _with("rejected", "error", seen, answer=answer.reason)
    if (role := stays_through_group(change, answer, observed, diagnosis)) is not None:
        return _still(role, diagnosis)
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


def _still(role: str, diagnosis: Diagnosis) -> Fact:
    found, groups = diagnosis.facts, diagnosis.groups or ()
    if found:
        return fact("still-through-group", case="found", role=role, found=found)
    if groups:
        return fact("still-through-group", case="groups", role=role, groups=groups, n=len(groups))
    return fact("still-through-group", role=role)


def stays_through_group(
    change: Change, answer: Answer, observed: Observation, diagnosis: Diagnosis = _NOTHING
) -> str | None:
    """Return the role that somebody keeps through a group after a revoke; None if none is left.

    Kanboard says `true` where it ended a direct membership, and `false` where there is none; but it
    says `false` as well where ending it had no effect. Then the role comes through a group only if
    they are in one that may give it.
    """
    if change.action is not Action.MEMBERSHIP_REVOKE or not isinstance(answer, CallResult):
        return None
    groups = diagnosis.groups
    through = bool(groups) or (groups is None and answer.value is True)
    return observed.role if through and observed.role else None


def diagnose(server: Reader, refused: Sequence[tuple[Change, Ids]]) -> dict[str, Diagnosis]:
    """Find out why changes were refused, by change id; nothing if nothing shows why.

    `refused` are the changes with the ids of what they are about. Looks at whether user, project
    and group are still there, closed or private, through which groups somebody may have kept their
    access, and at what Kanboard's own rules say of the values.
    """
    calls: dict[_Key, Call] = {}
    for change, ids in refused:
        if ids.user is not None:
            calls["user", ids.user] = procedures.get_user(ids.user)
        if ids.project is not None:
            calls["project", ids.project] = procedures.get_project_by_id(ids.project)
        if ids.group is not None:
            calls["group", ids.group] = procedures.get_group(ids.group)
        if ids.user is not None and change.action is Action.MEMBERSHIP_REVOKE:
            calls["groups", ids.user] = procedures.get_member_groups(ids.user)
            if ids.project is not None:
                calls["listed", ids.project] = procedures.get_project_users(ids.project)
    rows = _read(server, calls)
    several = (_groups(rows.get(key)) or () for key in calls if key[0] == "groups")
    inside = {group.id for groups in several for group in groups}
    rows |= _read(server, {("members", one): procedures.get_group_members(one) for one in inside})
    return {
        change.id: Diagnosis(tuple(_found(change, ids, rows)), _giving(change, ids, rows))
        for change, ids in refused
    }


def _read(server: Reader, calls: dict[_Key, Call]) -> _Rows:
    try:
        return dict(zip(calls, server.read(list(calls.values())), strict=True)) if calls else {}
    except Unreachable:
        return {}


def _giving(change: Change, ids: Ids, rows: _Rows) -> tuple[str, ...] | None:
    """Return the groups that may give somebody access; see `Diagnosis`.

    A group with a member who is not listed in the project gives no access to it.
    """
    if change.action is not Action.MEMBERSHIP_REVOKE or ids.user is None or ids.project is None:
        return None
    groups = _groups(rows.get(("groups", ids.user)))
    if groups is None:
        return None
    listed = procedures.member_ids(rows.get(("listed", ids.project)))
    giving = []
    for group in groups:
        members = group_members(rows.get(("members", group.id)))
        if listed is None or members is None or members <= listed:
            giving.append(group.name)
    return tuple(giving)


def _groups(answer: Any) -> list[Group] | None:
    """Return the groups of an answer; None where it could not be read or understood."""
    rows = procedures.rows_of(answer)
    return None if rows is None else procedures.all_or_none(map(procedures.group_from_row, rows))


def _found(change: Change, ids: Ids, rows: _Rows) -> list[Fact]:
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
    return found


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
