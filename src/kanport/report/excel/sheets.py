"""Which sheets a report has, and what stands in them."""

from collections.abc import Iterator

from kanport.report.columns import table_of
from kanport.report.excel.cells import Style
from kanport.report.excel.sheet import Column, Sheet
from kanport.report.excel.summary import summary_sheet
from kanport.report.parts import View, ViewKind
from kanport.report.tables import Matrix

# What a reviewer is to decide of each access.
DECISIONS = ("keep", "revoke", "change")
_REVIEW = (
    Column("Decision", choices=DECISIONS, style=Style.ENTRY, width=13),
    Column("Reviewer", style=Style.ENTRY, width=18),
    Column("Date", style=Style.DAY, width=13),
    Column("Comment", style=Style.ENTRY, width=40),
)
_NARROW = {
    "Risk": 60.0,
    "Reason": 44.0,
    "Message": 60.0,
    "Hint": 60.0,
    "Origin": 44.0,
    "Changes": 44.0,
}
_ALARMS = {
    "Risk": ("*",),
    "Outcome": ("failed", "skipped", "not attempted"),
    "Verdict": ("not as planned",),
    "Severity": ("error",),
    "What became of it": ("left out",),
    "What happens": ("failed", "skipped", "not attempted"),
    "Account": ("disabled", "removed", "not there"),
}


def sheets_of(view: View) -> Iterator[Sheet]:
    """Give the sheets of a report: the summary, and a table each for what it tells."""
    yield summary_sheet(view)
    if view.kind is not ViewKind.VALIDATION:
        yield _table(view, "changes", "Changes", "Changes")
        yield _projects(view)
    if view.kind in (ViewKind.PLAN, ViewKind.RUN):
        yield _table(view, "access", "Access review", "AccessReview", _REVIEW)
        if view.matrix is not None:
            yield _matrix(view.matrix)
    if view.kind is not ViewKind.VERIFICATION:
        yield _table(view, "findings", "Findings", "Findings")
        yield _table(view, "rows", "Input rows", "InputRows")


def _table(view: View, name: str, title: str, key: str, more: tuple[Column, ...] = ()) -> Sheet:
    table = table_of(view, name)
    columns = tuple(
        Column(column, widest=_NARROW.get(column, 36.0), alarm=_ALARMS.get(column, ()))
        for column in table.columns
    )
    return Sheet(title, (*columns, *more), table.rows, table=key)


def _projects(view: View) -> Sheet:
    heads = ["Project", "Granted", "Changed", "Revoked"]
    kinds = ("granted", "changed", "revoked")
    planned = view.kind is ViewKind.RUN
    if planned:
        heads += ["Granted, planned", "Changed, planned", "Revoked, planned"]
    heads += ["Group access granted", "Group access changed", "Group access revoked"]
    heads += ["People before", "People after", "Gained through groups", "Lost through groups"]
    heads += ["Not sure, through groups"]
    columns = tuple(map(Column, heads))
    rows = [
        (
            one.project,
            *(getattr(one.made, kind) for kind in kinds),
            *(getattr(one.planned, kind) for kind in kinds if planned),
            *(getattr(one.groups_made, kind) for kind in kinds),
            *(
                (
                    one.flow.before,
                    one.flow.after,
                    one.flow.gained,
                    one.flow.lost,
                    one.flow.unsure,
                )
                if one.flow is not None
                else (None,) * 5
            ),
        )
        for one in view.projects
    ]
    return Sheet("Projects", columns, rows, table="Projects")


def _matrix(matrix: Matrix) -> Sheet:
    heads = ["Project", "Id", "All before", "All after"]
    for number, role in enumerate(matrix.roles, start=1):
        # A role of somebody's own making can be named like another head, or like nothing.
        name = role if role.isprintable() and role.strip() == role and role else f"role {number}"
        heads += [f"{name} before", f"{name} after"]
    rows = [
        [
            row.project,
            row.project_id,
            row.before,
            row.after,
            *(number for cell in row.cells for number in (cell.before, cell.after)),
        ]
        for row in matrix.rows
    ]
    return Sheet("Access matrix", tuple(map(Column, _unique(heads))), rows, table="AccessMatrix")


def _unique(heads: list[str]) -> Iterator[str]:
    # Excel tells the heads of a table apart without regard to case.
    seen: set[str] = set()
    for number, head in enumerate(heads, start=1):
        short = head[:200]
        named = short if short.lower() not in seen else f"{short} ({number})"
        seen.add(named.lower())
        yield named
