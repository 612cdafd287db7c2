"""A rule of the mapping made ready for the rows of one source."""

import re
from collections.abc import Callable, Mapping
from dataclasses import field
from functools import partial
from typing import NamedTuple

from kanport.facts import Fact
from kanport.mapping.patterns import Pattern, Piece, compiled, parse_template
from kanport.mapping.rules import ListRule, ProjectRule, Rule
from kanport.mapping.transforms import TransformStep
from kanport.names import case_key
from kanport.names import normalize as in_form
from kanport.normalize.columns import column_name, rule_columns
from kanport.normalize.notes import Place
from kanport.records import dataclass
from kanport.rules import strip_blanks

Check = Callable[[str], Fact | None]


class Context(NamedTuple):
    """What all rules of one source share: its name, its clear token, and its secret columns."""

    source: str
    clear: str
    secret: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """A rule made ready for the rows of one source. `what` names the value in messages.

    `names` is True where the value is the name or the id of a person, a group or a project, so that
    what a spreadsheet has made of it is no value; `lines` where it may go over several lines;
    `by_id` where it is the id of a project.
    """

    what: str
    context: Context
    columns: tuple[str, ...] = ()
    pieces: tuple[Piece, ...] = ()
    constant: str | None = None
    steps: tuple[TransformStep, ...] = ()
    pattern: Pattern | None = None
    table: Mapping[str, str] | None = None
    folded: Mapping[str, str] = field(default_factory=dict)
    default: str | None = None
    splitter: re.Pattern[str] | None = None
    each: bool = False
    closed: bool = False
    clearable: bool = False
    check: Check | None = None
    names: bool = False
    lines: bool = False
    by_id: bool = False
    places: tuple[Place, ...] = field(init=False)
    fill: tuple[tuple[str, int | None], ...] = field(init=False)
    functions: tuple[Callable[[str], str], ...] = field(init=False)
    is_secret: bool = field(init=False)
    is_plain: bool = field(init=False)

    def __post_init__(self) -> None:
        """Compile what is needed for each value.

        `places` are where its values come from, `fill` are the pieces of the template, each with
        the number of its column, `functions` are the transforms. `is_secret` is True where it reads
        a column whose cells are never shown, `is_plain` where one cell is all that it reads.
        """
        set_part = partial(object.__setattr__, self)
        set_part("places", self.columns or (None,))
        numbers = {column: number for number, column in enumerate(self.columns)}
        set_part(
            "fill",
            tuple(
                (text, numbers[column_name(text)] if is_column else None)
                for text, is_column in self.pieces
            ),
        )
        set_part("functions", tuple(step.function for step in self.steps))
        set_part("is_plain", bool(self.columns) and not self.pieces and self.constant is None)
        set_part("is_secret", not self.context.secret.isdisjoint(self.columns))


def compile_rule(
    rule: Rule | None,
    what: str,
    context: Context,
    *,
    check: Check | None = None,
    closed: bool = False,
    clearable: bool = False,
    names: bool = False,
    lines: bool = False,
) -> CompiledRule | None:
    """Compile a rule for one source; None where it reads nothing of this source.

    `check` judges the finished value. `closed` says that only certain words are taken anyway, so
    that a number or a boolean in a cell is no reason to warn.
    """
    if rule is None:
        return None
    by_id = isinstance(rule, ProjectRule) and rule.id is not None
    if isinstance(rule, ProjectRule):
        rule = rule.made_by
    columns = rule_columns(rule, context.source)
    if columns is None:
        return None
    table = None
    if rule.values is not None:
        table = {composed(key): composed(scalar_text(value)) for key, value in rule.values.items()}
    split = rule.split if isinstance(rule, ListRule) else None
    return CompiledRule(
        what,
        context,
        columns,
        parse_template(rule.template) if rule.template is not None else (),
        None if rule.value is None else composed(scalar_text(rule.value)),
        rule.transform,
        compiled(rule.match) if rule.match is not None else None,
        table,
        fold_table(table or {}),
        None if rule.default is None else composed(scalar_text(rule.default)),
        None if split is None else splitter(split),
        isinstance(rule, ListRule) and rule.each,
        closed or by_id or table is not None,
        clearable,
        check,
        names and table is None,
        lines=lines,
        by_id=by_id,
    )


def scalar_text(value: str | bool | int) -> str:
    """Return a constant of a mapping as text.

    >>> scalar_text(True), scalar_text(7)
    ('true', '7')
    """
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def fold_table(table: Mapping[str, str]) -> dict[str, str]:
    """Return a value table by folded keys, without those that only case and blanks tell apart.

    >>> fold_table({"RW": "member", "x": "a", "X": "b"})
    {'rw': 'member'}
    """
    meanings: dict[str, set[str]] = {}
    for key, value in table.items():
        meanings.setdefault(fold(key), set()).add(value)
    return {key: found.pop() for key, found in meanings.items() if len(found) == 1}


def fold(text: str) -> str:
    """Return the text by which a cell is looked up in a table where it is not there exactly."""
    return case_key(strip_blanks(text))


def splitter(split: str | tuple[str, ...]) -> re.Pattern[str]:
    """Return the pattern of what separates several values in one cell, the longest first."""
    marks = sorted((split,) if isinstance(split, str) else split, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, marks)))


def composed(text: str) -> str:
    """Return the text in Unicode's composed form (NFC), as sources give their cells."""
    return in_form("NFC", text)
