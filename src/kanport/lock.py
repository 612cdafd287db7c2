"""One run at a time: locks of the operating system on files, held for the life of a process.

A killed process holds no lock, so a file that it left behind blocks nobody. The file names its
holder for the message of the next run; the name is no part of the lock.
"""

import contextlib
import errno
import json
import os
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path

from kanport.errors import LockHeld, UsageError
from kanport.records import dataclass

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

# Windows lacks two of them.
_FLAGS = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
# Seconds between two attempts.
PAUSE = 0.2
# Bytes; what a holder writes of itself is far shorter.
_LONGEST = 4096


@dataclass(frozen=True, slots=True)
class Lock:
    """A file to lock, and what it stands for, as a message names it."""

    path: Path
    what: str


@dataclass(frozen=True, slots=True)
class LockHolder:
    """Who holds a lock: the command, its process and machine, and since when (UTC, RFC 3339).

    `journal` is the absolute path of the journal that it writes, where that is known.
    """

    command: str
    pid: int
    host: str
    since: str
    journal: str = ""

    def __str__(self) -> str:
        return f"{self.command} (process {self.pid} on {self.host}, since {self.since})"


@contextlib.contextmanager
def hold_locks(
    locks: Iterable[Lock],
    *,
    command: str,
    now: str,
    journal: Path | None = None,
    wait: float = 0.0,
    sleep: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[tuple[LockHolder, ...]]:
    """Hold all of these locks while the block runs; yield the former holders that were killed.

    `command`, `now` and `journal` describe this run to others; they must hold no secret. `wait` is
    in seconds. Missing files are made (mode 0600), and stay. Raises LockHeld, with its holder, if
    another run holds a lock, and UsageError if a file cannot be locked.
    """
    named = str(journal.absolute()) if journal is not None else ""
    holder = LockHolder(command, os.getpid(), socket.gethostname(), now, named)
    killed: dict[LockHolder, None] = {}
    until = clock() + wait
    wanted = tuple(locks)
    while True:
        with contextlib.ExitStack() as stack:
            taken = _first_taken(wanted, holder, stack, killed)
            if taken is None:
                yield tuple(killed)
                return
        # Nothing is held while waiting, so that two runs never wait for one another.
        if clock() >= until:
            raise _refusal(*taken, wait)
        sleep(min(PAUSE, max(until - clock(), 0.0)))


def _first_taken(
    locks: Iterable[Lock],
    holder: LockHolder,
    stack: contextlib.ExitStack,
    killed: dict[LockHolder, None],
) -> tuple[Lock, LockHolder | None] | None:
    """Acquire each lock; return the first that another process holds, with its holder.

    If a free lock names a holder, that process was killed; it goes into `killed`.
    """
    for lock in locks:
        number = _open(lock)
        stack.callback(os.close, number)
        if not _try(number, lock):
            return lock, _read(number)
        if (before := _read(number)) is not None:
            killed[before] = None
        _write(number, holder)
        # The next one must not read of a run that has ended.
        stack.callback(_write, number, None)
    return None


def lock_file(number: int) -> None:
    """Lock an open file for this process alone; raise BlockingIOError if another one has it.

    Raise UsageError on systems without such locks, such as Windows.
    """
    if fcntl is None:
        raise UsageError(
            "this system has no locks that keep two runs apart, so Kanport writes nothing",
            hint="make the plan here, and apply it on Linux, in WSL or in the container",
        )
    fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)


def is_locked(number: int) -> bool:
    """Return whether another process holds the lock of an open file (`lock_file`)."""
    if fcntl is None:
        return False
    try:
        fcntl.flock(number, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError as problem:
        return problem.errno in (errno.EACCES, errno.EAGAIN)
    fcntl.flock(number, fcntl.LOCK_UN)
    return False


def _open(lock: Lock) -> int:
    try:
        lock.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.open(lock.path, _FLAGS, 0o600)
    except OSError as problem:
        raise _unlockable(lock, problem) from problem


def _try(number: int, lock: Lock) -> bool:
    try:
        lock_file(number)
        # Somebody may have removed the file meanwhile: then others lock another one.
        return os.path.samestat(os.fstat(number), lock.path.stat())
    except (BlockingIOError, FileNotFoundError):
        return False
    except OSError as problem:
        if problem.errno == errno.EACCES:
            return False
        raise _unlockable(lock, problem) from problem


def _write(number: int, holder: LockHolder | None) -> None:
    # A full disk keeps nobody from working: what is written here is only for a message.
    with contextlib.suppress(OSError):
        os.ftruncate(number, 0)
        if holder is not None:
            os.pwrite(number, json.dumps(asdict(holder)).encode() + b"\n", 0)


def _read(number: int) -> LockHolder | None:
    try:
        parts = json.loads(os.pread(number, _LONGEST, 0))
        return LockHolder(
            str(parts["command"]),
            int(parts["pid"]),
            str(parts["host"]),
            str(parts["since"]),
            str(parts.get("journal", "")),
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _refusal(lock: Lock, holder: LockHolder | None, waited: float) -> LockHeld:
    who = f": {holder}" if holder is not None else ""
    seconds = f"{waited:g} second" if waited == 1 else f"{waited:g} seconds"
    after = f", even after waiting {seconds}" if waited else ""
    return LockHeld(
        f"another run holds the lock on {lock.what}{after}{who}; nothing was done",
        hint="wait until it has ended, or let this one wait: --wait SECONDS",
    )


def _unlockable(lock: Lock, problem: OSError) -> UsageError:
    return UsageError(
        f"the lock on {lock.what} cannot be taken: {lock.path}: {problem.strerror}",
        hint="check that you can write there; KANPORT_STATE sets another folder for the locks of"
        " servers, and ledger: in the mapping another place for the ledger",
    )
