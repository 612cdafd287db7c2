"""The status and the result of a review: what programs read, and documents for people. Pure."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from kanport.campaign.decisions import Became, Decided, DecisionResult, all_as_decided
from kanport.campaign.model import Campaign, ReviewRow
from kanport.findings import Finding, errors_in
from kanport.messages import counted
from kanport.report.document import Data, DataTable, Document, Section, item
from kanport.report.view import Count, Level, Sum

# --- the status -----------------------------------------------------------------------------------


def status_data(review: Campaign, read: Decided, today: str) -> dict[str, Any]:
    """Return how far a review is, in total and by workbook; `today` is a day in UTC."""
    late = today > review.until
    unanswered = {row.key for row in read.open}
    workbooks: list[dict[str, Any]] = []
    for workbook in read.workbooks:
        mine = {row.key for row in workbook.rows}
        left = len(mine & unanswered)
        workbooks.append(
            {
                "reviewer": workbook.reviewer,
                "file": workbook.file,
                "rows": len(mine),
                "decided": len(mine) - left,
                "open": left,
                "errors": sum(1 for _ in errors_in(workbook.findings)),
                "overdue": late and left > 0,
            }
        )
    return {
        "format": "kanport-review-status/1",
        "review": review.name,
        "until": review.until,
        "rows": len(read.rows),
        "decided": len(read.rows) - len(read.open),
        "open": len(read.open),
        "errors": read.errors,
        "unassigned": len(read.unassigned),
        "overdue": late and bool(read.open),
        "workbooks": workbooks,
        "findings": [one.to_dict() for one in read.findings],
    }


def _shared(rows: Sequence[ReviewRow]) -> str:
    """Return why the rows of the reviewers are more than those of the review, if they are."""
    shared = sum(len(row.reviewers) > 1 for row in rows)
    number = counted(shared, "row has", "rows have")
    return f"{number} several reviewers; the decision of one is enough." if shared else ""


def status_document(review: Campaign, read: Decided, data: Mapping[str, Any]) -> Document:
    """Return the document of a status, with a line for each workbook; `data` is `status_data`."""
    lines = data["workbooks"]
    return Document(
        ("Access review: ", Data(review.name)),
        Level.GOOD if read.complete else Level.STOP if read.errors else Level.LOOK,
        (
            f"{data['decided']} of {counted(len(read.rows), 'row', 'rows')} decided,"
            f" {data['open']} open{', overdue' if data['overdue'] else ''};"
            f" the review ends on {review.until}",
        ),
        sums=(_sum("rows", {"decided": data["decided"], "open": data["open"]}),),
        tables=(
            DataTable(
                "reviewers",
                "Reviewers",
                ("Reviewer", "Rows", "Decided", "Open", "Errors", "Overdue", "Workbook"),
                [
                    (
                        *(one[name] for name in ("reviewer", "rows", "decided", "open", "errors")),
                        "overdue" if one["overdue"] else "",
                        one["file"],
                    )
                    for one in lines
                ],
                _shared(read.rows),
                names=[one["reviewer"] for one in lines if one["open"]],
                number=len(lines),
                review=not read.complete,
            ),
            _findings_table(read.findings),
            _open_rows("unassigned", "Rows without a reviewer", read.unassigned),
            _open_rows("open", "Open", read.open),
        ),
    )


# --- the result -----------------------------------------------------------------------------------


def result_data(
    review: Campaign,
    read: Decided,
    rows: Sequence[DecisionResult],
    runs: Sequence[Mapping[str, str]],
    *,
    closed_at: str,
    closed_by: str,
) -> dict[str, Any]:
    """Return what came of a review, row by row; `runs` carried the decisions out."""
    counts = Counter(one.became for one in rows)
    return {
        "format": "kanport-review-result/1",
        "review": review.name,
        "server": review.server.url,
        "started_at": review.created_at,
        "started_by": review.made_by,
        "until": review.until,
        "closed_at": closed_at,
        "closed_by": closed_by,
        "snapshot": review.snapshot,
        "runs": list(runs),
        "totals": {str(one): counts[one] for one in Became},
        "rows": list(map(_result_row, rows)),
        "workbooks": [
            {"file": one.file, "reviewer": one.reviewer, "sha256": one.table.sha256}
            for one in read.workbooks
            if one.table is not None
        ],
    }


def _result_row(one: DecisionResult) -> dict[str, Any]:
    row, answer = one.row, one.answer
    return {
        "project": row.project.label,
        "project_id": row.project.id,
        "username": row.user.username,
        "user_id": row.user.id,
        "role": row.membership.role,
        "now": one.now,
        "became": str(one.became),
        "decision": str(answer.decision) if answer is not None else None,
        "new_role": answer.role if answer is not None else None,
        "reviewer": answer.reviewer if answer is not None else None,
        "comment": answer.comment if answer is not None else None,
        "origin": answer.origin.to_dict() if answer is not None else None,
    }


def result_document(
    review: Campaign,
    read: Decided,
    rows: Sequence[DecisionResult],
    runs: Sequence[Mapping[str, str]],
) -> Document:
    """Return the document of a result."""
    counts = Counter(one.became for one in rows)
    ran = Section(("Runs",), tuple(item(Data(one["run"]), f", {one['approved']}") for one in runs))
    changed = counts[Became.REVOKED] + counts[Became.CHANGED]
    return Document(
        ("Result of the access review: ", Data(review.name)),
        Level.GOOD if all_as_decided(rows) else Level.LOOK,
        (
            f"{len(rows) - counts[Became.OPEN]} of {counted(len(rows), 'row', 'rows')} decided:"
            f" {counts[Became.KEPT]} kept, {changed} revoked or changed and verified,"
            f" {counts[Became.NOT_DONE] + counts[Became.DRIFTED]} not as decided,"
            f" {counts[Became.OPEN]} open",
        ),
        (ran,),
        sums=(_sum("rows", {str(one): counts[one] for one in Became}),),
        tables=(
            _findings_table(read.findings),
            *(
                _rows_table(became.name.lower(), str(became).capitalize(), some)
                for became in Became
                if (some := [one for one in rows if one.became is became])
            ),
        ),
    )


# --- their tables ---------------------------------------------------------------------------------


def _sum(what: str, parts: Mapping[str, int]) -> Sum:
    counts = tuple(Count(name, number, name) for name, number in parts.items())
    return Sum(Count(what, sum(parts.values()), what), counts)


def _open_rows(key: str, title: str, rows: Sequence[ReviewRow]) -> DataTable:
    listed = [
        (
            *(row.project.label, row.user.username, row.membership.role),
            ", ".join(row.reviewers) or "nobody can decide",
        )
        for row in rows
    ]
    columns = ("Project", "User", "Role", "Reviewer")
    names = tuple(f"{user} in {project}" for project, user, *_ in listed)
    return DataTable(key, title, columns, listed, names=names, number=len(listed))


def _rows_table(key: str, title: str, rows: Sequence[DecisionResult]) -> DataTable:
    """Return rows of a review with what was decided, by whom and where, and what became of it."""
    columns = ("Project", "User", "Role", "Decision", "New role", "Reviewer", "Result", "Role now")
    listed = []
    for one in rows:
        row, answer = one.row, one.answer
        listed.append(
            (
                *(row.project.label, row.user.username, row.membership.role),
                *((str(answer.decision), answer.role or "") if answer is not None else ("", "")),
                answer.reviewer if answer is not None else ", ".join(row.reviewers),
                str(one.became),
                one.now or "",
                answer.comment if answer is not None else "",
                str(answer.origin) if answer is not None else "",
            )
        )
    names = [f"{one.row.user.username} in {one.row.project.label}" for one in rows]
    all_columns = (*columns, "Comment", "Cell")
    return DataTable(key, title, all_columns, listed, names=names, number=len(listed))


def _findings_table(findings: Sequence[Finding]) -> DataTable:
    rows = [
        (
            "" if one.origin is None else str(one.origin),
            str(one.severity),
            one.value or "",
            one.message,
            one.hint or "",
        )
        for one in findings
    ]
    columns = ("Place", "Severity", "Value", "Finding", "Fix")
    names = tuple(dict.fromkeys(one.code for one in findings))
    return DataTable(
        "findings",
        "Findings",
        columns,
        rows,
        names=names,
        number=len(findings),
        review=bool(findings),
    )
