"""Whom rows could name that are no rows of their list: headers in the middle, and totals.

Such a row asks for nothing and names nobody. It may be somebody's row all the same, taken for a
total by mistake: who is called so is unknown, and never missing because of that.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from kanport.mapping.spec import MappingFile
from kanport.model import About, Blocker, Pair
from kanport.names import compare_key, spelling_key
from kanport.normalize.bound import BoundRule, Context, bind
from kanport.normalize.notes import Notes
from kanport.normalize.users import bind_id, bind_username
from kanport.normalize.value import State, read_several, written
from kanport.table import Row, Table


@dataclass(slots=True)
class Strays:
    """What such rows leave open, as in `kanport.model.Unknown`.

    A cell that cannot be read may hold any name, so its row may be about anybody (`everybody`).
    """

    people: set[str] = field(default_factory=set)
    everybody: bool = False
    ids: set[tuple[str, str]] = field(default_factory=set)
    memberships: set[Pair] = field(default_factory=set)
    group_members: set[Pair] = field(default_factory=set)
    group_access: set[Pair] = field(default_factory=set)
    because: set[Blocker] = field(default_factory=set)


def read_strays(
    spec: MappingFile, tables: Mapping[str, Table], shared: Mapping[str, Context]
) -> Strays:
    """Return what rows leave open that are no rows of their list."""
    found = Strays()
    if spec.users is not None:
        for name in spec.users.sources:
            table, context = tables[name], shared[name]
            username = bind_username(spec.users.fields.username, context)
            stable_id = bind_id(spec.users.id, table, context)
            for row in table.strays:
                _read_user(username, stable_id, row, found)
    for membership in spec.memberships:
        username = bind_username(membership.username, shared[membership.from_])
        for row in tables[membership.from_].strays:
            for who in _named(username, row):
                found.memberships.add((who, None))
                found.because.add(Blocker("row", who, row.origin, About.MEMBERSHIP))
    for groups in spec.groups:
        if groups.from_ is None or groups.name is None:
            continue
        context = shared[groups.from_]
        group = bind(groups.name, "group", context, names=True)
        member = None
        if groups.member is not None:
            member = bind(groups.member, "member", context, names=True)
        for row in tables[groups.from_].strays:
            pairs: set[Pair] = {(None, key) for key in _named(group, row)}
            pairs.update((key, None) for key in _named(member, row))
            found.group_members.update(pairs)
            found.because.update(
                Blocker("row", who, row.origin, About.GROUP_MEMBER, what) for who, what in pairs
            )
    for access in spec.group_access:
        if access.from_ is None or access.group is None or access.project is None:
            continue
        context = shared[access.from_]
        group = bind(access.group, "group", context, names=True)
        project = bind(access.project, "project", context, names=True)
        for row in tables[access.from_].strays:
            for key in _named(group, row):
                for where in _named(project, row, spelling_key) or {None}:
                    found.group_access.add((key, where))
                    found.because.add(Blocker("row", key, row.origin, About.GROUP_ACCESS, where))
    return found


def _read_user(username: BoundRule, stable_id: BoundRule | None, row: Row, found: Strays) -> None:
    names = _named(username, row)
    ids = _given(stable_id, row) if stable_id is not None else []
    for key in names:
        found.because.add(Blocker("row", key, row.origin))
        if key is None:
            found.everybody = True
        else:
            found.people.add(key)
            found.ids.update((key, text) for text in ids)


def _named(
    rule: BoundRule | None, row: Row, key_of: Callable[[str], str] = compare_key
) -> set[str | None]:
    """Return the keys of the names that a row gives; None where its cell cannot be read."""
    if rule is None:
        return set()
    if written(rule, row) is State.BAD:
        return {None}
    return {key_of(text) for text in _given(rule, row)}


def _given(rule: BoundRule, row: Row) -> list[str]:
    return [v.text for v in read_several(rule, row, Notes()) if v.state is State.GIVEN]
