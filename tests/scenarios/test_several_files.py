"""Sources of several files, paths with variables, and standard input, up to the plan."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook

from kanport.annotate import REASONS
from kanport.sandbox import Sandbox
from tests.support.command_line import Kanport

MAPPING = """\
kanport: 1
sources:
  people: {type: csv, path: PATH, SELECT}
users:
  from: people
  fields:
    username: {from: Login}
    name: {from: Name}
"""


def write(path: str, select: str = "files: all") -> Path:
    mapping = Path("m.yaml")
    text = MAPPING.replace("PATH", f'"{path}"').replace(", SELECT", select and f", {select}")
    mapping.write_text(text, encoding="utf-8")
    return mapping


@pytest.fixture
def exports(tmp_path: Path) -> Path:
    folder = tmp_path / "exports"
    folder.mkdir()
    for number, (name, rows) in enumerate(
        {
            "b.csv": "Login,Name\nbob,Bob R\n",
            "a.csv": "Name,Login\nAda L,ada\n<nobody>,\n",
            "~$c.csv": "locked",
            ".hidden.csv": "hidden",
        }.items()
    ):
        (folder / name).write_text(rows, encoding="utf-8")
        os.utime(folder / name, (1_700_000_000 - number, 1_700_000_000 - number))
    return folder


def planned(kanport: Kanport, mapping: Path, **typed: Any) -> Any:
    made = kanport("plan", mapping, "--format", "json", **typed)
    assert made.code in (0, 5), made
    return json.loads(made.out)


def test_all_files_are_one_list_and_the_plan_names_each(kanport: Kanport, exports: Path) -> None:
    mapping = write("exports/*.csv")
    refused = kanport("validate", mapping)
    assert refused.code == 5
    assert "exports/a.csv:3" in refused.out
    (exports / "a.csv").write_text("Name,Login\nAda L,ada\n", encoding="utf-8")
    plan = planned(kanport, mapping)
    assert [change["subject"]["username"] for change in plan["changes"]] == ["ada", "bob"]
    assert [change["origin"][0]["file"] for change in plan["changes"]] == [
        "exports/a.csv",
        "exports/b.csv",
    ]
    (source,) = plan["sources"]
    assert source["path"] == "exports/*.csv"
    assert source["rows"] == 2
    assert [file["path"] for file in source["files"]] == ["exports/a.csv", "exports/b.csv"]
    before = source["sha256"]
    (exports / "b.csv").write_text("Login,Name\nbob,Bob S\n", encoding="utf-8")
    assert planned(kanport, mapping)["sources"][0]["sha256"] != before
    assert kanport("plan", mapping, "-o", "exports/b.csv").code == 2


def test_the_newest_file_is_the_one_that_was_changed_last(kanport: Kanport, exports: Path) -> None:
    plan = planned(kanport, write("exports/*.csv", "files: newest"))
    assert [change["subject"]["username"] for change in plan["changes"]] == ["bob"]
    assert plan["sources"][0]["path"] == "exports/b.csv"


def test_files_of_another_shape_are_refused_with_the_columns(
    kanport: Kanport, exports: Path
) -> None:
    (exports / "b.csv").write_text("Login,Name,Mail\nbob,B,\n", encoding="utf-8")
    refused = kanport("validate", write("exports/*.csv"))
    assert refused.code == 5
    assert 'the column "Mail" is not in exports/a.csv' in " ".join(refused.out.split())


def test_a_pattern_that_fits_nothing_or_lacks_files_says_so(
    kanport: Kanport, exports: Path
) -> None:
    nothing = kanport("validate", write("exports/*.xls"))
    assert nothing.code == 7
    assert 'no file fits exports/*.xls of the source "people"' in nothing.err
    assert "files: newest or files: all" in kanport("validate", write("exports/*.csv", "")).err
    assert "files needs a path that is a pattern" in kanport("validate", write("exports/b.csv")).err


def test_each_file_is_annotated_by_itself(kanport: Kanport, exports: Path) -> None:
    ended = kanport("validate", write("exports/*.csv"), "--annotate", "checked.xlsx")
    assert "Wrote checked-a.xlsx: 1 cell marked." in ended.err
    assert "Wrote checked-b.xlsx: 0 cells marked." in ended.err
    ended = kanport("validate", write("exports/*.csv"), "--rejects", "back.csv")
    assert "Wrote back-a.csv: 1 row left out." in ended.err
    assert not Path("back-b.csv").exists()


TITLED = "Staff list 2026\n\nLogin,Name\nann,Ann\n,Bad\n"
PLAIN = "Login,Name\nada,Ada\n,Bad\nal,Al\n,Worse\n"


@pytest.mark.parametrize(("first", "second"), [(TITLED, PLAIN), (PLAIN, TITLED)])
def test_the_rejects_of_each_file_begin_with_its_own_title_and_header(
    kanport: Kanport, exports: Path, first: str, second: str
) -> None:
    (exports / "a.csv").write_text(first, encoding="utf-8")
    (exports / "b.csv").write_text(second, encoding="utf-8")
    ended = kanport("validate", write("exports/*.csv"), "--rejects", "back.csv")
    for name, content in (("a", first), ("b", second)):
        rejected = [line for line in content.splitlines() if line.startswith(",")]
        count = len(rejected)
        assert f"Wrote back-{name}.csv: {count} row{'s' * (count > 1)} left out." in ended.err
        lines = content.splitlines()
        back = Path(f"back-{name}.csv").read_text(encoding="utf-8").splitlines()
        header = lines.index("Login,Name")
        assert back[:header] == lines[:header]
        assert back[header] == f"Login,Name,{REASONS}"
        rows = zip(back[header + 1 :], rejected, strict=True)
        assert all(line.startswith(f"{row},") for line, row in rows)
    assert kanport("validate", write("back-*.csv")).code == 5, "the same mapping reads them"


def test_the_rejects_of_each_workbook_begin_with_its_own_header(
    kanport: Kanport, tmp_path: Path
) -> None:
    for name, above in (("a", 2), ("b", 0)):
        book = Workbook()
        sheet = book.worksheets[0]
        sheet["A1"] = "Staff list 2026"
        for number, row in enumerate((("Login", "Name"), ("ann", "Ann"), (None, "Bad"))):
            for column, text in enumerate(row, start=1):
                sheet.cell(above + number + 1, column, name + text if text == "ann" else text)
        book.save(tmp_path / f"{name}.xlsx")
    mapping = write("?.xlsx")
    mapping.write_text(mapping.read_text("utf-8").replace("csv", "excel"), encoding="utf-8")
    kanport("validate", mapping, "--rejects", "back.xlsx")
    for name, above in (("a", 2), ("b", 0)):
        sheet = load_workbook(tmp_path / f"back-{name}.xlsx").worksheets[0]
        rows = [[cell.value for cell in row] for row in sheet.iter_rows()][above:]
        assert rows[0] == ["Login", "Name", REASONS]
        assert [row[1] for row in rows[1:]] == ["Bad"]
        assert rows[1][2]


def test_a_variable_in_a_path_is_filled_in_or_refused_at_its_place(
    kanport: Kanport, exports: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mapping = write("${EXPORTS}/b.csv", "")
    refused = kanport("validate", mapping)
    assert refused.code == 6
    assert "m.yaml:3:29" in refused.err
    assert 'the environment variable "EXPORTS" is not set' in refused.err
    monkeypatch.setenv("EXPORTS", str(exports))
    assert kanport("validate", mapping).code == 0
    for path, why in (
        ("${KANPORT_TOKEN}.csv", "may hold a secret"),
        ("${a b}", "is not an environ"),
    ):
        refused = kanport("validate", write(path, ""))
        assert refused.code == 6
        assert why in refused.err


def test_standard_input_is_read_once_for_all_that_a_command_does(
    server: Sandbox, kanport: Kanport
) -> None:
    mapping, rows = write("-", ""), "Login,Name\nbob,Bob R\n"
    assert kanport("validate", mapping, typed=rows).code == 0
    assert "stdin:2" in kanport("validate", mapping, typed="Login,Name\n,Bob\n").out
    plan = planned(kanport, mapping, typed=rows)
    assert plan["changes"][0]["origin"][0]["file"] == "stdin"
    ran = kanport("sync", mapping, "--discard-passwords", typed=rows)
    assert ran.code == 0, ran
    assert planned(kanport, mapping, typed=rows)["changes"] == []
