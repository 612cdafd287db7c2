"""Calls to the server: one batch at a time, or a whole reading with patience."""

import logging
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

from kanport.config.settings import Settings
from kanport.errors import Unreachable, UsageError
from kanport.events import log_event
from kanport.facts import Fact, fact
from kanport.kanboard.api_versions import OLDEST, SINCE
from kanport.kanboard.faults import Fault, NoAnswer
from kanport.kanboard.procedures import WRITING
from kanport.kanboard.rpc import (
    Answer,
    Call,
    CallResult,
    Refusal,
    RefusedCall,
    decode,
    encode,
)
from kanport.kanboard.transport import Transport
from kanport.network import run_is_over
from kanport.outcome import STOPPED_BY_DEADLINE

logger = logging.getLogger(__name__)

# Calls in one request of reading, and connections, as measured on stock servers.
READ_BATCH = 200
READ_CONNECTIONS = 4
# Fewer calls than this are not worth a request, and a connection, of their own.
SMALLEST_SHARE = 50
# How often a reading is tried again without getting anything. It is less where nothing at all was
# ever heard of the server, since then the URL may simply be wrong.
PATIENCE = 5
FIRST_PATIENCE = 2
# The same for a call that can be done without, where it alone is too much for a server that answers
# others: PHP runs out of memory at the same place each time.
SPARE_PATIENCE = 1
# Seconds to wait before trying again: the first time, at most, and at most if the server names it.
FIRST_WAIT = 0.5
LONGEST_WAIT = 15.0
LONGEST_BUSY_WAIT = 60.0


class GaveUp(Unreachable):
    """Reading got no answer in the end: to which call, and why."""

    def __init__(
        self, message: str | Fact, *, hint: str | None, call: Call, answer: NoAnswer
    ) -> None:
        super().__init__(message, hint=hint)
        self.call = call
        self.answer = answer


class Client:
    """An open way to one server. Safe to use from several threads.

    `too_much` remembers which questions the server could not answer, and why: whoever can do
    without one puts it there, so that a run does not put the server through it again.

    `sleep` takes seconds and `jitter` gives 0 to 1; both are for tests. `read_only` refuses every
    writing procedure before anything is sent.
    """

    def __init__(
        self,
        transport: Transport,
        settings: Settings,
        *,
        read_only: bool = False,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
        first_id: int | None = None,
    ) -> None:
        self._transport = transport
        self._settings = settings
        self._read_only = read_only
        self._sleep = sleep
        self._jitter = jitter
        # Beginning anywhere keeps an answer that a broken cache gives from an earlier run from
        # being taken for one of this run.
        self._next_id = random.randrange(1, 2**31) if first_id is None else first_id  # noqa: S311
        self._lock = threading.Lock()
        self._answered = False
        self._closed = False
        self.too_much: dict[str, Fault] = {}

    @classmethod
    def open(
        cls,
        settings: Settings,
        *,
        read_only: bool = False,
        warn: Callable[[str], None] = logger.warning,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> Self:
        """Return a client to use in a `with` block; no connection is made yet.

        `warn` gets one sentence if the connection is not safe. Raises ConfigInvalid for a CA file
        or a proxy that cannot be used.
        """
        if settings.warning is not None:
            warn(settings.warning)
        transport = Transport(settings)
        return cls(transport, settings, read_only=read_only, sleep=sleep, jitter=jitter)

    def close(self) -> None:
        """Close all connections; nothing is sent from then on."""
        self._closed = True
        self._transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def settings(self) -> Settings:
        """How the server is reached."""
        return self._settings

    @property
    def url(self) -> str:
        """The URL of the server's API."""
        return self._settings.url

    def check_may_write(self) -> None:
        """Raise UsageError if this client is for reading only."""
        if self._read_only:
            raise UsageError(
                "this connection only reads", hint="connect without read_only to change the server"
            )

    def batch(self, calls: Sequence[Call]) -> list[Answer]:
        """Send calls in exactly one request and return their answers in the same order.

        NoAnswer stands for every call of which nothing is certain; nothing is ever sent twice here.
        Raises Unreachable where the server refuses the credentials (401, 403): each further try
        would be refused as well. Calls before the refused one of the batch may have been done.
        """
        if not calls:
            return []
        if self._closed:
            raise UsageError("the connection to the server is closed", hint="connect again")
        if not {call.method for call in calls}.isdisjoint(WRITING):
            self.check_may_write()
        first_id = self._take_ids(len(calls))
        begun = time.monotonic()
        reply = self._transport.post(encode(calls, first_id))
        answers: list[Answer] = (
            [reply] * len(calls) if isinstance(reply, NoAnswer) else decode(calls, first_id, reply)
        )
        first = answers[0]
        log_event(
            logger,
            "server.request",
            level=logging.DEBUG,
            procedure=calls[0].method,
            calls=len(calls),
            seconds=round(time.monotonic() - begun, 3),
            fault=str(first.fault) if isinstance(first, NoAnswer) else None,
        )
        if isinstance(first, NoAnswer) and first.fault in (Fault.AUTH, Fault.FORBIDDEN):
            raise self._unreachable(first)
        if not self._answered and any(not isinstance(answer, NoAnswer) for answer in answers):
            self._answered = True
        return answers

    def read(
        self,
        calls: Sequence[Call],
        *,
        batch_size: int | None = None,
        connections: int = READ_CONNECTIONS,
        spare: Sequence[Call] = (),
    ) -> list[Any]:
        """Return the results of calls that read, in their order.

        As `ask`, but a call that the server refuses raises Unreachable as well.
        """
        answers = self.ask(calls, batch_size=batch_size, connections=connections, spare=spare)
        values = [answer.value for answer in answers if isinstance(answer, CallResult)]
        if len(values) < len(answers):
            for call, answer in zip(calls, answers, strict=True):
                if isinstance(answer, RefusedCall):
                    raise self.refused(call, answer)
        return values

    def ask(
        self,
        calls: Sequence[Call],
        *,
        batch_size: int | None = None,
        connections: int = READ_CONNECTIONS,
        spare: Sequence[Call] = (),
    ) -> list[CallResult | RefusedCall]:
        """Return the server's answers to calls that read, in their order.

        Sends batches of `batch_size` calls (unless the settings fix another size) over so many
        connections, then asks again, one request after the other, for whatever had no answer: with
        smaller batches after failures, and with growing waits. Raises Unreachable (GaveUp) where an
        answer cannot be had, which for calls of `spare` comes soon, as the caller has another way
        to ask; and ValueError for a call that writes.
        """
        answers: dict[int, CallResult | RefusedCall] = {}
        size = ceiling = self._settings.batch_size or batch_size or READ_BATCH
        pending: Sequence[int] = range(len(calls))
        share = min(size, max(SMALLEST_SHARE, -(-len(calls) // connections)))
        if connections > 1 and len(calls) > share and self._answered:
            pending = self._ask_at_once(calls, share, connections, answers)
        queue = deque(pending)
        failures = 0
        while queue:
            chosen = [queue.popleft() for _ in range(min(size, len(queue)))]
            lost = _keep(
                answers, chosen, self._batch_of_reading([calls[index] for index in chosen])
            )
            queue.extendleft(reversed(lost))
            if not lost:
                failures, size = 0, min(size * 2, ceiling)
                continue
            first, why = next(iter(lost.items()))
            if why.smaller_may_help:
                # The first failure after a success tells what is too much; the ones right after
                # it may only say that the server is down for a moment.
                if failures == 0:
                    ceiling = max(1, len(chosen) // 2)
                size = max(1, len(chosen) // 4)
            failures = 1 if len(lost) < len(chosen) else failures + 1
            call = calls[first]
            alone = len(chosen) == 1
            self._wait(why, failures, call, alone=alone, spare=alone and call in spare)
        return [answers[index] for index in range(len(calls))]

    def _ask_at_once(
        self,
        calls: Sequence[Call],
        size: int,
        connections: int,
        answers: dict[int, CallResult | RefusedCall],
    ) -> list[int]:
        """Ask over several connections until a request has no answer; return the numbers left."""
        starts = range(0, len(calls), size)
        halt = threading.Event()

        def ask_from(start: int) -> None:
            if halt.is_set():
                return
            some = list(calls[start : start + size])
            try:
                replies = self._batch_of_reading(some)
            except Unreachable:
                halt.set()
                raise
            if _keep(answers, range(start, start + len(some)), replies):
                halt.set()

        with ThreadPoolExecutor(min(connections, len(starts))) as pool:
            list(pool.map(ask_from, starts))
        return [index for index in range(len(calls)) if index not in answers]

    def _batch_of_reading(self, calls: Sequence[Call]) -> list[Answer]:
        if writing := {call.method for call in calls} & WRITING:
            raise ValueError(f"what writes is never sent twice: {sorted(writing)}")
        return self.batch(calls)

    def refused(self, call: Call, answer: RefusedCall) -> Unreachable:
        """Return the error to raise where a call that reads was refused."""
        method = call.method
        if answer.kind is not Refusal.NO_PROCEDURE:
            why = fact("reading-refused", url=self.url, method=method, answer=answer.reason)
            return Unreachable(why)
        params = {"url": self.url, "method": method, "oldest": OLDEST}
        if (since := SINCE.get(method)) is None:
            return Unreachable(fact("server-lacks", **params))
        return Unreachable(fact("server-lacks", case="since", since=since, **params))

    def _take_ids(self, count: int) -> int:
        with self._lock:
            first_id = self._next_id
            self._next_id += count
            return first_id

    def _wait(self, why: NoAnswer, failures: int, call: Call, *, alone: bool, spare: bool) -> None:
        unheard = not self._answered and why.fault in (Fault.CONNECT, Fault.TIMEOUT)
        patience = FIRST_PATIENCE if unheard else PATIENCE
        if spare and why.too_much and self._answered:
            patience = SPARE_PATIENCE
        if run_is_over():
            raise GaveUp(STOPPED_BY_DEADLINE, hint=None, call=call, answer=why)
        if why.final or (alone and why.final_alone) or failures > patience:
            error = self._unreachable(why, call)
            raise GaveUp(error.why, hint=error.hint, call=call, answer=why)
        wait = min(LONGEST_WAIT, FIRST_WAIT * 2 ** (failures - 1)) * (0.5 + self._jitter() / 2)
        if why.retry_after is not None:
            wait = max(wait, min(why.retry_after, LONGEST_BUSY_WAIT))
        log_event(logger, "server.retry", why.why, procedure=call.method, wait=round(wait, 1))
        self._sleep(wait)

    def _unreachable(self, why: NoAnswer, call: Call | None = None) -> Unreachable:
        hint = why.reason.hint
        if why.fault in (Fault.AUTH, Fault.FORBIDDEN):
            return Unreachable(fact("server-refuses", url=self.url, answer=why.reason), hint=hint)
        # Which call it was says something only where others were answered.
        if call and self._answered:
            why_not = fact(
                "no-answer", case="to-call", url=self.url, method=call.method, answer=why.reason
            )
            return Unreachable(why_not, hint=hint)
        return Unreachable(fact("no-answer", url=self.url, answer=why.reason), hint=hint)


def _keep(
    answers: dict[int, CallResult | RefusedCall], numbers: Sequence[int], replies: Sequence[Answer]
) -> dict[int, NoAnswer]:
    """Keep the answers to the calls of these numbers; return why the others have none."""
    lost: dict[int, NoAnswer] = {}
    if NoAnswer not in map(type, replies):
        answers.update(zip(numbers, replies, strict=True))  # type: ignore[arg-type]
        return lost
    for number, reply in zip(numbers, replies, strict=True):
        if isinstance(reply, NoAnswer):
            lost[number] = reply
        else:
            answers[number] = reply
    return lost
