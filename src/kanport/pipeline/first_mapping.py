"""A first mapping: for a file by its headers, for a directory by what it says it is."""

import json
from pathlib import Path

from kanport.errors import KanportError, SourceInvalid, UsageError
from kanport.init import (
    LOCK_ATTRIBUTES,
    DirectoryKind,
    FoundDirectory,
    draft_for_directory,
    draft_for_table,
    guess,
)
from kanport.mapping.ldap import LdapSource
from kanport.mapping.spec import CsvSource, ExcelSource, Source
from kanport.sources import SourceContext, read_source
from kanport.table import Table

# In so many rows from the top, headers are looked for.
TITLE_ROWS = 10
# Findings about a file that is broken, too large or of another kind, whatever its headers are.
_FILE_ITSELF = {"file-damaged", "file-kind", "file-too-large"}

_SECONDS = 5
_NAMES: dict[DirectoryKind, str] = {
    "active-directory": "Active Directory",
    "ad-lds": "Active Directory Lightweight Directory Services",
    "freeipa": "FreeIPA",
    "389-ds": "389 Directory Server",
    "openldap": "OpenLDAP",
}


def ask_directory(url: str, base: str, ca_file: str | None = None) -> FoundDirectory:
    """Return which server a directory is; `unknown` where it does not tell.

    Sends neither name nor password. Raises KanportError where no connection comes about.
    """
    # Importing ldap3 takes longer than reading a small file.
    from kanport.sources.ldap.attributes import texts
    from kanport.sources.ldap.connect import connected
    from kanport.sources.ldap.proof import Proof
    from kanport.sources.ldap.search import Directory, Kind, kind_of

    kinds: dict[Kind, DirectoryKind] = {
        Kind.ACTIVE_DIRECTORY: "active-directory",
        Kind.SAMBA: "active-directory",
        Kind.LIGHTWEIGHT: "ad-lds",
        Kind.FREEIPA: "freeipa",
        Kind.DS389: "389-ds",
        Kind.OPENLDAP: "openldap",
    }
    spec = LdapSource.model_validate(
        {
            "type": "ldap",
            "url": url,
            "base": base,
            "ca_file": ca_file,
            "connect_timeout": _SECONDS,
            "timeout": _SECONDS,
        }
    )
    with connected("init", spec, base=Path(), environ={}) as (connection, _):
        directory = Directory(connection, 0)
        kind = kinds.get(kind_of(directory.root), "unknown")
        proof = Proof(directory)
        # FreeIPA's root entry may not show what it is; its schema and its tree do.
        in_accounts = "cn=accounts," in base.lower().replace(" ", "")
        in_schema = proof.shows_schema and proof.knows("ipaUniqueID")
        if kind == "389-ds" and (in_accounts or in_schema):
            kind = "freeipa"
        knows = frozenset(filter(proof.knows, LOCK_ATTRIBUTES)) if proof.shows_schema else None
        version = " ".join(texts(directory.root.get("vendorversion", [])))
        name = _NAMES.get(kind, "")
        return FoundDirectory(kind, f"{name} ({version})" if name and version else name, knows)


def named_directory(kind: DirectoryKind) -> FoundDirectory:
    """Return a directory of which only its kind is known."""
    return FoundDirectory(kind, _NAMES[kind])


def try_to_ask(url: str, base: str, ca_file: str | None) -> tuple[FoundDirectory | None, str]:
    """Return which server a directory is, or None and why it could not be asked."""
    try:
        found = ask_directory(url, base, ca_file)
    except (KanportError, ValueError) as problem:
        details = getattr(problem, "details", ())
        return None, "; ".join(map(str, details)) or str(problem)
    return found, "" if found.kind != "unknown" else "it does not say what it is"


def mapping_for_directory(
    url: str,
    base: str,
    target: Path,
    *,
    kind: DirectoryKind | None = None,
    bind_dn: str | None = None,
    ca_file: str | None = None,
) -> tuple[str, FoundDirectory, str]:
    """Return a first mapping for a directory, what the directory is, and why that is not known.

    `target` is where the mapping will be. With `kind`, nothing is sent anywhere.
    """
    if kind is not None:
        found, why = named_directory(kind), ""
    else:
        draft_for_directory(url, base, str(target))
        trusted = None if ca_file is None else str(target.parent / ca_file)
        asked, why = try_to_ask(url, base, trusted)
        found = asked or FoundDirectory("unknown")
    text = draft_for_directory(url, base, str(target), found, login=bind_dn, ca_file=ca_file)
    return text, found, why


def mapping_for_file(
    file: Path,
    target: Path,
    *,
    encoding: str | None = None,
    sheet: str | None = None,
    header_row: int | None = None,
) -> str:
    """Return a first mapping for a CSV or Excel file; `target` is where the mapping will be.

    Raises UsageError for another kind of file, and SourceInvalid for one that cannot be used.
    """
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


def _table_below(book: ExcelSource, header_row: int | None) -> tuple[Table, int]:
    """Return the rows of a sheet and the row of its headers, which a title may stand above."""
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
    raise SourceInvalid(
        first.message,
        findings=first.findings,
        hint="if the headers stand in another row, name it with --header-row",
    ) from first


def _table(source: Source) -> Table:
    return read_source("people", source, SourceContext(Path()))
