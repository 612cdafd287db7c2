"""Why something changes, or why nothing does: the rules of the plan, told for one case."""

from collections.abc import Collection, Iterator, Sequence

from kanport.explain.model import Access, Known, RowTold
from kanport.fields import CHANGEABLE, USERNAME
from kanport.findings import stopping
from kanport.mapping.spec import Managed, Users
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
    rows: Sequence[RowTold],
) -> Iterator[str]:
    """Say in sentences why something changes of a person, or nothing does."""
    yield from _stops(known)
    if known.plan is not None and user is None and not rows and wanted is None:
        yield "Nobody of this name is in a source that the mapping reads, or on the server."
        return
    if not rows:
        yield "No row of any source names them."
    yield from _protected(known, names)
    yield from _doubts(known, keys)
    users = known.mapping.spec.users
    if users is None:
        yield "The mapping has no users, so it changes nothing of accounts."
    elif wanted is not None:
        yield from _fields(users, wanted, user, known)
    elif not any(row.part == "users" for row in rows):
        yield from _absent(users, known, user, changes)
    if known.plan is not None:
        yield from _roles(known, access, user, changes)
        if not changes and user is not None:
            yield "Nothing changes of them."


def _stops(known: Known) -> Iterator[str]:
    errors = len(list(stopping(known.all_findings)))
    if errors and known.mapping.spec.invalid_rows == "abort":
        count = "1 error" if errors == 1 else f"{errors} errors"
        yield f"{count} in the source data: nothing at all is planned until the rows are mended."
    tripped = [verdict.guard for verdict in known.plan.blocked_by] if known.plan else []
    if tripped:
        yield f"The plan as a whole is stopped before the first write by {', '.join(tripped)}."


def _protected(known: Known, names: Sequence[str]) -> Iterator[str]:
    for pattern in known.mapping.spec.protect:
        if any(map(name_matcher([pattern]), names)):
            yield f'They are protected ("{pattern}" in `protect`): nothing of them is changed.'


def _doubts(known: Known, keys: Collection[str]) -> Iterator[str]:
    unknown = known.desired.unknown
    if any(key in unknown.people for key in keys):
        yield "A row that names them cannot be used, so it is unknown what is wanted of them."
    elif any(key in unknown.hidden for key in keys):
        yield "The directory does not show their entry, and does not prove that it is gone."
    elif unknown.nameless:
        yield "The directory hides entries, and Kanport cannot tell whose they are."
    elif unknown.everybody:
        yield (
            "A row or a source that cannot be read might be about them, so nothing is taken away."
        )
    if any(who in keys for who, _ in unknown.memberships):
        yield "What access they are to have is open, so none is taken away."


def _fields(users: Users, wanted: DesiredUser, user: User | None, known: Known) -> Iterator[str]:
    fields = [field for field in CHANGEABLE if field is not USERNAME]
    left = [field.label for field in fields if users.fields.rule(field) is None]
    if left:
        yield f"The mapping says nothing of this, and it is left alone: {', '.join(left)}."
    empty = [
        field.label
        for field in fields
        if users.fields.rule(field) is not None and field.wanted(wanted) is None
    ]
    if empty:
        yield f"The sources do not give this, and it is left alone: {', '.join(empty)}."
    if user is not None:
        same = [
            field.label
            for field in fields
            if (given := field.wanted(wanted)) is not None and given.value == field.of(user)
        ]
        if same:
            yield f"The server already has what the sources give: {', '.join(same)}."
    elif known.plan is not None and _stays_away(users, wanted):
        yield "They are not on the server and not active in the sources, so are not created."
    elif known.plan is not None:
        yield "They are not on the server."


def _stays_away(users: Users, wanted: DesiredUser) -> bool:
    inactive = wanted.active is not None and not wanted.active.value
    return inactive and users.inactive == "skip"


def _absent(
    users: Users, known: Known, user: User | None, changes: Sequence[Change]
) -> Iterator[str]:
    if known.plan is None:
        yield "The sources of users do not name them."
        return
    if user is None:
        yield "The sources of users do not name them, and they are not on the server."
        return
    steps = users.steps
    if steps is None:
        yield (
            "The sources of users do not name them, and the mapping keeps whom they do not name"
            " (users.missing: keep)."
        )
        return
    yield f"The sources of users do not name them; whom they do not name: {steps}."
    managed = users.managed
    if managed is None:
        yield "The mapping manages nobody (users.managed is missing), so they are kept."
    elif isinstance(managed, Managed):
        if not name_matcher(managed.usernames)(user.username):
            yield "They are not among those whom the mapping manages (users.managed)."
    elif not known.memory.manages(user):
        yield "The ledger does not say that Kanport manages them (users.managed: ledger)."
    if not user.active and not any(change.action is Action.USER_REMOVE for change in changes):
        yield "Their account is disabled already."
    if (absence := known.memory.absence(user)) is not None:
        yield f"The ledger has them as missing since {absence.since}, in {absence.runs} runs."
    if known.current is not None and not known.current.users_complete:
        yield "Not all users of the server could be read, so nobody can be called missing."


def _roles(
    known: Known, access: Sequence[Access], user: User | None, changes: Sequence[Change]
) -> Iterator[str]:
    changed = {change.project for change in changes}
    so = [one for one in access if one.wanted is not None and one.wanted == one.held]
    if so:
        yield f"Already so in {len(so)} of the projects: {', '.join(one.project for one in so)}."
    kept = [one.project for one in access if one.wanted is None and one.project not in changed]
    if kept and known.mapping.spec.memberships_missing == "keep":
        yield (
            f"Nothing asks for their role in {', '.join(kept)}; the mapping keeps it"
            " (memberships_missing: keep)."
        )
    elif kept:
        yield f"Nothing asks for their role in {', '.join(kept)}, and yet it stays; see findings."
    if user is not None and known.mapping.spec.memberships:
        yield "Only projects that the mapping or its sources name were looked at."
