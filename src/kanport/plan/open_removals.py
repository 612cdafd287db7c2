"""What should be gone and is not: removals that failed, are withheld, or are kept by a group. Pure.

The ledger carries them from run to run, so that each has an age until it is closed. A plan holds
those that were open before and still are; a run of it closes those that it makes.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import cast

from kanport.facts import Fact
from kanport.findings import Finding
from kanport.memory import OpenKey, OpenRemoval
from kanport.model import CurrentState
from kanport.outcome import Run, Status
from kanport.plan.change import ENDS, Action, Change, called
from kanport.plan.model import Plan, PlanOpen, PlanWithheld
from kanport.plan.withheld import DECIDED

_REMOVES = frozenset({*ENDS, Action.USER_DISABLE, Action.USER_REMOVE})
_REVOKE = str(Action.MEMBERSHIP_REVOKE)
FAILED, WITHHELD, THROUGH_GROUP = "failed", "withheld", "through-group"


def carried(
    before: Mapping[OpenKey, OpenRemoval],
    changes: Iterable[Change],
    withheld: Iterable[PlanWithheld],
    findings: Iterable[Finding],
    current: CurrentState,
) -> tuple[PlanOpen, ...]:
    """Return which of the removals that were open before a plan still are, in their order."""
    still = {_key(one) for one in changes if one.action in _REMOVES}
    still |= {_key(one.change) for one in withheld}
    kept = set(_kept(findings, current))
    return tuple(
        _in_plan(one, THROUGH_GROUP if key in kept else one.why)
        for key, one in sorted(before.items())
        if key in still or key in kept
    )


def _kept(findings: Iterable[Finding], current: CurrentState) -> Iterator[OpenKey]:
    """Yield the memberships that a plan does not end because a group gives them."""
    for finding in findings:
        if finding.code != "access-kept":
            continue
        for one in cast("tuple[Fact, ...]", finding.fact["memberships"]):
            user = current.people.by_name.get(str(one["username"]))
            for project in current.project_index.called(str(one["project"])):
                if user is not None:
                    yield OpenKey(_REVOKE, user.id, 0, project.id)


def open_removals(plan: Plan, run: Run | None) -> tuple[OpenRemoval, ...]:
    """Return what should be gone and is not after a run of a plan, the oldest first.

    Without a run, what the plan removes counts only where it was open before.
    """
    before = {OpenKey.of(one): one for one in plan.open or ()}
    outcomes = {} if run is None else {one.change_id: one for one in run.outcomes}
    found: dict[OpenKey, OpenRemoval] = {}
    for key, one in before.items():
        if one.why == THROUGH_GROUP:
            found[key] = OpenRemoval.of(one)
    for withheld in plan.withheld or ():
        # What a rule of the mapping decided is not to go, so it is not open.
        if withheld.change.action in _REMOVES and not _is_decided(withheld):
            found[_key(withheld.change)] = _open(withheld.change, WITHHELD, withheld.since, plan)
    for change in plan.changes:
        if change.action not in _REMOVES:
            continue
        outcome = outcomes.get(change.id)
        if outcome is None:
            if run is None and _key(change) in before:
                found[_key(change)] = _open(change, before[_key(change)].why, None, plan)
        elif outcome.through_group is not None:
            found[_key(change)] = _open(change, THROUGH_GROUP, None, plan)
        elif outcome.status not in (Status.DONE, Status.ALREADY):
            found[_key(change)] = _open(change, FAILED, None, plan)
    aged = [
        one._replace(since=before[key].since) if key in before else one
        for key, one in found.items()
    ]
    return tuple(sorted(aged, key=lambda one: (one.since, one)))


def carried_by(plan: Plan, run: Run | None) -> tuple[OpenRemoval, ...]:
    """Return those of the open removals that were open before this plan."""
    before = {OpenKey.of(one) for one in plan.open or ()}
    return tuple(one for one in open_removals(plan, run) if OpenKey.of(one) in before)


def closed_by(plan: Plan) -> frozenset[OpenKey] | None:
    """Return which removals a run of this plan may close; None for all that it leaves open.

    A plan that is not about everything, such as one that undoes a run, says nothing of the others.
    """
    if plan.withheld is not None and plan.partial is None and plan.undoes is None:
        return None
    return frozenset(_key(one) for one in plan.changes if one.action in _REMOVES)


def _is_decided(withheld: PlanWithheld) -> bool:
    return all(one.why.code in DECIDED for one in withheld.because)


def _key(change: Change) -> OpenKey:
    ids = (change.user_id or 0, change.group_id or 0, change.project_id or 0)
    return OpenKey(str(change.action), *ids)


def _open(change: Change, why: str, since: str | None, plan: Plan) -> OpenRemoval:
    return OpenRemoval(
        *_key(change),
        username=called(change) or "",
        group=change.group or "",
        project=change.project or "",
        why=why,
        since=since or plan.created_at,
    )


def _in_plan(one: OpenRemoval, why: str) -> PlanOpen:
    return PlanOpen(**(one._asdict() | {"why": why}))
