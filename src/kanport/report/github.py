"""Findings as workflow commands of GitHub Actions, which it shows beside the lines of a file."""

from collections.abc import Iterator

from kanport.findings import Finding, Severity
from kanport.report.locations import file_of
from kanport.report.parts import Level, View
from kanport.report.visible import visible

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.INFO: "notice"}
_MARKS = {Level.GOOD: "OK", Level.NOTE: "Note", Level.LOOK: "Attention", Level.STOP: "Problem"}


def render(view: View) -> str:
    """Return an annotation for each finding and each guard that stops, and the sums as plain lines.

    Nothing that a name holds can end a command or begin another one.
    """
    return "\n".join(_lines(view)) + "\n"


def _lines(view: View) -> Iterator[str]:
    for finding in view.findings:
        yield _annotation(view, finding)
    for guard in view.guards:
        if guard.tripped:
            hint = f" Hint: {guard.hint}" if guard.hint else ""
            yield f"::error title={_property(guard.guard)}::{_data(guard.message + hint)}"
    yield f"{_MARKS[view.level]}: {visible(view.headline)}"
    yield from (visible(total.text) for total in view.sums)


def _annotation(view: View, finding: Finding) -> str:
    properties = []
    if (place := file_of(view, finding.origin)) is not None:
        properties.append(f"file={_property(place.path)}")
        if place.line is not None:
            properties.append(f"line={place.line}")
    properties.append(f"title={_property(finding.code)}")
    text = f"{finding.origin}: {finding.message}" if finding.origin else finding.message
    if finding.hint:
        text += f" Hint: {finding.hint}"
    return f"::{_COMMANDS[finding.severity]} {','.join(properties)}::{_data(text)}"


def _data(text: str) -> str:
    # As the toolkit of GitHub does it; line breaks are escaped before.
    return visible(text).replace("%", "%25")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
