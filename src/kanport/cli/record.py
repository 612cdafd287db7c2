"""What an unattended run leaves for others: log, status file, metrics and notices, however it ends.

What is written here never changes what the run did. A status file that was asked for and cannot be
written makes a success a partial one, for somebody relies on it.
"""

import logging
import signal
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

import click

from kanport import __version__
from kanport.api import Inputs, Plan, Run, files_named
from kanport.cli.boundary import finding_line, place_of
from kanport.cli.invocation import Invocation, invocation_of
from kanport.cli.output import Output
from kanport.cli.status_files import StatusFiles
from kanport.config import Layers
from kanport.config.catalogue import ALLOW_HTTP, CA_FILE, PROMETHEUS, STATUS
from kanport.ending import Ending
from kanport.errors import ConfigInvalid, Exit, KanportError, LockHeld, SourceInvalid, Unreachable
from kanport.events import tell
from kanport.findings import Finding, Severity, in_order
from kanport.notice import Delivery, Surroundings, send_notices

logger = logging.getLogger(__name__)

_FIRST = 10


class Record:
    """What is known of a run so far; the commands fill it in as they come along."""

    def __init__(self, command: str, mapping: Path, run_id: str) -> None:
        self.run_id = run_id
        self.server: str | None = None
        self.message = ""
        self._command = command
        self._mapping = mapping
        self._begun = time.monotonic()
        self._started_at = _now()
        self._plan: Plan | None = None
        self._run: Run | None = None
        self._kept: dict[str, str] = {}
        tell(logger, "run.started", command=command, mapping=str(mapping), kanport=__version__)

    def read(self, inputs: Inputs) -> None:
        """Take down that the sources are read, and how much they ask for."""
        desired = inputs.desired
        tell(
            logger,
            "sources.read",
            users=len(desired.users),
            memberships=len(desired.memberships),
        )

    def planned(self, plan: Plan, path: Path | None) -> None:
        """Take down the plan, the guards that stop it and what was found on the way."""
        self._plan, self.server = plan, plan.server.url
        if path is not None:
            self.kept("plan", path)
        tell(logger, "plan.made", changes=len(plan.changes), actions=dict(plan.summary))
        for verdict in plan.blocked_by:
            level = logging.ERROR
            tell(logger, "guard.tripped", verdict.message, level=level, guard=verdict.guard)
        _tell_findings(plan.findings)

    def kept(self, what: str, path: Path) -> None:
        """Take down where a file lies that tells more."""
        self._kept[what] = str(path)

    def ran(self, run: Run) -> None:
        """Take down what became of the plan."""
        self._run = run

    def ending(
        self,
        code: int,
        message: str,
        *,
        hint: str | None = None,
        findings: Iterable[Finding] = (),
    ) -> Ending:
        """Give how the run ended, now that it has."""
        plan = self._plan
        found = in_order([*(plan.findings if plan else ()), *findings])
        matter = [finding for finding in found if finding.severity is not Severity.INFO]
        matter.sort(key=lambda finding: finding.severity is not Severity.ERROR)
        tally = self._run.tally() if self._run else None
        return Ending(
            command=self._command,
            run_id=self.run_id,
            kanport=__version__,
            # Not the name in the mapping, which may be what is broken: series must not change.
            mapping=self._mapping.stem,
            mapping_path=str(self._mapping.absolute()),
            started_at=self._started_at,
            finished_at=_now(),
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
            first_findings=tuple(
                finding_line(finding, with_hint=False) for finding in matter[:_FIRST]
            ),
            kept=self._kept,
        )


@contextmanager
def recorded(ctx: click.Context, command: str, mapping: Path, output: Output) -> Iterator[Record]:
    """Tell how what is done inside ended: status file, metrics and notices, in every outcome.

    Where another run holds the lock, the files are left as
    they are: they are about that one.
    """
    record = Record(command, mapping, invocation_of(ctx).run_id)
    layers, broken = _layers(invocation_of(ctx))
    files = StatusFiles(layers.take(STATUS).value, layers.take(PROMETHEUS).value)
    try:
        with _signals_end_it():
            if broken is not None:
                raise broken
            files.check(files_named(mapping))
            yield record
        ending = record.ending(Exit.OK, record.message)
    except click.exceptions.Exit as end:
        ending = record.ending(end.exit_code, record.message)
        raise click.exceptions.Exit(_tell(ending, files, layers, output)) from None
    except LockHeld as problem:
        ending = record.ending(problem.exit_code, problem.message, hint=problem.hint)
        _tell(ending, StatusFiles(None, None), layers, output)
        raise
    except KanportError as problem:
        findings = problem.findings if isinstance(problem, SourceInvalid | Unreachable) else ()
        ending = record.ending(
            problem.exit_code, problem.message, hint=problem.hint, findings=findings
        )
        _tell(ending, files, layers, output)
        raise
    except (KeyboardInterrupt, click.Abort) as stop:
        text = str(stop) or "Interrupted; nothing more was sent."
        ending = record.ending(Exit.INTERRUPTED, text)
        _tell(ending, files, layers, output)
        raise
    except click.ClickException as problem:
        _tell(record.ending(Exit.USAGE, problem.format_message()), files, layers, output)
        raise
    except Exception as bug:
        kind, module, line = place_of(bug)
        message = f"a bug in Kanport: {kind} in {module}, line {line}"
        _tell(record.ending(Exit.BUG, message), files, layers, output)
        raise
    else:
        ctx.exit(_tell(ending, files, layers, output))


def _tell(ending: Ending, files: StatusFiles, layers: Layers, output: Output) -> int:
    """Write the files, send the notices, and give the exit code."""
    tell(
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
    ending = files.write(ending, [], output)
    deliveries = list(_send(ending, layers))
    for delivery in deliveries:
        channel, to, problem = delivery.channel, delivery.to, delivery.problem
        if problem is None:
            tell(logger, "notice.sent", channel=channel, to=to)
        else:
            level = logging.WARNING
            tell(logger, "notice.failed", problem, level=level, channel=channel, to=to)
            output.warn(f"nobody was told by {channel} ({to}): {problem}")
    if deliveries:
        ending = files.write(ending, deliveries, output)
    return int(ending.exit_code)


def _send(ending: Ending, layers: Layers) -> Iterator[Delivery]:
    file = layers.file
    if file.path is None or not (file.notify.webhook or file.notify.email):
        return
    try:
        ca_file, allow_http = layers.take(CA_FILE).value, bool(layers.take(ALLOW_HTTP).value)
    except ConfigInvalid:
        # What stopped the run is to be told all the same.
        ca_file, allow_http = None, False
    surroundings = Surroundings(layers.environ, file.path.parent, ca_file, allow_http)
    yield from send_notices(file.notify, ending, surroundings)


def _layers(invocation: Invocation) -> tuple[Layers, ConfigInvalid | None]:
    try:
        return invocation.layers(), None
    except ConfigInvalid as problem:
        return invocation.layers_without_file(), problem


def _tell_findings(findings: Iterable[Finding]) -> None:
    if logger.isEnabledFor(logging.DEBUG):
        for finding in findings:
            tell(
                logger,
                "finding",
                finding.message,
                level=logging.DEBUG,
                code=finding.code,
                severity=str(finding.severity),
                place=str(finding.origin) if finding.origin else None,
            )


@contextmanager
def _signals_end_it() -> Iterator[None]:
    """Let SIGTERM and a lost terminal end the run as Ctrl-C does, so that its end is recorded."""

    def end(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {
        number: signal.signal(number, end)
        for number in (signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) is signal.SIG_DFL
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
