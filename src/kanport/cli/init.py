"""`kanport init`: a first mapping from a file's headers, or for a directory."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kanport.cli.options import OutputFile, common_options
from kanport.cli.output import Output

if TYPE_CHECKING:
    from kanport.api import DirectoryKind


@click.command("init")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--encoding", metavar="NAME", help="Of a CSV file that is not UTF-8, such as cp1252.")
@click.option("--sheet", metavar="NAME", help="The sheet; the first visible one if left out.")
@click.option(
    "--header-row",
    type=click.IntRange(min=1),
    help="The row of the sheet with the headers; looked for in the first ten if left out.",
)
@click.option("--ldap", "url", metavar="URL", help="A directory, instead of a file.")
@click.option("--base", metavar="DN", help="Where its people are, such as ou=people,dc=…")
@click.option(
    "--kind",
    type=click.Choice(["active-directory", "ad-lds", "freeipa", "389-ds", "openldap"]),
    help="What the directory is (default: ask it, without a login).",
)
@click.option("--bind-dn", metavar="DN", help="The login that reads the directory.")
@click.option(
    "--ca-file",
    metavar="FILE",
    help="The certificates to trust, in PEM, relative to the mapping (default: the system's).",
)
@click.option(
    "-o",
    "--output",
    "target",
    type=OutputFile(),
    default="mapping.yaml",
    show_default=True,
    metavar="FILE",
    help="The mapping to write; one that is there stays.",
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

    The headers say which column is the username, the name, and so on; what they do not say is left
    out and named in the mapping. Kanport asks a directory what it is, without a login, and writes
    how this server keeps ids and locks accounts. With --kind, it sends nothing anywhere.

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
        raise UsageError("name a file, or a directory with --ldap", hint="kanport init staff.csv")
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
                f"Kanport could not find out what {url} is: {why}. The mapping fits OpenLDAP,"
                " 389 Directory Server and FreeIPA; for others, name it with --kind."
            )
        elif found.name:
            output.note(f"The directory is {found.name}.")
    else:
        assert file is not None  # noqa: S101 - one of the two is given
        text = api.mapping_for_file(
            file, target, encoding=encoding, sheet=sheet, header_row=header_row
        )
    write_file(target, text, mode=0o644)
    output.note(f"The mapping is in {target}: read it, then kanport validate {target}")
