"""What a notice says: a subject, a text, and the same for programs. Pure, no I/O."""

from collections.abc import Iterator
from typing import Any

from kanport.ending import Ending
from kanport.report.escape import escape_control

FORMAT = "kanport-notice/1"
_SUBJECT = 150


def subject(ending: Ending) -> str:
    """Give a line that says it all on a telephone; it never holds a line break."""
    if ending.succeeded:
        what = f"{ending.changed} changed" if ending.changed else "nothing to change"
    else:
        what = f"{ending.result} (exit code {ending.exit_code})"
    line = escape_control(f"Kanport {ending.mapping}: {what}")
    return line if len(line) <= _SUBJECT else f"{line[: _SUBJECT - 1]}…"


def text(ending: Ending) -> str:
    """Give the notice for people: what happened, how much, why, and where to look."""
    return "\n".join(escape_control(line) for line in _lines(ending)) + "\n"


def payload(ending: Ending) -> dict[str, Any]:
    """Give the notice for programs; `text` is what chat services show."""
    return {
        "format": FORMAT,
        "text": f"{subject(ending)}\n{escape_control(ending.message)}",
        "kanport": ending.kanport,
        "mapping": ending.mapping,
        "mapping_path": ending.mapping_path,
        "server": ending.server,
    } | ending.to_dict()


def _lines(ending: Ending) -> Iterator[str]:
    yield ending.message
    if ending.hint:
        yield f"What to do: {ending.hint}"
    yield ""
    yield f"mapping    {ending.mapping} ({ending.mapping_path})"
    yield f"server     {ending.server or 'not known'}"
    yield f"run        {ending.run_id}, {ending.command}"
    yield f"time       {ending.started_at} to {ending.finished_at}, {ending.seconds:.1f} s"
    yield f"exit code  {ending.exit_code}: {ending.result}"
    if ending.changes:
        yield ""
        yield "Planned:"
        for action, number in sorted(ending.changes.items()):
            yield f"  {number:>6}  {action}"
    if ending.tally is not None:
        yield "Outcome:"
        for word, number in ending.tally.items():
            yield f"  {number:>6}  {word.replace('_', ' ')}"
    if ending.guards:
        yield ""
        yield "Safety checks that stopped it, before anything was written:"
        for name, message in ending.guards:
            yield f"  {name}: {message}"
    if ending.first_findings:
        total = sum(n for severity, n in ending.findings.items() if severity != "info")
        yield ""
        yield f"Findings, the first {len(ending.first_findings)} of {total} to look at:"
        for line in ending.first_findings:
            yield f"  {line}"
    if ending.kept:
        yield ""
        for what, path in ending.kept.items():
            yield f"{what:<9}  {path}"
