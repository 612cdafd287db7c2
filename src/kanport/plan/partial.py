"""Reduce a plan to the changes that `--only` selects, and those that they need. Pure.

A partial plan is a part of the whole one: the same changes under the same ids, in the same order.
What a selected change needs comes along: whoever gets access is created first, and a username is
free before somebody else gets it. Nothing is left half done that the whole plan does together: a
user who is created to be disabled is disabled, and whoever loses a role through a group gets the
direct one that replaces it.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence

from kanport.errors import UsageError
from kanport.facts import fact
from kanport.findings import Finding, found
from kanport.mapping.base import near
from kanport.model import CurrentState, DesiredState
from kanport.names import compare_key
from kanport.plan.change import (
    CHANGES,
    ENDS,
    GIVES,
    Action,
    Change,
    GroupChange,
    ProjectChange,
    RelationChange,
    UserChange,
)
from kanport.plan.matching import name_matcher, texts_of_projects
from kanport.plan.model import PlanAbsence, PlanPartial
from kanport.plan.order import Phase, phase_of
from kanport.records import dataclass
from kanport.relations import About

_USER, _PROJECT = "user:", "project:"
# What the ledger has to know of somebody's absence because of a change.
_OF_ABSENCE = (Action.USER_DISABLE, Action.USER_ENABLE, Action.USER_REMOVE)


@dataclass(frozen=True, slots=True)
class Only:
    """What `--only` selects: a change must fit one of each kind that is given."""

    texts: tuple[str, ...]
    users: tuple[str, ...] = ()
    projects: tuple[str, ...] = ()
    actions: frozenset[Action] = frozenset()


def parse_only(texts: Iterable[str]) -> Only | None:
    """Return what texts such as `user:ada` select; None for no text.

    Raise UsageError for one that means nothing.
    """
    texts = tuple(dict.fromkeys(texts))
    parts: dict[str, list[str]] = {_USER: [], _PROJECT: [], "": []}
    for text in texts:
        kind = next(one for one in parts if text.startswith(one))
        parts[kind].append(text.removeprefix(kind).strip())
        if not parts[kind][-1] or (not kind and text not in set(Action)):
            close = near(text, [*Action, _USER, _PROJECT])
            meant = f"did you mean {close}? Else " if close else ""
            raise UsageError(
                f"{text!r} selects nothing",
                hint=f"{meant}give user:PATTERN, project:PATTERN or one of {', '.join(Action)}",
            )
    if not texts:
        return None
    users, projects, actions = parts.values()
    return Only(texts, tuple(users), tuple(projects), frozenset(map(Action, actions)))


def check_known(
    only: Only, current: CurrentState, desired: DesiredState, changes: Iterable[Change]
) -> None:
    """Raise UsageError for a pattern that fits nobody, or no project, on either side."""
    people = {user.username for user in current.users}
    people.update(user.username.value for user in desired.users)
    people.update(change.username for change in changes if change.username is not None)
    projects = set(texts_of_projects(desired))
    for project in current.projects:
        projects |= {project.name, project.identifier, f"#{project.id}"} - {""}
    projects.update(change.project for change in changes if change.project is not None)
    for what, kind, patterns, names in (
        ("user", _USER, only.users, people),
        ("project", _PROJECT, only.projects, projects),
    ):
        for pattern in patterns:
            if not any(map(name_matcher([pattern]), names)):
                close = near(pattern, sorted(names, reverse=True))
                raise UsageError(
                    f'no {what} in the sources or on the server matches "{pattern}"'
                    f" (--only {kind}{pattern})",
                    hint=f"did you mean {kind}{close}?" if close else None,
                )


@dataclass(frozen=True, slots=True)
class Part:
    """The changes of a partial plan, and what the plan says about itself."""

    changes: tuple[Change, ...]
    partial: PlanPartial
    finding: Finding

    def absences(self, absences: Iterable[PlanAbsence]) -> tuple[PlanAbsence, ...]:
        """Return those absences that follow from a change of the part.

        The others are not counted: a part, planned often, must not make an absence older.
        """
        users = {one.user_id for one in self.changes if one.action in _OF_ABSENCE}
        return tuple(absence for absence in absences if absence.user_id in users)


def part_of(changes: Sequence[Change], only: Only, current: CurrentState) -> Part:
    """Return the changes that are selected or needed; they keep their ids and their order."""
    selects = _selects(only, changes, current)
    chosen = {change.id for change in changes if selects(change)}
    kept, waiting = set(chosen), [change for change in changes if change.id in chosen]
    needs = _Needs(changes, current)
    while waiting:
        for needed in needs.of(waiting.pop()):
            if needed.id not in kept:
                kept.add(needed.id)
                waiting.append(needed)
    left_out = Counter(str(change.action) for change in changes if change.id not in kept)
    partial = PlanPartial(
        only=only.texts,
        needed=tuple(change.id for change in changes if change.id in kept - chosen),
        left_out={str(one): left_out[one] for one in Action if one in left_out},
    )
    return Part(tuple(c for c in changes if c.id in kept), partial, _finding(only, partial))


def _finding(only: Only, partial: PlanPartial) -> Finding:
    case = "whole" if not partial.left_out else "needed" if partial.needed else ""
    selected = [fact("only", case="user", username=text) for text in only.users]
    selected += [fact("only", case="project", project=text) for text in only.projects]
    selected += [fact("only", case="kind", action=str(one)) for one in sorted(only.actions)]
    counts = [fact("of-action", count=n, action=one) for one, n in partial.left_out.items()]
    return found(
        "plan-partial",
        case=case,
        only=tuple(selected),
        left_out=tuple(counts),
        count=sum(partial.left_out.values()),
        needed=len(partial.needed),
    )


def _selects(
    only: Only, changes: Iterable[Change], current: CurrentState
) -> Callable[[Change], bool]:
    fits_user, fits_project = name_matcher(only.users), name_matcher(only.projects)
    names: dict[int | str | None, tuple[str, ...]] = {
        project.id: (project.identifier, project.name, f"#{project.id}")
        for project in current.projects
    }
    users: dict[int | None, list[str]] = defaultdict(list)
    for change in changes:
        if isinstance(change, ProjectChange):
            names[change.project] = (change.after.identifier or "", change.after.name)
        elif change.action is Action.USER_RENAME:
            users[change.user_id] += [change.username, change.new_username]

    def selects(change: Change) -> bool:
        if only.actions and change.action not in only.actions:
            return False
        if only.users:
            who = change.username if change.about is not About.PROJECT else None
            # Somebody who is renamed is meant by the old and by the new username.
            renamed = users.get(change.user_id, [])
            if who is None or not any(map(fits_user, (who, *renamed))):
                return False
        if only.projects:
            called = names.get(change.project_id or change.project, (change.project or "",))
            return change.project is not None and any(fits_project(one) for one in called if one)
        return True

    return selects


class _Needs:
    """What each change needs of the others, found by ids and names."""

    def __init__(self, changes: Iterable[Change], current: CurrentState) -> None:
        self._current = current
        # By the key of a username: the changes of a new user; the renames that free the name.
        self._new_users: dict[str, list[Change]] = defaultdict(list)
        self._freeing: dict[str, list[Change]] = defaultdict(list)
        self._renames: dict[int | None, list[Change]] = defaultdict(list)
        self._new_groups: dict[str | None, list[Change]] = defaultdict(list)
        self._freeing_group: dict[str, list[Change]] = defaultdict(list)
        self._new_projects: dict[str | None, list[Change]] = defaultdict(list)
        self._ends: dict[int | None, list[Change]] = defaultdict(list)
        self._replacing: dict[int | None, list[Change]] = defaultdict(list)
        self._joins: dict[int | None, list[Change]] = defaultdict(list)
        self._access: dict[int | None, list[Change]] = defaultdict(list)
        for change in changes:
            match change:
                case UserChange():
                    if change.action is Action.USER_RENAME:
                        self._renames[change.user_id].append(change)
                        self._freeing[compare_key(change.username)].append(change)
                    elif change.user_id is None:
                        self._new_users[compare_key(change.username)].append(change)
                case GroupChange(action=Action.GROUP_CREATE):
                    self._new_groups[change.group].append(change)
                case GroupChange(action=Action.GROUP_UPDATE):
                    self._freeing_group[compare_key(change.group)].append(change)
                case ProjectChange():
                    self._new_projects[change.project].append(change)
                case RelationChange():
                    self._add_relation(change)

    def _add_relation(self, change: RelationChange) -> None:
        gives = change.action in (*GIVES, *CHANGES)
        if change.about is About.MEMBERSHIP:
            held = self._current.roles.get(change.project_id or 0, {})
            if gives and change.user_id in held:
                self._replacing[change.user_id].append(change)
            return
        if change.action in ENDS:
            self._ends[change.group_id].append(change)
        elif change.about is About.GROUP_MEMBER:
            self._joins[change.user_id].append(change)
        else:
            self._access[change.project_id].append(change)

    def of(self, change: Change) -> Iterator[Change]:
        """Yield what a change needs itself."""
        if change.username is not None and change.user_id is None:
            yield from self._new_users[compare_key(change.username)]
        if change.group is not None and change.group_id is None:
            yield from self._new_groups[change.group]
        if change.project is not None and change.project_id is None:
            yield from self._new_projects[change.project]
        if change.user_id is not None and phase_of(change) >= Phase.RENAME:
            yield from self._renames[change.user_id]
        match change:
            case UserChange(action=Action.USER_CREATE):
                yield from self._freeing[compare_key(change.username)]
            case UserChange(action=Action.USER_RENAME):
                yield from self._freeing[compare_key(change.new_username)]
            case ProjectChange() if change.after.owner:
                yield from self._new_users[compare_key(change.after.owner)]
            case GroupChange(action=Action.GROUP_REMOVE):
                yield from self._ends[change.group_id]
                yield from self._replaced(change)
            case GroupChange():
                yield from self._freeing_group[compare_key(change.new.name or change.group)]
            case RelationChange(action=Action.MEMBERSHIP_REVOKE) if change.after is not None:
                # The role of a group is to count instead.
                yield from self._joins[change.user_id]
                yield from self._access[change.project_id]
            case RelationChange() if change.action in (*ENDS, *CHANGES):
                yield from self._replaced(change)

    def _replaced(self, change: GroupChange | RelationChange) -> Iterator[Change]:
        """Yield the direct roles that replace those that come through the group of a change."""
        group = self._current.groups_by_id.get(change.group_id or 0)
        if group is None:
            return
        one = change.user_id
        for user_id in group.members if one is None else (one,):
            for role in self._replacing[user_id]:
                if change.project_id in (None, role.project_id):
                    yield role
