"""Because of which rows, entries and sources something is unknown; see `kanport.model.Blocker`."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from kanport.findings import Finding
from kanport.model import About, Blocker
from kanport.names import compare_key, spelling_key
from kanport.normalize.group_access import AccessRow, access_pairs
from kanport.normalize.groups import GroupsRead, group_pairs
from kanport.normalize.memberships import ScopesRead
from kanport.normalize.rows import MemberRow, RowId, UserRow
from kanport.normalize.value import State
from kanport.origin import Origin


def row_blockers(
    user_rows: Mapping[str, list[UserRow]],
    member_rows: Iterable[MemberRow],
    groups: GroupsRead,
    access: Iterable[AccessRow],
    bad: Collection[RowId],
) -> Iterator[Blocker]:
    """Yield a blocker for whatever a row that cannot be used, or not for sure, leaves open."""
    for rows in user_rows.values():
        for row in rows:
            if row.id in bad:
                given = row.username.state is State.GIVEN
                key = compare_key(row.username.text) if given else None
                yield Blocker("row", key, row.origin)
                if key is not None and row.stable_id and row.stable_id.state is not State.GIVEN:
                    # Without its id, the row may mean anybody under a new username.
                    yield Blocker("row", None, row.origin)
    for member in member_rows:
        yield from _of_member(member, unusable=member.id in bad)
    for group in groups.rows:
        hidden = any(v.state is State.UNKNOWN for v in (*group.names, *group.members))
        if (group.id in bad and not group.aside) or hidden or group.withheld:
            for who, what in group_pairs(group):
                yield Blocker("row", who, group.origin, About.GROUP_MEMBER, what)
    for value, incomplete, _ in groups.scopes:
        odd = value.state in (State.BAD, State.UNKNOWN)
        if (odd or incomplete) and value.origins:
            what = None if odd else compare_key(value.text)
            yield Blocker("group", None, value.origins[0], About.GROUP_MEMBER, what)
    for one in access:
        values = (*one.groups, *(value for ask in one.asks for value in ask))
        if one.id in bad or any(value.state is State.UNKNOWN for value in values):
            for who, what in access_pairs(one):
                yield Blocker("row", who, one.origin, About.GROUP_ACCESS, what)


def _of_member(row: MemberRow, *, unusable: bool) -> Iterator[Blocker]:
    given = row.username.state is State.GIVEN
    who = compare_key(row.username.text) if given else None
    hidden = any(State.UNKNOWN in (ask.role.state, ask.project.state) for ask in row.asks)
    if not (unusable or row.withheld or hidden):
        return
    if who is None:
        yield Blocker("row", None, row.origin)
    for ask in row.asks:
        if ask.project.state is State.GIVEN:
            yield Blocker("row", who, row.origin, About.MEMBERSHIP, spelling_key(ask.project.text))
    if row.open or any(ask.project.state is State.UNKNOWN for ask in row.asks):
        yield Blocker("row", who, row.origin, About.MEMBERSHIP)


def scope_blockers(scopes: Iterable[ScopesRead]) -> Iterator[Blocker]:
    """Yield a blocker for each group of a directory whose members are not all known."""
    for scope in scopes:
        for what, origin in scope.unread:
            yield Blocker("group", None, origin, About.MEMBERSHIP, what)


def source_blockers(source: str, broken: Iterable[Finding]) -> Iterator[Blocker]:
    """Yield the blockers of a source that was not read to its end, by what was `broken`."""
    found = [Blocker("source", None, one.origin or Origin(source)) for one in broken]
    yield from found or [Blocker("source", None, Origin(source))]


def of_row(blocker: Blocker) -> Blocker:
    """Return the blocker with the row as its place, whatever the column."""
    origin = replace(blocker.origin, column=None, position=None, cell=None, attribute=None)
    return blocker._replace(origin=origin)
