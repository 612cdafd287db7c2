"""Write output: results to stdout, messages about the run to stderr."""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kanport.cli.invocation import echo, invocation_of

if TYPE_CHECKING:
    from rich.console import Console

    from kanport.report import Format
    from kanport.report.view import View


class Output:
    """The streams of one command, with the options of the user: format, color, quiet.

    `masked` says that reports use pseudonyms; the caller masks the view. `table` is the table to
    write as CSV, and `paths` are files that each report is also written to.
    """

    def __init__(
        self,
        ctx: click.Context,
        form: str = "text",
        *,
        masked: bool = False,
        table: str | None = None,
        paths: Sequence[Path] = (),
    ) -> None:
        invocation = invocation_of(ctx)
        self.form = form
        self.masked = masked
        self._table = table
        self._files: list[tuple[Path, Format]] = []
        if paths:
            from kanport.files import check_target
            from kanport.report import format_of

            self._files = [(path, format_of(path)) for path in paths]
            for path in paths:
                check_target(path)
        self._ctx = ctx
        self._json_log = invocation.json_log
        self._quiet = invocation.quiet
        self._color = invocation.color

    def write(self, view: "View") -> None:
        """Write a report to the files."""
        for path, form in self._files:
            from kanport.api import write_report

            write_report(path, view, form, table=self._table, masked=self.masked)
            self.note(f"The report is in {path}{_for_whom(path)}.")

    def show(self, view: "View") -> None:
        """Write a report to the files, and print it on stdout in the chosen format."""
        self.write(view)
        if self.form == "text":
            from kanport.report import text

            text.render(view, self._console(sys.stdout))
        else:
            from kanport.api import drawn_with_proof
            from kanport.report import FORMATS

            content, _ = drawn_with_proof(
                view, FORMATS[self.form], table=self._table, masked=self.masked
            )
            click.echo(content.decode("utf-8"), nl=False)

    def show_news(self, view: "View") -> None:
        """Print a report, but nothing without changes or warnings if stdout is no terminal.

        Cron sends an email for every line, and nobody reads one that comes each night.
        """
        unseen = self._quiet or not sys.stdout.isatty()
        if unseen and self.form == "text" and not view.lines and view.level == "good":
            return
        self.show(view)

    def data(self, text: str) -> None:
        """Print a finished text, such as the JSON of a plan."""
        click.echo(text, nl=not text.endswith("\n"))

    def note(self, text: str) -> None:
        """Print a message about the run on stderr, except with --quiet."""
        if not self._quiet:
            echo(self._ctx, "note", text, text)

    def warn(self, text: str) -> None:
        """Print a warning on stderr."""
        echo(self._ctx, "warning", f"Warning: {text}", text)

    @property
    def next_steps_wanted(self) -> bool:
        """Whether to show the next commands: only as text and without --quiet."""
        return self.form == "text" and not self._quiet

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


def _for_whom(path: Path) -> str:
    from kanport.files import readers

    told = readers(path)
    return f", {told}" if told else ""
