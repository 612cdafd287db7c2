"""`kanport adopt`: tell Kanport to manage what it did not make."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kanport.cli.options import MAPPING, STATE, WAIT, common_options, server_options
from kanport.cli.output import Output

if TYPE_CHECKING:
    from kanport.api import Adoption


@click.command("adopt")
@MAPPING
@click.option(
    "--users",
    "users",
    multiple=True,
    metavar="PATTERN",
    help='Users of the server by name, such as "ext-*", whether or not a source names them.',
)
@click.option(
    "--memberships",
    "memberships",
    multiple=True,
    metavar="PATTERN",
    help="The memberships in the projects of these names or identifiers, or with these ids (#3).",
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask; needed where there is no terminal.")
@WAIT
@STATE
@server_options
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    mapping: Path,
    users: tuple[str, ...],
    memberships: tuple[str, ...],
    yes: bool,
    wait: float,
) -> None:
    """Take users and memberships that are on the server already into the ledger.

    With `managed: ledger` and `memberships_managed: ledger` Kanport takes away only what it made
    itself, and what it was told to adopt. Without --users and --memberships these are the users
    and the memberships that the sources of MAPPING name and the server has. Protected accounts are
    never adopted. Nothing is written to the server, and to the ledger only after a yes.

    \b
    Example:
      kanport adopt mappings/openldap.yaml
      kanport adopt mappings/openldap.yaml --yes
      kanport adopt mappings/openldap.yaml --users "ext-*" --memberships ALPHA --yes
    """
    from kanport import api
    from kanport.cli import planning
    from kanport.cli.following import Following
    from kanport.cli.invocation import invocation_of

    output = Output(ctx)
    inputs = planning.read(ctx, mapping, output)
    api.ledger_needed(inputs)
    invocation = invocation_of(ctx)
    settings = invocation.settings()
    with (
        api.connect(settings, read_only=True, warn=output.warn) as server,
        api.adopting(
            inputs,
            server,
            users=users,
            memberships=memberships,
            state=invocation.state,
            wait=wait,
            command=f"kanport adopt {mapping}",
            progress=Following(ctx, output),
        ) as adoptable,
    ):
        found = adoptable.found
        output.data(_told(found, server.url, adoptable.ledger))
        for text in found.by_number:
            output.note(f"{text} is no project's name or identifier, and is taken for an id.")
        if any(finding.severity == "error" for finding in inputs.findings):
            output.warn("rows with an error name nobody here; kanport validate shows them")
        if (found.users or found.memberships) and _agreed(output, yes):
            adoptable.adopt()
            output.note(f"Recorded in {adoptable.ledger}.")


def _agreed(output: Output, yes: bool) -> bool:
    if yes:
        return True
    if sys.stdin.isatty() and click.confirm("Manage these from now on?", err=True):
        return True
    output.note("Nothing was recorded; with --yes it is.")
    return False


def _told(found: "Adoption", url: str, ledger: Path) -> str:
    from kanport.report.visible import visible

    lines = [
        f"Of {url}, {_counted(len(found.users), len(found.memberships))} would be managed by"
        f" {ledger}; {_counted(found.managed_users, found.managed_memberships)} are already."
    ]
    lines += [f"  user        {visible(user.username)} (#{user.id})" for user in found.users]
    lines += [
        f"  membership  {visible(user.username)} in {visible(project.label)}"
        for user, project in found.memberships
    ]
    return "\n".join(lines)


def _counted(users: int, memberships: int) -> str:
    one, two = "" if users == 1 else "s", "" if memberships == 1 else "s"
    return f"{users} user{one} and {memberships} membership{two}"
