"""Reads back what became of a batch, and settles its changes by what is there.

What has no answer and did not happen goes again; what was refused is tried another way where there
is one, and the reason is looked for where there is none.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from kanport.apply.group_steps import ABOUT, ACCESS, told_enough
from kanport.apply.job import Job, Server
from kanport.apply.journal import Recorded
from kanport.apply.observed import Ids, Observed
from kanport.apply.options import Options
from kanport.apply.probing import read_back
from kanport.apply.reasons import look_into, stays_through_group, why_not
from kanport.apply.sending import LONGEST_PAUSE, post
from kanport.apply.state import heard, success
from kanport.apply.steps import (
    CREATING,
    as_before,
    id_in,
    like_that_of_a_group,
    observe,
    second_call_for,
)
from kanport.apply.work_queue import Batch, Queue
from kanport.errors import Unreachable
from kanport.facts import fact
from kanport.kanboard.faults import Fault
from kanport.kanboard.rpc import Answer, Call, NoAnswer
from kanport.outcome import Status
from kanport.plan.model import Action, Change
from kanport.plan.own_ldap import by_ldap

# How often what was asked for and is not there is read again. With the waits in between, which
# double from `Options.pause` to so many times that, this takes about a minute; a stock server cuts
# a request off after 30 seconds.
READ_AGAIN = 10
READ_UNIQUE_AGAIN = 5
LONGEST_WAIT = 16
# What PHP or Kanboard itself says at the end of a request: nothing of it is done later.
_OVER = frozenset({Fault.TIME_LIMIT, Fault.MEMORY_LIMIT, Fault.PHP_ERROR, Fault.BUSY})


def settle_batch(job: Job, batch: Batch, answers: Sequence[Answer], queue: Queue) -> None:
    """Settle what became of a batch; what did not happen for want of an answer goes again."""
    changes, state = batch.changes, job.state
    with job.lock:
        mine = {change.id for change in changes} & state.doubted
        # Until it is read back, nobody can tell what became of it.
        state.doubted.update(change.id for change in changes)
    values = probe(job, changes, list(map(id_in, changes, answers)))
    values = wait_for_new_ones(
        job,
        changes,
        values,
        [isinstance(answer, NoAnswer) and answer.fault not in _OVER for answer in answers],
    )
    with job.lock:
        state.doubted.difference_update({change.id for change in changes} - mine)
    lost: list[Change] = []
    refused: list[tuple[Change, Answer, Observed]] = []
    retry = len(changes) > 1 or batch.tries < job.options.retries
    wait = job.options.pause * 2**batch.tries
    for change, answer, value in zip(changes, answers, values, strict=True):
        there = observe(change, value)
        if there.holds and told_enough(change, answer, there):
            status = Status.DONE if change.id in mine else success(answer)
            if change.id in state.from_before and success(answer) is Status.ALREADY:
                with job.lock:
                    state.made_before.add(change.id)
            job.settle(change, status, observed=there)
        elif _may_come_twice(change, answer):
            raise Unreachable(fact("creation-unclear", project=change.subject.project))
        elif isinstance(answer, NoAnswer) and retry:
            lost.append(change)
            with job.lock:
                state.last_word[change.id] = why_not(change, answer, there)
            wait = max(wait, min(answer.retry_after or 0.0, 2 * LONGEST_PAUSE))
        else:
            refused.append((change, answer, there))
    job.record()
    if lost:
        alone = len(changes) == 1
        queue.give_back(lost, tries=batch.tries + alone, wait=min(wait, 2 * LONGEST_PAUSE))
    if refused:
        _try_another_way(job, refused)
        job.record()


def wait_for_new_ones(
    job: Job, changes: Sequence[Change], values: Sequence[Any], unanswered: Sequence[bool]
) -> list[Any]:
    """Read again until what was asked for is there, or nothing more comes; return what was read.

    The server may still be working on a request whose answer was lost, and would create a second
    project of the name if it was asked again. `unanswered` says which changes are in question.
    """
    return _until_stable(
        changes,
        values,
        unanswered,
        lambda some: probe(job, some),
        pause=job.options.pause,
        sleep=job.sleep,
        should_stop=job.should_stop,
    )


def await_creations(recorded: Recorded, server: Server, *, sleep: Callable[[float], None]) -> None:
    """Wait until what a killed run asked to be created is there, or nothing more comes.

    What the server would refuse a second time is waited for less long: asked for again, it would be
    found to be there. Reads only. Raises Unreachable.
    """
    sent = [
        change
        for change in recorded.plan.changes
        if change.id in recorded.sent and change.action in CREATING
    ]

    def read(some: Sequence[Change]) -> list[Any]:
        return read_back([(change, Ids()) for change in some], server.read)

    if sent:
        unanswered = [True] * len(sent)
        _until_stable(
            sent,
            read(sent),
            unanswered,
            read,
            pause=Options().pause,
            sleep=sleep,
        )


def _until_stable(
    changes: Sequence[Change],
    values: Sequence[Any],
    unanswered: Sequence[bool],
    read: Callable[[Sequence[Change]], list[Any]],
    *,
    pause: float,
    sleep: Callable[[float], None],
    should_stop: Callable[[], bool] = lambda: False,
) -> list[Any]:
    found = list(values)
    again = READ_AGAIN if any(map(_can_come_twice, changes)) else READ_UNIQUE_AGAIN
    left, wait = again, pause
    while True:
        missing = [
            number
            for number, (change, unsure) in enumerate(zip(changes, unanswered, strict=True))
            if unsure and change.action in CREATING and _is_absent(change, found[number])
        ]
        if not missing or not left or should_stop():
            return found
        sleep(wait)
        wait, left = min(wait * 2, pause * LONGEST_WAIT), left - 1
        values = read([changes[number] for number in missing])
        for number, value in zip(missing, values, strict=True):
            if not _is_absent(changes[number], value):
                # It is at work: what is left of the request gets the whole time again.
                wait, left = pause, again
            found[number] = value


def _is_absent(change: Change, value: Any) -> bool:
    there = observe(change, value)
    return there.understood and not there.holds and as_before(change, value)


def _may_come_twice(change: Change, answer: Answer) -> bool:
    """Return whether a server that is silent may still create what it would not refuse again."""
    silent = isinstance(answer, NoAnswer) and answer.sent and answer.fault is Fault.TIMEOUT
    return silent and _can_come_twice(change)


def _can_come_twice(change: Change) -> bool:
    """Return whether Kanboard would create a second one of the same name.

    It takes any number of projects of one name; usernames, groups and identifiers are unique.
    """
    return change.action is Action.PROJECT_CREATE and not change.new.identifier


def probe(
    job: Job, changes: Sequence[Change], new_ids: Sequence[int | None] | None = None
) -> list[Any]:
    """Read what changes are about; `new_ids` are ids of users that answers named."""
    asked = [
        (change, job.state.ids(change) if new_id is None else Ids(user=new_id))
        for change, new_id in zip(changes, new_ids or [None] * len(changes), strict=True)
    ]
    return read_back(asked, partial(_read, job))


def _read(job: Job, calls: Sequence[Call]) -> list[Any]:
    """Read at no more than the rate that somebody set, which is for what is read back, too."""
    values: list[Any] = []
    for start in range(0, len(calls), job.largest):
        some = calls[start : start + job.largest]
        job.throttle.wait_for(len(some))
        values += job.server.read(some, batch_size=job.largest, connections=1)
    return values


def _try_another_way(job: Job, refused: Sequence[tuple[Change, Answer, Observed]]) -> None:
    state = job.state
    with job.lock:
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
        answers = _post_until_told(job, tried, second)
        values = probe(job, tried, new_ids)
        seen = {
            change.id: heard(observe(change, value), answer)
            for change, value, answer in zip(tried, values, answers, strict=True)
        }
    failed = [
        (change, state.ids(change))
        for change, _, before in refused
        if not seen.get(change.id, before).holds
    ]
    found = look_into(job.server, failed)
    for change, answer, before in refused:
        there = seen.get(change.id, before)
        if there.holds and (there.shown or change.id in seen):
            status = success(answer) if change.action in ABOUT else Status.DONE
            job.settle(change, status, observed=there)
        else:
            # A user of LDAP who is there gets access, even where a field could not be set.
            made = there if by_ldap(change) else None
            why = why_not(change, answer, there, found[change.id])
            through = stays_through_group(change, answer, there)
            job.settle(change, Status.FAILED, why, made, through)


def _post_until_told(job: Job, tried: Sequence[Change], calls: Mapping[str, Call]) -> list[Answer]:
    """Send second calls; those whose answer is all that will ever show go again without one."""
    answers = post(job, [calls[change.id] for change in tried], tried)
    for attempt in range(job.options.retries):
        lost = [
            number
            for number, answer in enumerate(answers)
            if isinstance(answer, NoAnswer) and _needs_answer(tried[number])
        ]
        if not lost:
            break
        job.sleep(min(job.options.pause * 2**attempt, LONGEST_PAUSE))
        again = [tried[number] for number in lost]
        more = post(job, [calls[change.id] for change in again], again)
        for number, answer in zip(lost, more, strict=True):
            answers[number] = answer
    return answers


def _needs_answer(change: Change) -> bool:
    return change.action in ACCESS or like_that_of_a_group(change)
