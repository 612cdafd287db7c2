"""What runs keep: the state folder with plans, journals and locks, and where the ledger is.

Two locks keep runs apart, that of a server and that of a ledger. What a killed run asked the server
for may still be under way: whoever takes over its lock waits for that first.
"""

import getpass
import hashlib
import ipaddress
import json
import os
import re
import socket
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from kanport.apply.journal import Recorded, load_journal
from kanport.apply.reconcile import await_creations
from kanport.approval import approval_key, with_signature
from kanport.config.address import canonical_url, is_loopback, port_of
from kanport.errors import UsageError
from kanport.events import new_run_id
from kanport.files import open_regular
from kanport.kanboard.client import Client
from kanport.lock import Lock, LockHolder, hold_locks
from kanport.mapping.spec import MappingFile
from kanport.outcome import Run
from kanport.plan.model import Plan
from kanport.plan.plan_file import load_plan

try:
    import pwd
except ImportError:  # Windows
    pwd = None  # type: ignore[assignment]


def state_stem(state: Path | None, plan: Plan, run_id: str | None = None) -> Path:
    """Return the path, without extension, of the plan and the journal of one run.

    Makes the state folder if it is missing; raises UsageError if that fails.
    """
    folder = state_folder(state)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as problem:
        raise UsageError(
            f"the state folder {folder} cannot be made: {problem.strerror}",
            hint="name another with --state or KANPORT_STATE",
        ) from problem
    name = re.sub(r"[^\w.-]+", "-", plan.mapping.name or Path(plan.mapping.path).stem)
    return folder / f"{name}-{run_id or new_run_id()}"


def state_folder(state: Path | None) -> Path:
    """Return the state folder: `state`, KANPORT_STATE, or `kanport` in the user's state folder.

    The last one is below XDG_STATE_HOME, or ~/.local/state. Raises UsageError for a user without a
    home.
    """
    if state is not None:
        return state
    if named := os.environ.get("KANPORT_STATE"):
        return Path(named)
    # The XDG base directory specification.
    if base := os.environ.get("XDG_STATE_HOME"):
        return Path(base) / "kanport"
    try:
        return Path.home() / ".local" / "state" / "kanport"
    except RuntimeError as problem:
        raise UsageError(
            "there is no folder for plans and journals: this user has no home",
            hint="name one with --state or KANPORT_STATE",
        ) from problem


def load_plan_or_journal(path: Path) -> tuple[Plan, Run | None]:
    """Load a plan, or the plan and the run of a journal.

    Checks the signature of an approval if the environment has the key. Raises UsageError if the
    file is neither, and ConfigInvalid if the key cannot be used.
    """
    try:
        with open_regular(path) as file:
            head = file.readline(200)
    except OSError as problem:
        raise UsageError(f"{path} cannot be read: {problem.strerror}") from problem
    if b'"kanport-journal/' not in head:
        return load_plan(path), None
    recorded = load_journal(path)
    run = recorded.run
    if run.approved is not None:
        approved = with_signature(run.approved, recorded.plan, approval_key(os.environ))
        run = replace(run, approved=approved)
    return recorded.plan, run


def ledger_of_mapping(spec: MappingFile, mapping_path: Path, state: Path | None) -> Path | None:
    """Return where the ledger of a mapping is; None if it keeps none.

    The mapping may name it. Otherwise it is beside the mapping (`nightly.yaml.ledger`), or in the
    state folder if the user cannot write beside the mapping. An existing ledger has precedence, so
    that several users of one mapping find the same. Touches nothing.
    """
    if spec.ledger is not None:
        return mapping_path.parent / spec.ledger
    if not spec.keeps_ledger:
        return None
    beside = mapping_path.with_name(f"{mapping_path.name}.ledger")
    if beside.exists():
        return beside
    try:
        fallback = state_folder(state) / "ledgers" / _name_in_state(mapping_path)
    except UsageError:
        # A user without a home has no state folder; what writes says so when it needs one.
        return beside
    if fallback.exists():
        return fallback.absolute()
    return beside if os.access(beside.parent, os.W_OK | os.X_OK) else fallback.absolute()


def _name_in_state(mapping_path: Path) -> str:
    # Symbolic links stay as they are: a mounted configuration may lead elsewhere after each update.
    place = os.path.abspath(mapping_path)  # noqa: PTH100
    name = re.sub(r"[^\w.-]+", "-", mapping_path.name)
    return f"{name}-{hashlib.sha256(os.fsencode(place)).hexdigest()[:12]}.ledger"


# Bytes at the end of a journal in which its last record lies, if that is its end.
_TAIL = 4096


def has_end(path: Path) -> bool:
    """Return whether the last record of a journal is its end; False if it cannot be read."""
    try:
        with open_regular(path) as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
            last = file.read().rstrip(b"\n").rpartition(b"\n")[2]
        return bool(json.loads(last)["record"] == "end")
    except (OSError, ValueError, KeyError, TypeError):
        return False


def utc_now() -> str:
    """Return the time as plans and journals hold it (UTC, RFC 3339, seconds)."""
    return utc_text(datetime.now(UTC))


def utc_text(moment: datetime) -> str:
    """Return a time in UTC as plans and journals hold it."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def current_actor() -> str:
    """Return the user and the machine, such as `ann@build7`.

    The user is that of the process, not of the environment, which anybody can set. A user without
    a name is given by number.
    """
    if pwd is None:
        name = getpass.getuser()
    else:
        number = os.geteuid()
        try:
            name = pwd.getpwuid(number).pw_name
        except KeyError:
            name = f"uid {number}"
    return f"{name}@{socket.gethostname()}"


# --- which locks keep two runs apart, and what is left of a run that was killed -------------------

# Seconds after which no server works on a request any more.
_LONGEST_REQUEST = 900


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
            "sha256", token.get_secret_value().encode(), where.encode(), 50_000
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
