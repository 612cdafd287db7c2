"""Results on stdout, messages about the run on stderr, and questions on a terminal."""

import json
import os
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import click

from kanport.cli.context import echo, invocation_of

if TYPE_CHECKING:
    from rich.console import Console

    from kanport.api import Plan, Ready, ShortReport
    from kanport.errors import Exit, KanportError
    from kanport.report import Format
    from kanport.report.view import View


class Output:
    """The streams of one command, with the options of the user: format, color, quiet.

    `summary` is True for --summary. `masked` says that reports use pseudonyms; the caller masks the
    view. `table` is the table to write as CSV, and `paths` are the files for reports; standard
    output among them is left out. On a terminal, a report as text is a screen
    (`kanport.report.screen`); a command whose result is a report (`full`) prints all of it, also
    with --quiet.
    """

    def __init__(
        self,
        ctx: click.Context,
        form: str = "text",
        *,
        masked: bool = False,
        table: str | None = None,
        paths: Sequence[Path] = (),
        full: bool = False,
    ) -> None:
        invocation = invocation_of(ctx)
        self.summary = bool(invocation.flags.get("summary"))
        self._full = bool(invocation.flags.get("full")) or (full and not self.summary)
        if self.summary and self._full:
            from kanport.errors import UsageError

            raise UsageError("--full and --summary contradict each other", hint="use one of them")
        self.form = form
        self.masked = masked
        self._table = table
        if table is not None and form != "csv" and not any(map(_is_csv, paths)):
            from kanport.errors import UsageError

            raise UsageError(
                "--table works only with CSV", hint="use --format csv or -o FILE.csv, too"
            )
        self._files: list[tuple[Path, Format]] = []
        if paths:
            from kanport.files import STDOUT, check_target
            from kanport.report import format_of

            self._files = [(path, format_of(path)) for path in paths if path != STDOUT]
            for path in paths:
                check_target(path)
        self._ctx = ctx
        self._json_log = invocation.json_log
        self._quiet = invocation.quiet and not full
        self._color = invocation.color

    def show_screen(self, report: "ShortReport", full_command: str, next_step: str = "") -> bool:
        """Print a short report or one with tables on a terminal, unless all of it is asked for."""
        if not self._shows_screens:
            return False
        from kanport.report import document, screen

        console = self._console(sys.stdout)
        if report.document.tables:
            document.show(report.document, console, full_command=full_command, next_step=next_step)
        else:
            screen.render_document(report.document, console, full_command=full_command)
        return True

    @property
    def _shows_screens(self) -> bool:
        return self.form == "text" and not self._full and self._console(sys.stdout).is_terminal

    def write(self, view: "View") -> None:
        """Write a report to the files."""
        for path, form in self._files:
            from kanport.api import write_report

            write_report(path, view, form, table=self._table, masked=self.masked)
            self.note(wrote(path, "report"))

    def show(
        self,
        view: "View",
        *,
        full_command: str = "",
        files: Mapping[str, str] = MappingProxyType({}),
        error_follows: bool = False,
    ) -> None:
        """Print a report on stdout in the chosen format.

        `full_command`, `files` and `error_follows` are for the screen (`kanport.report.screen`).
        """
        if self.form == "text":
            self._show_text(view, full_command, files, error_follows=error_follows)
        else:
            from kanport.api import drawn_with_proof
            from kanport.report import FORMATS

            content, _ = drawn_with_proof(
                view, FORMATS[self.form], table=self._table, masked=self.masked
            )
            click.echo(content.decode("utf-8"), nl=False)

    def _show_text(
        self, view: "View", full_command: str, files: Mapping[str, str], *, error_follows: bool
    ) -> None:
        from kanport.report import screen, text

        console = self._console(sys.stdout)
        if self._quiet:
            if view.level == "stop" and view.kind != "plan":
                echo(self._ctx, "error", f"Error: {view.verdict}", view.verdict)
            self._warn(view)
        elif self.summary:
            screen.render_summary(view, console)
        elif self._full or not console.is_terminal:
            text.render(view, console)
        else:
            screen.render(
                view, console, full_command=full_command, files=files, again=not error_follows
            )

    def _warn(self, view: "View") -> None:
        """Print the errors and warnings of a report on stderr, those that say the same as one."""
        from kanport.findings import Severity
        from kanport.report.escape import escape_control
        from kanport.report.make import finding_groups, group_wording
        from kanport.report.sentences import some_of

        for group in finding_groups(view.findings, exactly=True):
            if group.severity is not Severity.INFO:
                places = f" ({some_of(group.places)})" if group.places else ""
                text, event = escape_control(f"{group_wording(group)}{places}"), str(group.severity)
                echo(self._ctx, event, f"{event.capitalize()}: {text}", text)

    def show_question(self, plan: "Plan", ready: "Ready") -> None:
        """Print on stderr what somebody must know who is asked whether to apply a plan."""
        from kanport.api import view_of
        from kanport.report import screen

        by = ready.approved.names if ready.approved is not None else ""
        screen.render_question(view_of(plan), self._console(sys.stderr), by)

    def say_what_stops(self, plan: "Plan") -> None:
        """Print the safety checks that stop a plan on stderr, unless a screen shows them."""
        if not plan.blocked_by:
            return
        from kanport.report.escape import escape_control

        first, *others = plan.blocked_by
        text = f"{first.guard} stopped the plan: {first.message}"
        text += f" (and {len(others)} more)" if others else ""
        seen = self._shows_screens and not self._quiet and sys.stderr.isatty()
        echo(self._ctx, "error", None if seen else f"Error: {escape_control(text)}", text)

    def show_news(
        self,
        view: "View",
        *,
        full_command: str = "",
        files: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        """Print a report, but nothing without changes or warnings if stdout is no terminal.

        Cron sends an email for every line, and nobody reads one that comes each night.
        """
        unseen = self._quiet or not sys.stdout.isatty()
        if unseen and self.form == "text" and not view.lines and view.level == "good":
            return
        self.show(view, full_command=full_command, files=files)

    def data(self, text: str) -> None:
        """Print a finished text, such as the JSON of a plan."""
        click.echo(text, nl=not text.endswith("\n"))

    def note(self, text: str) -> None:
        """Print a message about the run on stderr, except with --quiet."""
        if not self._quiet:
            echo(self._ctx, "note", text, text)

    def remark(self, text: str) -> None:
        """Print a note on stdout, behind the report, unless the screen has it."""
        if not self._quiet and not self._console(sys.stdout).is_terminal:
            self.data(f"Note: {text}")

    def warn(self, text: str) -> None:
        """Print a warning on stderr."""
        echo(self._ctx, "warning", f"Warning: {text}", text)

    def note_unless_shown(self, text: str) -> None:
        """Print a message on stderr that a screen has in its own words; log it in any case."""
        if not self._quiet:
            shown = self._shows_screens and not self.summary
            echo(self._ctx, "note", None if shown else text, text)

    @contextmanager
    def working(self, what: str) -> Iterator[None]:
        """Show on a terminal that Kanport is working."""
        if not self._live():
            yield
            return
        with self._console(sys.stderr).status(what):
            yield

    @contextmanager
    def progress(self, what: str, total: int) -> Iterator[Callable[[], None]]:
        """Show on a terminal how many changes are finished; yield the function to call for each."""
        if not self._live() or not total:
            yield lambda: None
            return
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TimeRemainingColumn

        with Progress(
            "{task.description}",
            BarColumn(),
            MofNCompleteColumn(),
            "{task.fields[rate]}",
            TimeRemainingColumn(),
            console=self._console(sys.stderr),
            transient=True,
        ) as bar:
            task = bar.add_task(what, total=total, rate="")

            def advance() -> None:
                bar.advance(task)
                speed = bar.tasks[0].speed
                bar.update(task, rate=f"{speed:.0f}/s" if speed else "")

            yield advance

    def _live(self) -> bool:
        if self._quiet or self._json_log or os.environ.get("CI"):
            return False
        return sys.stderr.isatty()

    def _console(self, stream: Any) -> "Console":
        from rich.console import Console

        return Console(
            file=stream,
            no_color=True if self._color is False else None,
            force_terminal=True if self._color else None,
            highlight=False,
            markup=False,
            emoji=False,
        )


def wrote(path: Path, what: str) -> str:
    """Return the message that a file was written: its name, what it is, and who can read it."""
    from kanport.files import readers

    who = readers(path)
    return f"Wrote {path}: {what}{f' ({who})' if who else ''}."


# --- short reports --------------------------------------------------------------------------------

_BY_ENDING = {
    ".txt": "text",
    ".md": "markdown",
    ".markdown": "markdown",
    ".json": "json",
    ".html": "html",
    ".htm": "html",
    ".csv": "csv",
    ".xlsx": "excel",
}


def _is_csv(path: Path) -> bool:
    return path.suffix.lower() == ".csv"


def show_report(
    output: Output,
    report: "ShortReport",
    paths: Iterable[Path] = (),
    *,
    table: str | None = None,
    full_command: str = "",
    next_step: str = "",
) -> None:
    """Write a short report to files by their extensions, or print it in the chosen format.

    `table` is the table that a CSV file holds. With `full_command`, the command that prints all of
    it, a report is a screen on a terminal, which ends with `next_step`. Raise UsageError for a
    table or a format that it does not have.
    """
    from kanport.files import STDOUT, write_file

    if table is not None:
        # A wrong name is an error in every format, although only CSV shows one table.
        report.document.table(table)
    paths = tuple(paths)
    files = [(path, _format_of(path)) for path in paths if path != STDOUT]
    for path, form in files:
        over = report.kind if form == "json" else None
        write_file(path, _drawn(report, form, table), over=over)
        what = report.json_is if form == "json" else "report"
        output.note(wrote(path, what))
    if not paths or STDOUT in paths:
        if output.summary and output.form == "text":
            from kanport.report.document import as_summary

            output.data(as_summary(report.document))
            return
        if full_command and output.show_screen(report, full_command, next_step):
            return
        shown = _drawn(report, output.form, table)
        assert isinstance(shown, str)  # noqa: S101 - a workbook needs a file
        output.data(shown)


def _format_of(path: Path) -> str:
    form = _BY_ENDING.get(path.suffix.lower())
    if form is None:
        from kanport.errors import UsageError

        raise UsageError(
            f"{path}: Kanport cannot write this as {path.suffix or 'a file without an extension'}",
            hint=f"use one of {', '.join(_BY_ENDING)}",
        )
    return form


def _drawn(report: "ShortReport", form: str, table: str | None) -> str | bytes:
    from kanport.report.document import as_csv, as_excel, as_html, as_markdown, as_text

    if form == "text":
        return as_text(report.document)
    if form == "markdown":
        return as_markdown(report.document)
    if form == "json":
        from kanport.report.escape import json_safe

        data = report.data()
        if isinstance(data, str):
            return data
        return json_safe(json.dumps(data, ensure_ascii=False, indent=2)) + "\n"
    if form == "html":
        return as_html(report.document)
    if form == "csv":
        return as_csv(report.document, table)
    if form == "excel":
        return as_excel(report.document)
    from kanport.errors import UsageError

    raise UsageError(
        f"the format {form} is not available here",
        hint="use text, markdown, json, html, csv or excel",
    )


# --- questions ------------------------------------------------------------------------------------

# Maximum number of names in one line; kanport report shows all.
_SHOWN = 5


def where_passwords_go(
    plan: "Plan", settled: Collection[str], passwords_to: Path | None, *, discard: bool
) -> Path | None:
    """Ask on a terminal for the file of random passwords that would be lost; None for no file."""
    from kanport.api import check_new_passwords, random_passwords
    from kanport.errors import UsageError

    names = random_passwords(plan, settled)
    if passwords_to is not None or discard or not names or not sys.stdin.isatty():
        return passwords_to
    click.echo(f"Kanport makes random passwords for {people(names)}.", err=True)
    while True:
        answer = click.prompt(
            "New file for these passwords (empty: the passwords are lost)",
            default="",
            show_default=False,
            err=True,
        ).strip()
        if not answer:
            return None
        path = Path(answer)
        try:
            check_new_passwords(path)
        except UsageError as problem:
            click.echo(f"{problem.message}. Name another file.", err=True)
        else:
            return path


def confirm(question: str, *, no: str = "Kanport changed nothing") -> None:
    """Ask whether to go on; raise Declined for a no, which says what that means."""
    from kanport.errors import Declined

    if not click.confirm(question, err=True):
        raise Declined(f"You answered no; {no}.")


def people(names: Sequence[str]) -> str:
    """Name new users in a sentence, with their number.

    >>> people(["ada"]), people(["ada", "bob"])
    ('1 new user (ada)', '2 new users (ada, bob)')
    """
    shown = ", ".join(names[:_SHOWN])
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    from kanport.messages import counted

    return f"{counted(len(names), 'new user', 'new users')} ({shown}{more})"


# --- errors ---------------------------------------------------------------------------------------


def show_end(problem: Exception | KeyboardInterrupt, ctx: click.Context) -> "Exit":
    """Print why a command ended without a result, and return the exit code."""
    from kanport.errors import Declined, Exit, KanportError

    if isinstance(problem, Declined):
        echo(ctx, "note", problem.message, problem.message)
        return problem.exit_code
    if isinstance(problem, KanportError):
        show_error(problem, ctx)
        return problem.exit_code
    if isinstance(problem, KeyboardInterrupt | click.Abort):
        text = str(problem) or "Interrupted; nothing more was sent."
        echo(ctx, "error", text, text, exit_code=int(Exit.INTERRUPTED))
        return Exit.INTERRUPTED
    _show_bug(problem, ctx)
    return Exit.BUG


def show_error(problem: "KanportError", ctx: click.Context) -> None:
    """Print what stopped the run, its details on separate lines, and how to fix it."""
    from kanport.errors import SourceInvalid, Unreachable
    from kanport.findings import Severity
    from kanport.report.escape import escape_control
    from kanport.report.make import finding_lines

    lines: list[str] = []
    if isinstance(problem, SourceInvalid | Unreachable) and not invocation_of(ctx).findings_shown:
        shown = [found for found in problem.findings if found.severity is not Severity.INFO]
        lines += finding_lines(shown)
    lines.append(f"Error: {escape_control(problem.message)}")
    for detail in problem.details:
        lines += [f"  {escape_control(line)}" for line in detail.splitlines()]
    if problem.hint:
        lines.append(f"Hint: {escape_control(problem.hint)}")
    echo(
        ctx,
        "error",
        "\n".join(lines),
        problem.message,
        exit_code=int(problem.exit_code),
        details=list(problem.details),
        hint=problem.hint,
    )


def _show_bug(bug: Exception, ctx: click.Context) -> None:
    """Report a bug of Kanport; print the traceback only with --debug.

    A traceback shows no values of variables, so it contains no secret.
    """
    from kanport.errors import Exit, place_of

    if invocation_of(ctx).flags.get("debug"):
        import traceback

        traceback.print_exception(bug)
    kind, module, line = place_of(bug)
    text = f"a bug in Kanport: {kind} in {module}, line {line}"
    hint = "report it, please; kanport --debug … shows more"
    shown = f"Error: {text}\nHint: {hint}"
    echo(ctx, "bug", shown, text, type=kind, module=module, line=line, exit_code=int(Exit.BUG))
