"""Compare the server with what a plan found on it. Pure."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Self

from kanport.facts import Fact, as_written, fact
from kanport.fields import ACTIVE, USERNAME, field_named
from kanport.model import CurrentState, Group, Project, User, UserIndex
from kanport.names import compare_key, spelling_key
from kanport.plan.change import (
    Action,
    Change,
    GroupChange,
    ProjectChange,
    RelationChange,
    UserChange,
)
from kanport.plan.guards import last_admin, min_admins
from kanport.plan.guards.accounts import private_projects
from kanport.plan.model import Plan, blocking
from kanport.records import dataclass
from kanport.relations import About


def people_of(plan: Plan) -> tuple[frozenset[str], frozenset[int]]:
    """Return the usernames and the user ids that a plan names, new usernames too."""
    names = {change.username for change in plan.changes if change.username is not None}
    users = (change for change in plan.changes if change.about is About.USER)
    names.update(change.new_username for change in users if change.new.username is not None)
    ids = {change.user_id for change in plan.changes if change.user_id is not None}
    return frozenset(names), frozenset(ids)


def differences(plan: Plan, current: CurrentState) -> list[Fact]:
    """Return what is no longer as the plan says; an empty list means: go ahead.

    Every `before` must still be true, whatever is to be created must not exist, ids must belong to
    the same username and project, as many active administrators must remain as the plan says, and
    nobody else's private project may go with a user who is removed. `current` must have been read
    for the users and the projects of the plan, and for the private projects where it removes
    somebody.
    """
    return list(dict.fromkeys(_differences(plan, current)))


def changed_since(plan: Plan, current: CurrentState) -> dict[str, list[Fact]]:
    """Return, by change id, what is no longer as the plan says; changes without any are left out.

    `current` is as for `differences`.
    """
    index = _Index.of(plan, current)
    found = {
        change.id: list(_change_differs(plan, change, current, index)) for change in plan.changes
    }
    return {change_id: lines for change_id, lines in found.items() if lines}


def renamed_since(plan: Plan, current: CurrentState) -> dict[str, Fact]:
    """Return, by change id, whose user, group or project has a name that the plan does not know.

    It may be somebody else: SQLite gives the id of a removed row to the next one. The names that
    the plan itself gives count as known.
    """
    known: dict[tuple[str, int | None], set[str]] = defaultdict(set)
    for change in plan.changes:
        if change.action is Action.USER_RENAME:
            names = (change.old.username, change.new.username)
            known["user", change.user_id].update(name for name in names if name is not None)
        elif change.action is Action.GROUP_UPDATE:
            names = (change.old.name, change.new.name)
            known["group", change.group_id].update(name for name in names if name is not None)
    for access in plan.access or ():
        known["project", access.project_id].add(access.project)
    found: dict[str, Fact] = {}
    for change in plan.changes:
        for kind, number, expected, there in (
            ("user", change.user_id, _user_of(change), current.people.by_id),
            ("project", change.project_id, change.project, current.project_index.by_id),
            ("group", change.group_id, change.group, current.groups_by_id),
        ):
            one = None if number is None else there.get(number)
            name = None if one is None else _name(one)
            if kind == "project" and not known[kind, number]:
                # The plan does not say what the project was called on the server.
                continue
            if name is not None and name != expected and name not in known[kind, number]:
                found[change.id] = renamed(kind, number, name, expected)
    return found


def _name(one: User | Project | Group) -> str:
    match one:
        case User():
            return one.username
        case Project():
            return one.label
    return one.name


def _user_of(change: Change) -> str | None:
    """Return the username of whom `user_id` means: the user, or the owner of a new project."""
    if change.action is Action.PROJECT_CREATE:
        return change.username or change.after.owner
    return change.username


def renamed(kind: str, number: int | None, name: str, expected: str | None) -> Fact:
    """Return that a user, group or project has another name than the plan says."""
    if kind == "user":
        return fact(
            "renamed-since-plan", case=kind, number=number, username=name, planned_username=expected
        )
    return fact("renamed-since-plan", case=kind, number=number, name=name, planned=expected)


@dataclass(frozen=True, slots=True)
class _Index:
    people: UserIndex
    projects: Mapping[int, Project]
    old_names: Mapping[int | None, str]

    @classmethod
    def of(cls, plan: Plan, current: CurrentState) -> Self:
        return cls(
            current.people,
            current.project_index.by_id,
            # Whoever is renamed twice, by way of a temporary username, is still called as the
            # first rename says.
            {
                change.user_id: change.username
                for change in reversed(plan.changes)
                if change.action is Action.USER_RENAME
            },
        )


def _differences(plan: Plan, current: CurrentState) -> Iterator[Fact]:
    if plan.server.url != current.server.url:
        yield fact("stale-server", planned=plan.server.url, url=current.server.url)
    index = _Index.of(plan, current)
    for change in plan.changes:
        yield from _change_differs(plan, change, current, index)
    admins = blocking(
        [
            last_admin(plan.changes, current),
            min_admins(plan.changes, current, at_least=plan.min_admins),
        ]
    )
    for verdict in (*admins[:1], *blocking(private_projects(plan.changes, current))):
        yield verdict.why or as_written(verdict.message)


def _change_differs(
    plan: Plan, change: Change, current: CurrentState, index: _Index
) -> Iterator[Fact]:
    people, projects, old_names = index.people, index.projects, index.old_names
    user: User | None = None
    if change.user_id is not None:
        user = people.by_id.get(change.user_id)
        expected = old_names.get(change.user_id, _user_of(change))
        if user is None:
            yield fact("stale-user", case="gone", username=expected, number=change.user_id)
            return
        if user.username != expected:
            yield renamed("user", user.id, user.username, expected)
            return
    if change.about is About.MEMBERSHIP:
        # In a project that the plan creates, nobody has anything yet.
        if change.project_id is not None:
            yield from _access_differs(change, current, projects.get(change.project_id))
    elif change.about is not About.USER:
        yield from group_differences(plan, change, current)
        if change.about is About.GROUP_ACCESS and change.project_id is not None:
            yield from _project_differs(change, projects.get(change.project_id))
    elif user is None:
        yield from _exists_already(change, people, old_names)
    else:
        yield from _user_differs(change, user, people, old_names)


def _exists_already(
    change: UserChange, people: UserIndex, old_names: Mapping[int | None, str]
) -> Iterator[Fact]:
    for user in people.by_key.get(compare_key(change.username), ()):
        if user.id not in old_names:
            yield fact("stale-user", case="exists", username=user.username, number=user.id)


def _user_differs(
    change: UserChange, user: User, people: UserIndex, old_names: Mapping[int | None, str]
) -> Iterator[Fact]:
    for name, before in change.old.fields.items():
        field = field_named(name)
        now = field.of(user)
        if now == before or (field is USERNAME and now == old_names.get(user.id)):
            continue
        if field is ACTIVE:
            yield fact("stale-user", case="active" if now else "disabled", username=user.username)
        else:
            values = {"username": user.username, "before": str(before), "now": str(now)}
            yield fact("stale-user", case="field", field=field.label, **values)
    if change.action is Action.USER_RENAME:
        for other in people.by_key.get(compare_key(change.new_username), ()):
            if other.id != user.id and other.id not in old_names:
                name = other.username
                yield fact("stale-user", case="username-taken", username=name, number=other.id)


def _project_differs(change: RelationChange, project: Project | None) -> Iterator[Fact]:
    number, expected = change.project_id, change.project
    if project is None:
        yield fact("stale-project", case="gone", project=expected, number=number)
    elif project.label != expected:
        yield renamed("project", number, project.label, expected)


def _access_differs(
    change: RelationChange, current: CurrentState, project: Project | None
) -> Iterator[Fact]:
    who, number = change.holder, change.project_id
    differs = list(_project_differs(change, project))
    yield from differs
    if differs or project is None or number is None:
        return
    if number not in current.roles:
        yield fact("stale-project", case="unread", project=project.label)
        return
    before = change.old_role
    now = current.roles[number].get(change.user_id) if change.user_id is not None else None
    if now == before:
        return
    case = "gone" if now is None else "exists" if before is None else "role"
    place = {"username": who, "project": project.label}
    yield fact("stale-membership", case=case, before=before, now=now, **place)


def reads_groups(plan: Plan) -> bool:
    """Return whether the groups must be read to see whether a plan is stale."""
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
