"""An explanation in words: why something changes or nothing does, and the whole as a document.

The reasons apply the rules of the plan to one case, before `person` and `project` make the
explanation; the document and the plain values for programs are made from it.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal

from kanport.explain.model import Access, ExplainedRow, Explanation, Known, about_rows
from kanport.fields import CHANGEABLE, USER_FIELDS, USERNAME, labels
from kanport.findings import UNCLEAR, Finding, Severity, errors_in, stopping
from kanport.mapping.users import Managed, Users
from kanport.model import DesiredUser, Given, LdapPassword, PasswordCell, User
from kanport.names import as_written
from kanport.normalize.rows import Value
from kanport.normalize.rules import State
from kanport.normalize.trace import Thread, Trace
from kanport.origin import Origin
from kanport.plan.change import Action, Change
from kanport.plan.matching import name_matcher
from kanport.plan.model import PlanWithheld, change_in_file
from kanport.relations import RELATIONS, About
from kanport.report.changes import change_view
from kanport.report.compare import words_of
from kanport.report.document import Data, Document, Item, Part, Prose, Section, item
from kanport.report.sentences import CHANGE, SEVERITIES, Noun, are, counted, some_of
from kanport.report.view import Level


def person_reasons(
    known: Known,
    *,
    keys: Collection[str],
    names: Sequence[str],
    wanted: DesiredUser | None,
    user: User | None,
    access: Sequence[Access],
    changes: Sequence[Change],
    named: Callable[[Change], str | None],
    rows: Sequence[ExplainedRow],
) -> Iterator[str]:
    """Yield why something changes of a user, or why nothing does; `named` as below."""
    yield from _stops(known)
    if known.plan is not None and user is None and not rows and wanted is None:
        yield "No source that the mapping reads names this user, and neither does the server."
        return
    if not rows:
        yield "No row of any source names this user."
    yield from _protected(known, names)
    yield from _doubts(known, keys)
    if not changes:
        yield from _unclear(known, rows)
    users = known.mapping.spec.users
    if users is None:
        yield "The mapping has no users section, so Kanport does not change accounts."
    elif wanted is not None:
        yield from _changed_fields(users, wanted, user, known)
    elif not any(row.part == "users" for row in rows):
        yield from _absent(users, known, user, changes)
    if known.plan is not None:
        yield from relation_reasons(known, {one.project: one for one in access}, named, "in")
        if user is not None and known.mapping.spec.memberships and _reads_some_projects(known):
            yield (
                "Access to some projects is not shown, because the mapping and its sources do not"
                " name them."
            )
        if not changes and user is not None:
            yield "Nothing changes for this user."


def _reads_some_projects(known: Known) -> bool:
    """Return whether the server has projects whose members Kanport did not read."""
    current = known.current
    return current is not None and any(
        project.id not in current.projects_read for project in current.projects
    )


def _stops(known: Known) -> Iterator[str]:
    # Errors of the input stop a plan before it reads the server.
    of_input = any(stopping(known.findings))
    found = known.findings if of_input else known.all_findings
    if known.mapping.spec.invalid_rows == "abort" and any(stopping(found)):
        number = counted(len(list(errors_in(found))), SEVERITIES[Severity.ERROR])
        yield f"{number} in the source data: nothing is planned until the rows are fixed."
    stopped_by = [verdict.guard for verdict in known.plan.blocked_by] if known.plan else []
    if stopped_by:
        yield f"Safety checks stop the whole plan before the first write: {', '.join(stopped_by)}."


def _protected(known: Known, names: Sequence[str]) -> Iterator[str]:
    for pattern in known.mapping.spec.protect:
        if any(map(name_matcher([pattern]), names)):
            yield f'Protected by "{pattern}" in protect: Kanport does not change this user.'


def _doubts(known: Known, keys: Collection[str]) -> Iterator[str]:
    unknown = known.desired.unknown
    if any(key in unknown.people for key in keys):
        yield "A row that names this user is invalid, so it is unknown what the sources want."
    elif any(key in unknown.hidden for key in keys):
        yield "The directory does not show the entry, and does not prove that it is gone."
    elif unknown.nameless:
        yield "The directory hides entries, and Kanport cannot tell whose."
    elif unknown.everybody:
        yield ("An invalid row or an unreadable source may name this user: removals are withheld.")
    if any(who in keys for who, _ in unknown.memberships):
        yield "It is unknown which access the sources want: revocations are withheld."


def _unclear(known: Known, rows: Sequence[ExplainedRow]) -> Iterator[str]:
    found = about_rows(known.all_findings, rows)
    if codes := dict.fromkeys(finding.code for finding in found if finding.code in UNCLEAR):
        yield f"Kanport cannot tell which account is this user's (finding {', '.join(codes)})."


def _changed_fields(
    users: Users, wanted: DesiredUser, user: User | None, known: Known
) -> Iterator[str]:
    fields = [field for field in CHANGEABLE if field is not USERNAME]
    left = [field.label for field in fields if users.fields.rule(field) is None]
    if left:
        yield f"Not in the mapping, so unchanged: {', '.join(left)}."
    empty = [
        field.label
        for field in fields
        if users.fields.rule(field) is not None and field.wanted(wanted) is None
    ]
    if empty:
        yield f"Not given by the sources, so unchanged: {', '.join(empty)}."
    if user is not None:
        same = [
            field.label
            for field in fields
            if (given := field.wanted(wanted)) is not None and given.value == field.of(user)
        ]
        if same:
            yield f"The server already has what the sources give: {', '.join(same)}."
    elif known.plan is not None and _stays_away(users, wanted):
        yield "The user is not on the server and not active in the sources, so is not created."
    elif known.plan is not None:
        yield "The user is not on the server."


def _stays_away(users: Users, wanted: DesiredUser) -> bool:
    inactive = wanted.active is not None and not wanted.active.value
    return inactive and users.inactive == "skip"


def _absent(
    users: Users, known: Known, user: User | None, changes: Sequence[Change]
) -> Iterator[str]:
    if known.plan is None:
        yield "The sources of users do not name this user."
        return
    if user is None:
        yield "The sources of users do not name this user, who is not on the server either."
        return
    steps = users.steps
    if steps is None:
        yield (
            "The sources of users do not name this user, and the mapping keeps missing users"
            " (users.missing: keep)."
        )
        return
    yield (
        "The sources of users do not name this user. For such users, the mapping"
        f" has users.missing: {steps}."
    )
    managed = users.managed
    if managed is None:
        yield "The mapping manages nobody (no users.managed), so the user stays."
    elif isinstance(managed, Managed):
        if not name_matcher(managed.usernames)(user.username):
            yield "The mapping does not manage this user (users.managed)."
    elif not known.memory.manages(user):
        yield "The ledger does not say that Kanport manages this user (users.managed: ledger)."
    if not user.active and not any(change.action is Action.USER_REMOVE for change in changes):
        yield "The account is already disabled."
    if (absence := known.memory.absence(user)) is not None:
        yield f"Missing since {absence.since}, in {absence.runs} runs, by the ledger."
    if known.current is not None and not known.current.users_complete:
        yield "Kanport could not read all users of the server, so nobody counts as missing."


def relation_reasons(
    known: Known,
    access: Mapping[str, Access],
    named: Callable[[Change], str | None],
    preposition: Literal["in", "for"],
) -> Iterator[str]:
    """Yield why access does not change, by what tells it apart: its project, or its user.

    `named` returns this name of a change; None for a change of something else. What changes has its
    own reason. `preposition` is what leads to these names in a sentence.
    """
    plan = known.plan
    if plan is None:
        return
    changed = {named(change) for change in plan.changes}
    withheld = {named(one.change): _because(one) for one in plan.withheld or ()}
    listed: dict[str, list[str]] = {}
    for name, one in access.items():
        if name in changed or one.held is None:
            continue
        if one.wanted == one.held:
            why = f"The server already has the wanted role {preposition}"
        elif one.wanted is not None:
            why = f"Kanport keeps the role on the server ({withheld.get(name, _KEPT_ROLE)}):"
        elif one.unknown:
            why = "It is unknown whether the sources want this role, so Kanport keeps it"
            why += f" ({withheld[name]}):" if name in withheld else ":"
        elif not RELATIONS[About.MEMBERSHIP].ends_unlisted(known.mapping.spec):
            why = "Not in the sources, and the mapping keeps the role (memberships_missing: keep):"
        else:
            why = f"Not in the sources, but Kanport keeps the role ({withheld.get(name, _KEPT)}):"
        listed.setdefault(why, []).append(name)
    for why, names in listed.items():
        yield f"{why} {', '.join(names)}."


_KEPT_ROLE = "the user is protected, or Kanport cannot use a row"
_KEPT = "Kanport does not manage it, or it comes from a group"


def _because(one: PlanWithheld) -> str:
    """Return what prevents a removal, each with its rows and entries."""
    texts = []
    for cause in one.because:
        places = [str(place) for place in cause.origin]
        texts.append(f"{cause.message}: {some_of(places, cause.more)}" if places else cause.message)
    return "; ".join(texts)


# --- an explanation as a document for people, and as plain values for programs --------------------

FORMAT = "kanport-explanation/1"
ROW = Noun("row", "rows")
_STATES = {State.EMPTY: "not given", State.CLEAR: "cleared", State.BAD: "cannot be used"}
_STATES[State.UNKNOWN] = "may be hidden from the bind account"


def document_of(explanation: Explanation) -> Document:
    """Return an explanation as a document: the answer first, then the evidence."""
    return Document(
        title=("User " if explanation.kind == "person" else "Project ", Data(explanation.found[0])),
        level=_level(explanation),
        headline=_headline(explanation),
        sections=(
            Section(("Changes",), tuple(map(_change, explanation.changes))),
            Section(("Why",), tuple(item(Prose(reason)) for reason in explanation.reasons)),
            Section(("Findings",), tuple(map(_finding, explanation.findings))),
            Section(("Access",), tuple(_access(explanation))),
            Section(("On the server",), tuple(_user(explanation))),
            Section(("In the sources",), tuple(_wanted(explanation.wanted))),
            Section(("Rows",), tuple(map(_row, explanation.rows))),
        ),
    )


def _level(explanation: Explanation) -> Level:
    if any(finding.severity is Severity.ERROR for finding in explanation.findings):
        return Level.LOOK
    if explanation.missing:
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
        *(
            _listed(explanation.groups)
            if explanation.groups
            else ("none among those that Kanport read",)
        ),
    )


def _access(explanation: Explanation) -> Iterator[Item]:
    for one in explanation.access:
        who = one.project if explanation.kind == "person" else one.username
        yield item(Data(who), ": ", *_roles(one, offline=explanation.offline), *_from(one.origins))


def _roles(one: Access, *, offline: bool) -> Iterator[Part]:
    nothing = "not known (invalid row)" if one.unknown else "no access"
    yield from ("sources: ", Data(one.wanted) if one.wanted is not None else nothing)
    if not offline:
        yield from (", server: ", Data(one.held) if one.held is not None else "no access")


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
