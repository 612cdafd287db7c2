"""What reviewers do to workbooks, and what is read of it."""

from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook

from kanport.campaign.model import Decision
from kanport.campaign.workbooks import unknown_files, workbook_of
from kanport.findings import Finding, Severity
from tests.support.reviews import ROLES, ReviewDesk, a_current


@pytest.fixture
def desk(tmp_path: Path) -> ReviewDesk:
    return ReviewDesk(tmp_path)


def codes(findings: tuple[Finding, ...]) -> list[tuple[str, str, str]]:
    return [(one.code, one.case, str(one.origin).rpartition("!")[2]) for one in findings]


def test_an_untouched_workbook_decides_nothing(desk: ReviewDesk) -> None:
    answers = desk.read("lea")
    assert (answers.given, answers.findings) == ((), ())
    assert len(answers.rows) == 6


def test_the_same_review_gives_the_same_bytes(desk: ReviewDesk) -> None:
    made = workbook_of(desk.review, desk.snapshot, "lea", desk.theirs["lea"])
    assert made == (desk.folder / "lea.xlsx").read_bytes()


def test_only_the_columns_of_the_decision_can_be_filled_in(desk: ReviewDesk) -> None:
    sheet = load_workbook(desk.folder / "lea.xlsx")["Review"]
    assert sheet.protection.sheet
    unlocked = [cell.value for cell, below in zip(sheet[1], sheet[2], strict=True)
                if not below.protection.locked]  # fmt: skip
    assert unlocked == ["Decision", "New role", "Comment"]
    lists = {str(one.sqref): one.formula1 for one in sheet.data_validations.dataValidation}
    assert lists["H2:H7"] == '"keep,revoke,change role,don\'t know"'
    assert lists["I2:I7"] == '"project-manager,project-member,project-viewer"'


@pytest.mark.parametrize(
    ("word", "decision"),
    [
        ("keep", Decision.KEEP),
        (" REVOKE\u00a0", Decision.REVOKE),
        ("Don’t  know", Decision.UNSURE),
        ("do not know", Decision.UNSURE),
    ],
)
def test_words_are_read_as_people_paste_them(
    desk: ReviewDesk, word: str, decision: Decision
) -> None:
    desk.fill("lea", "bob", "ALPHA", decision=word, comment=" because ")
    (answer,) = desk.read("lea").given
    assert (answer.decision, answer.role, answer.comment) == (decision, None, "because")
    assert (answer.row.user.username, answer.reviewer) == ("bob", "lea")
    assert str(answer.origin).endswith("lea.xlsx#Review!H2")


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        ({"decision": "maybe"}, ("review-decision", "", "H2")),
        ({"decision": "revok"}, ("review-decision", "near", "H2")),
        ({"new_role": "project-member"}, ("review-decision", "empty", "H2")),
        ({"decision": "change role"}, ("review-role", "missing", "I2")),
        ({"decision": "change", "new_role": "boss"}, ("review-role", "unknown", "I2")),
        ({"decision": "change", "new_role": "project-viewer"}, ("review-role", "same", "I2")),
        ({"decision": "keep", "new_role": "project-member"}, ("review-role", "needless", "I2")),
        ({"decision": "keep", "role": "project-manager"}, ("review-row-changed", "", "E2")),
        ({"decision": "keep", "project": "BETA"}, ("review-row-changed", "", "A2")),
        ({"decision": "keep", "username": "eve"}, ("review-row-changed", "", "C2")),
        ({"decision": "=1+1"}, ("cell-formula", "", "H2")),
    ],
)
def test_what_is_wrong_is_reported_at_its_cell_and_decides_nothing(
    desk: ReviewDesk, cells: dict[str, str], found: tuple[str, str, str]
) -> None:
    desk.fill("lea", "bob", "ALPHA", **cells)
    answers = desk.read("lea")
    assert codes(answers.findings) == [found]
    assert answers.given == ()


def test_everything_is_reported_at_once(desk: ReviewDesk) -> None:
    desk.fill("lea", "bob", "ALPHA", decision="x", username="rob")
    desk.fill("lea", "eve", "ALPHA", decision="x")
    desk.fill("lea", "gil", "ALPHA", decision="revoke")
    answers = desk.read("lea")
    assert [code for code, _, _ in codes(answers.findings)] == [
        "review-row-changed",
        "review-decision",
    ]
    assert [answer.row.user.username for answer in answers.given] == ["gil"]


def test_a_deleted_row_is_open_and_a_warning(desk: ReviewDesk) -> None:
    desk.edit("lea", lambda sheet: sheet.delete_rows(2, 2))
    answers = desk.read("lea")
    (finding,) = answers.findings
    assert (finding.code, finding.severity) == ("review-rows-missing", Severity.WARNING)
    assert '"bob" and "eve"' in finding.message
    assert answers.given == ()


def _copied(desk: ReviewDesk, source: str, row: int, target: str) -> None:
    sheet = load_workbook(desk.folder / f"{source}.xlsx")["Review"]
    values = [cell.value for cell in sheet[row]]

    def add(sheet: Any) -> None:
        for column, value in enumerate(values, 1):
            sheet.cell(sheet.max_row + (column == 1), column, value)

    desk.edit(target, add)


def test_rows_from_elsewhere_are_refused(desk: ReviewDesk) -> None:
    _copied(desk, "lea", 2, "max")  # somebody else's project
    _copied(desk, "lea", 7, "max")  # max in BETA: about the reviewer
    _copied(desk, "max", 2, "max")  # a row twice
    desk.edit("max", lambda sheet: sheet.cell(sheet.max_row + 1, 1, "total: 3"))
    found = codes(desk.read("max").findings)
    assert [(code, case) for code, case, _ in found] == [
        ("review-row-unknown", "other"),
        ("review-row-unknown", "self"),
        ("review-row-twice", ""),
        ("review-row-unknown", ""),
    ]


def test_the_workbook_of_another_review_decides_nothing(desk: ReviewDesk, tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    old = ReviewDesk(tmp_path / "old", created_at="2025-11-20T08:00:00Z")
    old.fill("lea", "bob", "ALPHA", decision="revoke")
    (old.folder / "lea.xlsx").rename(desk.folder / "lea.xlsx")
    answers = desk.read("lea")
    assert answers.given == ()
    assert {finding.code for finding in answers.findings} == {
        "review-row-unknown",
        "review-rows-missing",
    }


def test_files_that_are_missing_broken_or_unknown_are_told(desk: ReviewDesk) -> None:
    (desk.folder / "lea.xlsx").unlink()
    (desk.folder / "max.xlsx").write_bytes(b"PK nonsense")
    (desk.folder / "lea (1).xlsx").write_bytes(b"")
    (desk.folder / "~$lea.xlsx").write_bytes(b"")
    assert [one.code for one in desk.read("lea").findings] == ["review-file-missing"]
    assert all(one.severity is Severity.ERROR for one in desk.read("max").findings)
    assert [one.value for one in unknown_files(desk.folder, desk.review)] == ["lea (1).xlsx"]


def test_a_deleted_column_is_an_error(desk: ReviewDesk) -> None:
    desk.edit("lea", lambda sheet: sheet.delete_cols(12))
    (finding,) = desk.read("lea").findings
    assert (finding.code, finding.message) == ("review-columns", 'the column is missing: "Row"')


def test_hidden_and_sorted_rows_are_read(desk: ReviewDesk) -> None:
    desk.fill("lea", "bob", "ALPHA", decision="revoke")

    def sort(sheet: Any) -> None:
        values = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=2)]
        for row, some in zip(sheet.iter_rows(min_row=2), reversed(values), strict=True):
            for cell, value in zip(row, some, strict=True):
                cell.value = value
        sheet.row_dimensions[7].hidden = True

    desk.edit("lea", sort)
    answers = desk.read("lea")
    assert answers.findings == ()
    (answer,) = answers.given
    assert answer.row.user.username == "bob" and str(answer.origin).endswith("!H7")


def test_a_custom_role_counts_in_its_own_project_only(tmp_path: Path) -> None:
    roles = {1: {**ROLES[1], 2: "Tester"}, 2: ROLES[2]}
    desk = ReviewDesk(tmp_path, a_current(roles))
    desk.fill("lea", "bob", "ALPHA", decision="change", new_role="Tester")
    desk.fill("lea", "eve", "BETA", decision="change", new_role="Tester")
    answers = desk.read("lea")
    assert [answer.row.user.username for answer in answers.given] == ["bob"]
    assert [(code, case) for code, case, _ in codes(answers.findings)] == [
        ("review-role", "unknown")
    ]
