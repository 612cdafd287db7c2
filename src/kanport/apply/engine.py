"""Carrying out a plan: phase by phase, batch by batch, and reading everything back.

A batch is no transaction, and the answer that says what was done can be lost half-way (facts of
Kanboard: a batch that outlives PHP's time limit answers HTTP 200 with an HTML page). So what counts
as done is what reading back shows, never what an answer said; and what has no answer is sent again
only after reading back showed that it did not happen.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Protocol

from kanport.apply.journal import Journal, told
from kanport.apply.passwords import Passwords
from kanport.apply.steps import (
    Observed,
    call_for,
    id_in,
    observe,
    probe_for,
    says_no_ldap,
    second_call_for,
)
from kanport.errors import Unreachable
from kanport.kanboard.rpc import Answer, Call, NoAnswer, Refused, Result
from kanport.names import compare_key
from kanport.outcome import STOPPED_BY_SIGNAL, Outcome, Run, Status, Tally
from kanport.plan.model import Action, Change, Plan
from kanport.plan.order import phase_of
from kanport.plan.own_ldap import by_ldap

# bcrypt costs the server 70 to 290 ms for each new user, against a time limit of 30 s.
CREATE_BATCH = 20
# Seconds.
LONGEST_PAUSE = 30.0


class Server(Protocol):
    """What the engine needs of the client."""

    def batch(self, calls: Sequence[Call]) -> list[Answer]:
        """Send one batch; see `kanport.kanboard.client.Client.batch`."""

    def read(self, calls: Sequence[Call]) -> list[object]:
        """Read; see `kanport.kanboard.client.Client.read`."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to carry out a plan.

    `batch_size` is the number of calls in a request, `retries` how often a call that certainly did
    not happen is sent again on its own, `pause` the seconds before the first of these, doubled
    each time.
    """

    batch_size: int = 200
    retries: int = 4
    pause: float = 0.5


@dataclass(slots=True)
class _State:
    """What a run has learned so far.

    `user_ids` are those of new users alone: a username that one user gave up can be another's by
    now. `giving_up` names the rename that is to free a username, by compare key.
    """

    giving_up: dict[str, str]
    user_ids: dict[str, int] = field(default_factory=dict)
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    unwritten: list[Outcome] = field(default_factory=list)
    batches: int = 0
    stopped: str | None = None


class Engine:
    """Carries out plans on one server.

    `on_outcome` is called for each change as soon as its outcome is known; `should_stop` is asked
    between batches, and a true answer ends the run there.
    """

    def __init__(
        self,
        server: Server,
        journal: Journal,
        *,
        passwords: Passwords,
        options: Options | None = None,
        sleep: Callable[[float], None] = time.sleep,
        on_outcome: Callable[[Outcome], None] = lambda outcome: None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> None:
        self._server = server
        self._journal = journal
        self._passwords = passwords
        self._options = options or Options()
        self._sleep = sleep
        self._on_outcome = on_outcome
        self._should_stop = should_stop

    def run(self, plan: Plan, *, run_id: str, version: str) -> Run:
        """Carry out the plan and give what became of each of its changes.

        A server that is lost on the way ends the run with `stopped` set; nothing is raised for it,
        so that the journal and the tally say how far it came.
        """
        started_at = self._journal.begin(run_id, plan, version=version)
        state = _State(
            giving_up={
                compare_key(change.subject.username): change.id
                for change in plan.changes
                if change.action is Action.USER_RENAME
            }
        )
        try:
            for _, phase in groupby(plan.changes, key=phase_of):
                self._run_phase(list(phase), state)
        except Unreachable as problem:
            state.stopped = problem.message
        except _Stopped:
            state.stopped = STOPPED_BY_SIGNAL
        outcomes = tuple(
            state.outcomes.get(change.id) or Outcome(change.id, Status.NOT_ATTEMPTED, state.stopped)
            for change in plan.changes
        )
        tally = Tally.of(len(plan.changes), outcomes)
        finished_at = self._journal.end(tally, stopped=state.stopped)
        user_ids = {
            change.id: state.user_ids[name]
            for change in plan.changes
            if change.action is Action.USER_CREATE
            and (name := compare_key(change.subject.username)) in state.user_ids
        }
        return Run(run_id, started_at, finished_at, outcomes, state.stopped, user_ids)

    # --- one phase --------------------------------------------------------------------------

    def _run_phase(self, changes: Sequence[Change], state: _State) -> None:
        possible = [change for change in changes if self._possible(change, state)]
        self._record(state)
        for action, alike in groupby(possible, key=lambda change: change.action):
            self._run_alike(action, list(alike), state)

    def _possible(self, change: Change, state: _State) -> bool:
        who = change.subject.username
        if change.action is not Action.USER_CREATE:
            if self._user_id(change, state) is not None:
                return True
            reason = f"{who} was not created"
        else:
            # Whoever still has the username would be taken for the new user when it is read back.
            rename = state.giving_up.get(compare_key(who))
            if rename is None or state.outcomes[rename].status in (Status.DONE, Status.ALREADY):
                return True
            reason = f"the username {who} is not free, as its user was not renamed"
        self._settle(change, Status.SKIPPED, reason, state)
        return False

    def _run_alike(self, action: Action, changes: Sequence[Change], state: _State) -> None:
        """Send changes of one kind until each has an outcome.

        Where answers are missing, what did not happen goes again in batches of half the size: so a
        call that breaks every batch that it is in ends up alone, and the others go through.
        """
        size = self._options.batch_size
        if action is Action.USER_CREATE:
            size = min(size, CREATE_BATCH)
        # Whether Kanboard has LDAP at all shows with the first user that is to come from there.
        trial = by_ldap(changes[0])
        alone: Counter[str] = Counter()
        pending = list(changes)
        pause = self._options.pause
        while pending:
            lost: list[Change] = []
            for batch in _chunks(pending, size, first=1 if trial else size):
                if size == 1:
                    alone[batch[0].id] += 1
                answers = self._send(batch, state)
                again = size > 1 or alone[batch[0].id] <= self._options.retries
                lost += self._read_back(batch, answers, again=again, state=state)
                if all(map(says_no_ldap, batch, answers)):
                    self._skip_rest(changes, answers[0], state)
                    return
            pending, trial = lost, False
            if pending:
                size = max(1, size // 2)
                self._sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)

    def _send(self, batch: Sequence[Change], state: _State) -> list[Answer]:
        calls = [
            call_for(change, self._user_id(change, state), self._passwords.of(change))
            for change in batch
        ]
        self._passwords.write(batch)
        return self._post(calls, batch, state)

    def _post(self, calls: Sequence[Call], batch: Sequence[Change], state: _State) -> list[Answer]:
        """Send one batch, again while it certainly never left; raise Unreachable in the end."""
        names = [change.id for change in batch]
        pause = self._options.pause
        for attempt in range(self._options.retries + 1):
            if self._should_stop():
                raise _Stopped
            if attempt:
                self._sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
            state.batches += 1
            self._journal.sent(state.batches, calls[0].method, names)
            try:
                answers = self._server.batch(calls)
            except Unreachable as problem:
                # Kanboard refuses a whole batch for one call, and has done those before it.
                reason = f"{problem.message} It could not be read back"
                self._give_up(batch, reason, state)
                raise
            self._journal.answered(state.batches, answers)
            if not all(isinstance(answer, NoAnswer) and not answer.sent for answer in answers):
                return answers
        raise Unreachable(f"the server cannot be reached any more: {told(answers[0])}")

    # --- reading back -----------------------------------------------------------------------

    def _read_back(
        self, batch: Sequence[Change], answers: Sequence[Answer], *, again: bool, state: _State
    ) -> list[Change]:
        """Settle what became of a batch, and give the changes that are to be sent again."""
        try:
            seen = self._observe(batch, list(map(id_in, batch, answers)), state)
        except Unreachable as problem:
            self._give_up(batch, f"it could not be read back: {problem.message}", state)
            raise
        lost: list[Change] = []
        refused: list[tuple[Change, Answer, Observed]] = []
        for change, answer, observed in zip(batch, answers, seen, strict=True):
            if observed.holds:
                self._settle(change, _success(answer), None, state, observed)
            elif isinstance(answer, NoAnswer) and again:
                lost.append(change)
            else:
                refused.append((change, answer, observed))
        self._record(state)
        self._try_second_call(refused, state)
        self._record(state)
        return lost

    def _observe(
        self, changes: Sequence[Change], new_ids: Sequence[int | None], state: _State
    ) -> list[Observed]:
        probes = [
            probe_for(change, self._user_id(change, state) if new_id is None else new_id)
            for change, new_id in zip(changes, new_ids, strict=True)
        ]
        values = self._server.read(probes)
        return [observe(change, value) for change, value in zip(changes, values, strict=True)]

    def _try_second_call(
        self, refused: Sequence[tuple[Change, Answer, Observed]], state: _State
    ) -> None:
        second = {
            change.id: call
            for change, _, before in refused
            if (call := second_call_for(change, self._user_id(change, state), before)) is not None
        }
        tried = [change for change, _, _ in refused if change.id in second]
        new_ids = [before.user_id for change, _, before in refused if change.id in second]
        seen: dict[str, Observed] = {}
        if tried:
            self._post([second[change.id] for change in tried], tried, state)
            observed = self._observe(tried, new_ids, state)
            seen = {change.id: there for change, there in zip(tried, observed, strict=True)}
        for change, answer, before in refused:
            there = seen.get(change.id, before)
            if there.holds:
                self._settle(change, Status.DONE, None, state, there)
            else:
                # A user of LDAP who is there gets access, even where a field could not be set.
                made = there if by_ldap(change) else None
                self._settle(change, Status.FAILED, _why(change, answer, there), state, made)

    # --- bookkeeping ------------------------------------------------------------------------

    def _settle(
        self,
        change: Change,
        status: Status,
        reason: str | None,
        state: _State,
        observed: Observed | None = None,
    ) -> None:
        outcome = Outcome(change.id, status, reason)
        state.outcomes[change.id] = outcome
        new = change.action is Action.USER_CREATE
        if new and observed is not None and observed.user_id is not None:
            state.user_ids[compare_key(change.subject.username)] = observed.user_id
        state.unwritten.append(outcome)

    def _skip_rest(self, changes: Sequence[Change], answer: Answer, state: _State) -> None:
        """Settle those of whom it is clear by now that Kanboard cannot make them."""
        why = answer.message if isinstance(answer, Refused) else "no LDAP"
        for change in changes:
            if change.id not in state.outcomes:
                reason = f"not tried, as Kanboard cannot take users from its own LDAP: {why}"
                self._settle(change, Status.SKIPPED, reason, state)
        self._record(state)

    def _give_up(self, batch: Sequence[Change], reason: str, state: _State) -> None:
        """Settle a batch of which nobody can tell whether it was done."""
        for change in batch:
            self._settle(change, Status.FAILED, reason, state)
        self._record(state)

    def _record(self, state: _State) -> None:
        """Put the outcomes that are new into the journal, with one wait for the disk."""
        settled, state.unwritten = state.unwritten, []
        self._journal.outcomes(settled)
        for outcome in settled:
            self._on_outcome(outcome)

    def _user_id(self, change: Change, state: _State) -> int | None:
        if change.user_id is not None:
            return change.user_id
        return state.user_ids.get(compare_key(change.subject.username))


class _Stopped(Exception):
    """The caller asked the run to stop."""


def _chunks(changes: Sequence[Change], size: int, *, first: int) -> Iterator[Sequence[Change]]:
    yield changes[:first]
    yield from (changes[start : start + size] for start in range(first, len(changes), size))


def _success(answer: Answer) -> Status:
    # A refusal of what is there nevertheless: somebody else did it between reading and writing.
    refused = isinstance(answer, Refused) or (isinstance(answer, Result) and answer.value is False)
    return Status.ALREADY if refused else Status.DONE


def _why(change: Change, answer: Answer, observed: Observed) -> str:
    if isinstance(answer, NoAnswer):
        return f"the server never answered it ({answer.why}); {observed.instead}"
    if isinstance(answer, Refused):
        return f"the server refused it ({answer.message}); {observed.instead}"
    if change.action is Action.MEMBERSHIP_REVOKE:
        return f"still a member, so the access comes through a group; {observed.instead}"
    if answer.value is False and by_ldap(change):
        return (
            f"Kanboard's own LDAP does not know them, or Kanboard cannot ask it"
            f" (LDAP_BIND_TYPE user? its log says more); {observed.instead}"
        )
    if answer.value is False:
        return f"the server refused it and does not say why; {observed.instead}"
    return f"the server said yes, but {observed.instead}"
