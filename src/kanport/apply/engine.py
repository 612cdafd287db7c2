"""Carrying out a plan: phase by phase, in batches over several connections, all read back.

A batch is no transaction, and the answer that says what was done can be lost half-way (facts of
Kanboard: a batch that outlives PHP's time limit answers HTTP 200 with an HTML page). So what counts
as done is what reading back shows, never what an answer said; and what has no answer is sent again
only after reading back showed that it did not happen.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any, Protocol

from kanport.apply.group_steps import ABOUT, ACCESS, told_enough
from kanport.apply.journal import Journal, JournalBroken, Recorded
from kanport.apply.observed import Ids, Observed
from kanport.apply.pace import Lanes, Pace, Throttle
from kanport.apply.passwords import Passwords
from kanport.apply.probing import read_back
from kanport.apply.reasons import look_into, stays_through_group, why_not
from kanport.apply.state import State, giving_up, heard, success
from kanport.apply.steps import (
    CREATING,
    as_before,
    call_for,
    id_in,
    observe,
    says_no_ldap,
    second_call_for,
)
from kanport.apply.work_queue import Batch, Queue
from kanport.errors import Unreachable
from kanport.kanboard.rpc import Answer, Call, NoAnswer
from kanport.names import compare_key
from kanport.outcome import (
    LEFT,
    SENT_UNKNOWN,
    STOPPED_BY_ERRORS,
    STOPPED_BY_SIGNAL,
    Outcome,
    Run,
    Status,
    Tally,
)
from kanport.plan.model import Action, Change, Plan
from kanport.plan.order import Phase, phase_of
from kanport.plan.own_ldap import by_ldap

# Where the sizes of batches begin; bcrypt costs the server 70 to 290 ms for each new user.
FIRST_CREATES = 5
FIRST_OTHERS = 350
# Seen on all three databases: beyond this a batch gains nothing.
LARGEST = 500
# Seconds.
LONGEST_PAUSE = 30.0


class Server(Protocol):
    """What the engine needs of the client; both are called from several threads."""

    def batch(self, calls: Sequence[Call]) -> list[Answer]:
        """Send one batch; see `kanport.kanboard.client.Client.batch`."""

    def read(
        self, calls: Sequence[Call], *, batch_size: int | None = None, connections: int = 1
    ) -> list[Any]:
        """Read; see `kanport.kanboard.client.Client.read`."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to carry out a plan.

    `batch_size` is the number of calls in a request; None lets it follow the server. `connections`
    is the most that are used, `rate` the most calls a second. `max_errors` ends the run when more
    items than that have failed. `retries` is how often a call that certainly did not happen is sent
    again on its own, `pause` the seconds before the first of these, doubled each time.
    """

    batch_size: int | None = None
    connections: int = 8
    rate: float | None = None
    max_errors: int | None = None
    retries: int = 4
    pause: float = 0.5


class Engine:
    """Carries out plans on one server.

    `on_outcome` is called for each change as soon as its outcome is known; `should_stop` is asked
    before each batch, and a true answer ends the run there.
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
        self._lock = threading.RLock()
        self._halt = threading.Event()
        self._throttle = Throttle(self._options.rate, sleep=sleep)
        self._lanes = Lanes(self._options.connections)

    def run(self, plan: Plan, *, run_id: str, version: str) -> Run:
        """Carry out the plan and give what became of each of its changes.

        A server that is lost on the way ends the run with `stopped` set; nothing is raised for it,
        so that the journal and the tally say how far it came.
        """
        started_at = self._journal.begin(run_id, plan, version=version)
        return self._finish(plan, run_id, started_at, State(giving_up(plan)), frozenset())

    def resume(self, recorded: Recorded) -> Run:
        """Finish a run that was cut off, from what its journal says.

        What has an outcome is left alone. Everything else is looked at first: what is as it should
        be is done, what is as it was before is carried out, and the rest is skipped.
        """
        plan = recorded.plan
        self._journal.resume()
        state = State(giving_up(plan), outcomes=dict(recorded.settled))
        state.doubted |= recorded.sent
        open_ones = frozenset(change.id for change in plan.changes) - set(recorded.settled)
        return self._finish(plan, recorded.run.id, recorded.run.started_at, state, open_ones)

    def look(self, recorded: Recorded) -> Run:
        """Find out how far a run came that was cut off, and leave the rest of it to another one.

        Nothing is written to the server; what was sent without an answer is read back. The journal
        still has no end. Raises Unreachable and JournalBroken.
        """
        plan = recorded.plan
        self._journal.resume()
        state = State(giving_up(plan), outcomes=dict(recorded.settled))
        state.doubted |= recorded.sent
        self._learn_ids(plan, state)
        for _, changes in groupby(plan.changes, key=phase_of):
            sent = [change for change in changes if change.id in recorded.sent]
            self._look_first(sent, recorded.sent, state)
        # What was looked at and is as it was before did not happen.
        state.doubted.clear()
        return _run(plan, recorded.run.id, recorded.run.started_at, None, state, LEFT)

    def _finish(
        self, plan: Plan, run_id: str, started_at: str, state: State, unsure: frozenset[str]
    ) -> Run:
        stopped: str | None = None
        try:
            self._learn_ids(plan, state)
            for phase, changes in groupby(plan.changes, key=phase_of):
                pending = [change for change in changes if change.id not in state.outcomes]
                self._run_phase(phase, pending, unsure, state)
        except (Unreachable, JournalBroken) as problem:
            stopped = str(problem)
        except _Stopped as asked:
            stopped = str(asked)
        outcomes = _outcomes(plan, state, stopped)
        self._passwords.keep(
            change.username
            for change, outcome in zip(plan.changes, outcomes, strict=True)
            if outcome.status is Status.DONE or outcome.reason == SENT_UNKNOWN
        )
        try:
            tally = Tally.of(len(plan.changes), outcomes)
            finished_at: str | None = self._journal.end(tally, stopped=stopped)
        except JournalBroken:
            finished_at = None
        return _run(plan, run_id, started_at, finished_at, state, stopped)

    # --- one phase --------------------------------------------------------------------------

    def _run_phase(
        self, phase: Phase, changes: Sequence[Change], unsure: frozenset[str], state: State
    ) -> None:
        possible = [change for change in changes if self._possible(change, state)]
        self._record(state)
        possible = self._look_first(possible, unsure, state)
        for action, alike in groupby(possible, key=lambda change: change.action):
            # One rename may free the name that the next one takes.
            alone = phase is Phase.RENAME
            self._run_alike(action, list(alike), state, Lanes(1) if alone else self._lanes)

    def _possible(self, change: Change, state: State) -> bool:
        who = change.username
        if change.action is not Action.USER_CREATE:
            lacking = state.lacking(change)
            if lacking is None:
                return True
            reason = f"{lacking} was not created"
        else:
            # Whoever still has the username would be taken for the new user when it is read back.
            rename = state.giving_up.get(compare_key(who))
            if rename is None or state.outcomes[rename].status in (Status.DONE, Status.ALREADY):
                return True
            reason = f"the username {who} is not free, as its user was not renamed"
        self._settle(change, Status.SKIPPED, reason, state)
        return False

    def _look_first(
        self, changes: Sequence[Change], unsure: frozenset[str], state: State
    ) -> list[Change]:
        """Settle what a run that was cut off did already, or what has changed since."""
        doubtful = [change for change in changes if change.id in unsure]
        if not doubtful:
            return list(changes)
        values = self._probe(doubtful, [None] * len(doubtful), state)
        for change, value in zip(doubtful, values, strict=True):
            there = observe(change, value)
            if there.holds and there.shown:
                status = Status.DONE if change.id in state.doubted else Status.ALREADY
                self._settle(change, status, None, state, there)
            elif not there.holds and not there.mend and not as_before(change, value):
                reason = f"the server has changed since the plan was made: {there.instead}"
                self._settle(change, Status.SKIPPED, reason, state)
        self._record(state)
        return [change for change in changes if change.id not in state.outcomes]

    def _run_alike(
        self, action: Action, changes: Sequence[Change], state: State, lanes: Lanes
    ) -> None:
        """Carry out changes of one kind over several connections until each has an outcome."""
        options = self._options
        first = FIRST_CREATES if action is Action.USER_CREATE else FIRST_OTHERS
        pace = Pace(first, options.batch_size or LARGEST, fixed=options.batch_size is not None)
        if by_ldap(changes[0]):
            # Whether Kanboard has LDAP at all shows with the first user that is to come from there.
            trial = Queue(changes[:1], sleep=self._sleep)
            if self._work_off(trial, pace, lanes, state):
                self._skip_rest(changes, state)
                return
            changes = changes[1:]
        queue = Queue(changes, lanes=lanes.allowed, sleep=self._sleep)
        trouble: list[BaseException] = []

        def lane() -> None:
            try:
                self._work_off(queue, pace, lanes, state)
            except BaseException as problem:  # whatever it is, the main thread has to know
                trouble.append(problem)
                self._halt.set()

        count = min(lanes.most, len(changes))
        threads = [threading.Thread(target=lane, daemon=True) for _ in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                # In steps, so that a second Ctrl-C gets through.
                thread.join(0.2)
        if trouble:
            raise next((one for one in trouble if not isinstance(one, _Stopped)), trouble[0])

    def _work_off(self, queue: Queue, pace: Pace, lanes: Lanes, state: State) -> bool:
        """Carry out batch after batch; True where Kanboard turns out to have no LDAP."""
        while True:
            with lanes:
                batch = queue.take(pace.size, least=pace.least, lanes=lanes.allowed)
                if batch is None:
                    return False
                begun = time.monotonic()
                answers = self._send(batch.changes, state)
                if not any(isinstance(answer, NoAnswer) for answer in answers):
                    pace.learn(len(answers), time.monotonic() - begun)
                self._read_back(batch, answers, queue, state)
                lanes.done(len(answers))
            if all(map(says_no_ldap, batch.changes, answers)):
                return True

    def _send(self, batch: Sequence[Change], state: State) -> list[Answer]:
        self._ask_whether_to_stop()
        calls = [
            call_for(change, state.ids(change), self._passwords.of(change)) for change in batch
        ]
        with self._lock:
            self._passwords.write(batch)
        return self._post(calls, batch, state)

    def _post(self, calls: Sequence[Call], batch: Sequence[Change], state: State) -> list[Answer]:
        """Send one batch, again while it certainly never left; raise Unreachable in the end."""
        names = [change.id for change in batch]
        pause = self._options.pause
        for attempt in range(self._options.retries + 3):
            self._ask_whether_to_stop()
            if attempt:
                self._sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
            self._throttle.wait_for(len(calls))
            with self._lock:
                state.batches += 1
                number = state.batches
                self._journal.sent(number, calls[0].method, names)
                state.doubted.update(names)
            # Unreachable: Kanboard refuses a whole batch for one call, and has done those before.
            answers = self._server.batch(calls)
            self._journal.answered(number, answers)
            unsent = [isinstance(answer, NoAnswer) and not answer.sent for answer in answers]
            with self._lock:
                state.doubted.difference_update(
                    name
                    for name, answer, never in zip(names, answers, unsent, strict=True)
                    if never or not isinstance(answer, NoAnswer)
                )
            if not all(unsent):
                return answers
            if isinstance(answers[0], NoAnswer) and answers[0].final:
                break
        why = answers[0].why if isinstance(answers[0], NoAnswer) else ""
        raise Unreachable(f"The server cannot be reached any more: {why}.")

    def _ask_whether_to_stop(self) -> None:
        if self._should_stop():
            raise _Stopped(STOPPED_BY_SIGNAL)
        if self._halt.is_set():
            raise _Stopped(STOPPED_BY_ERRORS)

    # --- reading back -----------------------------------------------------------------------

    def _read_back(
        self, batch: Batch, answers: Sequence[Answer], queue: Queue, state: State
    ) -> None:
        """Settle what became of a batch; what did not happen for want of an answer goes again."""
        changes = batch.changes
        with self._lock:
            mine = set(state.doubted)
            # Until it is read back, nobody can tell what became of it.
            state.doubted.update(change.id for change in changes)
        new_ids = list(map(id_in, changes, answers))
        values = self._probe(changes, new_ids, state)
        with self._lock:
            state.doubted.difference_update({change.id for change in changes} - mine)
        lost: list[Change] = []
        refused: list[tuple[Change, Answer, Observed]] = []
        retry = len(changes) > 1 or batch.tries < self._options.retries
        wait = self._options.pause * 2**batch.tries
        for change, answer, value in zip(changes, answers, values, strict=True):
            there = observe(change, value)
            if there.holds and told_enough(change, answer, there):
                status = Status.DONE if change.id in mine else success(answer)
                self._settle(change, status, None, state, there)
            elif isinstance(answer, NoAnswer) and retry:
                lost.append(change)
                with self._lock:
                    state.last_word[change.id] = why_not(change, answer, there)
                wait = max(wait, min(answer.retry_after or 0.0, 2 * LONGEST_PAUSE))
            else:
                refused.append((change, answer, there))
        self._record(state)
        if lost:
            alone = len(changes) == 1
            queue.give_back(lost, tries=batch.tries + alone, wait=min(wait, 2 * LONGEST_PAUSE))
        if refused:
            self._try_second_call(refused, state)
            self._record(state)

    def _probe(
        self, changes: Sequence[Change], new_ids: Sequence[int | None], state: State
    ) -> list[Any]:
        asked = [
            (change, state.ids(change) if new_id is None else Ids(user=new_id))
            for change, new_id in zip(changes, new_ids, strict=True)
        ]
        return read_back(asked, partial(self._server.read, batch_size=LARGEST, connections=1))

    def _try_second_call(
        self, refused: Sequence[tuple[Change, Answer, Observed]], state: State
    ) -> None:
        with self._lock:
            for change, answer, there in refused:
                state.last_word[change.id] = why_not(change, answer, there)
        second = {
            change.id: call
            for change, _, before in refused
            if (call := second_call_for(change, state.ids(change), before)) is not None
        }
        tried = [change for change, _, _ in refused if change.id in second]
        new_ids = [before.user_id for change, _, before in refused if change.id in second]
        seen: dict[str, Observed] = {}
        if tried:
            answers = self._post_until_told(tried, second, state)
            values = self._probe(tried, new_ids, state)
            seen = {
                change.id: heard(observe(change, value), answer)
                for change, value, answer in zip(tried, values, answers, strict=True)
            }
        failed = [
            (change, state.ids(change))
            for change, _, before in refused
            if not seen.get(change.id, before).holds
        ]
        found = look_into(self._server, failed)
        for change, answer, before in refused:
            there = seen.get(change.id, before)
            if there.holds and (there.shown or change.id in seen):
                status = success(answer) if change.action in ABOUT else Status.DONE
                self._settle(change, status, None, state, there)
            else:
                # A user of LDAP who is there gets access, even where a field could not be set.
                made = there if by_ldap(change) else None
                reason = why_not(change, answer, there, found[change.id])
                through = stays_through_group(change, answer, there)
                self._settle(change, Status.FAILED, reason, state, made, through)

    def _post_until_told(
        self, tried: Sequence[Change], calls: Mapping[str, Call], state: State
    ) -> list[Answer]:
        """Send second calls; those whose answer is all that will ever show go again without one."""
        answers = self._post([calls[change.id] for change in tried], tried, state)
        for attempt in range(self._options.retries):
            lost = [
                number
                for number, answer in enumerate(answers)
                if isinstance(answer, NoAnswer) and tried[number].action in ACCESS
            ]
            if not lost:
                break
            self._sleep(min(self._options.pause * 2**attempt, LONGEST_PAUSE))
            again = [tried[number] for number in lost]
            more = self._post([calls[change.id] for change in again], again, state)
            for number, answer in zip(lost, more, strict=True):
                answers[number] = answer
        return answers

    # --- bookkeeping ------------------------------------------------------------------------

    def _settle(
        self,
        change: Change,
        status: Status,
        reason: str | None,
        state: State,
        observed: Observed | None = None,
        through_group: str | None = None,
    ) -> None:
        outcome = Outcome(change.id, status, reason, through_group)
        with self._lock:
            state.outcomes[change.id] = outcome
            if observed is not None:
                state.learn(change, observed)
            state.unwritten.append(outcome)
            state.failed += status is Status.FAILED

    def _skip_rest(self, changes: Sequence[Change], state: State) -> None:
        """Settle those of whom it is clear by now that Kanboard cannot make them."""
        why = state.outcomes[changes[0].id].reason
        for change in changes[1:]:
            reason = f"not tried, as Kanboard cannot take users from its own LDAP: {why}"
            self._settle(change, Status.SKIPPED, reason, state)
        self._record(state)

    def _record(self, state: State) -> None:
        """Put the outcomes that are new into the journal, with one wait for the disk."""
        with self._lock:
            settled, state.unwritten = state.unwritten, []
            if not settled:
                return
            self._journal.outcomes(settled)
            for outcome in settled:
                self._on_outcome(outcome)
            most = self._options.max_errors
            if most is not None and state.failed > most:
                raise _Stopped(STOPPED_BY_ERRORS)

    def _learn_ids(self, plan: Plan, state: State) -> None:
        """Find the ids of the users, groups and projects that a run which was cut off has made."""
        made = [
            change
            for change in plan.changes
            if change.action in CREATING and change.id in state.outcomes
        ]
        values = self._probe(made, [None] * len(made), state) if made else []
        for change, value in zip(made, values, strict=True):
            state.learn(change, observe(change, value))


def _outcomes(plan: Plan, state: State, stopped: str | None) -> tuple[Outcome, ...]:
    return tuple(state.final(change, stopped) for change in plan.changes)


def _run(
    plan: Plan,
    run_id: str,
    started_at: str,
    finished_at: str | None,
    state: State,
    stopped: str | None,
) -> Run:
    return Run(
        run_id,
        started_at,
        finished_at,
        _outcomes(plan, state, stopped),
        stopped,
        user_ids=state.new_ids(plan),
        group_ids=state.new_groups(plan),
        project_ids=state.new_projects(plan),
    )


class _Stopped(Exception):
    """The run is to stop before the next batch; the message says why."""
