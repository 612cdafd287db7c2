"""Propose what to add to a mapping for values that it does not know (`kanport validate --suggest`).

It reads the findings about unknown values and writes the lines of `values:` for each rule. It
proposes a meaning only for a value that is nearly spelled like a known one. Anything else stays a
comment with the choices, and so does a privileged role: a guess could grant it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kanport.findings import Finding
from kanport.mapping import LoadedMapping
from kanport.mapping.base import near
from kanport.mapping.relations import MatrixRule
from kanport.mapping.rules import ProjectRule, Rule
from kanport.messages import as_yaml, counted
from kanport.model import PRIVILEGED_ROLES, AppRole, ProjectRole
from kanport.normalize.columns import matrix_columns, rule_columns
from kanport.table import Table

CODES = ("value-not-in-table", "role-unknown")
"""Findings about a value that a line in `values:` can translate."""

_ROWS = 3
Key = tuple[str | int, ...]


@dataclass(slots=True)
class UnknownValue:
    """The unknown values of one rule, with the first rows of each."""

    place: Key
    source: str
    columns: tuple[str, ...]
    known: Mapping[str, Any]
    choices: tuple[str, ...]
    counts: Counter[str] = field(default_factory=Counter)
    rows: dict[str, list[int]] = field(default_factory=dict)

    def add(self, text: str, row: int | None) -> None:
        """Count a value, and remember its row."""
        self.counts[text] += 1
        rows = self.rows.setdefault(text, [])
        if row is not None and len(rows) < _ROWS:
            rows.append(row)


def unknown_values(
    mapping: LoadedMapping, tables: Mapping[str, Table], findings: Iterable[Finding]
) -> list[UnknownValue]:
    """Return the unknown values by rule, in the order of the mapping."""
    places = list(_places(mapping, tables))
    for finding in findings:
        if finding.code not in CODES or finding.origin is None:
            continue
        params = dict(finding.params)
        text = str(params.get("text", params.get("role", "")))
        for one in places:
            fits = finding.origin.source == one.source and finding.origin.column in one.columns
            keys = params.get("keys")
            same = not isinstance(keys, tuple) or set(one.known) <= set(keys)
            if fits and same and text:
                one.add(text, finding.origin.row)
                break
    return [one for one in places if one.counts]


def lines_of(found: Iterable[UnknownValue]) -> Iterator[str]:
    """Yield the lines to add to a mapping, as YAML below the path of each rule."""
    for number, one in enumerate(found):
        if number:
            yield ""
        columns = ", ".join(one.columns)
        unknown = counted(len(one.counts), "unknown value", "unknown values")
        yield f"# {_path(one.place)}: {unknown} in the column {columns} of {one.source}"
        yield "values:"
        for text, count in sorted(one.counts.items(), key=lambda pair: (-pair[1], pair[0])):
            rows = ", ".join(map(str, one.rows[text]))
            more = ", …" if count > len(one.rows[text]) else ""
            where = f"{counted(count, 'row', 'rows')}: {rows}{more}" if rows else ""
            close = near(text, one.known)
            if close is not None:
                meaning = _scalar(one.known[close])
                # A privilege is for somebody to decide, however near the word is.
                mark = "# " if meaning in PRIVILEGED_ROLES else ""
                yield f"  {mark}{as_yaml(text)}: {meaning}   # like {as_yaml(close)}; {where}"
            else:
                choices = " | ".join((*one.choices, '""'))
                yield f"  # {as_yaml(text)}: {choices}   # {where}"


def _places(mapping: LoadedMapping, tables: Mapping[str, Table]) -> Iterator[UnknownValue]:
    """Yield each rule of the mapping with its source and columns, without any values yet."""
    spec = mapping.spec
    if spec.users is not None:
        for name in type(spec.users.fields).model_fields:
            rule = getattr(spec.users.fields, name)
            for source in spec.users.sources:
                yield from _of_rule(("users", "fields", name), rule, source)
    for part in ("memberships", "groups", "group_access", "projects"):
        entries = getattr(spec, part)
        for number, entry in enumerate(entries if isinstance(entries, tuple) else ()):
            if entry.from_ is None:
                continue
            for name in type(entry).model_fields:
                value = getattr(entry, name)
                place: Key = (part, number, name)
                if isinstance(value, MatrixRule):
                    columns = tuple(matrix_columns(value, tables[entry.from_].columns))
                    known = value.values or {}
                    yield UnknownValue(place, entry.from_, columns, known, _choices("role", known))
                else:
                    yield from _of_rule(place, value, entry.from_)


def _of_rule(place: Key, rule: object, source: str) -> Iterator[UnknownValue]:
    if isinstance(rule, ProjectRule) and rule.id is not None:
        rule = rule.made_by
    if not isinstance(rule, Rule):
        return
    columns = rule_columns(rule, source)
    if columns:
        known = rule.values or {}
        kind = "app-role" if place[0] == "users" else "role"
        choices = _choices(kind if place[-1] == "role" else "", known)
        yield UnknownValue(place, source, columns, known, choices)


def _choices(kind: str, known: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what a value can mean: the roles of Kanboard, else what the table has already."""
    if kind == "role":
        return tuple(ProjectRole)
    if kind == "app-role":
        return tuple(AppRole)
    return tuple(dict.fromkeys(_scalar(value) for value in known.values() if value != ""))


def _scalar(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool | int) else as_yaml(str(value))


def _path(place: Key) -> str:
    """Return a place of the mapping as a reader finds it.

    >>> _path(("memberships", 0, "role"))
    'memberships, item 1, role'
    """
    return ", ".join(f"item {one + 1}" if isinstance(one, int) else one for one in place)
