"""Whether the server is as a plan wanted it, read with the probes that a run reads back with.

Judged is where the plan was to end, not each step of it: what a later change of the plan
supersedes is expected as the later one wants it.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from kanport.apply.steps import Observed, observe, probe_for
from kanport.kanboard.rpc import Call
from kanport.names import compare_key
from kanport.outcome import Standing, Verdict
from kanport.plan.model import Action, Change, Plan

_Who = int | str


class Reader(Protocol):
    """What verifying needs of the client."""

    def read(self, calls: Sequence[Call]) -> list[Any]:
        """Read; see `kanport.kanboard.client.Client.read`."""


def verify(plan: Plan, reader: Reader) -> tuple[Verdict, ...]:
    """Say of each change, in the plan's order, whether the server is as it was to end.

    The ids of created users are learned by their names. Raises Unreachable where the server cannot
    be read.
    """
    expected = list(_expected(plan.changes))
    seen: dict[str, Observed] = {}
    people = [change for change in expected if change.project_id is None]
    seen |= _observed([(change, change.user_id) for change in people], reader)
    new_ids = {
        compare_key(change.username): user_id
        for change in people
        if change.user_id is None and (user_id := seen[change.id].user_id) is not None
    }
    access = [
        (change, new_ids.get(compare_key(change.username), change.user_id))
        if change.user_id is None
        else (change, change.user_id)
        for change in expected
        if change.project_id is not None
    ]
    seen |= _observed([(change, who) for change, who in access if who is not None], reader)
    for change, who in access:
        if who is None:
            # Whoever is not there has no access either.
            wanted = (change.after or {}).get("role")
            seen[change.id] = Observed(wanted is None, instead="there is no such user")
    return tuple(_verdict(change, seen[change.id]) for change in plan.changes)


def _observed(asked: Iterable[tuple[Change, int | None]], reader: Reader) -> dict[str, Observed]:
    """Read each thing once, however many changes are about it, and judge each change."""
    probes = [(change, probe_for(change, who)) for change, who in asked]
    calls = {_key(call): call for _, call in probes}
    answers = dict(zip(calls, reader.read(list(calls.values())), strict=True))
    return {change.id: observe(change, answers[_key(call)]) for change, call in probes}


def _key(call: Call) -> tuple[Any, ...]:
    return call.method, *sorted(call.params.items())


def _verdict(change: Change, observed: Observed) -> Verdict:
    if observed.holds:
        return Verdict(change.id, Standing.SO)
    return Verdict(change.id, Standing.NOT_SO, observed.instead)


def _expected(changes: Sequence[Change]) -> Iterator[Change]:
    """Give each change with the `after` that holds at the end of the whole plan."""
    removed = {c.user_id for c in changes if c.action is Action.USER_REMOVE}
    fields: dict[_Who, dict[str, Any]] = defaultdict(dict)
    roles: dict[tuple[_Who, int], Mapping[str, Any] | None] = {}
    for change in changes:
        if change.project_id is not None:
            roles[_who(change), change.project_id] = change.after
        else:
            fields[_who(change)] |= _after(change)
    for change in changes:
        who = _who(change)
        if change.project_id is not None:
            after = None if change.user_id in removed else roles[who, change.project_id]
            yield change.model_copy(update={"after": after})
        elif change.user_id is not None and change.user_id in removed:
            yield change.model_copy(update={"action": Action.USER_REMOVE, "after": None})
        else:
            last = {name: fields[who][name] for name in _after(change)}
            yield change.model_copy(update={"after": last})


def _after(change: Change) -> Mapping[str, Any]:
    after = change.after or {}
    # Kanboard makes new users active, and whoever is not to be active is not created.
    return {**after, "active": True} if change.action is Action.USER_CREATE else after


def _who(change: Change) -> _Who:
    return compare_key(change.username) if change.user_id is None else change.user_id
