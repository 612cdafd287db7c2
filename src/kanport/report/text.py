"""A report as text: aligned, wrapped and colored on a terminal; in a pipe, each record is one line.

No color says anything that the words do not. `page` fits and encodes the lines.
"""

import io
from collections.abc import Iterator, Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from kanport.findings import Finding, Severity
from kanport.outcome import Tally, Verified
from kanport.report.changes import PersonChanges, people_and_groups
from kanport.report.page import Page, padded, width_of
from kanport.report.sentences import (
    SEVERITIES,
    deed,
    fact_rows,
    group_move,
    no_value,
    open_words,
    project_numbers,
    ranged,
    reason_text,
    target_words,
    through_groups,
    utc,
    whose,
)
from kanport.report.view import AccessRow, ChangeView, Difference, Level, Sum, View

LEVELS = {
    Level.GOOD: ("✓", "green"),
    Level.NOTE: ("•", "cyan"),
    Level.LOOK: ("!", "yellow"),
    Level.STOP: ("✗", "bold red"),
}


def render(view: View, console: Console) -> None:
    """Print a report on a console, and leave out nothing."""
    page = Page.on(console)
    _top(page, view)
    _list(page, "Next steps", view.steps)
    _undone(page, view)
    show_risky(page, view)
    _withheld(page, view)
    _list(page, "Still open", [open_words(one) for one in view.open])
    show_summary(page, view)
    show_people(page, view)
    _projects(page, view)
    _access(page, view)
    show_things(page, view)
    show_findings(page, view)
    _guards(page, view)
    _counts(page, view)
    _about(page, view)
    if not page.plain:
        # Whoever reads a screen sees its end first.
        _list(page, "Next steps" if len(view.next_steps) > 1 else "Next step", view.next_steps)
        page.lines.append(Text())
        add_verdict(page, view)
    page.show()


def add_verdict(page: Page, view: View) -> None:
    """Add the verdict with its mark."""
    mark, color = LEVELS[view.level]
    page.add(page.mark(f"{mark} ", color).append_text(page.prose(view.verdict, "bold")), hang=2)


def drawn(view: View) -> str:
    """Return a report as the plain lines that a pipe gets, which end with a line break."""
    stream = io.StringIO()
    render(view, Console(file=stream, force_terminal=False, _environ={}))
    return stream.getvalue()


def _top(page: Page, view: View) -> None:
    page.add(page.styled(view.title, "bold"))
    page.add(_marked(page, view.level, view.headline, "bold"), hang=2)
    for sentence in view.sentences:
        page.add(_marked(page, sentence.level, sentence.text), hang=2)


def _marked(page: Page, level: Level, text: str, style: str = "") -> Text:
    mark, color = LEVELS[level]
    return page.mark(f"{mark} ", color).append_text(page.styled(text, style))


def _about(page: Page, view: View) -> None:
    page.section("Evidence and approval")
    rows = fact_rows(view.facts, digest_length=None if page.plain else 12)
    labels = width_of((label for label, _ in rows), 24) + 2
    for label, text in rows:
        # A digest that was cut ends in a mark of ours, which the encoding may not hold.
        value = page.styled(page.glyph(text))
        if page.plain:
            page.add(page.styled(f"{label}:").append(" ").append_text(value))
        else:
            page.add(
                padded(page.styled(label, "dim"), labels).append_text(value), indent=2, hang=labels
            )


def _projects(page: Page, view: View) -> None:
    if not view.projects:
        return
    page.section("By project")
    names = width_of((access.project for access in view.projects), 40) + 2
    for access in view.projects:
        told = project_numbers(access)
        name = page.styled(access.project)
        if page.plain:
            page.add(name.append_text(page.mark(f": {told}")))
        else:
            page.add(padded(name, names).append_text(page.mark(told)), indent=2, hang=names)


def _access(page: Page, view: View) -> None:
    if view.matrix is None or not view.matrix.rows:
        return
    page.section("Access before and after")
    names = width_of((row.project for row in view.matrix.rows), 40) + 2
    arrow = page.glyph("→")
    for row in view.matrix.rows:
        roles = [
            f"{page.safe(cell.role)} {cell.before} {arrow} {cell.after}"
            for cell in row.cells
            if cell.before or cell.after
        ]
        told = ", ".join([f"{row.before} {arrow} {ranged(row.least, row.most)}", *roles])
        name = page.styled(row.project)
        if page.plain:
            page.add(name.append(f": {told}"))
        else:
            page.add(padded(name, names).append(told), indent=2, hang=names)


def _guards(page: Page, view: View) -> None:
    if not view.guards:
        return
    page.section("Safety checks")
    for guard in view.guards:
        level = Level.STOP if guard.tripped else Level.LOOK if guard.lifted else Level.GOOD
        line = (
            _marked(page, level, guard.standing)
            .append(" ")
            .append_text(page.styled(f"{guard.guard}: {guard.message}"))
        )
        page.add(line, indent=2, hang=2)
        if guard.hint:
            page.add(
                page.mark("    hint: ", "dim").append_text(page.styled(guard.hint)),
                indent=2,
                hang=10,
            )


def _undone(page: Page, view: View) -> None:
    if not view.undone:
        return
    page.section("Not as planned" if view.verified else "Not done")
    for row in view.undone:
        head = page.mark(f"! {len(row.lines)} {row.status.word}: ", "bold red")
        page.add(head.append_text(page.styled(row.reason)), indent=2, hang=2)
        for line in row.lines:
            what = deed(line.change.action, line.who, line.target)
            page.add(page.mark("    ").append_text(page.styled(what)), indent=2, hang=4)


def _counts(page: Page, view: View) -> None:
    page.section("Counts")
    for total in view.sums:
        _sum(page, total)

    for count in view.counts:
        page.add(page.styled(count.text), indent=2, hang=2)


def _sum(page: Page, total: Sum) -> None:
    if page.width is None or cell_len(total.text) <= page.width - 2:
        page.add(page.styled(total.text, "bold"), indent=2)
        return
    page.add(page.mark(total.total.text, "bold"), indent=2)
    digits = len(str(max(part.number for part in total.parts)))
    for number, part in enumerate(total.parts):
        sign = "+" if number else "="
        page.add(
            page.mark(f"{sign} {part.number:>{digits}} {page.safe(part.label)}"), indent=4, hang=4
        )


def _list(page: Page, title: str, items: Sequence[str]) -> None:
    if items:
        page.section(title)
    for item in items:
        page.add(page.styled(item), indent=2, hang=2)


def _withheld(page: Page, view: View) -> None:
    """Show the removals that Kanport does not make, each with what prevents it."""
    items = []
    for one in view.withheld:
        what = deed(one.change.action, one.who, one.line.target)
        because = "; ".join(cause.message for cause in one.because)
        places = f" ({', '.join(one.places)})" if one.places else ""
        since = f"; missing since {utc(one.since)}" if one.since else ""
        items.append(f"{what}: {because}{places}{since}")
    _list(page, "Withheld", items)


# --- the summary of a report as text: how many changes of each action, and what became of them ----

# The heads of the columns in two lines, so that six fit beside the labels in 80 cells.
_HEADS = (
    ("", "planned"),
    ("", "done"),
    ("", "unchanged"),
    ("", "failed"),
    ("", "skipped"),
    ("not", "started"),
)
_VERIFIED_HEADS = (("", "planned"), ("as", "planned"), ("not as", "planned"))
_BAD = {"failed", "skipped", "not started", "not as planned"}


def show_summary(page: Page, view: View) -> None:
    """Show the actions with their numbers: a table where it fits, else a line each."""
    if not view.summary:
        return
    page.section("Summary")
    heads = _VERIFIED_HEADS if view.verified else _HEADS if view.tally else _HEADS[:1]
    rows = [
        (f"{row.symbol} {row.label}", SYMBOL_STYLES[row.symbol], _numbers(row.planned, row.tally))
        for row in view.summary
    ]
    rows.append(("  all changes", "bold", _numbers(len(view.lines), view.numbers)))
    labels = width_of((label for label, _, _ in rows), 40)
    widths = [max(map(len, head)) if view.numbers else 4 for head in heads]
    if page.width is None or page.width < 2 + labels + sum(widths) + 2 * len(widths):
        for label, style, numbers in rows:
            told = ", ".join(
                f"{' '.join(head).strip()} {number}"
                for head, number in zip(heads, numbers, strict=True)
            )
            line = page.mark(label.strip(), style).append_text(page.mark(f": {told}"))
            page.add(line, indent=2, hang=2)
        return
    for part in (0, 1) if view.numbers else ():
        words = "".join(f"  {head[part]:>{w}}" for head, w in zip(heads, widths, strict=True))
        page.add(page.mark(f"{'':{labels}}{words}".rstrip(), "dim"), indent=2)
    for label, style, numbers in rows:
        line = page.mark(f"{label:<{labels}}", style)
        for head, number, width in zip(heads, numbers, widths, strict=True):
            bad = " ".join(head).strip() in _BAD
            line.append(
                f"  {number:>{width}}", ("bold red" if bad else "bold") if number else "dim"
            )
        page.add(line, indent=2)


def _numbers(planned: int, tally: Tally | Verified | None) -> list[int]:
    return list(tally.to_dict().values()) if tally else [planned]


# --- the changes of a report as text: on a screen grouped by person, in a pipe one a line ---------

SYMBOL_STYLES = {"+": "green", "~": "yellow", "-": "red", "!": "bold red"}
_VERB = 8  # the longest verb takes seven

_INDENT = 2
_HANG = 2 + _VERB  # what stands before the words of a change
_GAP = 3
_BESIDE = 100  # from here on, why a change is made fits beside it


def show_risky(page: Page, view: View) -> None:
    """Show the changes that need review, a line each."""
    if not view.risky:
        return
    page.section("Needs review")
    if page.plain:
        for line in view.risky:
            page.add(_plain_risks(page, line))
        return
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    table.add_column(overflow="fold")
    for line in view.risky:
        table.add_row(
            _head(page, line), page.styled(whose(line)), page.prose(", ".join(line.risks), "yellow")
        )
    page.add_table(table, indent=_INDENT)


def show_people(page: Page, view: View) -> None:
    """Show what happens to each person, also through groups."""
    _show_groups(page, "Changes by user", people_and_groups(view))


def show_things(page: Page, view: View) -> None:
    """Show the changes of groups and projects."""
    things: dict[str, list[ChangeView]] = {}
    for line in view.others:
        things.setdefault(line.who, []).append(line)
    groups = [PersonChanges(who, "", tuple(lines), ()) for who, lines in things.items()]
    _show_groups(page, "Groups and projects", groups)


def _show_groups(page: Page, title: str, groups: Sequence[PersonChanges]) -> None:
    if groups:
        page.section(title)
    targets = width_of((_where(line) for one in groups for line in one.lines), 28)
    for one in groups:
        _show_group(page, one, targets)


def _show_group(page: Page, one: PersonChanges, targets: int) -> None:
    who, name, lines, moves = one.username, one.name, one.lines, one.moves
    if page.width is None:
        for line in lines:
            page.add(_plain_change(page, line))
        for row in moves:
            symbol, verb = group_move(row)
            parts = (f"{symbol} {verb}", who, row.project, through_groups(row))
            page.add("  ".join(page.glyph(page.safe(part)) for part in parts))
        return
    head = page.styled(who, "bold")
    if name and name != who:
        head.append("  ").append_text(page.styled(name))
    page.add(head, indent=_INDENT, hang=2)
    if page.width < _BESIDE:
        for line in lines:
            page.add(_what(page, line, targets), indent=_INDENT * 2, hang=_HANG)
            page.add(_why(page, line), indent=_INDENT * 2 + _HANG)
        for row in moves:
            page.add(_move(page, row, targets), indent=_INDENT * 2, hang=_HANG)
        return
    table = Table.grid(padding=(0, _GAP, 0, 0), expand=True)
    table.add_column(ratio=1, overflow="fold")
    table.add_column(ratio=1, overflow="fold")
    for line in lines:
        table.add_row(_what(page, line, targets), _why(page, line))
    for row in moves:
        table.add_row(_move(page, row, targets), Text())
    page.add_table(table, indent=_INDENT * 2)


def _move(page: Page, row: AccessRow, targets: int) -> Text:
    symbol, verb = group_move(row)
    what = page.mark(f"{symbol} {verb:<{_VERB - 1}} ", SYMBOL_STYLES[symbol])
    what.append_text(padded(page.styled(row.project), targets)).append("  ")
    return what.append_text(page.prose(through_groups(row)))


def _what(page: Page, line: ChangeView, targets: int) -> Text:
    what = _head(page, line)
    if line.target:
        what.append_text(padded(page.styled(_where(line)), targets)).append("  ")
    return what.append_text(_differences(page, line))


def _head(page: Page, line: ChangeView) -> Text:
    verb = f"{line.verb:<{_VERB - 1}}"
    return page.mark(f"{line.symbol} {verb}", SYMBOL_STYLES[line.symbol]).append(" ")


def _where(line: ChangeView) -> str:
    return target_words(line.change.action, line.target)


def _differences(page: Page, line: ChangeView) -> Text:
    told = Text()
    for number, difference in enumerate(line.differences):
        if number:
            told.append(", ")
        # In a project there is nothing but a role.
        if not (line.target and difference.field == "role"):
            told.append_text(page.styled(difference.label, "dim")).append(" ")
        told.append_text(_difference(page, difference, no_value(difference, line.target)))
    return told


def _difference(page: Page, difference: Difference, none: str) -> Text:
    if difference.before is None:
        return _value(page, difference.after, none)
    told = _value(page, difference.before, none).append_text(page.mark(" → ", "dim"))
    return told.append_text(_value(page, difference.after, none))


def _value(page: Page, text: str | None, none: str) -> Text:
    if not text:
        return page.mark(none if text is None else "(empty)", "dim")
    return page.styled(text)


def _why(page: Page, line: ChangeView) -> Text:
    parts: list[Text] = []
    if (ending := line.ending) is not None:
        told = page.mark(ending.word, "green" if ending.good else "bold red")
        if ending.reason is not None:
            told.append(": ").append_text(page.styled(ending.reason))
        parts.append(told)
    parts.extend(page.prose(risk, "yellow") for risk in line.risks)
    parts.append(page.styled(page.glyph(reason_text(line)), "dim"))
    parts.extend(page.styled(place, "dim") for place in line.places)
    return page.mark(" · ", "dim").join(part for part in parts if cell_len(part.plain))


# --- the changes of a report in a pipe: one a line, with two blanks between its parts -------------


def _plain_change(page: Page, line: ChangeView) -> str:
    """Return a change with all that a report says of it."""
    parts = [_plain_head(page, line)]
    if line.differences:
        parts.append(
            ", ".join(_plain_difference(page, one, line.target) for one in line.differences)
        )
    parts.append(page.glyph(" · ").join(part for part in _plain_why(page, line) if part))
    return "  ".join(parts)


def _plain_risks(page: Page, line: ChangeView) -> str:
    """Return a change with its risks only."""
    return f"{_plain_head(page, line)}  {page.safe(', '.join(line.risks))}"


def _plain_head(page: Page, line: ChangeView) -> str:
    head = f"{line.symbol} {line.verb}  {page.safe(line.who)}"
    return f"{head}  {page.safe(_where(line))}" if line.target else head


def _plain_difference(page: Page, difference: Difference, target: str) -> str:
    none = no_value(difference, target)
    told = _plain_value(page, difference.after, none)
    if difference.before is not None:
        told = f"{_plain_value(page, difference.before, none)}{page.glyph(' → ')}{told}"
    # In a project there is nothing but a role.
    bare = target and difference.field == "role"
    return told if bare else f"{page.safe(difference.label)} {told}"


def _plain_value(page: Page, text: str | None, none: str) -> str:
    if not text:
        return none if text is None else "(empty)"
    return page.safe(text)


def _plain_why(page: Page, line: ChangeView) -> Iterator[str]:
    if (ending := line.ending) is not None:
        reason = f": {page.safe(ending.reason)}" if ending.reason is not None else ""
        yield page.glyph(ending.word) + reason
    yield from map(page.safe, line.risks)
    yield page.safe(page.glyph(reason_text(line)))
    yield from map(page.safe, line.places)


# --- the findings of a report as text, each with its place and what to do about it ----------------

SEVERITY_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}
_WIDE = 100  # from here on, a finding stands in one line


def show_findings(page: Page, view: View) -> None:
    """Show the findings by kind and one by one."""
    if not view.findings:
        return
    page.section("Findings by kind")
    codes = width_of((row.code for row in view.finding_rows), 40)
    digits = max(len(str(row.number)) for row in view.finding_rows)
    for row in view.finding_rows:
        told = page.mark(f"{row.number:>{0 if page.plain else digits}}  ")
        _severity(page, told, row.severity, aligned=True)
        _column(page, told, page.styled(row.code), codes)
        page.add(told.append_text(page.styled(row.about)), indent=2, hang=digits + codes + 13)
    page.section("Findings")
    places = width_of((_place(finding) for finding in view.findings), 36)
    codes = width_of((finding.code for finding in view.findings), 40)
    for finding in view.findings:
        _show_finding(page, finding, places, codes)


def _show_finding(page: Page, finding: Finding, places: int, codes: int) -> None:
    told = Text()
    wide = page.width is None or page.width >= _WIDE
    _column(page, told, page.styled(_place(finding), "bold"), places if wide else 0)
    _severity(page, told, finding.severity, aligned=wide)
    if wide:
        _column(page, told, page.styled(finding.code), codes)
        hang = cell_len(told.plain)
        page.add(told.append_text(page.styled(finding.message)), indent=2, hang=hang)
    else:
        page.add(told.append_text(page.styled(finding.code)), indent=2, hang=4)
        page.add(page.styled(finding.message), indent=6)

    if finding.value is not None and finding.value not in finding.message:
        page.add(page.mark("    value: ", "dim").append_text(page.styled(finding.value)), indent=2)
    if finding.hint:
        page.add(
            page.mark("    hint: ", "dim").append_text(page.styled(finding.hint)), indent=2, hang=10
        )
    if finding.related:
        also = Text(", ").join(page.styled(str(place)) for place in finding.related)
        page.add(page.mark("    see also: ", "dim").append_text(also), indent=2, hang=14)


def _place(finding: Finding) -> str:
    return str(finding.origin) if finding.origin is not None else "-"


def _severity(page: Page, told: Text, severity: Severity, *, aligned: bool) -> None:
    word = page.mark(SEVERITIES[severity].one, SEVERITY_STYLES[severity])
    _column(page, told, word, len("warning") if aligned else 0)


def _column(page: Page, told: Text, text: Text, width: int) -> None:
    told.append_text(text if page.plain else padded(text, width)).append("  ")
