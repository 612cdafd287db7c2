"""The changes as tables: who, what, before, after, why, from which cell, and what became of it.

Long tables come in pieces, so that a browser need not lay out what nobody looks at yet.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby

from kanport.plan.change import Action, values_of
from kanport.report.html.marks import ENDINGS, KINDS
from kanport.report.html.markup import EOL, Html, el, join, text
from kanport.report.html.people import People
from kanport.report.html.places import cells_of
from kanport.report.html.scale import PIECE, brief
from kanport.report.parts import Ending, Line, View, ViewKind
from kanport.report.visible import visible
from kanport.report.words import ACTIONS

_BR = el("br")
_BLANK = Html(" ")
_CODES = {action: f"a{number}" for number, action in enumerate(Action)}
_HEADS = {
    ViewKind.RUN: ("Person", "Change", "Before", "Planned", "Done", "Why", "From"),
    ViewKind.VERIFICATION: ("Person", "Change", "Before", "Planned", "Now", "Why", "From"),
}
_PLAN_HEADS = ("Person", "Change", "Before", "After", "Why", "From")


def code_of(action: Action) -> str:
    """Give the class that the rows of an action have."""
    return _CODES[action]


def ending_words(ending: Ending) -> str:
    """Give what became of a change as it stands in a table, without the reason."""
    return f"{ENDINGS[ending.word]} {ending.word}"


def style_rules() -> str:
    """Give the rules of style that put its sign before each kind of change."""
    rules = []
    for symbol, kind in KINDS.items():
        codes = ",".join(
            f".{_CODES[action]}" for action, words in ACTIONS.items() if words.symbol == symbol
        )
        rules.append(f":is({codes}){{--kind:var(--{kind});--sign:var(--sign-{kind})}}\n")
    return "".join(rules)


def by_person(view: View, people: People, wanted: set[str]) -> Iterator[Html]:
    """Give all changes by person, in pieces; links may lead to the wanted people."""
    anchors = {who: anchor for who, anchor in people.anchors.items() if who in wanted}
    table = _Table(view, "Changes by person", people.head, anchors)
    return table.pieces((person.username, person.lines) for person in view.people)


def one_by_one(view: View, lines: Iterable[Line], people: People, caption: str) -> Iterator[Html]:
    """Give some changes in their order, in pieces; each leads to all changes of its person."""
    table = _Table(view, caption, people.linked)
    return table.pieces(groupby(lines, key=lambda line: line.who))


def of_things(view: View) -> Iterator[Html]:
    """Give the changes that are about groups and projects, and about no person."""
    table = _Table(view, "Changes of groups and projects", text)
    return table.pieces(groupby(view.others, key=lambda line: line.who))


@dataclass(frozen=True, slots=True)
class _Table:
    """How one list of changes is drawn; an anchor is used once."""

    view: View
    caption: str
    head: Callable[[str], Html]
    anchors: dict[str, str] = field(default_factory=dict)

    def pieces(self, groups: Iterable[tuple[str, Iterable[Line]]]) -> Iterator[Html]:
        rows: list[Html] = []
        first = who = ""
        for who, lines in groups:
            first = first if rows else who
            rows.extend(self._group(who, list(lines)))
            if len(rows) >= PIECE:
                yield self._piece(first, who, rows)
                rows = []
        if rows:
            yield self._piece(first, who, rows)

    def _piece(self, first: str, last: str, rows: list[Html]) -> Html:
        told = visible(first) if first == last else f"{visible(first)} to {visible(last)}"
        heads = _HEADS.get(self.view.kind, _PLAN_HEADS)
        table = el(
            "table",
            el("caption", f"{self.caption}: ", text(told)),
            el("thead", el("tr", *(el("th", head, scope="col") for head in heads))),
            el("tbody", *rows),
            class_="changes",
        )
        return join(el("div", table, class_="piece long" if len(rows) >= PIECE else "piece"), EOL)

    def _group(self, who: str, lines: list[Line]) -> Iterator[Html]:
        # In the first column, a head without a scope is one for the rows that it spans.
        head = el("th", self.head(who), rowspan=len(lines) if len(lines) > 1 else None)
        anchor = self.anchors.pop(who, None)
        short = brief(self.view)
        for line in lines:
            yield el(
                "tr",
                EOL,
                head,
                *_cells(line, short=short),
                id=anchor,
                class_=_CODES[line.change.action],
            )
            head, anchor = Html(""), None


def _cells(line: Line, *, short: bool) -> list[Html]:
    change = line.change
    target = (" ", el("b", text(line.target))) if line.target else ()
    cells = [
        el("td", line.verb, *target),
        el("td", *_values(line, values_of(change.before), after=False)),
        el("td", *_values(line, values_of(change.after), after=True)),
    ]
    if (ending := line.ending) is not None:
        cells.append(_ending(ending))
    reason = text(change.reason) if change.reason else ""
    cells.append(el("td", reason, *[el("em", risk) for risk in line.risks]))
    places = cells_of(change.origin, brief=short)
    cells.append(el("td", Html("<br>".join([text(place) for place in places]))))
    return cells


def _ending(ending: Ending) -> Html:
    word = ending_words(ending)
    reason = (" ", text(ending.reason)) if ending.reason is not None else ()
    return el("td", word if ending.good else el("strong", word), *reason)


def _values(line: Line, state: Mapping[str, object] | None, *, after: bool) -> list[Html]:
    told: list[Html] = []
    if state is None:
        return told
    for difference in line.differences:
        if difference.field not in state:
            continue
        if told:
            told.append(_BR)
        # In a project there is nothing but a role.
        if not (line.target and difference.field == "role"):
            told += (el("i", text(difference.label)), _BLANK)
        value = difference.after if after else difference.before
        none = "(none)" if value is None else "(empty)"
        told.append(text(value) if value else el("i", none))
    return told
