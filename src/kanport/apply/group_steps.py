"""Which calls carry out changes of groups and new projects, and what shows them. Pure.

Kanboard has nothing that lists the groups of a project. What shows that a group has access is its
effect, everybody in it being listed in the project, and beside that only the answers to calls: an
access that is given twice is refused the second time, and one that is not there cannot be removed.
Both calls may be repeated without doing anything more.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from kanport.apply.observed import Ids, Observed, fields_now, known
from kanport.facts import Fact, fact
from kanport.kanboard import procedures
from kanport.kanboard.rpc import Answer, Call, Result
from kanport.names import compare_key
from kanport.plan.model import Action, Change

ACCESS = frozenset(
    {Action.GROUP_ACCESS_GRANT, Action.GROUP_ACCESS_CHANGE, Action.GROUP_ACCESS_REVOKE}
)
ABOUT = ACCESS | {
    Action.GROUP_CREATE,
    Action.GROUP_UPDATE,
    Action.GROUP_REMOVE,
    Action.GROUP_MEMBER_ADD,
    Action.GROUP_MEMBER_REMOVE,
    Action.PROJECT_CREATE,
}


class AccessSeen(NamedTuple):
    """What shows of a group's access to a project.

    `group` and `project` are their rows, `members` the ids of those in the group, `listed` of those
    in the project; both are None where the answer could not be understood. Roles show nothing: a
    member may have a direct role of their own.
    """

    group: Any
    project: Any
    members: frozenset[int] | None
    listed: frozenset[int] | None


class NewProject(NamedTuple):
    """The row of a project that was to be created, and the id that its owner is to have."""

    row: Any
    owner: int | None


def group_call(change: Change, ids: Ids) -> Call:
    """Give the call that carries out a change of `ABOUT`."""
    new = change.new
    if change.action is Action.PROJECT_CREATE:
        return procedures.create_project(
            new["name"],
            identifier=new.identifier,
            owner_id=ids.user if new.owner is not None else None,
            description=new.values.get("description"),
        )
    if change.action is Action.GROUP_CREATE:
        return procedures.create_group(new["name"], new.values.get("external_id", ""))
    group = known(change, ids.group, change.subject.group or "its group")
    match change.action:
        case Action.GROUP_UPDATE:
            return procedures.update_group(group, **new.values)
        case Action.GROUP_REMOVE:
            return procedures.remove_group(group)
        case Action.GROUP_MEMBER_ADD:
            return procedures.add_group_member(group, known(change, ids.user, change.username))
        case Action.GROUP_MEMBER_REMOVE:
            return procedures.remove_group_member(group, known(change, ids.user, change.username))
    project = known(change, ids.project, change.subject.project or "its project")
    match change.action:
        case Action.GROUP_ACCESS_GRANT:
            return procedures.add_project_group(project, group, new["role"])
        case Action.GROUP_ACCESS_CHANGE:
            return procedures.change_project_group_role(project, group, new["role"])
        case _:
            return procedures.remove_project_group(project, group)


def second_group_call(change: Change, ids: Ids) -> Call | None:
    """Give the call that makes sure of the role of a group, whatever the first one did; or None.

    Giving access that is there leaves its role, and changing a role that is not there does nothing.
    """
    if ids.project is None or ids.group is None:
        return None
    if change.action is Action.GROUP_ACCESS_GRANT:
        return procedures.change_project_group_role(ids.project, ids.group, change.new["role"])
    if change.action is Action.GROUP_ACCESS_CHANGE:
        return procedures.add_project_group(ids.project, ids.group, change.new["role"])
    return None


def told_enough(change: Change, answer: Answer, there: Observed) -> bool:
    """Tell whether an answer settles what reading back does not show."""
    if there.shown:
        return True
    if not isinstance(answer, Result):
        return False
    if change.action is Action.GROUP_ACCESS_GRANT:
        return answer.value is True
    # A direct membership was added, or there was one: the server refuses a second one.
    return change.action in (Action.GROUP_ACCESS_REVOKE, Action.MEMBERSHIP_GRANT)


def understood_group(change: Change, value: Any) -> bool:
    """Tell whether what reading back gave about a change of `ABOUT` says anything at all."""
    if isinstance(value, AccessSeen):
        if not value.group or not value.project:
            return True
        rows = procedures.group_from_row(value.group), procedures.project_from_row(value.project)
        return None not in (*rows, value.members, value.listed)
    if isinstance(value, NewProject):
        return not value.row or procedures.project_from_row(value.row) is not None
    if change.action in (Action.GROUP_MEMBER_ADD, Action.GROUP_MEMBER_REMOVE):
        return isinstance(value, bool | int | str)
    return not value or procedures.group_from_row(value) is not None


def observe_group(change: Change, value: Any) -> Observed:
    """Judge what reading back gave about a change of `ABOUT`."""
    if isinstance(value, AccessSeen):
        return _observe_access(change, value)
    if isinstance(value, NewProject):
        return _observe_project(change, value)
    if change.action in (Action.GROUP_MEMBER_ADD, Action.GROUP_MEMBER_REMOVE):
        inside = procedures.flag(value)
        wanted = change.action is Action.GROUP_MEMBER_ADD
        if inside is wanted:
            return Observed(True)
        return Observed(False, fact("in-group", case="" if inside else "not"))
    group = procedures.group_from_row(value) if value else None
    if change.action is Action.GROUP_REMOVE:
        if group is None:
            return Observed(True)
        return Observed(False, fact("still-there", case="group"))
    if group is None:
        return Observed(False, fact("not-there", case="group"))
    wrong = {
        field: has
        for field, wish in change.new.values.items()
        if (has := getattr(group, field)) != wish
    }
    return Observed(
        not wrong, fields_now(map(_field_now, wrong, wrong.values())), group_id=group.id
    )


def _field_now(field: str, has: Any) -> Fact:
    named = field.replace("_", " ")
    if not has:
        return fact("field-now", case="none", field=named)
    if isinstance(has, int):
        return fact("field-now", case="number", field=named, value=has)
    return fact("field-now", field=named, value=str(has))


def _observe_access(change: Change, seen: AccessSeen) -> Observed:
    revokes = change.action is Action.GROUP_ACCESS_REVOKE
    if not seen.group or not seen.project:
        what = "group" if not seen.group else "project"
        return Observed(revokes, fact("not-there", case=what))
    outside = (seen.members or frozenset()) - (seen.listed or frozenset())
    if revokes:
        return Observed(True, shown=bool(outside))
    if outside:
        return Observed(False, fact("group-without-access"))
    return Observed(True, shown=False)


def _observe_project(change: Change, value: NewProject) -> Observed:
    new = change.new
    project = procedures.project_from_row(value.row) if value.row else None
    if project is None:
        return Observed(False, fact("not-there", case="project"))
    has = {
        "name": project.name,
        "identifier": project.identifier,
        "owner": procedures.number(value.row.get("owner_id")),
        "description": procedures.text(value.row.get("description")),
    }
    wanted = new.values if new.owner is None else {**new.values, "owner": value.owner}
    wrong = {field: has[field] for field, wish in wanted.items() if has[field] != wish}
    actual = fields_now(map(_field_now, wrong, wrong.values()))
    return Observed(not wrong, actual, project_id=project.id)


def group_as_before(change: Change, value: Any) -> bool:
    """Judge whether what a change of `ABOUT` is about is still as when the plan was made."""
    if isinstance(value, AccessSeen):
        return bool(value.group and value.project)
    if isinstance(value, NewProject):
        return not value.row
    if change.action in (Action.GROUP_MEMBER_ADD, Action.GROUP_MEMBER_REMOVE):
        return procedures.flag(value) is (change.action is Action.GROUP_MEMBER_REMOVE)
    group = procedures.group_from_row(value) if value else None
    if change.action is Action.GROUP_CREATE or group is None:
        return change.action is Action.GROUP_CREATE and group is None
    return all(getattr(group, field) == has for field, has in change.old.values.items())


def named(rows: Any, name: str) -> Any:
    """Give the row of the group of a name among the rows of all groups: the exact one first."""
    several = [row for row in procedures.rows_of(rows) or () if isinstance(row, Mapping)]
    exact = [row for row in several if row.get("name") == name]
    key = compare_key(name)
    same = [row for row in several if compare_key(procedures.text(row.get("name"))) == key]
    return next(iter(exact or same), None)
