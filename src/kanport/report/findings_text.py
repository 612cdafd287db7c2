"""The findings of a report as text, each with its place and what to do about it."""

from collections import Counter

from rich.cells import cell_len
from rich.text import Text

from kanport.findings import Finding, Severity
from kanport.report.page import Page, padded, width_of
from kanport.report.parts import View
from kanport.report.words import FINDING, SEVERITIES, counted, listed

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.INFO: "cyan"}
_WIDE = 100  # from here on, a finding stands in one line


def show_findings(page: Page, view: View, most: int | None) -> None:
    """Show the findings by kind and one by one; with a limit, the worst, and how many more."""
    if not view.findings:
        return
    page.section("Findings by kind")
    codes = width_of((row.code for row in view.finding_rows), 40)
    digits = max(len(str(row.number)) for row in view.finding_rows)
    for row in view.finding_rows:
        told = page.mark(f"{row.number:>{0 if page.plain else digits}}  ")
        _severity(page, told, row.severity, aligned=True)
        _column(page, told, page.ink(row.code), codes)
        page.add(told.append_text(page.ink(row.about)), indent=2, hang=digits + codes + 13)
    page.section("Findings")
    shown = _shown(view.findings, most)
    places = width_of((_place(finding) for finding in shown), 36)
    codes = width_of((finding.code for finding in shown), 40)
    for finding in shown:
        _show(page, finding, places, codes)
    if len(shown) < len(view.findings):
        _left_out(page, view.findings, shown)


def _shown(findings: tuple[Finding, ...], most: int | None) -> list[Finding]:
    if most is None or len(findings) <= most:
        return list(findings)
    severities = list(Severity)
    worst = sorted(range(len(findings)), key=lambda i: severities.index(findings[i].severity))
    return [findings[index] for index in sorted(worst[:most])]


def _show(page: Page, finding: Finding, places: int, codes: int) -> None:
    told = Text()
    wide = page.width is None or page.width >= _WIDE
    _column(page, told, page.ink(_place(finding), "bold"), places if wide else 0)
    _severity(page, told, finding.severity, aligned=wide)
    if wide:
        _column(page, told, page.ink(finding.code), codes)
        hang = cell_len(told.plain)
        page.add(told.append_text(page.ink(finding.message)), indent=2, hang=hang)
    else:
        page.add(told.append_text(page.ink(finding.code)), indent=2, hang=4)
        page.add(page.ink(finding.message), indent=6)

    if finding.value is not None and finding.value not in finding.message:
        page.add(page.mark("    value: ", "dim").append_text(page.ink(finding.value)), indent=2)
    if finding.hint:
        page.add(
            page.mark("    hint: ", "dim").append_text(page.ink(finding.hint)), indent=2, hang=10
        )
    if finding.related:
        also = Text(", ").join(page.ink(str(place)) for place in finding.related)
        page.add(page.mark("    see also: ", "dim").append_text(also), indent=2, hang=14)


def _place(finding: Finding) -> str:
    return str(finding.origin) if finding.origin is not None else "-"


def _severity(page: Page, told: Text, severity: Severity, *, aligned: bool) -> None:
    word = page.mark(SEVERITIES[severity].one, _STYLES[severity])
    _column(page, told, word, len("warning") if aligned else 0)


def _column(page: Page, told: Text, text: Text, width: int) -> None:
    told.append_text(text if page.plain else padded(text, width)).append("  ")


def _left_out(page: Page, findings: tuple[Finding, ...], shown: list[Finding]) -> None:
    left = Counter(f.severity for f in findings) - Counter(f.severity for f in shown)
    parts = [
        counted(left[severity], noun) for severity, noun in SEVERITIES.items() if left[severity]
    ]
    number = len(findings) - len(shown)
    told = f"… and {number} more {FINDING(number)}: {listed(parts)}. "
    page.add(page.mark(told + "A report as Markdown or JSON has all of them."), indent=2, hang=2)
