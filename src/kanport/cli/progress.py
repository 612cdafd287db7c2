"""Show the progress of a use case, stop it on a signal, and show what stops it.

`api` calls back with events (`kanport.pipeline.results`); `Following` shows them. The commands that
start from a mapping read it and plan here.
"""

import shlex
import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import FrameType, MappingProxyType

import click

from kanport import api
from kanport.api import (
    Ended,
    Notice,
    PlanMade,
    Progress,
    RemainingChanges,
    Result,
    RunEnded,
    RunReporter,
    Settled,
    SourcesRead,
    Stage,
    Started,
)
from kanport.cli.context import invocation_of, typed_again
from kanport.cli.output import Output, people, wrote
from kanport.cli.plans import collect_line, overriding_steps, plan_line
from kanport.cli.runs import resume_line
from kanport.config.settings import URL
from kanport.errors import ConfigInvalid, Interrupted, SourceInvalid, Unreachable, UsageError
from kanport.facts import Fact
from kanport.network import run_has_deadline, run_is_over

_STAGES = {
    Stage.SOURCES: "Reading the sources",
    Stage.SERVER: "Reading the server",
    Stage.SERVER_AGAIN: "Reading the server again",
    Stage.CHANGES: "Applying",
    Stage.VERIFICATION: "Verifying",
}


class Following:
    """The callback of one use case: show stages and progress, warn, and report the run.

    `inputs`, `plan`, `journal` and `result` are the results so far. `record` collects them for
    monitoring. `passwords_to` is the file of `--passwords-to`; with `discard_passwords`, nobody
    needs passwords that no file keeps.
    """

    def __init__(
        self,
        ctx: click.Context,
        output: Output,
        *,
        inputs: api.Inputs | None = None,
        record: RunReporter | None = None,
        passwords_to: Path | None = None,
        discard_passwords: bool = False,
    ) -> None:
        self.inputs = inputs
        self.plan: api.Plan | None = None
        self.journal: Path | None = None
        self.result: Result | None = None
        self.passwords_to = passwords_to
        self._ctx = ctx
        self._output = output
        self._record = record
        self._discard_passwords = discard_passwords
        self._stage = ExitStack()
        self._advance: Callable[[], None] = lambda: None
        self._asked = threading.Event()

    def __call__(self, event: Progress) -> None:
        """Show an event."""
        match event:
            case Started(stage=Stage.CHANGES):
                self._begin(event)
            case Started():
                self._stage.enter_context(self._output.working(_STAGES[event.stage]))
            case Ended():
                self._stage.close()
            case SourcesRead():
                self.inputs = event.inputs
            case PlanMade():
                self.plan = event.plan
                if self._record is not None:
                    self._record.planned(event.plan, event.path)
                    self._show_what_ends_here(event, self._record)
            case Settled():
                self._advance()
            case RunEnded():
                self.result = event.result
                self._report(event.result)
            case RemainingChanges():
                self._compared(len(event.needed))
            case Notice():
                self._output.warn(worded(event.fact))

    def should_stop(self) -> bool:
        """Return whether a signal or the deadline asks the run to end."""
        return self._asked.is_set() or run_is_over()

    @contextmanager
    def interruptible(self) -> Iterator[None]:
        """Add how to continue to the error of a second signal, which ends a run at once."""
        try:
            yield
        except KeyboardInterrupt:
            if self.journal is None or self.result is not None:
                raise
            raise Interrupted(
                "Interrupted at once; the last requests may have succeeded",
                details=[self._resume_command(self.journal)],
                hint="the command above finds out, and finishes the run",
            ) from None

    def _begin(self, event: Started) -> None:
        self.journal = event.journal
        if self._record is not None and event.journal is not None:
            self._record.kept("journal", event.journal)
        enter = self._stage.enter_context
        self._advance = enter(self._output.progress(_STAGES[event.stage], event.total))
        self._asked = enter(stopping_politely())

    def _show_what_ends_here(self, made: PlanMade, record: RunReporter) -> None:
        plan = made.plan
        full_command = shlex.join(["kanport", "report", str(made.path)]) if made.path else ""
        if plan.blocked_by:
            view = api.view_of(plan, next_steps=overriding_steps(self._ctx, plan))
            self._output.show(view, full_command=full_command)
        elif not plan.changes:
            view = api.view_of(plan)
            record.message = view.headline
            self._output.show_news(view, full_command=full_command)

    def _report(self, result: Result) -> None:
        """Show the outcome of a plan, where its files are, and how to continue."""
        output = self._output
        if result.run is None or result.journal is None:
            output.show(api.view_of(result))
            return
        lost = ""
        if result.lost_passwords and not self._discard_passwords:
            lost = (
                f"the random passwords of {people(result.lost_passwords)} are lost; set new ones in"
                " Kanboard, and use --passwords-to FILE next time"
            )
        new = self.passwords_to in result.passwords_to
        files = self._files_of(result, new=new)
        if self._record is not None and lost:
            files["Passwords"] = lost
        view = api.view_of(result, next_steps=tuple(self._steps_after(result, result.journal)))
        if self._record is not None:
            self._record.ran(result.run)
            self._record.message = view.headline
        full_command = shlex.join(["kanport", "report", str(result.journal)])
        output.show(view, full_command=full_command, files=files)
        output.note_unless_shown(wrote(result.journal, "journal"))
        if result.run.stopped is not None:
            output.note_unless_shown(f"Finish the run with: {self._resume_command(result.journal)}")
        for path in result.passwords_to:
            if path == self.passwords_to:
                output.note_unless_shown(wrote(path, "new passwords"))
            else:
                both = " If a user is in both files, the newer file counts." if new else ""
                output.note_unless_shown(
                    f"The passwords of users created earlier in this run are in {path}.{both}"
                )
        if lost and self._record is not None and output.form == "text":
            # For sync it is a part of the report: every night has new users.
            output.remark(lost)
        elif lost:
            output.warn(lost)

    def _files_of(self, result: Result, *, new: bool) -> dict[str, str]:
        files = {"Journal": str(result.journal)}
        for path in result.passwords_to:
            if path == self.passwords_to:
                files["Passwords"] = str(path)
            else:
                counts = "; if a user is in both files, the newer one counts" if new else ""
                files["Earlier ones"] = f"{path}, of users created earlier in this run{counts}"
        return files

    def _steps_after(self, result: Result, journal: Path) -> Iterator[str]:
        """Yield what to do after a run that did not make every change."""
        run = result.run
        if run is None or run.tally().complete:
            return
        if run.stopped is not None:
            yield f"Finish the run: {self._resume_command(journal)}"
        elif self._ctx.info_name == "sync":
            yield f"Then sync again: {typed_again(self._ctx)}"
        elif (review := result.plan.review) is not None:
            yield f"Then collect the review again: {collect_line(self._ctx, review.folder)}"
        else:
            mapping = self._ctx.params.get("mapping_path") or result.plan.mapping.path
            only = result.plan.partial.only if result.plan.partial is not None else ()
            yield f"Then plan again: {plan_line(self._ctx, mapping, only)}"

    def _compared(self, needed: int) -> None:
        if not needed:
            self._output.note("Verified: a second plan has no changes.")
            return
        changes = "1 change is" if needed == 1 else f"{needed} changes are"
        text = f"after the run, {changes} still needed; kanport plan shows them"
        if self._record is not None:
            self._record.message = f"{self._record.message} But {text}."
        self._output.warn(text)

    def _resume_command(self, journal: Path) -> str:
        try:
            recorded = api.load_journal(journal)
        except UsageError:
            # If the disk stopped the run, the journal may be unreadable too.
            recorded = None
        return resume_line(
            self._ctx, journal, recorded, passwords_to=self.passwords_to, plan=self.plan
        )


def worded(fact: Fact) -> str:
    """Return a notice in one line, with its hint.

    >>> from kanport.facts import fact
    >>> worded(fact("ledger-unwritten", case="run", why="the disk is full", hint=""))
    'the disk is full; the ledger does not record this run'
    """
    return f"{fact.text} ({fact.hint})" if fact.hint else fact.text


# Windows has no such signal.
_HANG_UP = getattr(signal, "SIGHUP", signal.SIGTERM)


@contextmanager
def stopping_politely() -> Iterator[threading.Event]:
    """End the run after its open batches on Ctrl-C, SIGTERM, a lost terminal or the deadline.

    A second signal ends it at once, except SIGHUP, which both the system and a shell send, and the
    deadline. Signals that the caller ignores, as nohup does, stay ignored.
    """
    asked = threading.Event()

    def ask(number: int, frame: FrameType | None) -> None:
        if asked.is_set() and number not in (_HANG_UP, getattr(signal, "SIGALRM", None)):
            raise KeyboardInterrupt
        asked.set()

    numbers = [signal.SIGINT, *dict.fromkeys((signal.SIGTERM, _HANG_UP))]
    if run_has_deadline():
        numbers.append(signal.SIGALRM)
    before = {
        number: signal.signal(number, ask)
        for number in numbers
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """End the run on SIGTERM and a lost terminal as on Ctrl-C, so that its end is recorded."""

    def end(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = {
        number: signal.signal(number, end)
        for number in dict.fromkeys((signal.SIGTERM, _HANG_UP))
        if signal.getsignal(number) is signal.SIG_DFL
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


# --- inputs and plans -----------------------------------------------------------------------------


def read_inputs(ctx: click.Context, mapping: Path, output: Output) -> api.Inputs:
    """Read mapping and sources; if a source cannot be used, show why on stdout and raise."""
    invocation = invocation_of(ctx)
    following = Following(ctx, output)
    with findings_shown(ctx, mapping, output, following):
        return api.read(
            mapping,
            state=invocation.state if takes_state(ctx) else None,
            request_timeout=invocation.request_timeout,
            progress=following,
        )


def plan_inputs(
    ctx: click.Context,
    inputs: api.Inputs,
    server: api.Client,
    output: Output,
    allowed: Mapping[str, int] = MappingProxyType({}),
    only: tuple[str, ...] = (),
) -> api.Plan:
    """Make the plan; if errors in the source data prevent it, show them on stdout and raise.

    `allowed` holds the safety checks that `--allow` overrides for this run, `only` what `--only`
    selects.
    """
    following = Following(ctx, output, inputs=inputs)
    with findings_shown(ctx, inputs.mapping.path, output, following):
        return api.plan(inputs, server, allow=allowed, only=only, progress=following)


def takes_state(ctx: click.Context) -> bool:
    """Return whether a command has the option --state."""
    return any(parameter.name == "state" for parameter in ctx.command.params)


def server_is_named(ctx: click.Context) -> bool:
    """Return whether options, environment or configuration name a server; True if unclear."""
    try:
        return bool(invocation_of(ctx).layers().take(URL).value)
    except ConfigInvalid:
        return True


@contextmanager
def findings_shown(
    ctx: click.Context, mapping: Path, output: Output, following: Following
) -> Iterator[None]:
    """Show the findings that stop the block on stdout, and write them to the reports."""
    try:
        yield
    except (SourceInvalid, Unreachable) as problem:
        if problem.findings and following.result is None:
            view = api.view_of_findings(
                problem.findings, mapping, inputs=following.inputs, mask=output.masked
            )
            output.write(view)
            # To sync again is not the way to read more.
            full = ctx.info_name != "sync" and any(one.name == "full" for one in ctx.command.params)
            again = typed_again(ctx, "--full") if full else ""
            output.show(view, full_command=again, error_follows=True)
            # The boundary then shows only the error itself.
            invocation_of(ctx).findings_shown = True
        raise
