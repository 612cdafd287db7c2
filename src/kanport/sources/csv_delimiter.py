"""Which character stands between the fields: the mapping says it, or the header shows it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from kanport.findings import Finding
from kanport.origin import Origin
from kanport.rules import strip_blanks
from kanport.sources.csv_records import Record, records
from kanport.sources.header import Wanted, header_key

CALLED = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
_SPELLED = {"\t": "\\t"}
_SEP_LINE = re.compile(r'"?sep=(?P<delimiter>.)"?[\r\n]*', re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Delimiter:
    """The character between the fields, and the number of lines before the header."""

    char: str
    skip: int = 0


def tell_delimiter(
    lines: Sequence[str], declared: str | None, wanted: Wanted, origin: Origin
) -> Delimiter | Finding:
    """Give the delimiter, or the finding that says why it cannot be told.

    The header decides: the delimiter is the one with which most of the columns are there that the
    mapping names, then the one that gives most columns. Excel's first line `sep=;` is understood.
    """
    first = _SEP_LINE.fullmatch(lines[0]) if lines else None
    skip = 1 if first else 0
    if declared is not None:
        return Delimiter(declared, skip)
    if first is not None:
        char = first["delimiter"]
        return Delimiter(char, skip) if char in CALLED else _untold(origin, f"sep={char} is none")
    named = {header_key(name) for name in wanted.named}
    scores: dict[str, tuple[int, int]] = {}
    for char in CALLED:
        headers = [header_key(field) for field in header_of(lines, char, skip).fields]
        scores[char] = len(named & set(headers)), len(headers)
    best = max(scores.values())
    fitting = [char for char, score in scores.items() if score == best]
    if len(fitting) == 1 or best[1] <= 1:
        return Delimiter(fitting[0], skip)
    kinds = " and ".join(CALLED[char] for char in fitting)
    return _untold(origin, f"{kinds} give the same number of columns")


def header_of(lines: Sequence[str], delimiter: str, start: int) -> Record:
    """Give the first record that is not blank, from the line with this number (from 0) on."""
    for record in records(lines, delimiter, start):
        if isinstance(record, Record):
            if strip_blanks("".join(record.fields)):
                return record
        else:
            break
    return Record(0, [])


def _untold(origin: Origin, why: str) -> Finding:
    return Finding(
        "file-delimiter",
        f"the character between the fields cannot be told from the header: {why}",
        origin.at(row=1),
        hint='say it in the mapping, such as `delimiter: ";"`; it is one of , ; | and "\\t"',
    )


def better_delimiter(lines: Sequence[str], taken: Delimiter, wanted: Wanted) -> str | None:
    """Give another delimiter with which all columns are there that the mapping names, if any."""
    named = {header_key(name) for name in wanted.named}
    for char in CALLED:
        headers = {header_key(field) for field in header_of(lines, char, taken.skip).fields}
        if char != taken.char and named and named <= headers:
            return _SPELLED.get(char, char)
    return None
