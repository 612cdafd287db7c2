"""Changes as they are told: what differs, from where, and grouped by whom and what they concern."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from kanport.fields import USER_FIELDS, labels
from kanport.names import compare_key
from kanport.origin import Origin
from kanport.outcome import Outcome, Verdict
from kanport.plan.model import Action, Change, Subject
from kanport.report.parts import Difference, GroupChanges, Line, Person, ProjectAccess
from kanport.report.words import ACTIONS, RISKS, unique

_NO_NAMES: Mapping[str, str] = MappingProxyType({})


def line_of(change: Change, outcome: Outcome | None = None, verdict: Verdict | None = None) -> Line:
    """Tell one change, with what became of it in a run, or whether it holds."""
    wording = ACTIONS[change.action]
    line = Line(
        change=change,
        symbol=wording.symbol,
        verb=wording.verb,
        target=_target(change.subject),
        differences=differences_of(change.before, change.after),
        risks=tuple(told.one for risk, told in RISKS.items() if risk in change.risk),
        places=places_of(change.origin),
        outcome=outcome,
        verdict=verdict,
    )
    bad = line.ending is not None and not line.ending.good
    return replace(line, symbol="!") if bad else line


def _target(subject: Subject) -> str:
    if subject.username is not None and subject.group is not None:
        return subject.group
    alone = subject.username is None and subject.group is None
    return "" if alone else subject.project or ""


def differences_of(
    before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> tuple[Difference, ...]:
    """Give what a change makes of each field, the best known fields first.

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
    """Give the places of a change; several cells of one row are told as the row.

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


def by_person(lines: Iterable[Line], names: Mapping[str, str] = _NO_NAMES) -> tuple[Person, ...]:
    """Group changes by the person whom they concern, sorted by name; in each the plan's order.

    `names` are what the server calls them now; a name that a change gives them comes first.
    """
    groups: dict[str, list[Line]] = {}
    for line in lines:
        if line.change.subject.username is not None:
            groups.setdefault(line.change.username, []).append(line)
    return tuple(
        Person(
            username,
            _name_in(groups[username]) or names.get(username, ""),
            tuple(groups[username]),
        )
        for username in sorted(groups, key=_by_name)
    )


def _name_in(lines: Iterable[Line]) -> str:
    for line in lines:
        for difference in line.differences:
            if difference.field == "name":
                return difference.after or difference.before or ""
    return ""


def by_project(lines: Iterable[Line]) -> tuple[ProjectAccess, ...]:
    """Group changes of access by project, sorted by name; in each the plan's order."""
    groups: dict[str, list[Line]] = {}
    for line in lines:
        if line.change.subject.project is not None:
            groups.setdefault(line.change.subject.project, []).append(line)
    return tuple(
        ProjectAccess(
            project,
            granted=_number(groups[project], Action.MEMBERSHIP_GRANT, Action.GROUP_ACCESS_GRANT),
            changed=_number(groups[project], Action.MEMBERSHIP_CHANGE, Action.GROUP_ACCESS_CHANGE),
            revoked=_number(groups[project], Action.MEMBERSHIP_REVOKE, Action.GROUP_ACCESS_REVOKE),
            lines=tuple(groups[project]),
            created=_number(groups[project], Action.PROJECT_CREATE),
        )
        for project in sorted(groups, key=_by_name)
    )


def by_group(lines: Iterable[Line]) -> tuple[GroupChanges, ...]:
    """Group changes by the group that they concern, sorted by name; in each the plan's order."""
    groups: dict[str, list[Line]] = {}
    for line in lines:
        if line.change.subject.group is not None:
            groups.setdefault(line.change.subject.group, []).append(line)
    return tuple(
        GroupChanges(group, tuple(groups[group])) for group in sorted(groups, key=_by_name)
    )


def _number(lines: Iterable[Line], *actions: Action) -> int:
    return sum(line.change.action in actions for line in lines)


def _by_name(name: str) -> tuple[str, str]:
    # Two names may share their key; the exact spelling keeps the order the same each time.
    return compare_key(name), name


def risky_of(lines: Iterable[Line]) -> tuple[Line, ...]:
    """Give the changes that deserve a second look, the worst risk first."""
    ranks = {risk: rank for rank, risk in enumerate(RISKS)}
    return tuple(
        sorted(
            (line for line in lines if line.change.risk),
            key=lambda line: min(ranks[risk] for risk in line.change.risk),
        )
    )
