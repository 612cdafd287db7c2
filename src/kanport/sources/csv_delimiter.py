"""Which character stands between the fields: the mapping says it, or the header shows it."""

import re
from collections.abc import Set
from dataclasses import dataclass
from itertools import islice

from kanport.findings import Finding, found
from kanport.origin import Origin
from kanport.rules import strip_blanks
from kanport.sources.csv_records import Broken, Lines, Record, records
from kanport.sources.header import Wanted, header_key

CALLED = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_SPELLED = {"\t": "\\t"}
_TITLE_LINES = 10
_SEP_LINE = re.compile(r'"?sep=(?P<delimiter>.)"?[\r\n]*', re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Delimiter:
    """The character between the fields, and the number of lines above the header."""

    char: str
    skip: int = 0
    titled: bool = False


def tell_delimiter(
    lines: Lines,
    declared: str | None,
    wanted: Wanted,
    origin: Origin,
    *,
    below_title: bool = True,
) -> Delimiter | Finding:
    """Give the delimiter, or the finding that says why it cannot be told.

    The header decides: the delimiter is the one with which most of the columns are there that the
    mapping names, then the one that gives most columns. Excel's first line `sep=;` is understood.
    """
    first = _SEP_LINE.fullmatch(lines[0]) if len(lines) else None
    skip = 1 if first else 0
    named = {header_key(name) for name in wanted.named}

    def start(char: str) -> Delimiter:
        title = _title(lines, char, skip, named) if below_title else 0
        return Delimiter(char, skip + title, titled=title > 0)

    if declared is not None:
        return start(declared)
    if first is not None:
        char = first["delimiter"]
        if char not in CALLED:
            return found("file-delimiter", origin.at(row=1), case="sep", char=char)
        return start(char)
    starts = {char: start(char) for char in CALLED}
    scores: dict[str, tuple[int, int]] = {}
    for char, begun in starts.items():
        headers = [header_key(field) for field in header_of(lines, char, begun.skip).fields]
        scores[char] = len(named & set(headers)), len(headers)
    best = max(scores.values())
    fitting = [char for char, score in scores.items() if score == best]
    if len(fitting) == 1 or best[1] <= 1:
        return starts[fitting[0]]
    kinds = tuple(CALLED[char] for char in fitting)
    return found("file-delimiter", origin.at(row=1), fitting=kinds)


def _title(lines: Lines, char: str, start: int, named: Set[str]) -> int:
    """Return the number of lines that a title has above the header; 0 where there is none.

    A title has no more than one value; below it, the header has all columns that the mapping names,
    and more than one. What else stands above a header may be people, and is never passed over.
    """
    if not named:
        return 0
    titled = False
    for record in islice(records(lines, char, start), _TITLE_LINES):
        if isinstance(record, Broken):
            break
        filled = [header_key(field) for field in record.fields if strip_blanks(field)]
        if len(filled) > 1 and named <= set(filled):
            return record.line - 1 - start if titled else 0
        titled = titled or bool(filled)
        if len(filled) > 1 or not named.isdisjoint(filled):
            break
    return 0


def header_of(lines: Lines, delimiter: str, start: int) -> Record:
    """Give the first record that is not blank, from the line with this number (from 0) on."""
    for record in records(lines, delimiter, start):
        if isinstance(record, Record):
            if strip_blanks("".join(record.fields)):
                return record
        else:
            break
    return Record(0, [], 0)


def better_delimiter(lines: Lines, taken: Delimiter, wanted: Wanted) -> str | None:
    """Give another delimiter with which all columns are there that the mapping names, if any."""
    named = {header_key(name) for name in wanted.named}
    for char in CALLED:
        headers = {header_key(field) for field in header_of(lines, char, taken.skip).fields}
        if char != taken.char and named and named <= headers:
            return _SPELLED.get(char, char)
    return None
