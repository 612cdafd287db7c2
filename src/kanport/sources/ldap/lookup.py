"""Find entries by DN: many at once where the server can, one by one where it must be certain."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from kanport.sources.ldap.ber import Entry
from kanport.sources.ldap.connection import Question
from kanport.sources.ldap.names import both, dn_key, either, is_below
from kanport.sources.ldap.search import Directory
from kanport.sources.ldap.values import texts

ANY = "(objectClass=*)"
# entryDN is known to OpenLDAP and 389 Directory Server (RFC 5020), the other to Active Directory;
# a server leaves out of a filter what it does not know.
_DN_ATTRIBUTES = ("entryDN", "distinguishedName")
_AT_ONCE = 100


@dataclass(slots=True)
class Found:
    """What DNs turned out to be: people, other entries, or nothing that this login may see."""

    people: dict[str, Entry] = field(default_factory=dict)
    others: dict[str, Entry] = field(default_factory=dict)
    gone: dict[str, str] = field(default_factory=dict)


class Lookup:
    """Finds entries by DN; `filter_` says which of them are people."""

    def __init__(self, directory: Directory, filter_: str, attributes: tuple[str, ...]) -> None:
        self._directory = directory
        self._filter = filter_
        self._attributes = attributes
        self._contexts: tuple[str, ...] | None = None

    def find(self, dns: Mapping[str, str]) -> Found:
        """Find entries by DN, given by key; each is in exactly one of the parts of the answer."""
        found = Found()
        found.people.update(self._many(dns, self._filter))
        left = {key: dn for key, dn in dns.items() if key not in found.people}
        found.others.update(self._many(left, ANY))
        for key, dn in left.items():
            if key not in found.others:
                self._one(key, dn, found)
        return found

    def where(self, condition: str, like: Sequence[str]) -> Iterator[Entry]:
        """Give the people for whom a condition holds, in every part of the tree that is `like`.

        A part is one of the server's naming contexts; without any, the DNs themselves are taken.
        """
        keys = [dn_key(dn) for dn in like]
        contexts = [
            context
            for context in self.contexts
            if any(is_below(key, dn_key(context)) for key in keys)
        ]
        seen: set[str] = set()
        for base in contexts or like:
            question = Question(base, "subtree", both(self._filter, condition), self._attributes)
            for entry in self._directory.search(question):
                key = dn_key(entry.dn)
                if key not in seen:
                    seen.add(key)
                    yield entry

    @property
    def contexts(self) -> tuple[str, ...]:
        """The roots of what the server holds; empty where it does not tell."""
        if self._contexts is None:
            try:
                root = self._directory.read("", ("namingContexts",), ANY)
            except KeyError:
                root = None
            values = root.attributes.get("namingcontexts", []) if root else []
            self._contexts = tuple(sorted(texts(values), key=len, reverse=True))
        return self._contexts

    def _many(self, dns: Mapping[str, str], filter_: str) -> Iterator[tuple[str, Entry]]:
        by_context: dict[str, list[str]] = {}
        for key, dn in dns.items():
            context = next((one for one in self.contexts if is_below(key, dn_key(one))), None)
            if context is not None:
                by_context.setdefault(context, []).append(dn)
        for context, several in by_context.items():
            for at in range(0, len(several), _AT_ONCE):
                wanted = either(_DN_ATTRIBUTES, several[at : at + _AT_ONCE])
                question = Question(context, "subtree", both(filter_, wanted), self._attributes)
                for entry in self._directory.search(question):
                    key = dn_key(entry.dn)
                    if key in dns:
                        yield key, entry

    def _one(self, key: str, dn: str, found: Found) -> None:
        try:
            person = self._directory.read(dn, self._attributes, self._filter)
            if person is not None:
                found.people[key] = person
                return
            other = self._directory.read(dn, self._attributes, ANY)
        except KeyError:
            other = None
        if other is None:
            found.gone[key] = dn
        else:
            found.others[key] = other
