"""`kanport adopt`: let Kanport manage what is on the server already."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kanport.cli.options import MAPPING, STATE, WAIT, Command, common_options, server_options
from kanport.cli.output import Output

if TYPE_CHECKING:
    from kanport.api import Adoption


@click.command("adopt", cls=Command)
@MAPPING
@click.option(
    "--users",
    "users",
    multiple=True,
    metavar="PATTERN",
    help='Adopt users by username, such as "ext-*", even if no source names them. Can be repeated.',
)
@click.option(
    "--memberships",
    "memberships",
    multiple=True,
    metavar="PATTERN",
    help="Adopt the memberships of projects by name, identifier or id (#3). Can be repeated.",
)
@click.option(
    "-y", "--yes", is_flag=True, help="Do not ask for confirmation. Required without a terminal."
)
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
    """Let Kanport manage what is on the server already.

    With `managed: ledger` and `memberships_managed: ledger`, Kanport disables and revokes only
    what it created or adopted. adopt records existing users and memberships in the ledger. It
    writes nothing to the server.

    Without --users and --memberships, adopt takes the users and memberships that are both in the
    sources of MAPPING and on the server. It never adopts protected accounts.

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
        output.data(_summary(found, server.url, adoptable.ledger))
        for text in found.by_number:
            output.note(
                f"No project has the name or identifier {text}, so Kanport takes it for an id."
            )
        if any(finding.severity == "error" for finding in inputs.findings):
            output.warn("adopt ignores rows that have an error; kanport validate shows them")
        if (found.users or found.memberships) and _agreed(output, yes):
            adoptable.adopt()
            output.note(f"Recorded in {adoptable.ledger}.")


def _agreed(output: Output, yes: bool) -> bool:
    if yes:
        return True
    if sys.stdin.isatty() and click.confirm(
        "Manage these users and memberships from now on?", err=True
    ):
        return True
    output.note("Nothing was recorded. To record without a question, add --yes.")
    return False


def _summary(found: "Adoption", url: str, ledger: Path) -> str:
    from kanport.report.escape import escape_name

    lines = [
        f"To adopt from {url} into {ledger}:"
        f" {_counted(len(found.users), len(found.memberships))}. Managed already:"
        f" {_counted(found.managed_users, found.managed_memberships)}."
    ]
    lines += [f"  user        {escape_name(user.username)} (#{user.id})" for user in found.users]
    lines += [
        f"  membership  {escape_name(user.username)} in {escape_name(project.label)}"
        for user, project in found.memberships
    ]
    return "\n".join(lines)


def _counted(users: int, memberships: int) -> str:
    one, two = "" if users == 1 else "s", "" if memberships == 1 else "s"
    return f"{users} user{one} and {memberships} membership{two}"
