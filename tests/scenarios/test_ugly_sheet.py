"""The guide of the ugly sheet: its commands and edits, exactly as the page shows them."""

import json
import re
import runpy
import shlex
import shutil
from pathlib import Path

import pytest
from openpyxl import load_workbook

from kanport.sandbox import Sandbox
from tests.support.command_line import Kanport, Result

FOLDER = Path(__file__).parents[2] / "samples" / "ugly"
GUIDE = (FOLDER / "README.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^kanport (?!sandbox).*", GUIDE, re.M)
EDITS = re.findall(r"^```diff\n(.*?)^```$", GUIDE, re.M | re.S)


@pytest.fixture
def guide(kanport: Kanport, server: Sandbox) -> Kanport:
    server.store.add_project("Website", identifier="WEB")
    server.store.add_project("Operations", identifier="OPS")
    shutil.copy(FOLDER / "staff.xlsx", "staff.xlsx")
    return kanport


def run(kanport: Kanport, number: int) -> Result:
    """Run a command of the guide, counted from 1."""
    program, *arguments = shlex.split(COMMANDS[number - 1])
    assert program == "kanport"
    return kanport(*arguments)


def edit(mapping: Path) -> None:
    """Make the edits of the guide."""
    text = mapping.read_text(encoding="utf-8")
    for line in "".join(EDITS).splitlines():
        sign, content = line[0], line[2:]
        if sign == "-":
            assert text.count(f"{content}\n") == 1, content
            before = content
        else:
            text = text.replace(f"{before}\n", f"{content}\n")
    mapping.write_text(text, encoding="utf-8")


def marked(path: str) -> list[str]:
    """Return the cells of the list that have a comment of Kanport."""
    sheet = load_workbook(path)["Staff 2026"]
    return [cell.coordinate for row in sheet.iter_rows() for cell in row if cell.comment]


def test_the_guide_is_short() -> None:
    assert len(COMMANDS) <= 6
    assert len(EDITS) <= 3


def test_the_list_is_the_one_that_its_script_makes() -> None:
    made = runpy.run_path(str(FOLDER / "make_list.py"))["workbook"]()
    kept = load_workbook(FOLDER / "staff.xlsx")
    for sheet in made.worksheets:
        there = kept[sheet.title]
        assert [[str(cell.value or "") for cell in row] for row in sheet.iter_rows()] == [
            [str(cell.value or "").removesuffix(" 00:00:00") for cell in row]
            for row in there.iter_rows()
        ]
        assert {str(one) for one in sheet.merged_cells.ranges} == {
            str(one) for one in there.merged_cells.ranges
        }


def test_the_commands_and_edits_of_the_guide_lead_to_the_server(
    guide: Kanport, server: Sandbox
) -> None:
    assert run(guide, 1).code == 0
    edit(Path("staff.yaml"))
    assert Path("staff.yaml").read_text("utf-8") == (FOLDER / "staff.yaml").read_text("utf-8")

    looked = run(guide, 2)
    assert looked.code == 5
    assert re.findall(r"^\S+!(\w+)  error", looked.out.replace("Staff 2026", "S"), re.M) == [
        "E9",
        "I11",
    ]

    assert run(guide, 3).code == 5
    assert marked("staff-checked.xlsx") == ["A5", "K7", "E9", "I11"]
    returned = load_workbook("staff-checked.xlsx")
    returned["Staff 2026"]["E9"] = "noor.k@example.org"
    returned["Staff 2026"]["I11"] = "W"
    returned.save("staff.xlsx")
    assert run(guide, 3).code == 0
    assert marked("staff-checked.xlsx") == ["A5", "K7"]

    planned = run(guide, 4)
    assert planned.code == 0, planned
    summary = json.loads(Path("plan.json").read_text(encoding="utf-8"))["summary"]
    assert summary == {"user.create": 6, "membership.grant": 9}
    assert Path("plan.html").exists()
    assert run(guide, 5).code == 0
    assert guide("plan", "staff.yaml", "--check").code == 0
