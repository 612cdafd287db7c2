"""The changes of a report as text: on a screen grouped by person, in a pipe one a line."""

from collections.abc import Sequence

from rich.cells import cell_len
from rich.text import Text

from kanport.report.changes_plain import record, risky_record
from kanport.report.page import Page, padded, width_of
from kanport.report.parts import Difference, Line, View

_STYLES = {"+": "green", "~": "yellow", "-": "red", "!": "bold red"}
_VERB = 8  # the longest verb takes seven

_INDENT = 2
_HANG = 2 + _VERB  # what stands before the words of a change
_GAP = 3

_Group = tuple[str, str, tuple[Line, ...]]
"""Whom changes are about, what they are called, and the changes."""


def show_risky(page: Page, view: View) -> None:
    """Show the changes that deserve a second look, a line each."""
    if not view.risky:
        return
    page.section("Look at these twice")
    if page.plain:
        for line in view.risky:
            page.add(risky_record(page, line))
        return
    names = width_of((_who(line) for line in view.risky), 40) + 2
    for line in view.risky:
        told = _head(page, line)
        who = page.ink(line.who)
        who.append_text(_target(page, line, " in "))
        told.append_text(padded(who, names))
        told.append_text(page.mark(", ".join(line.risks), "yellow"))
        page.add(told, indent=_INDENT, hang=_HANG + names)


def show_changes(page: Page, view: View) -> None:
    """Show every change: those of people by person, then those of groups and projects."""
    for title, groups in (
        ("By person", [(one.username, one.name, one.lines) for one in view.people]),
        ("Groups and projects", _by_thing(view)),
    ):
        if groups:
            page.section(title)
            _show_groups(page, view, groups)


def _by_thing(view: View) -> list[_Group]:
    things: dict[str, list[Line]] = {}
    for line in view.others:
        things.setdefault(line.who, []).append(line)
    return [(who, "", tuple(lines)) for who, lines in things.items()]


def _show_groups(page: Page, view: View, groups: Sequence[_Group]) -> None:
    if page.width is None:
        for _, _, lines in groups:
            for line in lines:
                page.add(record(page, line))
        return
    targets = width_of((line.target for line in view.lines), 28)
    told = {
        line.change.id: (_what(page, line, targets), _why(page, line))
        for _, _, lines in groups
        for line in lines
    }
    left = _beside(page.width, list(told.values()))
    for number, (who, name, lines) in enumerate(groups):
        if number:
            page.lines.append(Text())
        head = page.ink(who, "bold")
        if name and name != who:
            head.append("  ").append_text(page.ink(name))
        page.add(head, indent=_INDENT, hang=2)
        for line in lines:
            what, why = told[line.change.id]
            if left is None:
                page.add(what, indent=_INDENT * 2, hang=_HANG)
                page.add(why, indent=_INDENT * 2 + _HANG)
            else:
                _show_beside(page, page.width, what, why, left)


def _beside(width: int, told: list[tuple[Text, Text]]) -> int | None:
    """Give the width of what, where nearly every why fits beside it; None where it goes below."""
    left = width_of((what.plain for what, _ in told), width * 3 // 5)
    whys = sorted(cell_len(why.plain) for _, why in told)
    nearly_all = whys[len(whys) * 9 // 10]
    return left if _INDENT * 2 + left + _GAP + nearly_all <= width else None


def _show_beside(page: Page, width: int, what: Text, why: Text, left: int) -> None:
    lefts = list(page.wrapped(what, left, _HANG))
    rights = list(page.wrapped(why, width - _INDENT * 2 - left - _GAP))
    for number in range(max(len(lefts), len(rights))):
        row = Text(" " * (_HANG if 0 < number < len(lefts) else 0))
        row.append_text(lefts[number] if number < len(lefts) else Text())
        if number < len(rights):
            padded(row, left + _GAP).append_text(rights[number])
        page.add(row, indent=_INDENT * 2)


def _what(page: Page, line: Line, targets: int) -> Text:
    what = _head(page, line)
    if line.target:
        what.append_text(padded(page.ink(line.target), targets)).append("  ")
    return what.append_text(_differences(page, line))


def _head(page: Page, line: Line) -> Text:
    verb = f"{line.verb:<{_VERB - 1}}"
    return page.mark(f"{line.symbol} {verb}", _STYLES[line.symbol]).append(" ")


def _target(page: Page, line: Line, before: str) -> Text:
    return Text(before).append_text(page.ink(line.target)) if line.target else Text()


def _who(line: Line) -> str:
    return line.who + (f" in {line.target}" if line.target else "")


def _differences(page: Page, line: Line) -> Text:
    told = Text()
    for number, difference in enumerate(line.differences):
        if number:
            told.append(", ")
        # In a project there is nothing but a role.
        if not (line.target and difference.field == "role"):
            told.append_text(page.ink(difference.label, "dim")).append(" ")
        told.append_text(_difference(page, difference))
    return told


def _difference(page: Page, difference: Difference) -> Text:
    if difference.before is None:
        return _value(page, difference.after)
    told = _value(page, difference.before).append_text(page.mark(" → ", "dim"))
    return told.append_text(_value(page, difference.after))


def _value(page: Page, text: str | None) -> Text:
    if not text:
        return page.mark("(none)" if text is None else "(empty)", "dim")
    return page.ink(text)


def _why(page: Page, line: Line) -> Text:
    parts: list[Text] = []
    if (ending := line.ending) is not None:
        told = page.mark(ending.word, "green" if ending.good else "bold red")
        if ending.reason is not None:
            told.append(": ").append_text(page.ink(ending.reason))
        parts.append(told)
    parts.extend(page.mark(risk, "yellow") for risk in line.risks)
    parts.append(page.ink(line.change.reason, "dim"))
    parts.extend(page.ink(place, "dim") for place in line.places)
    return page.mark(" · ", "dim").join(part for part in parts if cell_len(part.plain))
