"""Which groups the rows want, and who is to be in them."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from kanport.facts import Fact, fact
from kanport.mapping import LoadedMapping
from kanport.mapping.spec import Groups, Rule
from kanport.model import About, DesiredGroup, DesiredRelation, Given, Pair
from kanport.names import case_key, compare_key
from kanport.normalize.bound import Context, bind
from kanport.normalize.listed import CONTEXT, GROUPS, listed_groups
from kanport.normalize.notes import Notes, shown
from kanport.normalize.rows import RowId, rows_in_order
from kanport.normalize.value import EMPTY, State, Value, read_one, read_several
from kanport.origin import Origin, in_place_order, place_order
from kanport.rules import username_problem
from kanport.table import DirectoryEntry, Scope, Table

NAME_MAX = 191
"""Code points that MariaDB holds of a group's name; SQLite and PostgreSQL take more."""


@dataclass(frozen=True, slots=True)
class GroupRow:
    """What one row says of groups: their names, an external id, and who is in them.

    `listing` is True where the row belongs to a rule that says who is in its groups, `listed` where
    it stands for a list in the mapping. `entry` is the entry of a directory that it is about. Such
    a row is `aside` where that is no user, `withheld` where it may be one, and `unlisted` where no
    source of users has it.
    """

    id: RowId
    origin: Origin
    names: tuple[Value, ...]
    external_id: Value
    members: tuple[Value, ...]
    listing: bool
    listed: bool = False
    entry: DirectoryEntry | None = None
    aside: bool = False
    withheld: bool = False
    unlisted: bool = False


JudgeRow = Callable[[GroupRow], GroupRow]


class GroupsRead(NamedTuple):
    """What all rows say of groups, and the groups that sources name besides their rows.

    `scopes` are those of directories, with whether somebody in them is not known.
    """

    rows: tuple[GroupRow, ...]
    scopes: tuple[tuple[Value, bool, bool], ...]


class GroupsWanted(NamedTuple):
    """The groups and members that usable rows want, and what the others leave open."""

    groups: tuple[DesiredGroup, ...]
    members: tuple[DesiredRelation, ...]
    open: frozenset[Pair]


def name_problem(text: str) -> Fact | None:
    """Say why this cannot be the name of a group: Kanboard would take any text.

    >>> name_problem("Engineers"), name_problem("x" * 192).code
    (None, 'group-name-odd')
    """
    if len(text) <= NAME_MAX:
        return None
    return fact("group-name-odd", case="group", limit=NAME_MAX)


def read_groups(
    mapping: LoadedMapping,
    tables: Mapping[str, Table],
    shared: Mapping[str, Context],
    judges: Callable[[Rule | None, Table, Context], JudgeRow],
    notes: Notes,
    bad: set[RowId],
) -> GroupsRead:
    """Give what the rows, and the mapping's own lists, say of groups.

    Ids of rows that cannot be used go into `bad`. `judges` gives, for the rule that reads members
    of a source, what tells of a row which of them count.
    """
    rows: list[GroupRow] = []
    scopes: list[tuple[Value, bool, bool]] = []
    for number, rule in enumerate(mapping.spec.groups):
        if rule.list is not None:
            table, complete = listed_groups(mapping, number)
            found = _rows(GROUPS, table, CONTEXT, notes, bad, start=f"list {number}")
            rows += [row if row.names[0].text in complete else _not_listing(row) for row in found]
        elif rule.from_ is not None:
            table, context = tables[rule.from_], shared[rule.from_]
            judge = judges(rule.member, table, context)
            rows += map(judge, _rows(rule, table, context, notes, bad))
            scopes += _scopes(rule, table.scopes, context, notes)
    return GroupsRead(tuple(rows), tuple(scopes))


def _not_listing(row: GroupRow) -> GroupRow:
    return replace(row, listing=False)


def _rows(
    rule: Groups,
    table: Table,
    context: Context,
    notes: Notes,
    bad: set[RowId],
    *,
    start: str | None = None,
) -> Iterator[GroupRow]:
    assert rule.name is not None  # noqa: S101 - the model sees to it
    name = bind(rule.name, "group", context, check=name_problem, names=True)
    member = external = None
    if rule.member is not None:
        member = bind(rule.member, "member", context, check=username_problem, names=True)
    if rule.external_id is not None:
        external = bind(rule.external_id, "external id", context, clearable=True, names=True)
    for row_id, row in rows_in_order(table):
        own_id = row_id if start is None else (start, row_id[1])
        names = read_several(name, row, notes) if name is not None else [EMPTY]
        members = read_several(member, row, notes) if member is not None else [EMPTY]
        given = read_one(external, row, notes) if external is not None else EMPTY
        said = given.state is not State.EMPTY or any(m.state is not State.EMPTY for m in members)
        if names[0].state is State.EMPTY:
            # Where a pattern picks the groups out of many values, having none is nothing odd.
            if not said or name is None or name.each or not name.columns or member is not None:
                continue
            notes.add("value-required", names[0].place(row.origin), case="group")
            bad.add(own_id)
        if any(value.state is State.BAD for value in (*names, given, *members)):
            bad.add(own_id)
        several = len([one for one in names if one.state is State.GIVEN]) > 1
        if several and given.state in (State.GIVEN, State.CLEAR):
            notes.add("value-not-single", given.place(row.origin), case="external-id")
            bad.add(own_id)
        yield GroupRow(
            own_id,
            row.origin,
            tuple(names),
            given,
            tuple(members),
            listing=rule.member is not None,
            listed=start is not None,
            entry=row.entry,
        )


def _scopes(
    rule: Groups, scopes: Iterable[Scope], context: Context, notes: Notes
) -> Iterator[tuple[Value, bool, bool]]:
    """Give the groups of a directory, also those without members, and whether all are known."""
    assert rule.name is not None  # noqa: S101 - the model sees to it
    name = bind(rule.name, "group", context, check=name_problem)
    for scope in scopes:
        for value in read_several(name, scope.row, notes) if name is not None else ():
            if value.state is not State.EMPTY:
                placed = value if value.origins else value._replace(origins=(scope.row.origin,))
                yield placed, scope.open, rule.member is not None


def refuse_differing(read: GroupsRead, notes: Notes) -> set[RowId]:
    """Find rows that contradict other rows about a group, or have a hole; give their ids.

    A group may stand alone in a row, without anybody in it; beside rows that name members, such a
    row has lost its member, and nobody knows whom it meant.
    """
    bad = _refuse_clashes(read, notes)
    for rows in _by_group(read.rows).values():
        of_files = [row for row in rows if row.listing and not (row.listed or row.aside)]
        empty = [row for row in of_files if row.members[0].state is State.EMPTY]
        for row in empty if len(empty) < len(of_files) else ():
            notes.add("username-empty", row.members[0].place(row.origin), case="group")
            bad.add(row.id)
        given = [row for row in rows if row.external_id.state in (State.GIVEN, State.CLEAR)]
        ids = sorted({row.external_id.text for row in given})
        if len(ids) > 1:
            places = in_place_order(row.external_id.origins[0] for row in given)
            notes.add(
                "group-differs",
                places[0],
                case="external-id",
                related=places[1:],
                group=shown(rows[0].names[0].text),
                ids=tuple(map(shown, ids)),
            )
            bad.update(row.id for row in given)
    return bad


def _refuse_clashes(read: GroupsRead, notes: Notes) -> set[RowId]:
    """Find groups of directories whose names are one to Kanboard; give the ids of their rows."""
    spelled: dict[str, dict[str, list[tuple[str, Origin]]]] = {}
    named = [
        (value, value.origins[:1] or (row.origin,)) for row in read.rows for value in row.names
    ]
    named += [(value, value.origins) for value, _, _ in read.scopes]
    for value, places in named:
        if value.state is State.GIVEN and places[0].dn is not None:
            by_case = spelled.setdefault(compare_key(value.text), {})
            by_case.setdefault(case_key(value.text), []).append((value.text, places[0]))
    clashing = {key: by_case for key, by_case in spelled.items() if len(by_case) > 1}
    for by_case in clashing.values():
        names = sorted({text for several in by_case.values() for text, _ in several})
        origins = in_place_order(place for several in by_case.values() for _, place in several)
        notes.add(
            "group-clash",
            origins[0],
            value=shown(names[0]),
            related=origins[1:],
            names=tuple(map(shown, names)),
        )
    return {
        row.id
        for row in read.rows
        for value in row.names
        if value.state is State.GIVEN and compare_key(value.text) in clashing
    }


def groups_wanted(
    read: GroupsRead, *, bad: Collection[RowId], in_doubt: Collection[str], partial: bool
) -> GroupsWanted:
    """Give the groups and their members that usable rows want, and what the others leave open.

    People `in_doubt` neither join nor leave a group. `partial` says that a source was not read to
    its end, so that it is no evidence of anything that it lacks.
    """
    open_rows = [row for row in read.rows if (row.id in bad and not row.aside) or _is_hidden(row)]
    is_open = {pair for row in open_rows for pair in group_pairs(row)}
    is_open.update((key, None) for key in in_doubt)
    for value, incomplete, _ in read.scopes:
        if value.state in (State.BAD, State.UNKNOWN):
            is_open.add((None, None))
        elif incomplete:
            is_open.add((None, compare_key(value.text)))
    if partial:
        is_open.add((None, None))
    usable = [row for row in read.rows if row.id not in bad]
    names: dict[str, list[tuple[Origin, str]]] = {}
    listing: set[str] = set()
    for key, rows in _by_group(usable).items():
        for row in rows:
            names.setdefault(key, []).extend(
                (place, value.text)
                for value in row.names
                if value.state is State.GIVEN and compare_key(value.text) == key
                for place in value.origins[:1] or (row.origin,)
            )
            listing.update([key] if row.listing else [])
    for value, _, lists_members in read.scopes:
        if value.state is State.GIVEN:
            key = compare_key(value.text)
            names.setdefault(key, []).append((value.origins[0], value.text))
            listing.update([key] if lists_members else [])
    ids = _external_ids(usable)
    groups = []
    for key, spellings in sorted(names.items()):
        place, name = min(spellings, key=lambda spelled: (place_order(spelled[0]), spelled[1]))
        groups.append(DesiredGroup(Given(name, (place,)), ids.get(key), key in listing))
    clear = [row for row in usable if not row.withheld]
    members = _members(clear, {group.key: group.name.value for group in groups}, is_open)
    # Who may be meant by such a row stays as they are, and what other rows say of them stands.
    is_open.update(pair for row in usable if row.withheld for pair in group_pairs(row))
    return GroupsWanted(tuple(groups), members, frozenset(is_open))


def _members(
    rows: Iterable[GroupRow], names: Mapping[str, str], is_open: Collection[Pair]
) -> tuple[DesiredRelation, ...]:
    found: dict[tuple[str, str], list[tuple[Origin, str]]] = {}
    described: set[tuple[str, str]] = set()
    for row in rows:
        for member in row.members:
            if member.state is not State.GIVEN:
                continue
            place = member.place(row.origin)
            for group in row.names:
                pair = compare_key(member.text), compare_key(group.text)
                # Whoever is in doubt neither joins nor leaves.
                if pair not in is_open and (pair[0], None) not in is_open:
                    found.setdefault(pair, []).append((place, member.text))
                    described.update([] if row.unlisted else [pair])
    members = []
    for pair, named in sorted(found.items()):
        places = in_place_order(place for place, _ in named)
        _, who = min(named, key=lambda one: (place_order(one[0]), one[1]))
        name = Given(names[pair[1]])
        holder = Given(who, places)
        unlisted = pair not in described
        members.append(DesiredRelation(About.GROUP_MEMBER, holder, name, unlisted=unlisted))
    return tuple(members)


def _external_ids(rows: Iterable[GroupRow]) -> dict[str, Given[str]]:
    found: dict[str, Given[str]] = {}
    for key, several in _by_group(rows).items():
        told = (State.GIVEN, State.CLEAR)
        said = [r.external_id for r in several if r.external_id.state in told]
        if said:
            places = in_place_order(place for value in said for place in value.origins)
            found[key] = Given(said[0].text, places)
    return found


def _by_group(rows: Iterable[GroupRow]) -> dict[str, list[GroupRow]]:
    found: dict[str, list[GroupRow]] = {}
    for row in rows:
        for value in row.names:
            if value.state is State.GIVEN:
                found.setdefault(compare_key(value.text), []).append(row)
    return found


def group_pairs(row: GroupRow) -> Iterator[Pair]:
    """Give what a row that cannot be used leaves open: whom it names, in which groups."""
    for who in _keys(row.members):
        for group in _keys(row.names):
            yield who, group


def _is_hidden(row: GroupRow) -> bool:
    return any(value.state is State.UNKNOWN for value in (*row.names, *row.members))


def _keys(values: Sequence[Value]) -> set[str | None]:
    keys = {compare_key(v.text) if v.state is State.GIVEN else None for v in values}
    return keys or {None}
