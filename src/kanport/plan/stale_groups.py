"""Whether groups and projects are still as a plan found them, and what it creates is not there."""

from collections.abc import Iterator

from kanport.facts import Fact, fact
from kanport.model import CurrentState, Group
from kanport.names import compare_key, spelling_key
from kanport.plan.change import About, Action, Change, GroupChange, ProjectChange
from kanport.plan.model import Plan


def reads_groups(plan: Plan) -> bool:
    """Tell whether the groups must be read to see whether a plan is stale."""
    return any(change.group is not None for change in plan.changes)


def group_differences(plan: Plan, change: Change, current: CurrentState) -> Iterator[Fact]:
    """Yield what is no longer as a change of groups or projects says.

    Whether a group has access to a project is not among it: Kanboard does not tell.
    """
    if change.action is Action.PROJECT_CREATE:
        yield from _project_exists(change, current)
        return
    renamed = {
        other.group_id: (other.group, other.new.name)
        for other in plan.changes
        if other.action is Action.GROUP_UPDATE
    }
    if change.group_id is None:
        if change.action is Action.GROUP_CREATE:
            yield from _group_exists(change, current, frozenset(renamed))
        return
    group, expected = current.groups_by_id.get(change.group_id), change.group
    if group is None:
        yield fact("stale-group", case="gone", group=expected, number=change.group_id)
        return
    if group.name != expected and group.name not in renamed.get(group.id, ()):
        yield fact(
            "renamed-since-plan", case="group", number=group.id, name=group.name, planned=expected
        )
        return
    if change.action is Action.GROUP_UPDATE:
        yield from _update_differs(change, group, current, frozenset(renamed))
    elif change.about is About.GROUP_MEMBER:
        adds = change.action is Action.GROUP_MEMBER_ADD
        known = group.complete and change.user_id is not None
        if known and adds is (change.user_id in group.members):
            case = "exists" if adds else "gone"
            place = {"username": change.username, "group": group.name}
            yield fact("stale-group-member", case=case, **place)
    elif change.action is Action.GROUP_REMOVE:
        going = {
            other.user_id
            for other in plan.changes
            if other.action is Action.GROUP_MEMBER_REMOVE and other.group_id == group.id
        }
        if not group.members <= going:
            yield fact("stale-group", case="joined", group=group.name)


def _group_exists(
    change: GroupChange, current: CurrentState, renamed: frozenset[int | None]
) -> Iterator[Fact]:
    key = compare_key(change.group)
    for group in current.groups:
        if compare_key(group.name) == key and group.id not in renamed:
            yield fact("stale-group", case="exists", group=group.name, number=group.id)


def _update_differs(
    change: GroupChange, group: Group, current: CurrentState, renamed: frozenset[int | None]
) -> Iterator[Fact]:
    for field, before in change.old.values.items():
        now = getattr(group, field)
        if now != before:
            yield fact("stale-group", case=field, group=group.name, now=now, before=str(before))
    new = change.new.name
    for other in current.groups:
        if (
            new is not None
            and compare_key(other.name) == compare_key(new)
            and other.id not in renamed
        ):
            yield fact("stale-group", case="name-taken", group=other.name, number=other.id)


def _project_exists(change: ProjectChange, current: CurrentState) -> Iterator[Fact]:
    identifier, name = change.after.identifier or "", change.after.name
    for project in current.projects:
        same_identifier = identifier and project.identifier.upper() == identifier.upper()
        if same_identifier or spelling_key(project.name) == spelling_key(name):
            yield fact(
                "stale-project",
                case="exists",
                planned=name,
                project=project.name,
                number=project.id,
            )
