"""Which locks keep two runs apart, and what is left of a run that was killed."""

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
from kanport.config import canonical_url, is_loopback, port_of
from kanport.errors import UsageError
from kanport.kanboard.client import Client
from kanport.lock import Holder, Lock, held
from kanport.pipeline.cut_off import has_end
from kanport.pipeline.keeping import state_folder
from kanport.pipeline.planning import utc_now

# Seconds after which no server works on a request any more.
_LONGEST_REQUEST = 900


def alone(
    url: str,
    ledger: Path | None,
    *,
    state: Path | None,
    command: str,
    token: SecretStr | None = None,
    journal: Path | None = None,
    wait: float = 0.0,
) -> AbstractContextManager[tuple[Holder, ...]]:
    """Hold the locks of a server (the URL of its API) and of a ledger while a block runs.

    A server is what its canonical URL says, and whatever has the same application token (`token`)
    at one of the same addresses. Its locks lie in the state folder, so runs with another state
    folder are not kept apart by them; the lock of a ledger lies beside it. `command` is what others
    are told of this run, `journal` what it writes. `wait` is in seconds. The block gets those who
    held the locks and were killed. Raises LockHeld where another run holds one of them, and
    UsageError where one cannot be taken.
    """
    folder = state_folder(state) / "locks"
    names = [_file_name(canonical_url(url))]
    if token is not None:
        names += sorted(_applications(url, token))
    locks = [Lock(folder / name, url) for name in names]
    if ledger is not None:
        resolved = ledger.resolve()
        locks.append(Lock(resolved.with_name(f"{resolved.name}.lock"), f"the ledger {ledger}"))
    return held(locks, command=command, now=utc_now(), journal=journal, wait=wait)


def wait_for_killed_runs(
    client: Client,
    killed: Iterable[Holder],
    state: Path | None,
    *,
    also: Iterable[Path] = (),
    but: Iterable[Path] = (),
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Wait until the server has done what runs asked for that were killed a moment ago.

    It may still be creating what nobody waits for any more; whoever reads it before that would ask
    for it again. The runs are those that `killed` names, those of the state folder and those of
    the journals in `also`; the journals in `but` are looked at elsewhere. The wait has a bound.
    Raises Unreachable.
    """
    paths = {Path(holder.journal) for holder in killed if holder.journal} | set(also)
    with suppress(OSError):
        paths.update(state_folder(state).glob("*.journal.jsonl"))
    for path in sorted({path.absolute() for path in paths} - {path.absolute() for path in but}):
        recorded = _unanswered(path, client.url)
        if recorded is not None:
            await_creations(recorded, client, sleep=sleep)


def _unanswered(path: Path, url: str) -> Recorded | None:
    """Return what a journal says of a run that was killed with requests under way, not long ago."""
    try:
        if time.time() - path.stat().st_mtime > _LONGEST_REQUEST or has_end(path):
            return None
        recorded = load_journal(path)
    except (OSError, UsageError):
        return None
    same = canonical_url(recorded.plan.server.url) == canonical_url(url)
    return recorded if same and recorded.sent else None


def _file_name(url: str) -> str:
    parts = urlsplit(url)
    name = re.sub(r"[^\w.-]+", "-", parts.netloc.rpartition("@")[2])
    return f"{name}-{hashlib.sha256(url.encode()).hexdigest()[:12]}.lock"


def _applications(url: str, token: SecretStr) -> Iterator[str]:
    """Return the files that stand for the application at each of its addresses.

    The token is made by Kanboard for each installation; what is kept of it tells nothing about it.
    """
    for address in _addresses(url):
        where = f"kanport lock {address} {port_of(url)}"
        key = hashlib.pbkdf2_hmac(
            "sha256", token.get_secret_value().encode(), where.encode(), 50_000
        )
        yield f"application-{key.hex()[:16]}.lock"


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
    """Tell whether an address is one of this machine: only these can be bound."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family, socket.SOCK_DGRAM) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True
