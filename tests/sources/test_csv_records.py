"""Plain lines are split at once, the others one by one; together they are what `csv` reads."""

import csv
import io

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kanport.sources.csv_records import BrokenRecord, Lines, Record, careful_records, records

PIECES = [
    *("a", "ü", "\U0001f600", "NA", " ", "\u00a0", "\t", "\ufeff", "\u2028", "\x0b", "\x1a"),
    *(",", ";", ",,", "\n", "\r\n", "\r", "a,b\n"),
    *('"', '""', '"a"', '"a,b"', '"x"\n', '"a","b"\n'),
]
TEXTS = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)


def of_csv(lines: Lines, delimiter: str) -> dict[int, list[str] | str]:
    """Return what `csv` makes of the records, by line: their fields, or why they are broken."""
    return {found.line: _told(found) for found in records(lines, delimiter)}


def _told(found: Record | BrokenRecord) -> list[str] | str:
    return found.why if isinstance(found, BrokenRecord) else found.fields or [""]


@given(TEXTS, st.sampled_from([",", ";", "\t", "|"]), st.integers(1, 4))
@example('"a","b"\n"a,b"\n"",""\n', ",", 2)
@example('"a"x,b\na,"b\nc,d\n"\n', ",", 2)
@example('a,b\r"c",\rd,e', ",", 2)
@example('\n"a"\n\n', ",", 1)
@example('a,"', ",", 2)
def test_plain_and_careful_records_are_those_of_csv(text: str, delimiter: str, width: int) -> None:
    lines = Lines(text)
    plain = lines.plain(delimiter, width, 0)
    found = {one.line: _told(one) for one in careful_records(lines, delimiter, 0, plain)}
    columns = lines.split(plain, delimiter, width)
    rows = zip(*columns, strict=True)
    found |= {
        line + 1: list(row) for line, row in zip(np.flatnonzero(plain).tolist(), rows, strict=True)
    }
    assert dict(sorted(found.items())) == of_csv(lines, delimiter)


@given(TEXTS)
def test_lines_end_where_python_ends_them(text: str) -> None:
    lines = Lines(text)
    wanted = [line.removeprefix("\ufeff") for line in io.StringIO(text, newline="")]
    assert [lines[number] for number in range(len(lines))] == wanted == list(lines.after(0))


def test_fields_that_python_refuses_are_not_plain() -> None:
    long = "x" * (csv.field_size_limit() + 1)
    lines = Lines(f"a,b\n{long},c\nd,e\n")
    assert lines.plain(",", 2, 0).tolist() == [True, False, True]


@pytest.mark.parametrize("line", ['"ada","x"', 'ada,"x"', '"",""', '"ada" ,x"', '"a""b",x'])
def test_marks_around_whole_fields_are_plain(line: str) -> None:
    expected = line in ('"ada","x"', 'ada,"x"', '"",""')
    assert Lines(line).plain(",", 2, 0).tolist() == [expected]


def test_a_blank_before_a_quotation_mark_is_known_by_its_line() -> None:
    assert Lines('a, "b"\nc,d\ne,\u00a0"f"\n"g","h"\n').late_quotes() == {1, 3}
