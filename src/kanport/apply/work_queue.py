"""The changes of one kind that are still to be carried out, and those that go again."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from kanport.plan.model import Change

# Calls. A request costs the server a few milliseconds whatever is in it (facts, part D: as much as
# a dozen memberships), so that less than this is not worth one of its own.
SMALLEST_SHARE = 50


@dataclass(frozen=True, slots=True)
class Batch:
    """Changes that go into one request; `tries` counts how often they went before, alone."""

    changes: tuple[Change, ...]
    tries: int = 0


class Queue:
    """Gives batches to several connections; what had no answer comes back in halves.

    So a call that breaks every batch that it is in ends up alone, and the others go through.
    `lanes` is over how many connections they are spread: where a few batches are all there is, none
    of these is to stand idle while another has two.
    """

    def __init__(
        self,
        changes: Iterable[Change],
        *,
        lanes: int = 1,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fresh = deque(changes)
        self._share = max(-(-len(self._fresh) // lanes), SMALLEST_SHARE)
        self._again: list[tuple[float, Batch]] = []
        self._lock = threading.Lock()
        self._sleep = sleep
        self._clock = clock

    def take(self, size: int, *, least: int | None = None, lanes: int = 1) -> Batch | None:
        """Give the next batch, of at most so many changes; None where nothing is left.

        Waits where all that is left is to go again later. Towards the end `lanes` connections share
        what is left, in batches of `least` changes or more (None: no such sharing), so that they
        finish together.
        """
        with self._lock:
            now = self._clock()
            due = next((item for item in self._again if item[0] <= now), None)
            if due is None and self._fresh:
                count = min(size, self._share, len(self._fresh))
                if least is not None:
                    count = min(count, max(least, -(-len(self._fresh) // lanes)))
                return Batch(tuple(self._fresh.popleft() for _ in range(count)))
            if due is None and self._again:
                due = min(self._again, key=lambda item: item[0])
            if due is None:
                return None
            self._again.remove(due)
        if due[0] > now:
            self._sleep(due[0] - now)
        return due[1]

    def give_back(self, changes: Sequence[Change], *, tries: int, wait: float) -> None:
        """Let changes go again, in halves, after so many seconds."""
        middle = (len(changes) + 1) // 2
        halves = [half for half in (changes[:middle], changes[middle:]) if half]
        with self._lock:
            due = self._clock() + wait
            self._again += [(due, Batch(tuple(half), tries)) for half in halves]
