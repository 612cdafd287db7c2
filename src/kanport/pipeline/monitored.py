"""Monitor an unattended run: write status file and metrics, and send notices, however it ends.

Nobody watches `sync`. A `RunReporter` collects what the run did, and `monitored` reports its end
to the files and people that the configuration names.
"""

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from kanport import __version__
from kanport.config.file import Layers
from kanport.config.settings import ALLOW_HTTP, CA_FILE, PROMETHEUS, STATUS
from kanport.errors import (
    ConfigInvalid,
    Exit,
    KanportError,
    LockHeld,
    SourceInvalid,
    Unreachable,
    place_of,
)
from kanport.events import log_event
from kanport.files import check_target
from kanport.findings import Finding, Severity, in_order
from kanport.monitoring import RunSummary, last_success_in, write_metrics, write_status
from kanport.outcome import Run
from kanport.pipeline.inputs import files_named
from kanport.pipeline.state_dir import utc_now
from kanport.plan.model import Plan
from kanport.plan.open_removals import open_removals
from kanport.report.make import finding_lines

if TYPE_CHECKING:
    from kanport.notify import Delivery

logger = logging.getLogger(__name__)

_FIRST = 10


class RunReporter:
    """Collects what a run has done so far, and logs that it started."""

    def __init__(self, command: str, mapping: Path, run_id: str) -> None:
        self.run_id = run_id
        self.server: str | None = None
        self.message = ""
        self._command = command
        self._mapping = mapping
        self._begun = time.monotonic()
        self._started_at = utc_now()
        self._plan: Plan | None = None
        self._run: Run | None = None
        self._kept: dict[str, str] = {}
        self.exit_code = Exit.OK
        log_event(logger, "run.started", command=command, mapping=str(mapping), kanport=__version__)

    def planned(self, plan: Plan, path: Path | None) -> None:
        """Record the plan."""
        self._plan, self.server = plan, plan.server.url
        if path is not None:
            self.kept("plan", path)

    def kept(self, what: str, path: Path) -> None:
        """Record the path of a file about the run."""
        self._kept[what] = str(path)

    def ran(self, run: Run) -> None:
        """Record the run."""
        self._run = run

    def ending(
        self,
        code: int,
        message: str,
        *,
        hint: str | None = None,
        findings: Iterable[Finding] = (),
    ) -> RunSummary:
        """Return the summary of the run, now that it has ended."""
        plan = self._plan
        found = in_order([*(plan.findings if plan else ()), *findings])
        matter = [finding for finding in found if finding.severity is not Severity.INFO]
        tally = self._run.tally() if self._run else None
        return RunSummary(
            command=self._command,
            run_id=self.run_id,
            kanport=__version__,
            # Not the name in the mapping, which may be what is broken: series must not change.
            mapping=self._mapping.stem,
            mapping_path=str(self._mapping.absolute()),
            started_at=self._started_at,
            finished_at=utc_now(),
            seconds=time.monotonic() - self._begun,
            exit_code=code,
            message=message,
            server=self.server,
            hint=hint,
            changed=tally.done if tally else 0,
            changes=dict(Counter(str(change.action) for change in plan.changes)) if plan else {},
            tally=tally.to_dict() if tally else None,
            findings=dict(Counter(str(finding.severity) for finding in found)),
            guards=tuple(
                (verdict.guard, verdict.message) for verdict in (plan.blocked_by if plan else ())
            ),
            first_findings=tuple(islice(finding_lines(matter, with_hints=False), _FIRST)),
            kept=self._kept,
            open=open_removals(plan, self._run) if plan else (),
        )


class StatusFiles:
    """The files for monitoring; neither where none is wanted."""

    def __init__(
        self, status: Path | None, metrics: Path | None, warn: Callable[[str], None]
    ) -> None:
        self._status, self._metrics, self._warn = status, metrics, warn
        self._refused: set[Path] = set()

    def check(self, inputs: Iterable[Path]) -> None:
        """Raise UsageError if one of them cannot be written at the end.

        `inputs` are files that the run reads and must not overwrite.
        """
        for path in (self._status, self._metrics):
            if path is not None:
                try:
                    check_target(path, inputs=inputs, regular=True)
                except KanportError:
                    self._refused.add(path)
                    raise

    def write(self, ending: RunSummary, deliveries: "list[Delivery]") -> RunSummary:
        """Write both; return the summary, with a partial success if a file failed."""
        sent = all(delivery.problem is None for delivery in deliveries)
        good: str | None = None
        if self._status is not None and self._status not in self._refused:
            good = last_success_in(self._status, ending.mapping_path)
            notices = [delivery.to_dict() for delivery in deliveries]
            try:
                write_status(self._status, ending, notices)
                log_event(logger, "status.written", path=str(self._status))
            except KanportError as problem:
                ending = self._failed(self._status, problem, ending)
        if self._metrics is not None and self._metrics not in self._refused:
            try:
                write_metrics(self._metrics, ending, last_success=good, sent=sent)
                log_event(logger, "status.written", path=str(self._metrics))
            except KanportError as problem:
                ending = self._failed(self._metrics, problem, ending)
        return ending

    def _failed(self, path: Path, problem: KanportError, ending: RunSummary) -> RunSummary:
        log_event(logger, "status.failed", problem.message, level=logging.WARNING, path=str(path))
        if path not in self._refused:
            self._refused.add(path)
            self._warn(problem.message)
        if not ending.succeeded:
            return ending
        return replace(ending, exit_code=int(Exit.PARTIAL), message=problem.message)


@contextmanager
def monitored(
    command: str,
    mapping: Path,
    layers: Callable[[], Layers],
    *,
    without_file: Layers,
    run_id: str,
    warn: Callable[[str], None],
) -> Iterator[RunReporter]:
    """Write status file and metrics and send notices when the block ends, however it ends.

    `layers` returns the settings, and raises ConfigInvalid for an invalid configuration file; then
    `without_file` names the files. The block sets `exit_code`; a status file that cannot be written
    turns success into partial success. If another run holds the lock, the files are about that run
    and stay as they are.
    """
    record = RunReporter(command, mapping, run_id)
    broken: ConfigInvalid | None = None
    try:
        settings = layers()
    except ConfigInvalid as problem:
        settings, broken = without_file, problem
    files = StatusFiles(settings.take(STATUS).value, settings.take(PROMETHEUS).value, warn)
    nothing = StatusFiles(None, None, warn)

    def end(
        code: int,
        message: str,
        hint: str | None = None,
        *,
        findings: Iterable[Finding] = (),
        files: StatusFiles = files,
    ) -> Exit:
        ending = record.ending(code, message, hint=hint, findings=findings)
        return Exit(_report(ending, files, settings, warn))

    try:
        if broken is not None:
            raise broken
        files.check(files_named(mapping))
        yield record
    except LockHeld as problem:
        end(problem.exit_code, problem.message, problem.hint, files=nothing)
        raise
    except KanportError as problem:
        found = problem.findings if isinstance(problem, SourceInvalid | Unreachable) else ()
        end(problem.exit_code, problem.message, problem.hint, findings=found)
        raise
    except KeyboardInterrupt as stop:
        end(Exit.INTERRUPTED, str(stop) or "Interrupted; nothing more was sent.")
        raise
    except Exception as bug:
        kind, module, line = place_of(bug)
        end(Exit.BUG, f"a bug in Kanport: {kind} in {module}, line {line}")
        raise
    record.exit_code = end(record.exit_code, record.message)


def _report(
    ending: RunSummary, files: StatusFiles, layers: Layers, warn: Callable[[str], None]
) -> int:
    """Write the files, send the notices, and return the exit code."""
    log_event(
        logger,
        "run.ended",
        ending.message,
        level=logging.INFO if ending.succeeded else logging.ERROR,
        exit_code=int(ending.exit_code),
        result=ending.result,
        seconds=round(ending.seconds, 3),
        changed=ending.changed,
        tally=ending.tally,
    )
    # First the files: sending takes its time, and somebody may lose patience.
    ending = files.write(ending, [])
    deliveries = list(_send(ending, layers))
    for delivery in deliveries:
        channel, to, problem = delivery.channel, delivery.to, delivery.problem
        if problem is None:
            log_event(logger, "notice.sent", channel=channel, to=to)
        else:
            level = logging.WARNING
            log_event(logger, "notice.failed", problem, level=level, channel=channel, to=to)
            warn(f"Kanport could not send the notice by {channel} ({to}): {problem}")
    if deliveries:
        ending = files.write(ending, deliveries)
    return int(ending.exit_code)


def _send(ending: RunSummary, layers: Layers) -> "Iterator[Delivery]":
    file = layers.file
    if file.path is None or not (file.notify.webhook or file.notify.email):
        return
    # Most runs send nothing, and smtplib takes its time to load.
    from kanport.notify import DeliveryContext, send_notices

    try:
        ca_file, allow_http = layers.take(CA_FILE).value, bool(layers.take(ALLOW_HTTP).value)
    except ConfigInvalid:
        # The notice about the invalid settings must still go out.
        ca_file, allow_http = None, False
    context = DeliveryContext(layers.environ, file.path.parent, ca_file, allow_http)
    yield from send_notices(file.notify, ending, context)
