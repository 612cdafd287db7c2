"""Compare the server with a plan: after a run, and before a change that may lock people out.

`verify` uses the same reads as a run. It compares the final state that the plan intends, not each
step: if two changes set one value, it expects the last one. `Watch` checks once more, right before
they are made, the changes that may lock people out or delete other people's work.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from kanport.apply.calls import CREATING
from kanport.apply.reconcile import Observation, Reader, observe, readback
from kanport.apply.state import Renames, RunState
from kanport.facts import Fact, as_written, fact
from kanport.model import AppRole, CurrentState
from kanport.names import compare_key
from kanport.outcome import VerifyResult, VerifyStatus
from kanport.plan.change import (
    ENDS,
    Action,
    Change,
    RelationChange,
    Risk,
    RoleSide,
    UserChange,
    UserSide,
)
from kanport.plan.guards import last_admin, min_admins
from kanport.plan.guards.accounts import private_projects, protected_accounts
from kanport.plan.model import GuardVerdict, Plan, blocking
from kanport.plan.staleness import renamed_since
from kanport.records import dataclass
from kanport.relations import About

WATCHED = frozenset({Action.USER_REMOVE, Action.USER_DISABLE, Action.USER_UPDATE})


@dataclass(frozen=True, slots=True)
class Watch:
    """Watches the removals of a run, and what takes administrators away.

    `read` reads the users of the server and the members of its private projects. `protect` are
    patterns of accounts that are protected beside those of the plan. `admins` are the ids of all
    administrators as read right before the run: the plan does not know who became one since.
    """

    plan: Plan
    read: Callable[[], CurrentState]
    protect: Collection[str] = ()
    admins: Collection[int] = ()

    def concerns(self, change: Change) -> bool:
        """Return whether a change is one to check right before it is made."""
        risky = change.risk and Risk.ADMIN_LOST in change.risk
        if not risky and change.user_id not in self.admins:
            return change.action is Action.USER_REMOVE
        if change.action is Action.USER_UPDATE:
            return change.new.role is not None
        return change.action in WATCHED

    def objection(self, change: Change, left: Sequence[Change]) -> Fact | None:
        """Read the server and say why a change must not be made; None: go ahead.

        `left` are the changes of the plan that have no outcome yet, this one among them. Raises
        Unreachable.
        """
        current = self.read()
        renamed = renamed_since(self.plan, current).get(change.id)
        if renamed is not None:
            return fact("changed-since-plan", found=renamed)
        for verdict in blocking(self._verdicts(change, left, current)):
            return fact("checked-again", verdict=verdict.why or as_written(verdict.message))
        return None

    def _verdicts(
        self, change: Change, left: Sequence[Change], current: CurrentState
    ) -> Iterator[GuardVerdict]:
        yield protected_accounts([change], (*(self.plan.protect or ()), *self.protect))
        admins = {user.id for user in current.users if user.active and user.role == AppRole.ADMIN}
        if change.user_id in admins:
            yield last_admin(left, current)
            yield min_admins(left, current, at_least=self.plan.min_admins)
        if change.action is Action.USER_REMOVE:
            # Only private projects of this user, as each removal has its own check. A project whose
            # members were not read may be one of them.
            theirs = tuple(
                project
                for project in current.projects
                if project.private
                and change.user_id in current.roles.get(project.id, {change.user_id: ""})
            )
            removals = [one for one in left if one.action is Action.USER_REMOVE]
            yield from private_projects(removals, replace(current, projects=theirs))


# --- whether the server has what a plan should leave ----------------------------------------------

_Who = int | str


def verify(plan: Plan, reader: Reader) -> tuple[VerifyResult, ...]:
    """Return for each change, in the plan's order, whether the server has what it should leave.

    The ids of created users are learned by their names. Raises Unreachable where the server cannot
    be read.
    """
    expected = list(_expected(plan.changes))
    state = RunState(Renames({}, {}))
    made = [change for change in expected if change.action in CREATING]
    seen: dict[str, Observation] = {}
    for action in CREATING:
        # A new project may belong to a new user.
        seen |= _observed([change for change in made if change.action is action], state, reader)
        for change in made:
            if change.id in seen:
                state.learn(change, seen[change.id])
    rest = [change for change in expected if change.action not in CREATING]
    possible = [change for change in rest if state.lacking(change) is None]
    seen |= _observed(possible, state, reader)
    for change in rest:
        if change.id not in seen:
            # Whoever is not there has no access either.
            gone = change.action in ENDS or change.after is None
            lacking = state.lacking(change)
            seen[change.id] = Observation(gone, lacking and lacking.as_fact("missing"))
    return tuple(_verdict(change, seen[change.id]) for change in plan.changes)


def _observed(changes: Sequence[Change], state: RunState, reader: Reader) -> dict[str, Observation]:
    """Read each thing once, however many changes are about it, and judge each change."""
    values = readback([(change, state.ids(change)) for change in changes], reader.read)
    return {
        change.id: observe(change, value) for change, value in zip(changes, values, strict=True)
    }


def _verdict(change: Change, observed: Observation) -> VerifyResult:
    if observed.ok:
        return VerifyResult(change.id, VerifyStatus.MATCH)
    return VerifyResult(change.id, VerifyStatus.MISMATCH, observed.actual)


def _expected(changes: Sequence[Change]) -> Iterator[Change]:
    """Return each change with the `after` that holds at the end of the whole plan."""
    removed = {c.user_id for c in changes if c.action is Action.USER_REMOVE}
    fields: dict[_Who, dict[str, str | bool]] = defaultdict(dict)
    roles: dict[tuple[_Who, str], RoleSide | None] = {}
    for change in changes:
        if change.about is About.MEMBERSHIP:
            roles[_who(change), change.target] = change.after
        elif change.about is About.USER:
            fields[_who(change)] |= _after(change)
    for change in changes:
        if change.about is About.MEMBERSHIP:
            gone = change.user_id in removed
            yield replace(change, after=None if gone else roles[_who(change), change.target])
        elif change.about is not About.USER:
            yield change
        elif change.user_id is not None and change.user_id in removed:
            yield replace(change, action=Action.USER_REMOVE, after=None)
        else:
            last = {name: fields[_who(change)][name] for name in _after(change)}
            yield replace(change, after=UserSide(last, change.new.password))


def _after(change: UserChange) -> Mapping[str, str | bool]:
    after = change.new.fields
    # Kanboard makes new users active; `inactive: create` disables them with a separate change.
    return {**after, "active": True} if change.action is Action.USER_CREATE else after


def _who(change: UserChange | RelationChange) -> _Who:
    if change.user_id is not None:
        return change.user_id
    return compare_key(change.username if isinstance(change, UserChange) else change.holder)
