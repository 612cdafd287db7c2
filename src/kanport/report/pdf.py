"""Render a report as a PDF of two to four pages, for a signature.

It holds what somebody signs: the verdict, what to do, failures, what needs review, what is
withheld, the projects, and on the last page the evidence and the lines to sign. Of long lists it
holds the beginning. It needs fpdf2, which the extra `pdf` installs. It writes names in DejaVu Sans
where that is installed, and otherwise escapes what the built-in font lacks.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kanport.errors import UsageError
from kanport.report.escape import escape_name
from kanport.report.sentences import (
    actor_rows,
    deed,
    fact_rows,
    no_value,
    open_words,
    project_numbers,
    through_groups,
    utc,
)
from kanport.report.view import ChangeView, Difference, Level, View, WithheldView

_FONTS = (
    Path("/usr/share/fonts/truetype/dejavu"),
    Path("/usr/share/fonts/dejavu-sans-fonts"),
    Path("/usr/share/fonts/TTF"),
    Path("/Library/Fonts"),
)
_MARKS = {Level.GOOD: "OK", Level.NOTE: "Note", Level.LOOK: "Attention", Level.STOP: "Problem"}
_LINE = 4.6  # millimeters
_LONGEST = 300  # characters of an item
# Lines of each list on the first three pages, which hold about 165.
_MOST = {"undone": 30, "review": 36, "withheld": 18, "groups": 12, "projects": 18, "guards": 14}


def render(view: View) -> bytes:
    """Return a report as a PDF; the same view gives the same bytes with the same fonts.

    Raises UsageError where fpdf2 is not installed.
    """
    try:
        from fpdf import FPDF
    except ImportError:
        raise UsageError(
            "a report as PDF needs the package fpdf2",
            hint='in a clone: pip install ".[pdf]"; or write .html and print it',
        ) from None
    pdf = FPDF(format="A4")
    page = _Paper(pdf, view)
    _first_pages(page, view)
    _last_page(page, view)
    return bytes(pdf.output())


class _Paper:
    """The pages, with text that the font can show."""

    def __init__(self, pdf: Any, view: View) -> None:
        self.pdf = pdf
        facts = view.facts
        moment = facts.run.started_at if facts.run is not None else facts.created_at
        pdf.set_creation_date(_time(moment))
        pdf.set_title(escape_name(view.title))
        pdf.set_creator("Kanport")
        pdf.set_margin(16)
        pdf.set_auto_page_break(True, margin=18)
        folder = next((one for one in _FONTS if (one / "DejaVuSans.ttf").is_file()), None)
        self.family = "helvetica" if folder is None else "dejavu"
        if folder is not None:
            bold = folder / "DejaVuSans-Bold.ttf"
            pdf.add_font("dejavu", "", folder / "DejaVuSans.ttf")
            pdf.add_font("dejavu", "B", bold if bold.is_file() else folder / "DejaVuSans.ttf")
        self._known = pdf.fonts["dejavu"].cmap if folder is not None else None
        run = f"run {facts.run.id}, " if facts.run is not None else ""
        self.foot = self.safe(f"{run}plan {facts.digest}" if facts.digest else view.title)[:120]
        pdf.footer = self._footer
        pdf.add_page()

    def safe(self, text: str) -> str:
        """Return a text in which every character can be seen, and none is lacking in the font."""
        if not self._shows("→"):
            text = text.replace("→", "->")
        return "".join(
            one if self._shows(one) else f"\\u{ord(one):04x}" for one in escape_name(text)
        )

    def _shows(self, character: str) -> bool:
        if self._known is not None:
            return ord(character) in self._known
        return character.isascii() or "\xa0" < character <= "\xff"

    def _footer(self) -> None:
        self.pdf.set_y(-13)
        self.pdf.set_font(self.family, "", 7)
        self.pdf.cell(150, 5, self.foot)
        self.pdf.cell(0, 5, f"page {self.pdf.page_no()}", align="R")

    def text(self, text: str, *, size: float = 9, style: str = "", indent: float = 0) -> None:
        """Write a paragraph."""
        self.pdf.set_font(self.family, style, size)
        self.pdf.set_x(16 + indent)
        self.pdf.multi_cell(
            0, _LINE * size / 9, self.safe(text), align="L", new_x="LMARGIN", new_y="NEXT"
        )

    def heading(self, text: str) -> None:
        """Write a heading, on one page with what follows."""
        if self.pdf.will_page_break(_LINE * 5):
            self.pdf.add_page()
        self.pdf.ln(2)
        self.text(text, size=11.5, style="B")
        self.pdf.ln(0.6)

    def listing(self, title: str, items: Iterable[str], most: int) -> None:
        """Write a list below a heading: so many lines at most, and how many items are left out."""
        shown = list(items)
        if not shown:
            return
        self.heading(title)
        self.pdf.set_font(self.family, "", 9)
        left = most
        for number, item in enumerate(shown):
            text = f"- {item if len(item) <= _LONGEST else item[:_LONGEST] + '...'}"
            lines = self.pdf.multi_cell(
                0, _LINE, self.safe(text), align="L", dry_run=True, output="LINES"
            )
            left -= len(lines)
            if left < 0:
                self.text(f"... and {len(shown) - number} more, see the HTML report")
                return
            self.text(text)


def _first_pages(page: _Paper, view: View) -> None:
    page.text(view.title, size=16, style="B")
    about = [view.facts.server.url] if view.facts.server is not None else []
    page.text(" | ".join([*about, *(f"{name}: {text}" for name, text in actor_rows(view.facts))]))
    page.pdf.ln(2)
    page.text(f"{_MARKS[view.level]}: {view.headline}"[:900], size=11, style="B")
    for sentence in view.sentences:
        page.text(f"{_MARKS[sentence.level]}: {sentence.text}"[:600])
    if view.numbers is not None:
        page.text(next(one.text for one in view.sums if one.total.key == "planned"))
    page.listing("Next steps", view.steps, 10)
    undone = (_change(line) for row in view.undone for line in row.lines)
    page.listing("Not as planned" if view.verified else "Not done", undone, _MOST["undone"])
    review = [_change(line) for line in view.risky]
    if view.removals:
        review.append(f"{len(view.removals)} other changes that revoke or lower access")
    page.listing("Needs review", review, _MOST["review"])
    page.listing("Withheld", map(_withheld, view.withheld), _MOST["withheld"])
    page.listing("Still open", map(open_words, view.open), _MOST["withheld"])
    moved = (row for one in view.projects if one.flow is not None for row in one.flow.through)
    through = (f"{row.person} in {row.project}: {through_groups(row)}" for row in moved)
    page.listing("Gained and lost through groups", through, _MOST["groups"])
    projects = (f"{one.project}: {project_numbers(one)}" for one in view.projects)
    page.listing("By project", projects, _MOST["projects"])
    guards = sorted(view.guards, key=lambda one: ("stopped", "overridden").count(one.standing) == 0)
    shown = (f"{one.standing}: {one.guard}: {one.message}" for one in guards)
    page.listing("Safety checks", shown, _MOST["guards"])


def _last_page(page: _Paper, view: View) -> None:
    page.pdf.add_page()
    facts = [f"{label}: {text}" for label, text in fact_rows(view.facts)]
    page.listing("Evidence and approval", facts, 34)
    page.heading("Signatures")
    for label in ("Reviewed by", "Date", "Signature", "Approved by", "Date", "Signature"):
        page.pdf.ln(7)
        page.text(label)
        page.pdf.line(45, page.pdf.get_y(), 150, page.pdf.get_y())


def _change(line: ChangeView) -> str:
    values = [_difference(one, no_value(one, line.target)) for one in line.differences]
    text = deed(line.change.action, line.who, line.target)
    text += f": {', '.join(values)}" if values else ""
    if line.reviews:
        text += f" ({', '.join(line.risks)})"
    if line.ending is not None and not line.ending.good:
        text += f"; {line.ending.word}: {line.ending.reason or 'no reason given'}"
    return text + (f"; from {', '.join(line.places)}" if line.places else "")


def _difference(one: Difference, none: str) -> str:
    before, after = (
        none if value is None else value or "(empty)" for value in (one.before, one.after)
    )
    return f"{one.label} {after}" if one.before is None else f"{one.label} {before} → {after}"


def _withheld(one: WithheldView) -> str:
    what = deed(one.change.action, one.who, one.line.target)
    causes: Sequence[str] = [because.message for because in one.because]
    places = f" ({', '.join(one.places[:3])})" if one.places else ""
    since = f"; missing since {utc(one.since)}" if one.since else ""
    return f"{what}: {'; '.join(causes)}{places}{since}"


def _time(moment: str) -> datetime:
    try:
        when = datetime.fromisoformat(moment)
    except ValueError:
        return datetime(1980, 1, 1, tzinfo=UTC)
    return when if when.tzinfo is not None else when.replace(tzinfo=UTC)
