"""A report as Markdown, fit for a ticket.

Numbers stand in tables, data in lists: no name can break a cell. Whatever is not a plain word is
put into a code span, where nothing is markup, a link or a mention, and which reads well raw.

A ticket holds some 65,000 characters: of long lists it contains the beginning, and how much
more there is.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from kanport.findings import Finding
from kanport.report.escape import escape_name
from kanport.report.sentences import (
    CHANGE,
    FINDING,
    PROJECT,
    REMOVAL,
    SEVERITIES,
    Noun,
    counted,
    fact_rows,
    project_numbers,
    ranged,
    undone_text,
    utc,
)
from kanport.report.view import (
    ActionRow,
    ChangeView,
    Difference,
    Level,
    MatrixRow,
    ProjectAccess,
    View,
    WithheldView,
)

T = TypeVar("T")

_MARKS = {Level.GOOD: "OK", Level.NOTE: "Note", Level.LOOK: "Attention", Level.STOP: "Problem"}

# Letters and digits with the punctuation of sentences; a dot inside would make a link of it.
_WORD = re.compile(r"""["'(]*[^\W_]+(?:[-'’,/:;][^\W_]+)*["')]*[.,:;?!]*["')]*|[→–—·=%]""")
# What trackers turn into a link by itself: hashes of commits and numbers of issues.
_LINKED = re.compile(r"[0-9a-f]{7,}|[a-z]+-[0-9]+|[0-9]+[.)]", re.IGNORECASE)

# The longest part of each list; the worst come first where they have an order.
MOST_CHANGES = 150
MOST = 50


def render(view: View) -> str:
    """Return a report as Markdown with a final line break; the same view gives the same bytes."""
    return "\n".join(_lines(view)).rstrip("\n") + "\n"


def code(text: str) -> str:
    """Put data into a code span, in which nothing is markup.

    >>> code("*Ada*"), code("a`b")
    ('`*Ada*`', '``a`b``')
    """
    text = escape_name(text)
    fence = "`"
    while re.search(rf"(?<!`){fence}(?!`)", text):
        fence += "`"
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}"


def prose(text: str) -> str:
    """Return a sentence in which all that is no plain word stands in code spans.

    >>> prose('"anna@x.de" is no valid email address (column E-Mail).')
    '`"anna@x.de"` is no valid email address (column E-Mail).'
    """
    text = escape_name(text)
    if "  " in text:
        return code(text)  # outside of code, several blanks would be shown as one
    parts: list[str] = []
    odd: list[str] = []
    for word in text.split(" "):
        if _WORD.fullmatch(word) and not _LINKED.search(word):
            parts += [*_odd(odd), word]
            odd = []
        else:
            odd.append(word)
    parts += _odd(odd)
    return " ".join(parts)


def _odd(words: list[str]) -> list[str]:
    if not words:
        return []
    text = " ".join(words)
    end = text[-1] if text[-1] in ".,;:" and text[-2:-1].strip() else ""
    return [code(text.removesuffix(end)) + end]


def _lines(view: View) -> Iterator[str]:
    yield f"# {prose(view.title)}"
    yield ""
    yield f"**{_MARKS[view.level]}:** {prose(view.headline)}"
    yield ""
    yield from (f"- {_MARKS[s.level]}: {prose(s.text)}" for s in view.sentences)
    yield from _section(
        "About", (f"- {label}: {code(text)}" for label, text in fact_rows(view.facts))
    )
    yield from _section("Summary", _summary(view))
    yield from _section("Needs review", _some(view.risky, _full, CHANGE))
    yield from _section("Withheld", _some(view.withheld, _withheld, REMOVAL))
    yield from _people(view)
    yield from _section("Groups and projects", _some(view.others, _full, CHANGE))
    yield from _section("By project", _some(view.projects, _project, PROJECT))
    if view.matrix is not None:
        yield from _section("Access before and after", _some(view.matrix.rows, _access, PROJECT))
    yield from _section("Safety checks", _guards(view))
    yield from _findings(view)
    yield from _section("Not as planned" if view.verified else "Not done", _undone(view))
    yield from _section("Counts", _counts(view))
    yield from _section("Next steps", (f"- {prose(step)}" for step in view.next_steps))


def _section(title: str, lines: Iterable[str]) -> Iterator[str]:
    body = list(lines)
    if body:
        yield from ("", f"## {title}", "", *body)


def _some(items: Sequence[T], told: Callable[[T], str], noun: Noun) -> Iterator[str]:
    yield from map(told, items[:MOST])
    if len(items) > MOST:
        yield _more(len(items) - MOST, noun)


def _more(number: int, noun: Noun) -> str:
    return f"- … and {counted(number, noun)} more, see the other formats"


def _project(access: ProjectAccess) -> str:
    return f"- project {code(access.project)}: {project_numbers(access)}"


def _withheld(one: WithheldView) -> str:
    text = f"- {one.line.verb} {code(one.who)}"
    if one.line.target:
        text += f" in {code(one.line.target)}"
    text += f": {'; '.join(prose(because.message) for because in one.because)}"
    if one.places:
        text += f" ({', '.join(map(code, one.places))})"
    return f"{text}; missing since {prose(utc(one.since))}" if one.since else text


def _access(row: MatrixRow) -> str:
    parts = [f"{row.before} → {ranged(row.least, row.most)}"]
    parts += [
        f"{prose(cell.role)} {cell.before} → {cell.after}"
        for cell in row.cells
        if cell.before or cell.after
    ]
    return f"- project {code(row.project)}: {', '.join(parts)}"


def _summary(view: View) -> Iterator[str]:
    if not view.summary:
        return
    outcomes = ("planned", "done", "unchanged", "failed", "skipped", "not started")
    verdicts = ("planned", "as planned", "not as planned")
    heads = verdicts if view.verified else outcomes if view.tally else outcomes[:1]
    yield f"| | {' | '.join(heads)} |"
    yield f"|:---|{'---:|' * len(heads)}"
    for row in view.summary:
        yield f"| {row.label} | {' | '.join(map(str, _numbers(row)))} |"
    total = list(view.numbers.to_dict().values()) if view.numbers else [len(view.lines)]
    yield f"| **all changes** | {' | '.join(map(str, total))} |"


def _numbers(row: ActionRow) -> list[int]:
    return list(row.tally.to_dict().values()) if row.tally else [row.planned]


def _people(view: View) -> Iterator[str]:
    if view.people:
        yield from ("", "## By person")
    left = MOST_CHANGES
    told = 0
    for person in view.people:
        if left <= 0:
            break
        name = f", {prose(person.name)}" if person.name else ""
        yield from ("", f"### {code(person.username)}{name}", "")
        yield from (f"- {_change(line)}" for line in person.lines[:left])
        told += len(person.lines[:left])
        left -= len(person.lines)
    all_of_them = len(view.lines) - len(view.others)
    if told < all_of_them:
        yield from ("", _more(all_of_them - told, CHANGE))


def _full(line: ChangeView) -> str:
    return f"- {_change(line, who=True)}"


def _change(line: ChangeView, *, who: bool = False) -> str:
    parts = [f"`{line.symbol}` {line.verb}"]
    if who:
        parts.append(code(line.who))
    if line.target:
        parts.append(f"in {code(line.target)}" if who else code(line.target))
    text = " ".join(parts)
    if line.differences:
        text += f": {', '.join(map(_difference, line.differences))}"
    if line.risks:
        text += f" (**{', '.join(line.risks)}**)"
    text += f"; why: {prose(line.change.reason)}"
    if line.undoes:
        text += f" ({', '.join(code(undone_text(one)) for one in line.undoes)})"
    if line.places:
        text += f"; from {', '.join(map(code, line.places))}"
    if (ending := line.ending) is not None:
        text += f"; **{ending.word}**"
        if ending.reason is not None:
            text += f": {prose(ending.reason)}"
    return text


def _difference(difference: Difference) -> str:
    label = difference.label if difference.label.isalpha() else prose(difference.label)
    if difference.before is None:
        return f"{label} {_value(difference.after)}"
    return f"{label} {_value(difference.before)} → {_value(difference.after)}"


def _value(text: str | None) -> str:
    return "(none)" if text is None else "(empty)" if text == "" else code(text)


def _guards(view: View) -> Iterator[str]:
    for guard in view.guards:
        verdict = f"**{guard.standing}**" if guard.tripped else guard.standing
        hint = f" Hint: {prose(guard.hint)}" if guard.hint else ""
        yield f"- {verdict}: {code(guard.guard)}: {prose(guard.message)}{hint}"


def _findings(view: View) -> Iterator[str]:
    yield from _section("Findings by kind", _finding_kinds(view))
    yield from _section("Findings", _some(_worst(view.findings), _finding, FINDING))


def _worst(findings: tuple[Finding, ...]) -> Sequence[Finding]:
    """Return the findings in their order, or the worst first where not all of them fit."""
    if len(findings) <= MOST:
        return findings
    severities = list(SEVERITIES)
    return sorted(findings, key=lambda finding: severities.index(finding.severity))


def _finding_kinds(view: View) -> Iterator[str]:
    if view.finding_rows:
        yield "| kind | severity | number | about |"
        yield "|:---|:---|---:|:---|"
    for row in view.finding_rows:
        severity = SEVERITIES[row.severity].one
        yield f"| {row.code} | {severity} | {row.number} | {prose(row.about)} |"


def _finding(finding: Finding) -> str:
    text = f"- {SEVERITIES[finding.severity].one} {finding.code}"
    if finding.origin is not None:
        text += f" at {code(str(finding.origin))}"
    text += f": {prose(finding.message)}"
    if finding.value is not None and finding.value not in finding.message:
        text += f" Value: {code(finding.value)}."
    if finding.hint:
        text += f" Hint: {prose(finding.hint)}{'' if finding.hint.endswith('.') else '.'}"
    if finding.related:
        text += f" See also {', '.join(code(str(place)) for place in finding.related)}."
    return text


def _undone(view: View) -> Iterator[str]:
    for row in view.undone[:MOST]:
        yield f"- {row.status.word}, {len(row.lines)}: {prose(row.reason)}"
        yield from (f"  {text}" for text in _some(row.lines, _short, CHANGE))
    if len(view.undone) > MOST:
        yield _more(sum(len(row.lines) for row in view.undone[MOST:]), CHANGE)


def _short(line: ChangeView) -> str:
    target = f" {code(line.target)}" if line.target else ""
    return f"- {line.verb} {code(line.who)}{target}"


def _counts(view: View) -> Iterator[str]:
    for total in view.sums:
        parts = " + ".join(prose(part.text) for part in total.parts)
        yield f"- {prose(total.total.text)}{f' = {parts}' if parts else ''}"
    yield from (f"- {count.text}" for count in view.counts)
