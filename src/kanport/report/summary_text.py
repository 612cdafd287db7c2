"""The summary of a report as text: how many changes of each action, and what became of them."""

from kanport.outcome import Tally, Verified
from kanport.report.page import Page, width_of
from kanport.report.parts import View

# The heads of the columns in two lines, so that six fit beside the labels in 80 cells.
_HEADS = (
    ("", "planned"),
    ("", "done"),
    ("already", "so"),
    ("", "failed"),
    ("", "skipped"),
    ("not", "attempted"),
)
_VERIFIED_HEADS = (("", "planned"), ("as", "planned"), ("not as", "planned"))
_STYLES = {"+": "green", "~": "yellow", "-": "red"}
_BAD = {"failed", "skipped", "not attempted", "not as planned"}


def show_summary(page: Page, view: View) -> None:
    """Show the actions with their numbers: a table where it fits, else a line each."""
    if not view.summary:
        return
    page.section("Summary")
    heads = _VERIFIED_HEADS if view.verified else _HEADS if view.tally else _HEADS[:1]
    rows = [
        (f"{row.symbol} {row.label}", _STYLES[row.symbol], _numbers(row.planned, row.tally))
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
