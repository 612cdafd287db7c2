"""Tables written to files come back as they were, whatever stands in them."""

import unicodedata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook

from kanport.errors import SourceInvalid, UsageError
from kanport.export import COLUMNS, Listing, needs_verbatim, write_tables
from kanport.mapping.sources import CsvSource, ExcelSource, Source, YamlSource
from kanport.rules import strip_blanks
from kanport.sources import SourceContext, read_source

TARGETS = ["folder", "book.xlsx", "book.yaml"]


def source_for(target: str, name: str, *, verbatim: bool = False) -> Source:
    told = {"may_be_empty": True, "verbatim": verbatim}
    if target.endswith(".xlsx"):
        return ExcelSource(type="excel", path=target, sheet=name, **told)
    if target.endswith(".yaml"):
        return YamlSource(type="yaml", path=target, under=name, may_be_empty=True)
    return CsvSource(type="csv", path=f"{target}/{name}.csv", **told)


def read_back(folder: Path, target: str, listing: Listing) -> list[tuple[str, ...]]:
    table = read_source(
        listing.name,
        source_for(target, listing.name, verbatim=needs_verbatim(folder / target, listing)),
        SourceContext(folder, columns_used=frozenset(listing.columns)),
    )
    return [tuple(str(row.values.get(c, "")) for c in listing.columns) for row in table.rows]


def clean(text: str) -> str:
    """Leave out what reading a table would trim or refuse in any file."""
    return strip_blanks(unicodedata.normalize("NFC", text))


texts = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Co", "Cn"]), max_size=12
).map(clean)
marked = st.sampled_from(
    [
        "_x0041_",
        "_x005F_x000D_",
        "=cmd|'/c calc'!A0",
        "007",
        "1e3",
        "yes",
        "null",
        "~",
        "2026-01-01",
        '"',
        "a,b",
        "a;b",
        "😀",
    ]
)
rows = st.lists(
    st.tuples(texts.filter(bool) | marked, *[texts | marked] * 6),
    max_size=5,
)


@pytest.mark.parametrize("target", TARGETS)
@settings(deadline=None)
@given(rows=rows)
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, target: str, rows: list[tuple[str, ...]]
) -> None:
    folder = tmp_path_factory.mktemp("export")
    listing = Listing("projects", COLUMNS["projects"], tuple(rows))
    write_tables(folder / target, [listing])
    assert read_back(folder, target, listing) == rows


@pytest.mark.parametrize("target", TARGETS)
def test_a_table_without_rows_can_be_read_back(tmp_path: Path, target: str) -> None:
    listing = Listing("groups", COLUMNS["groups"], ())
    write_tables(tmp_path / target, [listing])
    assert read_back(tmp_path, target, listing) == []


@pytest.mark.parametrize("target", TARGETS)
def test_an_export_is_for_its_owner_alone(tmp_path: Path, target: str) -> None:
    write_tables(tmp_path / target, [Listing("groups", COLUMNS["groups"], (("a", "b"),))])
    for path in (tmp_path / target, *(tmp_path / target).glob("*")):
        assert path.stat().st_mode & 0o077 == 0


def test_a_formula_stays_text_in_a_workbook(tmp_path: Path) -> None:
    formula = "=cmd|'/c calc'!A0"
    write_tables(tmp_path / "book.xlsx", [Listing("groups", COLUMNS["groups"], ((formula, ""),))])
    cell = load_workbook(tmp_path / "book.xlsx")["groups"]["A2"]
    assert (cell.data_type, cell.value) == ("s", formula)


def test_what_fits_into_no_cell_is_told_and_nothing_is_written(tmp_path: Path) -> None:
    listing = Listing("groups", COLUMNS["groups"], (("bell\x07", ""),))
    with pytest.raises(UsageError, match="fits into no cell"):
        write_tables(tmp_path / "book.xlsx", [listing])
    assert list(tmp_path.iterdir()) == []


def test_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"no \.docx file"):
        write_tables(tmp_path / "book.docx", [])


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("users: [{username: ada}]\n", "book.yaml", 'no list under "groups"'),
        ("groups: [ada]\n", "book.yaml:1", "not a table of values"),
        ("groups:\n  - {group: [a, b]}\n", "book.yaml:2", "a list or a table"),
        ("groups:\n  - {group: a, group: b}\n", "book.yaml:2", "is defined twice"),
        ("groups: {\n", "book.yaml:2:1", ""),
        ("groups: []\n", "book.yaml", "the list is empty"),
        ("groups:\n  - {name: a}\n", "book.yaml", "group"),
    ],
)
def test_what_is_wrong_with_a_yaml_file_is_told_with_its_place(
    tmp_path: Path, text: str, place: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "book.yaml").write_text(text)
    with pytest.raises(SourceInvalid) as raised:
        read_source(
            "g",
            YamlSource(type="yaml", path="book.yaml", under="groups"),
            SourceContext(tmp_path, columns_used=frozenset({"group"})),
        )
    (finding,) = raised.value.findings
    assert message in finding.message
    assert str(finding.origin) == place


def test_a_yaml_file_that_repeats_itself_without_end_is_refused(tmp_path: Path) -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    for name, before in zip("bcdefgh", "abcdefg", strict=True):
        lines.append(f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]")
    (tmp_path / "bomb.yaml").write_text("\n".join([*lines, "groups: *h", ""]))
    with pytest.raises(SourceInvalid) as raised:
        read_source(
            "g", YamlSource(type="yaml", path="bomb.yaml", under="groups"), SourceContext(tmp_path)
        )
    (finding,) = raised.value.findings
    assert "aliases" in finding.message
