"""Carries out changes of one kind over several connections until each has an outcome."""

import threading
import time
from collections.abc import Callable, Sequence

from kanport.apply.job import Job, Stopped
from kanport.apply.pace import Lanes, Pace
from kanport.apply.sending import send
from kanport.apply.settling import settle_batch
from kanport.apply.steps import says_no_ldap
from kanport.apply.work_queue import Queue
from kanport.facts import fact
from kanport.kanboard.rpc import NoAnswer
from kanport.outcome import Status
from kanport.plan.model import Action, Change
from kanport.plan.own_ldap import by_ldap

# Where the sizes of batches begin; bcrypt costs the server 70 to 290 ms for each new user.
FIRST_CREATES = 5
FIRST_OTHERS = 350


def carry_out(job: Job, changes: Sequence[Change], lanes: Lanes) -> None:
    """Carry out changes of one action, over as many connections as `lanes` allows.

    Those that are watched go last and one by one, each right after it was checked again. Raises
    what ends the run: Unreachable, JournalBroken or Stopped.
    """
    watched = [change for change in changes if job.is_watched(change)]
    if others := [change for change in changes if not job.is_watched(change)]:
        _carry_out(job, others, lanes)
    if watched:
        alone = Pace(1, 1, fixed=True)
        _work_off(job, Queue(watched, sleep=job.sleep), alone, Lanes(1))


def _carry_out(job: Job, changes: Sequence[Change], lanes: Lanes) -> None:
    first = FIRST_CREATES if changes[0].action is Action.USER_CREATE else FIRST_OTHERS
    size = job.options.batch_size
    pace = Pace(first, size or job.largest, fixed=size is not None)
    if by_ldap(changes[0]):
        # Whether Kanboard has LDAP at all shows with the first user that is to come from there.
        if _work_off(job, Queue(changes[:1], sleep=job.sleep), pace, lanes):
            _skip_rest(job, changes)
            return
        changes = changes[1:]
    queue = Queue(changes, lanes=lanes.allowed, sleep=job.sleep)
    _at_once(job, lambda: _work_off(job, queue, pace, lanes), threads=min(lanes.most, len(changes)))


def _at_once(job: Job, work: Callable[[], object], *, threads: int) -> None:
    trouble: list[BaseException] = []

    def lane() -> None:
        try:
            work()
        except BaseException as problem:  # whatever it is, the main thread has to know
            trouble.append(problem)
            job.halt.set()

    lanes = [threading.Thread(target=lane, daemon=True) for _ in range(threads)]
    for thread in lanes:
        thread.start()
    for thread in lanes:
        while thread.is_alive():
            # In steps, so that a second Ctrl-C gets through.
            thread.join(0.2)
    if trouble:
        raise next((one for one in trouble if not isinstance(one, Stopped)), trouble[0])


def _work_off(job: Job, queue: Queue, pace: Pace, lanes: Lanes) -> bool:
    """Carry out batch after batch; True where Kanboard turns out to have no LDAP."""
    while True:
        with lanes:
            batch = queue.take(pace.size, least=pace.least, lanes=lanes.allowed)
            if batch is None:
                return False
            if _stopped_by_watch(job, batch.changes):
                continue
            begun = time.monotonic()
            answers = send(job, batch.changes)
            if not any(isinstance(answer, NoAnswer) for answer in answers):
                pace.learn(len(answers), time.monotonic() - begun)
            settle_batch(job, batch, answers, queue)
            lanes.done(len(answers))
        if all(map(says_no_ldap, batch.changes, answers)):
            return True


def _stopped_by_watch(job: Job, changes: Sequence[Change]) -> bool:
    """Check a change that is watched again, and settle it where it must not be made."""
    for change in changes:
        if not job.is_watched(change):
            continue
        job.ask_whether_to_stop()
        if (why := job.objection(change)) is not None:
            job.settle(change, Status.SKIPPED, why)
            job.record()
            return True
    return False


def _skip_rest(job: Job, changes: Sequence[Change]) -> None:
    """Settle those of whom it is clear by now that Kanboard cannot make them."""
    why = fact("kanboard-ldap-fails", first=job.state.outcomes[changes[0].id].why)
    for change in changes[1:]:
        job.settle(change, Status.SKIPPED, why)
    job.record()
