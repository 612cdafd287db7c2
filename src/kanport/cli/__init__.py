"""The command line: parse, call `kanport.api`, print, exit. No logic.

Start here: streams that may break without stopping a run, and the group of all commands. Commands
are loaded when they are called, and other modules when they are used, so that `kanport --help` does
not wait for pandas.
"""

import contextlib
import errno
import gc
import io
import os
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, TextIO, cast

import click

from kanport import __version__
from kanport.cli.options import common_options, configuration_options
from kanport.records import rarely_collected


class SafeStream:
    """A stream that goes silent after a failed write, and calls `broken` once with the error."""

    def __init__(self, stream: TextIO, broken: Callable[[OSError], None]) -> None:
        self._stream = stream
        self._broken = broken

    def write(self, text: str) -> int:
        """Write a text, or nothing after a failure."""
        self._try(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        """Flush the stream."""
        self._try(self._stream.flush)

    def _try(self, action: Callable[[], object]) -> None:
        try:
            action()
        except OSError as problem:
            _silence(self._stream)
            self._broken(problem)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def safe_streams() -> Callable[[], bool]:
    """Make stdout and stderr safe; return a function that says whether output was lost.

    A reader that has ended (a broken pipe) wanted no more, so nothing is lost. Output to a closed
    stdout (`>&-`) is lost.
    """
    lost: list[OSError] = []

    def broken(problem: OSError) -> None:
        if not isinstance(problem, BrokenPipeError):
            lost.append(problem)
            print(f"Error: cannot write the output: {problem.strerror}", file=sys.stderr)  # noqa: T201

    sys.stdout = cast(TextIO, SafeStream(sys.stdout or cast(TextIO, _Closed()), broken))
    sys.stderr = cast(TextIO, SafeStream(sys.stderr or _nowhere(), lambda problem: None))
    return lambda: bool(lost)


class _Closed(io.StringIO):
    """Replaces a stream that was closed before the start: each write fails."""

    def write(self, text: str) -> int:
        """Raise OSError, as a closed file does."""
        raise OSError(errno.EBADF, os.strerror(errno.EBADF))


def _nowhere() -> TextIO:
    # Python has None for a stream that the caller has closed, as `>&-` does.
    return Path(os.devnull).open("w", encoding="utf-8")


def _silence(stream: TextIO) -> None:
    # Unwritten output stays in Python's buffer and would fail again at the end.
    with contextlib.suppress(OSError, ValueError):
        number = stream.fileno()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, number)
        os.close(nowhere)


# --- errors ---------------------------------------------------------------------------------------


class Boundary(click.Group):
    """A group of commands that reports errors as messages, never with a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; turn an error into a message on stderr and the exit code."""
        try:
            return super().invoke(ctx)
        except (click.exceptions.Exit, click.ClickException):
            raise
        except (Exception, KeyboardInterrupt) as problem:
            from kanport.cli import output

            ctx.exit(output.show_end(problem, ctx))


# --- the commands ---------------------------------------------------------------------------------

# Each command, and its line in `kanport --help`.
COMMANDS = {
    "init": "Write a first mapping for a CSV or Excel file, or for a directory.",
    "validate": "Check a mapping and its data, without the Kanboard server.",
    "plan": "Show what would change; write nothing to the server.",
    "explain": "Explain one user or project: rows, rules, changes and reasons.",
    "approve": "Approve exactly one plan, for apply --require-approval.",
    "apply": "Apply exactly one plan, or refuse if the server changed.",
    "sync": "Plan, check, apply and verify in one command, unattended.",
    "resume": "Finish an interrupted run.",
    "undo": "Make the plan that undoes a run, as far as Kanboard's API allows.",
    "adopt": "Let Kanport manage what is on the server already.",
    "verify": "Compare the server with a plan, change by change.",
    "export": "Write users, groups, projects and access as CSV, Excel or YAML.",
    "state": "Show who has which access now; compare two points in time.",
    "history": "List the runs of a state folder and how they ended.",
    "doctor": "Check connectivity, versions, permissions and limits.",
    "report": "Render a plan or a run as a report: HTML, PDF, Excel and others.",
    "verify-report": "Check that a report is unchanged and belongs to a plan or run.",
    "review": "Let managers review existing access, and plan what they decide.",
    "evidence": "Pack the evidence of a run into one file, or check such a package.",
    "config": "Show the effective configuration and where each value comes from.",
    "schema": "Print the JSON Schema of the mapping, the plan or the report.",
    "completion": "Print the script that completes commands and options in a shell.",
    "sandbox": "Run a Kanboard-compatible server on loopback, to try Kanport.",
}

_MODULES = {
    name: module
    for module, names in {
        "setup": ("init", "doctor", "adopt", "export", "schema", "completion"),
        "plans": ("validate", "plan", "explain", "approve", "undo"),
        "runs": ("apply", "sync", "resume"),
        "state": ("state", "history"),
        "reports": ("report", "verify", "verify-report", "evidence"),
        "config": ("config",),
        "review": ("review",),
        "sandbox": ("sandbox",),
    }.items()
    for name in names
}


class LazyGroup(Boundary):
    """The group of all commands, which loads one only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the commands in the order of `--help`."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Load a command; return None for an unknown name."""
        if name not in COMMANDS:
            return None
        module = import_module(f"kanport.cli.{_MODULES[name]}")
        command: click.Command = getattr(module, f"{name.replace('-', '_')}_command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; for an unknown name, say which one was probably meant."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as problem:
            import difflib

            close = difflib.get_close_matches(args[0].lower(), COMMANDS, n=1)
            if close:
                raise click.UsageError(
                    f"{problem.message} Did you mean '{close[0]}'?", ctx
                ) from None
            raise

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the list of commands without loading any of them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=LazyGroup,
    context_settings={
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
    },
    epilog="""\b
Exit codes:
  0    done and verified, or nothing to do
  1    a bug
  2    wrong usage
  3    finished, but not completely or not as expected: a change failed,
       was skipped or did not verify; a check found a difference or
       something open; you answered no; or stdout could not be written
  4    a safety check stopped the run before the first write, or a
       required approval is missing or not valid
  5    invalid source data
  6    invalid mapping or configuration
  7    a server or source could not be reached, or refused the request
  8    another run holds the lock
  9    the plan is stale
  10   changes are pending (plan --check)
  130  interrupted""",
)
@click.version_option(__version__, prog_name="kanport")
@configuration_options
@common_options
def cli() -> None:
    """Keep users and project access in Kanboard in sync with CSV or Excel files, or with LDAP.

    A mapping is a YAML file that says which column or attribute is which field in Kanboard.
    `kanport init` writes a first one. `kanport plan` compares the sources with the server, and
    `kanport apply` makes the changes.

    KANPORT_URL names the server, KANPORT_TOKEN or KANPORT_TOKEN_FILE its token. The file
    kanport.toml can name both instead.

    \b
    Examples:
      kanport init staff.csv
      kanport doctor mapping.yaml
      kanport validate mapping.yaml
      kanport plan mapping.yaml -o plan.json
      kanport apply plan.json
    """


def main() -> None:
    """Run the command line; the entry point of the `kanport` command."""
    lost = safe_streams()
    # Looking for plugins takes pydantic as long as loading itself, and Kanport uses none.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # numpy starts a thread for each core to multiply matrices, of which Kanport has none.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    # httpx does without its own command line, which takes longer to load than all the rest of it.
    sys.modules.setdefault("httpx._main", cast(ModuleType, None))
    try:
        with rarely_collected():
            cli(prog_name="kanport")
    except SystemExit as end:
        # A script must not take incomplete output for complete output: 3 is Exit.PARTIAL.
        sys.exit(3 if lost() and not end.code else end.code)
    finally:
        # Python would look through everything once more before it ends.
        gc.freeze()
