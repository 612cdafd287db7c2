"""`kanport init`: write a first mapping from the headers of a file, or for a directory."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kanport.cli.options import Command, OutputFile, common_options
from kanport.cli.output import Output

if TYPE_CHECKING:
    from kanport.api import DirectoryKind


@click.command("init", cls=Command)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--encoding", metavar="NAME", help="Encoding of a CSV file that is not UTF-8, such as cp1252."
)
@click.option(
    "--sheet", metavar="NAME", help="Sheet of the Excel file (default: the first visible one)."
)
@click.option(
    "--header-row",
    type=click.IntRange(min=1),
    metavar="ROW",
    help="Row of the sheet that holds the headers (default: found in the first ten rows).",
)
@click.option("--ldap", "url", metavar="URL", help="URL of an LDAP directory, instead of a file.")
@click.option("--base", metavar="DN", help="Entry below which the directory keeps its users.")
@click.option(
    "--kind",
    type=click.Choice(["active-directory", "ad-lds", "freeipa", "389-ds", "openldap"]),
    help="Product of the directory server (default: ask the server, without a login).",
)
@click.option("--bind-dn", metavar="DN", help="Account that Kanport uses to read the directory.")
@click.option(
    "--ca-file",
    metavar="FILE",
    help="PEM file with the certificates to trust, relative to the mapping (default: those of the"
    " system).",
)
@click.option(
    "-o",
    "--output",
    "target",
    type=OutputFile(),
    default="mapping.yaml",
    show_default=True,
    metavar="FILE",
    help="Mapping to write. Kanport overwrites no file.",
)
@common_options
@click.pass_context
def command(
    ctx: click.Context,
    /,
    file: Path | None,
    encoding: str | None,
    sheet: str | None,
    header_row: int | None,
    url: str | None,
    base: str | None,
    kind: "DirectoryKind | None",
    bind_dn: str | None,
    ca_file: str | None,
    target: Path,
) -> None:
    """Write a first mapping for a CSV or Excel file, or for a directory.

    For a file, Kanport recognizes the username, the name and other fields by their headers. The
    mapping lists the columns that Kanport did not recognize.

    For a directory, Kanport asks the server for its product, without a login. The mapping then
    uses the ids and the account locks of that product. With --kind, Kanport does not connect.

    \b
    Example:
      kanport init staff.csv
      kanport init access.xlsx --sheet Projects -o access.yaml
      kanport init --ldap ldaps://ldap.example.org --base ou=people,dc=example,dc=org
    """
    from kanport import api
    from kanport.errors import UsageError
    from kanport.files import write_file

    output = Output(ctx, "text")
    if (file is None) == (url is None):
        raise UsageError(
            "name either a file, or a directory with --ldap", hint="kanport init staff.csv"
        )
    if url is not None and base is None:
        raise UsageError("a directory needs --base", hint="--base ou=people,dc=example,dc=org")
    if target.exists():
        raise UsageError(
            f"{target} exists already", hint="name another file with -o, or move that one away"
        )
    if url is not None:
        text, found, why = api.mapping_for_directory(
            url, base or "", target, kind=kind, bind_dn=bind_dn, ca_file=ca_file
        )
        if why:
            output.note(
                f"Kanport does not know the product of {url}: {why}. The mapping fits OpenLDAP,"
                " 389 Directory Server and FreeIPA. For another product, use --kind."
            )
        elif found.name:
            output.note(f"The directory is {found.name}.")
    else:
        assert file is not None  # noqa: S101 - one of the two is given
        text = api.mapping_for_file(
            file, target, encoding=encoding, sheet=sheet, header_row=header_row
        )
    write_file(target, text, mode=0o644)
    output.note(f"The mapping is in {target}. Read it, then run: kanport validate {target}")
