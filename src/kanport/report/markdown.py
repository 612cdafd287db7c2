"""A report as Markdown, fit for a ticket.

Numbers stand in tables, data in lists: no name can break a cell. Whatever is not a plain word is
put into a code span, where nothing is markup, a link or a mention, and which reads well raw.

A ticket has a limit: a report has at most 30,000 characters, and keeps the verdict, what to do
now, failures and what needs review. Of long lists it contains the beginning, and how much more
there is.
"""

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from kanport.findings import Finding
from kanport.report.changes import people_and_groups
from kanport.report.escape import escape_name
from kanport.report.sentences import (
    CHANGE,
    FINDING,
    GUARD,
    PROJECT,
    REMOVAL,
    SEVERITIES,
    Noun,
    actor_rows,
    deed,
    fact_rows,
    group_move,
    no_value,
    open_words,
    project_numbers,
    ranged,
    reason_text,
    target_words,
    through_groups,
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

_MARKS = {Level.GOOD: "OK", Level.NOTE: "Note", Level.LOOK: "Attention", Level.STOP: "Problem"}

# Letters and digits with the punctuation of sentences; a dot inside would make a link of it.
_WORD = re.compile(r"""["'(]*[^\W_]+(?:[-'’,/:;][^\W_]+)*%?["')]*[.,:;?!]*["')]*|[→–—·=%]""")
# A value in quotes, with what stands right beside it; or one word.
_TOKEN = re.compile(r"""(?P<before>[('’]*)"(?P<value>[^"]+)"(?P<after>[)'.,:;?!]*)(?![^ ])|[^ ]+""")
# What trackers turn into a link by itself: hashes of commits and numbers of issues.
_LINKED = re.compile(r"[0-9a-f]{7,}|[a-z]+-[0-9]+|[0-9]+[.)]", re.IGNORECASE)

_COMMAND = re.compile(r"(?:^|(?<=: ))kanport .+$")
_MORE = re.compile(r"and \d+ more")

LIMIT = 30_000
"""Characters that a report has at most: what a ticket takes."""
FIXED = 2_000
"""Characters of a section that comes before the lists."""
LONGEST_LINE = 1_500

LINE = Noun("line", "lines")


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

    >>> prose('"anna@x.de" is no valid email address (see a.csv:3, b.csv:7).')
    '`anna@x.de` is no valid email address (see `a.csv:3`, `b.csv:7`).'
    """
    text = escape_name(text)
    if "  " in text:
        return code(text)  # outside of code, several blanks would be shown as one
    parts: list[str] = []
    odd: list[str] = []
    for token in _TOKEN.finditer(text):
        word = token[0]
        if all(_WORD.fullmatch(one) and not _LINKED.search(one) for one in word.split(" ")):
            parts += [*_odd(odd), word]
            odd = []
        elif token["value"]:
            parts += [*_odd(odd), f"{token['before']}{code(token['value'])}{token['after']}"]
            odd = []
        else:
            odd.append(word)
            if word.endswith((",", ";")):
                parts += _odd(odd)
                odd = []
    return " ".join([*parts, *_odd(odd)])


def step_words(step: str) -> str:
    """Return what to do next, with the command that it may end with as one code span.

    >>> step_words("Then plan again: kanport plan people.yaml -o plan.json")
    'Then plan again: `kanport plan people.yaml -o plan.json`'
    """
    command = _COMMAND.search(step)
    if command is None:
        return prose(step)
    return " ".join(filter(None, (prose(step[: command.start()].strip()), code(command[0]))))


def _odd(words: list[str]) -> list[str]:
    if not words:
        return []
    text = " ".join(words)
    end = ""
    while text[-2:-1].strip() and (
        text[-1] in ".,;:" or (text[-1] == ")" and text.count(")") > text.count("("))
    ):
        text, end = text[:-1], text[-1] + end
    return [code(text) + end]


class _Part(NamedTuple):
    """A section: its heading, its lines, and what these are.

    `share` is its weight where not all fits; what is `fixed` comes before anything else gets room.
    """

    title: str
    lines: Sequence[str]
    noun: Noun = LINE
    share: int = 0
    fixed: bool = False


def _parts(view: View) -> Iterator[_Part]:
    """Yield the sections in their order; what a ticket must tell has the most room."""
    steps = [f"- {step_words(step)}" for step in view.steps]
    yield _Part("Next steps", steps, fixed=True)
    yield _Part("Not as planned" if view.verified else "Not done", list(_undone(view)), CHANGE, 30)
    yield _Part("Needs review", list(_review(view)), CHANGE, 25)
    yield _Part("Withheld", [_withheld(one) for one in view.withheld], REMOVAL, 15)
    yield _Part("Still open", [f"- {prose(open_words(one))}" for one in view.open], REMOVAL, 10)
    yield _Part("Changes by user", list(_people(view)), CHANGE, 20)
    yield _Part("By project", list(map(_project, view.projects)), PROJECT, 10)
    if view.matrix is not None:
        rows = list(map(_access, view.matrix.rows))
        yield _Part("Access before and after", rows, PROJECT, 5)
    yield _Part("Groups and projects", list(map(_full, view.others)), CHANGE, 10)
    yield _Part("Summary", list(_summary(view)), fixed=True)
    yield _Part("Findings by kind", list(_finding_kinds(view)), fixed=True)
    yield _Part("Findings", list(map(_finding, _worst(view.findings))), FINDING, 10)
    yield _Part("Safety checks", list(_guards(view)), GUARD, fixed=True)
    yield _Part("Counts", list(_counts(view)), fixed=True)
    evidence = [f"- {label}: {prose(text)}" for label, text in fact_rows(view.facts)]
    yield _Part("Evidence and approval", evidence, fixed=True)


def _lines(view: View) -> Iterator[str]:
    top = [f"# {prose(view.title)}", "", f"**{_MARKS[view.level]}:** {prose(view.headline)}", ""]
    top += [f"- {_MARKS[one.level]}: {prose(one.text)}" for one in view.sentences]
    top += [f"- {label}: {prose(text)}" for label, text in actor_rows(view.facts)]
    top = [_bounded(line, LONGEST_LINE // 3) for line in top]
    parts = [part for part in _parts(view) if part.lines]
    left = LIMIT - sum(len(line) + 1 for line in top) - sum(len(p.title) + 6 for p in parts)
    written: dict[str, list[str]] = {}
    for part in parts:
        if part.fixed:
            written[part.title] = _fitting(part, FIXED)
            left -= sum(len(line) + 1 for line in written[part.title])
    shares = sum(part.share for part in parts)
    for part in parts:
        if not part.fixed:
            # What a section does not need is for those after it.
            written[part.title] = _fitting(part, left * part.share // max(shares, 1))
            left -= sum(len(line) + 1 for line in written[part.title])
            shares -= part.share
    yield from top
    for part in parts:
        yield from ("", f"## {part.title}", "", *written[part.title])


def _fitting(part: _Part, room: int) -> list[str]:
    """Return the first lines that fit into so many characters, and how many more there are."""
    lines = list(map(_bounded, part.lines))
    if sum(len(line) + 1 for line in lines) <= room:
        return lines
    kept: list[str] = []
    room -= len(_more(len(lines), part.noun)) + 1
    for line in lines:
        room -= len(line) + 1
        if room < 0:
            break
        kept.append(line)
    return [*kept, _more(len(lines) - len(kept), part.noun)]


def _bounded(line: str, most: int = LONGEST_LINE) -> str:
    """Return a line, or what stands for one that would take the room of all others."""
    if len(line) <= most:
        return line
    return f"- (a line of {len(line)} characters, see the other formats)"


def _more(number: int, noun: Noun) -> str:
    return f"- … and {number} more {noun(number)}, see the other formats"


def _review(view: View) -> Iterator[str]:
    yield from map(_full, view.risky)
    if view.removals:
        words = "changes revoke or lower" if len(view.removals) > 1 else "change revokes or lowers"
        yield f"- {len(view.removals)} other {words} access"


def _project(access: ProjectAccess) -> str:
    return f"- project {code(access.project)}: {project_numbers(access)}"


def _withheld(one: WithheldView) -> str:
    text = f"- {_deed(one.line, one.who)}"
    text += f": {'; '.join(prose(because.message) for because in one.because)}"
    if one.places:
        text += f" ({_places(one.places)})"
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
    for person in people_and_groups(view):
        who = code(person.username) + (f" ({prose(person.name)})" if person.name else "")
        yield from (f"- {who}: {_change(line)}" for line in person.lines)
        for row in person.moves:
            symbol, verb = group_move(row)
            yield f"- {who}: `{symbol}` {verb} {code(row.project)}: {prose(through_groups(row))}"


def _full(line: ChangeView) -> str:
    return f"- {_change(line, who=True)}"


def _change(line: ChangeView, *, who: bool = False) -> str:
    what = line.verb
    if line.target:
        what += f" {target_words(line.change.action, code(line.target))}"
    text = f"`{line.symbol}` {_deed(line, line.who) if who else what}"
    if line.differences:
        text += f": {', '.join(_difference(one, line.target) for one in line.differences)}"
    if line.risks:
        text += f" (**{', '.join(map(prose, line.risks))}**)"
    text += f"; why: {prose(reason_text(line))}"
    if line.places:
        text += f"; from {_places(line.places)}"
    if (ending := line.ending) is not None:
        text += f"; **{ending.word}**"
        if ending.reason is not None:
            text += f": {prose(ending.reason)}"
    return text


def _places(places: Sequence[str]) -> str:
    """Return places in code spans; how many more there are is none."""
    return ", ".join(one if _MORE.fullmatch(one) else code(one) for one in places)


def _deed(line: ChangeView, who: str) -> str:
    return deed(line.change.action, code(who), code(line.target) if line.target else "")


def _difference(difference: Difference, target: str) -> str:
    label = difference.label if difference.label.isalpha() else prose(difference.label)
    none = no_value(difference, target)
    before, after = (_value(value, none) for value in (difference.before, difference.after))
    return f"{label} {after}" if difference.before is None else f"{label} {before} → {after}"


def _value(text: str | None, none: str) -> str:
    return none if text is None else "(empty)" if text == "" else code(text)


def _guards(view: View) -> Iterator[str]:
    for guard in view.guards:
        verdict = f"**{guard.standing}**" if guard.tripped else guard.standing
        hint = f"; fix: {prose(guard.hint)}" if guard.hint else ""
        yield f"- {verdict}: {code(guard.guard)}: {prose(guard.message)}{hint}"


def _worst(findings: tuple[Finding, ...]) -> Sequence[Finding]:
    """Return the findings by severity, the worst first."""
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
    text += f": {prose(finding.message.rstrip('.'))}"
    if finding.value is not None and finding.value not in finding.message:
        text += f"; value: {code(finding.value)}"
    if finding.hint:
        text += f"; fix: {prose(finding.hint.rstrip('.'))}"
    if finding.related:
        text += f"; see also {', '.join(code(str(place)) for place in finding.related)}"
    return text


def _undone(view: View) -> Iterator[str]:
    for row in view.undone:
        yield f"- {row.status.word}, {len(row.lines)}: {prose(row.reason)}"
        yield from (f"  {_short(line)}" for line in row.lines)


def _short(line: ChangeView) -> str:
    return f"- {_deed(line, line.who)}"


def _counts(view: View) -> Iterator[str]:
    for total in view.sums:
        parts = " + ".join(prose(part.text) for part in total.parts)
        yield f"- {prose(total.total.text)}{f' = {parts}' if parts else ''}"
    yield from (f"- {count.text}" for count in view.counts)
