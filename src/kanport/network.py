"""Waits that end: one deadline for an exchange, and sockets and name look-ups that keep to it.

A timeout of a socket bounds one silence, so that a peer which sends a byte now and then holds a
program forever. Every operation here gets a timeout that is cut to what is left of the exchange.
"""

import io
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")

LONGEST_EXCHANGE = 900.0
"""Seconds that one exchange may take in all, where no setting says otherwise."""

# Seconds beyond the deadline of a run in which a batch that is under way may still be answered.
GRACE = 5.0
# What is sent at once: it fits into the buffer of a socket that says it can take something, so that
# one `send` waits once.
_PIECE = 4096


class Overdue(TimeoutError):
    """The exchange has used up its time, however much came in it."""


class TooLarge(OSError):
    """The peer sent more than an exchange may bring."""


class _Run:
    """The deadline of this process as a whole, as a moment of `time.monotonic`."""

    ends: float | None = None


@contextmanager
def run_until(seconds: float) -> Iterator[None]:
    """Limit the exchanges of the block to so many seconds; none goes on for long after that."""
    _Run.ends = time.monotonic() + seconds
    try:
        yield
    finally:
        _Run.ends = None


def run_has_deadline() -> bool:
    """Return whether the run has a deadline."""
    return _Run.ends is not None


def run_is_over() -> bool:
    """Return whether the deadline of the run has passed."""
    return _Run.ends is not None and time.monotonic() >= _Run.ends


class Deadline:
    """The end of one exchange, in seconds from now; never long after the end of the run."""

    def __init__(self, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self._clock = clock
        self._ends = clock() + seconds
        if _Run.ends is not None:
            self._ends = min(self._ends, _Run.ends + GRACE)

    def left(self) -> float:
        """Return the seconds that are left; raise Overdue where there are none."""
        left = self._ends - self._clock()
        if left <= 0:
            raise Overdue(f"it took longer than {self.seconds:g} s")
        return left

    def cut(self, timeout: float | None) -> float:
        """Return a timeout cut to what is left; raise Overdue where nothing is left."""
        left = self.left()
        return left if timeout is None else min(timeout, left)

    @property
    def over(self) -> bool:
        """Whether nothing is left."""
        return self._clock() >= self._ends


def within(seconds: float, work: Callable[[], T], *, what: str) -> T:
    """Do what knows no timeout of its own; raise TimeoutError where it takes longer.

    The work goes on in a thread of its own then, which does not keep the program from ending.
    """
    results: list[T] = []
    problems: list[BaseException] = []

    def run() -> None:
        try:
            results.append(work())
        except BaseException as problem:  # the caller has to know, whatever it is
            problems.append(problem)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    if problems:
        raise problems[0]
    if not results:
        raise TimeoutError(f"{what} took longer than {seconds:g} s")
    return results[0]


def addresses(host: str, port: int, timeout: float) -> list[tuple[Any, ...]]:
    """Return the addresses of a host as `socket.getaddrinfo`; raise TimeoutError if it is slow."""
    return within(
        timeout,
        lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM),
        what="looking up the name of the host",
    )


def open_socket(host: str, port: int, *, each: float, deadline: Deadline) -> socket.socket:
    """Connect to the first address of a host that answers, each of them in so many seconds.

    Raises OSError: of the last address, of the look-up, or Overdue.
    """
    problem: OSError | None = None
    for family, kind, protocol, _, address in addresses(host, port, deadline.cut(each)):
        try:
            connected = socket.socket(family, kind, protocol)
        except OSError as wrong:
            problem = wrong
            continue
        try:
            connected.settimeout(deadline.cut(each))
            connected.connect(address)
        except OSError as wrong:
            connected.close()
            problem = wrong
        else:
            return connected
    raise problem or OSError("the host has no address")


class BoundedSocket:
    """A connected socket for protocol libraries: each exchange over it ends, and has a size.

    `silence` is how long the peer may say nothing. `begin` starts an exchange with the deadline and
    the bytes that it may bring. Raises Overdue and TooLarge, both OSError.
    """

    def __init__(
        self, connected: socket.socket, deadline: Deadline, *, silence: float, most: int
    ) -> None:
        self.plain = connected
        self._silence = silence
        self.begin(deadline, most)

    def begin(self, deadline: Deadline, most: int) -> None:
        """Start an exchange."""
        self.deadline = deadline
        self._most = self._room = most

    @property
    def exceeded(self) -> bool:
        """Whether the peer sent more than the exchange may bring."""
        return self._room < 0

    def recv(self, size: int, flags: int = 0) -> bytes:
        """Receive at most so many bytes."""
        with self._in_time():
            return self._counted(self.plain.recv(size), len)

    def recv_into(self, buffer: Any, size: int = 0, flags: int = 0) -> int:
        """Receive into a buffer."""
        with self._in_time():
            return self._counted(self.plain.recv_into(buffer, size), int)

    def send(self, data: Any, flags: int = 0) -> int:
        """Send the beginning of some bytes, and return how many were sent."""
        with self._in_time():
            return self.plain.send(memoryview(data)[:_PIECE])

    def sendall(self, data: Any, flags: int = 0) -> None:
        """Send all of the bytes."""
        rest = memoryview(data)
        while rest:
            rest = rest[self.send(rest) :]

    def makefile(self, mode: str = "rb") -> io.BufferedReader:
        """Return a file that reads; closing it leaves the socket open."""
        return io.BufferedReader(_Readable(self))

    def over_tls(self, context: ssl.SSLContext, host: str) -> "BoundedSocket":
        """Begin TLS within the same exchange; raises OSError or ValueError."""
        with self._in_time():
            encrypted = context.wrap_socket(self.plain, server_hostname=host)
        bounded = BoundedSocket(encrypted, self.deadline, silence=self._silence, most=self._most)
        bounded._room = self._room
        return bounded

    def __getattr__(self, name: str) -> Any:
        return getattr(self.plain, name)

    @contextmanager
    def _in_time(self) -> Iterator[None]:
        """Limit one operation to the time that is left, and tell the deadline from silence."""
        self.plain.settimeout(self.deadline.cut(self._silence))
        try:
            yield
        except TimeoutError:
            self.deadline.left()
            raise

    def _counted(self, came: T, size: Callable[[T], int]) -> T:
        self._room -= size(came)
        if self.exceeded:
            raise TooLarge(f"it sent more than {shown_size(self._most)}")
        return came


class _Readable(io.RawIOBase):
    def __init__(self, bounded: BoundedSocket) -> None:
        self._bounded = bounded

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._bounded.recv_into(buffer)


def shown_size(size: int) -> str:
    """Return a number of bytes for people.

    >>> shown_size(256 * 2**20), shown_size(1500)
    ('256 MiB', '1500 bytes')
    """
    for unit, factor in (("GiB", 2**30), ("MiB", 2**20), ("KiB", 2**10)):
        if size >= factor and size % factor == 0:
            return f"{size // factor} {unit}"
    return f"{size} bytes"
