"""The first sheet: what a manager needs, with every number that the report has."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from kanport.report.excel.cells import Style, Styled, Value
from kanport.report.excel.sheet import Column, Sheet
from kanport.report.facts import fact_rows
from kanport.report.parts import Level, View
from kanport.report.words import SEVERITIES

_MARKS = {Level.GOOD: "OK", Level.NOTE: "Note", Level.LOOK: "Attention", Level.STOP: "Problem"}
_OUTCOMES = ("planned", "done", "already so", "failed", "skipped", "not attempted")
_VERDICTS = ("planned", "as planned", "not as planned")

Row = Sequence[Value]


def summary_sheet(view: View) -> Sheet:
    """Give the first sheet of a report."""
    widths = (38.0, 22.0, *(15.0,) * 4, 21.0, 15.0)
    columns = tuple(Column("", width=width) for width in widths)
    return Sheet("Summary", columns, list(_rows(view)))


def _rows(view: View) -> Iterator[Row]:
    yield [Styled(view.title, Style.TITLE)]
    yield [Styled(f"{_MARKS[view.level]}: {view.headline}", Style.STRONG)]
    yield from ([f"{_MARKS[sentence.level]}: {sentence.text}"] for sentence in view.sentences)
    yield from _section("About", _about(view))
    yield from _section("Sources", _sources(view))
    yield from _section("Summary", _actions(view))
    yield from _section("Look at these twice", ([row.label, row.number] for row in view.risks))
    yield from _section("Safety checks", _guards(view))
    yield from _section("Findings by kind", _kinds(view))
    yield from _section("Not as planned" if view.verified else "Not done", _undone(view))
    yield from _section("Counts", _counts(view))
    yield from _section("Next steps", ([step] for step in view.next_steps))


def _section(title: str, rows: Iterable[Row]) -> Iterator[Row]:
    body = list(rows)
    if body:
        yield []
        yield [Styled(title, Style.SECTION)]
        yield from body


def _about(view: View) -> Iterator[Row]:
    facts = view.facts
    for label, text in fact_rows(facts):
        if not label.startswith("Source "):
            yield [label, text]
    times = (
        ("Planned at", facts.created_at),
        ("Begun at", facts.run.started_at if facts.run else ""),
        ("Finished at", (facts.run.finished_at or "") if facts.run else ""),
        ("Looked at", facts.verified_at),
    )
    yield from ([f"{label} (UTC)", _time(moment)] for label, moment in times if moment)


def _sources(view: View) -> Iterator[Row]:
    if view.facts.sources:
        yield [
            *_words("", "kind"),
            *_heads("rows", "bytes"),
            Styled("path", Style.MUTED_INDENT),
            *_words("", "changed (UTC)", "SHA-256"),
        ]
    for source in view.facts.sources:
        changed = _time(source.modified_at) if source.modified_at else None
        yield [
            *(source.name, source.type, source.rows, source.size),
            *(Styled(source.path, Style.INDENT), None, changed, source.sha256),
        ]


def _actions(view: View) -> Iterator[Row]:
    if not view.summary:
        return
    heads = _VERDICTS if view.verified else _OUTCOMES if view.tally else _OUTCOMES[:1]
    yield [None, *_heads(*heads)]
    for row in view.summary:
        numbers = list(row.tally.to_dict().values()) if row.tally else [row.planned]
        yield [row.label, *numbers]
    total = list(view.numbers.to_dict().values()) if view.numbers else [len(view.lines)]
    yield [Styled("all changes", Style.STRONG), *(Styled(one, Style.STRONG) for one in total)]


def _guards(view: View) -> Iterator[Row]:
    for guard in view.guards:
        yield [guard.guard, guard.standing, guard.message]


def _kinds(view: View) -> Iterator[Row]:
    if view.finding_rows:
        yield [*_words("", "severity"), *_heads("number"), Styled("about", Style.MUTED_INDENT)]
    for row in view.finding_rows:
        yield [row.code, SEVERITIES[row.severity].one, row.number, Styled(row.about, Style.INDENT)]


def _undone(view: View) -> Iterator[Row]:
    for row in view.undone:
        yield [row.status.value, len(row.lines), Styled(row.reason, Style.INDENT)]


def _counts(view: View) -> Iterator[Row]:
    for total in view.sums:
        yield [Styled(total.total.label, Style.STRONG), Styled(total.total.number, Style.STRONG)]
        for part in total.parts:
            yield [Styled(part.label, Style.INDENT), part.number]
    for count in view.counts:
        yield [count.label, count.number]


def _words(*words: str) -> Row:
    return [Styled(word, Style.MUTED) for word in words]


def _heads(*words: str) -> Row:
    """Give heads of columns of numbers."""
    return [Styled(word, Style.MUTED_RIGHT) for word in words]


def _time(moment: str) -> Value:
    try:
        when = datetime.fromisoformat(moment)
    except ValueError:
        return moment
    return when.replace(tzinfo=when.tzinfo or UTC).astimezone(UTC)
