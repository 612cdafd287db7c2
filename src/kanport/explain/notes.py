"""An explanation as a document for people, and as plain values for programs."""

from collections.abc import Iterable, Iterator
from typing import Any

from kanport.explain.model import Access, ExplainedRow, Explanation
from kanport.fields import CHANGEABLE, USER_FIELDS, USERNAME, labels
from kanport.findings import Finding, Severity
from kanport.model import DesiredUser, Given, LdapPassword, PasswordCell
from kanport.names import as_written
from kanport.normalize.rows import Value
from kanport.normalize.rules import State
from kanport.normalize.trace import Thread, Trace
from kanport.origin import Origin
from kanport.plan.change import Change
from kanport.plan.model import change_in_file
from kanport.report.changes import change_view
from kanport.report.compare import words_of
from kanport.report.document import Data, Document, Item, Part, Prose, Section, item
from kanport.report.sentences import CHANGE, SEVERITIES, Noun, are, counted
from kanport.report.view import Level

FORMAT = "kanport-explanation/1"
ROW = Noun("row", "rows")
_STATES = {State.EMPTY: "not given", State.CLEAR: "cleared", State.BAD: "cannot be used"}
_STATES[State.UNKNOWN] = "may be hidden from this login"


def document_of(explanation: Explanation) -> Document:
    """Return an explanation as a document: the answer first, then the evidence."""
    return Document(
        title=(f"{explanation.kind.capitalize()} ", Data(explanation.found[0])),
        level=_level(explanation),
        headline=_headline(explanation),
        sections=(
            Section(("Changes",), tuple(map(_change, explanation.changes))),
            Section(("Why",), tuple(item(Prose(reason)) for reason in explanation.reasons)),
            Section(("Rows",), tuple(map(_row, explanation.rows))),
            Section(("In the sources",), tuple(_wanted(explanation.wanted))),
            Section(("On the server",), tuple(_user(explanation))),
            Section(("Access",), tuple(_access(explanation))),
            Section(("Findings",), tuple(map(_finding, explanation.findings))),
        ),
    )


def _level(explanation: Explanation) -> Level:
    if any(finding.severity is Severity.ERROR for finding in explanation.findings):
        return Level.LOOK
    if explanation.kind == "person" and not explanation.rows and explanation.user is None:
        # Most likely the name is misspelled, so nothing here is to look as if all were well.
        return Level.LOOK
    return Level.NOTE if explanation.changes else Level.GOOD


def _headline(explanation: Explanation) -> tuple[Part, ...]:
    number, rows = len(explanation.changes), len(explanation.rows)
    if explanation.offline:
        return (f"{counted(rows, ROW)}; the server was not asked.",)
    kind = "user" if explanation.kind == "person" else explanation.kind
    verb = "names" if rows == 1 else "name"
    changes = f"{counted(number, CHANGE)} {are(number)} planned" if number else "no changes"
    return (f"{counted(rows, ROW)} {verb} this {kind}; {changes}.",)


def _change(change: Change) -> Item:
    places = change_view(change).places
    under = [item("why: ", Prose(change.reason))]
    if places:
        under.append(item("from ", *_listed(places)))
    return item(*words_of(change), under=under)


def _listed(texts: Iterable[str]) -> Iterator[Part]:
    for number, text in enumerate(texts):
        if number:
            yield ", "
        yield Data(text)


def _row(row: ExplainedRow) -> Item:
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


def _user(explanation: Explanation) -> Iterator[Item]:
    user = explanation.user
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
    yield item(
        "groups: ",
        *(_listed(explanation.groups) if explanation.groups else ("(none that was read)",)),
    )


def _access(explanation: Explanation) -> Iterator[Item]:
    for one in explanation.access:
        who = one.project if explanation.kind == "person" else one.username
        yield item(Data(who), ": ", *_roles(one, offline=explanation.offline), *_from(one.origins))


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


def as_dict(explanation: Explanation) -> dict[str, Any]:
    """Return an explanation as plain values."""
    user = explanation.user
    return {
        "format": FORMAT,
        "kind": explanation.kind,
        "asked": explanation.asked,
        "found": list(explanation.found),
        "offline": explanation.offline,
        "reasons": list(explanation.reasons),
        "changes": [change_in_file(change) for change in explanation.changes],
        "rows": [_row_dict(row) for row in explanation.rows],
        "wanted": None
        if explanation.wanted is None
        else {
            name: {"value": given.value, "origin": [one.to_dict() for one in given.origins]}
            for name, given in _fields(explanation.wanted)
        },
        "user": None
        if user is None
        else {
            "id": user.id,
            **{field.name: field.of(user) for field in USER_FIELDS},
            "groups": list(explanation.groups),
        },
        "access": [
            {
                "username": one.username or explanation.found[0],
                "project": one.project,
                "wanted": one.wanted,
                "held": one.held,
                "origin": [origin.to_dict() for origin in one.origins],
            }
            for one in explanation.access
        ],
        "findings": [finding.to_dict() for finding in explanation.findings],
    }


def _row_dict(row: ExplainedRow) -> dict[str, Any]:
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
