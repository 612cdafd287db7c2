"""Tables as files: a folder of CSV files, an Excel workbook, or one YAML file.

They are written for being read back, so no value is changed: a name that begins with `=` stays as
it is. In a workbook it is text, in CSV it is what a spreadsheet may take for a formula.
"""

import csv
import io
import json
import re
from collections.abc import Iterable
from pathlib import Path

from kanport.errors import UsageError
from kanport.export.tables import Listing
from kanport.files import write_file

# What YAML 1.2 does not allow as it is, or takes for a line break (productions 1 and 26 to 29).
_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff\ufeff\ufffe\uffff]")
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")


def write_csv(path: Path, listing: Listing) -> None:
    """Write one table as CSV: UTF-8, commas, one header line; for its owner alone (mode 0600).

    Raises UsageError where the file cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(listing.columns)
    writer.writerows(listing.rows)
    write_file(path, text.getvalue(), secret=True)


def write_folder(folder: Path, tables: Iterable[Listing]) -> None:
    """Write each table as a CSV file of its name into a folder, which is made if it is missing.

    Raises UsageError where something cannot be written.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as problem:
        raise UsageError(
            f"the folder {folder} cannot be made: {problem.strerror}",
            hint="name another with -o",
        ) from problem
    for listing in tables:
        write_csv(folder / f"{listing.name}.csv", listing)


def write_workbook(path: Path, tables: Iterable[Listing]) -> None:
    """Write all tables into one workbook, a table on a sheet each; every cell is text.

    Raises UsageError where the file cannot be written, or where a value fits into no cell.
    """
    from kanport.workbook import MOST_CHARACTERS, Column, Sheet, Styled, write_book

    sheets = []
    for listing in tables:
        for row in listing.rows:
            for column, value in zip(listing.columns, row, strict=True):
                if len(value) > MOST_CHARACTERS or _NOT_IN_XML.search(value):
                    raise UsageError(
                        f"{listing.name}: the {column} {value[:40]!r} fits into no cell of Excel",
                        hint="export as CSV or YAML, or correct it on the server",
                    )
        rows = [[Styled(value, "text") if value else None for value in row] for row in listing.rows]
        sheets.append(Sheet(listing.name, tuple(map(Column, listing.columns)), rows, listing.name))
    # Text that looks like a formula or a number stays text, also when somebody edits it.
    styles = {"text": {"num_format": "@", "quote_prefix": True}}
    write_file(path, write_book(sheets, styles=styles), secret=True)


def write_yaml(path: Path, tables: Iterable[Listing]) -> None:
    """Write all tables into one YAML file: a list of rows under the name of each table.

    Every value is a quoted text, so that no reader takes one for a number or a date; empty ones
    stand there too, as the keys of a row are its columns. Raises UsageError where the file cannot
    be written.
    """
    lines: list[str] = []
    for listing in tables:
        lines.append(f"{listing.name}:{'' if listing.rows else ' []'}")
        for row in listing.rows:
            pairs = zip(listing.columns, row, strict=True)
            told = [f"{column}: {_quoted(value)}" for column, value in pairs]
            lines.append(f"  - {{{', '.join(told)}}}")
    write_file(path, "\n".join([*lines, ""]), secret=True)


def write_tables(target: Path, tables: Iterable[Listing]) -> None:
    """Write tables the way the target's ending says: `.xlsx`, `.yaml` or `.yml`, else a folder.

    Raises UsageError for another ending, and where something cannot be written.
    """
    ending = target.suffix.lower()
    if ending == ".xlsx":
        write_workbook(target, tables)
    elif ending in (".yaml", ".yml"):
        write_yaml(target, tables)
    elif not ending or target.is_dir():
        write_folder(target, tables)
    else:
        raise UsageError(
            f"an export is no {ending} file",
            hint="name a workbook (.xlsx), a YAML file (.yaml), or a folder for CSV files",
        )


def _quoted(value: str) -> str:
    # What JSON writes as a string is one in YAML as well, but for these characters.
    text = json.dumps(value, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
