"""Render checks as lines of text or as JSON."""

import json
from collections.abc import Sequence

from kanport.doctor.checks import Check, Level
from kanport.errors import Exit
from kanport.report.escape import escape_control, json_safe

FORMAT = "kanport-doctor/1"
_WIDTH = max(len(level) for level in Level)


def lines(check: Check, *, after: Check | None) -> list[str]:
    """Return the lines of one check, with a title if its subject differs from `after`."""
    found = []
    if after is None or after.about != check.about:
        title = check.about[:1].upper() + check.about[1:]
        found += ["", title] if after is not None else [title]
    indent = " " * (_WIDTH + 4)
    found.append(f"  {check.level:<{_WIDTH}}  {check.text}")
    for detail in check.details:
        found += [f"{indent}  {line}" for line in detail.splitlines()]
    if check.hint:
        found.append(f"{indent}hint: {check.hint}")
    return [escape_control(line) for line in found]


def as_json(checks: Sequence[Check], code: Exit) -> str:
    """Return all checks as JSON, with the exit code and their numbers by level."""
    report = {
        "format": FORMAT,
        "exit_code": int(code),
        "summary": {level: sum(check.level is level for check in checks) for level in Level},
        "checks": [check.to_dict() for check in checks],
    }
    return json_safe(json.dumps(report, indent=2, ensure_ascii=False))
