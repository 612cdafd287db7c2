"""One person: whom a name, an address or an id means, and everything about them."""

import shlex
from collections.abc import Iterable, Iterator

from kanport.errors import UsageError
from kanport.explain.model import (
    Access,
    Explanation,
    Known,
    about_rows,
    given,
    meant,
    people_in,
    project_spellings,
    rows_where,
    written,
)
from kanport.explain.notes import person_reasons
from kanport.findings import Finding
from kanport.messages import quoted
from kanport.model import CurrentState, User
from kanport.names import as_written, compare_key, spelling_key
from kanport.normalize.rows import rows_in_order
from kanport.normalize.trace import SourceBinding, source_bindings
from kanport.plan.change import Change, UserChange
from kanport.table import Row


def explain_person(known: Known, who: str) -> Explanation:
    """Explain one person, who is named by username, email address or stable id.

    Raises UsageError where it names several people.
    """
    keys = _keys(known, who)
    renamed = _renamed(known, keys)
    if renamed is not None:
        keys |= _other_names(known, renamed)
    rows = rows_where(known, lambda reading, row: _is_about(reading, row, keys))
    wanted = next((user for user in known.desired.users if user.key in keys), None)
    memberships = tuple(
        one for one in known.desired.memberships if compare_key(one.holder.value) in keys
    )
    user = _user(known, keys, renamed)
    names = _names(keys, known, user)
    changes = tuple(
        change
        for change in (known.plan.changes if known.plan else ())
        if _is_of(change, keys, renamed)
    )
    findings = tuple(
        dict.fromkeys((*about_rows(known.all_findings, rows), *_naming(known.all_findings, keys)))
    )
    held = _held(known.current, user)
    access = _access(known, keys, held)
    return Explanation(
        kind="person",
        asked=who,
        found=names,
        rows=rows,
        wanted=wanted,
        memberships=memberships,
        user=user,
        access=access,
        groups=_groups(known.current, user),
        changes=changes,
        findings=findings,
        reasons=(
            *person_reasons(
                known,
                keys=keys,
                names=names,
                wanted=wanted,
                user=user,
                access=access,
                changes=changes,
                named=lambda change: change.project if _is_of(change, keys, renamed) else None,
                rows=rows,
            ),
            *(() if rows or user or wanted else _not_found(known, who)),
        ),
        offline=known.plan is None,
        missing=not rows and user is None,
    )


def _not_found(known: Known, who: str) -> Iterator[str]:
    yield from meant(who, _spellings(known))
    key = spelling_key(who)
    if any(spelling_key(name) == key for name, _ in project_spellings(known) if name):
        yield f"A project has this name; to explain it, use --project {shlex.quote(who)}."


def _keys(known: Known, who: str) -> set[str]:
    """Return the compare key of the person: by username, else by stable id, else by email."""
    key, folded = compare_key(who), who.strip().casefold()
    users = known.current.users if known.current is not None else ()
    by_name: set[str] = {compare_key(user.username) for user in users} & {key}
    by_id: set[str] = set()
    by_mail = {compare_key(user.username) for user in users if user.email.casefold() == folded}
    if identity := known.memory.identities.get(who):
        by_id.add(compare_key(identity.username))
    for reading in source_bindings(known.mapping, known.tables):
        rules = {ruled.name: ruled for ruled in reading.rules}
        for _, row in rows_in_order(reading.table):
            people = people_in(reading, row)
            if key in people:
                by_name.add(key)
            if reading.part != "users":
                continue
            if any(
                compare_key(text) == key for ruled in reading.who for text in written(ruled, row)
            ):
                by_name |= people or {key}
            if "stable id" in rules and who in given(rules["stable id"], row):
                by_id |= people
            mails = given(rules["email"], row) if "email" in rules else []
            if folded in map(str.casefold, mails):
                by_mail |= people
    found = by_name or by_id or by_mail or {key}
    if len(found) > 1:
        raise UsageError(
            f"{quoted(who)} matches {len(found)} users: {', '.join(sorted(found))}",
            hint="name one of them by username",
        )
    return found


def _renamed(known: Known, keys: set[str]) -> int | None:
    """Return the id of the user who is meant among those whom the plan renames; None for others.

    Where one gets the username that another one gives up, the rows mean the one who gets it.
    """
    moves = known.renamed
    for at in (1, 0):
        for user_id, names in moves.items():
            if compare_key(names[at]) in keys:
                return user_id
    return None


def _other_names(known: Known, user_id: int) -> set[str]:
    """Return the usernames of somebody whom the plan renames, but those that others get."""
    moves = known.renamed
    others = {compare_key(new) for number, (_, new) in moves.items() if number != user_id}
    old, new = map(compare_key, moves[user_id])
    return {new, old} - (others - {new})


def _is_of(change: Change, keys: set[str], renamed: int | None) -> bool:
    if renamed is not None and change.user_id is not None:
        return change.user_id == renamed
    return _touches(change, keys)


def _is_about(reading: SourceBinding, row: Row, keys: set[str]) -> bool:
    if people_in(reading, row) & keys:
        return True
    # A row whose username cannot be used is theirs where just their name stands in it.
    return any(
        compare_key(text) in keys
        for ruled in reading.who
        if not given(ruled, row)
        for text in written(ruled, row)
    )


def _spellings(known: Known) -> Iterator[tuple[str | None, str]]:
    """Yield what the sources and the server call people, each with the username."""
    for one in known.desired.users:
        username = one.username.value
        for known_as in (one.name, one.email):
            yield None if known_as is None else known_as.value, username
        yield username, username
    for user in known.current.users if known.current is not None else ():
        yield from ((name, user.username) for name in (user.name, user.email, user.username))


def _user(known: Known, keys: set[str], renamed: int | None) -> User | None:
    if known.current is None:
        return None
    if renamed is not None:
        return known.current.people.by_id.get(renamed)
    users = [user for user in known.current.users if compare_key(user.username) in keys]
    return users[0] if users else None


def _names(keys: set[str], known: Known, user: User | None) -> tuple[str, ...]:
    names = [user.username] if user is not None else []
    names += [one.username.value for one in known.desired.users if one.key in keys]
    names += [
        one.holder.value
        for one in known.desired.memberships
        if compare_key(one.holder.value) in keys
    ]
    return tuple(dict.fromkeys(names)) or tuple(sorted(keys))


def _touches(change: Change, keys: set[str]) -> bool:
    names = [change.username, change.new_username if isinstance(change, UserChange) else None]
    return any(compare_key(name) in keys for name in names if name is not None)


def _naming(findings: Iterable[Finding], keys: set[str]) -> Iterator[Finding]:
    """Yield the findings that name somebody: as their value, or in a personal parameter."""
    for finding in findings:
        texts = [text for _, personal, text in finding.fact.texts() if personal is not None]
        if any(compare_key(text) in keys for text in (*texts, finding.value or "") if text):
            yield finding


def _held(current: CurrentState | None, user: User | None) -> dict[int, str]:
    if current is None or user is None:
        return {}
    return {
        project: members[user.id]
        for project, members in current.roles.items()
        if user.id in members
    }


def _groups(current: CurrentState | None, user: User | None) -> tuple[str, ...]:
    if current is None or user is None:
        return ()
    return tuple(group.name for group in current.groups_of.get(user.id, ()))


def _access(known: Known, keys: set[str], held: dict[int, str]) -> tuple[Access, ...]:
    index = known.project_index
    found: dict[str, Access] = {}
    for number, role in held.items():
        project, label = index.by_id.get(number), index.label(number)
        names = index.keys_of(project) if project is not None else frozenset()
        found[label] = Access("", label, held=role, unknown=known.leaves_open(keys, names))
    for one in known.desired.memberships:
        if compare_key(one.holder.value) not in keys:
            continue
        fitting = index.fitting(one.target.value)
        label = fitting[0].label if len(fitting) == 1 else as_written(one.target.value)
        there = found.get(label)
        found[label] = Access(
            one.holder.value,
            label,
            one.role.value,
            one.role.origins or one.target.origins,
            there.held if there is not None else None,
        )
    return tuple(found[label] for label in sorted(found))
