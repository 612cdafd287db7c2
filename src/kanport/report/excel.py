"""A report as an Excel file: summary, changes, access, findings and rows, as real tables."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any, Final

from kanport.plan.change import Action
from kanport.plan.review import RANKS
from kanport.report.access import people_by_projects
from kanport.report.escape import storable
from kanport.report.sentences import SEVERITIES, access_words, action_words, fact_rows
from kanport.report.tables import ReportTable, table_of
from kanport.report.view import Account, ChangeView, Level, View, ViewKind
from kanport.workbook import MOST_CHARACTERS, SheetColumn, Styled, Value, WorkbookSheet, write_book

DECISIONS = ("keep", "revoke", "change")
"""What a reviewer can decide about each access."""

_TITLE, _SECTION, _STRONG, _MUTED = "title", "section", "strong", "muted"
_MUTED_RIGHT, _MUTED_INDENT, _INDENT = "muted right", "muted indent", "indent"
_ENTRY, _DAY = "entry", "day"
_STYLES: Final[dict[str, dict[str, Any]]] = {
    _TITLE: {"bold": True, "font_size": 16},
    _SECTION: {"bold": True, "font_size": 12, "font_color": "#1F4E79"},
    _STRONG: {"bold": True},
    _MUTED: {"font_color": "#595959"},
    _MUTED_RIGHT: {"font_color": "#595959", "align": "right"},
    _MUTED_INDENT: {"font_color": "#595959", "align": "left", "indent": 1},
    _INDENT: {"quote_prefix": True, "align": "left", "indent": 1},
    _ENTRY: {"bg_color": "#FFF9E5"},
    _DAY: {"bg_color": "#FFF9E5", "num_format": r"yyyy\-mm\-dd"},
}
_REVIEW = (
    SheetColumn("Decision", choices=DECISIONS, style=_ENTRY, width=13),
    SheetColumn("Reviewer", style=_ENTRY, width=18),
    SheetColumn("Date", style=_DAY, width=13),
    SheetColumn("Comment", style=_ENTRY, width=40),
)
_NARROW = {
    "Risk": 60.0,
    "Reason": 44.0,
    "Message": 60.0,
    "Hint": 60.0,
    "Origin": 44.0,
    "Changes": 44.0,
    "Because": 60.0,
    "Rows and entries": 44.0,
}
_ALARMS = {
    "Risk": ("*",),
    "Outcome": ("failed", "skipped", "not started"),
    "Verdict": ("not as planned",),
    "Severity": ("error",),
    "What became of it": ("skipped", "left out"),
    "What happens": ("failed", "skipped", "not started"),
    "Account": ("disabled", "removed", "not there"),
}
_MARKS = {Level.GOOD: "OK", Level.NOTE: "Note", Level.LOOK: "Attention", Level.STOP: "Problem"}
_OUTCOMES = ("planned", "done", "unchanged", "failed", "skipped", "not started")
_VERDICTS = ("planned", "as planned", "not as planned")

PRINTED = 8
"""Columns of a table that are printed; those behind them are for the screen."""
_MOST_PROJECTS = 16_000
_NO_COLUMNS: Final[Mapping[str, SheetColumn]] = MappingProxyType({})

Row = Sequence[Value]


def render(view: View) -> bytes:
    """Return a report as an Excel file; the same view gives the same bytes."""
    made_at = _time(view.facts.run.started_at if view.facts.run else view.facts.created_at)
    return write_book(
        _sheets(view),
        title=storable(view.title),
        made_at=made_at if isinstance(made_at, datetime) else None,
        made_by=f"Kanport {view.facts.kanport}".strip(),
        styles=_STYLES,
        text=fitting,
    )


def _sheets(view: View) -> Iterator[WorkbookSheet]:
    """Yield the sheets of a report: the summary, and a table for each part of the view."""
    yield _summary(view)
    if view.kind is not ViewKind.VALIDATION:
        yield _changes(view)
        yield _projects(view)
        if view.withheld:
            yield _table("Withheld", "Withheld", *_worded(table_of(view, "withheld")))
        if view.open:
            still_open = table_of(view, "open")
            yield _table("Still open", "StillOpen", still_open.columns, still_open.rows)
        yield _access(view)
        if view.matrix is not None:
            yield _people_by_projects(view)
    findings = table_of(view, "findings")
    yield _table("Findings", "Findings", findings.columns, findings.rows)
    if view.kind is not ViewKind.VERIFICATION:
        rows = table_of(view, "rows")
        yield _table("Input rows", "InputRows", rows.columns, rows.rows)


def data_sheet(title: str, key: str, columns: Sequence[str], rows: Sequence[Row]) -> WorkbookSheet:
    """Return a table as a sheet; columns beyond those that Excel has are left out."""
    heads = tuple(_unique([storable(one) for one in columns[:_MOST_PROJECTS]]))
    # Excel takes no more characters for the name of a sheet, and letters only for a table's.
    return _table(title[:31], re.sub(r"\W", "_", key), heads, rows)


def _table(
    title: str,
    key: str,
    columns: Sequence[str],
    rows: Sequence[Row],
    special: Mapping[str, SheetColumn] = _NO_COLUMNS,
) -> WorkbookSheet:
    made = tuple(
        special.get(one)
        or SheetColumn(one, widest=_NARROW.get(one, 36.0), alarm=_ALARMS.get(one, ()))
        for one in columns
    )
    return WorkbookSheet(title, made, rows, table=key, printed=PRINTED)


def _changes(view: View) -> WorkbookSheet:
    """Return the changes, most severe first, with the columns first that are printed."""
    columns, rows = _worded(table_of(view, "changes"))
    ranks = [_severity(line) for line in view.lines]
    rows = [rows[at] for at in sorted(range(len(rows)), key=ranks.__getitem__)]
    ending = columns[11:]
    first = (*ending[:1], "Action", "User", "Project", "Before", "After", "Risk")
    first += ending[1:] or ("Reason",)
    return _table("Changes", "Changes", *_arranged(columns, rows, first))


def _severity(line: ChangeView) -> tuple[int, int]:
    """Return where a change stands: failures first, then by why it needs review, then removals."""
    undone = line.ending is not None and not line.ending.good
    rank = RANKS[line.reviews[0]] if line.reviews else len(RANKS) + (not line.is_removal)
    return not undone, rank


def _worded(table: ReportTable) -> tuple[tuple[str, ...], list[Row]]:
    """Return a table with plain words for actions."""
    at = table.columns.index("Action")
    words = {action.value: action_words(action) for action in Action}
    rows: list[Row] = [(*row[:at], words[str(row[at])], *row[at + 1 :]) for row in table.rows]
    return table.columns, rows


def _arranged(
    columns: Sequence[str], rows: Sequence[Row], first: Sequence[str]
) -> tuple[tuple[str, ...], list[Row]]:
    """Return a table with some columns first; a column that it lacks is empty."""
    order = (*first, *(one for one in columns if one not in first))
    at = [columns.index(one) if one in columns else None for one in order]
    return order, [[None if n is None else row[n] for n in at] for row in rows]


def _access(view: View) -> WorkbookSheet:
    table = table_of(view, "access")
    entry = {column.title: column for column in _REVIEW}
    first = ("User", "Project", "Before", "After", "What happens", *entry)
    columns, rows = _arranged(table.columns, table.rows, first)
    return _table("Access", "Access", columns, rows, entry)


def _people_by_projects(view: View) -> WorkbookSheet:
    """Return who has which role in which project, before and after."""
    people = people_by_projects(view.access)
    heads = ["User", "Name", "Account", "Changed", "Privileged"]
    rows: list[Row] = [
        [
            row.person,
            row.name or None,
            None if row.account is Account.ACTIVE else row.account.value,
            "yes" if row.changed else "no",
            "yes" if row.privileged else "no",
            *(
                access_words(row.roles[one]) if one in row.roles else None
                for one in people.projects[:_MOST_PROJECTS]
            ),
        ]
        for row in people.rows
    ]
    columns = tuple(_unique([*heads, *map(storable, people.projects[:_MOST_PROJECTS])]))
    return _table("Users by projects", "PeopleByProjects", columns, rows)


def _projects(view: View) -> WorkbookSheet:
    heads = ["Project", "Granted", "Changed", "Revoked"]
    kinds = ("granted", "changed", "revoked")
    planned = view.kind is ViewKind.RUN
    if planned:
        heads += ["Granted, planned", "Changed, planned", "Revoked, planned", "Unchanged"]
    heads += ["Group access granted", "Group access changed", "Group access revoked"]
    heads += ["Users before", "Users after, at least", "Users after, at most"]
    heads += ["Gained through groups", "Lost through groups", "Uncertain, through groups"]
    columns = tuple(map(SheetColumn, heads))
    rows = [
        (
            one.project,
            *(getattr(one.made, kind) for kind in kinds),
            *(getattr(one.planned, kind) for kind in kinds if planned),
            *((one.unchanged,) if planned else ()),
            *(getattr(one.groups_made, kind) for kind in kinds),
            *(
                (
                    one.flow.before,
                    one.flow.least,
                    one.flow.most,
                    one.flow.gained,
                    one.flow.lost,
                    one.flow.unsure,
                )
                if one.flow is not None
                else (None,) * 6
            ),
        )
        for one in view.projects
    ]
    return WorkbookSheet("Projects", columns, rows, table="Projects", printed=PRINTED)


def _unique(heads: list[str]) -> Iterator[str]:
    # Excel tells the heads of a table apart without regard to case.
    seen: set[str] = set()
    for number, head in enumerate(heads, start=1):
        short = head[:200].strip() or f"column {number}"
        named = short if short.lower() not in seen else f"{short} ({number})"
        seen.add(named.lower())
        yield named


def _summary(view: View) -> WorkbookSheet:
    """Return the first sheet: what a manager needs, with every number of the report."""
    widths = (38.0, 22.0, *(15.0,) * 4, 21.0, 15.0)
    columns = tuple(SheetColumn("", width=width) for width in widths)
    return WorkbookSheet("Summary", columns, list(_summary_rows(view)))


def _summary_rows(view: View) -> Iterator[Row]:
    yield [Styled(view.title, _TITLE)]
    yield [Styled(f"{_MARKS[view.level]}: {view.headline}", _STRONG)]
    yield from ([f"{_MARKS[sentence.level]}: {sentence.text}"] for sentence in view.sentences)
    yield from _section("About", _about(view))
    yield from _section("Sources", _sources(view))
    yield from _section("Summary", _actions(view))
    yield from _section("Needs review", ([row.label, row.number] for row in view.risks))
    yield from _section("Safety checks", _guards(view))
    yield from _section("Findings by kind", _kinds(view))
    yield from _section("Not as planned" if view.verified else "Not done", _undone(view))
    yield from _section("Counts", _counts(view))
    yield from _section("Next steps", ([step] for step in view.steps))


def _section(title: str, rows: Iterable[Row]) -> Iterator[Row]:
    body = list(rows)
    if body:
        yield []
        yield [Styled(title, _SECTION)]
        yield from body


def _about(view: View) -> Iterator[Row]:
    facts = view.facts
    for label, text in fact_rows(facts):
        if not label.startswith("Source "):
            yield [label, text]
    times = (
        ("Planned at", facts.created_at),
        ("Started", facts.run.started_at if facts.run else ""),
        ("Finished at", (facts.run.finished_at or "") if facts.run else ""),
        ("Looked at", facts.verified_at),
    )
    yield from ([f"{label} (UTC)", _time(moment)] for label, moment in times if moment)


def _sources(view: View) -> Iterator[Row]:
    if view.facts.sources:
        yield [
            *_words("", "kind"),
            *_heads("rows", "bytes"),
            Styled("path", _MUTED_INDENT),
            *_words("", "changed (UTC)", "SHA-256"),
        ]
    for source in view.facts.sources:
        changed = _time(source.modified_at) if source.modified_at else None
        yield [
            *(source.name, source.type, source.rows, source.size),
            *(Styled(source.path, _INDENT), None, changed, source.sha256),
        ]


def _actions(view: View) -> Iterator[Row]:
    if not view.summary:
        return
    heads = _VERDICTS if view.verified else _OUTCOMES if view.tally else _OUTCOMES[:1]
    yield [None, *_heads(*heads)]
    for row in view.summary:
        numbers = list(row.tally.to_dict().values()) if row.tally else [row.planned]
        yield [row.label, *numbers]
    total = list(view.numbers.to_dict().values()) if view.numbers else [len(view.lines)]
    yield [Styled("all changes", _STRONG), *(Styled(one, _STRONG) for one in total)]


def _guards(view: View) -> Iterator[Row]:
    for guard in view.guards:
        yield [guard.guard, guard.standing, guard.message]


def _kinds(view: View) -> Iterator[Row]:
    if view.finding_rows:
        yield [*_words("", "severity"), *_heads("number"), Styled("about", _MUTED_INDENT)]
    for row in view.finding_rows:
        yield [row.code, SEVERITIES[row.severity].one, row.number, Styled(row.about, _INDENT)]


def _undone(view: View) -> Iterator[Row]:
    for row in view.undone:
        yield [row.status.word, len(row.lines), Styled(row.reason, _INDENT)]


def _counts(view: View) -> Iterator[Row]:
    for total in view.sums:
        yield [Styled(total.total.label, _STRONG), Styled(total.total.number, _STRONG)]
        for part in total.parts:
            yield [Styled(part.label, _INDENT), part.number]
    for count in view.counts:
        yield [count.label, count.number]


def _words(*words: str) -> Row:
    return [Styled(word, _MUTED) for word in words]


def _heads(*words: str) -> Row:
    """Return heads of columns of numbers."""
    return [Styled(word, _MUTED_RIGHT) for word in words]


def _time(moment: str) -> Value:
    try:
        when = datetime.fromisoformat(moment)
    except ValueError:
        return moment
    return when.replace(tzinfo=when.tzinfo or UTC).astimezone(UTC)


def fitting(text: str) -> str:
    r"""Return a text that fits into a cell: escaped where it cannot be seen, cut where too long.

    >>> fitting("a\x1bb"), len(fitting("x" * 40000))
    ('a\\x1bb', 32767)
    """
    text = storable(text)
    if len(text) * 2 > MOST_CHARACTERS and _units(text) > MOST_CHARACTERS:
        end = f" … (cut here; {len(text)} characters in all, the JSON report has them)"
        text = text[: MOST_CHARACTERS - len(end)]
        while _units(text) + len(end) > MOST_CHARACTERS:
            text = text[: -(_units(text) + len(end) - MOST_CHARACTERS + 1) // 2]
        text += end
    return text


def _units(text: str) -> int:
    return len(text.encode("utf-16-le", "surrogatepass")) // 2
