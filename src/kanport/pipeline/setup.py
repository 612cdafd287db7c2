"""Begin with Kanport: a first mapping, an export of the server, and adopting what is there.

A first mapping comes from the headers of a file, or from what a directory says it is.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from kanport.errors import ConfigInvalid, KanportError, SourceInvalid, Unreachable, UsageError
from kanport.export import (
    GROUP_MEMBERS,
    GROUPS,
    MEMBERSHIPS,
    PROJECTS,
    USERS,
    Listing,
    Record,
    listings,
    mapping_for,
    not_whole,
    write_tables,
)
from kanport.fields import USER_FIELDS
from kanport.files import ArtifactKind, write_file
from kanport.init import (
    LOCK_ATTRIBUTES,
    DirectoryKind,
    Draft,
    FoundDirectory,
    draft_for_directory,
    draft_for_table,
    guess,
)
from kanport.kanboard.client import Client
from kanport.kanboard.reader import read_current
from kanport.ledger import adopt, recall
from kanport.mapping.ldap import LdapSource
from kanport.mapping.mistakes import explain
from kanport.mapping.sources import CsvSource, ExcelSource, Source
from kanport.mapping.yaml_file import LocatedDocument
from kanport.messages import quoted, yaml_quoted
from kanport.model import CurrentState
from kanport.names import compare_key
from kanport.names import normalize as in_form
from kanport.normalize.projects import name_problem as project_problem
from kanport.normalize.relations import name_problem as group_problem
from kanport.pipeline.inputs import Inputs
from kanport.pipeline.results import OnProgress, Reporter, Stage, ignore
from kanport.pipeline.run_locks import run_lock
from kanport.pipeline.state_dir import utc_now
from kanport.plan.matching import (
    name_matcher,
    numbers_are_ids,
    people_wanted,
    projects_wanted,
)
from kanport.plan.ownership import Adoption, adoptable, project_matches
from kanport.plan.resolve import resolve
from kanport.records import dataclass
from kanport.rules import control_problem, strip_blanks
from kanport.sources import SourceContext, read_source
from kanport.table import Table

# In so many rows from the top, headers are looked for.
TITLE_ROWS = 10
# Findings about a file that is broken, too large or of another kind, whatever its headers are.
_FILE_ITSELF = {"file-damaged", "file-kind", "file-too-large", "sheet-missing"}
# Their hints name keys of a mapping.
_OF_MAPPING = {"file-encoding", "file-delimiter"}

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
    from kanport.sources.ldap.proof import AbsenceProof
    from kanport.sources.ldap.search import Directory, ServerKind, kind_of

    kinds: dict[ServerKind, DirectoryKind] = {
        ServerKind.ACTIVE_DIRECTORY: "active-directory",
        ServerKind.SAMBA: "active-directory",
        ServerKind.AD_LDS: "ad-lds",
        ServerKind.FREEIPA: "freeipa",
        ServerKind.DS389: "389-ds",
        ServerKind.OPENLDAP: "openldap",
    }
    spec = _directory(url, base, ca_file)
    with connected("init", spec, base=Path(), environ={}) as (connection, _):
        directory = Directory(connection, 0)
        kind = kinds.get(kind_of(directory.root), "unknown")
        proof = AbsenceProof(directory)
        # FreeIPA's root entry may not show what it is; its schema and its tree do.
        in_accounts = "cn=accounts," in base.lower().replace(" ", "")
        in_schema = proof.shows_schema and proof.knows("ipaUniqueID")
        if kind == "389-ds" and (in_accounts or in_schema):
            kind = "freeipa"
        knows = frozenset(filter(proof.knows, LOCK_ATTRIBUTES)) if proof.shows_schema else None
        version = " ".join(texts(directory.root.get("vendorversion", [])))
        name = _NAMES.get(kind, "")
        return FoundDirectory(kind, f"{name} ({version})" if name and version else name, knows)


def _directory(url: str, base: str, ca_file: str | None) -> LdapSource:
    parts = {"type": "ldap", "url": url, "base": base, "ca_file": ca_file}
    times = {"connect_timeout": _SECONDS, "timeout": _SECONDS}
    with _options_refused():
        return LdapSource.model_validate({**parts, **times})


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

    `target` is where the mapping will be. With `kind`, nothing is sent anywhere. Raises UsageError
    for what no mapping could say of a directory.
    """
    draft_for_directory(url, base, str(target))
    _directory(url, base, ca_file)
    if kind is not None:
        found, why = FoundDirectory(kind, _NAMES[kind]), ""
    else:
        trusted = None if ca_file is None else str(target.parent / ca_file)
        try:
            found = ask_directory(url, base, trusted)
            why = "" if found.kind != "unknown" else "it does not say what it is"
        except (KanportError, ValueError) as problem:
            found = FoundDirectory("unknown")
            why = "; ".join(map(str, getattr(problem, "details", ()))) or str(problem)
    text = draft_for_directory(url, base, str(target), found, login=bind_dn, ca_file=ca_file)
    return text, found, why


def mapping_for_file(
    file: Path,
    target: Path,
    *,
    encoding: str | None = None,
    sheet: str | None = None,
    header_row: int | None = None,
    delimiter: Literal[",", ";", "\t", "|"] | None = None,
) -> Draft:
    """Return a first mapping for a CSV or Excel file; `target` is where the mapping will be.

    Raises UsageError for another kind of file, or an option that it has no use for, and
    SourceInvalid for a file that cannot be used.
    """
    decided: list[str] = []
    if file.suffix.lower() in (".xlsx", ".xlsm"):
        _refuse_options("a workbook", {"--encoding": encoding, "--delimiter": delimiter})
        with _options_refused():
            book = ExcelSource(type="excel", path=str(file), sheet=sheet, hidden_rows="read")
        table, row = _table_below(book, header_row)
        options = f", sheet: {yaml_quoted(sheet)}" if sheet else ""
        if row > 1:
            options += f", header_row: {row}"
            decided.append(
                f"headers: row {row}" + (", below a title" if header_row is None else "")
            )
        if _merged_in_use(book.model_copy(update={"header_row": row}), table):
            options += ", merged_cells: fill"
            decided.append(
                "merged cells: every cell of a range gets its value (merged_cells: fill)"
            )
    elif file.suffix.lower() in (".csv", ".txt", ".tsv"):
        _refuse_options("a CSV file", {"--sheet": sheet})
        with _options_refused():
            csv = CsvSource(
                type="csv",
                path=str(file),
                encoding=encoding,
                header_row=header_row,
                delimiter=delimiter,
            )
        table = _table(csv)
        options = f", encoding: {encoding}" if encoding else ""
        options += f", delimiter: {yaml_quoted(delimiter)}" if delimiter else ""
        options += f", header_row: {header_row}" if header_row else ""
    else:
        raise UsageError(f"{file} is neither a .csv nor an .xlsx file")
    return draft_for_table(table, file, target, options=options, decided=decided)


@contextmanager
def _options_refused() -> Iterator[None]:
    """Raise UsageError for the first option that a source in a mapping could not have either."""
    try:
        yield
    except ValidationError as problem:
        wrong = next(explain(problem, LocatedDocument()))
        raise UsageError(wrong.message, hint=wrong.hint) from problem


def _refuse_options(what: str, options: Mapping[str, object]) -> None:
    for option, value in options.items():
        if value is not None:
            raise UsageError(f"{option} means nothing for {what}", hint=f"leave out {option}")


def _merged_in_use(book: ExcelSource, table: Table) -> bool:
    """Return whether a merged cell is in a column that the mapping reads."""
    used = frozenset(guess(table.columns).columns.values())
    try:
        read_source("", book, SourceContext(Path(), columns_used=used))
    except SourceInvalid as problem:
        return any(found.code == "cell-merged" for found in problem.findings)
    return False


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
    # No column is in use yet, so nothing in one can be wrong.
    try:
        return read_source("", source, SourceContext(Path(), columns_used=frozenset()))
    except SourceInvalid as problem:
        if not _OF_MAPPING & {found.code for found in problem.findings}:
            raise
        raise SourceInvalid(
            problem.message,
            findings=problem.findings,
            hint="there is no mapping yet: use the option of that name, such as --encoding cp1252",
        ) from problem


# --- export ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export holds: the number of rows of each table, and its lossy values."""

    rows: Mapping[str, int]
    lossy: tuple[str, ...]


def check_new_mapping(path: Path) -> None:
    """Raise UsageError for a mapping that exists already."""
    if path.exists():
        raise UsageError(f"{path} exists already", hint="name another file, or move that one away")


def export(
    server: Client,
    *targets: Path,
    mapping: Path | None = None,
    progress: OnProgress = ignore,
) -> Exported:
    """Write users, groups, projects and access to workbooks, YAML files or folders of CSV files.

    `mapping` is a new file for a mapping that reads the first of them back. Raises Unreachable
    where not everything can be read, and UsageError where a file cannot be written.
    """
    if mapping is not None:
        check_new_mapping(mapping)
    with Reporter(progress).stage(Stage.SERVER):
        state = read_current(
            server, choose_projects=lambda projects: [project.id for project in projects]
        )
    # Half an export would be taken for a whole one.
    if (problem := not_whole(state)) is not None:
        raise Unreachable(
            problem,
            hint="try again, and raise PHP's memory_limit on the server for the time of the export",
        )
    tables = listings(state)
    for target in targets:
        write_tables(target, tables.values())
    if mapping is not None:
        text = mapping_for(targets[0], mapping.parent, tables)
        write_file(mapping, text, mode=0o644, over=ArtifactKind.MAPPING)
    return Exported({name: len(table.rows) for name, table in tables.items()}, lossy_values(tables))


# --- lossy values ---------------------------------------------------------------------------------

_CHECKS = {
    **{(USERS, field.name): field.check for field in USER_FIELDS if field.check is not None},
    (GROUPS, "group"): group_problem,
    (PROJECTS, "name"): project_problem,
}
_REPEATED = frozenset({(GROUP_MEMBERS, "group"), (GROUP_MEMBERS, "username")}) | {
    (MEMBERSHIPS, "username"),
    (MEMBERSHIPS, "project"),
    (MEMBERSHIPS, "access"),
    (PROJECTS, "project"),
    (PROJECTS, "owner"),
    (PROJECTS, "description"),
}
"""Columns whose values stand in another table, and those that are made for reading."""


def lossy_values(tables: Mapping[str, Listing]) -> tuple[str, ...]:
    """Return a line for each value that Kanport reads back differently, or refuses.

    Reading trims blanks, composes letters (NFC) and refuses invalid values; a server may hold them.
    """
    return tuple(dict.fromkeys(_losses(tables)))


def _losses(tables: Mapping[str, Listing]) -> Iterator[str]:
    for name, listing in tables.items():
        for number, column in enumerate(listing.columns):
            if (name, column) in _REPEATED:
                continue
            for row in listing.rows:
                if why := _trouble(name, column, row[number]):
                    about = "" if number == 0 else f" of {row[0]!r}"
                    yield f"{name}: the {_word(column)} {row[number]!r}{about} {why}"
    yield from _alike(tables[USERS].rows, "usernames")
    yield from _alike(tables[GROUPS].rows, "groups")
    yield from _same_names(tables[PROJECTS].rows)


def _trouble(table: str, column: str, text: str) -> str | None:
    if not text:
        nobody = (table, column) in ((USERS, "username"), (GROUPS, "group"))
        return "cannot be read back: it is empty" if nobody else None
    clean = in_form("NFC", strip_blanks(text))
    check = _CHECKS.get((table, column), control_problem)
    problem = check(clean) or control_problem(clean)
    if problem is not None:
        return f"cannot be read back: {problem.text}"
    if "\ufffd" in clean:
        return "cannot be read back: letters in it were lost"
    return f"is read back as {clean!r}" if clean != text else None


def _word(column: str) -> str:
    return {"external_id": "external id"}.get(column, column)


def _alike(rows: Iterable[Record], what: str) -> Iterator[str]:
    by_key: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        by_key[compare_key(row[0])].append(row[0])
    for same in by_key.values():
        if len(same) > 1:
            names = " and ".join(map(repr, sorted(same)))
            yield f"the {what} {names} are one and the same for MariaDB, so a plan refuses them"


def _same_names(rows: Iterable[Record]) -> Iterator[str]:
    for called, name, identifier, *_ in rows:
        if called not in (name, identifier):
            yield (
                f"the project {called!r} shares its name with another one, so a plan leaves it out;"
                " give it an identifier"
            )


# --- adopt ----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Adoptable:
    """Users and memberships on the server that the ledger can adopt."""

    found: Adoption
    ledger: Path
    _url: str

    def adopt(self) -> None:
        """Record in the ledger that Kanport manages them; raise ConfigInvalid if that fails."""
        found = self.found
        adopt(self.ledger, self._url, users=found.names, grants=found.grants, now=utc_now())


@contextmanager
def adopting(
    inputs: Inputs,
    server: Client,
    *,
    users: Collection[str] = (),
    memberships: Collection[str] = (),
    state: Path | None = None,
    wait: float = 0.0,
    command: str,
    progress: OnProgress = ignore,
) -> Iterator[Adoptable]:
    """Lock the server and the ledger, and find what Kanport could manage from now on.

    `users` and `memberships` are patterns; by default the sources name both. Rows with an error
    name nobody. `command` is how other runs report this one. Sends no procedure that writes. Raises
    LockHeld, Unreachable and ConfigInvalid.
    """
    ledger = ledger_needed(inputs)
    spec = inputs.mapping.spec
    numbers = numbers_are_ids(spec)
    with run_lock(
        server.url,
        ledger,
        state=state,
        command=command,
        token=server.settings.token,
        wait=wait,
    ):
        with Reporter(progress).stage(Stage.SERVER):
            memory = recall(ledger, server.url)
            usernames, user_ids = people_wanted(inputs.desired, memory.identities)
            current = read_current(
                server,
                choose_projects=lambda projects: (
                    projects_wanted(inputs.desired, projects, numbers=numbers)
                    | project_matches(projects, memberships, numbers=numbers)
                ),
                with_groups=False,
                usernames=usernames,
                user_ids=user_ids,
            )
            _check_patterns(current, users, memberships, numbers=numbers)
            resolved = resolve(inputs.desired, current, spec, inputs.findings, memory.identities)
            found = adoptable(resolved, current, spec, memory, users=users, memberships=memberships)
        yield Adoptable(found, ledger, server.url)


def _check_patterns(
    current: CurrentState, users: Iterable[str], memberships: Iterable[str], *, numbers: bool
) -> None:
    """Raise UsageError for a pattern that nothing on the server fits."""
    for pattern in users:
        fits = name_matcher([pattern])
        # Where the server cannot list all users, the others may fit.
        if current.users_complete and not any(fits(user.username) for user in current.users):
            raise UsageError(
                f"no user on the server fits --users {quoted(pattern)}",
                hint='a pattern is a whole username, in which * stands for any text: "ext-*"',
            )
    for pattern in memberships:
        if not project_matches(current.projects, [pattern], numbers=numbers):
            raise UsageError(
                f"no project on the server fits --memberships {quoted(pattern)}",
                hint="name a project by name, identifier or id (#3); private ones do not count",
            )


def ledger_needed(inputs: Inputs) -> Path:
    """Return where the ledger is; raise ConfigInvalid if the mapping keeps none."""
    if inputs.ledger is None:
        raise ConfigInvalid(
            f"the mapping {inputs.mapping.path} names no ledger to record them in",
            hint="add ledger: people.ledger, a file of its own beside the mapping",
        )
    return inputs.ledger
