"""Find entries by DN: many at once where the server can, one by one where it must be certain.

The last section asks about entries that earlier runs saw and this one does not: are they gone, or
hidden?
"""

import contextlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from pathlib import Path

from kanport.mapping.ldap import LdapGroups, LdapSource, several
from kanport.sources.ldap.attributes import texts
from kanport.sources.ldap.ber import REFERRAL, SUCCESS, Entry
from kanport.sources.ldap.connect import connected
from kanport.sources.ldap.connection import Question
from kanport.sources.ldap.names import both, dn_key, either, escape, is_below
from kanport.sources.ldap.proof import ANY, DN_ATTRIBUTES, AbsenceProof
from kanport.sources.ldap.search import Directory, SourceIncomplete, distinct

MEMBER_OF = "memberOf"
_AT_ONCE = 100


@dataclass(slots=True)
class ResolvedNames:
    """What DNs turned out to be.

    All are by the key that was asked for; the DN of the entry is as the server spells it. `people`
    fit the filter for people and `others` do not, `gone` are proven not to exist. Of all the rest,
    `unreadable`, nobody knows: neither absence nor what they are is proven. An entry of `others`
    that does not show all that the filter looks at is in `unreadable` as well.
    """

    people: dict[str, Entry] = field(default_factory=dict)
    others: dict[str, Entry] = field(default_factory=dict)
    gone: dict[str, str] = field(default_factory=dict)
    unreadable: dict[str, str] = field(default_factory=dict)


class Lookup:
    """Finds entries by DN; `filter_` says which of them are people."""

    def __init__(self, directory: Directory, filter_: str, attributes: tuple[str, ...]) -> None:
        # Referrals on the way to a single entry hide nobody of the source.
        self._directory = directory.without_counting()
        self._filter = filter_
        # Without its class, nobody can say of an entry what it is.
        self._attributes = tuple(
            {name.lower(): name for name in (*attributes, "objectClass")}.values()
        )
        self.proof = AbsenceProof(directory)

    def find(self, dns: Mapping[str, str]) -> ResolvedNames:
        """Find entries by DN, given by key."""
        found = ResolvedNames()
        found.people.update(self._many(dns, self._filter))
        left = {key: dn for key, dn in dns.items() if key not in found.people}
        found.others.update(self._many(left, ANY))
        for key, dn in left.items():
            if key not in found.others:
                self._one(key, dn, found)
        others = {key: entry.dn for key, entry in found.others.items()}
        judged = self.proof.judged(others, self._filter)
        for key, entry in found.others.items():
            if key not in judged or not entry.attributes.get("objectclass"):
                found.unreadable[key] = entry.dn
        return found

    def where(
        self, condition: str, near: str, otherwise: Sequence[str]
    ) -> tuple[dict[str, Entry], bool]:
        """Return the people for whom a condition holds, and whether the whole tree was searched.

        The tree is that which the DN `near` is in. Where it cannot be searched as a whole, only
        what lies below the bases `otherwise` is.
        """
        context = self.proof.context_of(near)
        filter_ = both(self._filter, condition)
        if context is not None:
            # A login may well be allowed to search below its root, and not from it.
            with contextlib.suppress(SourceIncomplete):
                return self._below(context, filter_), True
        found: dict[str, Entry] = {}
        for base in otherwise:
            found |= self._below(base, filter_)
        return found, False

    def _many(self, dns: Mapping[str, str], filter_: str) -> Iterator[tuple[str, Entry]]:
        """Find what can be found many at once; what does not come is not proven to be missing."""
        by_context: dict[str, list[str]] = {}
        for dn in dns.values():
            if (context := self.proof.context_of(dn)) is not None:
                by_context.setdefault(context, []).append(dn)
        for context, those in by_context.items():
            for at in range(0, len(those), _AT_ONCE):
                wanted = either(DN_ATTRIBUTES, those[at : at + _AT_ONCE])
                try:
                    found = self._below(context, both(filter_, wanted))
                except SourceIncomplete:
                    # One by one they may be had all the same; a connection that broke tells so.
                    break
                yield from ((key, entry) for key, entry in found.items() if key in dns)

    def _below(self, base: str, filter_: str) -> dict[str, Entry]:
        question = Question(base, "subtree", filter_, self._attributes)
        return dict(distinct(self._directory.search(question)))

    def _one(self, key: str, dn: str, found: ResolvedNames) -> None:
        person, end = self._directory.look(dn, self._attributes, self._filter)
        if person is not None:
            found.people[key] = person
            return
        if end.code == SUCCESS:
            other, end = self._directory.look(dn, self._attributes, ANY)
            if other is not None:
                found.others[key] = other
                return
        if self.proof.gone(dn, end):
            found.gone[key] = dn
        else:
            found.unreadable[key] = dn


# --- entries of earlier runs ----------------------------------------------------------------------


def unproven(
    name: str,
    spec: LdapSource,
    people: Iterable[str],
    groups: Iterable[str],
    *,
    there: Set[str],
    base: Path,
    environ: Mapping[str, str],
    elsewhere: bool = False,
) -> frozenset[str]:
    """Return the DNs of which the directory does not prove why the source lacks them.

    Proof is that there is no such entry, or that it does not fit the filter of the source; with
    `elsewhere` also that another server has it now. `there` are the keys of the entries that the
    source has, `base` is the folder of the mapping. Raises as `kanport.sources.ldap.read_ldap`.
    """
    with connected(name, spec, base=base, environ=environ) as (connection, _):
        directory = Directory(connection, spec.page_size)
        # Who is in no group any more is in no row, and still among the people.
        bases = spec.bases if spec.groups is None else ()
        found = _unproven(directory, spec.filter, people, there, bases, spec.scope)
        if spec.groups is not None:
            # Where the mapping names groups, the others are left out on purpose.
            bases = () if spec.groups.names else several(spec.groups.base)
            scope = spec.groups.scope
            found |= _unproven(directory, spec.groups.filter, groups, there, bases, scope)
        if elsewhere:
            aside = directory.without_counting()
            found = frozenset(dn for dn in found if not _is_elsewhere(aside, dn))
    return found


def undetermined(
    name: str,
    spec: LdapSource,
    people: Iterable[str],
    groups: Mapping[str, Collection[str]],
    *,
    base: Path,
    environ: Mapping[str, str],
) -> dict[str, frozenset[str]]:
    """Return in which groups somebody may be who is not listed there, by the DN of the person.

    A server may hide single values of a list, or of `memberOf` (in OpenLDAP: an ACL with `val`).
    Such a value is neither there nor absent in a filter. `people` are DNs, `groups` the DNs of
    groups with those of the groups in them, `base` is the folder of the mapping. Raises as
    `kanport.sources.ldap.read_ldap`.
    """
    wanted = spec.groups
    if wanted is None:
        return {}
    may_be_in = _may_be_in if wanted.by_member_of else _may_list
    with connected(name, spec, base=base, environ=environ) as (connection, _):
        directory = Directory(connection, spec.page_size)
        proof = AbsenceProof(directory)
        if proof.is_active_directory:
            return {}
        found = {dn: may_be_in(directory, proof, wanted, dn, groups) for dn in people}
        return {dn: doubtful for dn, doubtful in found.items() if doubtful}


def _may_list(
    directory: Directory,
    proof: AbsenceProof,
    wanted: LdapGroups,
    person: str,
    groups: Mapping[str, Collection[str]],
) -> frozenset[str]:
    """Return the groups that may list a person, or a group with this person in it."""
    names = [one for one in wanted.member_attributes if proof.knows(one)]
    by_dn = [one for one in names if one.lower() != "memberuid"]
    holders = [person]
    if by_dn and wanted.nested == "walk":
        holders += _groups_of(directory, proof, by_dn, person, wanted.depth)
    listings = [(attribute, dn) for dn in holders for attribute in by_dn]
    for attribute in set(names) - set(by_dn):
        listings += [(attribute, login) for login in _values(directory, person, wanted.login)]
    if not listings:
        return frozenset()
    decisive = both(*(_decides(attribute, value) for attribute, value in listings))
    certain: set[str] = set()
    for below in several(wanted.base):
        question = Question(below, wanted.scope, both(wanted.filter, decisive), ())
        certain |= {dn_key(entry.dn) for entry in directory.search(question)}
    inner = {dn_key(dn): dn for dns in groups.values() for dn in dns}
    left = {key: dn for key, dn in inner.items() if key not in certain}
    if left:
        certain |= proof.holding(left, decisive)
    return frozenset(
        dn for dn, within in groups.items() if not certain.issuperset(map(dn_key, (dn, *within)))
    )


def _may_be_in(
    directory: Directory,
    proof: AbsenceProof,
    wanted: LdapGroups,
    person: str,
    groups: Mapping[str, Collection[str]],
) -> frozenset[str]:
    """Return the groups that a person may be in, or a group of this person, by `memberOf`."""
    if proof.gone(person):
        return frozenset()
    holders = {person: None}
    level = [person] if wanted.nested == "walk" else []
    for _ in range(wanted.depth):
        above = dict.fromkeys(
            group for one in level for group in _values(directory, one, MEMBER_OF)
        )
        level = [group for group in above if group not in holders]
        holders |= above
    every = list(dict.fromkeys(one for dn, within in groups.items() for one in (dn, *within)))
    unclear = {
        one
        for holder in holders
        for at in range(0, len(every), _AT_ONCE)
        for one in _undecided(directory, holder, every[at : at + _AT_ONCE])
    }
    return frozenset(dn for dn, within in groups.items() if unclear.intersection((dn, *within)))


def _undecided(directory: Directory, holder: str, groups: Sequence[str]) -> Sequence[str]:
    """Return the groups of which an entry does not show whether it is in them."""
    decisive = both(*(_decides(MEMBER_OF, one) for one in groups))
    if directory.look(holder, (), decisive)[0] is not None:
        return ()
    if len(groups) == 1:
        return groups
    return [one for group in groups for one in _undecided(directory, holder, [group])]


def _decides(attribute: str, value: str) -> str:
    """Return a filter that is true where the server says whether an entry has a value."""
    has = f"({attribute}={escape(value)})"
    return f"(|{has}(!{has}))"


def _groups_of(
    directory: Directory, proof: AbsenceProof, attributes: Iterable[str], person: str, depth: int
) -> list[str]:
    """Return the DNs of the groups that list somebody, and of those that list these groups."""
    context = proof.context_of(person)
    found: dict[str, str] = {}
    level = [person]
    while level and context is not None and depth > 0:
        question = Question(context, "subtree", either(attributes, level), ())
        met = {dn_key(entry.dn): entry.dn for entry in directory.search(question)}
        level = [dn for key, dn in met.items() if key not in found]
        found |= met
        depth -= 1
    return [*found.values()]


def _values(directory: Directory, dn: str, attribute: str) -> list[str]:
    try:
        entry = directory.read(dn, (attribute,), ANY)
    except KeyError:
        return []
    return texts(entry.attributes.get(attribute.lower(), [])) if entry is not None else []


def _is_elsewhere(directory: Directory, dn: str) -> bool:
    try:
        _, end = directory.look(dn, (), ANY)
    except SourceIncomplete:
        return False
    return end.code == REFERRAL


def _unproven(
    directory: Directory,
    filter_: str,
    dns: Iterable[str],
    there: Set[str],
    bases: Iterable[str],
    scope: str,
) -> frozenset[str]:
    """Return the DNs of entries that are neither gone nor proven not to be what is looked for.

    Below `bases` the source should have met an entry that fits.
    """
    asked = {dn_key(dn): dn for dn in dns}
    if not asked:
        return frozenset()
    found = Lookup(directory, filter_, ()).find(asked)
    below = [dn_key(base) for base in bases] if scope == "subtree" else []
    fitting = {key: dn_key(entry.dn) for key, entry in found.people.items()}
    met = {
        key
        for key, own in fitting.items()
        # The server may have spelled its DN otherwise the last time.
        if own not in there and any(is_below(own, one) for one in below)
    }
    return frozenset(asked[key] for key in asked if key in found.unreadable or key in met)
