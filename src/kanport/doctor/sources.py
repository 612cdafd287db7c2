"""Check each source of a mapping: can Kanport read it, and what are its rows."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from kanport.doctor.checks import Check, failed, finding_lines, fine, warning
from kanport.errors import KanportError
from kanport.findings import Severity
from kanport.mapping import LoadedMapping
from kanport.mapping.ldap import LdapSource
from kanport.messages import counted
from kanport.network import LONGEST_EXCHANGE
from kanport.normalize import columns_used, secret_columns
from kanport.sources import SourceContext, read_source
from kanport.table import Row, Table

_FIRST = 3
_MOST_TEXT = 80


@dataclass(slots=True)
class Sources:
    """The checks of the sources of a mapping; `tables` are those that Kanport could read."""

    mapping: LoadedMapping
    environ: Mapping[str, str]
    now: datetime
    clock: Callable[[], float] = time.perf_counter
    request_timeout: float = LONGEST_EXCHANGE
    tables: dict[str, Table] = field(default_factory=dict)

    def checks(self) -> Iterator[Check]:
        """Check each source; a failure does not stop the others."""
        used, secret = columns_used(self.mapping.spec), secret_columns(self.mapping.spec)
        base = self.mapping.path.parent
        for name, spec in self.mapping.spec.sources.items():
            about = f'source "{name}"'
            columns, hidden = used.get(name), secret.get(name, frozenset())
            begun = self.clock()
            try:
                if isinstance(spec, LdapSource):
                    # It imports ldap3, which mappings without a directory do not need.
                    from kanport.doctor.directory import directory_checks

                    yield from directory_checks(
                        about,
                        name,
                        spec,
                        columns,
                        base=base,
                        environ=self.environ,
                        now=self.now,
                        request_timeout=self.request_timeout,
                    )
                context = SourceContext(
                    base,
                    hidden,
                    columns,
                    environ=self.environ,
                    now=self.now,
                    request_timeout=self.request_timeout,
                )
                table = read_source(name, spec, context)
            except KanportError as error:
                yield failed(about, error)
                continue
            self.tables[name] = table
            yield from table_checks(about, table, columns, hidden, seconds=self.clock() - begun)


def table_checks(
    about: str,
    table: Table,
    used: frozenset[str] | None,
    secret: frozenset[str],
    *,
    seconds: float,
) -> Iterator[Check]:
    """Yield what Kanport read from one source: number of rows, columns, first rows."""
    ldap = table.kind == "ldap"
    size = f"{counted(len(table.rows), 'row')} in {seconds:.1f} s"
    if ldap:
        yield fine(about, f"read completely: {people_and_groups(table)}; {size}")
    else:
        how = " and ".join(f.message for f in table.findings if f.code == "file-read-as")
        yield fine(about, f"{table.path} is {table.kind}{', ' + how if how else ''}; {size}")
        yield _columns(about, table, used)
    told = [finding for finding in table.findings if finding.severity is not Severity.INFO]
    if told:
        yield warning(
            about,
            f"{counted(len(told), 'error or warning', 'errors and warnings')} while reading",
            details=finding_lines(told),
        )
    noticed = [
        finding
        for finding in table.findings
        if finding.severity is Severity.INFO and finding.code != "file-read-as"
    ]
    if noticed:
        yield fine(about, "notes while reading:", details=finding_lines(noticed))
    if table.rows:
        shown = [column for column in table.columns if used is None or column in used]
        rows = table.rows[:_FIRST]
        yield fine(
            about,
            f"the first {counted(len(rows), 'row')}, as the mapping sees them:",
            details=[_row(row, shown, secret) for row in rows],
        )


def people_and_groups(table: Table) -> str:
    """Return the numbers of people and groups from a directory."""
    people = counted(len({row.origin.dn for row in table.rows}), "person", "people")
    if not table.scopes:
        return people
    closed = sum(not scope.open for scope in table.scopes)
    groups = counted(len(table.scopes), "group")
    open_ = len(table.scopes) - closed
    left = f", {open_} of them not completely readable" if open_ else ""
    return f"{groups} with {people} in them{left}"


def _columns(about: str, table: Table, used: frozenset[str] | None) -> Check:
    if used is None:
        return fine(about, f"columns: {', '.join(table.columns)}")
    named = [column for column in table.columns if column in used]
    others = [column for column in table.columns if column not in used]
    text = f"the mapping uses {counted(len(named), 'column')}: {', '.join(named) or 'none'}"
    return fine(about, text + (f"; not used: {', '.join(others)}" if others else ""))


def _row(row: Row, columns: list[str], secret: frozenset[str]) -> str:
    cells = []
    for column in columns:
        value = row.values.get(column, "")
        text = value if isinstance(value, str) else "; ".join(value)
        if column in secret:
            text = "(a secret)" if text else ""
        if len(text) > _MOST_TEXT:
            text = text[:_MOST_TEXT] + "…"
        cells.append(f"{column}={text!r}" if text else f"{column} empty")
    return f"{row.origin}: {', '.join(cells)}"
