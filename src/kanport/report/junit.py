"""Findings as JUnit XML, which pipelines show as tests: an error is a test that failed."""

from collections.abc import Iterator, Sequence
from xml.sax.saxutils import quoteattr as quoted  # it writes, and reads nothing

from kanport.findings import Finding, Severity
from kanport.report.locations import file_of
from kanport.report.parts import View
from kanport.report.visible import storable
from kanport.report.words import ROW, SEVERITIES, counted


def render(view: View) -> str:
    """Give a suite for each source, and one for what is about none; a test for each finding.

    Warnings and notes are tests that pass, as they stop nothing. A source without findings is a
    test that passes, so that a pipeline shows that it was looked at.
    """
    groups: dict[str, list[Finding]] = {source.name: [] for source in view.facts.sources}
    for finding in view.findings:
        groups.setdefault(finding.origin.source if finding.origin else "", []).append(finding)
    rows = {source.name: source.rows for source in view.facts.sources}
    suites = [
        (name or "all sources", findings, rows.get(name)) for name, findings in groups.items()
    ]
    tests = sum(max(len(findings), 1) for _, findings, _ in suites)
    failures = sum(_failed(findings) for _, findings, _ in suites)
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    lines.append(
        f"<testsuites name={_attribute(view.title)}"
        f' tests="{tests}" failures="{failures}" errors="0" time="0">'
    )
    for name, findings, number in suites:
        lines += _suite(view, name, findings, number)
    lines.append("</testsuites>")
    return "\n".join(lines) + "\n"


def _failed(findings: Sequence[Finding]) -> int:
    return sum(finding.severity is Severity.ERROR for finding in findings)


def _suite(view: View, name: str, findings: Sequence[Finding], rows: int | None) -> Iterator[str]:
    failures = _failed(findings)
    yield (
        f"  <testsuite name={_attribute(name)}"
        f' tests="{max(len(findings), 1)}" failures="{failures}" errors="0" skipped="0" time="0">'
    )
    if not findings:
        looked = counted(rows, ROW) if rows is not None else "nothing"
        yield f'    <testcase classname={_attribute(name)} name="{looked} read" time="0"/>'
    for finding in findings:
        yield from _case(view, name, finding)
    yield "  </testsuite>"


def _case(view: View, name: str, finding: Finding) -> Iterator[str]:
    place = f"{finding.origin}: " if finding.origin is not None else ""
    where = ""
    if (file := file_of(view, finding.origin)) is not None:
        where = f" file={_attribute(file.path)}"
        where += f' line="{file.line}"' if file.line is not None else ""
    yield (
        f"    <testcase classname={_attribute(f'{name}.{finding.code}')}"
        f' name={_attribute(place + finding.message)}{where} time="0">'
    )
    word = SEVERITIES[finding.severity].one
    told = "\n".join(f"{label}: {_text(value)}" for label, value in _parts(finding))
    if finding.severity is Severity.ERROR:
        yield (
            f"      <failure type={_attribute(finding.code)}"
            f" message={_attribute(finding.message)}>{told}</failure>"
        )
    else:
        yield f"      <system-out>{word}\n{told}</system-out>"
    yield "    </testcase>"


def _parts(finding: Finding) -> Iterator[tuple[str, str]]:
    if finding.origin is not None:
        yield "place", str(finding.origin)
    yield "message", finding.message
    if finding.value is not None:
        yield "value", finding.value
    if finding.hint:
        yield "hint", finding.hint
    if finding.related:
        yield "see also", ", ".join(map(str, finding.related))


def _attribute(text: str) -> str:
    return quoted(storable(text))


def _text(text: str) -> str:
    return storable(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
