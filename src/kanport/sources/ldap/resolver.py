"""Who is in which group: the groups met on the way, the people, and what could not be read.

`GroupResolver` holds what is known while `kanport.sources.ldap.members` asks for more; `reach`
follows groups in groups down without running in circles.
"""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple

from kanport.mapping.ldap import LdapGroups, LdapSource, several
from kanport.sources.ldap.attributes import is_locked
from kanport.sources.ldap.ber import Entry
from kanport.sources.ldap.lookup import Lookup, ResolvedNames
from kanport.sources.ldap.names import dn_key, is_below, is_certain, without_uid
from kanport.sources.ldap.proof import ANY
from kanport.sources.ldap.rows import DirectoryPerson
from kanport.sources.ldap.search import Directory, SourceIncomplete

# --- groups in groups -----------------------------------------------------------------------------


@dataclass(slots=True)
class Node:
    """A group: its entry, and its direct members by the keys of their DNs.

    `unresolved` are members of whom nobody can say who they are; `external` are proven to be none
    of the people, as they are gone or something else. `unreadable` is True where the list of
    members may not be read, `number` names the attribute that tells whose primary group it is where
    that may not be read; `unexpanded` where members are whom a search finds and the server does
    not list them. `logins` are those of the people whom the group lists by login. `twins` are
    people of whom only one is meant, as several have the login that is listed, by the key of each.
    """

    entry: Entry
    people: set[str] = field(default_factory=set)
    logins: set[str] = field(default_factory=set)
    twins: dict[str, frozenset[str]] = field(default_factory=dict)
    groups: set[str] = field(default_factory=set)
    unresolved: list[str] = field(default_factory=list)
    external: list[str] = field(default_factory=list)
    unreadable: bool = False
    number: str = ""
    unexpanded: bool = False


class Reach(NamedTuple):
    """What is reached from a group: people, the groups passed (itself first), and two warnings.

    `logins` are those of the people whom one of the groups lists by login, `twins` as in `Node`.
    """

    people: set[str]
    passed: tuple[str, ...]
    too_deep: bool
    in_cycle: bool
    logins: set[str]
    twins: dict[str, frozenset[str]]


def reach(start: str, nodes: Mapping[str, Node], depth: int) -> Reach:
    """Follow a group down to `depth` levels of groups below it; each group is passed once.

    >>> a = Node(Entry("a", {}), {"ada"}, groups={"b"})
    >>> b = Node(Entry("b", {}), {"bob"}, groups={"a"})
    >>> found = reach("a", {"a": a, "b": b}, 5)
    >>> sorted(found.people), found.in_cycle, found.too_deep
    (['ada', 'bob'], True, False)
    """
    people: set[str] = set()
    logins: set[str] = set()
    twins: dict[str, frozenset[str]] = {}
    passed: dict[str, None] = {start: None}
    level, circle = [start], False
    for _ in range(depth + 1):
        below: list[str] = []
        for key in level:
            node = nodes[key]
            people |= node.people
            logins |= node.logins
            twins |= node.twins
            circle = circle or start in node.groups
            for inner in node.groups:
                if inner not in passed and inner in nodes:
                    passed[inner] = None
                    below.append(inner)
        level = below
        if not level:
            break
    kept = tuple(key for key in passed if key not in set(level))
    twins = {key: several for key, several in twins.items() if key not in people}
    return Reach(people, kept, bool(level), circle, logins, twins)


# --- what is known --------------------------------------------------------------------------------


@dataclass(slots=True)
class GroupResolver:
    """The groups that were asked about and all that were met in them, and everybody known so far.

    People who are found elsewhere than in the search for people are added to `people`.
    `now` is when accounts are judged to be expired. `unreadable_groups` may lie in any group, and
    cannot be read: because of them nothing is certain. `ungrouped` are the keys of people of whom
    it is not known which groups they are in, by the attribute that may only be hidden.
    """

    directory: Directory
    spec: LdapSource
    groups: LdapGroups
    people: dict[str, DirectoryPerson]
    make: Callable[[Entry], DirectoryPerson]
    lookup: Lookup
    now: datetime
    nodes: dict[str, Node] = field(default_factory=dict)
    unreadable_groups: list[str] = field(default_factory=list)
    ungrouped: dict[str, set[str]] = field(default_factory=dict)
    _keys: dict[bytes, str] = field(default_factory=dict)
    _same: dict[str, str] = field(default_factory=dict)
    _bases: tuple[str, ...] | None = None

    def add_group(self, entry: Entry) -> str:
        """Add a group; give its key."""
        key = dn_key(entry.dn)
        self.nodes.setdefault(key, Node(entry))
        return key

    def add_person(self, entry: Entry) -> DirectoryPerson:
        """Add somebody who was found elsewhere; whoever lies outside the base is marked so."""
        person = self.make(entry)
        if person.key not in self.people:
            if not self.is_inside(person.key):
                locked = is_locked(entry.attributes, self.now)
                person = replace(person, outside=True, locked=locked)
            self.people[person.key] = person
        return self.people[person.key]

    def key_of(self, raw: bytes) -> str:
        """Return the key of a DN as it stands in a value; most stand in many groups.

        Where the server said that the DN means an entry with another key, it is that one.
        """
        key = self._keys.get(raw)
        if key is None:
            key = self._keys[raw] = dn_key(without_uid(decoded(raw)))
        return self.same_as(key)

    def same_as(self, key: str) -> str:
        """Return the key of the entry that a key means, as far as the server was asked."""
        return self._same.get(key, key)

    def ask(self, dns: Mapping[str, str]) -> ResolvedNames:
        """Ask the server which entries DNs mean; the answer is by the keys of the entries."""
        asked = self.lookup.find(dns)
        found = ResolvedNames(gone=asked.gone)
        for entries, by_key in ((asked.people, found.people), (asked.others, found.others)):
            for key, entry in entries.items():
                own = dn_key(entry.dn)
                by_key[own] = entry
                if own != key:
                    self._same[key] = own
        found.unreadable = {self.same_as(key): dn for key, dn in asked.unreadable.items()}
        return found

    def unreadable_people(self) -> dict[str, str]:
        """Return the members that are not shown and may be people of the source, by key."""
        groups = [dn_key(base) for base in several(self.groups.base)]
        people = [dn_key(base) for base in self.spec.bases]
        # Where groups have a place of their own below that of the people, nobody lives there.
        apart = [one for one in groups if one not in people]
        unresolved = {dn_key(dn): dn for node in self.nodes.values() for dn in node.unresolved}
        return {
            key: dn
            for key, dn in unresolved.items()
            if self.is_inside(key)
            and not any(is_below(key, one) and self.is_inside(one) for one in apart)
        }

    def is_inside(self, key: str) -> bool:
        """Return whether the search for people would have seen an entry, were it a person."""
        if self._bases is None:
            self._bases = tuple(map(self._base_key, self.spec.bases))
        bases = self._bases
        if self.spec.scope == "subtree":
            return any(is_below(key, base) for base in bases)
        if self.spec.scope == "one":
            return key.partition(",")[2] in bases
        return key in bases

    def _base_key(self, base: str) -> str:
        """Return the key of a base as the server spells it; entries below it are spelled so."""
        if not is_certain(base):
            with contextlib.suppress(KeyError, SourceIncomplete):
                entry = self.directory.read(base, ("objectClass",), ANY)
                return dn_key(base if entry is None else entry.dn)
        return dn_key(base)


def decoded(raw: bytes) -> str:
    """Return a DN or a login name as text, also where it is none."""
    return raw.decode("utf-8", "backslashreplace")
