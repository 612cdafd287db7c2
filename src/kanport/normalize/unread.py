"""Whom a directory does not show: as far as their names are known, they are unknown, never gone."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from kanport.mapping.spec import MappingFile
from kanport.model import About, Blocker, Pair
from kanport.names import compare_key
from kanport.normalize.bound import BoundRule, Context, bind
from kanport.normalize.notes import Notes
from kanport.normalize.users import bind_id, bind_username
from kanport.normalize.value import State, read_one
from kanport.rules import username_problem
from kanport.table import Row, Table, Unread


@dataclass(slots=True)
class UnreadPeople:
    """What entries that are not shown leave open, as in `kanport.model.Unknown`."""

    hidden: set[str] = field(default_factory=set)
    ids: set[tuple[str, str]] = field(default_factory=set)
    nameless: set[str] = field(default_factory=set)
    memberships: set[Pair] = field(default_factory=set)
    group_members: set[Pair] = field(default_factory=set)
    because: set[Blocker] = field(default_factory=set)


def nameless_aside(
    spec: MappingFile,
    tables: Mapping[str, Table],
    shared: Mapping[str, Context],
    notes: Notes,
) -> dict[str, Table]:
    """Return the tables without the rows whose username may only be hidden: these are `unread`.

    Such a row tells no more of a person than an entry that is not shown at all: what its DN says.
    It is no invalid row, which would stop everybody else's changes.
    """
    found = dict(tables)
    for name, rule, _ in _rules(spec, shared, UnreadPeople()):
        table = found[name]
        odd = {number for column in rule.columns for number in table.odd.get(column, ())}
        hidden = {
            number: row
            for number, row in ((number, table.row(number)) for number in sorted(odd))
            if read_one(rule, row, Notes()).state is State.UNKNOWN
        }
        if not hidden:
            continue
        for row in hidden.values():
            read_one(rule, row, notes)
        found[name] = replace(
            table.with_rows(row for number, row in enumerate(table.rows) if number not in hidden),
            unread=(*table.unread, *(Unread(_told_by_dn(row)) for row in hidden.values())),
        )
    return found


def _told_by_dn(row: Row) -> Row:
    """Return a row with the cells that are hidden, but that the DN of its entry tells."""
    rdn = row.entry.rdn if row.entry is not None else {}
    told = {column: rdn[column.lower()] for column in row.odd if column.lower() in rdn}
    odd = {column: why for column, why in row.odd.items() if column not in told}
    return replace(row, values={**row.values, **told}, odd=odd)


def unread_people(
    spec: MappingFile, tables: Mapping[str, Table], shared: Mapping[str, Context]
) -> UnreadPeople:
    """Return what is unknown because directories do not show entries, or who is in which group."""
    found = UnreadPeople()
    # What the rest of such a row lacks is no news: the source has told of the entry.
    notes = Notes()
    ids = {
        source: bind_id(spec.users.id, tables[source], shared[source])
        for source in (spec.users.sources if spec.users is not None else ())
        if spec.users is not None
    }
    for name, rule, pairs in _rules(spec, shared, found):
        for unread in tables[name].unread:
            who = read_one(rule, unread.row, notes)
            key = compare_key(who.text) if who.state is State.GIVEN else None
            if key is not None or not unread.absent:
                pairs.add((key, None))
            about = About.USER
            if not unread.absent:
                of_projects = pairs is found.memberships
                about = About.MEMBERSHIP if of_projects else About.GROUP_MEMBER
            found.because.add(Blocker("entry", key, unread.row.origin, about))
            if unread.absent and key is not None:
                found.hidden.add(key)
            elif unread.absent:
                found.nameless.add(unread.row.origin.dn or "")
            id_rule = ids.get(name)
            known_as = read_one(id_rule, unread.row, notes) if id_rule is not None else None
            if known_as is not None and known_as.state is State.GIVEN:
                found.ids.add((key or "", known_as.text))
    return found


def _rules(
    spec: MappingFile, shared: Mapping[str, Context], found: UnreadPeople
) -> Iterator[tuple[str, BoundRule, set[Pair]]]:
    """Return the rules that read usernames, each with its source and what it leaves open."""
    if spec.users is not None:
        for source in spec.users.sources:
            rule = bind_username(spec.users.fields.username, shared[source])
            yield source, rule, found.memberships
    for membership in spec.memberships:
        rule = bind_username(membership.username, shared[membership.from_])
        yield membership.from_, rule, found.memberships
    for group in spec.groups:
        if group.from_ is not None and group.member is not None:
            context = shared[group.from_]
            member = bind(group.member, "member", context, check=username_problem, names=True)
            if member is not None:
                yield group.from_, member, found.group_members
