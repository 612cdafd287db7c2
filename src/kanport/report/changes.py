"""Each change and each row of the input, as a report shows them.

A change becomes a `ChangeView`: its differences, risks and places. The changes are then grouped by
user, project and group. A row of a file or an entry of a directory becomes an `InputRow`: what it
led to.
"""

import json
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from itertools import accumulate
from types import MappingProxyType
from typing import Any, NamedTuple

from kanport.coded import LazySequence
from kanport.fields import USER_FIELDS, labels
from kanport.findings import Finding, Severity
from kanport.names import compare_key
from kanport.origin import Origin
from kanport.outcome import Outcome, Status, VerifyResult
from kanport.plan.change import Action, Change, RelationChange, Risk, undone_by, values_of
from kanport.plan.model import PlanSource, PlanUndone, PlanWithheld
from kanport.plan.review import RANKS, Review
from kanport.plan.rows_read import RowSpan, spans_of_rows
from kanport.report.sentences import (
    ACTIONS,
    GROUP,
    MAYBE_KEPT,
    REVIEWS,
    ROW,
    listed,
    unique,
)
from kanport.report.view import (
    AccessRow,
    ChangeView,
    Count,
    Difference,
    Flow,
    GroupChanges,
    InputRow,
    Moves,
    PersonView,
    ProjectAccess,
    RowResult,
    Sum,
    View,
    WithheldView,
)

_MEMBERSHIP = (Action.MEMBERSHIP_GRANT, Action.MEMBERSHIP_CHANGE, Action.MEMBERSHIP_REVOKE)
_GROUP_ACCESS = (
    Action.GROUP_ACCESS_GRANT,
    Action.GROUP_ACCESS_CHANGE,
    Action.GROUP_ACCESS_REVOKE,
)
_NO_NAMES: Mapping[str, str] = MappingProxyType({})
_NO_OUTCOMES: Mapping[str, Outcome] = MappingProxyType({})
_NO_VERDICTS: Mapping[str, VerifyResult] = MappingProxyType({})
_NO_REVIEWS: Mapping[str, tuple[Review, ...]] = MappingProxyType({})
MOST_PLACES = 3
"""Places that a report names of a change; of the others it says how many there are."""


def change_view(
    change: Change,
    outcome: Outcome | None = None,
    verdict: VerifyResult | None = None,
    reviews: tuple[Review, ...] = (),
) -> ChangeView:
    """Return one change, with what became of it in a run, or whether it holds."""
    wording = ACTIONS[change.action]
    line = ChangeView(
        change=change,
        symbol=wording.symbol,
        verb=wording.verb,
        target=_target(change),
        differences=differences_of(values_of(change.before), values_of(change.after)),
        risks=risks_of(change, reviews),
        places=first_of(places_of(change.origin)),
        outcome=outcome,
        verdict=verdict,
        reviews=reviews,
    )
    bad = line.ending is not None and not line.ending.good
    return replace(line, symbol="!") if bad else line


def change_views(
    changes: Iterable[Change],
    outcomes: Mapping[str, Outcome] = _NO_OUTCOMES,
    verdicts: Mapping[str, VerifyResult] = _NO_VERDICTS,
    reviews: Mapping[str, tuple[Review, ...]] = _NO_REVIEWS,
) -> tuple[ChangeView, ...]:
    """Return the changes of a plan in its order, with outcomes, verdicts and reviews by change id.

    Whoever was not renamed keeps the old username in the changes that follow. A group that is
    renamed has one name in all changes.
    """
    lines = []
    called: dict[int, str] = {}
    for change in changes:
        line = change_view(
            change, outcomes.get(change.id), verdicts.get(change.id), reviews.get(change.id, ())
        )
        if change.user_id in called:
            line = replace(line, login=called[change.user_id])
        elif change.action is Action.USER_RENAME and not line.in_place and change.user_id:
            called[change.user_id] = change.username
        lines.append(line)
    return with_group_names(lines, group_names(lines))


def risks_of(
    change: Change, reviews: Iterable[Review], through: Sequence[str] = ()
) -> tuple[str, ...]:
    """Return why a change needs review, and what else to know; `through` are groups by name."""
    words = {review: REVIEWS[review].one for review in reviews}
    if change.action is Action.GROUP_MEMBER_ADD and Review.PRIVILEGE_GRANTED in words:
        # A direct role takes precedence over that of a group.
        words[Review.PRIVILEGE_GRANTED] = "joins a group with a privileged role"
    if leaves_access(change):
        privileged = words.pop(Review.PRIVILEGE_GRANTED, None) is not None
        groups = f"{GROUP(len(through))} {listed(through)}" if through else "a group"
        kept = f"keeps {'a privileged role' if privileged else 'access'} through {groups}"
        return (*words.values(), kept)
    return (*words.values(), *((MAYBE_KEPT,) if Risk.MAYBE_THROUGH_GROUP in change.risk else ()))


def leaves_access(change: Change) -> bool:
    """Return whether a change ends a membership of somebody who has a role through a group then."""
    return change.action is Action.MEMBERSHIP_REVOKE and change.new_role is not None


def group_names(lines: Iterable[ChangeView]) -> dict[int, str]:
    """Return what reports call the groups that a plan renames, by id.

    Its changes call such a group by the new name or by the old one, also where it was not renamed.
    """
    names = {}
    for line in lines:
        change = line.change
        if change.action is Action.GROUP_UPDATE and change.group_id is not None:
            new = change.new.name
            renamed = f"{change.group} (renamed {new})" if line.in_place else change.group
            if new is not None and new != change.group:
                names[change.group_id] = renamed
    return names


def with_group_names(
    lines: Iterable[ChangeView], names: Mapping[int, str]
) -> tuple[ChangeView, ...]:
    """Return changes of relations with these names of groups, by id."""
    if not names:
        return tuple(lines)
    return tuple(
        line
        if not isinstance(line.change, RelationChange)
        or (name := names.get(line.change.group_id or 0)) is None
        else replace(line, group=name, target=line.target if line.change.project else name)
        for line in lines
    )


def _target(change: Change) -> str:
    if isinstance(change, RelationChange):
        return change.target
    return "" if change.username is None else change.project or ""


def differences_of(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> tuple[Difference, ...]:
    """Return what a change makes of each field, the best known fields first.

    >>> [(d.label, d.before, d.after) for d in differences_of({"email": "a@x"}, {"email": ""})]
    [('email', 'a@x', '')]
    """
    old, new = before or {}, after or {}
    known = [field.name for field in USER_FIELDS]
    names = sorted(
        {*old, *new}, key=lambda name: (known.index(name) if name in known else len(known), name)
    )
    return tuple(
        Difference(name, label, _text(old.get(name)), _text(new.get(name)))
        for name, label in zip(names, labels(names), strict=True)
    )


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict) and isinstance(value.get("from"), dict):
        # A secret that a plan does not hold: it says where the secret is.
        place = Origin.from_dict(value["from"])
        return f"from {place.column}, {place}" if place.column else f"from {place}"
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def places_of(origins: Iterable[Origin]) -> tuple[str, ...]:
    """Return the places of a change; several cells of one row become the row.

    >>> row = Origin(file="a.csv", row=3)
    >>> places_of([row.at(position=1), row.at(position=2)]), places_of([row.at(position=2)])
    (('a.csv:3',), ('a.csv:3:2',))
    """
    origins = tuple(origins)
    if len(origins) == 1:
        return (str(origins[0]),)
    cells: dict[Origin, list[Origin]] = {}
    for origin in origins:
        row = origin.at(column=None, position=None, cell=None, attribute=None)
        cells.setdefault(row, []).append(origin)
    return unique(str(places[0] if len(set(places)) == 1 else row) for row, places in cells.items())


def first_of(places: Sequence[str]) -> tuple[str, ...]:
    """Return places as a report names them: the first ones, and how many more there are.

    >>> first_of(["a:1", "a:2", "a:3", "a:4", "a:5"])
    ('a:1', 'a:2', 'a:3', 'and 2 more')
    """
    more = len(places) - MOST_PLACES
    return (*places[:MOST_PLACES], f"and {more} more") if more > 0 else tuple(places)


def with_undone(lines: Iterable[ChangeView], undone: PlanUndone | None) -> tuple[ChangeView, ...]:
    """Return the changes with those of a run that they undo."""
    if undone is None:
        return tuple(lines)
    of = {change.id: change_view(change) for change in undone.changes}
    return tuple(
        replace(line, undoes=tuple(of[one] for one in undone_by(line.change) if one in of))
        for line in lines
    )


def withheld_views(
    withheld: Iterable[PlanWithheld], names: Mapping[int, str]
) -> tuple[WithheldView, ...]:
    """Return the removals that a plan withholds; `names` are those of renamed groups by id."""
    some = tuple(withheld)
    lines = with_group_names((change_view(one.change) for one in some), names)
    return tuple(map(WithheldView, some, lines))


def by_person(
    lines: Iterable[ChangeView], names: Mapping[str, str] = _NO_NAMES
) -> tuple[PersonView, ...]:
    """Group changes by user, sorted by username; in each the plan's order.

    A renamed user is one. `names` are what the server calls them now; a name that a change gives
    them comes first.
    """
    groups: dict[int | str, list[ChangeView]] = {}
    for line in lines:
        if line.username is not None:
            groups.setdefault(line.change.user_id or line.username, []).append(line)
    return tuple(sorted((_person(group, names) for group in groups.values()), key=_by_username))


def _person(lines: list[ChangeView], names: Mapping[str, str]) -> PersonView:
    called = [line.username for line in lines if line.username is not None]
    for line in lines:
        change = line.change
        if change.action is Action.USER_RENAME and line.in_place and change.new.username:
            called.append(change.new.username)
    username = called[-1]
    name = _name_in(lines) or next((names[one] for one in called if one in names), "")
    return PersonView(
        username, name, tuple(lines), unique(one for one in called if one != username)
    )


def _by_username(person: PersonView) -> tuple[str, str]:
    return _by_name(person.username)


def _name_in(lines: Iterable[ChangeView]) -> str:
    for line in lines:
        for difference in line.differences:
            if difference.field == "name":
                return difference.after or difference.before or ""
    return ""


def by_project(
    lines: Iterable[ChangeView],
    label: Callable[[str, int | None], str],
    access: Iterable[AccessRow] | None = None,
) -> tuple[ProjectAccess, ...]:
    """Group changes of access by project, sorted by name; in each the plan's order.

    `label` names a project by its label and id. `access` are the roles in all projects before and
    after; None where the plan does not hold them.
    Projects in which only groups change somebody's role are there too.
    """
    groups: dict[str, list[ChangeView]] = {}
    flows: dict[str, list[AccessRow]] = {}
    for line in lines:
        if line.change.project is not None:
            project = label(line.change.project, line.change.project_id)
            groups.setdefault(project, []).append(line)
    for row in access or ():
        flows.setdefault(row.project, []).append(row)
        if moves_with_groups(row):
            groups.setdefault(row.project, [])
    return tuple(
        ProjectAccess(
            project,
            planned=_moves(some, _MEMBERSHIP),
            made=_moves((line for line in some if line.in_place), _MEMBERSHIP),
            groups_planned=_moves(some, _GROUP_ACCESS),
            groups_made=_moves((line for line in some if line.in_place), _GROUP_ACCESS),
            lines=tuple(some),
            created=sum(
                line.in_place for line in some if line.change.action is Action.PROJECT_CREATE
            ),
            flow=None if access is None else _flow(flows.get(project, ())),
            unchanged=_moves(filter(_was_so, some), _MEMBERSHIP).all,
            groups_unchanged=_moves(filter(_was_so, some), _GROUP_ACCESS).all,
        )
        for project, some in sorted(groups.items(), key=lambda item: _by_name(item[0]))
    )


def _was_so(line: ChangeView) -> bool:
    return line.status is Status.ALREADY


def _moves(lines: Iterable[ChangeView], actions: tuple[Action, Action, Action]) -> Moves:
    numbers = Counter(line.change.action for line in lines)
    return Moves(*(numbers[action] for action in actions))


def _flow(rows: Iterable[AccessRow]) -> Flow:
    rows = tuple(rows)
    gained = [row for row in rows if row.before is None and row.after is not None]
    lost = [row for row in rows if row.before is not None and row.after is None]
    by_groups = sum(row.moves for row in lost)
    removed = sum(
        not row.moves and row.line is not None and row.line.change.action is Action.USER_REMOVE
        for row in lost
    )
    return Flow(
        before=sum(row.before is not None for row in rows),
        granted=sum(not row.moves for row in gained),
        gained=sum(row.moves for row in gained),
        revoked=len(lost) - by_groups - removed,
        lost=by_groups,
        removed=removed,
        after=sum(row.after is not None for row in rows),
        unsure=sum(row.maybe for row in rows),
        least=sum(row.after is not None and not row.either for row in rows),
        most=sum(row.after is not None or row.either for row in rows),
        through=tuple(filter(moves_with_groups, rows)),
    )


def moves_with_groups(row: AccessRow) -> bool:
    """Return whether somebody's role changes because groups change, or whether they may get one."""
    gets = row.maybe and row.before is None
    return row.moves and (row.before != row.after or gets)


class PersonChanges(NamedTuple):
    """What happens to somebody: their own changes, and the access that moves with groups."""

    username: str
    name: str
    lines: tuple[ChangeView, ...]
    moves: tuple[AccessRow, ...]


def people_and_groups(view: View) -> list[PersonChanges]:
    """Return everybody whose account or access changes, also those for whom only groups do."""
    lines: dict[str, list[ChangeView]] = defaultdict(list)
    moves: dict[str, list[AccessRow]] = defaultdict(list)
    names: dict[str, str] = {}
    for row in filter(moves_with_groups, view.access):
        moves[row.person].append(row)
        names[row.person] = row.name
    for person in view.people:
        lines[person.username] += person.lines
        names[person.username] = person.name or names.get(person.username, "")
    return [
        PersonChanges(who, names[who], tuple(lines[who]), tuple(moves[who]))
        for who in sorted(names, key=_by_name)
    ]


def by_group(lines: Iterable[ChangeView]) -> tuple[GroupChanges, ...]:
    """Group changes by the group that they concern, sorted by name; in each the plan's order."""
    groups: dict[int | str, list[ChangeView]] = {}
    names: dict[int | str, str] = {}
    for line in lines:
        change = line.change
        if change.group is not None:
            key = change.group_id or change.group
            groups.setdefault(key, []).append(line)
            # A group that is renamed has the name that it has before.
            if key not in names or change.action is Action.GROUP_UPDATE:
                names[key] = change.group
    return tuple(
        GroupChanges(names[key], tuple(groups[key]))
        for key in sorted(groups, key=lambda key: _by_name(names[key]))
    )


def _by_name(name: str) -> tuple[str, str]:
    # Two names may share their key; the exact spelling keeps the order the same each time.
    return compare_key(name), name


def risky_of(lines: Iterable[ChangeView]) -> tuple[ChangeView, ...]:
    """Return the changes that need review, most severe first."""
    return tuple(
        sorted((line for line in lines if line.reviews), key=lambda line: RANKS[line.reviews[0]])
    )


# --- what became of each row of the input ---------------------------------------------------------

_Key = tuple[str, str | None, str | None, int | str | None]


def input_rows(
    sources: Iterable[PlanSource],
    lines: Sequence[ChangeView],
    findings: Sequence[Finding],
    *,
    planned: bool,
) -> "InputRows":
    """Return each row that the sources had, with the changes that it asked for and its findings.

    A row that only has errors was left out. A row was skipped where Kanport does not use whom or
    what it names (`row-skipped`), even if the rest of it led to a change. `planned` is False where
    nothing was compared with a server, so that no row could lead to a change.
    """
    spans = [span for source in sources for span in spans_of_rows(source)]
    asked: dict[_Key, dict[str, ChangeView]] = defaultdict(dict)
    noted: dict[_Key, dict[int, Finding]] = defaultdict(dict)
    for line in lines:
        for origin in line.change.origin:
            asked[_key(origin)][line.change.id] = line
    for number, finding in enumerate(findings):
        for place in finding.places:
            noted[_key(place)][number] = finding
    with_more = {
        key: (tuple(asked.get(key, {}).values()), tuple(noted.get(key, {}).values()))
        for key in asked.keys() | noted.keys()
    }
    return InputRows(spans, with_more, planned=planned)


class PlainRows(NamedTuple):
    """Rows that follow one another and have neither a change nor a finding.

    `like` is the first of them. The place of each is `start` and its number.
    """

    like: InputRow
    start: str
    numbers: range


class InputRows(LazySequence[InputRow]):
    """The rows of the input, made when they are asked for: almost all are plain.

    `noted` has the changes and findings of the others, by their keys.
    """

    def __init__(
        self,
        spans: Sequence[RowSpan],
        noted: Mapping[_Key, tuple[Sequence[ChangeView], Sequence[Finding]]],
        *,
        planned: bool,
    ) -> None:
        self._spans = spans
        self._noted = noted
        self._planned = planned
        self._ends = list(accumulate(len(span.rows) for span in spans))

    def __len__(self) -> int:
        return self._ends[-1] if self._ends else 0

    def __iter__(self) -> Iterator[InputRow]:
        return (row for span in self._spans for row in self._of(span, span.rows))

    def _made(self, number: int) -> InputRow:
        which = bisect_right(self._ends, number)
        span = self._spans[which]
        back = number - self._ends[which]
        return next(self._of(span, span.rows[back:][:1]))

    def runs(self) -> Iterator[InputRow | PlainRows]:
        """Yield the rows in their order, those of a file that are plain as runs.

        A list of a university has half a million rows, and nothing to say of nearly all of them.
        """
        noted: dict[tuple[str, str | None, str | None], list[int]] = defaultdict(list)
        for source, file, sheet, row in self._noted:
            if isinstance(row, int):
                noted[source, file, sheet].append(row)
        for span in self._spans:
            if span.first is None or span.last is None:
                yield from self._of(span, span.rows)
                continue
            source, file, sheet, _ = _key_parts(span.place)
            start = _start_of(span.place)
            at = span.first
            special = [row for row in noted[source, file, sheet] if at <= row <= span.last]
            for row in [*sorted(special), span.last + 1]:
                if row > at:
                    plain = _fate((), (), planned=self._planned)
                    like = InputRow(source, f"{start}{at}", plain, span.times)
                    yield PlainRows(like, start, range(at, row))
                if row <= span.last:
                    yield from self._of(span, (row,))
                at = row + 1

    def _of(self, span: RowSpan, rows: Iterable[int | None]) -> Iterator[InputRow]:
        place, times, noted = span.place, span.times, self._noted
        source, file, sheet, dn = _key_parts(place)
        start = _start_of(place)
        plain = _fate((), (), planned=self._planned)
        for row in rows:
            text = start if row is None else f"{start}{row}"
            of_row = noted.get((source, file, sheet, dn if row is None else row))
            if of_row is None:
                yield InputRow(source, text, plain, times)
            else:
                yield InputRow(source, text, _fate(*of_row, planned=self._planned), times, *of_row)

    @cached_property
    def fates(self) -> Counter[RowResult]:
        """How many rows became what, counted without making an object of each."""
        counts: Counter[RowResult] = Counter()
        plain, noted = _fate((), (), planned=self._planned), self._noted
        for span in self._spans:
            source, file, sheet, dn = _key_parts(span.place)
            keys = ((source, file, sheet, dn if row is None else row) for row in span.rows)
            special = [noted[key] for key in keys if key in noted] if noted else []
            counts[plain] += (len(span.rows) - len(special)) * span.times
            for of_row in special:
                counts[_fate(*of_row, planned=self._planned)] += span.times
        return counts


NO_ROWS = InputRows((), {}, planned=False)


def runs_of(rows: Sequence[InputRow]) -> Iterator[InputRow | PlainRows]:
    """Yield the rows of a view, those that are plain and follow one another as one."""
    return rows.runs() if isinstance(rows, InputRows) else iter(rows)


def sum_of_rows(rows: InputRows, *, planned: bool) -> tuple[Sum, ...]:
    """Add up what became of the rows; nothing where a plan does not tell its rows."""
    if not rows:
        return ()
    numbers = rows.fates
    total = numbers.total()
    if not planned:
        shown = [RowResult.LEFT_OUT, RowResult.READ]
    else:
        rare = (RowResult.NOT_MADE, RowResult.SKIPPED)
        shown = [RowResult.CHANGED, *rare, RowResult.LEFT_OUT, RowResult.NOTHING]
        shown = [fate for fate in shown if fate not in rare or numbers[fate]]
    words = {
        RowResult.NOT_MADE: "led only to changes that were not made",
        RowResult.SKIPPED: "skipped with their user, project or group",
        RowResult.LEFT_OUT: "left out because of errors",
        RowResult.READ: "without errors",
    }
    parts = tuple(
        Count(fate.replace(" ", "_"), numbers[fate], words.get(fate, fate.value)) for fate in shown
    )
    return (Sum(Count("rows", total, f"{ROW(total)} of the input"), parts),)


def _fate(changes: Sequence[ChangeView], notes: Sequence[Finding], *, planned: bool) -> RowResult:
    if planned and any(finding.code == "row-skipped" for finding in notes):
        return RowResult.SKIPPED
    if changes:
        return RowResult.CHANGED if any(line.in_place for line in changes) else RowResult.NOT_MADE
    if any(finding.severity is Severity.ERROR for finding in notes):
        return RowResult.LEFT_OUT
    return RowResult.NOTHING if planned else RowResult.READ


def _start_of(place: Origin) -> str:
    """Return the text of an entry's place, or that of a row's up to its number."""
    return str(place) if place.dn is not None else str(place.at(row=0))[:-1]


def _key_parts(place: Origin) -> tuple[str, str | None, str | None, str | None]:
    return place.source, place.file, place.sheet, place.dn


def _key(place: Origin) -> _Key:
    row = place.row if place.row is not None else place.dn
    return place.source, place.file, place.sheet, row
