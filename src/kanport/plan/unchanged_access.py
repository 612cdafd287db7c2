"""List the access that a plan leaves as it is, so that a report can show all of it. Pure."""

from collections.abc import Collection, Iterable

import numpy as np
from pydantic import TypeAdapter

from kanport.coded import Coded, Codes, objects
from kanport.frames import HeldRelations
from kanport.model import CurrentState
from kanport.plan.change import Action, Change, ChangesByAction
from kanport.plan.groups import ProjectKey
from kanport.plan.model import PlanAccess, PlanPerson
from kanport.plan.projection import IndirectChanges

_CHANGES = (Action.MEMBERSHIP_CHANGE, Action.MEMBERSHIP_REVOKE)
# What becomes of a role; what a change or a move with groups says is in none of the lists.
_KEPT, _REMOVED, _HELD, _SAID = range(4)


def unchanged_access(
    changes: Collection[Change],
    current: CurrentState,
    held: HeldRelations,
    moves: IndirectChanges | None = None,
) -> tuple[PlanAccess, ...]:
    """Return, for each project whose members were read, the roles that no change is about.

    They are as the server lists them (`held`), whether direct or through a group. What changes is
    in the changes; the roles that go with a removed account, and those that move with groups
    (`moves`), stand apart, as no change says them. Projects are in the order of their ids, those
    that are yet to be created last, and people in that of their usernames.
    """
    moves = moves or IndirectChanges()
    ids, who = np.unique(held.holders, return_inverse=True)
    names = objects(map(current.username, ids.tolist()))
    ranks = Coded(names, who).ranks(str)
    order = np.lexsort((ranks, held.targets))
    fate = _fates(changes, held, moves)[order]
    names, roles = names[who[order]], held.roles[order]
    access = []
    for project in current.project_index.by_id.values():
        if project.id not in current.roles:
            continue
        first, last = np.searchsorted(held.targets, (project.id, project.id + 1)).tolist()
        kept, removed, granted = (
            dict(zip(names[rows].tolist(), roles[rows].tolist(), strict=True))
            for kind in (_KEPT, _REMOVED, _HELD)
            for rows in [np.flatnonzero(fate[first:last] == kind) + first]
        )
        key = ProjectKey.of(project)
        access.append(
            PlanAccess(
                project=project.label,
                project_id=project.id,
                kept=kept,
                removed=removed,
                moved=moves.of.get(key, ()),
                held=granted,
                basis=moves.basis.get(key),
                givers=moves.givers.get(key),
            )
        )
    access += [
        PlanAccess(
            project=project.label,
            moved=moves.of.get(project, ()),
            basis=basis,
            givers=moves.givers[project],
        )
        for project, basis in moves.basis.items()
        if project.id is None and (basis or project in moves.of)
    ]
    return tuple(access)


def _fates(changes: Collection[Change], held: HeldRelations, moves: IndirectChanges) -> Codes:
    fate = np.full(len(held.holders), _KEPT)
    by_action = ChangesByAction.of(changes)
    removed = [one.user_id or 0 for one in by_action[Action.USER_REMOVE]]
    fate[np.isin(held.holders, removed)] = _REMOVED
    for action in _CHANGES:
        fate[_rows(held, by_action[action])] = _SAID
    for project, moving in moves.of.items():
        some = [move.user_id for move in moving if move.user_id is not None]
        fate[(held.targets == (project.id or 0)) & np.isin(held.holders, some)] = _SAID
    fate[_rows(held, by_action[Action.MEMBERSHIP_GRANT])] = _HELD
    return fate


def _rows(held: HeldRelations, changes: Iterable[Change]) -> Codes:
    """Return the rows of the roles that these changes are about."""
    pairs = [
        (one.user_id, one.project_id)
        for one in changes
        if one.user_id is not None and one.project_id is not None
    ]
    users, projects = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    rows = held.rows(users, projects)
    return rows[rows >= 0]


_PEOPLE = TypeAdapter(tuple[PlanPerson, ...])


def people_named(
    changes: Iterable[Change], access: Iterable[PlanAccess], current: CurrentState
) -> tuple[PlanPerson, ...]:
    """Return what the server calls those whom a plan names, and whether they are disabled.

    They are in the order of their usernames; who is not on the server yet is left out.
    """
    wanted = {change.username for change in changes}
    for project in access:
        wanted.update(project.kept, project.removed, (move.username for move in project.moved))
    return _PEOPLE.validate_python(
        {
            "username": user.username,
            "name": user.name or None,
            "disabled": None if user.active else True,
        }
        for user in sorted(current.users, key=lambda user: user.username)
        if user.username in wanted
    )
