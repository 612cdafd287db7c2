"""Render a report as one HTML page that needs nothing else: no network, no font, no other file.

The page is a Jinja2 template, `templates/page.html.j2`, with one template for each section, a style
sheet and a script, all beside it. Here stands what templates cannot say well: which sections a
report has and in which order, and how long lists are cut into pieces. Every value that a template
prints goes through `text`, so that it is text and never markup, and every character can be seen.
"""

import base64
import hashlib
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from importlib import resources
from itertools import groupby
from typing import Any, NamedTuple

from jinja2 import Environment, PackageLoader, StrictUndefined
from jinja2.ext import Extension
from markupsafe import Markup

from kanport.findings import Finding, Severity
from kanport.origin import Origin
from kanport.outcome import Status, VerifyStatus
from kanport.plan.change import Action, values_of
from kanport.plan.roles import kanboard_rank
from kanport.records import dataclass
from kanport.report.access import is_changed, people_by_projects
from kanport.report.changes import first_of, moves_with_groups, people_and_groups
from kanport.report.document import Document
from kanport.report.escape import escape_name
from kanport.report.sentences import (
    ACTIONS,
    NO_ACCESS,
    OPEN_BECAUSE,
    SEVERITIES,
    access_words,
    actor_rows,
    fact_rows,
    group_move,
    project_numbers,
    ranged,
    target_words,
    term_rows,
    through_groups,
    undone_texts,
    unique,
    utc,
)
from kanport.report.view import (
    AccessRow,
    ChangeView,
    Count,
    Ending,
    Level,
    ProjectAccess,
    View,
    ViewKind,
)

FIRST = 500
"""At most so many changes are shown in a section that repeats what the list by person has."""
PIECE = 100
"""Rows of a table that a browser lays out at once."""
_BRIEF = 10_000
"""From so many changes on, rows leave out headers of columns and people's names.

People in the list by project are no links then. Without this, 50,000 changes take more than ten
megabytes.
"""

# No mark depends on its color alone: each has a shape of its own, and a word beside it.
_LEVELS: dict[Level, tuple[str, str]] = {
    Level.GOOD: ("✓", "OK"),
    Level.NOTE: ("i", "Note"),
    Level.LOOK: ("!", "Attention"),
    Level.STOP: ("✕", "Problem"),
}
_ENDINGS: dict[Status | VerifyStatus, str] = {
    Status.DONE: "✓",
    Status.ALREADY: "=",
    Status.FAILED: "✕",
    Status.SKIPPED: "↷",
    Status.NOT_ATTEMPTED: "…",
    VerifyStatus.MATCH: "✓",
    VerifyStatus.MISMATCH: "✕",
}
_SEVERITIES = {Severity.ERROR: "✕", Severity.WARNING: "!", Severity.INFO: "i"}
# What the marks of changes are called in the style sheet, and as which sign they are shown.
_KINDS = {"+": "add", "~": "mod", "-": "del"}
_SIGNS = {"+": "+", "~": "~", "-": "−"}
# Which bar stands for which outcome, by the key of its number in `View.sums`.
_TALLY = {
    "done": "done",
    "already_so": "same",
    "failed": "fail",
    "skipped": "skip",
    "not_attempted": "rest",
    "as_planned": "done",
    "not_as_planned": "fail",
}
_FIGURES = ("people", "projects", "risky", "withheld", "users", "memberships", "invalid_rows")
_GRID_CELLS = 30_000
"""So many cells of people by projects the page shows; the Excel report has all."""
_GRID_PROJECTS = 200
_HEADS = {
    ViewKind.RUN: ("Change", "Before", "Planned", "Outcome", "Why", "From"),
    ViewKind.VERIFICATION: ("Change", "Before", "Planned", "Now", "Why", "From"),
}
_PLAN_HEADS = ("Change", "Before", "After", "Why", "From")
_CODES = {action: f"a{number}" for number, action in enumerate(Action)}
# The marks of access that moves with groups, which no change of a person is about.
_INDIRECT = {"+": "ga", "~": "gm", "-": "gd"}


def render(view: View) -> str:
    """Return a report as one HTML page that ends with a line break.

    The page loads nothing, reads without its script, and the same view gives the same bytes.
    """
    grid = _grid(view)
    return _page(
        "page.html.j2",
        _style_rules() + _page_rule(view),
        view=view,
        facts=view.facts,
        worked="Is it as planned?" if view.verified else "Did it work?",
        sections=_sections(view, grid),
        grid=grid,
        people=_People.of(view),
        brief=_is_brief(view),
        heads=_HEADS.get(view.kind, _PLAN_HEADS),
    )


def render_document(document: Document, plain: Callable[[Any], str]) -> str:
    """Return a document with tables as one HTML page that ends with a line break.

    `plain` returns words as text. Of a table that is too large for a page, the first rows and
    columns are shown.
    """
    tables = []
    for table in document.shown:
        columns, rows = table.columns, table.rows
        if table.wide and len(rows) * len(columns) > _GRID_CELLS:
            columns = columns[:_GRID_PROJECTS]
            rows = [row[:_GRID_PROJECTS] for row in rows[: _GRID_CELLS // len(columns)]]
        tables.append((table, columns, rows))
    return _page("document.html.j2", "", document=document, tables=tables, plain=plain)


def _page(template: str, more_style: str, **values: Any) -> str:
    """Draw a page that may load nothing, and run nothing but the script that it contains."""
    style, script = _asset("style.css") + more_style, _asset("script.js")
    policy = (
        f"default-src 'none'; style-src '{_digest(style)}'; script-src '{_digest(script)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    return (
        _environment()
        .get_template(template)
        .render(
            **values,
            style=Markup(style),  # noqa: S704 - our own files
            script=Markup(script),  # noqa: S704
            policy=Markup(policy),  # noqa: S704 - made of digests
        )
    )


class PageSection(NamedTuple):
    """A section of the page: its id, which also names its template, and its heading."""

    id: str
    title: str


def _sections(view: View, grid: "_Grid") -> list[PageSection]:
    """Return the sections that have something to show, in their order on the page."""
    overridden = any(guard.lifted for guard in view.guards)
    planned = (
        (PageSection("now", "Next steps"), bool(view.steps)),
        (
            PageSection("undone", "Not as planned" if view.verified else "Not done"),
            bool(view.undone),
        ),
        (PageSection("twice", "Needs review"), bool(view.risky or view.removals) or overridden),
        (PageSection("withheld", "Withheld"), bool(view.withheld)),
        (PageSection("open", "Still open"), bool(view.open)),
        (PageSection("changes", "At a glance"), bool(view.summary or view.projects)),
        (PageSection("people", "Changes by user"), bool(view.people or _indirect(view))),
        (PageSection("projects", "By project"), bool(view.projects)),
        (PageSection("access", "Access before and after"), bool(grid.rows)),
        (PageSection("things", "Groups and projects"), bool(view.others)),
        (PageSection("findings", "Findings"), bool(view.findings)),
        (PageSection("guards", "Safety checks"), bool(view.guards)),
        (PageSection("counts", "Counts"), True),
        (PageSection("terms", "Terms"), True),
        (PageSection("proof", "Evidence and approval"), True),
        (PageSection("sign", "Signatures"), view.kind is not ViewKind.VALIDATION),
    )
    return [section for section, shown in planned if shown]


# --- templates ------------------------------------------------------------------------------------


class _Compact(Extension):
    """Drops line breaks and indentation of templates, so that they cost nothing in the page.

    Between words a line break becomes one blank. A line break that the page is to have is `{{ eol
    }}`.
    """

    def preprocess(self, source: str, name: str | None, filename: str | None = None) -> str:
        beside_markup = re.sub(r"(?<=[>}])\s*\n\s*|\s*\n\s*(?=[<{])", "", source)
        return re.sub(r"\s*\n\s*", " ", beside_markup)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("kanport.report.html"),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=[_Compact],
        finalize=_shown,
    )
    environment.filters["lines"] = _lines
    environment.globals.update(
        eol=Markup("\n"),
        FIRST=FIRST,
        PIECE=PIECE,
        LEVELS=_LEVELS,
        KINDS=_KINDS,
        SIGNS=_SIGNS,
        SEVERITIES=SEVERITIES,
        TALLY=_TALLY,
        ACTIONS=ACTIONS,
        ending_words=_ending_words,
        tally_heads={one.value.replace(" ", "_"): one.word for one in _ENDINGS},
        tally_words={
            ending.value.replace(" ", "_"): f"{mark} {ending.word}"
            for ending, mark in _ENDINGS.items()
        },
        severity_words=_severity_words,
        code_of=_CODES.__getitem__,
        pieces_by_person=_pieces_by_person,
        pieces_one_by_one=_pieces_one_by_one,
        pieces_of_things=_pieces_of_things,
        sliced=_sliced,
        figures=_figures,
        endings=_endings,
        moves=_moves,
        most_changed=_most_changed,
        longest_bar=_longest_bar,
        has_flows=lambda view: any(one.flow is not None for one in view.projects),
        terms=term_rows,
        ranged=ranged,
        actor_rows=actor_rows,
        undone_lines=_undone_lines,
        open_because=OPEN_BECAUSE.__getitem__,
        same_changes=_same_changes,
        through_groups=through_groups,
        target_words=target_words,
        shows_value=_shows_value,
        project_numbers=project_numbers,
        fact_rows=fact_rows,
        utc=utc,
    )
    return environment


_ESCAPES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"})
_RIGHT_TO_LEFT = {"R", "AL"}


@lru_cache(maxsize=16384)
def text(value: str) -> Markup:
    r"""Return data as it is to be read: no markup, and every character can be seen.

    What is written from right to left is kept from moving its neighbors.

    >>> text("a<b>\u202e\0"), text("\u05d0")
    (Markup('a&lt;b&gt;\\u202e\\x00'), Markup('<bdi>א</bdi>'))
    """
    shown = escape_name(value).translate(_ESCAPES)
    if not shown.isascii() and any(unicodedata.bidirectional(c) in _RIGHT_TO_LEFT for c in shown):
        return Markup(f"<bdi>{shown}</bdi>")  # noqa: S704
    return Markup(shown)  # noqa: S704


def _shown(value: Any) -> Any:
    """Return what a template prints for a value; StrictUndefined raises here."""
    return value if type(value) is Markup or type(value) is int else text(value)


def _lines(values: Sequence[str]) -> Markup:
    """Return values below each other, as a filter."""
    return Markup("<br>").join([text(value) for value in values])


@cache
def _asset(name: str) -> str:
    return resources.files("kanport.report.html").joinpath("templates", name).read_text("utf-8")


def _digest(inline: str) -> str:
    digest = hashlib.sha256(inline.encode()).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


def _style_rules() -> str:
    """Return the rules of style that put its sign before each kind of change."""
    rules = []
    for symbol, kind in _KINDS.items():
        codes = ",".join(
            f".{_CODES[action]}" for action, words in ACTIONS.items() if words.symbol == symbol
        )
        codes += f",.{_INDIRECT[symbol]}"
        rules.append(f":is({codes}){{--kind:var(--{kind});--sign:var(--sign-{kind})}}\n")
    return "".join(rules)


def _page_rule(view: View) -> str:
    """Return the rule of style that prints what the report is about below each page."""
    run = f"run {view.facts.run.id}, " if view.facts.run is not None else ""
    digest = f"plan {view.facts.digest}" if view.facts.digest else view.title
    # Digests and ids are plain; of anything else, only what cannot end a string is kept.
    line = re.sub(r"[^A-Za-z0-9 .,:_-]", "", run + digest)
    font = "font:7pt var(--sans);color:#555e67"
    return f'@media print{{@page{{@bottom-left{{content:"{line}";{font}}}}}}}\n'


def _is_brief(view: View) -> bool:
    return len(view.lines) >= _BRIEF


# --- what the sections show -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _People:
    """The people of a report by username: the ids of their rows, and what they are called."""

    anchors: Mapping[str, str]
    names: Mapping[str, str]

    @classmethod
    def of(cls, view: View) -> "_People":
        return cls(
            _by_username(view, [f"p{number}" for number in range(1, len(view.people) + 1)]),
            {row.person: row.name for row in _indirect(view)}
            | _by_username(view, [person.name for person in view.people]),
        )


def _by_username(view: View, values: Sequence[str]) -> dict[str, str]:
    """Return what belongs to each person by username; whoever has a name now comes first."""
    pairs = list(zip(view.people, values, strict=True))
    found = {person.username: value for person, value in reversed(pairs)}
    for person, value in pairs:
        for earlier in person.earlier:
            found.setdefault(earlier, value)
    return found


class _Row(NamedTuple):
    """A change in a table; `span` is 0 where the cell of the person above reaches this row.

    `before` and `after` have the number of a field, from 0, its label, empty where it goes without
    saying, and its value, None where there is none.
    """

    who: str
    span: int
    anchor: str | None
    id: str
    code: str
    verb: str
    target: str
    before: Sequence[tuple[int, str, str | None]]
    after: Sequence[tuple[int, str, str | None]]
    ending: Ending | None
    reason: str
    undone: Sequence[str]
    risks: Sequence[str]
    also: Sequence[str]
    places: Sequence[str]


class _Piece(NamedTuple):
    """So many rows of a table as a browser lays out at once, and whom they are about."""

    about: str
    rows: list[_Row]

    @property
    def long(self) -> bool:
        return len(self.rows) >= PIECE


def _pieces_by_person(view: View, people: _People) -> Iterator[_Piece]:
    # A link may name somebody as they were called before.
    wanted = {people.anchors.get(who) for who in _linked(view)}
    anchors = {who: anchor for who, anchor in people.anchors.items() if anchor in wanted}
    groups: list[tuple[str, list[ChangeView | AccessRow]]] = [
        (one.username, [*one.lines, *one.moves]) for one in people_and_groups(view)
    ]
    return _pieces(view, groups, anchors)


def _pieces_one_by_one(view: View, lines: Iterable[ChangeView]) -> Iterator[_Piece]:
    return _pieces(
        view, ((who, list(some)) for who, some in groupby(lines, key=lambda line: line.who))
    )


def _pieces_of_things(view: View) -> Iterator[_Piece]:
    return _pieces_one_by_one(view, view.others)


def _linked(view: View) -> set[str]:
    """Return the usernames that links lead to."""
    lines = [
        *view.risky[:FIRST],
        *view.removals[:FIRST],
        *[line for row in view.undone for line in row.lines][:FIRST],
    ]
    if not _is_brief(view):
        lines += [line for project in view.projects for line in project.lines]
    return {line.who for line in lines}


def _pieces(
    view: View,
    groups: Iterable[tuple[str, Iterable[ChangeView | AccessRow]]],
    anchors: dict[str, str] | None = None,
) -> Iterator[_Piece]:
    """Yield the rows of a table in pieces; each anchor of a person is used once."""
    anchors = {} if anchors is None else anchors
    brief = _is_brief(view)
    rows: list[_Row] = []
    first = who = ""
    for who, some in groups:
        first = first if rows else who
        lines = list(some)
        span, anchor = len(lines), anchors.pop(who, None)
        for line in lines:
            rows.append(
                _row(line, who, span, anchor, brief=brief)
                if isinstance(line, ChangeView)
                else _indirect_row(line, who, span, anchor)
            )
            span, anchor = 0, None
        if len(rows) >= PIECE:
            yield _Piece(_range(first, who), rows)
            rows = []
    if rows:
        yield _Piece(_range(first, who), rows)


def _range(first: str, last: str) -> str:
    first, last = escape_name(first), escape_name(last)
    return first if first == last else f"from {first} to {last}"


def _row(line: ChangeView, who: str, span: int, anchor: str | None, *, brief: bool) -> _Row:
    change = line.change
    return _Row(
        who=who,
        span=span,
        anchor=anchor,
        id=change.id,
        code=_CODES[change.action],
        verb=line.verb,
        target=target_words(change.action, line.target),
        before=_values(line, values_of(change.before), after=False),
        after=_values(line, values_of(change.after), after=True),
        ending=line.ending,
        reason=change.reason,
        undone=undone_texts(line),
        risks=line.risks[: len(line.reviews)],
        also=line.risks[len(line.reviews) :],
        places=first_of(cells_of(change.origin, brief=brief)),
    )


def _indirect_row(row: AccessRow, who: str, span: int, anchor: str | None) -> _Row:
    """Return access that moves with groups as a row between the changes of a person."""
    symbol, verb = group_move(row)
    return _Row(
        who=who,
        span=span,
        anchor=anchor,
        id="",
        code=_INDIRECT[symbol],
        verb=verb,
        target=row.project,
        before=[(0, "", row.before or NO_ACCESS)],
        after=[(0, "", row.after or NO_ACCESS)],
        ending=None,
        reason=row.reason,
        undone=(),
        risks=(),
        also=(),
        places=(),
    )


def _values(
    line: ChangeView, state: Mapping[str, object] | None, *, after: bool
) -> list[tuple[int, str, str | None]]:
    if state is None:
        return []
    shown = [one for one in line.differences if one.field in state]
    return [
        (
            number,
            # In a project there is nothing but a role.
            "" if line.target and one.field == "role" else one.label,
            one.after if after else one.before,
        )
        for number, one in enumerate(shown)
    ]


def _ending_words(ending: Ending) -> str:
    """Return what became of a change as it stands in a table, without the reason."""
    return f"{_ENDINGS[ending.status]} {ending.word}"


def _severity_words(severity: Severity) -> str:
    return f"{_SEVERITIES[severity]} {SEVERITIES[severity].one}"


def _sliced(items: Sequence[Any]) -> Iterator[tuple[int, Sequence[Any]]]:
    """Yield a long list in pieces, each with the number of its first item, from 0."""
    for start in range(0, len(items), PIECE):
        yield start, items[start : start + PIECE]


def _figures(view: View) -> list[tuple[Count, str]]:
    """Return the few numbers that everybody asks for, each with what it is a sign of."""
    counts = {count.key: count for count in view.counts}
    chosen = [total.total for total in view.sums if total.total.key in ("changes", "findings")]
    chosen[1:1] = [counts[key] for key in _FIGURES if key in counts]
    tiles = [(count, "") for count in chosen]
    if view.tally is not None:
        bad = (("failed", view.tally.failed), ("skipped", view.tally.skipped))
        tiles[1:1] = [(Count(name, number, name), "bad" * bool(number)) for name, number in bad]
    return tiles


def _endings(view: View) -> list[Ending]:
    """Return each kind of outcome that the changes have, once."""
    found = {line.ending.status: line.ending for line in view.lines if line.ending is not None}
    return [ending for _, ending in sorted(found.items())]


def _moves(access: ProjectAccess) -> list[tuple[str, int]]:
    """Return the numbers of a project, each with the pattern that stands for it."""
    made, groups = access.made, access.groups_made
    return [
        ("add", made.granted + groups.granted),
        ("mod", made.changed + groups.changed),
        ("del", made.revoked + groups.revoked),
    ]


def _most_changed(projects: Iterable[ProjectAccess]) -> list[ProjectAccess]:
    return sorted(projects, key=lambda access: len(access.lines), reverse=True)


def _longest_bar(view: View) -> int:
    """Return how many changes the longest bar stands for: all bars have one scale."""
    kinds = max((row.planned for row in view.summary), default=1)
    return max(kinds, *(len(access.lines) for access in view.projects), 1)


def _indirect(view: View) -> list[AccessRow]:
    """Return the access that moves with groups."""
    return [row for row in view.access if moves_with_groups(row)]


def _undone_lines(view: View) -> list[ChangeView]:
    return [line for row in view.undone for line in row.lines]


def _same_changes(
    lines: Iterable[ChangeView],
) -> list[tuple[ChangeView, list[tuple[int, str, Ending | None]]]]:
    """Return each thing that changes, as one of its changes, and for whom.

    A person has a number, from 0, and what became of the change.
    """
    groups: dict[Any, tuple[ChangeView, list[tuple[int, str, Ending | None]]]] = {}
    for line in lines:
        _, people = groups.setdefault((line.change.action, line.differences), (line, []))
        people.append((len(people), line.who, line.ending))
    return list(groups.values())


def _shows_value(finding: Finding) -> bool:
    """Return whether the value has to stand beside the message."""
    return finding.value is not None and finding.value not in finding.message


# --- people by projects ---------------------------------------------------------------------------


class _Cell(NamedTuple):
    """Somebody's role in a project before and after.

    `up` is True where it is new or higher, False where it is lost or lower, else None.
    """

    before: str | None
    after: str | None
    up: bool | None
    words: str


class _GridRow(NamedTuple):
    """Somebody's roles in the projects of the grid; None where there is none and was none."""

    person: str
    name: str
    account: str
    changed: bool
    privileged: bool
    cells: Sequence[_Cell | None]


class _Grid(NamedTuple):
    """People by projects, and what is left out because the page would get too large."""

    projects: Sequence[str]
    rows: Sequence[_GridRow]
    left_out: str = ""


def _grid(view: View) -> _Grid:
    people = people_by_projects(view.access)
    projects = people.projects
    rows = people.rows
    left_out = ""
    if len(rows) * len(projects) > _GRID_CELLS:
        rows = tuple(row for row in rows if row.changed)
        projects = unique(
            sorted(cell.project for row in rows for cell in row.roles.values() if is_changed(cell))
        )[:_GRID_PROJECTS]
        rows = rows[: _GRID_CELLS // max(len(projects), 1)]
        left_out = (
            "Here are the users and projects whose access changes"
            f" ({len(rows)} of {len(people.rows)} users, {len(projects)} of"
            f" {len(people.projects)} projects); the Excel report has all."
        )
    return _Grid(
        projects,
        [
            _GridRow(
                row.person,
                row.name,
                row.account,
                row.changed,
                row.privileged,
                [_cell_of(row.roles.get(project)) for project in projects],
            )
            for row in rows
        ],
        left_out,
    )


def _cell_of(row: AccessRow | None) -> _Cell | None:
    if row is None or (row.before is None and row.after is None and not row.maybe):
        return None
    before, after = (kanboard_rank(role) if role else 0 for role in (row.before, row.after))
    return _Cell(
        row.before, row.after, None if after == before else after > before, access_words(row)
    )


# --- places ---------------------------------------------------------------------------------------


def cells_of(origins: Sequence[Origin], *, brief: bool = False) -> tuple[str, ...]:
    """Return the places of a change; several cells of one row name the row once.

    In brief the headers of columns are left out: the numbers and addresses of cells are exact.

    >>> row = Origin(file="a.csv", row=3)
    >>> cells = [row.at(position=2, column="Login"), row.at(position=4, column="Role")]
    >>> cells_of(cells), cells_of(cells, brief=True)
    (('a.csv:3 (2 Login, 4 Role)',), ('a.csv:3:2,4',))
    >>> sheet = Origin(file="a.xlsx", sheet="S", row=3)
    >>> cells_of([sheet.at(cell="B3", column="Login"), sheet.at(cell="D3", column="Role")])
    ('a.xlsx#S!3 (B3 Login, D3 Role)',)
    >>> cells_of([sheet.at(cell="B3"), sheet.at(cell="D3")], brief=True)
    ('a.xlsx#S!B3,D3',)
    >>> cells_of([sheet.at(cell="D3", column="Role"), Origin(dn="cn=a", attribute="mail")])
    ('a.xlsx#S!D3 (Role)', 'ldap:cn=a (mail)')
    """
    if len(origins) == 1:
        return (_one(origins[0], brief),)
    rows: dict[tuple[str | int | None, ...], list[Origin]] = {}
    for origin in origins:
        key = origin.source, origin.file, origin.sheet, origin.row, origin.dn
        cells = rows.setdefault(key, [])
        if origin not in cells:
            cells.append(origin)
    return tuple(
        _one(cells[0], brief) if len(cells) == 1 else _several(cells, brief)
        for cells in rows.values()
    )


def _one(cell: Origin, brief: bool) -> str:
    if brief or not cell.column or cell.dn is not None:
        return str(cell)
    return f"{cell} ({cell.column})"


def _several(cells: list[Origin], brief: bool) -> str:
    first = cells[0]
    row = Origin(first.source, file=first.file, sheet=first.sheet, row=first.row, dn=first.dn)
    named = [name for cell in cells if (name := _cell_words(cell, brief))]
    if brief and named and first.dn is None:
        return f"{row.at(row=None)}!{','.join(named)}" if row.sheet else f"{row}:{','.join(named)}"
    return f"{row} ({', '.join(named)})" if named else str(row)


def _cell_words(cell: Origin, brief: bool) -> str:
    if cell.dn is not None:
        return cell.attribute or ""
    where = cell.cell or (str(cell.position) if cell.position is not None else "")
    if brief and where:
        return where
    return " ".join(part for part in (where, cell.column) if part)
