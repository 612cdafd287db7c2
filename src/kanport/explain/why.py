"""Why something changes, or why nothing does: the rules of the plan, applied to one case."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

from kanport.explain.model import Access, ExplainedRow, Known
from kanport.fields import CHANGEABLE, USERNAME
from kanport.findings import stopping
from kanport.mapping.users import Managed, Users
from kanport.model import DesiredUser, User
from kanport.plan.change import Action, Change
from kanport.plan.matching import name_matcher


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
    """Say in sentences why something changes of a user, or nothing does; `named` as below."""
    yield from _stops(known)
    if known.plan is not None and user is None and not rows and wanted is None:
        yield "No source that the mapping reads names this user, and neither does the server."
        return
    if not rows:
        yield "No row of any source names this user."
    yield from _protected(known, names)
    yield from _doubts(known, keys)
    users = known.mapping.spec.users
    if users is None:
        yield "The mapping has no users section, so Kanport does not change accounts."
    elif wanted is not None:
        yield from _fields(users, wanted, user, known)
    elif not any(row.part == "users" for row in rows):
        yield from _absent(users, known, user, changes)
    if known.plan is not None:
        yield from relation_reasons(known, {one.project: one for one in access}, named)
        if user is not None and known.mapping.spec.memberships:
            yield "Kanport reads only projects that the mapping or its sources name."
        if not changes and user is not None:
            yield "Nothing changes for this user."


def _stops(known: Known) -> Iterator[str]:
    errors = len(list(stopping(known.all_findings)))
    if errors and known.mapping.spec.invalid_rows == "abort":
        count = "1 error" if errors == 1 else f"{errors} errors"
        yield f"{count} in the source data: nothing is planned until the rows are fixed."
    stopped_by = [verdict.guard for verdict in known.plan.blocked_by] if known.plan else []
    if stopped_by:
        yield f"Safety checks stop the whole plan before the first write: {', '.join(stopped_by)}."


def _protected(known: Known, names: Sequence[str]) -> Iterator[str]:
    for pattern in known.mapping.spec.protect:
        if any(map(name_matcher([pattern]), names)):
            yield f'Protected by "{pattern}" in `protect`: Kanport changes nothing of this user.'


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


def _fields(users: Users, wanted: DesiredUser, user: User | None, known: Known) -> Iterator[str]:
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
    yield f"The sources of users do not name this user. Missing users: {steps}."
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
    known: Known, access: Mapping[str, Access], named: Callable[[Change], str | None]
) -> Iterator[str]:
    """Say why access does not change, by what tells it apart: its project, or its user.

    `named` returns this name of a change; None for a change of something else. What changes has its
    own reason.
    """
    plan = known.plan
    if plan is None:
        return
    changed = {named(change) for change in plan.changes}
    withheld = {named(one.change) for one in plan.withheld or ()}
    listed: dict[str, list[str]] = {}
    for name, one in access.items():
        if name in changed or one.held is None:
            continue
        if one.wanted is not None:
            why = _SAME_ROLE if one.wanted == one.held else _OTHER_ROLE
        elif known.mapping.spec.memberships_missing == "keep":
            why = _KEPT
        else:
            why = _WITHHELD if name in withheld else _NOT_REVOKED
        listed.setdefault(why, []).append(name)
    for why, names in listed.items():
        yield f"{why}: {', '.join(names)}."


_SAME_ROLE = "The server already has the wanted role"
_OTHER_ROLE = "The role on the server stays as it is; see findings"
_KEPT = "Not in the sources, and the mapping keeps the role (memberships_missing: keep)"
_WITHHELD = "Not in the sources, but the revocation is withheld; see findings"
_NOT_REVOKED = "Not in the sources, but protected or not managed; see findings"
