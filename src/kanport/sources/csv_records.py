"""Records of CSV text, with the lines on which they begin and quotation marks that don't pair."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from kanport.facts import fact
from kanport.findings import Finding, finding
from kanport.origin import Origin

_BLANK_AFTER = re.compile(r'"[ \t\u00a0]+(?:[,;|\t]|$)')


class Record(NamedTuple):
    """The fields of one record, and the line on which it begins, from 1."""

    line: int
    fields: list[str]


class Broken(NamedTuple):
    """A record that cannot be told: its first line, the line that was reached, what csv says."""

    line: int
    reached: int
    why: str


def lines_of(text: str) -> list[str]:
    r"""Give the lines of a text with their ends; an end is `\n`, `\r\n` or `\r`."""
    lines = list(io.StringIO(text, newline=""))
    # Files that were joined have the mark of the second one in their middle.
    return [line.removeprefix("\ufeff") for line in lines] if "\ufeff" in text else lines


def records(lines: Sequence[str], delimiter: str, start: int = 0) -> Iterator[Record | Broken]:
    r"""Give the records from the line with this number (from 0) on, empty lines among them.

    After a record with a bad quotation mark it goes on with the line after the one on which that
    record begins: so every such line is told, and the others are still read.

    >>> for record in records(['a;b\n', '"x\n', 'y";2\n', '\n', '"z"3\n'], ";"):
    ...     print(type(record).__name__, record[:2])
    Record (1, ['a', 'b'])
    Record (2, ['x\ny', '2'])
    Record (4, [])
    Broken (5, 5)
    """
    while start < len(lines):
        reader = csv.reader(
            map(lines.__getitem__, range(start, len(lines))), delimiter=delimiter, strict=True
        )
        begin = start
        try:
            for fields in reader:
                yield Record(begin + 1, fields)
                begin = start + reader.line_num
        except csv.Error as problem:
            yield Broken(begin + 1, start + reader.line_num, str(problem))
            start = begin + 1
        else:
            return


def broken_finding(broken: Broken, origin: Origin, line: str) -> Finding:
    """Return what is wrong with a record that cannot be read; `line` is its first one.

    No text of it is shown.
    """
    params: dict[str, int] = {}
    if "expected after" in broken.why:
        case = "blank-after" if _BLANK_AFTER.search(line) else "after"
        params["line"] = broken.reached
    elif "unexpected end" in broken.why:
        case = "open"
    else:
        case = "open-long" if broken.reached > broken.line else "long"
        params["most"] = csv.field_size_limit()
    return finding(fact("row-quotes", case=case, **params), origin.at(row=broken.line))
