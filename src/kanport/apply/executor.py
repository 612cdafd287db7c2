"""Carry out a plan: phase by phase, in batches over several connections, all read back.

A batch is not a transaction, and the answer that says what was done can be lost half-way (facts of
Kanboard: a batch that outlives PHP's time limit answers HTTP 200 with an HTML page). So what counts
as done is what reading back shows, never what an answer said; and what has no answer is sent again
only after reading back showed that it did not happen.

Read it from top to bottom: a run, its phases, the workers of a phase, sending a batch, settling it
by what is read back, and the state of the run, which nothing else touches.
"""

import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from itertools import groupby
from types import MappingProxyType
from typing import Any, Protocol

from kanport.apply.calls import (
    CREATING,
    Ids,
    call_for,
    id_in,
    is_proved_by_answer,
    may_be_role_of_group,
    says_no_ldap,
    second_call_for,
)
from kanport.apply.concurrency import (
    AdaptiveBatchSize,
    Batch,
    ConcurrencyLimit,
    Options,
    RateLimiter,
    Stopped,
    WorkQueue,
    in_parallel,
)
from kanport.apply.diagnose import diagnose, failure_reason, stays_through_group
from kanport.apply.journal import Journal, JournalBroken, Recorded
from kanport.apply.passwords import Passwords
from kanport.apply.reconcile import (
    Observation,
    as_before,
    may_come_twice,
    observe,
    read_until_stable,
    readback,
    success,
    with_answers,
)
from kanport.apply.state import Renames, RunState, stages_of
from kanport.apply.verify import WATCHED, Watch
from kanport.errors import Unreachable, UsageError
from kanport.facts import Fact, fact
from kanport.kanboard.faults import Fault
from kanport.kanboard.rpc import Answer, Call, NoAnswer
from kanport.network import run_is_over
from kanport.outcome import (
    LEFT,
    NOT_REACHED,
    SENT_IN_VAIN,
    STOPPED_BY_DEADLINE,
    STOPPED_BY_ERRORS,
    STOPPED_BY_SIGNAL,
    EndsRun,
    Outcome,
    Run,
    Status,
    Tally,
)
from kanport.plan.change import GROUPS_AND_PROJECTS, Action, Change, ChangesByAction, by_ldap
from kanport.plan.model import Plan
from kanport.plan.order import Phase, phase_of
from kanport.records import rarely_collected
from kanport.relations import About

# Seen on all three databases: a request gains nothing from more calls than this.
MAX_BATCH_SIZE = 500
# The sizes that batches begin with; bcrypt costs the server 70 to 290 ms for each new user.
FIRST_CREATES = 5
FIRST_OTHERS = 350
# Seconds.
LONGEST_PAUSE = 30.0
# Extra retries for a batch that certainly was not sent: it cannot have had an effect, and servers
# take a while to start.
MORE_TRIES = 2
# What PHP or Kanboard itself says at the end of a request: nothing of it is done later.
_FINAL_FAULTS = frozenset({Fault.TIME_LIMIT, Fault.MEMORY_LIMIT, Fault.PHP_ERROR, Fault.BUSY})

_NOTHING_RENAMED: Mapping[str, Fact] = MappingProxyType({})


class ServerClient(Protocol):
    """What a run needs of the client; both are called from several threads."""

    def batch(self, calls: Sequence[Call]) -> list[Answer]:
        """Send one batch; see `kanport.kanboard.client.Client.batch`."""

    def read(
        self, calls: Sequence[Call], *, batch_size: int | None = None, connections: int = 1
    ) -> list[Any]:
        """Read; see `kanport.kanboard.client.Client.read`."""


class Executor:
    """Carries out plans on one server, one at a time.

    `on_outcome` is called for each change as soon as its outcome is known; `should_stop` is asked
    before each batch, and a true answer ends the run there. `watch` checks once more, right before
    they are made, the changes that may lock people out.
    """

    def __init__(
        self,
        server: ServerClient,
        journal: Journal,
        *,
        passwords: Passwords,
        options: Options | None = None,
        sleep: Callable[[float], None] = time.sleep,
        on_outcome: Callable[[Outcome], None] = lambda outcome: None,
        should_stop: Callable[[], bool] = lambda: False,
        watch: Watch | None = None,
    ) -> None:
        self._server = server
        self._journal = journal
        self._passwords = passwords
        self._options = options or Options()
        self._sleep = sleep
        self._on_outcome = on_outcome
        self._should_stop = should_stop
        self._watch = watch
        self._rate = RateLimiter(self._options.rate, sleep=sleep)
        self._start(RunState(Renames({}, {})))

    def _start(self, state: RunState) -> None:
        self._state = state
        self._connections = ConcurrencyLimit(self._options.connections)
        # Ends the other workers before their next batch.
        self._halt = threading.Event()

    # --- a run ------------------------------------------------------------------------------------

    @rarely_collected()
    def run(self, plan: Plan, *, run_id: str, version: str) -> Run:
        """Carry out the plan and return what became of each of its changes.

        A server that is lost on the way ends the run with `stopped` set; nothing is raised for it,
        so that the journal and the tally say how far it came. Raises Unreachable if the journal
        cannot even be begun: nothing was sent then, and there is no journal.
        """
        try:
            started_at = self._journal.begin(run_id, plan, version=version)
        except JournalBroken as problem:
            self._passwords.discard()
            raise _unwritable(problem) from problem
        self._start(RunState(Renames.of(plan)))
        return self._finish(plan, run_id, started_at, frozenset())

    @rarely_collected()
    def resume(self, recorded: Recorded, renamed: Mapping[str, Fact] = _NOTHING_RENAMED) -> Run:
        """Finish a run that was cut off, from what its journal says.

        What has an outcome is left alone. Everything else is read first: what is as the plan wants
        it is done, what is as it was before is carried out, and the rest is skipped, as is what is
        about somebody or something with another name by now (`renamed`, by change id).
        """
        plan = recorded.plan
        try:
            self._go_on(recorded)
        except JournalBroken as problem:
            raise _unwritable(problem) from problem
        for change in plan.changes:
            if change.id in renamed and not self._state.is_settled(change):
                why = fact("changed-since-plan", found=renamed[change.id])
                self._state.settle(change, Status.SKIPPED, why)
        open_ones = frozenset(change.id for change in plan.changes) - set(recorded.settled)
        return self._finish(plan, recorded.run.id, recorded.run.started_at, open_ones)

    def inspect(self, recorded: Recorded) -> Run:
        """Find out how far a run came that was cut off, and leave the rest of it to another one.

        Nothing is written to the server; what was sent without an answer is read back. The journal
        still has no end. Raises Unreachable and JournalBroken.
        """
        plan = recorded.plan
        self._go_on(recorded)
        self._learn_ids(plan)
        for _, changes in groupby(plan.changes, key=phase_of):
            sent = [change for change in changes if change.id in recorded.sent]
            for change in self._settle_by_reading(sent, recorded.sent):
                self._state.settle(change, Status.FAILED, SENT_IN_VAIN)
        self._record()
        outcomes = self._state.outcomes_of(plan, LEFT)
        return self._as_run(plan, recorded.run.id, recorded.run.started_at, None, outcomes, LEFT)

    def _go_on(self, recorded: Recorded) -> None:
        self._journal.resume()
        state = RunState(Renames.of(recorded.plan), outcomes=dict(recorded.settled))
        state.in_doubt |= recorded.sent
        state.from_before = recorded.sent
        self._start(state)

    def _finish(self, plan: Plan, run_id: str, started_at: str, unsure: frozenset[str]) -> Run:
        """Carry out what has no outcome yet; the changes of `unsure` may have been made already."""
        stopped: Fact | None = None
        try:
            self._learn_ids(plan)
            for phase, changes in groupby(plan.changes, key=phase_of):
                # No worker is at work between two phases.
                settled = self._state.outcomes.keys()
                pending = [change for change in changes if change.id not in settled]
                self._run_phase(phase, pending, unsure)
        except (Unreachable, EndsRun) as problem:
            stopped = problem.why
        outcomes = self._state.outcomes_of(plan, stopped)
        self._keep_passwords(plan, outcomes)
        try:
            tally = Tally.of(len(plan.changes), outcomes)
            finished_at: str | None = self._journal.end(tally, stopped=stopped)
        except JournalBroken:
            finished_at = None
        return self._as_run(plan, run_id, started_at, finished_at, outcomes, stopped)

    def _keep_passwords(self, plan: Plan, outcomes: Sequence[Outcome]) -> None:
        # Skip users that an earlier process created: this process has other random passwords.
        created = {
            change.id: change.username
            for change in ChangesByAction(plan.changes).users(Action.USER_CREATE)
            if change.id not in self._state.made_before
        }
        # If the disk is full, the file may keep passwords of users that were not created. Still
        # write the end of the journal.
        with suppress(UsageError):
            self._passwords.keep(
                created[outcome.change_id]
                for outcome in outcomes
                if outcome.change_id in created
                and (outcome.status is Status.DONE or outcome.unknown)
            )

    def _as_run(
        self,
        plan: Plan,
        run_id: str,
        started_at: str,
        finished_at: str | None,
        outcomes: tuple[Outcome, ...],
        stopped: Fact | None,
    ) -> Run:
        return Run(
            run_id,
            started_at,
            finished_at,
            outcomes,
            stopped,
            user_ids=self._state.new_ids(plan, Action.USER_CREATE),
            group_ids=self._state.new_ids(plan, Action.GROUP_CREATE),
            project_ids=self._state.new_ids(plan, Action.PROJECT_CREATE),
        )

    # --- a phase ----------------------------------------------------------------------------------

    def _run_phase(self, phase: Phase, changes: Sequence[Change], unsure: frozenset[str]) -> None:
        # One rename may free the username that the next one takes.
        renaming = phase is Phase.RENAME
        connections = ConcurrencyLimit(1) if renaming else self._connections
        for stage in stages_of(changes) if renaming else [changes]:
            possible = [change for change in stage if self._is_possible(change)]
            self._record()
            possible = self._settle_by_reading(possible, unsure)
            for _, alike in groupby(possible, key=lambda change: change.action):
                self._carry_out(list(alike), connections)

    def _is_possible(self, change: Change) -> bool:
        why = self._state.obstacle(change)
        if why is not None:
            self._state.settle(change, Status.SKIPPED, why)
        return why is None

    def _settle_by_reading(self, changes: Sequence[Change], unsure: frozenset[str]) -> list[Change]:
        """Settle what a run that was cut off did already, or what has changed since."""
        doubtful = [change for change in changes if change.id in unsure]
        if not doubtful:
            return list(changes)
        sent = [change.id in self._state.in_doubt for change in doubtful]
        values = self._until_stable(doubtful, self._readback(doubtful), sent)
        for change, value in zip(doubtful, values, strict=True):
            seen = observe(change, value)
            if not seen.ok and observe(self._state.renames.in_the_end(change), value).ok:
                # The second half of a rename by way of a temporary username shows that of the
                # first.
                seen = seen._replace(ok=True)
            if not seen.understood:
                raise Unreachable(fact("cannot-read-back", change=change.id, found=seen.actual))
            if seen.ok and seen.verifiable:
                done = change.id in self._state.in_doubt
                status = Status.DONE if done else Status.ALREADY
                self._state.settle(change, status, observation=seen)
            elif not seen.ok and not seen.fixups and not as_before(change, value):
                why = fact("changed-since-plan", found=seen.actual)
                self._state.settle(change, Status.SKIPPED, why)
        self._record()
        return [change for change in changes if not self._state.is_settled(change)]

    def _learn_ids(self, plan: Plan) -> None:
        """Find the ids of the users, groups and projects that a run which was cut off has made."""
        made = [
            change
            for change in plan.changes
            if change.action in CREATING and self._state.is_settled(change)
        ]
        for change, value in zip(made, self._readback(made) if made else [], strict=True):
            self._state.learn(change, observe(change, value))

    # --- the workers of a phase -------------------------------------------------------------------

    def _carry_out(self, changes: Sequence[Change], connections: ConcurrencyLimit) -> None:
        """Carry out changes of one action, over as many connections as allowed.

        Those that are watched go last and one by one, each right after it was checked again. Raises
        what ends the run: Unreachable or EndsRun.
        """
        watched = [change for change in changes if self._is_watched(change)]
        ids = {change.id for change in watched}
        others = [change for change in changes if change.id not in ids] if ids else changes
        if others:
            self._carry_out_in_parallel(others, connections)
        if watched:
            alone = AdaptiveBatchSize(1, 1, fixed=True)
            self._work_off(WorkQueue(watched, sleep=self._sleep), alone, ConcurrencyLimit(1))

    def _carry_out_in_parallel(
        self, changes: Sequence[Change], connections: ConcurrencyLimit
    ) -> None:
        first = FIRST_CREATES if changes[0].action is Action.USER_CREATE else FIRST_OTHERS
        fixed = self._options.batch_size
        size = AdaptiveBatchSize(first, fixed or self._largest, fixed=fixed is not None)
        if by_ldap(changes[0]):
            # Whether Kanboard has LDAP at all shows with the first user that is to come from there.
            alone = WorkQueue(changes[:1], sleep=self._sleep)
            if self._work_off(alone, size, connections):
                self._skip_rest(changes)
                return
            changes = changes[1:]
        queue = WorkQueue(changes, workers=connections.allowed, sleep=self._sleep)
        in_parallel(
            lambda: self._work_off(queue, size, connections),
            workers=lambda: min(connections.allowed, len(changes)),
            halt=self._halt,
        )

    def _work_off(
        self, queue: WorkQueue, size: AdaptiveBatchSize, connections: ConcurrencyLimit
    ) -> bool:
        """Carry out batch after batch; return whether Kanboard turns out to have no LDAP."""
        while True:
            with connections:
                batch = queue.take(size.size, least=size.least, workers=connections.allowed)
                if batch is None:
                    return False
                if self._is_stopped_by_watch(batch.changes):
                    continue
                ids = self._state.ids_of(batch.changes)
                begun = time.monotonic()
                answers = self._send(batch.changes, ids)
                if _all_answered(answers):
                    size.learn(len(answers), time.monotonic() - begun)
                self._settle_batch(batch, ids, answers, queue)
                connections.done(len(answers))
            if all(map(says_no_ldap, batch.changes, answers)):
                return True

    def _is_watched(self, change: Change) -> bool:
        watch = self._watch
        return watch is not None and change.action in WATCHED and watch.concerns(change)

    def _is_stopped_by_watch(self, changes: Sequence[Change]) -> bool:
        """Check watched changes again, and settle the one that must not be made; raise Unreachable.

        A watched change is alone in its batch.
        """
        change, *others = changes
        if others or self._watch is None or not self._is_watched(change):
            return False
        self._raise_if_stopped()
        self._rate.wait_for(1)
        left = [one for one in self._watch.plan.changes if not self._state.is_settled(one)]
        if (why := self._watch.objection(change, left)) is None:
            return False
        self._state.settle(change, Status.SKIPPED, why)
        self._record()
        return True

    def _skip_rest(self, changes: Sequence[Change]) -> None:
        """Settle the users after the first, whom Kanboard cannot create from its LDAP either."""
        first, *others = changes
        why = fact("kanboard-ldap-fails", first=self._state.outcomes[first.id].why)
        for change in others:
            self._state.settle(change, Status.SKIPPED, why)
        self._record()

    # --- sending a batch --------------------------------------------------------------------------

    def _send(self, batch: Sequence[Change], ids: Sequence[Ids]) -> list[Answer]:
        """Carry out changes, whose ids are given, in one request; see `_post`."""
        self._raise_if_stopped()
        if batch[0].action is Action.USER_CREATE:
            passwords = list(map(self._passwords.of, batch))
            calls = list(map(call_for, batch, ids, passwords))
            with self._state.lock:
                self._passwords.write(batch)
        else:
            calls = list(map(call_for, batch, ids))
        return self._post(calls, batch)

    def _post(self, calls: Sequence[Call], batch: Sequence[Change]) -> list[Answer]:
        """Send calls, one for each change, in one request once it is on record; return the answers.

        Sends again while the request certainly never left. Raises Unreachable in the end, and if
        Kanboard refuses a whole batch for one call, when it has done those before; Stopped if
        nothing more is to be sent.
        """
        pause, ids = self._options.pause, [change.id for change in batch]
        for attempt in range(1 + self._options.retries + MORE_TRIES):
            self._raise_if_stopped()
            if attempt:
                self._sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE)
            self._rate.wait_for(len(calls))
            number = self._state.next_batch()
            # Without the lock, so that threads that wait for the disk share one wait.
            self._journal.sent(number, calls[0].method, ids)
            self._state.doubt(ids)
            answers = self._server.batch(calls)
            self._journal.answered(number, answers)
            if _all_answered(answers):
                self._state.trust(ids)
                return answers
            unsent = [isinstance(answer, NoAnswer) and not answer.sent for answer in answers]
            self._state.trust(
                number
                for number, answer, never in zip(ids, answers, unsent, strict=True)
                if never or not isinstance(answer, NoAnswer)
            )
            if not all(unsent):
                return answers
            if isinstance(answers[0], NoAnswer) and answers[0].final:
                break
        why = answers[0].reason if isinstance(answers[0], NoAnswer) else NOT_REACHED
        raise Unreachable(fact("server-lost", answer=why))

    def _raise_if_stopped(self) -> None:
        """Raise Stopped if nothing more is to be sent."""
        if self._should_stop():
            raise Stopped(STOPPED_BY_DEADLINE if run_is_over() else STOPPED_BY_SIGNAL)
        if self._halt.is_set():
            raise Stopped(STOPPED_BY_ERRORS)

    @property
    def _largest(self) -> int:
        """The most calls in one request: with a rate, what it allows in a second."""
        rate = self._options.rate
        return MAX_BATCH_SIZE if rate is None else max(1, min(MAX_BATCH_SIZE, int(rate)))

    # --- settling a batch by what is read back ----------------------------------------------------

    def _settle_batch(
        self, batch: Batch, ids: Sequence[Ids], answers: Sequence[Answer], queue: WorkQueue
    ) -> None:
        """Settle what became of a batch; what did not happen for want of an answer goes again."""
        changes, options = batch.changes, self._options
        # Until it is read back, nobody can tell what became of it.
        sent = [change.id for change in changes]
        mine = self._state.doubt(sent)
        if changes[0].action is Action.USER_CREATE:
            ids = [Ids(user=id_in(*each)) for each in zip(changes, answers, strict=True)]
        values = self._readback(changes, ids)
        if not _all_answered(answers):
            values = self._until_stable(
                changes,
                values,
                [
                    isinstance(answer, NoAnswer) and answer.fault not in _FINAL_FAULTS
                    for answer in answers
                ],
            )
        self._state.trust(mine.symmetric_difference(sent))
        lost: list[Change] = []
        holds: list[tuple[Change, Status, Observation]] = []
        refused: list[tuple[Change, Answer, Observation]] = []
        unclear: Change | None = None
        retry = len(changes) > 1 or batch.tries < options.retries
        wait = options.pause * 2**batch.tries
        for change, answer, value in zip(changes, answers, values, strict=True):
            seen = observe(change, value)
            if seen.ok and (seen.verifiable or is_proved_by_answer(change, answer)):
                holds.append((change, success(answer), seen))
            elif may_come_twice(change, answer):
                unclear = change
                break
            elif isinstance(answer, NoAnswer) and retry:
                lost.append(change)
                self._state.note(change, failure_reason(change, answer, seen))
                wait = max(wait, min(answer.retry_after or 0.0, 2 * LONGEST_PAUSE))
            else:
                refused.append((change, answer, seen))
        self._state.settle_all(holds, mine)
        self._record()
        if unclear is not None:
            raise Unreachable(fact("creation-unclear", project=unclear.project))
        if lost:
            alone = len(changes) == 1
            queue.give_back(lost, tries=batch.tries + alone, wait=min(wait, 2 * LONGEST_PAUSE))
        if refused:
            self._try_another_way(refused)
            self._record()

    def _try_another_way(self, refused: Sequence[tuple[Change, Answer, Observation]]) -> None:
        """Send the second call of what was refused, and settle all of it, with the reason."""
        second: dict[str, Call] = {}
        for change, answer, seen in refused:
            self._state.note(change, failure_reason(change, answer, seen))
            call = second_call_for(change, self._state.ids(change), seen.user_id, seen.fixups)
            if call is not None:
                second[change.id] = call
        tried = [change for change, _, _ in refused if change.id in second]
        after: dict[str, Observation] = {}
        if tried:
            answers = self._post_until_answered(tried, second)
            seen_ids = {change.id: seen.user_id for change, _, seen in refused}
            ids = [
                one if (found := seen_ids[change.id]) is None else Ids(user=found)
                for change, one in zip(tried, self._state.ids_of(tried), strict=True)
            ]
            values = self._readback(tried, ids)
            first = {change.id: answer for change, answer, _ in refused}
            after = {
                change.id: with_answers(change, observe(change, value), first[change.id], answer)
                for change, value, answer in zip(tried, values, answers, strict=True)
            }
        # What cannot be read back was done only if a second call says so.
        made = {
            change.id
            for change, _, before in refused
            if (seen := after.get(change.id, before)).ok and (seen.verifiable or change.id in after)
        }
        failed = [
            (change, self._state.ids(change)) for change, _, _ in refused if change.id not in made
        ]
        diagnosed = diagnose(self._server, failed)
        for change, answer, before in refused:
            seen = after.get(change.id, before)
            if change.id in made:
                of_group = change.about in GROUPS_AND_PROJECTS
                status = success(answer) if of_group else Status.DONE
                self._state.settle(change, status, observation=seen)
            else:
                # A user of LDAP who is there gets access, even if a field could not be set.
                user = seen if by_ldap(change) else None
                why = failure_reason(change, answer, seen, diagnosed[change.id])
                through = stays_through_group(change, answer, seen, diagnosed[change.id])
                self._state.settle(change, Status.FAILED, why, user, through)

    def _post_until_answered(
        self, tried: Sequence[Change], calls: Mapping[str, Call]
    ) -> list[Answer]:
        """Send second calls; those whose answer is all that will ever show go again without one."""
        answers = self._post([calls[change.id] for change in tried], tried)
        for attempt in range(self._options.retries):
            lost = [
                number
                for number, answer in enumerate(answers)
                if isinstance(answer, NoAnswer) and _needs_answer(tried[number])
            ]
            if not lost:
                break
            self._sleep(min(self._options.pause * 2**attempt, LONGEST_PAUSE))
            again = [tried[number] for number in lost]
            more = self._post([calls[change.id] for change in again], again)
            for number, answer in zip(lost, more, strict=True):
                answers[number] = answer
        return answers

    def _until_stable(
        self, changes: Sequence[Change], values: Sequence[Any], unanswered: Sequence[bool]
    ) -> list[Any]:
        """Read again what the server may still create for a request whose answer was lost.

        `unanswered` says for which changes there is no answer; the values of the others stay as
        they were read.
        """
        return read_until_stable(
            changes,
            values,
            unanswered,
            self._readback,
            pause=self._options.pause,
            sleep=self._sleep,
            should_stop=self._should_stop,
        )

    def _readback(self, changes: Sequence[Change], ids: Sequence[Ids] | None = None) -> list[Any]:
        """Read what changes are about, by `ids` or by what the run knows of them."""
        ids = self._state.ids_of(changes) if ids is None else ids
        return readback(list(zip(changes, ids, strict=True)), self._read)

    def _read(self, calls: Sequence[Call]) -> list[Any]:
        """Read at no more than the rate that somebody set, which is for what is read back, too."""
        values: list[Any] = []
        for start in range(0, len(calls), self._largest):
            some = calls[start : start + self._largest]
            self._rate.wait_for(len(some))
            values += self._server.read(some, batch_size=self._largest, connections=1)
        return values

    def _record(self) -> None:
        """Put the outcomes that are new into the journal; raise Stopped after too many failures."""
        state = self._state
        with state.lock:
            settled, state.unwritten = state.unwritten, []
            if not settled:
                return
            self._journal.outcomes(settled)
            for outcome in settled:
                self._on_outcome(outcome)
            most = self._options.max_errors
            if most is not None and state.failed > most:
                raise Stopped(STOPPED_BY_ERRORS)


def _all_answered(answers: Iterable[Answer]) -> bool:
    return NoAnswer not in map(type, answers)


def _needs_answer(change: Change) -> bool:
    return change.about is About.GROUP_ACCESS or may_be_role_of_group(change)


def _unwritable(problem: JournalBroken) -> Unreachable:
    """Return the error for a journal that takes nothing before anything was sent."""
    return Unreachable(
        f"{problem}; nothing was written to the server",
        hint="make room on its disk, or name a journal on another disk with --journal",
    )
