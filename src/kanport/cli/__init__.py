"""The command line: parse, call, print, exit code. No logic.

Commands are loaded when they are called, so that `kanport --help` does not wait for pandas.
"""

import sys
from importlib import import_module

import click

from kanport import __version__
from kanport.cli.boundary import Boundary
from kanport.cli.options import common_options, configuration_options
from kanport.cli.streams import safe_streams
from kanport.errors import Exit
from kanport.records import rarely_collected

# The module of each command, and its line in `kanport --help`.
COMMANDS = {
    "init": "Write a first mapping for a CSV or Excel file, or for a directory.",
    "validate": "Check a mapping and its data, without a server.",
    "plan": "Show what would change; write nothing to the server.",
    "explain": "Explain one user or project: rows, rules, changes and reasons.",
    "approve": "Approve exactly one plan, for apply --require-approval.",
    "apply": "Apply exactly one plan, or refuse if the server changed.",
    "sync": "Plan, check, apply and verify in one, unattended.",
    "resume": "Finish an interrupted run.",
    "undo": "Make the plan that undoes a run, as far as Kanboard's API allows.",
    "adopt": "Let Kanport manage what is on the server already.",
    "verify": "Compare the server with a plan, change by change.",
    "export": "Write users, groups, projects and access as CSV, Excel or YAML.",
    "doctor": "Check connectivity, versions, permissions and limits.",
    "report": "Render a plan or a run as HTML, Excel, Markdown, JSON, CSV or text.",
    "verify-report": "Check that a report is unchanged and belongs to a plan or run.",
    "config": "Show the effective configuration and where each value comes from.",
    "schema": "Print the JSON Schema of the mapping, the plan or the report.",
    "sandbox": "Run a Kanboard-compatible server on loopback, to try Kanport.",
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
  0    done and verified, or nothing to do
  1    a bug
  2    wrong usage
  3    finished, but some changes failed, were skipped or did not verify
  4    a safety check stopped the run before the first write
  5    invalid source data
  6    invalid mapping or configuration
  7    server or source not reachable
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
    Example:
      kanport init staff.csv
      kanport doctor mapping.yaml
      kanport validate mapping.yaml
      kanport plan mapping.yaml -o plan.json
      kanport apply plan.json
    """


def main() -> None:
    """Run the command line; the entry point of the `kanport` command."""
    lost = safe_streams()
    try:
        with rarely_collected():
            cli(prog_name="kanport")
    except SystemExit as end:
        # A script must not take incomplete output for complete output.
        sys.exit(Exit.PARTIAL if lost() and not end.code else end.code)
