"""What is gathered while the members of groups are found: the groups met, and the people."""

from collections.abc import Callable
from dataclasses import dataclass, field

from kanport.mapping.ldap import LdapGroups, LdapSource
from kanport.sources.ldap.ber import Entry
from kanport.sources.ldap.graph import Node
from kanport.sources.ldap.lookup import Lookup
from kanport.sources.ldap.names import dn_key, is_below, without_uid
from kanport.sources.ldap.people import Person
from kanport.sources.ldap.search import Directory


@dataclass(slots=True)
class Gathering:
    """The groups that were asked about and all that were met in them, and everybody known so far.

    People who are found elsewhere than in the search for people are added to `people`.
    `hidden_groups` may lie in any group, and cannot be read: because of them nothing is certain.
    """

    directory: Directory
    spec: LdapSource
    groups: LdapGroups
    people: dict[str, Person]
    make: Callable[[Entry], Person]
    lookup: Lookup
    nodes: dict[str, Node] = field(default_factory=dict)
    hidden_groups: list[str] = field(default_factory=list)
    _keys: dict[bytes, str] = field(default_factory=dict)

    def add_group(self, entry: Entry) -> str:
        """Add a group; give its key."""
        key = dn_key(entry.dn)
        self.nodes.setdefault(key, Node(entry))
        return key

    def add_person(self, entry: Entry) -> Person:
        """Add somebody who was found elsewhere."""
        person = self.make(entry)
        return self.people.setdefault(person.key, person)

    def key_of(self, raw: bytes) -> str:
        """Give the key of a DN as it stands in a value; most stand in many groups."""
        key = self._keys.get(raw)
        if key is None:
            key = self._keys[raw] = dn_key(without_uid(decoded(raw)))
        return key

    def is_inside(self, key: str) -> bool:
        """Say whether the search for people would have seen an entry, were it a person."""
        bases = [dn_key(base) for base in self.spec.bases]
        if self.spec.scope == "subtree":
            return any(is_below(key, base) for base in bases)
        if self.spec.scope == "one":
            return key.partition(",")[2] in bases
        return key in bases


def decoded(raw: bytes) -> str:
    """Give a DN or a login name as text, also where it is none."""
    return raw.decode("utf-8", "backslashreplace")
