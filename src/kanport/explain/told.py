"""An explanation as a paper for people, and as plain values for programs."""

from collections.abc import Iterable, Iterator
from typing import Any

from kanport.explain.model import Access, Explanation, RowTold
from kanport.fields import CHANGEABLE, USER_FIELDS, USERNAME, labels
from kanport.findings import Finding, Severity
from kanport.model import DesiredUser, Given, LdapPassword, PasswordCell
from kanport.names import as_written
from kanport.normalize.trace import Thread, Trace
from kanport.normalize.value import State, Value
from kanport.origin import Origin
from kanport.plan.change import Change
from kanport.plan.model import change_in_file
from kanport.report.compare import words_of
from kanport.report.document import Data, Document, Item, Part, Prose, Section, item
from kanport.report.lines import line_of
from kanport.report.parts import Level
from kanport.report.words import CHANGE, SEVERITIES, are, counted

FORMAT = "kanport-explanation/1"
_STATES = {State.EMPTY: "not given", State.CLEAR: "cleared", State.BAD: "cannot be used"}
_STATES[State.UNKNOWN] = "may be hidden from this login"


def document_of(told: Explanation) -> Document:
    """Tell an explanation: the answer first, then what it rests on."""
    return Document(
        title=(f"{told.kind.capitalize()} ", Data(told.found[0])),
        level=_level(told),
        headline=_headline(told),
        sections=(
            Section(("What changes",), tuple(map(_change, told.changes))),
            Section(("Why",), tuple(item(Prose(reason)) for reason in told.reasons)),
            Section(("Rows",), tuple(map(_row, told.rows))),
            Section(("What the sources ask for",), tuple(_wanted(told.wanted))),
            Section(("What the server has",), tuple(_user(told))),
            Section(("Access",), tuple(_access(told))),
            Section(("Findings",), tuple(map(_finding, told.findings))),
        ),
    )


def _level(told: Explanation) -> Level:
    if any(finding.severity is Severity.ERROR for finding in told.findings):
        return Level.LOOK
    if told.kind == "person" and not told.rows and told.user is None:
        # Most likely the name is misspelled, so nothing here is to look as if all were well.
        return Level.LOOK
    return Level.NOTE if told.changes else Level.GOOD


def _headline(told: Explanation) -> tuple[Part, ...]:
    number = len(told.changes)
    rows = f"{len(told.rows)} {'row' if len(told.rows) == 1 else 'rows'}"
    if told.offline:
        return (f"{rows}; the server was not asked.",)
    verb = "speaks" if len(told.rows) == 1 else "speak"
    changes = f"{counted(number, CHANGE)} {are(number)} planned" if number else "nothing changes"
    return (f"{rows} {verb} of this {told.kind}; {changes}.",)


def _change(change: Change) -> Item:
    places = line_of(change).places
    under = [item("why: ", Prose(change.reason))]
    if places:
        under.append(item("from ", *_listed(places)))
    return item(*words_of(change), under=under)


def _listed(texts: Iterable[str]) -> Iterator[Part]:
    for number, text in enumerate(texts):
        if number:
            yield ", "
        yield Data(text)


def _row(row: RowTold) -> Item:
    under = [_trace(name, traced) for name, traced in row.traces]
    if row.password is not None:
        under.append(item("password: in ", Data(str(row.password)), ", never shown"))
    under += map(_finding, row.findings)
    return item(Data(str(row.origin)), " (source ", Data(row.source), f", {row.part})", under=under)


def _trace(name: str, traced: Trace) -> Item:
    parts: list[Part] = [Data(name), ": "]
    for number, value in enumerate(traced.values):
        parts += [", " if number else "", _value(value)]
    if any(value.assumed for value in traced.values):
        parts.append(" (the default)")
    under = [
        item(
            "column ",
            Data(cell.column),
            ": ",
            *(_listed(cell.texts) if cell.texts else ("(empty)",)),
            " at ",
            Data(str(cell.origin)),
        )
        for cell in traced.cells
    ]
    under += [_thread(one) for one in traced.threads if one.steps]
    return item(*parts, under=under)


def _value(value: Value) -> Part:
    return (
        Data(as_written(value.text)) if value.state is State.GIVEN else f"({_STATES[value.state]})"
    )


def _thread(one: Thread) -> Item:
    parts: list[Part] = [Data(one.start)]
    for step in one.steps:
        parts += [" → ", Prose(step.name), " → "]
        parts.append("(nothing)" if step.text is None else Data(step.text))
    return item(*parts)


def _wanted(wanted: DesiredUser | None) -> Iterator[Item]:
    if wanted is None:
        return
    for name, given in _fields(wanted):
        value = given.value
        text: Part = ("yes" if value else "no") if isinstance(value, bool) else _text(str(value))
        yield item(f"{labels([name])[0]}: ", text, *_from(given.origins))
    match wanted.password:
        case PasswordCell(origin):
            yield item("password for a new account: from ", Data(str(origin)), ", never shown")
        case LdapPassword():
            yield item("password for a new account: that of Kanboard's own LDAP")
        case _:
            yield item("password for a new account: random")


def _fields(wanted: DesiredUser) -> Iterator[tuple[str, Given[Any]]]:
    for field in USER_FIELDS:
        if (given := field.wanted(wanted)) is not None:
            yield field.name, given
    if wanted.stable_id is not None:
        yield "stable id", wanted.stable_id


def _text(text: str) -> Part:
    return Data(text) if text else "(to be cleared)"


def _from(origins: Iterable[Origin]) -> Iterator[Part]:
    places = [str(origin) for origin in origins]
    if places:
        yield from (", from ", *_listed(places))


def _user(told: Explanation) -> Iterator[Item]:
    user = told.user
    if user is None:
        return
    for field in CHANGEABLE:
        value = field.of(user)
        number = f" (#{user.id})" if field is USERNAME else ""
        if isinstance(value, bool):
            yield item(f"{field.label}: {'yes' if value else 'no'}")
        else:
            yield item(f"{field.label}: ", Data(value) if value else "(none)", number)
    yield item(f"account: {'from LDAP' if user.ldap else 'local'}")
    yield item("groups: ", *(_listed(told.groups) if told.groups else ("(none that was read)",)))


def _access(told: Explanation) -> Iterator[Item]:
    for one in told.access:
        who = one.project if told.kind == "person" else one.username
        yield item(Data(who), ": ", *_roles(one, offline=told.offline), *_from(one.origins))


def _roles(one: Access, *, offline: bool) -> Iterator[Part]:
    yield from ("wanted ", Data(one.wanted) if one.wanted is not None else "(nothing)")
    if not offline:
        yield from (", on the server ", Data(one.held) if one.held is not None else "(nothing)")


def _finding(finding: Finding) -> Item:
    at = (" at ", Data(str(finding.origin))) if finding.origin is not None else ()
    hint = (item("hint: ", Prose(finding.hint)),) if finding.hint else ()
    severity = SEVERITIES[finding.severity].one
    return item(f"{severity} {finding.code}", *at, ": ", Prose(finding.message), under=hint)


# --- for programs ---------------------------------------------------------------------------------


def as_dict(told: Explanation) -> dict[str, Any]:
    """Give an explanation as plain values."""
    user = told.user
    return {
        "format": FORMAT,
        "kind": told.kind,
        "asked": told.asked,
        "found": list(told.found),
        "offline": told.offline,
        "reasons": list(told.reasons),
        "changes": [change_in_file(change) for change in told.changes],
        "rows": [_row_dict(row) for row in told.rows],
        "wanted": None
        if told.wanted is None
        else {
            name: {"value": given.value, "origin": [one.to_dict() for one in given.origins]}
            for name, given in _fields(told.wanted)
        },
        "user": None
        if user is None
        else {
            "id": user.id,
            **{field.name: field.of(user) for field in USER_FIELDS},
            "groups": list(told.groups),
        },
        "access": [
            {
                "username": one.username or told.found[0],
                "project": one.project,
                "wanted": one.wanted,
                "held": one.held,
                "origin": [origin.to_dict() for origin in one.origins],
            }
            for one in told.access
        ],
        "findings": [finding.to_dict() for finding in told.findings],
    }


def _row_dict(row: RowTold) -> dict[str, Any]:
    return {
        "part": row.part,
        "source": row.source,
        "origin": row.origin.to_dict(),
        "values": [
            {
                "name": name,
                "cells": [
                    {
                        "column": cell.column,
                        "texts": list(cell.texts),
                        "origin": cell.origin.to_dict(),
                    }
                    for cell in traced.cells
                ],
                "steps": [
                    {
                        "start": one.start,
                        "steps": [{"step": step.name, "text": step.text} for step in one.steps],
                    }
                    for one in traced.threads
                ],
                "results": [
                    {
                        "state": value.state.value,
                        "text": value.text,
                        "default": value.assumed,
                    }
                    for value in traced.values
                ],
            }
            for name, traced in row.traces
        ],
        "password_at": row.password.to_dict() if row.password is not None else None,
        "findings": [finding.to_dict() for finding in row.findings],
    }
