"""Render findings as JUnit XML, which pipelines show as tests: an error is a test that failed."""

from collections.abc import Iterator, Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from kanport.findings import Finding, Severity
from kanport.report.locations import file_of
from kanport.report.parts import View
from kanport.report.visible import storable
from kanport.report.words import ROW, SEVERITIES, counted


def render(view: View) -> str:
    """Return a suite for each source, and one for what is about none; a test for each finding.

    Warnings and notes are tests that pass, as they stop nothing. A source without findings is a
    test that passes, so that a pipeline shows that it was looked at.
    """
    groups: dict[str, list[Finding]] = {source.name: [] for source in view.facts.sources}
    for finding in view.findings:
        groups.setdefault(finding.origin.source if finding.origin else "", []).append(finding)
    rows = {source.name: source.rows for source in view.facts.sources}
    root = Element("testsuites", name=storable(view.title))
    for name, findings in groups.items():
        _add_suite(root, view, name or "all sources", findings, rows.get(name))
    totals = {
        count: str(sum(int(suite.attrib[count]) for suite in root))
        for count in ("tests", "failures")
    }
    root.attrib.update(totals, errors="0", time="0")
    indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(root, encoding="unicode")}\n'


def _add_suite(
    root: Element, view: View, name: str, findings: Sequence[Finding], rows: int | None
) -> None:
    suite = SubElement(
        root,
        "testsuite",
        name=storable(name),
        tests=str(max(len(findings), 1)),
        failures=str(sum(finding.severity is Severity.ERROR for finding in findings)),
        errors="0",
        skipped="0",
        time="0",
    )
    if not findings:
        read = counted(rows, ROW) if rows is not None else "nothing"
        SubElement(suite, "testcase", classname=storable(name), name=f"{read} read", time="0")
    for finding in findings:
        place = f"{finding.origin}: " if finding.origin is not None else ""
        case = SubElement(
            suite,
            "testcase",
            classname=storable(f"{name}.{finding.code}"),
            name=storable(place + finding.message),
        )
        if (file := file_of(view, finding.origin)) is not None:
            case.set("file", storable(file.path))
            if file.line is not None:
                case.set("line", str(file.line))
        case.set("time", "0")
        _add_result(case, finding)


def _add_result(case: Element, finding: Finding) -> None:
    lines = [f"{label}: {storable(value)}" for label, value in _parts(finding)]
    if finding.severity is Severity.ERROR:
        about = {"type": storable(finding.code), "message": storable(finding.message)}
        SubElement(case, "failure", about).text = "\n".join(lines)
    else:
        word = SEVERITIES[finding.severity].one
        SubElement(case, "system-out").text = "\n".join([word, *lines])


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
