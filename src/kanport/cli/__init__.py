"""The command line: parse, call, print, exit code. No logic.

Commands are loaded when they are called, so that `kanport --help` does not wait for pandas.
"""

import gc
import sys
from importlib import import_module

import click

from kanport import __version__
from kanport.cli.boundary import Boundary
from kanport.cli.options import common_options, configuration_options
from kanport.cli.streams import sturdy_streams
from kanport.errors import Exit

# The module of each command, and its line in `kanport --help`.
COMMANDS = {
    "init": "Write a first mapping for a file or a directory.",
    "validate": "Check a mapping and its data; talks to no server.",
    "plan": "Show what would change; writes nothing to the server.",
    "explain": "Show all about one person: rows, rules, server, changes or why none.",
    "approve": "Say that exactly one plan may be carried out.",
    "apply": "Carry out exactly one plan, or refuse if the server moved.",
    "sync": "Plan, check, apply and verify in one, unattended.",
    "adopt": "Tell Kanport to manage what is on the server already.",
    "undo": "Make the plan that takes a run back.",
    "verify": "Say item by item whether the server is as a plan wanted it.",
    "doctor": "Look whether server and sources can be reached, and how.",
    "resume": "Finish a run that was cut off.",
    "report": "Tell a plan or a run: HTML, Excel, CSV, Markdown, JSON and more.",
    "verify-report": "Show whether a report belongs to a plan and was not changed.",
    "export": "Write down users, groups, projects and access in files.",
    "config": "Show every setting, and where it came from.",
    "schema": "Print the JSON Schema of the mapping, the plan or the report.",
    "sandbox": "Run a Kanboard-compatible server on loopback, to try things on.",
}


class LazyGroup(Boundary):
    """Knows the names of the commands, and loads one only when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Give the commands in the order in which they are used."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        """Load a command; None for a name that there is none of."""
        if name not in COMMANDS:
            return None
        command: click.Command = import_module(f"kanport.cli.{name.replace('-', '_')}").command
        return command

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
  0    done, or nothing to do
  1    a bug
  2    wrong usage
  3    finished, but some items failed, were skipped or did not verify
  4    a guard stopped it before the first write
  5    invalid source data
  6    invalid mapping or configuration
  7    server or source not reachable
  8    another run is at work
  9    the plan is stale
  10   changes are pending (plan --check)
  130  interrupted""",
)
@click.version_option(__version__, prog_name="kanport")
@configuration_options
@common_options
def cli() -> None:
    """Bring people and their project access into Kanboard, and keep them right.

    The server is named by KANPORT_URL and KANPORT_TOKEN (or KANPORT_TOKEN_FILE), or in
    kanport.toml.

    \b
    Example:
      kanport init staff.csv
      kanport validate mapping.yaml
      kanport plan mapping.yaml -o plan.json
      kanport apply plan.json
    """


def main() -> None:
    """Run the command line; the entry point of the `kanport` command."""
    # A run makes many small values that all live to its end: looking for garbage among them again
    # and again takes up to 40 % of the time of a large plan.
    gc.set_threshold(200_000, 20, 100)
    lost = sturdy_streams()
    try:
        cli(prog_name="kanport")
    except SystemExit as end:
        # A script must not take half an output for a whole one.
        sys.exit(Exit.PARTIAL if lost() and not end.code else end.code)
