"""A report as an answer that fits a screen: about 25 lines at 80 columns, whatever its size.

The verdict comes first, and again at the end of a long screen, where it may have scrolled away.
Between them: what it is about, what stops it and how to override that, counts, what failed or is
withheld, what needs review, and the next command. `text` shows everything; both print on a `Page`.
"""

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import PurePath
from types import MappingProxyType
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from kanport.findings import Severity
from kanport.outcome import STILL_RUNNING, Approved, Status, Tally, VerifyStatus
from kanport.plan.change import Risk
from kanport.plan.model import GuardVerdict
from kanport.report.make import finding_groups, group_wording, severities_in
from kanport.report.page import Page, padded
from kanport.report.sentences import (
    ACTIONS,
    CHANGE,
    PROJECT,
    ROW,
    SEVERITIES,
    SOURCE,
    USER,
    Noun,
    by_advice,
    counted,
    listed,
    ranged,
    some_of,
    unique,
    what_now,
    whose,
    withheld_sentences,
    withheld_texts,
)
from kanport.report.text import (
    LEVELS,
    SEVERITY_STYLES,
    SYMBOL_STYLES,
    add_verdict,
    show_summary,
)
from kanport.report.view import (
    ActionRow,
    ChangeView,
    FindingGroup,
    Level,
    Moves,
    ProjectAccess,
    UndoneRow,
    View,
    ViewKind,
)

if TYPE_CHECKING:
    from kanport.report.document import Document, Section

_LONG = 20
LINES = 25
_LABEL = 13  # cells
_WIDE = 110  # from here on, a change that needs review shows its risks too
_REVIEWED = 10
_FAILURES = 5  # lines that failures have at least
_INDENT = 4

_TITLES = {
    ViewKind.VALIDATION: "Data",
    ViewKind.PLAN: "Plan",
    ViewKind.RUN: "Run",
    ViewKind.VERIFICATION: "Plan",
}


def render(
    view: View,
    console: Console,
    *,
    full_command: str = "",
    files: Mapping[str, str] = MappingProxyType({}),
    again: bool = True,
) -> None:
    """Print the screen of a report: one line if there is nothing to do and nothing to know.

    `full_command` is the complete command that shows what the screen leaves out. `files` are labels
    and texts about the files that were written. Without `again`, a long screen does not repeat the
    verdict, because the caller prints an error below it.
    """
    page, last, repeated = Page.on(console), Page.on(console), Page.on(console)
    add_verdict(page, view)
    if not is_one_line(view):
        for label, text in files.items():
            _row(last, label, text)
        if full_command:
            _row(last, "All details", full_command)
        for number, step in enumerate(view.next_steps):
            _row(last, "" if number else "Next", step)
        if again:
            add_verdict(repeated, view)
        _add_body(page, view, LINES - len(last.lines) - len(repeated.lines))
        page.lines.extend(last.lines)
        if len(page.lines) >= _LONG:
            page.lines.extend(repeated.lines)
    page.show()


def render_summary(view: View, console: Console) -> None:
    """Print the verdict and the counts of a report."""
    page = Page.on(console)
    add_verdict(page, view)
    show_summary(page, view)
    page.lines.append("" if page.plain else Text())
    # The summary shows the changes and what became of them.
    shown = ("changes", "planned") if view.lines or view.numbers else ()
    for one in view.sums:
        if one.total.key not in shown:
            page.add(page.prose(one.text), indent=2, hang=2)
    for sentence in withheld_sentences(view.withheld):
        page.add(page.prose(sentence.text), indent=2, hang=2)
    page.show()


def render_question(view: View, console: Console, approved_by: str) -> None:
    """Print what somebody must know who is asked whether to apply a plan."""
    page = Page.on(console)
    _about(page, view)
    _changes(page, view)
    admins = [
        f"{words}: {some_of([line.who for line in lines], most=_REVIEWED)}"
        for words, risk in (("new", Risk.ADMIN_GRANTED), ("no longer", Risk.ADMIN_LOST))
        if (lines := [line for line in view.lines if risk in line.change.risk])
    ]
    if admins:
        _row(page, "Admins", "; ".join(admins))
    _stops(page, view)
    _withheld(page, view)
    _row(page, "Approved", f"by {approved_by}" if approved_by else "no")
    page.show()


def render_document(document: "Document", console: Console, *, full_command: str) -> None:
    """Print a short report: the answer, then as much of each section as fits the screen."""
    from kanport.report.document import plain

    page, last = Page.on(console), Page.on(console)
    mark, color = LEVELS[document.level]
    answer = page.prose(f"{plain(document.title)}: {plain(document.headline)}", "bold")
    page.add(page.mark(f"{mark} ", color).append_text(answer), hang=2)
    sections = [_section(page, section) for section in document.filled]
    if len(page.lines) + sum(1 + sum(map(len, some)) for some in sections) > LINES:
        _row(last, "All details", full_command)
    for number, (section, entries) in enumerate(zip(document.filled, sections, strict=True)):
        # The first three have room for a heading, an entry and how many more there are.
        later = sections[number + 1 : 3]
        rest = sum(1 + len(some[0]) + (len(some) > 1) for some in later)
        most = LINES - len(page.lines) - len(last.lines) - rest
        if most > 1 + (len(entries) > 1):
            part = Page.on(console)
            _add_entries(part, entries, most - 1, len(entries), Noun("entry", "entries"))
            if len(entries[0]) <= len(part.lines):
                page.add(page.mark(plain(section.title), "bold"))
                page.lines.extend(part.lines)
    page.lines.extend(last.lines)
    page.show()


def _section(page: Page, section: "Section") -> list[list[Text | str]]:
    """Return the lines of each entry of a section."""
    from kanport.report.document import plain

    entries = []
    for entry in section.items:
        part = Page.on(page.console)
        for depth, words in entry.flat():
            part.add(page.prose(plain(words)), indent=2 + 2 * depth, hang=2)
        entries.append(part.lines)
    return entries


def is_one_line(view: View) -> bool:
    """Return whether the verdict is enough: no changes, and nothing that anybody must look at."""
    quiet = not view.lines and view.level in (Level.GOOD, Level.NOTE)
    return quiet and view.kind is not ViewKind.VALIDATION


# --- what follows the verdict ---------------------------------------------------------------------


def _add_body(page: Page, view: View, most: int) -> None:
    """Add what the reader must know, so that the page has at most so many lines."""
    fixed = {name: _drawn(page, block, view) for name, block in _FIXED.items()}
    free = most - len(page.lines) - sum(map(len, fixed.values()))
    # What failed matters more than what was to be reviewed before it.
    reviewed = 4 if view.undone else _REVIEWED + 2
    wants = {"failures": LINES, "review": reviewed, "findings": LINES}
    least = {"failures": _FAILURES} if view.undone else {}
    shrunk = {
        name: _drawn(page, block, view, least.get(name, 3)) for name, block in _SHRINKING.items()
    }
    free -= sum(map(len, shrunk.values()))
    if free < 0:
        free += len(fixed["projects"])
        fixed["projects"] = []
    for name, want in wants.items():
        taken = len(shrunk[name])
        shrunk[name] = _drawn(page, _SHRINKING[name], view, max(taken, min(want, taken + free)))
        free -= len(shrunk[name]) - taken
    for name in _ORDER:
        page.lines.extend(fixed[name] if name in fixed else shrunk[name])


def _drawn(page: Page, block: Callable[..., None], view: View, *most: int) -> list[Text | str]:
    part = Page.on(page.console)
    block(part, view, *most)
    return part.lines


def _row(page: Page, label: str, text: Text | str) -> None:
    """Add a text with a label; on a screen, the texts begin in one column."""
    words = page.prose(text) if isinstance(text, str) else text
    if page.plain:
        page.add(page.mark(f"{label}: " if label else "  ").append_text(words))
    else:
        page.add(padded(page.mark(label, "dim"), _LABEL).append_text(words), indent=2, hang=_LABEL)


def _about(page: Page, view: View) -> None:
    facts = view.facts
    name = facts.mapping.name or PurePath(facts.mapping.path).name
    shown = [
        f"{PurePath(source.path).name} ({counted(source.rows, ROW)})"
        for source in facts.sources[:2]
    ]
    more = len(facts.sources) - len(shown)
    shown += [f"{more} more {SOURCE(more)}"] if more else []
    _row(page, _TITLES[view.kind], name + (f", from {listed(shown)}" if shown else ""))
    if facts.server is not None:
        version = f" (Kanboard {facts.server.version})" if facts.server.version else ""
        _row(page, "Server", facts.server.url.removesuffix("/jsonrpc.php") + version)
    if (run := facts.run) is not None:
        _row(page, "Run by", ", ".join(filter(None, (run.by, _approval(run.approved)))))
    for finding in view.findings:
        if finding.code == "plan-partial":
            _row(page, "Partial", finding.message)


def _approval(approved: Approved | None) -> str:
    if approved is None:
        return "approved: no"
    return f"approved by {approved.names} ({approved.signature})"


def _stops(page: Page, view: View) -> None:
    run = view.facts.run
    if run is not None and run.stopped is not None and run.stopped != STILL_RUNNING:
        _row(page, "Stopped", page.prose(run.stopped.text, "bold red"))
    stopping = [guard for guard in view.guards if guard.tripped]
    for guard in stopping[:2]:
        _row(page, "Stopped by", _guard_text(page, guard))
    if len(stopping) > 2:
        _row(page, "", f"and by {listed([guard.guard for guard in stopping[2:]])}")
    if names := [guard.guard for guard in view.guards if guard.lifted]:
        _row(page, "Overridden", f"for this run by --allow: {listed(names)}")


def _guard_text(page: Page, guard: GuardVerdict) -> Text:
    text = page.prose(f"{guard.guard}: ", "bold red").append_text(page.prose(guard.message))
    if guard.override:
        option = shlex.join(["--allow", guard.override])
        return text.append_text(page.mark(" · to override, if this is correct: ")).append_text(
            page.prose(option)
        )
    if guard.hint:
        return text.append_text(page.mark(" · to fix: ")).append_text(page.prose(guard.hint))
    return text


def _changes(page: Page, view: View) -> None:
    nouns: dict[Noun, list[ActionRow]] = {}
    for row in view.summary:
        nouns.setdefault(ACTIONS[row.action].noun, []).append(row)
    if nouns:
        parts = [f"{noun.many}: {', '.join(map(_made, rows))}" for noun, rows in nouns.items()]
        _row(page, "Changes", "; ".join(parts))


def _made(row: ActionRow) -> str:
    made = row.planned
    if row.tally is not None:
        tally = row.tally
        made = tally.done + tally.already if isinstance(tally, Tally) else tally.matching
    of = "" if made == row.planned else f" of {row.planned}"
    return f"{made}{of} {ACTIONS[row.action].participle}"


def _withheld(page: Page, view: View) -> None:
    if view.kind is ViewKind.VERIFICATION:
        return
    for _, text in withheld_texts(view.withheld):
        _row(page, "Withheld", text)


def _projects(page: Page, view: View) -> None:
    ranked = sorted(view.projects, key=lambda project: -_moved(project))
    shown = [_project_text(project) for project in ranked[:3] if _moved(project)]
    more = sum(map(bool, map(_moved, ranked))) - len(shown)
    if shown:
        shown += [f"{more} more {PROJECT(more)}"] if more else []
        _row(page, "Projects", page.mark("; ".join(map(page.safe, shown))))


def _moved(project: ProjectAccess) -> int:
    return project.made.all + project.groups_made.all


def _project_text(project: ProjectAccess) -> str:
    parts = [_moves(project.made)]
    if groups := _moves(project.groups_made):
        parts.append(f"group access: {groups}")
    flow = project.flow
    users = ""
    if flow is not None:
        users = f" ({flow.before} → {ranged(flow.least, flow.most)} {USER(flow.most)})"
    return f"{project.project} {', '.join(filter(None, parts))}{users}"


def _moves(made: Moves) -> str:
    words = ((made.granted, "granted"), (made.changed, "changed"), (made.revoked, "revoked"))
    return ", ".join(f"{number} {word}" for number, word in words if number)


# --- the blocks that shrink: each takes at most so many lines -------------------------------------


def _failures(page: Page, view: View, most: int) -> None:
    """Add what was not done or does not match, by reason, each with what to do now.

    Where the reasons need more lines, those with the same advice are one entry of two lines.
    """
    entries = [_failure(page, row) for row in view.undone]
    if sum(map(len, entries)) > most:
        entries = [_failure_in_short(page, rows) for rows in by_advice(view.undone)]
    _add_entries(page, entries, most, len(entries), Noun("reason", "reasons"))


_UNDONE_LABELS = {
    Status.FAILED: "Failed",
    Status.SKIPPED: "Skipped",
    Status.NOT_ATTEMPTED: "Not started",
    VerifyStatus.MISMATCH: "Different",
}


def _failure(page: Page, row: UndoneRow) -> list[Text | str]:
    part = Page.on(page.console)
    text = page.mark(f"{_number_of([row])}: ", "bold red")
    text.append_text(page.prose(f"{row.reason} ({some_of(unique(map(whose, row.lines)), most=2)})"))
    _row(part, _UNDONE_LABELS[row.status], text)
    _row(part, "", f"→ {what_now(row)}")
    return part.lines


def _number_of(rows: Sequence[UndoneRow]) -> str:
    number = counted(sum(len(row.lines) for row in rows), CHANGE)
    status = rows[0].status
    # The label is too short for what else a verification calls it.
    return f"{number} {status.word}" if isinstance(status, VerifyStatus) else number


def _failure_in_short(page: Page, rows: Sequence[UndoneRow]) -> list[Text | str]:
    part = Page.on(page.console)
    number = _number_of(rows)
    reasons = f", {len(rows)} reasons" if len(rows) > 1 else ""
    text = page.mark(f"{number}{reasons}: ", "bold red").append_text(page.prose(rows[0].reason))
    _row(part, _UNDONE_LABELS[rows[0].status], page.cut(text, _LABEL + 2))
    _row(part, "", page.cut(page.prose(f"→ {what_now(rows[0])}"), _LABEL + 2))
    return part.lines


def _review(page: Page, view: View, most: int) -> None:
    """Add the most severe changes, and how many others revoke or lower access."""
    severe, plain = view.risky, len(view.removals)
    if most < 1:
        return
    if severe:
        shown = severe[: min(most - 1 - bool(plain), _REVIEWED)]
        text = f"{len(severe)} of {counted(len(view.lines), CHANGE)}"
        if len(shown) < len(severe):
            text += f", {len(shown)} shown" if shown else ""
        _row(page, "Needs review", text)
        _reviewed(page, shown)
    if plain:
        verb = "revokes or lowers access" if plain == 1 else "revoke or lower access"
        other = "other " if severe else ""
        _row(page, "Less access", f"{plain} {other}{CHANGE(plain)} {verb}")


def _reviewed(page: Page, shown: Sequence[ChangeView]) -> None:
    if page.width is None:
        for line in shown:
            parts = [f"{line.symbol} {line.verb}", whose(line), _difference(line)]
            parts += [", ".join(line.risks), *line.places[:1]]
            page.add("  " + "  ".join(page.prose(part).plain for part in parts if part))
        return
    wide = page.width >= _WIDE
    table = _grid(page, *(True,) * (3 if wide else 2), False)
    for line in shown:
        role = _difference(line)
        cells = [
            page.mark(f"{line.symbol} {line.verb}", SYMBOL_STYLES[line.symbol]),
            _cut(page.prose(whose(line))),
            _cut(page.prose(role if wide else role.replace("project-", ""))),
        ]
        cells += [_cut(page.prose(", ".join(line.risks), "yellow"))] if wide else []
        table.add_row(*cells, _place(page, line.places[0] if line.places else ""))
    if shown:
        page.add_table(table, indent=_INDENT)


def _grid(page: Page, *shrinking: bool) -> Table:
    """Return a table without lines, of a column that keeps its width and others that may not."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for shrinks in (False, *shrinking):
        table.add_column(no_wrap=not shrinks)
    return table


def _cut(text: Text) -> Text:
    """Return a text that a column cuts where it does not fit, so that it stays one line."""
    text.no_wrap, text.overflow = True, "ellipsis"
    return text


def _place(page: Page, place: str) -> Text:
    """Return a place that takes a third of a screen at most: its end says more than its folder."""
    most = (page.width or 0) // 3 - _INDENT
    if len(place) > most:
        place = place.rpartition("/")[2]
    cut = len(place) > most
    return page.mark("…" if cut else "", "dim").append_text(
        page.prose(place[-most + 1 :] if cut else place, "dim")
    )


def _difference(line: ChangeView) -> str:
    """Return what a change makes of the role, or else of the fields that it changes."""
    role = [one for one in line.differences if one.field == "role"]
    parts = [
        ("" if one.field in ("role", "username") else f"{one.label} ")
        + f"{_value(one.before)} → {_value(one.after)}"
        for one in role or line.differences
        # What is created has the name that stands beside it.
        if one.before is not None or one.after != line.who
    ]
    return ", ".join(parts[:2]) + (" …" if len(parts) > 2 else "")


def _value(text: str | None) -> str:
    return "none" if text is None else text or "(empty)"


def _findings(page: Page, view: View, most: int) -> None:
    """Add the findings, those that say the same as one, the worst first.

    Where data are checked, each comes with its hint if there is room for all of them. What a plan
    leaves out stands above them (`_about`).
    """
    findings = [finding for finding in view.findings if finding.code != "plan-partial"]
    groups = finding_groups(findings)
    checked = view.kind is ViewKind.VALIDATION
    if not checked:
        groups = tuple(group for group in groups if group.severity is not Severity.INFO)
    if not groups or most < 1:
        return
    numbers = severities_in(findings)
    parts = [counted(numbers[one], noun) for one, noun in SEVERITIES.items() if numbers[one]]
    _row(page, "Findings", listed(parts))
    entries = [_finding(page, group) for group in groups[:LINES]] if checked else []
    if not checked or sum(map(len, entries)) > most - len(page.lines) or len(groups) > LINES:
        whole = _finding_lines(page, groups[:LINES], cut=False)
        if len(whole) <= most - len(page.lines) and len(groups) <= LINES:
            page.lines.extend(whole)
            return
        entries = [[line] for line in _finding_lines(page, groups[:LINES])]
    _add_entries(page, entries, most, len(groups), Noun("kind of finding", "kinds of findings"))


def _finding_lines(
    page: Page, groups: Iterable[FindingGroup], *, cut: bool = True
) -> list[Text | str]:
    """Return a line for each group of findings, or without `cut` as many as its text needs."""
    rows = (_finding_cells(page, group, cut=cut) for group in groups)
    if page.plain:
        return ["  " + "  ".join(cell.plain for cell in row if cell.plain) for row in rows]
    table = _grid(page, False, True)
    for row in rows:
        table.add_row(*row)
    part = Page.on(page.console)
    part.add_table(table, indent=_INDENT)
    return part.lines


def _finding(page: Page, group: FindingGroup) -> list[Text | str]:
    part = Page.on(page.console)
    severity, _, text = _finding_cells(page, group)
    part.add(severity.append(": ").append_text(text), indent=_INDENT, hang=2)
    if group.places:
        part.add(
            page.mark("at ", "dim").append_text(page.prose(some_of(group.places))),
            indent=_INDENT + 2,
            hang=3,
        )
    if group.hint:
        fix = page.mark("fix: ", "dim").append_text(page.prose(group.hint))
        part.add(fix, indent=_INDENT + 2, hang=5)
    return part.lines


def _finding_cells(
    page: Page, group: FindingGroup, *, cut: bool = False
) -> tuple[Text, Text, Text]:
    severity = page.mark(SEVERITIES[group.severity].one, SEVERITY_STYLES[group.severity])
    if group.number > 1:
        severity.append_text(page.mark(f" × {group.number}"))
    if page.plain or not group.places:
        places = page.prose(some_of(group.places), "dim")
    else:
        places = _place(page, group.places[0])
    text = page.prose(group_wording(group))
    return severity, places, _cut(text) if cut else text


def _add_entries(
    page: Page, entries: Iterable[Sequence[Text | str]], most: int, number: int, noun: Noun
) -> None:
    """Add entries while they fit into so many lines, and how many of the number are left out."""
    shown = 0
    for entry in entries:
        last = shown + 1 == number
        if len(page.lines) + len(entry) + (not last) > most:
            break
        page.lines.extend(entry)
        shown += 1
    if rest := number - shown:
        page.add(page.mark(f"and {rest} more {noun(rest)}"), indent=_INDENT)


_FIXED = {
    "about": _about,
    "stops": _stops,
    "changes": _changes,
    "withheld": _withheld,
    "projects": _projects,
}
_SHRINKING = {"failures": _failures, "review": _review, "findings": _findings}
_ORDER = ("about", "stops", "changes", "failures", "withheld", "review", "projects", "findings")
