"""The headers of a table: which columns there are, and whether they can be told apart."""

import difflib
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from kanport.findings import Finding, found
from kanport.names import normalize as in_form
from kanport.origin import Origin
from kanport.rules import strip_blanks
from kanport.spreadsheet import unwrapped

_LONGEST = 60


@dataclass(frozen=True, slots=True)
class Wanted:
    """The columns that the mapping may read of a source (None: any), and the secret ones."""

    columns: frozenset[str] | None
    secret: frozenset[str]

    @property
    def named(self) -> frozenset[str]:
        """All columns that the mapping names."""
        return (self.columns or frozenset()) | self.secret

    def uses(self, name: str) -> bool:
        """Whether the mapping may read this column."""
        return self.columns is None or name in self.columns or name in self.secret


@dataclass(frozen=True, slots=True)
class Column:
    """A column with a header: where it stands in the file (from 0), and what it is called."""

    index: int
    name: str
    used: bool
    secret: bool


def header_text(text: str) -> str:
    r"""Give a header as a mapping would write it: one line, no blanks at the ends, composed.

    >>> header_text(" Access\n level\u00a0")
    'Access level'
    """
    line = strip_blanks(in_form("NFC", re.sub(r"\s*[\r\n]\s*", " ", text)))
    return strip_blanks(unwrapped(line))


def header_key(text: str) -> str:
    """Give the text under which two headers are the same for a reader.

    >>> header_key("Ｅ-Mail ") == header_key("e-mail")
    True
    """
    return strip_blanks(in_form("NFKC", header_text(text)).casefold())


def columns_of(texts: Sequence[str], wanted: Wanted) -> list[Column]:
    """Give the columns with a header, called as the mapping spells them where it names them."""
    spelled = {header_text(name): name for name in sorted(wanted.named)}
    columns = []
    for index, text in enumerate(texts):
        header = header_text(text)
        if header:
            name = spelled.get(header, header)
            columns.append(Column(index, name, wanted.uses(name), name in wanted.secret))
    return columns


def header_problems(
    columns: Sequence[Column], wanted: Wanted, origin_of: Callable[[int], Origin]
) -> list[Finding]:
    """Find headers that stand twice, or a first line that is no header at all.

    `origin_of` gives the place of the header by its index.
    """
    keys = {header_key(column.name) for column in columns}
    named = wanted.named
    if named and not any(header_key(name) in keys for name in named):
        return [_no_header(columns, wanted, origin_of(0).at(position=None, cell=None))]
    first: dict[str, Column] = {}
    problems = []
    for column in columns:
        same = first.setdefault(header_key(column.name), column)
        if same is not column:
            problems.append(
                found(
                    "header-duplicate",
                    origin_of(column.index),
                    related=(origin_of(same.index),),
                    column=shortened(column.name),
                )
            )
    return problems


def headless(strays: Mapping[int, Origin]) -> list[Finding]:
    """Give the findings for columns that hold values and have no header, by their first value."""
    return [found("header-empty", origin) for _, origin in sorted(strays.items())]


def shortened(name: str) -> str:
    """Return a name as a finding shows it: a header may be as long as a cell."""
    return name if len(name) <= _LONGEST else name[: _LONGEST - 1] + "…"


def closest(word: str, known: Collection[str]) -> str | None:
    """Give the known word that was probably meant, if one is near."""
    folded = {header_key(other): other for other in known}
    close = difflib.get_close_matches(header_key(word), folded, n=1)
    return folded[close[0]] if close else None


def _no_header(columns: Sequence[Column], wanted: Wanted, origin: Origin) -> Finding:
    named = tuple(sorted(wanted.named))
    if wanted.secret:
        # Without a header the first line is somebody's row, with a password in it.
        return found("column-missing", origin, case="unshown", wanted=named)
    there = tuple(map(shortened, (column.name for column in columns)))
    near = tuple(close for name in named if (close := closest(name, there)))
    case = "near" if near else "header"
    return found("column-missing", origin, case=case, wanted=named, headers=there, alike=near)
