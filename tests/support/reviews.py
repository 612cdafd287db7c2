"""A small review: two projects, two reviewers, and everything that can be asked about them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from openpyxl import load_workbook

from kanport.access.snapshot import Snapshot, snapshot_of
from kanport.campaign.model import Campaign, ReviewRow, ReviewWorkbook, by_reviewer, rows_of
from kanport.campaign.workbooks import Answers, read_answers, workbook_of
from kanport.model import CurrentState, Group, User
from tests.support.planning import a_server

EVE, BOB, GIL = User(2, "eve", name="Eve"), User(3, "bob"), User(4, "gil", active=False)
LEA, MAX = User(5, "lea"), User(6, "max")
ROLES = {
    1: {5: "project-manager", 2: "project-member", 3: "project-viewer", 4: "project-member"},
    2: {6: "project-manager", 5: "project-manager", 2: "project-manager", 1: "project-member"},
}


def a_current(roles: Any = None, *, groups: tuple[Group, ...] = (), **parts: Any) -> CurrentState:
    """Return the server of the review, perhaps with other roles."""
    users = parts.pop("users", (EVE, BOB, GIL, LEA, MAX))
    return a_server(*users, roles=roles or ROLES, groups=groups, **parts)


def a_snapshot(current: CurrentState | None = None, **parts: Any) -> Snapshot:
    """Return the snapshot of the server."""
    given = {"taken_at": "2026-11-20T08:00:00Z", "read_by": "ann@desk", **parts}
    return snapshot_of(current or a_current(), **given)


def a_review(snapshot: Snapshot, **parts: Any) -> Campaign:
    """Return the review of ALPHA by lea, and of BETA by max and lea."""
    given: dict[str, Any] = {
        "name": "autumn",
        "created_at": "2026-11-20T08:00:00Z",
        "made_by": "ann@desk",
        "kanport": "1.0",
        "until": "2026-12-01",
        "server": snapshot.server,
        "snapshot": snapshot.digest,
        "reviewers": {1: ("lea",), 2: ("lea", "max")},
        "workbooks": (
            ReviewWorkbook(reviewer="lea", file="lea.xlsx", rows=0),
            ReviewWorkbook(reviewer="max", file="max.xlsx", rows=0),
        ),
    }
    return Campaign(**{**given, **parts}).sealed()


class ReviewDesk:
    """The folder of a review, with workbooks to fill in and to read back."""

    def __init__(self, folder: Path, current: CurrentState | None = None, **parts: Any) -> None:
        self.folder = folder
        self.snapshot = a_snapshot(current)
        self.review = a_review(self.snapshot, **parts)
        self.rows = rows_of(self.review, self.snapshot)
        self.theirs = by_reviewer(self.rows)
        for reviewer, rows in self.theirs.items():
            content = workbook_of(self.review, self.snapshot, reviewer, rows)
            (folder / f"{reviewer}.xlsx").write_bytes(content)

    def row(self, username: str, project: str) -> ReviewRow:
        """Return a row by its user and project."""
        return next(
            row
            for row in self.rows
            if (row.user.username, row.project.label) == (username, project)
        )

    def edit(self, reviewer: str, change: Callable[[Any], None]) -> None:
        """Change the sheet of a reviewer."""
        path = self.folder / f"{reviewer}.xlsx"
        book = load_workbook(path)
        change(book["Review"])
        book.save(path)

    def fill(self, reviewer: str, username: str, project: str, /, **cells: str) -> None:
        """Write into the row of a user: `decision`, `new_role`, `comment` and others."""

        def change(sheet: Any) -> None:
            columns = {str(cell.value).lower().replace(" ", "_"): cell.column for cell in sheet[1]}
            for row in sheet.iter_rows(min_row=2):
                if (row[2].value, row[0].value) == (username, project):
                    for name, value in cells.items():
                        sheet.cell(row[0].row, columns[name], value)

        self.edit(reviewer, change)

    def read(self, reviewer: str) -> Answers:
        """Read the workbook of a reviewer back."""
        every = {row.key: row for row in self.rows}
        rows = self.theirs.get(reviewer, [])
        return read_answers(self.folder, f"{reviewer}.xlsx", reviewer, rows, every)
