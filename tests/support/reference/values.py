"""One value of one row, made naively: text by text, and step by step."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from kanport import rules
from kanport.catalogue import FINDINGS
from kanport.facts import Fact
from kanport.mapping.patterns import parse_template
from kanport.mapping.rules import Rule
from kanport.mapping.transforms import apply_transforms
from kanport.names import case_key, normalize

Place = tuple[int, str]
"""The number of a row, and a column of it; "" for the row as a whole."""

SECOND = 1000
"""What is added to the numbers of the rows of a second source."""

CHECKS: Mapping[str, Callable[[str], Fact | None]] = {
    "username": rules.username_problem,
    "name": rules.name_problem,
    "email": rules.email_problem,
    "role": rules.app_role_problem,
    "member": rules.username_problem,
}
NAMES = ("username", "name", "project", "group", "member")
CLEARABLE = ("name", "email")


class Value(NamedTuple):
    """What a rule makes of a row: "given", "empty", "clear" or "bad", and where it comes from."""

    state: str
    text: str = ""
    places: tuple[Place, ...] = ()
    assumed: bool = False
    parts: Mapping[str, str | None] = {}


class Values:
    """Makes values of rows; `findings` are those about them, as a code with places."""

    clear = "<clear>"

    def __init__(self) -> None:
        self.findings: set[tuple[Any, ...]] = set()
        self._defaults: dict[Any, set[Place]] = defaultdict(set)

    def note(self, code: str, place: Place, related: Iterable[Place] = ()) -> None:
        self.findings.add((code, place, tuple(sorted(set(related)))))

    def together(self, code: str, places: Iterable[Place]) -> None:
        first, *rest = sorted(set(places))
        self.note(code, first, rest)

    def tell_defaults(self) -> None:
        """Take down each text that had to be its rule's default, at the first of its places."""
        for (code, _), places in self._defaults.items():
            self.note(code, min(places))

    def _texts(self, rule: Rule, what: str, n: int, row: Mapping[str, str]) -> Value:
        """Return the text that stands in a row, before any step."""
        if rule.value is not None:
            return Value("given", plain(rule.value), ((n, ""),))
        if rule.template is None:
            column = normalize("NFC", str(rule.from_))
            return Value("given", row[column], ((n, column),))
        pieces = parse_template(rule.template)
        cells = {text: rules.strip_blanks(row[text]) for text, is_column in pieces if is_column}
        places = tuple((n, column) for column in cells)
        given = [text for text in cells.values() if text]
        if not given or all(text == self.clear for text in given):
            return Value("given", given[0] if given else "", places)
        parts = {column: "" if text == self.clear else text for column, text in cells.items()}
        filled = "".join(parts[text] if is_column else text for text, is_column in pieces)
        if not all(parts.values()):
            filled = re.sub(" {2,}", " ", filled)
        return Value("given", rules.strip_blanks(filled), places)

    def one(self, rule: Rule, what: str, n: int, row: Mapping[str, str]) -> Value:
        raw = self._texts(rule, what, n, row)
        if rule.value is None and raw.text == self.clear:
            return self._cleared(what, raw)
        return self._judged(what, raw) if rule.value is not None else self.shaped(rule, what, raw)

    def several(self, rule: Any, what: str, n: int, row: Mapping[str, str]) -> list[Value]:
        raw = self._texts(rule, what, n, row)
        if rule.value is not None:
            return [self._judged(what, raw)]
        marks = sorted([rule.split] if isinstance(rule.split, str) else rule.split or [], key=len)
        pattern = "|".join(map(re.escape, reversed(marks)))
        items = re.split(pattern, raw.text) if pattern else [raw.text]
        given = dict.fromkeys(bare for item in items if (bare := rules.strip_blanks(item)))
        if self.clear in given:
            return [self._cleared(what, raw)]
        values: dict[tuple[str, str], Value] = {}
        for item in given or [""]:
            value = self.shaped(rule, what, raw._replace(text=item))
            values.setdefault((value.state, value.text), value)
        there = [value for value in values.values() if value.state != "empty"]
        return there or [Value("empty", places=raw.places)]

    def _cleared(self, what: str, raw: Value) -> Value:
        if what in CLEARABLE:
            return Value("clear", places=raw.places)
        self.note("value-not-clearable", raw.places[0])
        return Value("bad", places=raw.places)

    def shaped(self, rule: Rule, what: str, raw: Value) -> Value:
        """Take one text through transforms, pattern, table, default and check, in this order."""
        bad = Value("bad", places=raw.places)
        stepped = apply_transforms(raw.text, rule.transform) if raw.text else ""
        text, parts = normalize("NFC", rules.strip_blanks(stepped)), dict[str, str | None]()
        if (problem := rules.control_problem(text)) is not None:
            return self.refused(problem, raw)
        if rule.match is not None and text:
            found = re.search(rule.match, text)
            if found is None and getattr(rule, "each", False):
                return Value("empty", places=raw.places)
            if found is None:
                self.note("value-no-match", raw.places[0])
                return bad
            parts = found.groupdict()
            piece = next((name for name in ("value", "project") if name in parts), None)
            text = text if piece is None else rules.strip_blanks(parts[piece] or "")
        if what in NAMES and rule.values is None:
            self._suspect(what, raw.text, text, raw.places[0])
        table = {normalize("NFC", k): plain(v) for k, v in (rule.values or {}).items()}
        folded = defaultdict(set)
        for key, meaning in table.items():
            folded[fold(key)].add(meaning)
        meanings = {table[text]} if text in table else folded[fold(text)]
        if len(meanings) == 1:
            return self._judged(what, Value("given", min(meanings), raw.places, parts=parts))
        if rule.default is not None and (table or not text):
            if text:
                place = raw.places[0]
                said = what, place[1], text, rule.default, place[0] < SECOND
                self._defaults["value-took-default", said].add(place)
            made = Value("given", plain(rule.default), raw.places, assumed=True, parts=parts)
            return self._judged(what, made)
        if table and text:
            self.note("value-not-in-table", raw.places[0])
            return bad._replace(parts=parts)
        return self._judged(what, Value("given", text, raw.places, parts=parts))

    def _suspect(self, what: str, cell: str, text: str, place: Place) -> None:
        twice = rules.twice_encoded_problem(cell)
        problems = [twice if twice is not None else rules.suspicious_problem(text)]
        if CHECKS.get(what) is not rules.username_problem:
            problems.append(rules.invisible_problem(text))
        for problem in problems:
            if problem is not None:
                self.note(problem.code, place)

    def _judged(self, what: str, value: Value) -> Value:
        if not value.text:
            return value._replace(state="empty")
        problem = CHECKS[what](value.text) if what in CHECKS else None
        return value if problem is None else self.refused(problem, value)

    def refused(self, problem: Fact, value: Value) -> Value:
        self.note(problem.code, value.places[0])
        fatal = FINDINGS[problem.code].severity == "error"
        return Value("bad", places=value.places) if fatal else value


def columns_of(rule: Rule) -> set[str]:
    """Return the columns that a rule reads."""
    if rule.template is None:
        return set() if rule.from_ is None else {str(rule.from_)}
    return {text for text, is_column in parse_template(rule.template) if is_column}


def plain(value: str | bool | int) -> str:
    """Return a constant of a mapping as text."""
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return normalize("NFC", text)


def fold(text: str) -> str:
    """Return the text by which a table is asked where it does not have a text exactly."""
    return case_key(rules.strip_blanks(text))
