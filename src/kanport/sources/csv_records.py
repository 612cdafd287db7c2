r"""Lines and records of CSV text: most lines are plain, the others go through `csv` one by one.

A plain line is a record by itself, with as many fields as the header: it has no quotation marks but
those around whole fields, and none in them. All plain lines together lose their marks and are split
by pandas' reader, for a fraction of what each record costs by itself.
"""

import csv
import io
import re
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from kanport.coded import Objects, objects
from kanport.facts import fact
from kanport.findings import Finding, finding
from kanport.origin import Origin

_BLANK_AFTER = re.compile(r'"[ \t\u00a0]+(?:[,;|\t]|$)')
_BLANKS = (b" ", b"\t", "\u00a0".encode())
_QUOTE, _LF, _CR = b'"\n\r'
_MARK, _MARK_BYTES = "\ufeff", "\ufeff".encode()
_AT_ONCE = 4_096

Numbers = NDArray[np.intp]
Flags = NDArray[np.bool_]


class Record(NamedTuple):
    """The fields of one record, and the lines on which it begins and ends, from 1."""

    line: int
    fields: list[str]
    last: int


class BrokenRecord(NamedTuple):
    """A record without fields: its first line, the line that was reached, what csv says."""

    line: int
    reached: int
    why: str

    @property
    def last(self) -> int:
        """The line after which reading goes on: the others are read all the same."""
        return self.line


class Lines:
    r"""The lines of a text with their ends, made when asked for; an end is `\n`, `\r\n` or `\r`.

    Files that were joined have the mark of the second one in their middle; it is left out.

    >>> list(Lines("a;b\r\nc\rd").after(0))
    ['a;b\r\n', 'c\r', 'd']
    """

    def __init__(self, text: str) -> None:
        """Find where the lines of a text begin and end."""
        self._data = data = text.encode("utf-8", "surrogatepass")
        self._bytes = np.frombuffer(data, dtype=np.uint8)
        ends = np.flatnonzero(self._bytes == _LF)
        if b"\r" in data:
            returns = np.flatnonzero(self._bytes == _CR)
            followed = np.isin(returns + 1, ends, assume_unique=True)
            ends = np.union1d(ends, returns[~followed])
        if len(data) and (not len(ends) or ends[-1] != len(data) - 1):
            ends = np.append(ends, len(data) - 1)
        self._ends = ends + 1
        self._starts = np.append(0, self._ends)[:-1]

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, at: int) -> str:
        return self._text(at, at + 1).removeprefix(_MARK)

    def after(self, start: int) -> Iterator[str]:
        """Yield the lines from the one with this number (from 0) on."""
        size = 4
        while start < len(self):
            text = self._text(start, start + size)
            lines = io.StringIO(text, newline="")
            yield from (line.removeprefix(_MARK) for line in lines) if _MARK in text else lines
            start += size
            size = min(2 * size, _AT_ONCE)

    def plain(self, delimiter: str, width: int, start: int) -> Flags:
        """Return which lines are plain records of so many fields, from the line `start` on."""
        places = np.flatnonzero(self._bytes == ord(delimiter))
        count = np.searchsorted(places, self._ends) - np.searchsorted(places, self._starts)
        plain: Flags = count == width - 1
        plain[:start] = False
        plain[self._ends - self._starts > csv.field_size_limit()] = False
        plain[self._lines_with(_MARK_BYTES)] = False
        if b'"' in self._data:
            plain[self._quoted_otherwise(places, ord(delimiter))] = False
        return plain

    def _quoted_otherwise(self, places: Numbers, delimiter: int) -> Numbers:
        """Return the lines with other quotation marks than those around whole fields.

        `places` are those of the delimiter. Of the marks of a line, each first one opens a field
        and each second one closes it, with no delimiter between them.
        """
        quotes = np.flatnonzero(self._bytes == _QUOTE)
        lines = np.searchsorted(self._ends, quotes, side="right")
        of_line = np.bincount(lines, minlength=len(self))
        opens = (np.arange(len(quotes)) - (np.cumsum(of_line) - of_line)[lines]) % 2 == 0
        begins = (quotes == self._starts[lines]) | (self._bytes[quotes - 1] == delimiter)
        after = self._bytes[np.minimum(quotes + 1, len(self._data) - 1)]
        ends = (quotes == len(self._data) - 1) | np.isin(after, (delimiter, _LF, _CR))
        fields = np.searchsorted(places, quotes)
        right = np.where(opens, begins, ends & (fields == np.roll(fields, 1)))
        return np.append(lines[~right], np.flatnonzero(of_line % 2))

    def late_quotes(self) -> frozenset[int]:
        """Return the lines, from 1, with a blank before a quotation mark."""
        found = [self._lines_with(blank + b'"') for blank in _BLANKS]
        return frozenset((np.concatenate(found) + 1).tolist())

    def split(self, plain: Flags, delimiter: str, width: int) -> list[Objects]:
        """Return the fields of plain lines, column by column."""
        if not plain.any():
            return [objects(()) for _ in range(width)]
        edges = np.flatnonzero(np.diff(plain, prepend=False, append=False)).reshape(-1, 2)
        runs = [self._data[self._starts[a] : self._ends[b - 1]] for a, b in edges]
        frame = pd.read_csv(
            # An empty field at the very end would be no line without an end.
            io.BytesIO(b"".join((*runs, b"\n")).replace(b'"', b"")),
            sep=delimiter,
            header=None,
            names=range(width),
            index_col=False,
            dtype=object,
            na_filter=False,
            quoting=csv.QUOTE_NONE,
            skip_blank_lines=False,
            encoding="utf-8",
            encoding_errors="surrogatepass",
        )
        return [frame[number].to_numpy()[: plain.sum()] for number in range(width)]

    def _text(self, first: int, after: int) -> str:
        start, end = self._starts[first], self._ends[min(after, len(self)) - 1]
        return self._data[start:end].decode("utf-8", "surrogatepass")

    def _lines_with(self, piece: bytes) -> Numbers:
        """Return the numbers of the lines, from 0, in which these bytes stand."""
        if piece not in self._data:
            return np.empty(0, dtype=np.intp)
        found = (match.start() for match in re.finditer(re.escape(piece), self._data))
        return self._lines_of(np.fromiter(found, dtype=np.intp))

    def _lines_of(self, places: Numbers) -> Numbers:
        """Return the numbers of the lines, from 0, in which the bytes at these places stand."""
        return np.unique(np.searchsorted(self._ends, places, side="right"))


def records(lines: Lines, delimiter: str, start: int = 0) -> Iterator[Record | BrokenRecord]:
    r"""Yield the records from the line with this number (from 0) on, empty lines among them.

    After a record with a bad quotation mark it goes on with the line after the one on which that
    record begins: so every such line is a finding, and the others are still read.

    >>> for record in records(Lines('a;b\n"x\ny";2\n\n"z"3\n'), ";"):
    ...     print(type(record).__name__, record[:2])
    Record (1, ['a', 'b'])
    Record (2, ['x\ny', '2'])
    Record (4, [])
    BrokenRecord (5, 5)
    """
    while start < len(lines):
        reader = csv.reader(lines.after(start), delimiter=delimiter, strict=True)
        begin = start
        try:
            for fields in reader:
                end = start + reader.line_num
                yield Record(begin + 1, fields, end)
                begin = end
        except csv.Error as problem:
            yield BrokenRecord(begin + 1, start + reader.line_num, str(problem))
            start = begin + 1
        else:
            return


def careful_records(
    lines: Lines, delimiter: str, start: int, plain: Flags
) -> Iterator[Record | BrokenRecord]:
    """Yield the records from the line `start` on that are not plain, and keep the rest in `plain`.

    A line that looks plain is none where it lies within a record of several lines.
    """
    others = np.flatnonzero(~plain).tolist()
    at = 0
    while at < len(others):
        first = others[at]
        if first < start:
            at += 1
            continue
        for record in records(lines, delimiter, first):
            plain[record.line - 1 : record.last] = False
            yield record
            start = record.last
            while at < len(others) and others[at] < start:
                at += 1
            if at == len(others) or others[at] > start:
                break


def broken_finding(broken: BrokenRecord, origin: Origin, line: str) -> Finding:
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
