"""The runs of a state folder, one line each, with what gave or ended access, and what failed."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from kanport.access.compare import RUN, RecordedRun
from kanport.apply.journal import load_journal
from kanport.errors import UsageError
from kanport.outcome import STILL_RUNNING, Status
from kanport.plan.change import GIVES
from kanport.plan.model import Plan
from kanport.plan.plan_file import load_plan
from kanport.records import dataclass
from kanport.report.document import Chart, DataTable, Document
from kanport.report.sentences import CHANGE, counted, utc
from kanport.report.tables import Cell
from kanport.report.view import Count, Level, Sum

JOURNAL, PLAN = ".journal.jsonl", ".plan.json"
# Columns of a chart; more are no wider than a line.
_SHOWN = 120
_GIVES = frozenset({*GIVES, "user.create", "user.enable"})
_ENDS = frozenset(
    {"membership.revoke", "group_member.remove", "group_access.revoke"}
    | {"user.disable", "user.remove"}
)


@dataclass(frozen=True, slots=True)
class PastRun:
    """A run, or a plan that was stopped before the first write (`recorded` is None then).

    `grants` and `revocations` are the changes that gave and ended access. Creating, enabling,
    disabling and removing users count too.
    """

    path: Path
    plan: Plan
    recorded: RecordedRun | None = None

    @property
    def begun_at(self) -> str:
        """Return when the run began; for a stopped plan, when it was made (UTC, RFC 3339)."""
        return self.plan.created_at if self.recorded is None else self.recorded.run.started_at

    def made(self, actions: Iterable[str]) -> int:
        """Return how many changes of these actions the run made."""
        if self.recorded is None:
            return 0
        wanted = {change.id for change in self.plan.changes if change.action in actions}
        outcomes = self.recorded.run.outcomes
        return sum(one.change_id in wanted and one.status is Status.DONE for one in outcomes)

    @property
    def grants(self) -> int:
        """Return how many changes gave access."""
        return self.made(_GIVES)

    @property
    def revocations(self) -> int:
        """Return how many changes ended access."""
        return self.made(_ENDS)

    @property
    def withheld(self) -> int:
        """Return how many removals the plan withheld."""
        return len(self.plan.withheld or ())

    @property
    def running(self) -> bool:
        """Return whether the run has not ended yet."""
        return self.recorded is not None and self.recorded.run.stopped == STILL_RUNNING

    @property
    def result(self) -> str:
        """Return how the run ended, in a few words."""
        if self.recorded is None:
            return f"stopped: {', '.join(one.guard for one in self.plan.blocked_by)}"
        run = self.recorded.run
        if self.running:
            return "still running"
        if run.stopped is not None:
            return f"stopped: {run.stopped.text}"
        return "complete" if run.tally().complete else "incomplete"

    def as_dict(self) -> dict[str, Any]:
        """Return the run as JSON holds it."""
        run = None if self.recorded is None else self.recorded.run
        return {
            "run": None if run is None else run.id,
            "begun_at": self.begun_at,
            "finished_at": None if run is None else run.finished_at,
            "server": self.plan.server.url,
            "mapping": self.plan.mapping.path,
            "by": self.plan.made_by if run is None else run.by,
            "approved_by": None if run is None or run.approved is None else run.approved.by,
            "result": self.result,
            "tally": None if run is None else run.tally().to_dict(),
            "unanswered": 0 if run is None else run.tally().unanswered,
            "grants": self.grants,
            "revocations": self.revocations,
            "withheld": self.withheld,
            "file": str(self.path),
        }


@dataclass(frozen=True, slots=True)
class History:
    """The runs of a folder, from the first to the last, and the files that could not be read."""

    folder: Path
    runs: tuple[PastRun, ...]
    broken: tuple[tuple[Path, str], ...] = ()

    @classmethod
    def of(cls, folder: Path, journals: Iterable[Path] = ()) -> "History":
        """Read the journals of a folder and others, and plans of the folder that a check stopped.

        `kanport apply` keeps its journals beside the plans. Raises UsageError where there is
        neither such a folder nor another journal, and for one of these that cannot be read.
        """
        others = tuple(journals)
        if not folder.is_dir() and not others:
            raise UsageError(
                f"there is no state folder {folder}", hint="name it with --state or KANPORT_STATE"
            )
        runs: list[PastRun] = []
        broken: list[tuple[Path, str]] = []
        seen: set[str] = set()
        for path in (*others, *sorted(folder.glob(f"*{JOURNAL}"))):
            try:
                found = load_journal(path)
            except UsageError as problem:
                if path in others:
                    raise
                broken.append((path, problem.message))
                continue
            if found.run.id not in seen:
                seen.add(found.run.id)
                runs.append(PastRun(path, found.plan, RecordedRun(found.plan, found.run)))
        for path in sorted(folder.glob(f"*{PLAN}")):
            if path.with_name(path.name.removesuffix(PLAN) + JOURNAL).exists():
                continue
            try:
                plan = load_plan(path)
            except UsageError as problem:
                broken.append((path, problem.message))
                continue
            if plan.blocked_by:
                runs.append(PastRun(path, plan))
        runs.sort(key=lambda run: (run.begun_at, run.path.name))
        return cls(folder, tuple(runs), tuple(broken))

    def recorded(self) -> Iterator[RecordedRun]:
        """Yield the runs that have a journal."""
        yield from (run.recorded for run in self.runs if run.recorded is not None)

    def document(self) -> Document:
        """Return the report."""
        recorded = list(self.recorded())
        tallies = [one.run.tally() for one in recorded]
        failed = sum(one.failed for one in tallies)
        open_runs = [run for run in self.runs if run.result != "complete"]
        unanswered = sum(one.unanswered for one in tallies)
        without = f" ({unanswered} of them sent without an answer)" if unanswered else ""
        stopped = len(self.runs) - len(recorded)
        running = sum(run.running for run in self.runs)
        incomplete = len(open_runs) - stopped - running
        given = sum(run.grants for run in self.runs)
        ended = sum(run.revocations for run in self.runs)
        headline = (
            f"{counted(len(self.runs), RUN)}:"
            f" {counted(given, CHANGE)} gave access, {ended} ended access,"
            f" {failed} failed{without};"
            f" {incomplete} incomplete, {stopped} stopped"
            f"{f', {running} still running' if running else ''}"
        )
        planned = sum(one.planned for one in tallies)
        return Document(
            title=("Runs in ", str(self.folder)),
            level=Level.LOOK if open_runs or self.broken else Level.GOOD,
            headline=(f"{headline}.",),
            about=(
                f"{utc(self.runs[0].begun_at)} to {utc(self.runs[-1].begun_at)}"
                if self.runs
                else "No run is recorded here",
                "A sync with nothing to do keeps no journal. After kanport apply, the journal"
                " is beside the plan; --journal names it.",
            ),
            figures=(
                Count("runs", len(self.runs), RUN(len(self.runs))),
                Count("grants", given, "gave access"),
                Count("revocations", ended, "ended access"),
                Count("failed", failed, "failed"),
                Count("withheld", sum(run.withheld for run in self.runs[-1:]), "withheld last"),
            ),
            sums=(
                Sum(
                    Count("planned", planned, "planned changes"),
                    tuple(
                        Count(key, sum(one.to_dict()[key] for one in tallies), words)
                        for key, words in _TALLY.items()
                    ),
                ),
                Sum(
                    Count("runs", len(self.runs), RUN(len(self.runs))),
                    (
                        Count("complete", len(self.runs) - len(open_runs), "complete"),
                        Count("incomplete", incomplete, "incomplete"),
                        Count(
                            "stopped", stopped, "stopped by a safety check before the first write"
                        ),
                        *([Count("running", running, "still running")] if running else ()),
                    ),
                ),
            ),
            charts=self._charts(),
            tables=(self._table(), self._broken()),
        )

    def _charts(self) -> tuple[Chart, ...]:
        shown = self.runs[-_SHOWN:]
        if len(shown) < 2:
            return ()
        labels = [f"{utc(run.begun_at)}: {run.result}" for run in shown]
        access = [(run.grants, run.revocations) for run in shown]
        open_ = [
            (0 if run.recorded is None else run.recorded.run.tally().failed, run.withheld)
            for run in shown
        ]
        return (
            Chart(
                "Changes that gave or ended access by run",
                (("add", "gave access"), ("del", "ended access")),
                tuple(zip(labels, access, strict=True)),
            ),
            Chart(
                "Failed changes and withheld removals by run",
                (("fail", "failed"), ("rest", "withheld")),
                tuple(zip(labels, open_, strict=True)),
            ),
        )

    def _table(self) -> DataTable:
        columns = (
            *("Started", "Run", "Mapping", "By", "Approved by", "Result"),
            *("Planned", "Done", "Unchanged", "Failed", "Skipped", "Not started"),
            *("Gave access", "Ended access", "Withheld"),
        )
        rows: list[tuple[Cell, ...]] = []
        for one in reversed(self.runs):
            run = None if one.recorded is None else one.recorded.run
            tally = () if run is None else tuple(run.tally().to_dict().values())
            rows.append(
                (
                    utc(one.begun_at),
                    "" if run is None else run.id,
                    one.plan.mapping.name or Path(one.plan.mapping.path).name,
                    (one.plan.made_by or "") if run is None else run.by,
                    "" if run is None or run.approved is None else run.approved.by,
                    one.result,
                    *(tally or (len(one.plan.changes), 0, 0, 0, 0, len(one.plan.changes))),
                    *(one.grants, one.revocations, one.withheld),
                )
            )
        names = tuple(f"{row[0]} {row[5]}" for row in rows)
        return DataTable("runs", "Runs", columns, rows, "Newest run first.", names, len(rows))

    def _broken(self) -> DataTable:
        rows = [(path.name, why) for path, why in self.broken]
        return DataTable(
            "unread",
            "Files that cannot be read",
            ("File", "Why"),
            rows,
            names=tuple(row[0] for row in rows),
            number=len(rows),
            review=True,
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the history as JSON holds it."""
        return {
            "format": "kanport-history/1",
            "folder": str(self.folder),
            "runs": [run.as_dict() for run in self.runs],
            "unread": [{"file": str(path), "why": why} for path, why in self.broken],
        }


_TALLY = {
    "done": "done",
    "already_so": "unchanged",
    "failed": "failed",
    "skipped": "skipped",
    "not_attempted": "not started",
}
