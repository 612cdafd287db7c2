"""Files whose form is broken, and forms that are odd and allowed: one of them for a file."""

import io
import zipfile
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

from tests.recorded.files import Book, Csv, Sheet, Special, book_bytes, csv_bytes, yaml_bytes

Made = tuple[bytes | None, dict[str, Any]]
"""The bytes of a file (None: there is none), and what the mapping says of it."""


# --- CSV: forms that are allowed ------------------------------------------------------------------


def odd_csv(rng: Random, sheet: Sheet) -> Made:
    """Return a list as a CSV file in one of the many forms that are read."""
    style = Csv()
    spec: dict[str, Any] = {}
    style.delimiter = rng.choice((",", ";", "\t", "|"))
    if rng.random() < 0.3:
        spec["delimiter"] = style.delimiter
    style.end = rng.choice(("\n", "\r\n", "\r\n", "\r"))
    style.quote_all = rng.random() < 0.3
    style.encoding, style.mark, declared = rng.choice(ENCODINGS)
    if declared:
        spec["encoding"] = declared
    size = len(sheet.rows)
    if rng.random() < 0.1 and size > 3:
        return rng.choice(SURVIVED)(rng, sheet)
    if rng.random() < 0.1 and "columns" not in spec:
        sheet = replace(
            sheet,
            columns=[*sheet.columns[:-1], f" {sheet.columns[-1]}\u00a0", ""],
            rows=[[*row, ""] for row in sheet.rows],
        )
    chance = rng.random()
    if chance < 0.15:
        style.above = ("List of users",) if rng.random() < 0.5 else ("Personalliste", "")
    elif chance < 0.25:
        style.above = (f"sep={style.delimiter}",)
        spec.pop("delimiter", None)
    elif chance < 0.35:
        spec["columns"] = [name or "Nameless" for name in sheet.columns]
        sheet = replace(sheet, columns=[f"c{at}" for at in range(len(sheet.columns))])
    if rng.random() < 0.15:
        style.below = rng.choice(
            (
                ("",),
                (style.delimiter.join(["Total", *[""] * (len(sheet.columns) - 2), str(size)]),),
                (style.delimiter.join(sheet.columns),),
                (style.delimiter.join(["-----"] * len(sheet.columns)),),
                (style.delimiter.join(["Page 1 of 2", *[""] * (len(sheet.columns) - 1)]),),
            )
        )
    if rng.random() < 0.2:
        spec["verbatim"] = True
    if rng.random() < 0.2 and size:
        style.blank_after = (0, rng.randrange(size))
    if rng.random() < 0.1 and size:
        some = tuple(sorted(rng.sample(range(size), (size + 1) // 2)))
        style.surplus = some if rng.random() < 0.5 else tuple(range(size))
    if rng.random() < 0.1:
        spec["may_be_empty"] = True
        sheet = replace(sheet, rows=sheet.rows if rng.random() < 0.8 else [])
    return csv_bytes(sheet, style), spec


ENCODINGS = (
    *[("utf-8", b"", None)] * 5,
    ("utf-8", b"\xef\xbb\xbf", None),
    ("utf-16-le", b"\xff\xfe", None),
    ("utf-16-be", b"\xfe\xff", "utf-16"),
    ("cp1252", b"", "cp1252"),
    ("iso-8859-15", b"", "iso-8859-15"),
    ("mac_roman", b"", "mac_roman"),
    ("utf-32-le", b"\xff\xfe\x00\x00", None),
)


# --- CSV: broken forms ----------------------------------------------------------------------------


def broken_csv(rng: Random, sheet: Sheet, which: int) -> Made:
    """Return a list as a CSV file that is broken in the way of this number."""
    return BREAKS[which % len(BREAKS)](rng, sheet)


def _lines(sheet: Sheet, delimiter: str = ",") -> list[str]:
    return csv_bytes(sheet, Csv(delimiter=delimiter)).decode().splitlines(keepends=True)


def _joined(lines: list[str]) -> bytes:
    return "".join(lines).encode("utf-8", errors="replace")


def _some_lines(rng: Random, sheet: Sheet, change: Callable[[str], str]) -> Made:
    lines = _lines(sheet)
    for at in sorted(rng.sample(range(1, len(lines)), min(3, len(lines) - 1))):
        lines[at] = change(lines[at].rstrip("\n")) + "\n"
    return _joined(lines), {}


def _all_alike(rng: Random, sheet: Sheet) -> Made:
    first, *lines = _lines(sheet)
    return _joined([first, *[f"{line.rstrip()},more\n" for line in lines]]), {}


def _duplicate_header(rng: Random, sheet: Sheet) -> Made:
    twice = replace(sheet, columns=[*sheet.columns[:-1], f"{sheet.columns[0].upper()} "])
    return csv_bytes(twice, Csv()), {}


def _without_header(rng: Random, sheet: Sheet) -> Made:
    return _joined(_lines(sheet)[1:]), {}


def _lacking_column(rng: Random, sheet: Sheet) -> Made:
    renamed = [f"{name[:-1]}x" if at in (0, 1) else name for at, name in enumerate(sheet.columns)]
    return csv_bytes(replace(sheet, columns=renamed), Csv()), {}


def _headless_values(rng: Random, sheet: Sheet) -> Made:
    wider = Sheet([*sheet.columns, ""], [[*row, "stray"] for row in sheet.rows])
    return csv_bytes(wider, Csv()), {}


def _wrong_delimiter(rng: Random, sheet: Sheet) -> Made:
    return csv_bytes(sheet, Csv(delimiter=";")), {"delimiter": "|"}


def _undecided(rng: Random, sheet: Sheet) -> Made:
    return _joined(["a,b;c,d;e\n", "1,2;3,4;5\n"]), {}


def _undeclared(rng: Random, sheet: Sheet) -> Made:
    return csv_bytes(sheet, Csv(encoding="cp1252", delimiter=";")), {}


def _mixed(rng: Random, sheet: Sheet) -> Made:
    return csv_bytes(sheet, Csv()) + "Müller,Björn\n".encode("cp1252"), {}


def _wide_without_mark(rng: Random, sheet: Sheet) -> Made:
    return csv_bytes(sheet, Csv(encoding="utf-16-le")), {}


def _cut_off(rng: Random, sheet: Sheet) -> Made:
    return csv_bytes(sheet, Csv(encoding="utf-16-le", mark=b"\xff\xfe"))[:-1], {}


def _nul(rng: Random, sheet: Sheet) -> Made:
    return csv_bytes(sheet, Csv()) + b"a\0b,c\n", {}


def _declared_wrong(rng: Random, sheet: Sheet) -> Made:
    return csv_bytes(sheet, Csv(encoding="cp1252")) + b"\x81\x8d\n", {"encoding": "cp1252"}


def _declared_doubtful(rng: Random, sheet: Sheet) -> Made:
    """Write letters with which another encoding than the declared one makes more sense."""
    rows: list[list[object]] = [["Šárka Žižková ěščř", *row[1:]] for row in sheet.rows]
    made = csv_bytes(replace(sheet, rows=[*sheet.rows, *rows]), Csv(encoding="cp1250"))
    return made, {"encoding": "iso-8859-1"}


def _bad_sep(rng: Random, sheet: Sheet) -> Made:
    return b"sep=#\n" + csv_bytes(sheet, Csv()), {}


def _too_many(rng: Random, sheet: Sheet) -> Made:
    return csv_bytes(sheet, Csv()), {"max_rows": max(1, len(sheet.rows) - 2)}


def _columns_do_not_fit(rng: Random, sheet: Sheet) -> Made:
    return csv_bytes(sheet, Csv()), {"columns": [*sheet.columns, "one more"]}


def _open_header(rng: Random, sheet: Sheet) -> Made:
    return b'"' + csv_bytes(sheet, Csv()), {}


def _spaced_header(rng: Random, sheet: Sheet) -> Made:
    first, *lines = _lines(sheet)
    return _joined([f'{first.rstrip()}, "x, y"\n', *lines]), {}


def _joined_files(rng: Random, sheet: Sheet) -> Made:
    lines = _lines(sheet)
    return _joined([*lines, f"\ufeff{lines[0]}", *lines[1:3]]), {}


def _dates_and_totals(rng: Random, sheet: Sheet) -> Made:
    """Let all rows but two be none of the list."""
    width = len(sheet.columns)
    rows: list[list[object]] = [
        ["Summe", *[""] * (width - 2), "12"],
        list(sheet.columns),
        ["Total users: 12", *[""] * (width - 1)],
        ["=" * 5] * width,
    ]
    return csv_bytes(replace(sheet, rows=[*rows, *sheet.rows[:2]]), Csv()), {}


def _only_strays(rng: Random, sheet: Sheet) -> Made:
    rows: list[list[object]] = [["Total", *[""] * (len(sheet.columns) - 2), "12"]]
    return csv_bytes(replace(sheet, rows=rows), Csv()), {}


BREAKS: tuple[Callable[[Random, Sheet], Made], ...] = (
    lambda rng, sheet: _some_lines(rng, sheet, lambda line: f"{line},more"),
    lambda rng, sheet: _some_lines(rng, sheet, lambda line: line.rpartition(",")[0]),
    lambda rng, sheet: _some_lines(rng, sheet, lambda line: f'"{line}'),
    lambda rng, sheet: _some_lines(rng, sheet, lambda line: f'"x"y,{line}'),
    lambda rng, sheet: _some_lines(rng, sheet, lambda line: f'a, "b,c",{line}'),
    lambda rng, sheet: _some_lines(rng, sheet, lambda line: f'"a" ,{line.partition(",")[2]}'),
    lambda rng, sheet: _some_lines(rng, sheet, lambda line: f"„a,{line}"),
    lambda rng, sheet: _some_lines(rng, sheet, lambda line: f"{line}, ,"),
    _all_alike,
    _duplicate_header,
    _without_header,
    _lacking_column,
    _headless_values,
    _wrong_delimiter,
    _undecided,
    _undeclared,
    _mixed,
    _wide_without_mark,
    _cut_off,
    _nul,
    _declared_wrong,
    _declared_doubtful,
    _bad_sep,
    _too_many,
    _columns_do_not_fit,
    _open_header,
    _spaced_header,
    _joined_files,
    _dates_and_totals,
    _only_strays,
    lambda rng, sheet: (b"", {}),
    lambda rng, sheet: (b" ,;\n\n", {}),
    lambda rng, sheet: (csv_bytes(replace(sheet, rows=[]), Csv()), {}),
    lambda rng, sheet: (b"%PDF-1.7\n", {}),
    lambda rng, sheet: (b"<html><table>", {}),
    lambda rng, sheet: (book_bytes(sheet, Book()), {}),
    lambda rng, sheet: (None, {}),
)


SURVIVED = (_joined_files, _dates_and_totals, _declared_doubtful)
"""Ways of being odd that leave most rows to be read."""


# --- workbooks ------------------------------------------------------------------------------------


def odd_book(rng: Random, sheet: Sheet) -> Made:
    """Return a list as a workbook in one of the many forms that are read."""
    book = Book(shared=rng.random() < 0.5)
    spec: dict[str, Any] = {}
    if rng.random() < 0.3:
        book.others = {"Notes": "visible", "Old": "hidden"}
    if rng.random() < 0.3:
        spec["sheet"] = book.title
        book.hidden_sheet = rng.random() < 0.3
    if rng.random() < 0.2:
        book.header_row = spec["header_row"] = 3
        book.above = ("List of users",)
    if rng.random() < 0.2:
        book.gap = 2
    book.epoch_1904 = rng.random() < 0.1
    book.full_calc = rng.random() < 0.2
    size, first = len(sheet.rows), book.header_row + book.gap + 1
    if rng.random() < 0.25 and size:
        spec["hidden_rows"] = rng.choice(("read", "skip"))
        book.hidden_rows = tuple(first + at for at in sorted(rng.sample(range(size), size // 3)))
    if rng.random() < 0.2:
        book.hidden_columns = (2,)
    if rng.random() < 0.2 and size > 3:
        spec["merged_cells"] = "fill"
        book.merged = (f"B{first}:B{first + 2}", f"A{first + 3}:A{first + 3}")
    if rng.random() < 0.15:
        spec["verbatim"] = True
    if rng.random() < 0.1:
        book.styles = False
    return book_bytes(sheet, book), spec


def typed(rng: Random, text: str) -> object:
    """Return the cell that a spreadsheet may have instead of a text."""
    return rng.choice(
        (
            True,
            False,
            rng.randrange(2000),
            12.5,
            Special("n", "45000", 1),
            Special("n", "42", 2),
            Special("n", "0.5", 4),
            Special("n", "1234567890123456789"),
            Special("n", "1234", 5),
            Special("n", "7.00", 3),
            Special("n", "NaN"),
            Special("n", "99999999999", 1),
            Special("d", "2026-01-31T00:00:00"),
            Special("d", "2026-01-31T08:30:00"),
            Special("e", "#N/A"),
            Special("b", "maybe"),
            Special("str", text, formula="A1&B1"),
            Special("str", "", formula="A1"),
            Special("n", "", formula="A1"),
            Special("n", "0", formula="A1"),
            Special("n", "17", formula="A1+1"),
            "N/A",
            "0042",
            "1e5",
            '="0044"',
            " ",
        )
    )


def broken_book(rng: Random, sheet: Sheet, which: int) -> Made:
    """Return a list as a workbook that is broken in the way of this number."""
    made: tuple[Callable[[], Made], ...] = (
        lambda: (book_bytes(sheet, Book()), {"sheet": "Lists"}),
        lambda: (book_bytes(sheet, Book()), {"sheet": "Nothing like it"}),
        lambda: (book_bytes(sheet, Book()), {"header_row": 2}),
        lambda: (book_bytes(sheet, Book(header_row=4, above=("Title",))), {}),
        lambda: (book_bytes(sheet, Book(header_row=4)), {}),
        lambda: (book_bytes(sheet, Book(hidden_rows=(2, 3, 5))), {}),
        lambda: (book_bytes(sheet, Book(merged=("A2:B3", "C2:C4"))), {}),
        lambda: (book_bytes(sheet, Book(merged=("A1:B1",))), {}),
        lambda: (book_bytes(sheet, Book(hidden_sheet=True)), {}),
        lambda: (book_bytes(sheet, Book()), {"max_rows": 2}),
        lambda: (book_bytes(replace(sheet, rows=[]), Book()), {}),
        lambda: (book_bytes(Sheet([]), Book()), {}),
        lambda: (book_bytes(_with_header(sheet, sheet.columns[0]), Book()), {}),
        lambda: (book_bytes(_with_header(sheet, "", -1), Book()), {}),
        lambda: (book_bytes(_with_header(sheet, "Something else"), Book()), {}),
        lambda: (_changed(book_bytes(sheet, Book()), b't="inlineStr"', b't="s"      '), {}),
        lambda: (_changed(book_bytes(sheet, Book()), b'<row r="3"', b'<row r="1"'), {}),
        lambda: (_changed(book_bytes(sheet, Book()), b'r="A2"', b'r="A9"'), {}),
        lambda: (_changed(book_bytes(sheet, Book()), b'r="A2"', b'r="22"'), {}),
        lambda: (_changed(book_bytes(sheet, Book()), b"</sheetData>", b"</sheetDatax"), {}),
        lambda: (_changed(book_bytes(sheet, Book()), b' r="B2"', b""), {}),
        lambda: (_changed(book_bytes(sheet, Book()), b'<row r="2"', b"<row"), {}),
        lambda: (
            _changed(book_bytes(sheet, Book(merged=("A2:B3",))), b"A2:B3", b"A2:??"),
            {},
        ),
        lambda: (book_bytes(_with_date(sheet, "tomorrow"), Book()), {}),
        lambda: (book_bytes(sheet, Book())[:-40], {}),
        lambda: (b"", {}),
        lambda: (csv_bytes(sheet, Csv()), {}),
        lambda: (None, {}),
    )
    return made[which % len(made)]()


def _with_header(sheet: Sheet, text: str, at: int = 1) -> Sheet:
    columns = list(sheet.columns)
    columns[at] = text
    return replace(sheet, columns=columns)


def _with_date(sheet: Sheet, text: str) -> Sheet:
    first, *rows = sheet.rows
    return replace(sheet, rows=[[Special("d", text), *first[1:]], *rows])


def _changed(data: bytes, old: bytes, new: bytes) -> bytes:
    """Return a workbook with one text in its parts replaced everywhere."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as before, zipfile.ZipFile(stream, "w") as after:
        for info in before.infolist():
            after.writestr(
                zipfile.ZipInfo(info.filename, info.date_time),
                before.read(info).replace(old, new),
            )
    return stream.getvalue()


# --- YAML -----------------------------------------------------------------------------------------


def odd_yaml(rng: Random, sheet: Sheet) -> Made:
    """Return a list as a YAML file, at the top or under a key."""
    under = "people" if rng.random() < 0.5 else None
    return yaml_bytes(sheet, under), {"under": under} if under else {}


def broken_yaml(rng: Random, sheet: Sheet, which: int) -> Made:
    """Return a list as a YAML file that is broken in the way of this number."""
    good = yaml_bytes(sheet, None)
    made: tuple[Made, ...] = (
        (good, {"under": "people"}),
        (yaml_bytes(sheet, "people"), {}),
        (good + b"- [1, 2]\n", {}),
        (good + b"- {Login: [1, 2]}\n", {}),
        (good + b"-\tx: 1\n", {}),
        (good, {"max_rows": 1}),
        (b"[]\n", {}),
        (b"[]\n", {"may_be_empty": True}),
        (b"just text\n", {}),
        (b"- {nothing: that is named}\n", {}),
        (good + good.replace(b'"Login"', b'"LOGIN"'), {}),
        (None, {}),
    )
    return made[which % len(made)]
