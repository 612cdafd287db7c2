"""The status file: JSON that is replaced in one step, so that nobody ever reads half of one."""

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from kanport.ending import Ending
from kanport.files import read_file, write_file
from kanport.report.visible import json_safe

FORMAT = "kanport-status/1"
_MOST = 1_000_000


def write_status(path: Path, ending: Ending, notices: Sequence[dict[str, Any]] = ()) -> None:
    """Replace the status file after a run.

    What it said of the last good run stays where this one was none. A file of another mapping says
    nothing about this one. Raises UsageError where the file cannot be written; the old one is then
    as it was.
    """
    before = _read(path)
    same = before.get("mapping_path") == ending.mapping_path
    good = {"run": ending.run_id, "finished_at": ending.finished_at}
    status = {
        "format": FORMAT,
        "kanport": ending.kanport,
        "mapping": ending.mapping,
        "mapping_path": ending.mapping_path,
        "server": ending.server or (before.get("server") if same else None),
        "last_run": ending.to_dict() | {"notices": list(notices)},
        "last_success": good if ending.succeeded else _good(before) if same else None,
        "failures_since_success": 0 if ending.succeeded else _failures(before, ending, same=same),
    }
    told = json_safe(json.dumps(status, ensure_ascii=False, indent=2)) + "\n"
    write_file(path, told, mode=0o644)


def last_success_in(path: Path, mapping_path: str) -> str | None:
    """Give when the last good run of a mapping ended; None where a status file does not say."""
    status = _read(path)
    good = _good(status) if status.get("mapping_path") == mapping_path else None
    return str(good["finished_at"]) if good else None


def _failures(before: dict[str, Any], ending: Ending, *, same: bool) -> int:
    count = before.get("failures_since_success")
    if not same or not isinstance(count, int):
        return 1
    # A run writes once more when its notices are sent, and is still one failure.
    last = before.get("last_run")
    again = isinstance(last, dict) and last.get("run") == ending.run_id
    return max(count, 1) if again else count + 1


def _good(status: dict[str, Any]) -> dict[str, Any] | None:
    good = status.get("last_success")
    if isinstance(good, dict) and _is_moment(good.get("finished_at")):
        return good
    return None


def _is_moment(value: object) -> bool:
    """Say whether this is a time as it is written here; the file may be anybody's by now."""
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).timestamp() >= 0
    except (ValueError, OverflowError):
        return False


def _read(path: Path) -> dict[str, Any]:
    """Give what a status file says; nothing where it is none, as after a first run."""
    try:
        status = json.loads(read_file(path, most=_MOST))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(status, dict) or status.get("format") != FORMAT:
        return {}
    return status
