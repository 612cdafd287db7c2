"""How an unattended run ended, and the files that say so: status file and Prometheus metrics.

A `RunSummary` holds no secret: it is made of a plan, a run and messages, and none of them has any.
`kanport.notify` sends it as a notice. The status file also keeps the last successful run.
"""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from kanport.errors import Exit
from kanport.files import read_file, write_file
from kanport.findings import Severity
from kanport.memory import OpenRemoval
from kanport.records import dataclass
from kanport.report.escape import json_safe

# What each exit code means to somebody who reads it on a telephone.
RESULTS: dict[int, str] = {
    Exit.OK: "ok",
    Exit.BUG: "a bug",
    Exit.USAGE: "wrong usage",
    Exit.PARTIAL: "finished in part",
    Exit.GUARD: "stopped by a safety check",
    Exit.SOURCE: "invalid source data",
    Exit.CONFIG: "invalid mapping or configuration",
    Exit.UNREACHABLE: "not reachable",
    Exit.LOCKED: "another run holds the lock",
    Exit.STALE: "the plan is stale",
    Exit.INTERRUPTED: "interrupted",
}


# The file of a run with many open removals stays short; reports have all.
_FIRST = 20


@dataclass(frozen=True, slots=True)
class RunSummary:
    """A run that has ended. Times are in UTC (RFC 3339).

    `message` is one sentence. `changed` counts the changes that took effect, `changes` those
    planned, by action, and `tally` their outcomes (None if no run began). `findings` are counts by
    severity, `first_findings` lines of the first that matter, `guards` those that stopped the run,
    with their messages. `kept` are the files about the run, by kind. `open` are the removals that
    should have been made and are not, the oldest first.
    """

    command: str
    run_id: str
    kanport: str
    mapping: str
    mapping_path: str
    started_at: str
    finished_at: str
    seconds: float
    exit_code: int
    message: str
    server: str | None = None
    hint: str | None = None
    changed: int = 0
    changes: Mapping[str, int] = field(default_factory=dict)
    tally: Mapping[str, int] | None = None
    findings: Mapping[str, int] = field(default_factory=dict)
    guards: tuple[tuple[str, str], ...] = ()
    first_findings: tuple[str, ...] = ()
    kept: Mapping[str, str] = field(default_factory=dict)
    open: tuple[OpenRemoval, ...] = ()

    @property
    def succeeded(self) -> bool:
        """Whether everything asked for was done and verified, or nothing was to be done."""
        return self.exit_code == Exit.OK

    @property
    def result(self) -> str:
        """The exit code in a few words."""
        if self.exit_code == Exit.GUARD and not self.guards:
            return "no valid approval"
        return RESULTS.get(self.exit_code, f"exit code {self.exit_code}")

    def to_dict(self) -> dict[str, Any]:
        """Return the summary as in the status file and the webhook."""
        return {
            "run": self.run_id,
            "command": self.command,
            "started_at": self.started_at,
            "finished_at": self.finished_at,
            "seconds": round(self.seconds, 3),
            "exit_code": self.exit_code,
            "result": self.result,
            "message": self.message,
            "hint": self.hint,
            "changed": self.changed,
            "changes": dict(self.changes),
            "tally": None if self.tally is None else dict(self.tally),
            "findings": dict(self.findings),
            "guards": [{"guard": name, "message": text} for name, text in self.guards],
            "first_findings": list(self.first_findings),
            "kept": dict(self.kept),
            "open_removals": {
                "number": len(self.open),
                "oldest_since": self.open[0].since if self.open else None,
                "first": [one._asdict() for one in self.open[:_FIRST]],
            },
        }


# --- files for monitoring: the status file and Prometheus metrics of the last run -----------------

FORMAT = "kanport-status/1"
_MAX_BYTES = 1_000_000


def write_status(path: Path, ending: RunSummary, notices: Sequence[dict[str, Any]] = ()) -> None:
    """Replace the status file after a run.

    Keep the last successful run of the same mapping if this run was not successful. Raise
    UsageError if the file cannot be written; the old file then stays.
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
    text = json_safe(json.dumps(status, ensure_ascii=False, indent=2)) + "\n"
    write_file(path, text, mode=0o644)


def last_success_in(path: Path, mapping_path: str) -> str | None:
    """Return when the last successful run of a mapping ended; None if unknown."""
    status = _read(path)
    good = _good(status) if status.get("mapping_path") == mapping_path else None
    return str(good["finished_at"]) if good else None


def _failures(before: dict[str, Any], ending: RunSummary, *, same: bool) -> int:
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
    """Return whether this is a time of this format; others may have changed the file."""
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).timestamp() >= 0
    except (ValueError, OverflowError):
        return False


def _read(path: Path) -> dict[str, Any]:
    """Return the content of a status file; empty for none, as before the first run."""
    try:
        status = json.loads(read_file(path, most=_MAX_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(status, dict) or status.get("format") != FORMAT:
        return {}
    return status


# --- metrics for the textfile collector of Prometheus' node exporter (text format 0.0.4) ----------

_GOOD = "kanport_last_success_timestamp_seconds"
_TALLY = ("done", "already_so", "failed", "skipped", "not_attempted")


class Metric(NamedTuple):
    """One metric, all of them gauges: name, help, and values by further labels."""

    name: str
    about: str
    values: tuple[tuple[Mapping[str, str], float], ...]


def write_metrics(path: Path, ending: RunSummary, *, last_success: str | None, sent: bool) -> None:
    """Replace the metrics of a mapping after a run.

    `last_success` is when the last successful run before this one ended (UTC, RFC 3339); None keeps
    the value of the file. `sent` is whether all notices went out. Raises UsageError if the file
    cannot be written.
    """
    good = _seconds(last_success) if last_success else _before(path, ending.mapping)
    if ending.succeeded:
        good = _seconds(ending.finished_at)
    write_file(path, exposition(ending, good, sent=sent), mode=0o644)


def exposition(ending: RunSummary, last_success: float | None, *, sent: bool = True) -> str:
    """Return the metrics as text; the last success is in seconds since 1970, None for never."""
    lines: list[str] = []
    for metric in _metrics(ending, last_success, sent):
        lines += [f"# HELP {metric.name} {metric.about}", f"# TYPE {metric.name} gauge"]
        for labels, value in metric.values:
            named = {"mapping": ending.mapping} | dict(labels)
            shown = ",".join(f'{name}="{escape(text)}"' for name, text in named.items())
            lines.append(f"{metric.name}{{{shown}}} {value:.15g}")
    return "\n".join(lines) + "\n"


def escape(text: str) -> str:
    r"""Escape the value of a label for the text format.

    >>> print(escape('a "b"\\c\nd'))
    a \"b\"\\c\nd
    """
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _metrics(ending: RunSummary, last_success: float | None, sent: bool) -> Iterator[Metric]:
    def one(name: str, about: str, value: float) -> Metric:
        return Metric(f"kanport_{name}", about, (({}, value),))

    finished = _seconds(ending.finished_at)
    yield one("last_run_timestamp_seconds", "When the last run ended, since 1970.", finished)
    if last_success is not None:
        yield Metric(_GOOD, "When a run last ended well, since 1970.", (({}, last_success),))
    yield one("last_run_exit_code", "The exit code of the last run.", ending.exit_code)
    yield one("last_run_duration_seconds", "How long the last run took.", round(ending.seconds, 3))
    yield one("last_run_changed", "How many changes of the last run took effect.", ending.changed)
    tally = ending.tally or {}
    yield Metric(
        "kanport_last_run_outcomes",
        "What became of the changes that the last run planned; already_so means unchanged,"
        " not_attempted not started.",
        tuple(({"outcome": word}, tally.get(word, 0)) for word in _TALLY),
    )
    if ending.changes:
        yield Metric(
            "kanport_last_run_planned",
            "How many changes of each action the last run planned.",
            tuple(({"action": action}, n) for action, n in sorted(ending.changes.items())),
        )
    yield Metric(
        "kanport_last_run_findings",
        "How many findings the last run had about its sources.",
        tuple(({"severity": s.value}, ending.findings.get(s.value, 0)) for s in Severity),
    )
    yield one(
        "last_run_guards_tripped",
        "How many safety checks stopped the last run.",
        len(ending.guards),
    )
    yield one("last_run_told", "Whether all notices of the last run went out.", int(sent))


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


def _before(path: Path, mapping: str) -> float | None:
    """Return the last success of the mapping in an existing file."""
    try:
        text = read_file(path, most=_MAX_BYTES).decode("utf-8", "replace")
        label = re.escape(f'{_GOOD}{{mapping="{escape(mapping)}"}} ')
        found = re.search(rf"^{label}(\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else None
    except (OSError, ValueError):
        return None
