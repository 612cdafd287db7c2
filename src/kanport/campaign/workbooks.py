"""The workbook of a reviewer: written, and read back with everything that is wrong with it.

Only the columns of the decision can be filled in; people get around that, by sorting, pasting or
with another program. So a row is known by its key and compared with what was written. A row that
is missing says nothing: it stays open, and the access stays.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from kanport.access.snapshot import Snapshot
from kanport.campaign.model import Campaign, Decision, ReviewRow
from kanport.errors import SourceInvalid, Unreachable
from kanport.findings import Finding, Severity, finding, found
from kanport.mapping.base import near
from kanport.mapping.sources import ExcelSource
from kanport.messages import listed
from kanport.model import ProjectRole
from kanport.names import normalize as in_form
from kanport.origin import Origin
from kanport.records import dataclass
from kanport.report.escape import storable
from kanport.report.excel import fitting
from kanport.rules import strip_blanks
from kanport.sources import SourceContext, read_source
from kanport.table import Row, Table
from kanport.workbook import SheetColumn, Styled, Value, WorkbookSheet, write_book

SHEET = "Review"
PROJECT, TITLE, USERNAME, NAME = "Project", "Project name", "Username", "Name"
EMAIL = "Email"
ROLE, ACCESS, ADVICE = "Role", "Access", "Please check"
DECISION, NEW_ROLE, COMMENT, KEY = "Decision", "New role", "Comment", "Row"
LOCKED = (PROJECT, USERNAME, ROLE)
"""The columns that say what a decision is about; they must be as they were written."""

_ENTRY, _MUTED, _TITLE, _STRONG = "entry", "muted", "title", "strong"
_STYLES: Final[dict[str, dict[str, Any]]] = {
    _ENTRY: {"bg_color": "#FFF9E5", "border": 1, "border_color": "#D9C98A", "locked": False},
    _MUTED: {"font_color": "#8A8A8A"},
    _TITLE: {"bold": True, "font_size": 16},
    _STRONG: {"bold": True},
}
_MOST_LISTED = 255  # Characters that a list of choices may have in Excel.
_LONGEST_COMMENT = 500  # It becomes a part of the reason in the plan and in every report.
_APOSTROPHES = re.compile("[’‘´`ʼ]")
_WORDS: Mapping[str, Decision] = {
    **{str(decision): decision for decision in Decision},
    "change": Decision.CHANGE,
    "dont know": Decision.UNSURE,
    "do not know": Decision.UNSURE,
}


def workbook_of(
    review: Campaign, snapshot: Snapshot, reviewer: str, rows: Sequence[ReviewRow]
) -> bytes:
    """Return the workbook of a reviewer; the same review gives the same bytes."""
    roles = (*ProjectRole, *sorted({row.membership.role for row in rows} - {*ProjectRole}))
    columns = (
        SheetColumn(PROJECT, widest=20.0),
        SheetColumn(TITLE, widest=40.0),
        SheetColumn(USERNAME, widest=28.0),
        SheetColumn(NAME, widest=30.0),
        SheetColumn(ROLE, widest=24.0),
        SheetColumn(ACCESS, widest=28.0),
        SheetColumn(ADVICE, widest=40.0, alarm=("*",)),
        SheetColumn(DECISION, choices=tuple(Decision), style=_ENTRY, width=13),
        SheetColumn(
            NEW_ROLE,
            choices=roles if len(",".join(roles)) <= _MOST_LISTED else (),
            style=_ENTRY,
            width=18,
        ),
        SheetColumn(COMMENT, style=_ENTRY, width=36),
        SheetColumn(EMAIL, widest=32.0),
        SheetColumn(KEY, style=_MUTED, width=15),
    )
    listing: list[list[Value]] = [
        [
            row.project.label,
            row.project.name,
            row.user.username,
            row.user.name,
            row.membership.role,
            _access(row, snapshot),
            "; ".join(one.text for one in row.advice),
            *(Styled(None, _ENTRY),) * 3,
            row.user.email,
            Styled(row.key, _MUTED),
        ]
        for row in rows
    ]
    meanings: list[list[Value]] = [[f"  {word}", text] for word, text in _MEANINGS.items()]
    about: list[list[Value]] = [
        [Styled(f"Access review: {review.name}", _TITLE)],
        [],
        [Styled("Reviewer", _STRONG), reviewer],
        [Styled("Please answer until", _STRONG), review.until],
        [Styled("Server", _STRONG), review.server.url],
        [Styled("Access as of", _STRONG), snapshot.taken_at],
        [Styled("Rows", _STRONG), str(len(rows))],
        [],
        [Styled("What to do", _STRONG)],
        [f"Fill in the yellow columns of the sheet {SHEET}, one decision for each row:"],
        *meanings,
        ["Leave a row empty if you want to decide later. A deleted row changes nothing."],
        ["Do not change the other columns: each row is compared with what was written."],
        ["Your own access is not in this workbook: you cannot decide about it."]
        if not review.about_self
        else [],
    ]
    return write_book(
        [
            WorkbookSheet(SHEET, columns, listing, table=SHEET, printed=10, locked=True),
            WorkbookSheet(
                "How to",
                (SheetColumn("", width=24), SheetColumn("", width=80)),
                about,
                locked=True,
            ),
        ],
        title=storable(f"Access review: {review.name}"),
        made_at=datetime.fromisoformat(review.created_at),
        made_by=f"Kanport {review.kanport}",
        styles=_STYLES,
        text=fitting,
    )


_MEANINGS = {
    Decision.KEEP: "this user still needs this role in this project",
    Decision.REVOKE: "this user loses access to this project",
    Decision.CHANGE: f"this user gets the role that you choose in {NEW_ROLE}",
    Decision.UNSURE: "you cannot decide; somebody asks again",
}


def _access(row: ReviewRow, snapshot: Snapshot) -> str:
    names = listed([snapshot.group_by_id[one].name for one in row.membership.through])
    match row.membership.direct:
        case True:
            access = "direct"
        case False:
            access = f"through {names}"
        case _:
            access = f"direct or through {names}"
    return access


# --- reading a workbook back ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Answer:
    """What a reviewer decided about a row, and in which cell."""

    row: ReviewRow
    reviewer: str
    decision: Decision
    role: str | None
    comment: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class Answers:
    """What one workbook says: decisions, findings, and the facts of the file for a plan.

    `rows` are those that the reviewer was asked about; `wrong` are the keys of those that have
    errors, or may have. `table` is None where it cannot be read.
    """

    reviewer: str
    file: str
    rows: tuple[ReviewRow, ...]
    given: tuple[Answer, ...]
    findings: tuple[Finding, ...]
    table: Table | None = None
    wrong: frozenset[str] = frozenset()


def read_answers(
    folder: Path,
    file: str,
    reviewer: str,
    rows: Sequence[ReviewRow],
    every: Mapping[str, ReviewRow],
) -> Answers:
    """Read the workbook of a reviewer; `every` are the rows of all reviewers by key."""
    source, wrong = Path(file).stem, frozenset(row.key for row in rows)
    if not (folder / file).exists():
        missing = found("review-file-missing", value=file, file=file, reviewer=reviewer)
        return Answers(reviewer, file, tuple(rows), (), (missing,))
    spec = ExcelSource(
        type="excel",
        path=file,
        sheet=SHEET,
        header_row=1,
        hidden_rows="read",
        merged_cells="fill",
        verbatim=True,
    )
    try:
        table = read_source(source, spec, SourceContext(folder))
    except (SourceInvalid, Unreachable) as problem:
        whys = problem.findings or (
            found("review-file-unread", value=file, file=file, why=problem.why),
        )
        return Answers(reviewer, file, tuple(rows), (), whys, wrong=wrong)
    needed = (*LOCKED, DECISION, NEW_ROLE, COMMENT, KEY)
    if lost := [column for column in needed if column not in table.columns]:
        why = found("review-columns", table.origin, columns=tuple(lost), count=len(lost))
        return Answers(reviewer, file, tuple(rows), (), (why,), table, wrong)
    return _AnswerReader(reviewer, file, rows, every, table).answers()


class _AnswerReader:
    """The rows of one workbook, compared with what was written."""

    def __init__(
        self,
        reviewer: str,
        file: str,
        rows: Sequence[ReviewRow],
        every: Mapping[str, ReviewRow],
        table: Table,
    ) -> None:
        self._reviewer, self._file, self._rows = reviewer, file, tuple(rows)
        self._own, self._every, self._table = {row.key: row for row in rows}, every, table
        self._findings: list[Finding] = []
        self._wrong: set[str] = set()
        self._roles: dict[int, set[str]] = {}
        for row in every.values():
            self._roles.setdefault(row.project.id, set()).add(row.membership.role)

    def answers(self) -> Answers:
        """Return the decisions, and all that is wrong."""
        errors = (f for f in self._table.findings if f.severity is Severity.ERROR)
        self._findings.extend(errors)
        seen: dict[str, Row] = {}
        given = []
        for row in self._table.rows:
            key = _text(row, KEY)
            if not any(map(str, row.values.values())):
                continue
            asked = self._own.get(key)
            if asked is None:
                self._unknown(row, key)
            elif key in seen:
                first = seen[key].place(KEY)
                self._report("review-row-twice", row, KEY, related=(first,), first=str(first))
                self._wrong.add(key)
            else:
                seen[key] = row
                if (answer := self._answer(row, asked)) is not None:
                    given.append(answer)
        deleted = [row for row in self._rows if row.key not in seen]
        if any(one.code == "review-row-unknown" for one in self._findings):
            # Each of these may be the row whose key was overwritten.
            self._wrong.update(row.key for row in deleted)
        if deleted:
            self._findings.append(
                found(
                    "review-rows-missing",
                    self._table.whole,
                    count=len(deleted),
                    usernames=tuple(dict.fromkeys(row.user.username for row in deleted)),
                )
            )
        return Answers(
            self._reviewer,
            self._file,
            self._rows,
            tuple(given),
            tuple(self._findings),
            self._table,
            frozenset(self._wrong),
        )

    def _unknown(self, row: Row, key: str) -> None:
        if key in self._every:
            other = self._every[key]
            case = "self" if other.user.username == self._reviewer else "other"
            username, project = other.user.username, other.project.label
            self._report(
                "review-row-unknown", row, KEY, case=case, username=username, project=project
            )
        else:
            self._report("review-row-unknown", row, KEY, value=key or None)

    def _answer(self, row: Row, asked: ReviewRow) -> Answer | None:
        written = {
            PROJECT: asked.project.label,
            USERNAME: asked.user.username,
            ROLE: asked.membership.role,
        }
        changed = [name for name in LOCKED if _text(row, name) != _as_read(written[name])]
        for name in changed:
            value = _text(row, name)
            self._report(
                "review-row-changed", row, name, value=value, written=written[name], now=value
            )
        odd = [name for name in (DECISION, NEW_ROLE, COMMENT) if name in row.odd]
        for name in odd:
            why = row.odd[name]
            self._findings.append(finding(why.fact, row.place(name), value=why.value))
        if changed or odd:
            self._wrong.add(asked.key)
            return None
        word, role = _text(row, DECISION), _text(row, NEW_ROLE)
        if not (word or role):
            return None
        plain = " ".join(_APOSTROPHES.sub("'", word).casefold().split())
        decision = _WORDS.get(plain)
        if decision is None:
            self._wrong_word(row, word)
        if decision is None or not self._role_fits(row, asked, decision, role):
            self._wrong.add(asked.key)
            return None
        return Answer(
            asked,
            self._reviewer,
            decision,
            role or None,
            _text(row, COMMENT)[:_LONGEST_COMMENT],
            row.place(DECISION),
        )

    def _wrong_word(self, row: Row, word: str) -> None:
        meant = near(word, _WORDS) if word else None
        case = "empty" if not word else "near" if meant else ""
        decision = str(_WORDS[meant]) if meant else ""
        self._report(
            "review-decision", row, DECISION, case=case, value=word or None, meant=decision
        )

    def _role_fits(self, row: Row, asked: ReviewRow, decision: Decision, role: str) -> bool:
        # Kanboard takes any text for a role, so only those that the project has are known.
        known = {*ProjectRole, *self._roles.get(asked.project.id, ())}
        if decision is not Decision.CHANGE:
            case = "needless" if role else None
        elif not role:
            case = "missing"
        else:
            same = role == asked.membership.role
            case = "same" if same else None if role in known else "unknown"
        if case is not None:
            self._report("review-role", row, NEW_ROLE, case=case, value=role or None, role=role)
        return case is None

    def _report(
        self,
        code: str,
        row: Row,
        column: str,
        *,
        case: str = "",
        value: str | None = None,
        related: Iterable[Origin] = (),
        **params: Any,
    ) -> None:
        place = row.place(column)
        self._findings.append(
            found(code, place, case=case, value=value, related=tuple(related), **params)
        )


def _text(row: Row, column: str) -> str:
    return strip_blanks(str(row.values.get(column, "")))


def _as_read(text: str) -> str:
    return strip_blanks(in_form("NFC", fitting(text)))


def unknown_files(folder: Path, review: Campaign) -> Iterator[Finding]:
    """Yield a finding for each workbook in the folder that is none of the review's."""
    known = {one.file for one in review.workbooks}
    for path in sorted(folder.glob("*.xlsx")):
        # Excel keeps a file of this name while a workbook is open.
        if path.name not in known and not path.name.startswith("~$"):
            yield found("review-file-unknown", value=path.name, file=path.name)
