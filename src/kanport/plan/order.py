"""The order in which changes are carried out: who loses access first, who is removed last."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from enum import IntEnum
from itertools import count, groupby
from operator import attrgetter

import numpy as np

from kanport.coded import Coded, Codes
from kanport.facts import fact
from kanport.names import compare_key, spelling_key, temporary_username
from kanport.plan.change import (
    CHANGES,
    ENDS,
    GIVES,
    Action,
    Change,
    GroupChange,
    Risk,
    UserChange,
    UserSide,
    numbered,
)

# Within a phase, groups come first where something is taken, so that what remains after it is read
# back shows; and what is removed for good comes last, groups before the people in them.
_FIRST = (
    Action.GROUP_MEMBER_REMOVE,
    Action.GROUP_ACCESS_REVOKE,
    Action.GROUP_ACCESS_CHANGE,
    Action.GROUP_UPDATE,
)
_LAST = (Action.GROUP_REMOVE, Action.USER_REMOVE)
_ACTION_ORDER = {
    action: number
    for number, action in enumerate(
        (*_FIRST, *(action for action in Action if action not in (*_FIRST, *_LAST)), *_LAST)
    )
}


class Phase(IntEnum):
    """What is done together; a phase begins when the one before it is over.

    A run that breaks off has so taken away what was to be taken away, and given too little rather
    than too much. A rename comes before what creates, as it may free the name of a user or a group.
    A direct membership that ends so that the role of a group counts goes when all groups have what
    they are to have: nobody is without access in between.
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
    **dict.fromkeys(ENDS, Phase.LOWER),
    **dict.fromkeys(GIVES + CHANGES, Phase.GRANT),
    Action.USER_DISABLE: Phase.LOWER,
    Action.USER_RENAME: Phase.RENAME,
    Action.USER_CREATE: Phase.CREATE,
    Action.USER_UPDATE: Phase.UPDATE,
    Action.USER_ENABLE: Phase.ENABLE,
    Action.USER_REMOVE: Phase.REMOVE,
    # Its owner may be a new user.
    Action.PROJECT_CREATE: Phase.UPDATE,
    Action.GROUP_CREATE: Phase.CREATE,
    Action.GROUP_UPDATE: Phase.RENAME,
    Action.GROUP_REMOVE: Phase.REMOVE,
}
_MAY_LOWER = frozenset({Action.USER_UPDATE, *CHANGES})
# Changes of these are of one phase or another.
_VARYING = _MAY_LOWER | {Action.MEMBERSHIP_REVOKE, Action.USER_DISABLE}


def phase_of(change: Change) -> Phase:
    """Return the phase that a change belongs to; an update or change that lowers comes first."""
    if change.action in _MAY_LOWER and Risk.ACCESS_LOST in change.risk:
        return Phase.LOWER
    if change.action is Action.MEMBERSHIP_REVOKE and change.after is not None:
        return Phase.REMOVE
    if change.action is Action.USER_DISABLE and change.user_id is None:
        # Somebody whom the plan creates, and who never gets anything while enabled.
        return Phase.UPDATE
    return _PHASE_OF[change.action]


def _order(changes: Sequence[Change]) -> Codes:
    """Return the numbers of the changes as they are carried out: by phase and action, then names.

    Names come in the order of their keys; each of them is compared once.
    """
    phases: list[int] = []
    actions: list[int] = []
    for action, some in groupby(changes, key=attrgetter("action")):
        same = list(some)
        actions += [_ACTION_ORDER[action]] * len(same)
        phases += (
            map(int, map(phase_of, same))
            if action in _VARYING
            else [int(_PHASE_OF[action])] * len(same)
        )
    return np.lexsort(
        (
            np.array([change.user_id or 0 for change in changes], dtype=np.int64),
            np.array([change.group_id or 0 for change in changes], dtype=np.int64),
            _ranks([change.group or "" for change in changes], compare_key),
            np.array([change.project_id or 0 for change in changes], dtype=np.int64),
            _ranks([change.project or "" for change in changes], spelling_key),
            _ranks([change.username or "" for change in changes], compare_key),
            np.array(actions, dtype=np.int64),
            np.array(phases, dtype=np.int64),
        )
    )


def _ranks(names: Iterable[str], key: Callable[[str], str]) -> Codes:
    return Coded.of(names).ranks(lambda name: (key(name), name))


def in_plan_order(changes: Iterable[Change], taken: Iterable[str] = ()) -> tuple[Change, ...]:
    """Put the changes in order and give them their ids, whatever order they came in.

    From the rename of a user on, the later changes call that user by the new name: a subject is
    always called as the server calls it when the change is carried out, and `user_id` says that
    it is the same user. `taken` are the usernames of the server; see `order_renames`.
    """
    changes = tuple(changes)
    new_names = {
        change.user_id: change.new_username
        for change in changes
        if change.action is Action.USER_RENAME
    }
    if new_names:
        changes = tuple(_by_new_name(change, new_names) for change in changes)
    ordered = [changes[at] for at in _order(changes).tolist()]
    # They stand together, as they are all of one phase and one action.
    renames = [change for change in ordered if change.action is Action.USER_RENAME]
    if renames:
        first = ordered.index(renames[0])
        created = (c.username for c in changes if c.action is Action.USER_CREATE)
        ordered[first : first + len(renames)] = order_renames(renames, (*taken, *created))
    return tuple(map(numbered, ordered, count(1)))


def _by_new_name(change: Change, new_names: Mapping[int | None, str]) -> Change:
    if isinstance(change, GroupChange) or change.user_id not in new_names:
        return change
    if phase_of(change) <= Phase.RENAME:
        return change
    return replace(change, username=new_names[change.user_id])


def order_renames(
    renames: Iterable[UserChange], taken: Iterable[str] = ()
) -> tuple[UserChange, ...]:
    """Return the renames so that each new username is free when its turn comes.

    Users who pass their usernames on in a circle cannot do so one after the other, as no database
    under Kanboard lets two users have one username. So one user of each circle takes a temporary
    one first and gets the new one last. `taken` are usernames that are no temporary ones.
    """
    # Not by name: SQLite and PostgreSQL can have `ann` and `Ann`, and both may be renamed.
    waiting = list(renames)
    used = {compare_key(name) for name in taken}
    used |= {
        compare_key(name) for rename in waiting for name in (rename.username, rename.new_username)
    }
    ordered: list[UserChange] = []
    while waiting:
        held = Counter(compare_key(rename.username) for rename in waiting)
        ready = [rename for rename in waiting if not _others(rename, held)]
        if not ready:
            number = _in_a_circle(waiting)
            aside, waiting[number] = _by_way_of(waiting[number], used)
            ordered.append(aside)
            continue
        done = {id(rename) for rename in ready}
        ordered.extend(ready)
        waiting = [rename for rename in waiting if id(rename) not in done]
    return tuple(ordered)


def _in_a_circle(waiting: Sequence[UserChange]) -> int:
    """Return the place of a rename that waits for itself; each of them waits for another one."""
    number, seen = 0, set[int]()
    while number not in seen:
        seen.add(number)
        new = compare_key(waiting[number].new_username)
        number = next(
            other
            for other, rename in enumerate(waiting)
            if other != number and compare_key(rename.username) == new
        )
    return number


def _by_way_of(rename: UserChange, used: Collection[str]) -> tuple[UserChange, UserChange]:
    """Split a rename in two, with a temporary username between them."""
    names = (temporary_username(rename.user_id or 0, number) for number in count(1))
    name = next(name for name in names if compare_key(name) not in used)
    new = rename.new_username
    aside = replace(
        rename,
        after=UserSide({"username": name}),
        why=fact("renamed-aside", renamed=rename.why, username=new),
    )
    back = replace(rename, username=name, before=UserSide({"username": name}))
    return aside, back


def _others(rename: UserChange, held: Mapping[str, int]) -> int:
    """Count the others who have the new name still."""
    new = compare_key(rename.new_username)
    return held.get(new, 0) - (new == compare_key(rename.username))
