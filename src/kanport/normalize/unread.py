"""What is uncertain although no row of a list says so.

Whom a directory does not show is unknown as far as their names are known, never gone. A row that is
no row of its list, such as a header in the middle or a total, asks for nothing and names nobody. It
may be somebody's row all the same, taken for a total by mistake: who is called so is unknown, too.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from kanport.mapping.rules import Rule
from kanport.mapping.spec import MappingFile
from kanport.model import Blocker, Pair, Unknown
from kanport.names import compare_key
from kanport.normalize.compiled import CompiledRule, Context, compile_rule
from kanport.normalize.notes import Notes
from kanport.normalize.rows import read_one, read_several, written
from kanport.normalize.rules import State
from kanport.normalize.users import compile_id, compile_username
from kanport.relations import OF_USERS, RELATIONS, About
from kanport.rules import username_problem
from kanport.table import Row, Table, Unread


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
    for name, rule, _ in _rules_of_people(spec, shared):
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
            unread=(*table.unread, *(Unread(_named_by_dn(row)) for row in hidden.values())),
        )
    return found


def _named_by_dn(row: Row) -> Row:
    """Return a row with the cells that are hidden, but that the DN of its entry tells."""
    rdn = row.entry.rdn if row.entry is not None else {}
    told = {column: rdn[column.lower()] for column in row.odd if column.lower() in rdn}
    odd = {column: why for column, why in row.odd.items() if column not in told}
    return replace(row, values={**row.values, **told}, odd=odd)


def unread_people(
    spec: MappingFile, tables: Mapping[str, Table], shared: Mapping[str, Context]
) -> Iterator[Unknown]:
    """Yield what is unknown because directories do not show entries, or who is in which group."""
    # What the rest of such a row lacks is no news: the source has told of the entry.
    notes = Notes()
    ids = {
        source: compile_id(spec.users.id, tables[source], shared[source])
        for source in (spec.users.sources if spec.users is not None else ())
        if spec.users is not None
    }
    for name, rule, kind in _rules_of_people(spec, shared):
        for unread in tables[name].unread:
            row = unread.row
            who = read_one(rule, row, notes)
            key = compare_key(who.text) if who.state is State.GIVEN else None
            known_as = [read_one(id_rule, row, notes) for id_rule in (ids.get(name),) if id_rule]
            nameless = unread.absent and key is None
            because = Blocker("entry", key, row.origin, About.USER if unread.absent else kind)
            yield Unknown.of(
                {kind: [] if nameless else [(key, None)]},
                hidden=frozenset([key] if unread.absent and key is not None else []),
                nameless=frozenset([row.origin.dn or ""] if nameless else []),
                ids=frozenset((key or "", v.text) for v in known_as if v.state is State.GIVEN),
                because=frozenset([because]),
            )


def _rules_of_people(
    spec: MappingFile, shared: Mapping[str, Context]
) -> Iterator[tuple[str, CompiledRule, About]]:
    """Yield the rules that read usernames, each with its source and the relation of the people."""
    if spec.users is not None:
        for source in spec.users.sources:
            rule = compile_username(spec.users.fields.username, shared[source])
            yield source, rule, About.MEMBERSHIP
    for membership in spec.memberships:
        rule = compile_username(membership.username, shared[membership.from_])
        yield membership.from_, rule, About.MEMBERSHIP
    for group in spec.groups:
        if group.from_ is not None:
            context = shared[group.from_]
            member = compile_rule(
                group.member, "member", context, check=username_problem, names=True
            )
            if member is not None:
                yield group.from_, member, About.GROUP_MEMBER


def rows_off_list(
    spec: MappingFile, tables: Mapping[str, Table], shared: Mapping[str, Context]
) -> Iterator[Unknown]:
    """Yield what rows leave open that are no rows of their list (`Table.strays`).

    A cell that cannot be read may hold any name, so its row may be about anybody.
    """
    for name in spec.users.sources if spec.users is not None else ():
        assert spec.users is not None  # noqa: S101 - it has sources
        username = compile_username(spec.users.fields.username, shared[name])
        stable_id = compile_id(spec.users.id, tables[name], shared[name])
        for row in tables[name].strays:
            keys = _named(username, row)
            people = frozenset(key for key in keys if key is not None)
            ids = _given(stable_id, row) if stable_id is not None else []
            yield Unknown(
                people,
                everybody=None in keys,
                ids=frozenset((key, text) for key in people for text in ids),
                because=frozenset(Blocker("row", key, row.origin) for key in keys),
            )
    for name, kind, of_holder, of_target in _rules_of_relations(spec):
        holder, target = (
            compile_rule(rule, "name", shared[name], names=True) for rule in (of_holder, of_target)
        )
        if kind is About.MEMBERSHIP and of_holder is not None:
            holder = compile_username(of_holder, shared[name])
        for row in tables[name].strays:
            holders, targets = _named(holder, row), _named(target, row, RELATIONS[kind].key_of)
            pairs: set[Pair] = {(who, None) for who in holders} | {(None, what) for what in targets}
            if kind is About.GROUP_ACCESS:
                pairs = {(who, what) for who in holders for what in targets or {None}}
            because = frozenset(Blocker("row", who, row.origin, kind, what) for who, what in pairs)
            nobody = kind in OF_USERS and None in holders
            unnamed = {(kind, what, row.origin) for what in targets or {None}} if nobody else ()
            yield Unknown.of({kind: pairs}, unnamed=frozenset(unnamed), because=because)


def _rules_of_relations(
    spec: MappingFile,
) -> Iterator[tuple[str, About, Rule | None, Rule | None]]:
    """Yield the rules for holders and targets, each pair with its source.

    Where a row of memberships has no name, it may be about nobody, whatever project it names.
    """
    for rule in spec.memberships:
        yield rule.from_, About.MEMBERSHIP, rule.username, None
    for groups in spec.groups:
        if groups.from_ is not None:
            yield groups.from_, About.GROUP_MEMBER, groups.member, groups.name
    for access in spec.group_access:
        if access.from_ is not None:
            yield access.from_, About.GROUP_ACCESS, access.group, access.project


def _named(
    rule: CompiledRule | None, row: Row, key_of: Callable[[str], str] = compare_key
) -> set[str | None]:
    """Return the keys of the names that a row gives; None where its cell cannot be read."""
    if rule is None:
        return set()
    if written(rule, row) is State.BAD:
        return {None}
    return {key_of(text) for text in _given(rule, row)}


def _given(rule: CompiledRule, row: Row) -> list[str]:
    return [v.text for v in read_several(rule, row, Notes()) if v.state is State.GIVEN]
