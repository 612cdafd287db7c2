"""The tables of a report, such as changes and findings, and one of them as CSV (RFC 4180).

In CSV, a text that a spreadsheet would take for a formula gets an apostrophe before it. Characters
that cannot be seen are escaped, so that each record is one line.
"""

import csv
import io
from collections.abc import Iterable, Sequence
from functools import cache
from typing import NamedTuple

from kanport.errors import UsageError
from kanport.findings import Finding
from kanport.plan.change import Action, called
from kanport.report.escape import escape_control
from kanport.report.sentences import OPEN_BECAUSE, SEVERITIES, reason_text
from kanport.report.view import (
    AccessRow,
    Account,
    ChangeView,
    Difference,
    InputRow,
    View,
    ViewKind,
    WithheldView,
)

Cell = str | int | None


class ReportTable(NamedTuple):
    """One table of a report: what it is called, its columns and its rows."""

    name: str
    columns: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]


TABLES = ("changes", "findings", "access", "rows", "withheld", "open")


def table_of(view: View, name: str) -> ReportTable:
    """Return one table of a report; raise UsageError where this kind has no such table."""
    if name not in _MAKERS:
        raise UsageError(f'there is no table "{name}"', hint=f"use one of {', '.join(_MAKERS)}")
    if name in ("changes", "access", "withheld", "open") and view.kind is ViewKind.VALIDATION:
        raise UsageError(
            f"a validation has no table of {name}: no server was read",
            hint="choose --table findings or --table rows",
        )
    return _MAKERS[name](view)


def _changes(view: View) -> ReportTable:
    endings: tuple[str, ...] = ()
    if view.kind is ViewKind.RUN:
        endings = ("Outcome", "Outcome reason")
    elif view.kind is ViewKind.VERIFICATION:
        endings = ("Verdict", "Instead")
    columns = (
        *("Change", "Action", "User", "Name", "Project", "Group"),
        *("Before", "After", "Risk", "Reason", "Origin"),
        *endings,
    )
    names = {
        username: person.name or None
        for person in view.people
        for username in (*person.earlier, person.username)
    }
    return ReportTable("changes", columns, [_change(line, names) for line in view.lines])


def _change(line: ChangeView, names: dict[str, str | None]) -> tuple[Cell, ...]:
    change = line.change
    who = line.username
    before, after = _states(line)
    told: tuple[Cell, ...] = (
        change.id,
        change.action.value,
        who,
        names.get(who or ""),
        change.project,
        change.group,
        before,
        after,
        "; ".join(line.risks) or None,
        reason_text(line),
        ", ".join(line.places) or None,
    )
    ending = line.ending
    return told if ending is None else (*told, ending.word, ending.reason)


def _states(line: ChangeView) -> tuple[str | None, str | None]:
    differences = line.differences
    if len(differences) == 1 and differences[0].field == "role" and line.target:
        # In a project there is nothing but a role.
        return differences[0].before, differences[0].after
    return _joined(differences, before=True), _joined(differences, before=False)


def _joined(differences: Sequence[Difference], *, before: bool) -> str | None:
    told = [
        f"{one.label}: {'(empty)' if value == '' else value}"
        for one in differences
        if (value := one.before if before else one.after) is not None
    ]
    return "; ".join(told) or None


def _findings(view: View) -> ReportTable:
    columns = ("Severity", "Code", "Place", "Message", "Value", "Hint", "See also")
    return ReportTable("findings", columns, [_finding(finding) for finding in view.findings])


def _finding(finding: Finding) -> tuple[Cell, ...]:
    return (
        SEVERITIES[finding.severity].one,
        finding.code,
        str(finding.origin) if finding.origin is not None else None,
        finding.message,
        finding.value,
        finding.hint,
        ", ".join(map(str, finding.related)) or None,
    )


def _access(view: View) -> ReportTable:
    columns = (
        *("User", "Name", "Project", "Before", "After", "What happens", "Account"),
        *("Change", "Reason", "Origin"),
    )
    return ReportTable("access", columns, [_access_row(row) for row in view.access])


def _access_row(row: AccessRow) -> tuple[Cell, ...]:
    line = row.line
    return (
        row.person,
        row.name or None,
        row.project,
        row.before,
        row.after,
        _happens(row),
        None if row.account is Account.ACTIVE else row.account.value,
        row.change_id,
        row.reason if line is not None or row.moves else None,
        (", ".join(line.places) or None) if line is not None else None,
    )


def _happens(row: AccessRow) -> str:
    """Return in one word what happens to an access, for a filter."""
    if row.line is not None and row.line.ending is not None and not row.line.ending.good:
        word = row.line.ending.word
        return f"{word}; {_by_itself(row)}" if row.moves else word
    return _by_itself(row)


def _by_itself(row: AccessRow) -> str:
    line = row.line
    if line is not None and line.in_place and line.change.action is Action.MEMBERSHIP_REVOKE:
        if row.after is not None and not row.either:
            return "revoked; keeps a role through a group"
        return "revoked; may keep a role through a group" if row.maybe else "revoked"
    if row.before == row.after:
        return "may change through a group" if row.maybe else "stays"
    may = "may be " if row.maybe else ""
    word = "granted" if row.before is None else "changed" if row.after is not None else "revoked"
    if row.moves:
        return f"{may}{word} through a group"
    if row.before is None:
        return f"{may}{word}"
    return f"{word}, if not through a group" if row.maybe else word


def _rows(view: View) -> ReportTable:
    columns = ("Source", "Place", "Rows", "What became of it", "Changes", "Findings")
    return ReportTable("rows", columns, [_row(row) for row in view.rows])


def _row(row: InputRow) -> tuple[Cell, ...]:
    return (
        row.source,
        row.place,
        row.times,
        row.fate.value,
        ", ".join(line.change.id for line in row.lines) or None,
        ", ".join(dict.fromkeys(finding.code for finding in row.findings)) or None,
    )


def _withheld(view: View) -> ReportTable:
    columns = (
        *("Action", "User", "Project", "Group", "Before", "Because", "Rows and entries"),
        "Missing since",
    )
    return ReportTable("withheld", columns, [_withheld_row(one) for one in view.withheld])


def _withheld_row(one: WithheldView) -> tuple[Cell, ...]:
    change = one.change
    before, _ = _states(one.line)
    return (
        change.action.value,
        called(change),
        change.project,
        change.group,
        before,
        "; ".join(because.message for because in one.because),
        ", ".join(one.places) or None,
        one.since,
    )


def _open(view: View) -> ReportTable:
    columns = ("Action", "User", "Project", "Group", "Because", "Open since", "Days")
    rows = [
        (
            one.removal.action,
            one.removal.username or None,
            one.removal.project or None,
            one.removal.group or None,
            OPEN_BECAUSE[one.removal.why],
            one.removal.since,
            one.days,
        )
        for one in view.open
    ]
    return ReportTable("open", columns, rows)


_MAKERS = {
    "changes": _changes,
    "findings": _findings,
    "access": _access,
    "rows": _rows,
    "withheld": _withheld,
    "open": _open,
}

# --- one table of a report as CSV (RFC 4180), in UTF-8 --------------------------------------------

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def render(view: View, table: str | None = None) -> str:
    """Return one table of a report (`TABLES`).

    By default it is the changes; of a validation, which has none, the findings. Raises UsageError
    where this kind of report has no such table.
    """
    told = table_of(view, table or ("findings" if view.kind is ViewKind.VALIDATION else "changes"))
    return csv_of(told.columns, told.rows)


def csv_of(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> str:
    """Return rows as CSV in which no cell is a formula and each record is one line."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\r\n")
    writer.writerow(columns)
    harmless = cache(_harmless)
    writer.writerows([[harmless(cell) for cell in row] for row in rows])
    return stream.getvalue()


def _harmless(cell: Cell) -> Cell:
    r"""Return a cell that no spreadsheet takes for a formula.

    >>> _harmless("=1+1"), _harmless("a\nb"), _harmless(-1)
    ("'=1+1", 'a\\nb', -1)
    """
    if not isinstance(cell, str):
        return cell
    return f"'{escape_control(cell)}" if cell.startswith(_FORMULA) else escape_control(cell)
