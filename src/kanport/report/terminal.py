"""A report on a terminal, or as plain lines where there is none.

On a screen it is aligned, wrapped and coloured, though no colour says anything that the words do
not. In a pipe each record is one line, whole.
"""

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from kanport.report.changes_text import show_changes, show_risky
from kanport.report.facts import fact_rows
from kanport.report.findings_text import show_findings
from kanport.report.page import Page, padded, width_of
from kanport.report.parts import Level, Sum, View

_LEVELS = {
    Level.GOOD: ("✓", "green"),
    Level.NOTE: ("•", "cyan"),
    Level.LOOK: ("!", "yellow"),
    Level.STOP: ("✗", "bold red"),
}
_OUTCOMES = ("planned", "done", "already so", "failed", "skipped", "not attempted")


def render(view: View, console: Console, *, max_findings: int | None = None) -> None:
    """Print a report on a console.

    With `max_findings`, no more findings than that are shown, the worst first, and how many are
    left out is said. Nothing else is ever left out.
    """
    page = Page.on(console)
    _top(page, view)
    _about(page, view)
    _summary(page, view)
    show_risky(page, view)
    show_changes(page, view)
    _projects(page, view)
    _guards(page, view)
    show_findings(page, view, max_findings)
    _undone(page, view)
    _counts(page, view)
    _next_steps(page, view)
    page.show()


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


def _summary(page: Page, view: View) -> None:
    if not view.summary:
        return
    page.section("Summary")
    columns = _OUTCOMES if view.tally else _OUTCOMES[:1]
    rows = [
        (
            f"{row.symbol} {row.label}",
            list(row.tally.to_dict().values()) if row.tally else [row.planned],
        )
        for row in view.summary
    ]
    total = list(view.tally.to_dict().values()) if view.tally else [len(view.lines)]
    rows.append(("  all changes", total))
    labels = width_of((label for label, _ in rows), 40)
    widths = [max(map(len, name.split())) for name in columns] if view.tally else [4]
    if page.width is None or page.width < 2 + labels + sum(widths) + 2 * len(widths):
        for label, numbers in rows:
            told = ", ".join(f"{name} {n}" for name, n in zip(columns, numbers, strict=True))
            page.add(page.mark(f"{label.strip()}: {told}"), indent=2, hang=2)
        return
    if view.tally:
        # In two lines, so that six columns fit beside the labels on the narrowest usual screen.
        for part in (0, 1):
            words = [
                name.split()[part - len(name.split())] if len(name.split()) > 1 - part else ""
                for name in columns
            ]
            heads = "".join(f"  {word:>{w}}" for word, w in zip(words, widths, strict=True))
            page.add(page.mark(f"{'':{labels}}{heads}", "dim"), indent=2)

    for label, numbers in rows:
        line = page.mark(f"{label:<{labels}}", _style(label, bold=label == rows[-1][0]))
        for name, number, width in zip(columns, numbers, widths, strict=True):
            line.append(f"  {number:>{width}}", _number_style(name, number))
        page.add(line, indent=2)


def _style(label: str, *, bold: bool) -> str:
    return "bold" if bold else {"+": "green", "~": "yellow", "-": "red"}.get(label[0], "")


def _number_style(column: str, number: int) -> str:
    if not number:
        return "dim"
    return "bold red" if column in {"failed", "skipped", "not attempted"} else "bold"


def _projects(page: Page, view: View) -> None:
    if not view.projects:
        return
    page.section("By project")
    names = width_of((access.project for access in view.projects), 40) + 2
    for access in view.projects:
        told = f"{access.granted} granted, {access.changed} changed, {access.revoked} revoked"
        name = page.ink(access.project)
        if page.plain:
            page.add(name.append_text(page.mark(f": {told}")))
        else:
            page.add(padded(name, names).append_text(page.mark(told)), indent=2, hang=names)


def _guards(page: Page, view: View) -> None:
    if not view.guards:
        return
    page.section("Guards")
    for guard in view.guards:
        level = Level.STOP if guard.tripped else Level.GOOD
        verdict = "tripped" if guard.tripped else "passed"
        line = (
            _marked(page, level, verdict)
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
    page.section("Not done")
    for row in view.undone:
        head = page.mark(f"! {len(row.lines)} {row.status}: ", "bold red")
        page.add(head.append_text(page.ink(row.reason)), indent=2, hang=2)
        for line in row.lines:
            told = page.mark(f"    {line.verb} ").append_text(
                page.ink(line.change.subject.username)
            )
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
        page.add(page.mark(total.text, "bold"), indent=2)
        return
    page.add(page.mark(total.total.text, "bold"), indent=2)
    digits = len(str(max(part.number for part in total.parts)))
    for number, part in enumerate(total.parts):
        sign = "+" if number else "="
        page.add(page.mark(f"{sign} {part.number:>{digits}} {part.label}"), indent=4, hang=4)


def _next_steps(page: Page, view: View) -> None:
    if not view.next_steps:
        return
    page.section("Next steps" if len(view.next_steps) > 1 else "Next step")
    for step in view.next_steps:
        page.add(page.ink(step), indent=2, hang=2)
