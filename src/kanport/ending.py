"""How one unattended run ended, as a value: what monitoring and notices tell. Pure, no I/O.

No secret is in it: it is made of a plan, a run and messages, and none of them holds any.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kanport.errors import Exit

# What each exit code means to somebody who reads it on a telephone.
RESULTS: dict[int, str] = {
    Exit.OK: "ok",
    Exit.BUG: "a bug",
    Exit.USAGE: "wrong usage",
    Exit.PARTIAL: "finished in part",
    Exit.GUARD: "stopped by a guard",
    Exit.SOURCE: "invalid source data",
    Exit.CONFIG: "invalid mapping or configuration",
    Exit.UNREACHABLE: "not reachable",
    Exit.LOCKED: "another run holds the lock",
    Exit.STALE: "the plan is stale",
    Exit.INTERRUPTED: "interrupted",
}


@dataclass(frozen=True, slots=True)
class Ending:
    """One run that has ended. Times are in UTC (RFC 3339).

    `message` says in one sentence how. `changed` is how many changes took effect, `changes` how
    many were planned of each action, `tally` what became of them (None where none was begun).
    `findings` are counts by severity, `first_findings` lines of the first that matter, `guards`
    those that stopped it, with their messages. `kept` are the files that tell more, by what they
    are.
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

    @property
    def succeeded(self) -> bool:
        """Whether everything asked for was done and verified, or nothing was to be done."""
        return self.exit_code == Exit.OK

    @property
    def result(self) -> str:
        """The exit code in a few words."""
        return RESULTS.get(self.exit_code, f"exit code {self.exit_code}")

    def to_dict(self) -> dict[str, Any]:
        """Return the ending as the status file and the webhook hold it."""
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
        }
