"""The order in which changes are carried out: who loses access first, who is removed last."""

from collections.abc import Iterable, Iterator, Mapping
from enum import IntEnum
from typing import Any

from kanport.names import compare_key
from kanport.plan.model import Action, Change, Risk

_ACTION_ORDER = {action: number for number, action in enumerate(Action)}


class Phase(IntEnum):
    """What is done together; a phase begins when the one before it is over.

    A run that breaks off has so taken away what was to be taken away, and given too little rather
    than too much. A rename comes before what creates, as it may free a username.
    """

    LOWER = 0
    RENAME = 1
    CREATE = 2
    UPDATE = 3
    ENABLE = 4
    GRANT = 5
    REMOVE = 6


PHASES: tuple[Phase, ...] = tuple(Phase)

_PHASE_OF: Mapping[Action, Phase] = {
    Action.USER_DISABLE: Phase.LOWER,
    Action.MEMBERSHIP_REVOKE: Phase.LOWER,
    Action.USER_RENAME: Phase.RENAME,
    Action.USER_CREATE: Phase.CREATE,
    Action.USER_UPDATE: Phase.UPDATE,
    Action.USER_ENABLE: Phase.ENABLE,
    Action.MEMBERSHIP_GRANT: Phase.GRANT,
    Action.MEMBERSHIP_CHANGE: Phase.GRANT,
    Action.USER_REMOVE: Phase.REMOVE,
}
_MAY_LOWER = frozenset({Action.USER_UPDATE, Action.MEMBERSHIP_CHANGE})


def phase_of(change: Change) -> Phase:
    """Give the phase that a change belongs to; an update or change that lowers comes first."""
    if change.action in _MAY_LOWER and Risk.ACCESS_LOST in change.risk:
        return Phase.LOWER
    return _PHASE_OF[change.action]


def _place(change: Change) -> tuple[Any, ...]:
    username, project = change.subject.username, change.subject.project or ""
    return (
        phase_of(change),
        _ACTION_ORDER[change.action],
        compare_key(username),
        username,
        compare_key(project),
        project,
        change.project_id or 0,
        change.user_id or 0,
    )


def in_plan_order(changes: Iterable[Change]) -> tuple[Change, ...]:
    """Put the changes in order and give them their ids, whatever order they came in.

    From the rename of a user on, the later changes call that user by the new name: a subject is
    always called as the server calls it when the change is carried out, and `user_id` says that
    it is the same user.
    """
    changes = tuple(changes)
    new_names = {
        change.user_id: str((change.after or {})["username"])
        for change in changes
        if change.action is Action.USER_RENAME
    }
    ordered = sorted((_by_new_name(change, new_names) for change in changes), key=_place)
    renames, _ = order_renames(c for c in ordered if c.action is Action.USER_RENAME)
    next_rename: Iterator[Change] = iter(renames)
    return tuple(
        (next(next_rename) if change.action is Action.USER_RENAME else change).model_copy(
            update={"id": f"c{number:04d}"}
        )
        for number, change in enumerate(ordered, start=1)
    )


def _by_new_name(change: Change, new_names: Mapping[int | None, str]) -> Change:
    if change.user_id not in new_names or phase_of(change) <= Phase.RENAME:
        return change
    name = new_names[change.user_id]
    return change.model_copy(
        update={"subject": change.subject.model_copy(update={"username": name})}
    )


def order_renames(renames: Iterable[Change]) -> tuple[tuple[Change, ...], tuple[Change, ...]]:
    """Give the renames so that each new name is free when its turn comes, and those in a circle.

    Two users who are to swap their names can never do so one after the other.
    """
    waiting = {compare_key(rename.subject.username): rename for rename in renames}
    ordered: list[Change] = []
    while waiting:
        ready = [
            old
            for old, rename in waiting.items()
            if (new := compare_key(str((rename.after or {})["username"]))) == old
            or new not in waiting
        ]
        if not ready:
            break
        ordered.extend(waiting.pop(old) for old in ready)
    return tuple(ordered), tuple(waiting.values())
