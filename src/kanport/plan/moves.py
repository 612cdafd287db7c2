"""Whose access moves because their groups change, as far as it can be foreseen: pure.

No change says this of a person: the changes are those of groups, of their members and of their
access. A report has to tell it all the same, after a run too, when some of them may have failed.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from kanport.findings import Finding, found
from kanport.model import CurrentState, Project
from kanport.plan.change import About, Action, Change
from kanport.plan.foreseen import Foreseen, Outlook
from kanport.plan.model import PlanBasis, PlanGiver, PlanMove

# Somebody by id, or by the username that they get; a project by id, or by its label likewise.
_Who = int | str
_Where = int | str | None


@dataclass(slots=True)
class Moves:
    """What moves in each project, by its id, and how the projects that are yet to be are called.

    `basis` is where access that depends on groups comes from, and `givers` are these groups. A
    project without such access is in neither.
    """

    of: dict[int, tuple[PlanMove, ...]] = field(default_factory=dict)
    new_projects: dict[int, str] = field(default_factory=dict)
    basis: dict[int, tuple[PlanBasis, ...]] = field(default_factory=dict)
    givers: dict[int, tuple[PlanGiver, ...]] = field(default_factory=dict)


def moves_with_groups(
    changes: Sequence[Change],
    current: CurrentState,
    foreseen: Foreseen,
    new_projects: Iterable[Project] = (),
) -> Moves:
    """Give for each project whose listed role is foreseen to become another one.

    Whoever gets, loses or changes a direct role is left to that change, and whoever is removed to
    theirs. Moves are in the order of the usernames.
    """
    moves = Moves()
    if not foreseen.moves:
        return moves
    labels = {project.id: project.label for project in new_projects}
    said, removed = _said(changes)
    joining, joined = _joining(changes), _joined(changes, current)
    new_in: dict[int | str, set[str]] = defaultdict(set)
    for username, some in joining.items():
        for group in some:
            new_in[group].add(username)
    members: dict[int | str, set[int]] = defaultdict(set)
    for inside in (foreseen.now_in, foreseen.then_in):
        for user_id, groups in inside.items():
            for group in groups:
                members[group].add(user_id)
    giving: dict[int, list[int | str]] = defaultdict(list)
    for group, project_id in foreseen.after:
        giving[project_id].append(group)
    known = current.project_index.by_id
    for project_id in sorted({*current.roles, *labels}):
        told = said[project_id if project_id in known else labels.get(project_id)]
        people = set(current.roles.get(project_id, {}))
        people.update(who for who in told if isinstance(who, int))
        people.update(*(members[group] for group in giving[project_id]))
        showing = [group for group in joined if foreseen.may_give(group, project_id)]
        people.update(*(joined[group] for group in showing))
        new = {who for who in told if isinstance(who, str)} & joining.keys()
        new.update(*(new_in[group] for group in (*giving[project_id], *showing)))
        here = _Project(project_id, current, foreseen, told | removed)
        for user_id in people:
            here.add(user_id)
        for username in new:
            here.add_new(username, joining[username])
        if here.moves or here.basis or here.givers:
            moves.basis[project_id] = tuple(sorted(here.basis, key=lambda one: one.username))
            moves.givers[project_id] = tuple(here.givers[group] for group in sorted(here.givers))
        if here.moves:
            moves.of[project_id] = tuple(sorted(here.moves, key=lambda move: move.username))
        if project_id in labels and (here.moves or here.basis):
            moves.new_projects[project_id] = labels[project_id]
    return moves


class _Project:
    """What moves in one project, as it is found person by person."""

    def __init__(
        self, number: int, current: CurrentState, foreseen: Foreseen, told: set[_Who]
    ) -> None:
        self._number = number
        self._current = current
        self._foreseen = foreseen
        # Those of whom a change says what becomes of their access.
        self._told = told
        self.moves: list[PlanMove] = []
        self.basis: list[PlanBasis] = []
        self.givers: dict[int, PlanGiver] = {}

    def add(self, user_id: int) -> None:
        """Find out what becomes of the access of somebody who is on the server."""
        foreseen, number = self._foreseen, self._number
        now_in, then_in = foreseen.now_in.get(user_id, ()), foreseen.then_in.get(user_id, ())
        if not now_in and not then_in:
            return
        outlook = foreseen.outlook(user_id, number)
        now = foreseen.giving_now(user_id, number)
        # Should they be in these still when the plan has been carried out, they get access.
        later = [g for g in now_in if g not in now and foreseen.will_give(g, number)]
        told = user_id in self._told
        if outlook.settled and not told and (outlook.direct is True or not later):
            return
        held = self._current.role(user_id, number)
        username = self._current.username(user_id)
        if now or later:
            self.basis.append(
                PlanBasis(
                    username=username,
                    user_id=user_id,
                    role=held,
                    direct=outlook.direct,
                    groups=(*now, *later),
                )
            )
        self._add_givers((*now, *then_in))
        if not told and not outlook.settled:
            self._add_move(username, user_id, held, outlook)

    def add_new(self, username: str, groups: Sequence[int | str]) -> None:
        """Find out which access somebody gets who is yet to be created."""
        self._add_givers(groups)
        if username not in self._told:
            outlook = self._foreseen.outlook_of_new(groups, self._number)
            if not outlook.settled:
                self._add_move(username, None, None, outlook)

    def _add_move(
        self, username: str, user_id: int | None, held: str | None, outlook: Outlook
    ) -> None:
        after = outlook.role or outlook.at_least or (held if outlook.through else None)
        if after != held or not outlook.sure:
            self.moves.append(
                PlanMove(
                    username=username,
                    user_id=user_id,
                    before=held,
                    after=after,
                    through=outlook.through,
                    sure=outlook.sure,
                )
            )

    def _add_givers(self, groups: Iterable[int | str]) -> None:
        for group in groups:
            if isinstance(group, int) and self._foreseen.may_give(group, self._number):
                role = self._foreseen.before.get((group, self._number))
                name = self._foreseen.groups[group].name
                self.givers[group] = PlanGiver(group_id=group, group=name, role=role)


def _said(changes: Iterable[Change]) -> tuple[dict[_Where, set[_Who]], set[_Who]]:
    """Return of whom changes say what becomes of their access: in a project, and everywhere."""
    said: dict[_Where, set[_Who]] = defaultdict(set)
    removed: set[_Who] = set()
    for change in changes:
        who = (change.username or "") if change.user_id is None else change.user_id
        if change.about is About.MEMBERSHIP:
            said[change.project_id or change.project].add(who)
        elif change.action is Action.USER_REMOVE:
            removed.add(who)
    return said, removed


def _joining(changes: Iterable[Change]) -> dict[str, list[int | str]]:
    """Return which groups somebody joins who is not on the server yet, by username."""
    joining: dict[str, list[int | str]] = defaultdict(list)
    for change in changes:
        if change.action is Action.GROUP_MEMBER_ADD and change.user_id is None:
            joining[change.holder].append(change.group_id or change.target)
    return joining


def _joined(changes: Iterable[Change], current: CurrentState) -> dict[int, set[int]]:
    """Return who joins the groups that have had members, so that their listing shows something.

    Those who are yet to be created are in none of the sets.
    """
    joined: dict[int, set[int]] = defaultdict(set)
    for change in changes:
        if change.action is Action.GROUP_MEMBER_ADD and change.group_id is not None:
            there = current.groups_by_id.get(change.group_id)
            if there is not None and there.members:
                joining = joined[change.group_id]
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
