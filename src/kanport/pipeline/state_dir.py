"""What runs keep: the state folder with plans, journals and locks, and where the ledger is."""

import getpass
import hashlib
import json
import os
import re
import socket
from datetime import UTC, datetime
from pathlib import Path

from kanport.errors import UsageError
from kanport.events import new_run_id
from kanport.files import open_regular
from kanport.mapping.spec import MappingFile
from kanport.plan.model import Plan

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


def journal_beside(plan_path: Path) -> Path:
    """Return where the journal of a run of a plan is by default.

    >>> str(journal_beside(Path("plan.json")))
    'plan.journal.jsonl'
    """
    return plan_path.with_name(f"{plan_path.stem}.journal.jsonl")


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
