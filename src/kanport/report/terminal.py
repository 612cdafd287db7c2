"""A report on a terminal, or as plain lines where there is none.

On a screen it is aligned, wrapped and coloured, though no colour says anything that the words do
not. In a pipe each record is one line, whole.
"""

import io

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from kanport.report.changes_text import show_changes, show_risky
from kanport.report.facts import fact_rows
from kanport.report.findings_text import show_findings
from kanport.report.page import Page, padded, width_of
from kanport.report.parts import Level, Sum, View
from kanport.report.sentences import project_numbers
from kanport.report.summary_text import show_summary

_LEVELS = {
    Level.GOOD: ("✓", "green"),
    Level.NOTE: ("•", "cyan"),
    Level.LOOK: ("!", "yellow"),
    Level.STOP: ("✗", "bold red"),
}


def render(view: View, console: Console, *, max_findings: int | None = None) -> None:
    """Print a report on a console.

    With `max_findings`, no more findings than that are shown, the worst first, and how many are
    left out is said. Nothing else is ever left out.
    """
    page = Page.on(console)
    _top(page, view)
    _about(page, view)
    show_summary(page, view)
    show_risky(page, view)
    show_changes(page, view)
    _projects(page, view)
    _access(page, view)
    _guards(page, view)
    show_findings(page, view, max_findings)
    _undone(page, view)
    _counts(page, view)
    _next_steps(page, view)
    page.show()


def drawn(view: View) -> str:
    """Give a report as the plain lines that a pipe gets, which end with a line break."""
    stream = io.StringIO()
    render(view, Console(file=stream, force_terminal=False, _environ={}))
    return stream.getvalue()


def _top(page: Page, view: View) -> None:
    page.add(page.ink(view.title, "bold"))
    page.add(_marked(page, view.level, view.headline, "bold"), hang=2)
    for sentence in view.sentences:
        page.add(_marked(page, sentence.level, sentence.text), hang=2)


def _marked(page: Page, level: Level, text: str, style: str = "") -> Text:
    mark, color = _LEVELS[level]
    return page.mark(f"{mark} ", color).append_text(page.ink(text, style))


def _about(page: Page, view: View) -> None:
    page.section("About")
    rows = fact_rows(view.facts, digest_length=None if page.plain else 12)
    labels = width_of((label for label, _ in rows), 24) + 2
    for label, text in rows:
        # A digest that was cut ends in a mark of ours, which the encoding may not hold.
        value = page.ink(page.glyph(text))
        if page.plain:
            page.add(page.ink(f"{label}:").append(" ").append_text(value))
        else:
            page.add(
                padded(page.ink(label, "dim"), labels).append_text(value), indent=2, hang=labels
            )


def _projects(page: Page, view: View) -> None:
    if not view.projects:
        return
    page.section("By project")
    names = width_of((access.project for access in view.projects), 40) + 2
    for access in view.projects:
        told = project_numbers(access)
        name = page.ink(access.project)
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
        told = ", ".join([f"{row.before} {arrow} {row.after}", *roles])
        name = page.ink(row.project)
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
            .append_text(page.ink(f"{guard.guard}: {guard.message}"))
        )
        page.add(line, indent=2, hang=2)
        if guard.hint:
            page.add(
                page.mark("    hint: ", "dim").append_text(page.ink(guard.hint)), indent=2, hang=10
            )


def _undone(page: Page, view: View) -> None:
    if not view.undone:
        return
    page.section("Not as planned" if view.verified else "Not done")
    for row in view.undone:
        head = page.mark(f"! {len(row.lines)} {row.status}: ", "bold red")
        page.add(head.append_text(page.ink(row.reason)), indent=2, hang=2)
        for line in row.lines:
            told = page.mark(f"    {line.verb} ").append_text(page.ink(line.who))
            if line.target:
                told.append_text(page.mark(" in ")).append_text(page.ink(line.target))
            page.add(told, indent=2, hang=4)


def _counts(page: Page, view: View) -> None:
    page.section("Counts")
    for total in view.sums:
        _sum(page, total)

    for count in view.counts:
        page.add(page.ink(count.text), indent=2, hang=2)


def _sum(page: Page, total: Sum) -> None:
    if page.width is None or cell_len(total.text) <= page.width - 2:
        page.add(page.ink(total.text, "bold"), indent=2)
        return
    page.add(page.mark(total.total.text, "bold"), indent=2)
    digits = len(str(max(part.number for part in total.parts)))
    for number, part in enumerate(total.parts):
        sign = "+" if number else "="
        page.add(
            page.mark(f"{sign} {part.number:>{digits}} {page.safe(part.label)}"), indent=4, hang=4
        )


def _next_steps(page: Page, view: View) -> None:
    if not view.next_steps:
        return
    page.section("Next steps" if len(view.next_steps) > 1 else "Next step")
    for step in view.next_steps:
        page.add(page.ink(step), indent=2, hang=2)
