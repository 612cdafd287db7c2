"""One value: from the cells of a row, through the steps of its rule, to what it means."""

import re
from collections.abc import Iterable, Iterator, Mapping
from enum import Enum
from typing import NamedTuple

from kanport.catalogue import FINDINGS
from kanport.facts import Fact, fact
from kanport.mapping.patterns import Pattern, TooSlow
from kanport.mapping.transforms import apply_transforms
from kanport.names import id_text, plain_number
from kanport.normalize.bound import BoundRule, composed, fold
from kanport.normalize.columns import column_name
from kanport.normalize.notes import Notes, shown
from kanport.origin import Origin
from kanport.rules import (
    control_problem,
    invisible_problem,
    strip_blanks,
    suspicious_problem,
    twice_encoded_problem,
    username_problem,
)
from kanport.table import ABSENCES, Odd, Row


class State(Enum):
    """What is known of a value: it is there, not given, to be cleared, or cannot be used.

    UNKNOWN is a value that is not there, or only hidden: nothing follows from it, not even a
    default, and the rest of its row counts.
    """

    GIVEN = "given"
    EMPTY = "empty"
    UNKNOWN = "unknown"
    CLEAR = "clear"
    BAD = "bad"


class Value(NamedTuple):
    """What a rule made of a row.

    `assumed` is True where it is the rule's default and not what a cell says. `parts` are the
    named parts of the rule's pattern.
    """

    state: State
    text: str = ""
    origins: tuple[Origin, ...] = ()
    assumed: bool = False
    parts: Mapping[str, str | None] = {}

    def place(self, otherwise: Origin) -> Origin:
        """Return the first place that it comes from, or another one where it has none."""
        return self.origins[0] if self.origins else otherwise


EMPTY = Value(State.EMPTY)

# --- reading ------------------------------------------------------------------------------------


def read_one(rule: BoundRule, row: Row, notes: Notes) -> Value:
    """Give the one value that a rule makes of a row; findings go to `notes`."""
    raw = raw_texts(rule, row, notes)
    if isinstance(raw, Value):
        return raw
    texts, origins = raw
    if len(texts) > 1:
        notes.add("value-not-single", origins[0], what=rule.what, count=len(texts))
        return Value(State.BAD, origins=origins)
    text = texts[0] if texts else ""
    if text == rule.context.clear:
        return _cleared(rule, origins, notes)
    return shape(rule, text, origins, notes)


def read_several(rule: BoundRule, row: Row, notes: Notes) -> list[Value]:
    """Give the values that a rule makes of a row, each once; one EMPTY value where there are none.

    With `each`, a value that does not fit the pattern is left out: it is about something else.
    """
    raw = raw_texts(rule, row, notes)
    if isinstance(raw, Value):
        return [raw]
    texts, origins = raw
    given = dict.fromkeys(items_of(rule, texts))
    if rule.context.clear in given:
        return [_cleared(rule, origins, notes)]
    values = [shape(rule, item, origins, notes) for item in given or [""]]
    kept = dict.fromkeys((value.state, value.text) for value in values)
    first = {(value.state, value.text): value for value in reversed(values)}
    several = [first[key] for key in kept]
    there = [value for value in several if value.state is not State.EMPTY]
    return there or [EMPTY._replace(origins=origins)]


def items_of(rule: BoundRule, texts: Iterable[str]) -> Iterator[str]:
    """Give the single values that stand in the texts of a cell, split where the rule splits."""
    for text in texts:
        for item in rule.splitter.split(text) if rule.splitter else (text,):
            if bare := strip_blanks(item):
                yield bare


def raw_texts(
    rule: BoundRule, row: Row, notes: Notes
) -> tuple[tuple[str, ...], tuple[Origin, ...]] | Value:
    """Give the texts of the cells before any step, or a value that needs no step any more."""
    if rule.constant is not None:
        return _judged(rule, Value(State.GIVEN, rule.constant, (row.origin,)), notes)
    if hidden := [column for column in rule.columns if _is_hidden(row, column)]:
        return _unknown(rule, row, hidden, notes)
    if rule.pieces:
        return _fill(rule, row, notes)
    column = rule.columns[0]
    origin = row.place(column)
    texts = read_cell(rule, row, column, origin, notes)
    return Value(State.BAD, origins=(origin,)) if texts is None else (texts, (origin,))


def _is_hidden(row: Row, column: str) -> bool:
    return column in row.odd and row.odd[column].code in ABSENCES


def _unknown(rule: BoundRule, row: Row, hidden: list[str], notes: Notes) -> Value:
    origins = tuple(row.place(column) for column in hidden)
    # A name or an email that is not given stays as it is anyway, unless the rule makes one up.
    assumes = rule.default is not None or "" in (rule.table or ()) or len(rule.columns) > 1
    if assumes or not rule.clearable:
        for column, origin in zip(hidden, origins, strict=True):
            odd = row.odd[column]
            notes.unproven(rule.what, origin, odd.code, odd.value or column)
    return Value(State.UNKNOWN, origins=origins)


def read_cell(
    rule: BoundRule, row: Row, column: str, origin: Origin, notes: Notes
) -> tuple[str, ...] | None:
    """Give the texts in one cell; None where it is so odd that it cannot be used."""
    odd = row.odd.get(column)
    if odd is not None and not _concerns(rule, odd):
        odd = None
    if odd is not None:
        fatal = FINDINGS[odd.code].severity == "error"
        if fatal or not (rule.closed and odd.code in ("cell-number", "cell-boolean")):
            masked = column in rule.context.secret
            value = None if odd.value is None else shown(odd.value, masked=masked)
            notes.take(odd.fact, origin, value)
        if fatal:
            return None
    cell = row.values.get(column, "")
    return cell if isinstance(cell, tuple) else (cell,) if cell else ()


def _concerns(rule: BoundRule, odd: Odd) -> bool:
    """Return whether what is odd about a cell matters to a rule."""
    if not odd.names:
        return True
    if odd.code == "cell-decimals" and odd.value and not rule.pieces:
        # A mapping that takes the decimals away knows of them.
        shaped = transformed(rule, odd.value)
        try:
            found = matched(rule.pattern, shaped) if rule.pattern is not None else (shaped, {})
        except TooSlow:
            return rule.names
        return rule.names and found is not None and odd.value in found[0]
    return rule.names


def _fill(
    rule: BoundRule, row: Row, notes: Notes
) -> tuple[tuple[str, ...], tuple[Origin, ...]] | Value:
    """Fill a template; it is empty where all of its columns are, and cleared where all are."""
    places = {column: row.place(column) for column in rule.columns}
    origins = tuple(places.values()) or (row.origin,)
    cells: dict[str, str] = {}
    for column, origin in places.items():
        texts = read_cell(rule, row, column, origin, notes)
        if texts is None:
            return Value(State.BAD, origins=origins)
        if len(texts) > 1:
            notes.add(
                "value-not-single",
                origin,
                case="column",
                column=column,
                what=rule.what,
                count=len(texts),
            )
            return Value(State.BAD, origins=origins)
        cells[column] = strip_blanks(texts[0]) if texts else ""
    given = {column: text for column, text in cells.items() if text}
    if cells and not given:
        return (), origins
    clear = rule.context.clear
    if given and all(text == clear for text in given.values()):
        return (clear,), origins
    parts = {column: "" if text == clear else text for column, text in cells.items()}
    filled = "".join(
        parts[column_name(text)] if is_column else text for text, is_column in rule.pieces
    )
    if not all(parts.values()):
        filled = re.sub(r" {2,}", " ", filled)
    return (strip_blanks(filled),), origins


def _cleared(rule: BoundRule, origins: tuple[Origin, ...], notes: Notes) -> Value:
    if rule.clearable:
        return Value(State.CLEAR, origins=origins)
    notes.add("value-not-clearable", origins[0], value=rule.context.clear, what=rule.what)
    return Value(State.BAD, origins=origins)


# --- the steps ----------------------------------------------------------------------------------


def shape(rule: BoundRule, text: str, origins: tuple[Origin, ...], notes: Notes) -> Value:
    """Take one text through the steps: transforms, pattern, table, default, check."""
    shaped = transformed(rule, text)
    problem = control_problem(shaped.replace("\n", " ") if rule.lines else shaped)
    if problem is not None:
        return refused(rule, problem, Value(State.GIVEN, shaped, origins), notes)
    parts: Mapping[str, str | None] = {}
    if rule.pattern is not None and shaped:
        try:
            found = matched(rule.pattern, shaped)
        except TooSlow as slow:
            why = fact("value-too-slow", pattern=slow.pattern, what=rule.what)
            notes.take(why, origins[0], _show(rule, shaped))
            return Value(State.BAD, origins=origins)
        if found is None:
            return _no_match(rule, shaped, origins, notes)
        shaped, parts = found
    if rule.names and not (shaped.isascii() and text.isascii()):
        _note_suspicious(rule, text, shaped, origins[0], notes)
    value = _judged(rule, _look_up(rule, shaped, origins, notes), notes)
    return value._replace(parts=parts) if parts else value


def _note_suspicious(rule: BoundRule, cell: str, shaped: str, origin: Origin, notes: Notes) -> None:
    """Take down what is suspicious about a name that is valid all the same.

    What was encoded twice shows in the cell: in small letters it is no encoding of anything.
    """
    twice = twice_encoded_problem(cell)
    problems: list[tuple[str, Fact | None]] = [(shaped, suspicious_problem(shaped))]
    if twice is not None:
        problems = [(cell, twice)]
    if rule.check is not username_problem:
        # The check of usernames says it itself.
        problems.append((shaped, invisible_problem(shaped)))
    for text, problem in problems:
        if problem is not None and not is_secret(rule):
            notes.take(problem, origin, _show(rule, text))


def transformed(rule: BoundRule, text: str) -> str:
    """Give a text after the rule's transforms, without blanks at its ends, composed (NFC)."""
    shaped = strip_blanks(apply_transforms(text, rule.steps)) if text else ""
    return shaped if shaped.isascii() else composed(shaped)


def matched(pattern: Pattern, text: str) -> tuple[str, Mapping[str, str | None]] | None:
    """Return what a pattern picks out of a text, and its named parts; None where it does not fit.

    Raises TooSlow where nothing is known, as it takes too long.
    """
    found = pattern.search(text)
    if found is None:
        return None
    parts = found.groupdict()
    piece = next((name for name in ("value", "project") if name in parts), None)
    return (text if piece is None else strip_blanks(parts[piece] or "")), parts


def meaning_of(rule: BoundRule, text: str) -> str | None:
    """Give what the rule's table says of a text, exactly or but for case; None if it is silent."""
    if rule.table is None:
        return None
    meaning = rule.table.get(text)
    return rule.folded.get(fold(text)) if meaning is None else meaning


def _look_up(rule: BoundRule, text: str, origins: tuple[Origin, ...], notes: Notes) -> Value:
    if rule.table is not None:
        meaning = meaning_of(rule, text)
        if meaning is not None:
            return Value(State.GIVEN, meaning, origins)
        if text and rule.default is None:
            notes.add(
                "value-not-in-table",
                origins[0],
                value=_show(rule, text),
                text=_show(rule, text),
                what=rule.what,
                keys=tuple(rule.table),
            )
            return Value(State.BAD, origins=origins)
        if text and rule.default is not None:
            notes.took_default(rule.what, _show(rule, text), rule.default, origins[0])
            return Value(State.GIVEN, rule.default, origins, assumed=True)
    if text:
        return Value(State.GIVEN, text, origins)
    if rule.default is not None:
        return Value(State.GIVEN, rule.default, origins, assumed=True)
    return EMPTY._replace(origins=origins)


def _no_match(rule: BoundRule, text: str, origins: tuple[Origin, ...], notes: Notes) -> Value:
    if rule.each:
        return EMPTY._replace(origins=origins)
    assert rule.pattern is not None  # noqa: S101 - for the type checker
    why = fact("value-no-match", what=rule.what, pattern=rule.pattern.pattern)
    notes.take(why, origins[0], _show(rule, text))
    return Value(State.BAD, origins=origins)


def _judged(rule: BoundRule, value: Value, notes: Notes) -> Value:
    """Let the rule's check judge a finished value; a table can also make it empty."""
    if value.state is not State.GIVEN:
        return value
    if not value.text:
        return EMPTY._replace(origins=value.origins)
    if rule.by_id:
        number = plain_number(value.text)
        if number is not None:
            return value._replace(text=id_text(number))
        return refused(rule, fact("project-id"), value, notes)
    problem = rule.check(value.text) if rule.check is not None else None
    if problem is None:
        return value
    return refused(rule, problem, value, notes)


def refused(rule: BoundRule, problem: Fact, value: Value, notes: Notes) -> Value:
    """Take down what is wrong with a value, and give it back BAD if that is an error."""
    # A message may quote the value, or a character of it.
    secret = fact(problem.code, case="secret", what=rule.what) if is_secret(rule) else None
    notes.take(secret or problem, value.origins[0], _show(rule, value.text))
    fatal = FINDINGS[problem.code].severity == "error"
    return Value(State.BAD, origins=value.origins) if fatal else value


def _show(rule: BoundRule, text: str) -> str:
    return shown(text, masked=is_secret(rule))


def is_secret(rule: BoundRule) -> bool:
    """Say whether a rule reads a column whose cells are never shown."""
    return not rule.context.secret.isdisjoint(rule.columns)
