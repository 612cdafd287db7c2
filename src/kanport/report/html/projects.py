"""The changes by project: who gets, changes and loses which role."""

from collections.abc import Iterator, Sequence

from kanport.report.html.charts import bar
from kanport.report.html.marks import ENDINGS, SIGNS
from kanport.report.html.markup import EOL, Html, el, join, text
from kanport.report.html.overview import parts_of
from kanport.report.html.people import People
from kanport.report.html.scale import brief
from kanport.report.parts import Difference, Line, ProjectAccess, View
from kanport.report.sentences import project_numbers
from kanport.report.tables import AccessRow
from kanport.report.words import ACTIONS


def by_project(view: View, people: People) -> Iterator[Html]:
    """Give a part for each project that opens: its numbers, and its people by what changes."""
    for access in view.projects:
        yield join(_project(access, people, linked=not brief(view)), EOL)


def _project(access: ProjectAccess, people: People, *, linked: bool) -> Html:
    groups: dict[tuple[str, tuple[Difference, ...]], list[Line]] = {}
    for line in access.lines:
        groups.setdefault((line.change.action, line.differences), []).append(line)
    body = (
        part
        for lines in groups.values()
        for part in (el("dt", *_what(lines[0])), el("dd", *_who(lines, people, linked=linked)))
    )
    head = el(
        "summary",
        el("h3", text(access.project)),
        bar(parts_of(access), len(access.lines)),
        el("span", text(project_numbers(access)), class_="numbers"),
    )
    through = access.flow.through if access.flow is not None else ()
    return el("details", head, el("dl", *body, *_through(through, people, linked=linked)))


def _through(rows: Sequence[AccessRow], people: People, *, linked: bool) -> Iterator[Html]:
    """Yield whose role changes because groups change, by what it becomes and through what."""
    for row in rows:
        groups = f" ({', '.join(row.through)})" if row.through else ""
        role = f"{row.before or 'no access'} → {row.after or 'no access'}"
        unsure = ", may be another role" if row.maybe else ""
        yield el("dt", text(f"{role}{unsure}{groups}"))
        yield el("dd", people.link(row.person) if linked else people.login(row.person))


def _what(line: Line) -> Iterator[Html]:
    yield Html(f"{SIGNS[ACTIONS[line.change.action].symbol]} ")
    yield text(ACTIONS[line.change.action].participle)
    for difference in line.differences:
        if difference.field != "role":
            yield join(", ", text(difference.label))
        if difference.before is not None:
            yield join(" ", text(difference.before))
        if difference.before is not None and difference.after is not None:
            yield Html(" →")
        if difference.after is not None:
            yield join(" ", text(difference.after))


def _who(lines: list[Line], people: People, *, linked: bool) -> Iterator[Html]:
    for number, line in enumerate(lines):
        if number:
            yield Html(",\n")
        who = line.who
        yield people.link(who) if linked else people.login(who)
        if (ending := line.ending) is not None and not ending.good:
            yield join(" ", el("strong", f"{ENDINGS[ending.word]} {ending.word}"))
