"""Findings as SARIF 2.1.0 (OASIS), which code scanning and editors read."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from kanport.catalogue import FINDINGS
from kanport.findings import Finding, Severity
from kanport.origin import Origin
from kanport.report.locations import file_of
from kanport.report.parts import View
from kanport.report.visible import json_safe, visible

_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "note"}
_SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)


def render(view: View) -> str:
    """Give the findings of a report as SARIF; the same view gives the same bytes."""
    codes = [row.code for row in view.finding_rows]
    driver: dict[str, Any] = {"name": "Kanport", "rules": list(map(_rule, codes))}
    if view.facts.kanport:
        driver["version"] = view.facts.kanport
    numbers = {code: number for number, code in enumerate(codes)}
    log = {
        "$schema": _SCHEMA,
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


def _rule(code: str) -> dict[str, Any]:
    kind = FINDINGS[code]
    return {
        "id": code,
        "shortDescription": {"text": kind.about},
        "defaultConfiguration": {"level": _LEVELS[Severity(kind.severity)]},
    }


def _result(view: View, finding: Finding, number: int) -> dict[str, Any]:
    text = visible(finding.message)
    if finding.hint:
        text += f" Hint: {visible(finding.hint)}"
    told: dict[str, Any] = {
        "ruleId": finding.code,
        "ruleIndex": number,
        "level": _LEVELS[finding.severity],
        "message": {"text": text},
        "locations": [_location(view, finding.origin)],
        # What tells a finding from others although rows were added above it.
        "partialFingerprints": {"kanport/v1": _fingerprint(finding)},
    }
    if finding.related:
        told["relatedLocations"] = [
            {"id": at, **_location(view, place)} for at, place in enumerate(finding.related)
        ]
    return told


def _location(view: View, origin: Origin | None) -> dict[str, Any]:
    told: dict[str, Any] = {}
    if (place := file_of(view, origin)) is not None:
        absolute = place.path.startswith("/")
        # A file can have a name that is no UTF-8.
        address = quote(place.path, errors="surrogatepass")
        address = f"file://{address}" if absolute else address
        told["physicalLocation"] = {"artifactLocation": {"uri": address}}
        if place.line is not None:
            told["physicalLocation"]["region"] = {"startLine": place.line}
    if origin is not None:
        names = dict(_logical(origin))
        told["logicalLocations"] = [{"fullyQualifiedName": visible(str(origin)), **names}]
    return told


def _logical(origin: Origin) -> Iterator[tuple[str, str]]:
    name = origin.cell or origin.attribute or origin.column
    if name:
        yield "name", visible(name)


def _fingerprint(finding: Finding) -> str:
    place = finding.origin.at(row=None, cell=None) if finding.origin is not None else None
    # Without the wording, which may change while the finding stays what it is.
    parts = [finding.fact.to_dict(), finding.value, place.to_dict() if place else None]
    text = json.dumps(parts, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
