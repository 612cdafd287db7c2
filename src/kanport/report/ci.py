"""Render reports for pipelines: JUnit XML, SARIF 2.1.0 and commands of GitHub Actions.

All three name the file of a finding, and its line where the file has lines. SARIF has the findings
only; the others also have the safety checks and what became of the changes.
"""

import hashlib
import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import PurePath
from typing import Any, NamedTuple
from urllib.parse import quote
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from kanport.catalogue import FINDINGS
from kanport.findings import Finding, Severity
from kanport.origin import Origin
from kanport.outcome import Status
from kanport.plan.model import GuardVerdict
from kanport.report.escape import escape_name, json_safe, storable
from kanport.report.sentences import (
    CHANGE,
    ROW,
    SEVERITIES,
    counted,
    deed,
    some_of,
    unique,
    whose,
)
from kanport.report.view import ChangeView, Ending, Level, View

_SARIF_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_SARIF_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)
_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
_NOT_TRIED = (Status.SKIPPED, Status.NOT_ATTEMPTED)
_MARKS = {Level.GOOD: "OK", Level.NOTE: "Note", Level.LOOK: "Attention", Level.STOP: "Problem"}


class _FilePlace(NamedTuple):
    """The path of a file as it was given, with slashes, and a line from 1 where it has lines."""

    path: str
    line: int | None = None


def _file_of(view: View, origin: Origin | None) -> _FilePlace | None:
    """Return the file that a finding is about; for a directory or a server, the mapping.

    None where not even the mapping is known. Rows of a sheet are no lines, so they are left out.
    """
    if origin is not None and origin.file is not None and "://" not in origin.file:
        line = origin.row if origin.sheet is None else None
        return _FilePlace(_slashes(origin.file), line)
    mapping = view.facts.mapping.path
    return _FilePlace(_slashes(mapping)) if mapping else None


def _slashes(path: str) -> str:
    return PurePath(os.path.normpath(path)).as_posix()


# --- JUnit XML, where an error is a test that failed ----------------------------------------------


class _Test(NamedTuple):
    """A safety check or a change as a test; `result` is failure, skipped, or empty if it passed."""

    kind: str
    name: str
    result: str
    why: str
    text: str = ""


def junit(view: View) -> str:
    """Return a suite for each source, and one for what is about none; a test for each finding.

    Warnings and notes are tests that pass, as they stop nothing. A source without findings is a
    test that passes, so that a pipeline shows that it was looked at. Safety checks are a suite, and
    so are the changes of a run and of a verification.
    """
    groups: dict[str, list[Finding]] = {source.name: [] for source in view.facts.sources}
    for finding in view.findings:
        groups.setdefault(finding.origin.source if finding.origin else "", []).append(finding)
    rows = {source.name: source.rows for source in view.facts.sources}
    root = Element("testsuites", name=storable(view.title))
    for name, findings in groups.items():
        _add_suite(root, view, name or "all sources", findings, rows.get(name))
    _add_tests(root, "safety checks", list(map(_guard_test, view.guards)))
    _add_tests(
        root, "changes", [_change_test(line, line.ending) for line in view.lines if line.ending]
    )
    totals = {
        count: str(sum(int(suite.attrib[count]) for suite in root))
        for count in ("tests", "failures", "skipped")
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
        if (file := _file_of(view, finding.origin)) is not None:
            case.set("file", storable(file.path))
            if file.line is not None:
                case.set("line", str(file.line))
        case.set("time", "0")
        _add_result(case, finding)


def _add_result(case: Element, finding: Finding) -> None:
    lines = [f"{label}: {storable(value)}" for label, value in _junit_parts(finding)]
    if finding.severity is Severity.ERROR:
        about = {"type": storable(finding.code), "message": storable(finding.message)}
        SubElement(case, "failure", about).text = "\n".join(lines)
    else:
        word = SEVERITIES[finding.severity].one
        SubElement(case, "system-out").text = "\n".join([word, *lines])


def _guard_test(guard: GuardVerdict) -> _Test:
    result = "failure" if guard.tripped else ""
    text = guard.standing + (f"\nhint: {storable(guard.hint)}" if guard.hint else "")
    return _Test(guard.guard, f"{guard.guard}: {guard.message}", result, guard.message, text)


def _change_test(line: ChangeView, ending: Ending) -> _Test:
    result = "" if ending.good else "skipped" if ending.status in _NOT_TRIED else "failure"
    name = f"{line.change.id} {deed(line.change.action, line.who, line.target)}"
    why = f"{ending.word}: {ending.reason}" if ending.reason else ending.word
    return _Test(line.change.action, name, result, why)


def _add_tests(root: Element, name: str, tests: Sequence[_Test]) -> None:
    if not tests:
        return
    results = Counter(test.result for test in tests)
    suite = SubElement(
        root,
        "testsuite",
        name=name,
        tests=str(len(tests)),
        failures=str(results["failure"]),
        errors="0",
        skipped=str(results["skipped"]),
        time="0",
    )
    for test in tests:
        case = SubElement(
            suite,
            "testcase",
            classname=storable(f"{name}.{test.kind}"),
            name=storable(test.name),
            time="0",
        )
        if test.result:
            about = {"message": storable(test.why)}
            about |= {"type": storable(test.kind)} if test.result == "failure" else {}
            SubElement(case, test.result, about).text = test.text or None
        elif test.text:
            SubElement(case, "system-out").text = test.text


def _junit_parts(finding: Finding) -> Iterator[tuple[str, str]]:
    if finding.origin is not None:
        yield "place", str(finding.origin)
    yield "message", finding.message
    if finding.value is not None:
        yield "value", finding.value
    if finding.hint:
        yield "hint", finding.hint
    if finding.related:
        yield "see also", ", ".join(map(str, finding.related))


# --- SARIF (OASIS), which code scanning and editors read ------------------------------------------


def sarif(view: View) -> str:
    """Return the findings of a report as SARIF; the same view gives the same bytes."""
    codes = list(dict.fromkeys(row.code for row in view.finding_rows))
    driver: dict[str, Any] = {"name": "Kanport", "rules": list(map(_rule, codes))}
    if view.facts.kanport:
        driver["version"] = view.facts.kanport
    numbers = {code: number for number, code in enumerate(codes)}
    log = {
        "$schema": _SARIF_SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "columnKind": "unicodeCodePoints",
                "results": [_result(view, f, numbers[f.code]) for f in view.findings],
            }
        ],
    }
    return json_safe(json.dumps(log, ensure_ascii=False, indent=1)) + "\n"


def with_hint(text: str, hint: str | None) -> str:
    """Return a message and its hint as two sentences.

    >>> with_hint("the role is unknown", "use project-member"), with_hint("it is empty", None)
    ('the role is unknown. Hint: use project-member', 'it is empty')
    """
    return f"{text.rstrip('.')}. Hint: {hint}" if hint else text


def _rule(code: str) -> dict[str, Any]:
    kind = FINDINGS[code]
    return {
        "id": code,
        "shortDescription": {"text": kind.about},
        "defaultConfiguration": {"level": _SARIF_LEVELS[Severity(kind.severity)]},
    }


def _result(view: View, finding: Finding, number: int) -> dict[str, Any]:
    text = escape_name(finding.message)
    if finding.hint:
        text = with_hint(text, escape_name(finding.hint))
    made: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": number,
        "level": _SARIF_LEVELS[finding.severity],
        "message": {"text": text},
        "locations": [_location(view, finding.origin)],
        # What tells a finding from others although rows were added above it.
        "partialFingerprints": {"kanport/v1": _fingerprint(finding)},
    }
    if finding.accepted is not None:
        reason = escape_name(finding.accepted.text)
        made["suppressions"] = [{"kind": "external", "justification": reason}]
    if finding.related:
        made["relatedLocations"] = [
            {"id": at, **_location(view, place)} for at, place in enumerate(finding.related)
        ]
    return made


def _location(view: View, origin: Origin | None) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if (place := _file_of(view, origin)) is not None:
        absolute = place.path.startswith("/")
        # A file can have a name that is no UTF-8.
        address = quote(place.path, errors="surrogatepass")
        address = f"file://{address}" if absolute else address
        made["physicalLocation"] = {"artifactLocation": {"uri": address}}
        if place.line is not None:
            made["physicalLocation"]["region"] = {"startLine": place.line}
    if origin is not None:
        names = dict(_logical(origin))
        made["logicalLocations"] = [{"fullyQualifiedName": escape_name(str(origin)), **names}]
    return made


def _logical(origin: Origin) -> Iterator[tuple[str, str]]:
    name = origin.cell or origin.attribute or origin.column
    if name:
        yield "name", escape_name(name)


def _fingerprint(finding: Finding) -> str:
    place = finding.origin.at(row=None, cell=None) if finding.origin is not None else None
    # Without the wording, which may change while the finding stays what it is.
    parts = [finding.fact.to_dict(), finding.value, place.to_dict() if place else None]
    text = json.dumps(parts, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


# --- GitHub Actions, which shows findings beside the lines of a file ------------------------------


def github(view: View) -> str:
    """Return annotations, then the headline and the sums.

    There is one for each finding, for each safety check that stopped, and for each reason for which
    changes were not made.
    Nothing that a name holds can end a command or begin another one.
    """
    return "\n".join(_github_lines(view)) + "\n"


def _github_lines(view: View) -> Iterator[str]:
    for finding in view.findings:
        yield _annotation(view, finding)
    for guard in view.guards:
        if guard.tripped:
            text = with_hint(guard.message, guard.hint)
            yield f"::error title={_property(guard.guard)}::{_data(text)}"
    for row in view.undone:
        whom = some_of(unique(map(whose, row.lines)))
        text = f"{counted(len(row.lines), CHANGE)} {row.status.word}: {row.reason} ({whom})"
        yield f"::error title={_property(row.status.word)}::{_data(with_hint(text, row.why.hint))}"
    yield f"{_MARKS[view.level]}: {escape_name(view.headline)}"
    yield from (escape_name(total.text) for total in view.sums)


def _annotation(view: View, finding: Finding) -> str:
    properties = []
    if (place := _file_of(view, finding.origin)) is not None:
        properties.append(f"file={_property(place.path)}")
        if place.line is not None:
            properties.append(f"line={place.line}")
    properties.append(f"title={_property(finding.code)}")
    text = f"{finding.origin}: {finding.message}" if finding.origin else finding.message
    text = with_hint(text, finding.hint)
    return f"::{_COMMANDS[finding.severity]} {','.join(properties)}::{_data(text)}"


def _data(text: str) -> str:
    # As the toolkit of GitHub does it; line breaks are escaped before.
    return escape_name(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
