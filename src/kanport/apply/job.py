"""One run under way: what it works with, what it has learned, and how outcomes are taken down."""

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from kanport.apply.journal import Journal
from kanport.apply.observed import Observed
from kanport.apply.options import Options
from kanport.apply.pace import Lanes, Throttle
from kanport.apply.passwords import Passwords
from kanport.apply.state import State
from kanport.apply.watch import Watch
from kanport.facts import Fact
from kanport.kanboard.rpc import Answer, Call
from kanport.network import run_is_over
from kanport.outcome import (
    STOPPED_BY_DEADLINE,
    STOPPED_BY_ERRORS,
    STOPPED_BY_SIGNAL,
    EndsRun,
    Outcome,
    Status,
)
from kanport.plan.model import Change

# Seen on all three databases: a request gains nothing from more calls than this.
LARGEST = 500


class Server(Protocol):
    """What a run needs of the client; both are called from several threads."""

    def batch(self, calls: Sequence[Call]) -> list[Answer]:
        """Send one batch; see `kanport.kanboard.client.Client.batch`."""

    def read(
        self, calls: Sequence[Call], *, batch_size: int | None = None, connections: int = 1
    ) -> list[Any]:
        """Read; see `kanport.kanboard.client.Client.read`."""


class Stopped(EndsRun):
    """The run is to stop before the next batch."""


@dataclass(frozen=True)
class Job:
    """One run under way, shared by all of its threads.

    Whoever changes `state` holds `lock`; `halt` ends the other threads before their next batch.
    """

    server: Server
    journal: Journal
    passwords: Passwords
    options: Options
    state: State
    sleep: Callable[[float], None]
    on_outcome: Callable[[Outcome], None]
    should_stop: Callable[[], bool]
    throttle: Throttle
    lanes: Lanes
    watch: Watch | None = None
    lock: threading.RLock = field(default_factory=threading.RLock)
    halt: threading.Event = field(default_factory=threading.Event)

    @property
    def largest(self) -> int:
        """The most calls in one request: with a rate, what it allows in a second."""
        rate = self.options.rate
        return LARGEST if rate is None else max(1, min(LARGEST, int(rate)))

    def ask_whether_to_stop(self) -> None:
        """Raise Stopped where nothing more is to be sent."""
        if self.should_stop():
            raise Stopped(STOPPED_BY_DEADLINE if run_is_over() else STOPPED_BY_SIGNAL)
        if self.halt.is_set():
            raise Stopped(STOPPED_BY_ERRORS)

    def is_watched(self, change: Change) -> bool:
        """Tell whether a change is to be checked again right before it is made."""
        return self.watch is not None and self.watch.concerns(change)

    def objection(self, change: Change) -> Fact | None:
        """Say why a watched change must not be made after all; raises Unreachable."""
        if self.watch is None:
            return None
        self.throttle.wait_for(1)
        with self.lock:
            left = [one for one in self.watch.plan.changes if one.id not in self.state.outcomes]
        return self.watch.objection(change, left)

    def settle(
        self,
        change: Change,
        status: Status,
        why: Fact | None = None,
        observed: Observed | None = None,
        through_group: str | None = None,
    ) -> None:
        """Take down what became of a change, and what was seen of it; `record` writes it."""
        outcome = Outcome(change.id, status, why, through_group)
        with self.lock:
            self.state.outcomes[change.id] = outcome
            if observed is not None:
                self.state.learn(change, observed)
            self.state.unwritten.append(outcome)
            self.state.failed += status is Status.FAILED

    def record(self) -> None:
        """Put the outcomes that are new into the journal; raise Stopped after too many failures."""
        state = self.state
        with self.lock:
            settled, state.unwritten = state.unwritten, []
            if not settled:
                return
            self.journal.outcomes(settled)
            for outcome in settled:
                self.on_outcome(outcome)
            most = self.options.max_errors
            if most is not None and state.failed > most:
                raise Stopped(STOPPED_BY_ERRORS)
