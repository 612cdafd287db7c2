"""LibreOffice opens the Excel report and the CSV as what they are, and finds no formula in them."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from openpyxl import Workbook, load_workbook

from kanport.report import excel, tables
from kanport.report.make import of_plan, of_run
from tests.support.report.excel import section, table
from tests.support.report.random_reports import FORMULA, partial_run, whole_plan

PROGRAM = shutil.which("soffice") or shutil.which("libreoffice")
PLAN = whole_plan()
RUN = of_run(PLAN, partial_run(PLAN))

Convert = Callable[[str, bytes], Workbook]


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> Convert:
    """Give what LibreOffice makes of a file, as the workbook that it saves."""
    if PROGRAM is None:
        why = "LibreOffice is not installed (Debian: libreoffice-calc-nogui)"
        if os.environ.get("CI"):
            pytest.fail(why)
        pytest.skip(why)
    folder = tmp_path_factory.mktemp("office")

    def convert(name: str, content: bytes) -> Workbook:
        (folder / name).write_bytes(content)
        made = folder / "made"
        subprocess.run(
            [
                PROGRAM,
                f"-env:UserInstallation=file://{folder}/profile",
                *("--headless", "--convert-to", "xlsx", "--outdir", str(made), str(folder / name)),
            ],
            check=True,
            capture_output=True,
            timeout=240,
        )
        return load_workbook(made / f"{Path(name).stem}.xlsx")

    return convert


def values(book: Workbook) -> dict[str, list[tuple[Any, ...]]]:
    return {
        sheet.title: [row for row in sheet.iter_rows(values_only=True) if any(map(bool, row))]
        for sheet in book
    }


def formulas(book: Workbook) -> list[str]:
    return [
        str(cell.value)
        for sheet in book
        for row in sheet.iter_rows()
        for cell in row
        if cell.data_type == "f"
    ]


def test_it_opens_every_sheet_and_keeps_every_value(converted: Convert, tmp_path: Path) -> None:
    content = excel.render(RUN)
    (tmp_path / "own.xlsx").write_bytes(content)
    own = load_workbook(tmp_path / "own.xlsx")
    theirs = converted("run.xlsx", content)
    assert formulas(theirs) == []
    assert values(theirs) == values(own)
    for sheet in own.worksheets[1:]:
        again = theirs[sheet.title]
        assert [found.ref for found in again.tables.values()] == [
            found.ref for found in sheet.tables.values()
        ]
    (choice,) = theirs["Access"].data_validations.dataValidation
    assert choice.formula1 == '"keep,revoke,change"'
    assert section(theirs, "Counts")
    assert FORMULA in {row["User"] for row in table(theirs, "Access")}


def test_it_takes_no_name_in_a_csv_file_for_a_formula(converted: Convert) -> None:
    text = tables.render(of_plan(PLAN), "access")
    assert f"'{FORMULA}" in text
    theirs = converted("access.csv", text.encode())
    assert formulas(theirs) == []
    (sheet,) = theirs.worksheets
    assert sheet.max_row == len(of_plan(PLAN).access) + 1
    assert FORMULA in {str(row[0]).removeprefix("'") for row in sheet.iter_rows(values_only=True)}
