"""Carrying out a plan: phase by phase, in batches over several connections, all read back.

A batch is no transaction, and the answer that says what was done can be lost half-way (facts of
Kanboard: a batch that outlives PHP's time limit answers HTTP 200 with an HTML page). So what counts
as done is what reading back shows, never what an answer said; and what has no answer is sent again
only after reading back showed that it did not happen.

Here is the order of things; `crew` works off what is alike, `sending` sends, `settling` reads back.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import groupby
from types import MappingProxyType

from kanport.apply.crew import carry_out
from kanport.apply.job import Job, Server, Stopped
from kanport.apply.journal import Journal, JournalBroken, Recorded
from kanport.apply.options import Options
from kanport.apply.pace import Lanes, Throttle
from kanport.apply.passwords import Passwords, PasswordsBroken
from kanport.apply.settling import probe, wait_for_new_ones
from kanport.apply.state import Renames, State
from kanport.apply.steps import CREATING, as_before, observe
from kanport.apply.watch import Watch
from kanport.errors import Unreachable, UsageError
from kanport.facts import Fact, fact
from kanport.names import compare_key
from kanport.outcome import LEFT, SENT_IN_VAIN, Outcome, Run, Status, Tally
from kanport.plan.model import Action, Change, Plan
from kanport.plan.order import Phase, phase_of

__all__ = ["Engine", "Options", "Server"]

NOTHING_RENAMED: Mapping[str, Fact] = MappingProxyType({})


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

    def run(self, plan: Plan, *, run_id: str, version: str) -> Run:
        """Carry out the plan and give what became of each of its changes.

        A server that is lost on the way ends the run with `stopped` set; nothing is raised for it,
        so that the journal and the tally say how far it came. Raises Unreachable where the journal
        cannot even be begun: nothing was sent then, and there is no journal.
        """
        try:
            started_at = self._journal.begin(run_id, plan, version=version)
        except JournalBroken as problem:
            self._passwords.discard()
            raise unwritable(problem) from problem
        job = self._job(State(Renames.of(plan)))
        return _finish(job, plan, run_id, started_at, frozenset())

    def resume(self, recorded: Recorded, renamed: Mapping[str, Fact] = NOTHING_RENAMED) -> Run:
        """Finish a run that was cut off, from what its journal says.

        What has an outcome is left alone. Everything else is looked at first: what is as it should
        be is done, what is as it was before is carried out, and the rest is skipped, as is what is
        about somebody or something with another name by now (`renamed`, by change id).
        """
        plan = recorded.plan
        try:
            job = self._again(recorded)
        except JournalBroken as problem:
            raise unwritable(problem) from problem
        for change in plan.changes:
            if change.id in renamed and change.id not in job.state.outcomes:
                why = fact("changed-since-plan", found=renamed[change.id])
                job.settle(change, Status.SKIPPED, why)
        open_ones = frozenset(change.id for change in plan.changes) - set(recorded.settled)
        return _finish(job, plan, recorded.run.id, recorded.run.started_at, open_ones)

    def look(self, recorded: Recorded) -> Run:
        """Find out how far a run came that was cut off, and leave the rest of it to another one.

        Nothing is written to the server; what was sent without an answer is read back. The journal
        still has no end. Raises Unreachable and JournalBroken.
        """
        plan = recorded.plan
        job = self._again(recorded)
        _learn_ids(job, plan)
        for _, changes in groupby(plan.changes, key=phase_of):
            sent = [change for change in changes if change.id in recorded.sent]
            for change in _look_first(job, sent, recorded.sent):
                job.settle(change, Status.FAILED, SENT_IN_VAIN)
        job.record()
        return _run(plan, recorded.run.id, recorded.run.started_at, None, job.state, LEFT)

    def _again(self, recorded: Recorded) -> Job:
        self._journal.resume()
        state = State(Renames.of(recorded.plan), outcomes=dict(recorded.settled))
        state.doubted |= recorded.sent
        state.from_before = recorded.sent
        return self._job(state)

    def _job(self, state: State) -> Job:
        return Job(
            self._server,
            self._journal,
            self._passwords,
            self._options,
            state,
            self._sleep,
            self._on_outcome,
            self._should_stop,
            Throttle(self._options.rate, sleep=self._sleep),
            Lanes(self._options.connections),
            self._watch,
        )


def unwritable(problem: JournalBroken) -> Unreachable:
    """Return the error for a journal that takes nothing before anything was sent."""
    return Unreachable(
        f"{problem}; nothing was written to the server",
        hint="make room on its disk, or name a journal on another disk with --journal",
    )


def _finish(job: Job, plan: Plan, run_id: str, started_at: str, unsure: frozenset[str]) -> Run:
    state = job.state
    stopped: Fact | None = None
    try:
        _learn_ids(job, plan)
        for phase, changes in groupby(plan.changes, key=phase_of):
            pending = [change for change in changes if change.id not in state.outcomes]
            _run_phase(job, phase, pending, unsure)
    except (Unreachable, JournalBroken, PasswordsBroken, Stopped) as problem:
        stopped = problem.why
    outcomes = _outcomes(plan, state, stopped)
    # A full disk keeps passwords that are nobody's; that is no reason for a journal without an end.
    with suppress(UsageError):
        job.passwords.keep(
            change.username
            for change, outcome in zip(plan.changes, outcomes, strict=True)
            # The password of whom an earlier process made is not the one of this process.
            if (outcome.status is Status.DONE or outcome.unknown)
            and change.id not in state.made_before
        )
    try:
        tally = Tally.of(len(plan.changes), outcomes)
        finished_at: str | None = job.journal.end(tally, stopped=stopped)
    except JournalBroken:
        finished_at = None
    return _run(plan, run_id, started_at, finished_at, state, stopped)


def _run_phase(job: Job, phase: Phase, changes: Sequence[Change], unsure: frozenset[str]) -> None:
    # One rename may free the username that the next one takes.
    renaming = phase is Phase.RENAME
    lanes = Lanes(1) if renaming else job.lanes
    for stage in _stages(changes) if renaming else [changes]:
        possible = [change for change in stage if _possible(job, change)]
        job.record()
        possible = _look_first(job, possible, unsure)
        for _, alike in groupby(possible, key=lambda change: change.action):
            carry_out(job, list(alike), lanes)


def _stages(changes: Sequence[Change]) -> Iterator[list[Change]]:
    """Split renames where one needs to know what became of another one.

    That is one that takes a username which another one frees, and the second one of a user.
    """
    stage: list[Change] = []
    users: set[int | None] = set()
    freed: set[str] = set()
    for change in changes:
        if change.action is Action.USER_RENAME:
            if change.user_id in users or compare_key(change.new_username) in freed:
                yield stage
                stage, users, freed = [], set(), set()
            users.add(change.user_id)
            freed.add(compare_key(change.username))
        stage.append(change)
    yield stage


def _possible(job: Job, change: Change) -> bool:
    why = _hindered(job.state, change)
    if why is not None:
        job.settle(change, Status.SKIPPED, why)
    return why is None


def _hindered(state: State, change: Change) -> Fact | None:
    """Say why a change cannot be carried out after what came before it; None where it can."""
    if change.action is Action.USER_RENAME:
        return _not_renamed(state, change)
    if change.action is Action.USER_CREATE:
        # Whoever still has the username would be taken for the new user when it is read back.
        return _not_free(state, change.username, change)
    lacking = state.lacking(change)
    return None if lacking is None else lacking.as_fact("not-created")


def _not_renamed(state: State, change: Change) -> Fact | None:
    before = state.renames.before(change)
    if before is not None and not _holds(state, before):
        return fact("not-renamed-first", username=change.username)
    temporary = None if before is None else change.username
    return _not_free(state, change.new_username, change, temporary)


def _not_free(
    state: State, username: str, change: Change, temporary: str | None = None
) -> Fact | None:
    holders = state.renames.freeing.get(compare_key(username), ())
    if all(_holds(state, one.id) for one in holders if one.user_id != (change.user_id or 0)):
        return None
    if temporary is None:
        return fact("username-not-free", username=username)
    return fact("username-not-free", case="temporary", username=username, temporary=temporary)


def _holds(state: State, change_id: str) -> bool:
    outcome = state.outcomes.get(change_id)
    return outcome is not None and outcome.status in (Status.DONE, Status.ALREADY)


def _look_first(job: Job, changes: Sequence[Change], unsure: frozenset[str]) -> list[Change]:
    """Settle what a run that was cut off did already, or what has changed since."""
    doubtful = [change for change in changes if change.id in unsure]
    if not doubtful:
        return list(changes)
    sent = [change.id in job.state.doubted for change in doubtful]
    values = wait_for_new_ones(job, doubtful, probe(job, doubtful), sent)
    for change, value in zip(doubtful, values, strict=True):
        there = observe(change, value)
        if not there.holds and observe(job.state.renames.in_the_end(change), value).holds:
            # The second half of a rename by way of a temporary username shows that of the first.
            there = replace(there, holds=True)
        if not there.understood:
            raise Unreachable(fact("cannot-read-back", change=change.id, found=there.actual))
        if there.holds and there.shown:
            status = Status.DONE if change.id in job.state.doubted else Status.ALREADY
            job.settle(change, status, observed=there)
        elif not there.holds and not there.mend and not as_before(change, value):
            why = fact("changed-since-plan", found=there.actual)
            job.settle(change, Status.SKIPPED, why)
    job.record()
    return [change for change in changes if change.id not in job.state.outcomes]


def _learn_ids(job: Job, plan: Plan) -> None:
    """Find the ids of the users, groups and projects that a run which was cut off has made."""
    made = [
        change
        for change in plan.changes
        if change.action in CREATING and change.id in job.state.outcomes
    ]
    values = probe(job, made) if made else []
    for change, value in zip(made, values, strict=True):
        job.state.learn(change, observe(change, value))


def _outcomes(plan: Plan, state: State, stopped: Fact | None) -> tuple[Outcome, ...]:
    return tuple(state.final(change, stopped) for change in plan.changes)


def _run(
    plan: Plan,
    run_id: str,
    started_at: str,
    finished_at: str | None,
    state: State,
    stopped: Fact | None,
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
