"""Two plans beside each other, or a plan and what was done of it, for a reader."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

from kanport.findings import Finding
from kanport.names import compare_key
from kanport.outcome import Outcome, Run, Status
from kanport.plan.change import Change
from kanport.plan.compare import Altered, Comparison, Pair
from kanport.plan.model import GuardVerdict, Plan, PlanSource, change_in_file
from kanport.report.changes import change_view
from kanport.report.document import Data, Document, Item, Part, Prose, Section, Words, item
from kanport.report.make import of_plan, of_run
from kanport.report.sentences import (
    ACTIONS,
    CHANGE,
    NO_ACCESS,
    ROW,
    SEVERITIES,
    are,
    counted,
    listed,
    no_value,
    utc,
)
from kanport.report.view import Difference, Level

FORMAT = "kanport-comparison/1"


def document_of(
    comparison: Comparison, *, old_run: Run | None = None, new_run: Run | None = None
) -> Document:
    """Return what changed from the old plan to the new one, and what the runs of them did."""
    done = _settled(old_run)
    # Of one plan, what differs is what the run of it did.
    is_effect = comparison.same and (old_run is None) is not (new_run is None)
    return Document(
        title=("A plan and its run" if is_effect else "What changed between two plans",),
        level=_level(comparison, new_run),
        headline=(headline(comparison, old_run, new_run),),
        sections=(
            Section(("Why",), tuple(item(Prose(text)) for text in reasons(comparison))),
            Section(
                ("The plans",),
                (*_about("old", comparison.old, old_run), *_about("new", comparison.new, new_run)),
            ),
            Section(("Sources",), tuple(map(_source, comparison.sources))),
            Section(("New changes",), tuple(_change(one) for one in comparison.added)),
            Section(
                ("No longer planned",),
                tuple(_change(one, done.get(one.id)) for one in comparison.gone),
            ),
            Section(("Planned differently",), tuple(map(_altered, comparison.altered))),
            Section(
                ("Access that the run changed" if is_effect else "Access that differs",),
                tuple(map(_access, access_differences(comparison, old_run, new_run) or ())),
            ),
            Section(("Safety checks",), tuple(map(_guard, comparison.guards))),
            Section(("New findings",), tuple(map(_finding, comparison.findings_new))),
            Section(("Findings that are gone",), tuple(map(_finding, comparison.findings_gone))),
            Section(("Planned and done",), tuple(_done(comparison.new, new_run))),
            Section(("Planned and done before",), tuple(_done(comparison.old, old_run))),
        ),
    )


def as_dict(
    comparison: Comparison, *, old_run: Run | None = None, new_run: Run | None = None
) -> dict[str, Any]:
    """Return the same as plain values, for programs."""
    return {
        "format": FORMAT,
        "same": comparison.same,
        "headline": headline(comparison, old_run, new_run),
        "reasons": list(reasons(comparison)),
        "old": _plan_dict(comparison.old, old_run),
        "new": _plan_dict(comparison.new, new_run),
        "kept": comparison.kept,
        "added": [_change_dict(one) for one in comparison.added],
        "gone": [_change_dict(one) for one in comparison.gone],
        "altered": [
            {
                "server_differs": one.server,
                "wanted_differs": one.wanted,
                "old": _change_dict(one.old),
                "new": _change_dict(one.new),
            }
            for one in comparison.altered
        ],
        "sources": [_pair_dict(pair) for pair in comparison.sources],
        "guards": [_pair_dict(pair) for pair in comparison.guards],
        "access": _access_dicts(access_differences(comparison, old_run, new_run)),
        "findings_new": [finding.to_dict() for finding in comparison.findings_new],
        "findings_gone": [finding.to_dict() for finding in comparison.findings_gone],
    }


def headline(comparison: Comparison, old_run: Run | None = None, new_run: Run | None = None) -> str:
    """Return in one sentence what changed, and what became of it in the runs."""
    runs = [("old", old_run), ("new", new_run)]
    ran = [(f"the {which} run", run) for which, run in runs if run is not None]
    if len(ran) == 1:
        ran = [("the run", ran[0][1])]
    results = "".join(f" {name[0].upper()}{name[1:]}: {_left(run)}." for name, run in ran)
    return _planned(comparison) + results


def _left(run: Run) -> str:
    """Return what became of the changes of a run, first what was not made."""
    tally = run.tally()
    parts = [
        text
        for number, text in (
            (tally.failed, tally.failed_words),
            (tally.skipped, f"{tally.skipped} skipped"),
            (tally.not_attempted, f"{tally.not_attempted} not started"),
        )
        if number
    ]
    return listed(parts) if parts else f"all {counted(tally.planned, CHANGE)} made or unchanged"


def _planned(comparison: Comparison) -> str:
    if comparison.same:
        return f"Both are the same plan of {counted(len(comparison.new.changes), CHANGE)}."
    if comparison.same_changes:
        return f"The same {counted(comparison.kept, CHANGE)} {are(comparison.kept)} planned."
    added, gone, other = len(comparison.added), len(comparison.gone), len(comparison.altered)
    parts = [
        text
        for number, text in (
            (added, f"{counted(added, CHANGE)} {are(added)} new"),
            (gone, f"{counted(gone, CHANGE)} {are(gone)} no longer planned"),
            (other, f"{counted(other, CHANGE)} {are(other)} planned differently"),
        )
        if number
    ]
    return f"{listed(parts)}; {comparison.kept} {are(comparison.kept)} the same."


def reasons(comparison: Comparison) -> Iterator[str]:
    """Yield where the difference comes from, as far as two plans can show it."""
    old, new = comparison.old, comparison.new
    if comparison.same:
        return
    if old.server.url != new.server.url:
        yield "The plans are for two servers, so nothing follows from what differs."
        return
    if comparison.mapping_differs:
        yield "The mapping has another text."
    if old.kanport != new.kanport:
        yield f"The plans were made by Kanport {old.kanport} and {new.kanport}."
    names = [(pair.new or pair.old) for pair in comparison.sources]
    if names:
        what = "1 source differs" if len(names) == 1 else f"{len(names)} sources differ"
        yield f"{what}; see below."
    if comparison.same_input and not comparison.same_changes:
        yield (
            "The mapping and the sources are the same, byte for byte: what differs comes from the"
            " server, from what was done on it since, or from the ledger."
        )
    moved = sum(one.server for one in comparison.altered)
    if moved:
        verb = "has" if moved == 1 else "have"
        yield (
            f"{counted(moved, CHANGE)} {verb} another value before: the server changed in between."
        )
    if comparison.gone and not comparison.same_input:
        yield (
            "Changes that are no longer planned were made since, or the sources no longer ask for"
            " them."
        )


def _level(comparison: Comparison, run: Run | None) -> Level:
    if run is not None and not run.tally().complete:
        return Level.STOP
    return Level.GOOD if comparison.same or comparison.same_changes else Level.LOOK


def _about(which: str, plan: Plan, run: Run | None) -> Iterator[Item]:
    by = (" by ", Data(plan.made_by)) if plan.made_by else ()
    yield item(
        f"{which}: made ",
        Prose(utc(plan.created_at)),
        *by,
        f", {counted(len(plan.changes), CHANGE)}, digest ",
        Data(plan.digest),
        under=_parts(plan, run),
    )


def _parts(plan: Plan, run: Run | None) -> Iterator[Item]:
    yield item("server ", Data(plan.server.url))
    yield item("mapping ", Data(plan.mapping.path), ", sha256 ", Data(plan.mapping.sha256))
    if run is not None:
        yield item("run ", Data(run.id), ", started ", Prose(utc(run.started_at)))


def _source(pair: Pair[PlanSource]) -> Item:
    old, new = pair.old, pair.new
    if old is None or new is None:
        there = old or new
        assert there is not None  # noqa: S101 - for the type checker
        return item(
            "source ",
            Data(there.name),
            " is gone" if new is None else " is new",
            f", {counted(there.rows, ROW)}",
        )
    if old.sha256 == new.sha256:
        return item("source ", Data(new.name), ": the same content; only its file or time differs")
    when = (", changed ", Prose(utc(new.modified_at))) if new.modified_at else ()
    return item(
        "source ",
        Data(new.name),
        f": {counted(old.rows, ROW)} before, {new.rows} now",
        *when,
        under=(
            item("sha256 before ", Data(old.sha256)),
            item("sha256 now ", Data(new.sha256)),
        ),
    )


def words_of(change: Change) -> Words:
    """Return a change in one line: what is done, to whom, where, and what it makes of what.

    The words stand as they do in a report, with data apart.
    """
    line = change_view(change)
    parts: list[Part] = [Data(line.symbol), f" {line.verb} ", Data(line.who)]
    if line.target:
        parts += [ACTIONS[change.action].between, Data(line.target)]
    for number, difference in enumerate(line.differences):
        parts += [", " if number else ": ", *_difference(difference, line.target)]
    return tuple(parts)


def _difference(difference: Difference, target: str) -> Iterator[Part]:
    none = no_value(difference, target)
    yield from (Prose(difference.label), " ")
    if difference.before is not None:
        yield from (_value(difference.before, none), " → ")
    yield _value(difference.after, none)


def _value(text: str | None, none: str) -> Part:
    return none if text is None else "(empty)" if not text else Data(text)


def _change(change: Change, outcome: Outcome | None = None) -> Item:
    ending = f"; {outcome.status.word} by the old run" if outcome is not None else ""
    return item(*words_of(change), ending, under=_why(change))


def _why(change: Change) -> Iterator[Item]:
    places = change_view(change).places
    words: list[Part] = ["why: ", Prose(change.reason)]
    for number, place in enumerate(places):
        words += [", " if number else "; from ", Data(place)]
    yield item(*words)


def _altered(altered: Altered) -> Item:
    why = [
        text
        for differs, text in (
            (altered.server, "the server changed in between"),
            (altered.wanted, "the sources ask for something else"),
        )
        if differs
    ]
    return item(
        *words_of(altered.new),
        f"; {listed(why) or 'for another reason or risk'}",
        under=(
            item("before: ", *words_of(altered.old), under=_why(altered.old)),
            item("now: ", *words_of(altered.new), under=_why(altered.new)),
        ),
    )


class AccessDifference(NamedTuple):
    """Somebody's role in a project in the old state and in the new one; None for none."""

    person: str
    project: str
    before: str | None
    after: str | None


def access_differences(
    comparison: Comparison, old_run: Run | None = None, new_run: Run | None = None
) -> tuple[AccessDifference, ...] | None:
    """Return what differs between two states of the server; None where a plan does not tell its.

    The state of a plan is the one that it was made for, the state of a run the one that it left.
    """
    states = [
        _state(plan, run)
        for plan, run in ((comparison.old, old_run), (comparison.new, new_run))
        if plan.access is not None
    ]
    if len(states) < 2:
        return None
    old, new = states
    places = sorted(old.keys() | new.keys(), key=lambda one: (compare_key(one[0]), one))
    pairs = ((place, old.get(place), new.get(place)) for place in places)
    return tuple(AccessDifference(*place, a, b) for place, a, b in pairs if a != b)


def _state(plan: Plan, run: Run | None) -> dict[tuple[str, str], str]:
    view = of_plan(plan) if run is None else of_run(plan, run)
    roles = ((row, row.before if run is None else row.after) for row in view.access)
    return {(row.person, row.project): role for row, role in roles if role is not None}


def _access(one: AccessDifference) -> Item:
    before, after = one.before or NO_ACCESS, one.after or NO_ACCESS
    return item(
        Data(one.person), " in ", Data(one.project), ": ", Prose(before), " → ", Prose(after)
    )


def _access_dicts(some: Iterable[AccessDifference] | None) -> list[dict[str, Any]] | None:
    return None if some is None else [one._asdict() for one in some]


def _guard(pair: Pair[GuardVerdict]) -> Item:
    there = pair.new or pair.old
    assert there is not None  # noqa: S101 - for the type checker
    return item(
        "safety check ",
        Data(there.guard),
        under=(
            item(f"{which}: ", guard.standing, ": ", Prose(guard.message))
            for which, guard in (("before", pair.old), ("now", pair.new))
            if guard is not None
        ),
    )


def _finding(finding: Finding) -> Item:
    at = (" at ", Data(str(finding.origin))) if finding.origin is not None else ()
    severity = SEVERITIES[finding.severity].one
    return item(f"{severity} {finding.code}", *at, ": ", Prose(finding.message))


def _settled(run: Run | None) -> dict[str, Outcome]:
    return {outcome.change_id: outcome for outcome in run.outcomes} if run is not None else {}


def _done(plan: Plan, run: Run | None) -> Iterator[Item]:
    if run is None:
        return
    tally = run.tally()
    yield item(
        f"{tally.planned} planned = {tally.done} done + {tally.already} unchanged"
        f" + {tally.failed} failed + {tally.skipped} skipped"
        f" + {tally.not_attempted} not started"
    )
    settled = _settled(run)
    for change in plan.changes:
        outcome = settled.get(change.id)
        if outcome is None or outcome.status in (Status.DONE, Status.ALREADY):
            continue
        reason = (": ", Prose(outcome.reason)) if outcome.reason else ()
        yield item(f"{outcome.status.word}: ", *words_of(change), under=(item("why", *reason),))


def _plan_dict(plan: Plan, run: Run | None) -> dict[str, Any]:
    return {
        "created_at": plan.created_at,
        "made_by": plan.made_by,
        "kanport": plan.kanport,
        "server": plan.server.model_dump(mode="json"),
        "mapping": plan.mapping.model_dump(mode="json", exclude_none=True),
        "changes": len(plan.changes),
        "digest": plan.digest,
        "run": None
        if run is None
        else {
            "id": run.id,
            "tally": run.tally().to_dict(),
            "outcomes": [outcome.to_dict() for outcome in run.outcomes],
        },
    }


def _change_dict(change: Change) -> dict[str, Any]:
    return change_in_file(change)


def _pair_dict(pair: "Pair[PlanSource] | Pair[GuardVerdict]") -> dict[str, Any]:
    parts: Iterable[tuple[str, Any]] = (("old", pair.old), ("new", pair.new))
    return {
        which: None if there is None else there.model_dump(mode="json", exclude_none=True)
        for which, there in parts
    }
