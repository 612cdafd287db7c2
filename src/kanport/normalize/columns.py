"""Which columns a mapping reads, and whether the sources have them."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from kanport.errors import SourceInvalid
from kanport.fields import BESIDE_USERNAME, USER_FIELDS, USERNAME
from kanport.findings import Finding, found
from kanport.mapping import LoadedMapping
from kanport.mapping.base import Strict
from kanport.mapping.conditions import alternatives
from kanport.mapping.patterns import Pattern, PatternMatch, TooSlow, compiled, template_columns
from kanport.mapping.relations import MatrixRule, Membership
from kanport.mapping.rules import ProjectRule, Rule
from kanport.mapping.spec import MappingFile
from kanport.mapping.users import PasswordColumn, Users
from kanport.messages import fill, quoted
from kanport.names import normalize as in_form
from kanport.normalize.notes import shown
from kanport.origin import Origin
from kanport.table import Table

Place = tuple[str | int, ...]
"""Where something stands in a mapping: its keys and numbers from the top."""


class Need(NamedTuple):
    """One thing that a mapping wants to read.

    `choices` are sources with the columns wanted of each; one of them must have all of its columns.
    """

    choices: tuple[tuple[str, tuple[str, ...]], ...]
    place: Place
    secret: bool = False


def column_name(text: str) -> str:
    """Return a column as sources spell headers: in Unicode's composed form (NFC)."""
    return in_form("NFC", text)


def rule_columns(rule: Rule, source: str) -> tuple[str, ...] | None:
    """Return the columns that a rule reads of a source; None where it reads nothing of it."""
    if isinstance(rule, ProjectRule):
        rule = rule.made_by
    if rule.template is not None:
        return tuple(map(column_name, template_columns(rule.template)))
    if rule.from_ is None:
        return ()
    column = source_column(rule.from_, source)
    return None if column is None else (column,)


def source_column(named: str | Mapping[str, str], source: str) -> str | None:
    """Return the column of a source that a `from` names; None where it names none of it."""
    if isinstance(named, str):
        return column_name(named)
    return column_name(named[source]) if source in named else None


def matrix_columns(matrix: MatrixRule, columns: Iterable[str]) -> dict[str, str]:
    """Return the matrix columns of a table with the project that each stands for."""
    if matrix.match is not None:
        pattern = compiled(matrix.match)
        fits = ((column, _header_fits(pattern, column)) for column in columns)
        return {
            column: project for column, match in fits if match and (project := match["project"])
        }
    named = matrix.columns or ()
    pairs = named.items() if isinstance(named, Mapping) else ((name, name) for name in named)
    return {column_name(column): project for column, project in pairs}


def _header_fits(pattern: Pattern, column: str) -> PatternMatch | None:
    try:
        return pattern.search(column)
    except TooSlow as slow:
        header = shown(column)
        finding = found("value-too-slow", value=header, pattern=slow.pattern, what="header")
        raise SourceInvalid(
            f"Kanport cannot use the pattern of a matrix on the header {quoted(header)}",
            findings=[finding],
            hint=finding.hint,
        ) from None


def columns_used(spec: MappingFile) -> dict[str, frozenset[str]]:
    """Return the columns that a mapping may read, by source.

    A column that the mapping does not name is never looked at. A source whose columns are only
    told by a pattern (a matrix with `match`) is left out: any of its columns may be read. Where
    several sources give users, a plain column is listed for each, although one may lack it.
    """
    used: dict[str, set[str]] = {source: set() for source in spec.sources}
    for need in _needs(spec):
        for source, columns in need.choices:
            used[source].update(columns)
    open_ended = {
        rule.from_ for rule in spec.memberships if rule.matrix is not None and rule.matrix.match
    }
    return {
        source: frozenset(columns) for source, columns in used.items() if source not in open_ended
    }


def columns_with_meaning(spec: MappingFile, source: str) -> frozenset[str]:
    """Return the columns of a source from whose emptiness something follows.

    That is so of everything but a field of users that is left as it is where nothing is given.
    """
    found: set[str] = set()
    for part in ("memberships", "groups", "group_access", "projects"):
        entries = getattr(spec, part)
        for number, entry in enumerate(entries if isinstance(entries, tuple) else ()):
            if entry.from_ == source:
                for need in _rule_needs(entry, source, (part, number)):
                    found.update(*(columns for _, columns in need.choices))
    if spec.users is not None and source in spec.users.sources:
        for rule in map(spec.users.fields.rule, BESIDE_USERNAME):
            columns = rule_columns(rule, source) if rule is not None else None
            if rule is None or not columns:
                continue
            if rule.default is not None or "" in (rule.values or {}) or len(columns) > 1:
                found.update(columns)
    return frozenset(found)


def secret_columns(spec: MappingFile) -> dict[str, frozenset[str]]:
    """Return the columns with secrets, by source: their cells are never shown."""
    secret: dict[str, set[str]] = {source: set() for source in spec.sources}
    for need in _needs(spec):
        if need.secret:
            for source, columns in need.choices:
                secret[source].update(columns)
    return {source: frozenset(columns) for source, columns in secret.items()}


def refuse_missing(mapping: LoadedMapping, tables: Mapping[str, Table]) -> None:
    """Raise SourceInvalid with every column that the mapping wants and no source has.

    Of a source that is not in `tables`, because it could not be read, nothing is said.
    """
    findings = list(_missing(mapping, tables))
    if findings:
        raise SourceInvalid(
            fill("{count:#column is|columns are} missing", {"count": len(findings)}),
            findings=findings,
            hint="change the names in the mapping, or the headers in the file",
        )


def _missing(mapping: LoadedMapping, tables: Mapping[str, Table]) -> Iterator[Finding]:
    for need in _needs(mapping.spec):
        if any(source not in tables for source, _ in need.choices):
            continue
        lacking = [
            (source, [column for column in columns if column not in tables[source].columns])
            for source, columns in need.choices
        ]
        if lacking and all(columns for _, columns in lacking):
            for source, columns in lacking:
                for column in columns:
                    yield _finding(column, tables[source], mapping.place(need.place))
    for number, rule in enumerate(mapping.spec.memberships):
        matrix, table = rule.matrix, tables.get(rule.from_)
        if table is None or matrix is None or matrix.match is None:
            continue
        if matrix_columns(matrix, table.columns):
            continue
        yield found(
            "column-missing",
            table.whole,
            case="pattern",
            related=(mapping.place(("memberships", number, "matrix", "match")),),
            source=table.source,
            pattern=matrix.match,
            columns=table.columns,
        )


def _finding(column: str, table: Table, asked: Origin) -> Finding:
    close = _near(column, table.columns)
    return found(
        "column-missing",
        table.whole,
        case="source-near" if close else "source",
        value=column,
        related=(asked,),
        source=table.source,
        column=column,
        place=str(asked),
        near=close or "",
        columns=table.columns,
    )


def _near(column: str, columns: Iterable[str]) -> str | None:
    folded = {other.casefold(): other for other in columns}
    close = difflib.get_close_matches(column.casefold(), folded, n=1)
    return folded[close[0]] if close else None


def header_origin(table: Table, column: str) -> Origin:
    """Return the place of a column's header; of the whole table where it has none of its own."""
    return table.headers.get(column) or table.whole.at(column=column)


def _needs(spec: MappingFile) -> Iterator[Need]:
    for source in spec.sources:
        yield from _filter_needs(spec, source)
    if spec.users is not None:
        yield from _user_needs(spec.users)
    for number, rule in enumerate(spec.memberships):
        yield from _membership_needs(rule, ("memberships", number))
    for part in ("groups", "group_access", "projects"):
        entries = getattr(spec, part)
        for number, entry in enumerate(entries if isinstance(entries, tuple) else ()):
            if entry.from_ is not None:
                yield from _rule_needs(entry, entry.from_, (part, number))


def _filter_needs(spec: MappingFile, source: str) -> Iterator[Need]:
    """Yield the columns that decide which rows of a source belong to its list."""
    for key in ("only_rows", "skip_rows"):
        rows = getattr(spec.sources[source], key)
        for number, conditions in enumerate(alternatives(rows)):
            for column in conditions:
                below = (column,) if isinstance(rows, dict) else (number, column)
                wanted = ((source, (column_name(column),)),)
                yield Need(wanted, ("sources", source, key, *below))


def _user_needs(users: Users) -> Iterator[Need]:
    rules: list[tuple[Place, Rule | None]] = [
        *((("users", "fields", one.name), users.fields.rule(one)) for one in USER_FIELDS),
        (("users", "id"), users.id),
    ]
    for at, rule in rules:
        if rule is None:
            continue
        place: Place = (*at, _key_of(rule))
        wanted = [(source, rule_columns(rule, source)) for source in users.sources]
        choices = tuple((source, columns) for source, columns in wanted if columns)
        # Without its username a row is nobody's; a field may be known to one source only.
        if at[-1] == USERNAME.name or isinstance(rule.from_, dict):
            for choice in choices:
                yield Need((choice,), _below(place, rule.from_, choice[0]))
        elif choices:
            yield Need(choices, place)
    if isinstance(users.password, PasswordColumn):
        named = users.password.from_
        place = ("users", "password", "from")
        found = [(source, source_column(named, source)) for source in users.sources]
        choices = tuple((source, (column,)) for source, column in found if column is not None)
        if isinstance(named, dict):
            for choice in choices:
                yield Need((choice,), _below(place, named, choice[0]), secret=True)
        elif choices:
            yield Need(choices, place, secret=True)


def _membership_needs(membership: Membership, place: Place) -> Iterator[Need]:
    source = membership.from_
    yield from _rule_needs(membership, source, place)
    matrix = membership.matrix
    if matrix is not None and matrix.columns is not None:
        for number, column in enumerate(matrix.columns):
            key: str | int = column if isinstance(matrix.columns, dict) else number
            yield Need(((source, (column_name(column),)),), (*place, "matrix", "columns", key))


def _rule_needs(entry: Strict, source: str, place: Place) -> Iterator[Need]:
    """Return what the rules of an item read of its source."""
    for part in type(entry).model_fields:
        rule = getattr(entry, part)
        if isinstance(rule, Rule):
            columns = rule_columns(rule, source)
            if columns:
                at: Place = (*place, part)
                if isinstance(rule, ProjectRule) and rule.id is not None:
                    at, rule = (*at, "id"), rule.made_by
                    if not isinstance(getattr(entry, part).id, Rule):
                        yield Need(((source, columns),), at)
                        continue
                below = _below((*at, _key_of(rule)), rule.from_, source)
                yield Need(((source, columns),), below)


def _key_of(rule: Rule) -> str:
    return "template" if rule.template is not None else "from"


def _below(place: Place, named: str | dict[str, str] | None, source: str) -> Place:
    return (*place, source) if isinstance(named, dict) else place
