"""How fast: how many calls go into a request, over how many connections, and in what order.

Measured on a stock Kanboard: a new user costs 70 to 290 ms of hashing, a membership a quarter of a
millisecond, and a batch that takes 30 s is cut off. Two to four connections bring two to four times
the rate of one, more bring nothing. So both are measured while the run goes on.
"""

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import field
from typing import Self

from kanport.errors import UsageError
from kanport.outcome import EndsRun
from kanport.plan.change import Change
from kanport.records import dataclass

# Seconds that an answer is to take: long against the cost of a request, short against the 30 s that
# PHP grants, and short enough for Ctrl-C.
TARGET = 1.0
# Seconds before something is read, or sent, again for the first time.
FIRST_PAUSE = 0.5
# Seconds below which a request is not worth its own cost, which is some milliseconds.
SHORTEST = 0.1
# Seconds over which a rate is measured before the number of connections changes.
WINDOW = 0.5
# Two cores are kept busy by two, and one more hides the time between two requests.
FIRST_CONNECTIONS = 3
# What another connection has to bring to be kept.
WORTH_IT = 1.08
# Calls. A request costs the server a few milliseconds whatever is in it (measured: as much as a
# dozen memberships), so fewer calls than this are not worth a request of their own.
SMALLEST_SHARE = 50


class Stopped(EndsRun):
    """The run is to stop before the next batch."""


@dataclass(frozen=True, slots=True)
class Options:
    """How to carry out a plan.

    `batch_size` is the number of calls in a request; None lets it follow the server. `connections`
    is the maximum number of connections, `rate` of calls per second. `max_errors` ends the run when
    more changes than that have failed. `retries` is how often Kanport sends a call alone again that
    Kanboard certainly did not carry out, `pause` the seconds before the first retry, doubled for
    each further one.
    """

    batch_size: int | None = None
    connections: int = 8
    rate: float | None = None
    max_errors: int | None = None
    retries: int = 4
    pause: float = field(default_factory=lambda: FIRST_PAUSE)

    def __post_init__(self) -> None:
        """Raise UsageError with all values that a run cannot work with."""
        wrong = [
            f"{name} is {value}; give {least}"
            for name, value, fits, least in (
                (
                    "batch_size",
                    self.batch_size,
                    self.batch_size is None or self.batch_size >= 1,
                    "at least 1, or None",
                ),
                ("connections", self.connections, self.connections >= 1, "at least 1"),
                ("rate", self.rate, self.rate is None or self.rate > 0, "more than 0, or None"),
                (
                    "max_errors",
                    self.max_errors,
                    self.max_errors is None or self.max_errors >= 0,
                    "at least 0, or None",
                ),
                ("retries", self.retries, self.retries >= 0, "at least 0"),
                ("pause", self.pause, self.pause >= 0, "at least 0"),
            )
            if not fits
        ]
        if wrong:
            raise UsageError("; ".join(wrong))


class AdaptiveBatchSize:
    """How many calls of one kind go into a request, from how long the last answers took.

    `first` is where it begins, `most` the largest; with `fixed` it stays at `most`.
    """

    def __init__(self, first: int, most: int, *, fixed: bool = False) -> None:
        self._most = most
        self._fixed = fixed
        self._size = most if fixed else min(first, most)
        self._least: int | None = None
        self._lock = threading.Lock()

    @property
    def size(self) -> int:
        """The calls that the next request is to hold."""
        return self._size

    @property
    def least(self) -> int | None:
        """The calls below which a request is not worth its cost; None while that is not known."""
        return self._least

    def learn(self, calls: int, seconds: float) -> None:
        """Record that so many calls took so long to answer."""
        if self._fixed:
            return
        with self._lock:
            rate = calls / max(seconds, 1e-6)
            fitting = TARGET * rate
            self._least = max(1, int(SHORTEST * rate))
            # Not more than double at once: one quick answer may be luck.
            self._size = max(1, min(self._most, int(fitting), self._size * 2))


class ConcurrencyLimit:
    """How many requests are under way at once: more as long as the rate grows.

    Entered for each request (`with limit:`); `done` counts what it carried.
    """

    def __init__(self, most: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.most = most
        self._allowed = min(FIRST_CONNECTIONS, most)
        self._active = 0
        self._clock = clock
        self._free = threading.Condition()
        self._since: float | None = None
        self._calls = 0
        self._best = 0.0
        self._settled = self._allowed == most

    @property
    def allowed(self) -> int:
        """How many may be under way now."""
        return self._allowed

    def __enter__(self) -> Self:
        with self._free:
            while self._active >= self._allowed:
                self._free.wait()
            self._active += 1
            if self._since is None:
                self._since = self._clock()
        return self

    def __exit__(self, *_: object) -> None:
        with self._free:
            self._active -= 1
            self._free.notify()

    def done(self, calls: int) -> None:
        """Count calls that are done, and decide whether another connection is worth it."""
        with self._free:
            self._calls += calls
            elapsed = self._clock() - (self._since or 0.0)
            if self._settled or self._since is None or elapsed < WINDOW:
                return
            rate = self._calls / elapsed
            self._since, self._calls = self._clock(), 0
            if rate < self._best * WORTH_IT:
                # The last one brought nothing: back to what was as good.
                self._allowed = max(1, self._allowed - 1)
                self._settled = True
                return
            self._best = rate
            self._allowed += 1
            self._settled = self._allowed == self.most
            self._free.notify()


class RateLimiter:
    """Keeps to so many calls a second at most, over all connections; None means no limit."""

    def __init__(
        self,
        rate: float | None,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rate = rate
        self._sleep = sleep
        self._clock = clock
        self._lock = threading.Lock()
        self._next = 0.0

    def wait_for(self, calls: int) -> None:
        """Wait until so many calls may be sent."""
        if self._rate is None:
            return
        with self._lock:
            now = self._clock()
            begin = max(now, self._next)
            self._next = begin + calls / self._rate
        if begin > now:
            self._sleep(begin - now)


@dataclass(frozen=True, slots=True)
class Batch:
    """Changes that go into one request; `tries` counts how often they were sent before, alone."""

    changes: tuple[Change, ...]
    tries: int = 0


class WorkQueue:
    """Hands batches to several workers; what had no answer comes back in halves.

    So a call that breaks every batch that it is in ends up alone, and the others go through.
    `workers` is over how many workers they are spread: if a few batches are all there is, no worker
    is to be idle while another has two.
    """

    def __init__(
        self,
        changes: Iterable[Change],
        *,
        workers: int = 1,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fresh = tuple(changes)
        self._taken = 0
        self._share = max(-(-len(self._fresh) // workers), SMALLEST_SHARE)
        self._again: list[tuple[float, Batch]] = []
        self._lock = threading.Lock()
        self._sleep = sleep
        self._clock = clock

    def take(self, size: int, *, least: int | None = None, workers: int = 1) -> Batch | None:
        """Return the next batch, of at most so many changes; None if nothing is left.

        Waits if all that is left is to go again later. Towards the end `workers` share what is
        left, in batches of `least` changes or more (None: no such sharing), so that they finish
        together.
        """
        with self._lock:
            now = self._clock()
            due = next((item for item in self._again if item[0] <= now), None)
            left = len(self._fresh) - self._taken
            if due is None and left:
                count = min(size, self._share, left)
                if least is not None:
                    count = min(count, max(least, -(-left // workers)))
                first, self._taken = self._taken, self._taken + count
                return Batch(self._fresh[first : self._taken])
            if due is None and self._again:
                due = min(self._again, key=lambda item: item[0])
            if due is None:
                return None
            self._again.remove(due)
        if due[0] > now:
            self._sleep(due[0] - now)
        return due[1]

    def give_back(self, changes: Sequence[Change], *, tries: int, wait: float) -> None:
        """Put changes back to be sent again, in halves, after so many seconds."""
        middle = (len(changes) + 1) // 2
        halves = [half for half in (changes[:middle], changes[middle:]) if half]
        with self._lock:
            due = self._clock() + wait
            self._again += [(due, Batch(tuple(half), tries)) for half in halves]


def in_parallel(
    work: Callable[[], object], *, workers: Callable[[], int], halt: threading.Event
) -> None:
    """Do work in several threads and wait for all; raise what one of them raised.

    There are as many threads as `workers` says, which may become more while they are at work.
    The first one that fails sets `halt`, which the others look at. If several workers fail, raise
    the first error that is not Stopped; the others follow from it.
    """
    trouble: list[BaseException] = []

    def worker() -> None:
        try:
            work()
        except BaseException as problem:  # whatever it is, the main thread has to know
            trouble.append(problem)
            halt.set()

    threads: list[threading.Thread] = []
    while True:
        while len(threads) < workers():
            threads.append(threading.Thread(target=worker, daemon=True))
            threads[-1].start()
        at_work = next((thread for thread in threads if thread.is_alive()), None)
        if at_work is None:
            break
        # In steps, so that a second Ctrl-C gets through, and more threads can be started.
        at_work.join(0.2)
    if trouble:
        raise next((one for one in trouble if not isinstance(one, Stopped)), trouble[0])
