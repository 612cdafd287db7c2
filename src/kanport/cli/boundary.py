"""The one place that turns an error into a message and an exit code."""

import traceback
from typing import Any

import click

from kanport.cli.invocation import echo, invocation_of
from kanport.errors import (
    Declined,
    Exit,
    KanportError,
    SourceInvalid,
    Unreachable,
    place_of,
)
from kanport.findings import Severity
from kanport.report.escape import escape_control, finding_line


class Boundary(click.Group):
    """A group of commands that reports errors as messages, never with a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; turn an error into a message on stderr and the exit code."""
        try:
            return super().invoke(ctx)
        except Declined as answer:
            echo(ctx, "note", answer.message, answer.message)
            ctx.exit(answer.exit_code)
        except KanportError as problem:
            show_error(problem, ctx)
            ctx.exit(problem.exit_code)
        except (KeyboardInterrupt, click.Abort) as stop:
            text = str(stop) or "Interrupted; nothing more was sent."
            echo(ctx, "error", text, text, exit_code=int(Exit.INTERRUPTED))
            ctx.exit(Exit.INTERRUPTED)
        except (click.exceptions.Exit, click.ClickException):
            raise
        except Exception as bug:
            show_bug(bug, ctx)
            ctx.exit(Exit.BUG)


def show_error(problem: KanportError, ctx: click.Context) -> None:
    """Print what stopped the run, its details on separate lines, and how to fix it."""
    lines: list[str] = []
    if isinstance(problem, SourceInvalid | Unreachable) and not invocation_of(ctx).findings_shown:
        shown = [found for found in problem.findings if found.severity is not Severity.INFO]
        lines += map(finding_line, shown)
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


def show_bug(bug: Exception, ctx: click.Context) -> None:
    """Report a bug of Kanport; print the traceback only with --debug.

    A traceback shows no values of variables, so it contains no secret.
    """
    if invocation_of(ctx).flags.get("debug"):
        traceback.print_exception(bug)
    kind, module, line = place_of(bug)
    text = f"a bug in Kanport: {kind} in {module}, line {line}"
    hint = "report it, please; kanport --debug … shows more"
    shown = f"Error: {text}\nHint: {hint}"
    echo(ctx, "bug", shown, text, type=kind, module=module, line=line, exit_code=int(Exit.BUG))
