"""Which locks keep two runs apart, and what is left of a run that was killed.

Two locks keep runs apart, that of a server and that of a ledger. What a killed run asked the server
for may still be under way: whoever takes over its lock waits for that first.
"""

import hashlib
import ipaddress
import re
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from kanport.apply.journal import Recorded, load_journal
from kanport.apply.reconcile import await_creations
from kanport.config.address import canonical_url, is_loopback, port_of
from kanport.errors import UsageError
from kanport.kanboard.client import Client
from kanport.lock import Lock, LockHolder, hold_locks
from kanport.pipeline.state_dir import has_end, state_folder, utc_now

# Seconds after which no server works on a request any more.
_LONGEST_REQUEST = 900
# How often a token is hashed before it is part of a file name.
ROUNDS = 50_000


def run_lock(
    url: str,
    ledger: Path | None,
    *,
    state: Path | None,
    command: str,
    token: SecretStr | None = None,
    journal: Path | None = None,
    wait: float = 0.0,
) -> AbstractContextManager[tuple[LockHolder, ...]]:
    """Hold the locks of a server (the URL of its API) and of a ledger while a block runs.

    A server is its canonical URL, and every server with the same application token (`token`) at
    one of the same addresses. Its locks are in the state folder, so they do not keep runs with
    another state folder apart; the lock of a ledger is beside it. `command` and `journal` describe
    this run to others; `wait` is in seconds. Yields the holders that were killed. Raises LockHeld
    if another run holds a lock, and UsageError if a lock cannot be taken.
    """
    folder = state_folder(state) / "locks"
    names = [_file_name(canonical_url(url))]
    if token is not None:
        names += sorted(_applications(url, token))
    locks = [Lock(folder / name, url) for name in names]
    if ledger is not None:
        resolved = ledger.resolve()
        locks.append(Lock(resolved.with_name(f"{resolved.name}.lock"), f"the ledger {ledger}"))
    return hold_locks(locks, command=command, now=utc_now(), journal=journal, wait=wait)


def wait_for_killed_runs(
    client: Client,
    killed: Iterable[LockHolder],
    state: Path | None,
    *,
    also: Iterable[Path] = (),
    but: Iterable[Path] = (),
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Wait until the server has answered the requests of runs that were killed a moment ago.

    It may still be creating users, and a run that reads it before that would create them again.
    The runs are `killed`, those of the state folder and of the journals in `also`, except for the
    journals in `but`. The wait has a bound. Raises Unreachable.
    """
    paths = {Path(holder.journal) for holder in killed if holder.journal} | set(also)
    with suppress(OSError):
        paths.update(state_folder(state).glob("*.journal.jsonl"))
    for path in sorted({path.absolute() for path in paths} - {path.absolute() for path in but}):
        recorded = _unanswered(path, client.url)
        if recorded is not None:
            await_creations(recorded, client, sleep=sleep)


def _unanswered(path: Path, url: str) -> Recorded | None:
    """Load the journal of a run that was killed lately with open requests; None for another."""
    try:
        if time.time() - path.stat().st_mtime > _LONGEST_REQUEST or has_end(path):
            return None
        recorded = load_journal(path)
    except (OSError, UsageError):
        return None
    return recorded if recorded.sent and may_be_same(recorded.plan.server.url, url) else None


def may_be_same(one: str, other: str) -> bool:
    """Return whether two URLs may mean the same server: by their spelling, or by its addresses."""
    if canonical_url(one) == canonical_url(other):
        return True
    return _port(one) == _port(other) and not _addresses(one).isdisjoint(_addresses(other))


def _file_name(url: str) -> str:
    parts = urlsplit(url)
    name = re.sub(r"[^\w.-]+", "-", parts.netloc.rpartition("@")[2])
    return f"{name}-{hashlib.sha256(url.encode()).hexdigest()[:12]}.lock"


def _applications(url: str, token: SecretStr) -> Iterator[str]:
    """Yield the lock file of the application at each of its addresses.

    Kanboard makes a token for each installation; the name of the file does not reveal it.
    """
    for address in _addresses(url):
        where = f"kanport lock {address} {_port(url)}"
        key = hashlib.pbkdf2_hmac(
            "sha256", token.get_secret_value().encode(), where.encode(), ROUNDS
        )
        yield f"application-{key.hex()[:16]}.lock"


def _port(url: str) -> int:
    # A web server usually has one installation under http and https.
    port = port_of(url)
    return 80 if port == 443 else port


def _addresses(url: str) -> set[str]:
    host = urlsplit(url).hostname or ""
    if is_loopback(host):
        return {"localhost"}
    try:
        found = socket.getaddrinfo(host, port_of(url), type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        # Whoever cannot look it up reaches it through a proxy, or not at all.
        return set()
    return {_address(str(item[4][0])) for item in found}


def _address(text: str) -> str:
    with suppress(ValueError):
        address = ipaddress.ip_address(text.partition("%")[0])
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        text = str(address)
    return "localhost" if is_loopback(text) or _is_own(text) else text


def _is_own(address: str) -> bool:
    """Return whether an address is one of this machine: only these can be bound."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True
