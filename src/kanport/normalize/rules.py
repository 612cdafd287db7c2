"""What a rule makes of a cell: step by step, from the text that stands there to what it means.

A rule knows nothing of rows. It is applied to a cell, or to the cells of a template, and what comes
out is good for every row in which the same stands: its text, and what there is to say of it. So the
work is done once for each distinct value (`kanport.normalize.ruled`).

The steps of a rule, in their order: `texts_of` (`from`, `template`), `transformed` (`transform`),
`matched` (`match`), `meaning_of` (`values`), `default`, and the check of the finished value; where
several values may stand in one cell, `items_of` (`split`, `each`) comes first.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import Enum
from typing import NamedTuple

from kanport.catalogue import FINDINGS
from kanport.facts import Fact, fact
from kanport.mapping.patterns import Pattern, TooSlow
from kanport.names import id_text, plain_number
from kanport.normalize.compiled import CompiledRule, composed, fold
from kanport.normalize.notes import Place, Remark, defaulted, remark, shown, unproven
from kanport.rules import (
    control_problem,
    invisible_problem,
    strip_blanks,
    suspicious_problem,
    twice_encoded_problem,
    username_problem,
)
from kanport.table import ABSENCES, Odd

Cell = str | tuple[str, ...]
"""What stands in a cell: a text, or several where a source has several values there."""

Oddities = Mapping[str, Odd]
"""What is odd about the cells of a row, by column."""


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


Parts = Mapping[str, str | None]
NO_PARTS: Parts = {}
PLAIN: Oddities = {}


class CellResult(NamedTuple):
    """What a rule made of a cell, wherever the cell stands.

    `places` are what the value comes from: columns, or None for the row as a whole. `assumed` is
    True where it is the rule's default and not what a cell says. `parts` are the named parts of the
    rule's pattern. `remarks` are what there is to say of each row in which the cell stands.
    """

    state: State
    text: str = ""
    places: tuple[Place, ...] = ()
    assumed: bool = False
    parts: Parts = NO_PARTS
    remarks: tuple[Remark, ...] = ()


NOTHING = CellResult(State.EMPTY)
GIVEN, EMPTY, BAD, UNKNOWN = State.GIVEN, State.EMPTY, State.BAD, State.UNKNOWN


def apply(rule: CompiledRule, cells: Sequence[Cell], odd: Oddities = PLAIN) -> CellResult:
    """Return the one value that a rule makes of its cells, which are in the order of its columns.

    >>> from kanport.normalize.compiled import Context
    >>> rule = CompiledRule("name", Context("staff", "-"), ("Name",), clearable=True)
    >>> apply(rule, ["Ada"]).text, apply(rule, ["-"]).state.value
    ('Ada', 'clear')
    >>> apply(rule, [("Ada", "Augusta")]).remarks[0].finding.code
    'value-not-single'
    """
    if rule.is_plain and not odd and isinstance(cells[0], str):
        # The same by a shorter way: almost every cell of a large directory takes it.
        cell = cells[0]
        return cleared(rule) if cell == rule.context.clear else shape(rule, cell)
    remarks: list[Remark] = []
    texts = texts_of(rule, cells, odd, remarks)
    if isinstance(texts, CellResult):
        return _with(remarks, texts)
    if len(texts) > 1:
        said = remark("value-not-single", rule.places[0], what=rule.what, count=len(texts))
        return _with(remarks, CellResult(BAD, places=rule.places, remarks=(said,)))
    text = texts[0] if texts else ""
    if text == rule.context.clear:
        return _with(remarks, cleared(rule))
    return _with(remarks, shape(rule, text))


def apply_several(
    rule: CompiledRule, cells: Sequence[Cell], odd: Oddities = PLAIN
) -> tuple[CellResult, ...]:
    """Return the values that a rule makes of its cells, each once; an EMPTY one if there are none.

    With `each`, a value that does not fit the pattern is left out: it is about something else. The
    remarks on the cell itself are with the first value.

    >>> from kanport.normalize.compiled import Context, splitter
    >>> rule = CompiledRule("project", Context("staff", "-"), ("In",), splitter=splitter(";"))
    >>> [value.text for value in apply_several(rule, ["WEB; OPS;WEB"])]
    ['WEB', 'OPS']
    """
    remarks: list[Remark] = []
    texts = texts_of(rule, cells, odd, remarks)
    if isinstance(texts, CellResult):
        return (_with(remarks, texts),)
    given = dict.fromkeys(items_of(rule, texts))
    if rule.context.clear in given:
        return (_with(remarks, cleared(rule)),)
    if len(given) < 2:
        return (_with(remarks, shape(rule, next(iter(given), ""))),)
    first: dict[tuple[State, str], CellResult] = {}
    for item in given:
        value = shape(rule, item)
        remarks += value.remarks
        first.setdefault((value.state, value.text), value._replace(remarks=()))
    there = [value for value in first.values() if value.state is not EMPTY]
    several = there or [CellResult(EMPTY, places=rule.places)]
    return (_with(remarks, several[0]), *several[1:])


def _with(remarks: Sequence[Remark], outcome: CellResult) -> CellResult:
    return outcome._replace(remarks=(*remarks, *outcome.remarks)) if remarks else outcome


# --- from, template -------------------------------------------------------------------------------


def texts_of(
    rule: CompiledRule, cells: Sequence[Cell], odd: Oddities, remarks: list[Remark]
) -> tuple[str, ...] | CellResult:
    """Return the texts of the cells before any step, or what needs no step any more.

    What there is to say of the cells goes into `remarks`.
    """
    if rule.constant is not None:
        return judged(rule, CellResult(GIVEN, rule.constant, rule.places))
    if odd and (hidden := [column for column in rule.columns if _is_hidden(odd, column)]):
        return _unknown(rule, odd, hidden)
    if rule.pieces:
        return _fill(rule, cells, odd, remarks)
    cell = cells[0]
    if odd and not _usable(rule, rule.columns[0], odd, remarks):
        return CellResult(BAD, places=rule.places)
    return cell if isinstance(cell, tuple) else (cell,) if cell else ()


def _is_hidden(odd: Oddities, column: str) -> bool:
    return column in odd and odd[column].code in ABSENCES


def _unknown(rule: CompiledRule, odd: Oddities, hidden: Sequence[str]) -> CellResult:
    # A name or an email that is not given stays as it is anyway, unless the rule makes one up.
    assumes = rule.default is not None or "" in (rule.table or ()) or len(rule.columns) > 1
    said: tuple[Remark, ...] = ()
    if assumes or not rule.clearable:
        said = tuple(
            unproven(rule.what, column, odd[column].code, odd[column].value or column)
            for column in hidden
        )
    return CellResult(UNKNOWN, places=tuple(hidden), remarks=said)


def _usable(rule: CompiledRule, column: str, odd: Oddities, remarks: list[Remark]) -> bool:
    """Return whether a cell can be used, however odd it is; what there is to say is taken down."""
    trouble = odd.get(column)
    if trouble is None or not _concerns(rule, trouble):
        return True
    fatal = FINDINGS[trouble.code].severity == "error"
    if fatal or not (rule.closed and trouble.code in ("cell-number", "cell-boolean")):
        masked = column in rule.context.secret
        value = None if trouble.value is None else shown(trouble.value, masked=masked)
        remarks.append(Remark.of(trouble.fact, column, value))
    return not fatal


def _concerns(rule: CompiledRule, odd: Odd) -> bool:
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
    rule: CompiledRule, cells: Sequence[Cell], odd: Oddities, remarks: list[Remark]
) -> tuple[str, ...] | CellResult:
    """Fill a template; it is empty where all of its columns are, and cleared where all are."""
    bare: list[str] = []
    for column, cell in zip(rule.columns, cells, strict=True):
        if odd and not _usable(rule, column, odd, remarks):
            return CellResult(BAD, places=rule.places)
        if isinstance(cell, str):
            bare.append(strip_blanks(cell))
        elif len(cell) > 1:
            said = remark(
                "value-not-single",
                column,
                case="column",
                column=column,
                what=rule.what,
                count=len(cell),
            )
            return CellResult(BAD, places=rule.places, remarks=(said,))
        else:
            bare.append(strip_blanks(cell[0]) if cell else "")
    clear = rule.context.clear
    if not all(bare) or clear in bare:
        given = [text for text in bare if text]
        if bare and not given:
            return ()
        if given and all(text == clear for text in given):
            return (clear,)
        bare = ["" if text == clear else text for text in bare]
    filled = "".join([text if at is None else bare[at] for text, at in rule.fill])
    if not all(bare):
        filled = re.sub(r" {2,}", " ", filled)
    return (strip_blanks(filled),)


def items_of(rule: CompiledRule, texts: Iterable[str]) -> Iterator[str]:
    """Yield the single values that stand in the texts of a cell, split where the rule splits."""
    for text in texts:
        for item in rule.splitter.split(text) if rule.splitter else (text,):
            if bare := strip_blanks(item):
                yield bare


def cleared(rule: CompiledRule) -> CellResult:
    """Return what the clear token of a source means to a rule."""
    if rule.clearable:
        return CellResult(State.CLEAR, places=rule.places)
    clear = rule.context.clear
    said = remark("value-not-clearable", rule.places[0], value=clear, what=rule.what)
    return CellResult(BAD, places=rule.places, remarks=(said,))


# --- transform, match, values, default ------------------------------------------------------------


def shape(rule: CompiledRule, text: str, places: tuple[Place, ...] | None = None) -> CellResult:
    """Apply the steps to one text; `places` are where it comes from, if not the rule's own.

    >>> from kanport.normalize.compiled import Context
    >>> roles = {"RW": "project-member"}
    >>> rule = CompiledRule("role", Context("staff", "-"), ("Role",), table=roles, default="nobody")
    >>> shape(rule, "RW").text, shape(rule, "").text, shape(rule, "").assumed
    ('project-member', 'nobody', True)
    """
    places = rule.places if places is None else places
    shaped = transformed(rule, text)
    if not shaped.isprintable():
        problem = control_problem(shaped.replace("\n", " ") if rule.lines else shaped)
        if problem is not None:
            return refused(rule, problem, CellResult(GIVEN, shaped, places))
    parts = NO_PARTS
    said: tuple[Remark, ...] = ()
    if rule.pattern is not None and shaped:
        try:
            found = matched(rule.pattern, shaped)
        except TooSlow as slow:
            why = fact("value-too-slow", pattern=slow.pattern, what=rule.what)
            return _bad(rule, why, shaped, places)
        if found is None and rule.each:
            return CellResult(EMPTY, places=places)
        if found is None:
            why = fact("value-no-match", what=rule.what, pattern=rule.pattern.pattern)
            return _bad(rule, why, shaped, places)
        shaped, parts = found
    if rule.names and not (shaped.isascii() and text.isascii()):
        said = tuple(_suspicions(rule, text, shaped, places[0]))
    if shaped and rule.table is None:
        value = judged(rule, CellResult(GIVEN, shaped, places))
    else:
        value = judged(rule, _look_up(rule, shaped, places))
    if parts or said:
        return value._replace(parts=parts, remarks=(*said, *value.remarks))
    return value


def _suspicions(rule: CompiledRule, cell: str, shaped: str, place: Place) -> Iterator[Remark]:
    """Yield what is suspicious about a name that is valid all the same.

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
        if problem is not None and not rule.is_secret:
            yield Remark.of(problem, place, shown(text))


def transformed(rule: CompiledRule, text: str) -> str:
    """Return a text after the rule's transforms, without blanks at its ends, composed (NFC)."""
    for step in rule.functions:
        # An empty text stays empty: no transform makes a value of nothing.
        text = step(text) if text else text
    return text.strip() if text.isascii() else composed(strip_blanks(text))


def matched(pattern: Pattern, text: str) -> tuple[str, Parts] | None:
    """Return what a pattern picks out of a text, and its named parts; None where it does not fit.

    Raises TooSlow where nothing is known, as it takes too long.
    """
    found = pattern.search(text)
    if found is None:
        return None
    parts = found.groupdict()
    piece = next((name for name in ("value", "project") if name in parts), None)
    return (text if piece is None else strip_blanks(parts[piece] or "")), parts


def meaning_of(rule: CompiledRule, text: str) -> str | None:
    """Return what the rule's table says of a text, exactly or but for case; None if it is silent.

    >>> from kanport.normalize.compiled import Context, fold_table
    >>> table = {"RW": "member"}
    >>> rule = CompiledRule("role", Context("", ""), table=table, folded=fold_table(table))
    >>> meaning_of(rule, "rw "), meaning_of(rule, "RO")
    ('member', None)
    """
    if rule.table is None:
        return None
    meaning = rule.table.get(text)
    return rule.folded.get(fold(text)) if meaning is None else meaning


def _look_up(rule: CompiledRule, text: str, places: tuple[Place, ...]) -> CellResult:
    """Return what a text means: by the rule's table, or its default if it is empty or unknown."""
    if rule.table is not None:
        meaning = meaning_of(rule, text)
        if meaning is not None:
            return CellResult(GIVEN, meaning, places)
        if text and rule.default is None:
            seen = _show(rule, text)
            said = remark(
                "value-not-in-table",
                places[0],
                value=seen,
                text=seen,
                what=rule.what,
                keys=tuple(rule.table),
            )
            return CellResult(BAD, places=places, remarks=(said,))
        if text and rule.default is not None:
            took = defaulted(rule.what, places[0], _show(rule, text), rule.default)
            return CellResult(GIVEN, rule.default, places, assumed=True, remarks=(took,))
    if rule.default is not None:
        return CellResult(GIVEN, rule.default, places, assumed=True)
    return CellResult(EMPTY, places=places)


# --- the check ------------------------------------------------------------------------------------


def judged(rule: CompiledRule, value: CellResult) -> CellResult:
    """Check a finished value by the rule's check; a table can also make it empty."""
    if value.state is not GIVEN:
        return value
    if not value.text:
        return CellResult(EMPTY, places=value.places, remarks=value.remarks)
    if rule.by_id:
        number = plain_number(value.text)
        if number is not None:
            return value._replace(text=id_text(number))
        return refused(rule, fact("project-id"), value)
    problem = rule.check(value.text) if rule.check is not None else None
    return value if problem is None else refused(rule, problem, value)


def refused(rule: CompiledRule, problem: Fact, value: CellResult) -> CellResult:
    """Remark what is wrong with a value, and return it BAD if that is an error."""
    # A message may quote the value, or a character of it.
    secret = fact(problem.code, case="secret", what=rule.what) if rule.is_secret else None
    said = Remark.of(secret or problem, value.places[0], _show(rule, value.text))
    if FINDINGS[problem.code].severity == "error":
        return CellResult(BAD, places=value.places, remarks=(*value.remarks, said))
    return value._replace(remarks=(*value.remarks, said))


def _bad(rule: CompiledRule, why: Fact, text: str, places: tuple[Place, ...]) -> CellResult:
    said = Remark.of(why, places[0], _show(rule, text))
    return CellResult(BAD, places=places, remarks=(said,))


def _show(rule: CompiledRule, text: str) -> str:
    return shown(text, masked=rule.is_secret)
