"""The one place where what stops a run becomes a message and an exit code."""

import os
import traceback
from typing import Any

import click

from kanport.errors import Exit, KanportError, SourceInvalid, Unreachable
from kanport.findings import Finding, Severity
from kanport.report.visible import escaped


class Boundary(click.Group):
    """A group of commands that tells errors in plain words, never with a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; turn what stops it into a message on stderr and the exit code."""
        try:
            return super().invoke(ctx)
        except KanportError as problem:
            show_error(problem)
            ctx.exit(problem.exit_code)
        except (KeyboardInterrupt, click.Abort):
            click.echo("Interrupted; nothing more was sent.", err=True)
            ctx.exit(Exit.INTERRUPTED)
        except (click.exceptions.Exit, click.ClickException):
            raise
        except Exception as bug:
            show_bug(bug, debug=bool((ctx.obj or {}).get("debug")))
            ctx.exit(Exit.BUG)


def show_error(problem: KanportError) -> None:
    """Print what stopped the run, each place on its own line, and what to do."""
    if isinstance(problem, SourceInvalid | Unreachable):
        for finding in problem.findings:
            if finding.severity is not Severity.INFO:
                click.echo(_finding_line(finding), err=True)
    click.echo(f"Error: {escaped(problem.message)}", err=True)
    for detail in problem.details:
        click.echo("\n".join(f"  {escaped(line)}" for line in detail.splitlines()), err=True)
    if problem.hint:
        click.echo(f"Hint: {escaped(problem.hint)}", err=True)


def show_bug(bug: Exception, *, debug: bool) -> None:
    """Print that Kanport itself is wrong; the traceback only where it is asked for.

    A traceback shows no values of variables, so no secret gets into it.
    """
    if debug:
        traceback.print_exception(bug)
    place = traceback.extract_tb(bug.__traceback__)[-1]
    module = os.path.basename(place.filename)  # noqa: PTH119 - a name to show, not a path
    click.echo(
        f"Error: a bug in Kanport: {type(bug).__name__} in {module}, line {place.lineno}", err=True
    )
    click.echo("Hint: please report it; kanport --debug … shows more", err=True)


def _finding_line(finding: Finding) -> str:
    place = f"{finding.origin}  " if finding.origin else ""
    line = escaped(f"{place}{finding.severity}  {finding.code}  {finding.message}")
    return line + (f"\n    hint: {escaped(finding.hint)}" if finding.hint else "")
