"""Sends a batch, once it is on record, and again as long as it certainly never left."""

from collections.abc import Sequence

from kanport.apply.job import Job
from kanport.apply.steps import call_for
from kanport.errors import Unreachable
from kanport.facts import fact
from kanport.kanboard.rpc import Answer, Call, NoAnswer
from kanport.outcome import NOT_REACHED
from kanport.plan.model import Change

# Seconds.
LONGEST_PAUSE = 30.0
# How much oftener a batch that never left is sent again than one whose fate had to be read back:
# nothing can have happened to it, and servers take a while to start.
MORE_TRIES = 2


def send(job: Job, batch: Sequence[Change]) -> list[Answer]:
    """Carry out changes in one request; see `post`."""
    job.ask_whether_to_stop()
    state = job.state
    calls = [call_for(change, state.ids(change), job.passwords.of(change)) for change in batch]
    with job.lock:
        job.passwords.write(batch)
    return post(job, calls, batch)


def post(job: Job, calls: Sequence[Call], batch: Sequence[Change]) -> list[Answer]:
    """Send calls, one for each change, in one request, and give their answers.

    Sends again while the request certainly never left. Raises Unreachable in the end, and where
    Kanboard refuses a whole batch for one call, when it has done those before; Stopped where
    nothing more is to be sent.
    """
    state = job.state
    names = [change.id for change in batch]
    pause = job.options.pause
    for attempt in range(1 + job.options.retries + MORE_TRIES):
        job.ask_whether_to_stop()
        if attempt:
            job.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
        job.throttle.wait_for(len(calls))
        with job.lock:
            state.batches += 1
            number = state.batches
        # Without the lock, so that threads that wait for the disk share one wait.
        job.journal.sent(number, calls[0].method, names)
        with job.lock:
            state.doubted.update(names)
        answers = job.server.batch(calls)
        job.journal.answered(number, answers)
        unsent = [isinstance(answer, NoAnswer) and not answer.sent for answer in answers]
        with job.lock:
            state.doubted.difference_update(
                name
                for name, answer, never in zip(names, answers, unsent, strict=True)
                if never or not isinstance(answer, NoAnswer)
            )
        if not all(unsent):
            return answers
        if isinstance(answers[0], NoAnswer) and answers[0].final:
            break
    why = answers[0].reason if isinstance(answers[0], NoAnswer) else NOT_REACHED
    raise Unreachable(fact("server-lost", answer=why))
