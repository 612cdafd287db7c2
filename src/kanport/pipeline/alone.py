"""Which locks keep two runs apart."""

import hashlib
import re
from contextlib import AbstractContextManager
from pathlib import Path
from urllib.parse import urlsplit

from kanport.lock import Lock, held
from kanport.pipeline.keeping import state_folder
from kanport.pipeline.planning import utc_now


def alone(
    url: str, ledger: Path | None, *, state: Path | None, command: str, wait: float = 0.0
) -> AbstractContextManager[None]:
    """Hold the locks of a server (the URL of its API) and of a ledger while a block runs.

    The lock of the server lies in the state folder, so runs with another state folder are not kept
    apart by it; the lock of a ledger lies beside it. `command` is what others are told of this
    run. `wait` is in seconds. Raises LockHeld where another run holds one of them, and UsageError
    where one cannot be taken.
    """
    locks = [Lock(state_folder(state) / "locks" / _file_name(url), url)]
    if ledger is not None:
        resolved = ledger.resolve()
        locks.append(Lock(resolved.with_name(f"{resolved.name}.lock"), f"the ledger {ledger}"))
    return held(locks, command=command, now=utc_now(), wait=wait)


def _file_name(url: str) -> str:
    parts = urlsplit(url)
    name = re.sub(r"[^\w.-]+", "-", parts.netloc.rpartition("@")[2])
    return f"{name}-{hashlib.sha256(url.encode()).hexdigest()[:12]}.lock"
