"""Project the access that users have through groups once a plan is carried out. Pure.

Changes of groups decide which role a user has who has no direct one, and Kanboard does not say who
has a direct role. So this module states for each user in each project what is certain and what is
not. No change of the plan says it of a user, as the changes are those of groups; a report needs it
all the same, also after a run in which some of them failed.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import field, replace
from typing import Self

from kanport.findings import Finding, found
from kanport.memory import NOTHING, LedgerState
from kanport.model import CurrentState, Group, PlannedProject
from kanport.names import compare_key
from kanport.plan.change import ENDS, Action, Change, GroupChange, RelationChange
from kanport.plan.groups import GroupKey, ProjectKey
from kanport.plan.model import PlanBasis, PlanGiver, PlanMove
from kanport.plan.relations import Party
from kanport.plan.roles import highest_role, highest_roles, kanboard_rank, shown_not
from kanport.records import dataclass
from kanport.relations import About

Place = tuple[GroupKey, ProjectKey]
"""A group and a project."""


# --- groups before and after a plan ---------------------------------------------------------------


def known_access(current: CurrentState, memory: LedgerState) -> dict[tuple[int, int], str]:
    """Return the roles that groups are known to have, by group id and project id.

    Kanboard has nothing that lists them: Kanport knows what it granted, as its ledger remembers. A
    group with a member who is not listed in the project has no access to it any more, whatever the
    ledger says. Nothing is known of a group with another name by now, as the server may have reused
    its number.
    """
    groups, projects = current.groups_by_id, current.project_index.by_id
    return {
        (group_id, project_id): role
        for (group_id, project_id), role in sorted(memory.group_access.items())
        if group_id in groups
        and project_id in projects
        and memory.gave(About.GROUP_ACCESS, groups[group_id], projects[project_id])
        and not shown_not(groups[group_id], project_id, current)
    }


@dataclass(frozen=True, slots=True)
class GroupStates:
    """The members of groups by their ids, and the roles that groups are known to have."""

    members: Mapping[GroupKey, Set[int]]
    access: Mapping[Place, str]

    @classmethod
    def of(cls, current: CurrentState, memory: LedgerState) -> Self:
        """Return what groups have now."""
        groups, projects = current.groups_by_id, current.project_index.by_id
        return cls(
            {GroupKey.of(group): group.members for group in current.groups},
            {
                (GroupKey.of(groups[group_id]), ProjectKey.of(projects[project_id])): role
                for (group_id, project_id), role in known_access(current, memory).items()
            },
        )

    def after(self, changes: Iterable[Change], current: CurrentState) -> Self:
        """Return what groups have once changes are carried out.

        A group that is yet to be created is known by its name.
        """
        members: dict[GroupKey, set[int]] = {key: set(ids) for key, ids in self.members.items()}
        access = dict(self.access)
        for change in changes:
            if change.group is None and change.group_id is None:
                continue
            group = _group_of(change, current)
            match change:
                case RelationChange(about=About.GROUP_MEMBER, user_id=int(user_id)):
                    inside = members.setdefault(group, set())
                    (inside.discard if change.action in ENDS else inside.add)(user_id)
                case RelationChange(about=About.GROUP_ACCESS):
                    place = group, _project_of(change, current)
                    if change.new_role is None:
                        access.pop(place, None)
                    else:
                        access[place] = change.new_role
                case GroupChange(action=Action.GROUP_REMOVE):
                    members.pop(group, None)
        return type(self)(members, access)


def _group_of(change: Change, current: CurrentState) -> GroupKey:
    """Return the group of a change; the server may have it under another name than the change."""
    there = current.groups_by_id.get(change.group_id or 0)
    return GroupKey(change.group_id, change.group or "") if there is None else GroupKey.of(there)


def _project_of(change: Change, current: CurrentState) -> ProjectKey:
    there = current.project_index.by_id.get(change.project_id or 0)
    label = (change.project or "") if there is None else there.label
    return ProjectKey(change.project_id, label)


# --- the access that users have through them ------------------------------------------------------


@dataclass(frozen=True, slots=True)
class EffectiveAccess:
    """What is known of somebody's access to a project, now and when groups are as planned.

    `direct` is True where a direct role is certain, False where it is certain that there is none,
    and None where either may be. `settled` is True where the role that they have now will stay what
    it is, whatever happens to groups. `through` are the names of the groups that give access then
    or may give it, `at_least` is the highest role that those give of which it is known, and `tops`
    are all that rank with it, as one of them counts. `role` is the role that all groups together
    give. Both are None where that is not known or where there is none.
    """

    direct: bool | None
    settled: bool
    through: tuple[str, ...] = ()
    role: str | None = None
    at_least: str | None = None
    tops: frozenset[str] = frozenset()

    @property
    def sure(self) -> bool:
        """Whether it is certain which role they have when all is done, if not a direct one."""
        return self.direct is False and (self.role is not None or not self.through)


@dataclass(frozen=True, slots=True)
class GroupProjection:
    """Groups as they are and as they will be, with what is known of their access."""

    current: CurrentState
    memory: LedgerState
    groups: Mapping[GroupKey, Group]
    before: Mapping[Place, str]
    after: Mapping[Place, str]
    now_in: Mapping[int, tuple[GroupKey, ...]]
    then_in: Mapping[int, tuple[GroupKey, ...]]
    # All members of a group are compared with a project's once, not for each of them.
    _may_give: dict[Place, bool] = field(default_factory=dict, repr=False, compare=False)
    _giving: dict[ProjectKey, frozenset[str]] = field(
        default_factory=dict, repr=False, compare=False
    )

    @classmethod
    def of(
        cls,
        current: CurrentState,
        memory: LedgerState,
        changes: Iterable[Change],
    ) -> Self:
        """Put together what is and what will be, when these changes are carried out."""
        now = GroupStates.of(current, memory)
        then = now.after(changes, current)
        return cls(
            current,
            memory,
            {GroupKey.of(group): group for group in current.groups},
            now.access,
            then.access,
            _groups_of(now.members),
            _groups_of(then.members),
        )

    @classmethod
    def of_changes(cls, changes: Iterable[Change], current: CurrentState) -> Self:
        """Put together what is and what will be, as far as the changes themselves tell it."""
        listed = tuple(changes)
        before = {
            (_group_of(change, current), _project_of(change, current)): change.old_role
            for change in listed
            if change.about is About.GROUP_ACCESS and change.old_role is not None
        }
        return replace(cls.of(current, NOTHING, listed), before=before)

    @property
    def moves(self) -> bool:
        """Whether anything happens to groups at all, so that access may move with them."""
        return self.before != self.after or self.now_in != self.then_in

    @property
    def in_groups(self) -> list[int]:
        """The ids of the users whose access may move, as they are or will be in a group."""
        return [*{*self.now_in, *self.then_in}] if self.moves else []

    def effective(self, user_id: int, project: ProjectKey) -> EffectiveAccess:
        """Return what is known of a user's access to a project."""
        held = self.listed(project).get(user_id)
        now = self.giving_now(user_id, project)
        then = [g for g in self.then_in.get(user_id, ()) if self.will_give(g, project)]
        direct = self._is_direct(user_id, project, held, now)
        changed = [(g, self.before.get((g, project))) for g in now] != [
            (g, self.after.get((g, project))) for g in then
        ]
        return self._effective(direct, then, project, settled=direct is True or not changed)

    def effective_of_new(self, groups: Iterable[GroupKey], project: ProjectKey) -> EffectiveAccess:
        """Return what is known of the access of a new user who joins these groups."""
        then = [group for group in groups if self.will_give(group, project)]
        return self._effective(False, then, project, settled=not then)

    def _effective(
        self, direct: bool | None, then: Sequence[GroupKey], project: ProjectKey, *, settled: bool
    ) -> EffectiveAccess:
        roles = [self.after.get((g, project)) for g in then]
        known = [role for role in roles if role is not None]
        top = highest_roles(known)
        return EffectiveAccess(
            direct,
            settled,
            tuple(group.name for group in then),
            next(iter(top)) if len(top) == 1 and len(known) == len(roles) else None,
            highest_role(known) if known else None,
            top,
        )

    def listed(self, project: ProjectKey) -> Mapping[int, str]:
        """Return the roles that the server lists in a project, by user id."""
        return {} if project.id is None else self.current.roles.get(project.id, {})

    def giving_now(self, user_id: int, project: ProjectKey) -> list[GroupKey]:
        """Return the groups that somebody is in and that give access, or may."""
        return [g for g in self.now_in.get(user_id, ()) if self.may_give(g, project)]

    def _is_direct(
        self, user_id: int, project: ProjectKey, held: str | None, groups: list[GroupKey]
    ) -> bool | None:
        if held is None:
            return False
        if not groups:
            return True
        roles = [self.before.get((group, project)) for group in groups]
        known = [role for role in roles if role is not None]
        if any(kanboard_rank(role) > kanboard_rank(held) for role in known):
            # Without a direct role they would have at least that.
            return True
        if len(known) == len(roles) and held not in known:
            return True
        remembered = self.memory.through_group.get((user_id, project.id or 0))
        return False if remembered is not None and remembered == held else None

    def may_give(self, group: GroupKey, project: ProjectKey) -> bool:
        """Return whether a group gives access to a project before the plan, or may."""
        place = group, project
        if place not in self._may_give:
            self._may_give[place] = place in self.before or (
                project.id in self.current.roles
                and project.id is not None
                and not shown_not(self.groups[group], project.id, self.current)
            )
        return self._may_give[place]

    def giving_then(self, project: ProjectKey) -> frozenset[str]:
        """Return the keys of the names of all groups that give access then, or may."""
        if project not in self._giving:
            groups = {*self.groups, *(group for group, of in self.after if of == project)}
            self._giving[project] = frozenset(
                compare_key(group.name) for group in groups if self.will_give(group, project)
            )
        return self._giving[project]

    def will_give(self, group: GroupKey, project: ProjectKey) -> bool:
        """Return whether a group gives access to a project when all is done, or may."""
        if (group, project) in self.after:
            return True
        if (group, project) in self.before or group.id is None:
            return False
        return self.may_give(group, project)


def _groups_of(members: Mapping[GroupKey, Iterable[int]]) -> dict[int, tuple[GroupKey, ...]]:
    """Return the groups of each user, by user id, in the order of the groups' names."""
    found: dict[int, list[GroupKey]] = defaultdict(list)
    for key in sorted(members, key=lambda key: (key.name, key.id or 0)):
        for user_id in members[key]:
            found[user_id].append(key)
    return {user_id: tuple(some) for user_id, some in found.items()}


@dataclass(slots=True)
class IndirectChanges:
    """What moves in each project.

    `basis` is where access that depends on groups comes from, and `givers` are these groups. A
    project without such access is in neither.
    """

    of: dict[ProjectKey, tuple[PlanMove, ...]] = field(default_factory=dict)
    basis: dict[ProjectKey, tuple[PlanBasis, ...]] = field(default_factory=dict)
    givers: dict[ProjectKey, tuple[PlanGiver, ...]] = field(default_factory=dict)


def indirect_changes(
    changes: Sequence[Change],
    current: CurrentState,
    projection: GroupProjection,
    new_projects: Iterable[PlannedProject] = (),
) -> IndirectChanges:
    """Return for each project the listed roles that groups are projected to change.

    Whoever gets, loses or changes a direct role is left to that change, and whoever is removed to
    theirs. Changes are in the order of the usernames.
    """
    moves = IndirectChanges()
    if not projection.moves:
        return moves
    said, removed = _said(changes)
    joining, joined = _joining(changes, current), _joined(changes, current)
    new_in: dict[GroupKey, set[str]] = defaultdict(set)
    for username, some in joining.items():
        for group in some:
            new_in[group].add(username)
    members: dict[GroupKey, set[int]] = defaultdict(set)
    for inside in (projection.now_in, projection.then_in):
        for user_id, groups in inside.items():
            for group in groups:
                members[group].add(user_id)
    giving: dict[ProjectKey, list[GroupKey]] = defaultdict(list)
    for group, project in projection.after:
        giving[project].append(group)
    known = current.project_index
    here_are = [ProjectKey(number, known.label(number)) for number in sorted(current.roles)]
    for project in (*map(ProjectKey.of, new_projects), *here_are):
        changed = said[project] | removed
        people = {one.id for one in said[project] if one.id is not None}
        people.update(current.roles.get(project.id, {}) if project.id is not None else ())
        people.update(*(members[group] for group in giving[project]))
        showing = [group for group in joined if projection.may_give(group, project)]
        people.update(*(joined[group] for group in showing))
        new = set(joining.keys() & {one.name for one in changed if one.id is None})
        new.update(*(new_in[group] for group in (*giving[project], *showing)))
        here = _InProject(project, current, projection, changed)
        for user_id in people:
            here.add(user_id)
        for username in new:
            here.add_new(username, joining[username])
        if here.moves or here.basis or here.givers:
            moves.basis[project] = tuple(sorted(here.basis, key=lambda one: one.username))
            moves.givers[project] = tuple(here.givers[group] for group in sorted(here.givers))
        if here.moves:
            moves.of[project] = tuple(sorted(here.moves, key=lambda move: move.username))
    return moves


class _InProject:
    """What moves in one project, as it is found person by person."""

    def __init__(
        self,
        project: ProjectKey,
        current: CurrentState,
        projection: GroupProjection,
        changed: set[Party],
    ) -> None:
        self._project = project
        self._current = current
        self._projection = projection
        # Those of whom a change says what becomes of their access.
        self._changed_ids = {one.id for one in changed}
        self._changed_names = {one.name for one in changed if one.id is None}
        self.moves: list[PlanMove] = []
        self.basis: list[PlanBasis] = []
        self.givers: dict[int, PlanGiver] = {}

    def add(self, user_id: int) -> None:
        """Find out what becomes of the access of somebody who is on the server."""
        projection, project = self._projection, self._project
        now_in, then_in = projection.now_in.get(user_id, ()), projection.then_in.get(user_id, ())
        if not now_in and not then_in:
            return
        effective = projection.effective(user_id, project)
        now = projection.giving_now(user_id, project)
        # Should they be in these still when the plan has been carried out, they get access.
        later = [g for g in now_in if g not in now and projection.will_give(g, project)]
        changed = user_id in self._changed_ids
        if effective.settled and not changed and (effective.direct is True or not later):
            return
        held = projection.listed(project).get(user_id)
        username = self._current.username(user_id)
        if now or later:
            self.basis.append(
                PlanBasis(
                    username=username,
                    user_id=user_id,
                    role=held,
                    direct=effective.direct,
                    groups=tuple(group.id for group in (*now, *later) if group.id is not None),
                )
            )
        self._add_givers((*now, *then_in))
        if not changed and not effective.settled:
            self._add_move(username, user_id, held, effective)

    def add_new(self, username: str, groups: Sequence[GroupKey]) -> None:
        """Find out which access somebody gets who is yet to be created."""
        self._add_givers(groups)
        if username not in self._changed_names:
            effective = self._projection.effective_of_new(groups, self._project)
            if not effective.settled:
                self._add_move(username, None, None, effective)

    def _add_move(
        self, username: str, user_id: int | None, held: str | None, effective: EffectiveAccess
    ) -> None:
        after = effective.role or effective.at_least or (held if effective.through else None)
        if after != held or not effective.sure:
            self.moves.append(
                PlanMove(
                    username=username,
                    user_id=user_id,
                    before=held,
                    after=after,
                    through=effective.through,
                    sure=effective.sure,
                )
            )

    def _add_givers(self, groups: Iterable[GroupKey]) -> None:
        for group in groups:
            if group.id is not None and self._projection.may_give(group, self._project):
                role = self._projection.before.get((group, self._project))
                name = self._projection.groups[group].name
                self.givers[group.id] = PlanGiver(group_id=group.id, group=name, role=role)


def _said(changes: Iterable[Change]) -> tuple[dict[ProjectKey, set[Party]], set[Party]]:
    """Return of whom changes say what becomes of their access: in a project, and everywhere."""
    said: dict[ProjectKey, set[Party]] = defaultdict(set)
    removed: set[Party] = set()
    for change in changes:
        who = Party(change.username if change.user_id is None else None, change.user_id)
        if change.about is About.MEMBERSHIP:
            said[ProjectKey(change.project_id, change.target)].add(who)
        elif change.action is Action.USER_REMOVE:
            removed.add(who)
    return said, removed


def _joining(changes: Iterable[Change], current: CurrentState) -> dict[str, list[GroupKey]]:
    """Return which groups somebody joins who is not on the server yet, by username."""
    joining: dict[str, list[GroupKey]] = defaultdict(list)
    for change in changes:
        if change.action is Action.GROUP_MEMBER_ADD and change.user_id is None:
            joining[change.holder].append(_group_of(change, current))
    return joining


def _joined(changes: Iterable[Change], current: CurrentState) -> dict[GroupKey, set[int]]:
    """Return who joins the groups that have had members, so that their listing shows something.

    Those who are yet to be created are in none of the sets.
    """
    joined: dict[GroupKey, set[int]] = defaultdict(set)
    for change in changes:
        if change.action is Action.GROUP_MEMBER_ADD and change.group_id is not None:
            there = current.groups_by_id.get(change.group_id)
            if there is not None and there.members:
                joining = joined[GroupKey.of(there)]
                if change.user_id is not None:
                    joining.add(change.user_id)
    return joined


def empty_group_findings(changes: Iterable[Change], current: CurrentState) -> Iterator[Finding]:
    """Return notes on empty groups: whoever joins may get access that Kanboard does not show."""
    joining: dict[int, int] = defaultdict(int)
    for change in changes:
        group = current.groups_by_id.get(change.group_id or 0)
        if change.action is Action.GROUP_MEMBER_ADD and group is not None and not group.members:
            joining[group.id] += 1
    for number, count in joining.items():
        name = current.groups_by_id[number].name
        yield found("group-was-empty", value=name, group=name, count=count)
