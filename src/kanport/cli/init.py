"""`kanport init`: a first mapping from a file's headers, or for a directory."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from kanport.cli.options import OutputFile, common_options
from kanport.cli.output import Output

if TYPE_CHECKING:
    from kanport.drafting.directory import DirectoryKind
    from kanport.mapping.spec import ExcelSource, Source
    from kanport.table import Table

# In so many rows from the top, headers are looked for.
TITLE_ROWS = 10


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
        text = _for_directory(output, url, base or "", target, kind, bind_dn, ca_file)
    else:
        assert file is not None  # noqa: S101 - one of the two is given
        text = _for_file(file, target, encoding, sheet, header_row)
    write_file(target, text, mode=0o644)
    output.note(f"The mapping is in {target}: read it, then kanport validate {target}")


def _for_directory(
    output: Output,
    url: str,
    base: str,
    target: Path,
    kind: "DirectoryKind | None",
    bind_dn: str | None,
    ca_file: str | None,
) -> str:
    from kanport.drafting import FoundDirectory, draft_for_directory
    from kanport.pipeline.asking import named_directory, try_to_ask

    if kind is not None:
        found, why = named_directory(kind), ""
    else:
        draft_for_directory(url, base, str(target))
        trusted = None if ca_file is None else str(target.parent / ca_file)
        asked, why = try_to_ask(url, base, trusted)
        found = asked or FoundDirectory("unknown")
    text = draft_for_directory(url, base, str(target), found, login=bind_dn, ca_file=ca_file)
    if why:
        output.note(
            f"Kanport could not find out what {url} is: {why}. The mapping fits OpenLDAP,"
            " 389 Directory Server and FreeIPA; for others, name it with --kind."
        )
    elif found.name:
        output.note(f"The directory is {found.name}.")
    return text


def _for_file(
    file: Path, target: Path, encoding: str | None, sheet: str | None, header_row: int | None
) -> str:
    import json

    from kanport.drafting import draft_for_table
    from kanport.errors import UsageError
    from kanport.mapping.spec import CsvSource, ExcelSource

    if file.suffix.lower() in (".xlsx", ".xlsm"):
        book = ExcelSource(type="excel", path=str(file), sheet=sheet, hidden_rows="read")
        table, row = _table_below(book, header_row)
        options = f", sheet: {json.dumps(sheet, ensure_ascii=False)}" if sheet else ""
        options += f", header_row: {row}" if row > 1 else ""
    elif file.suffix.lower() in (".csv", ".txt", ".tsv"):
        table = _table(CsvSource(type="csv", path=str(file), encoding=encoding))
        options = f", encoding: {encoding}" if encoding else ""
    else:
        raise UsageError(f"{file} is neither a .csv nor an .xlsx file")
    return draft_for_table(table, file, target, options=options)


# Findings about a file that is broken, too large or of another kind, whatever its headers are.
_FILE_ITSELF = {"file-damaged", "file-kind", "file-too-large"}


def _table_below(book: "ExcelSource", header_row: int | None) -> "tuple[Table, int]":
    """Give the rows of a sheet and the row of its headers, which a title may stand above."""
    from kanport.drafting import guess
    from kanport.errors import SourceInvalid

    rows = range(1, TITLE_ROWS + 1) if header_row is None else (header_row,)
    first: SourceInvalid | None = None
    for row in rows:
        try:
            table = _table(book.model_copy(update={"header_row": row}))
        except SourceInvalid as problem:
            if _FILE_ITSELF & {found.code for found in problem.findings}:
                # Another row of headers changes nothing, and a bomb is expensive each time.
                raise
            first = first or problem
            continue
        if header_row is not None or {"username", "email"} & guess(table.columns).columns.keys():
            return table, row
    if first is None:
        return _table(book), 1
    first.hint = "if the headers stand in another row, name it with --header-row"
    raise first


def _table(source: "Source") -> "Table":
    from kanport.sources import read_source

    return read_source("people", source, base=Path(), secret_columns=frozenset(), columns_used=None)
