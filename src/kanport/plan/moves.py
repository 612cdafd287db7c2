"""Whose access moves because their groups change, as far as it can be foreseen: pure.

No change says this of a person: the changes are those of groups, of their members and of their
access. A report has to tell it all the same.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from kanport.model import CurrentState, Project
from kanport.plan.foreseen import Foreseen
from kanport.plan.model import About, Action, Change, PlanMove


@dataclass(frozen=True, slots=True)
class Moves:
    """The moves in each project, by its id, and how the projects that are yet to be are called."""

    of: dict[int, tuple[PlanMove, ...]] = field(default_factory=dict)
    new_projects: dict[int, str] = field(default_factory=dict)


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
    if not foreseen.moves:
        return Moves()
    labels = {project.id: project.label for project in new_projects}
    said: dict[tuple[str | None, int | None], set[str]] = defaultdict(set)
    for change in changes:
        if change.about is About.MEMBERSHIP:
            said[change.project, change.project_id].add(change.holder)
        elif change.action is Action.USER_REMOVE:
            said[None, None].add(change.username)
    members: dict[int | str, set[int]] = defaultdict(set)
    for user_id, groups in foreseen.then_in.items():
        for group in groups:
            members[group].add(user_id)
    joining = _joining(changes)
    giving: dict[int, list[tuple[int | str, str]]] = defaultdict(list)
    for (group, project_id), role in foreseen.after.items():
        giving[project_id].append((group, role))
    told: dict[int, tuple[PlanMove, ...]] = {}
    known = current.project_index.by_id
    for project_id in sorted({*current.roles, *(labels.keys() & giving.keys())}):
        label = known[project_id].label if project_id in known else labels.get(project_id, "")
        settled = said[None, None] | said[label, project_id if project_id in known else None]
        people = set(current.roles.get(project_id, {}))
        for group, _ in giving[project_id]:
            people |= members[group]
        moves = [
            move
            for user_id in people
            if current.username(user_id) not in settled
            and (move := _move(user_id, project_id, current, foreseen)) is not None
        ]
        new = {
            who: role
            for group, role in giving[project_id]
            for who in joining.get(foreseen.names.get(group, str(group)), ())
            if who not in settled
        }
        moves += [PlanMove(username=who, after=role) for who, role in new.items()]
        if moves:
            told[project_id] = tuple(sorted(moves, key=lambda move: move.username))
    return Moves(told, {number: label for number, label in labels.items() if number in told})


def _joining(changes: Iterable[Change]) -> dict[str, list[str]]:
    """Give who joins which group without being on the server yet."""
    found: dict[str, list[str]] = defaultdict(list)
    for change in changes:
        if change.action is Action.GROUP_MEMBER_ADD and change.user_id is None:
            found[change.target].append(change.holder)
    return found


def _move(
    user_id: int, project_id: int, current: CurrentState, foreseen: Foreseen
) -> PlanMove | None:
    held = current.role(user_id, project_id)
    outlook = foreseen.outlook(user_id, project_id)
    if outlook.settled:
        return None
    sure = outlook.direct is False and (outlook.role is not None or not outlook.through)
    after = outlook.role or outlook.at_least or (held if outlook.through else None)
    if after == held and sure:
        return None
    return PlanMove(
        username=current.username(user_id),
        before=held,
        after=after,
        through=outlook.through,
        sure=sure,
    )
