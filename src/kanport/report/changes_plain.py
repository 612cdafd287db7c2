"""The changes of a report in a pipe: one a line, with two blanks between its parts.

They are put together of plain strings, as there may be very many, and nothing in them has a style.
"""

from collections.abc import Iterator

from kanport.report.page import Page
from kanport.report.parts import Difference, Line


def record(page: Page, line: Line) -> str:
    """Give a change with all that is to be told of it."""
    parts = [_head(page, line)]
    if line.differences:
        # In a project there is nothing but a role.
        parts.append(
            ", ".join(
                _difference(page, one, labelled=not (line.target and one.field == "role"))
                for one in line.differences
            )
        )
    parts.append(page.glyph(" · ").join(part for part in _why(page, line) if part))
    return "  ".join(parts)


def risky_record(page: Page, line: Line) -> str:
    """Give a change with its risks only."""
    return f"{_head(page, line)}  {', '.join(line.risks)}"


def _head(page: Page, line: Line) -> str:
    head = f"{line.symbol} {line.verb}  {page.safe(line.who)}"
    return f"{head}  {page.safe(line.target)}" if line.target else head


def _difference(page: Page, difference: Difference, *, labelled: bool) -> str:
    told = _value(page, difference.after)
    if difference.before is not None:
        told = f"{_value(page, difference.before)}{page.glyph(' → ')}{told}"
    return f"{page.safe(difference.label)} {told}" if labelled else told


def _value(page: Page, text: str | None) -> str:
    if not text:
        return "(none)" if text is None else "(empty)"
    return page.safe(text)


def _why(page: Page, line: Line) -> Iterator[str]:
    if (ending := line.ending) is not None:
        reason = f": {page.safe(ending.reason)}" if ending.reason is not None else ""
        yield page.glyph(ending.word) + reason
    yield from line.risks
    yield page.safe(line.change.reason)
    yield from map(page.safe, line.places)
