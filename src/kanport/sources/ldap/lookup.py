"""Find entries by DN: many at once where the server can, one by one where it must be certain."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from kanport.sources.ldap.ber import Entry
from kanport.sources.ldap.connection import Question
from kanport.sources.ldap.errors import SourceIncomplete
from kanport.sources.ldap.names import both, dn_key, either, is_below
from kanport.sources.ldap.search import Directory, distinct

ANY = "(objectClass=*)"
# entryDN is known to OpenLDAP and 389 Directory Server (RFC 5020), the other to Active Directory;
# a server leaves out of a filter what it does not know.
_DN_ATTRIBUTES = ("entryDN", "distinguishedName")
_AT_ONCE = 100


@dataclass(slots=True)
class Found:
    """What DNs turned out to be: people, other entries, or nothing that this login may see.

    All are by the key that was asked for; the DN of the entry is as the server spells it.
    """

    people: dict[str, Entry] = field(default_factory=dict)
    others: dict[str, Entry] = field(default_factory=dict)
    gone: dict[str, str] = field(default_factory=dict)


class Lookup:
    """Finds entries by DN; `filter_` says which of them are people."""

    def __init__(self, directory: Directory, filter_: str, attributes: tuple[str, ...]) -> None:
        self._directory = directory
        self._filter = filter_
        self._attributes = attributes

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

    def where(
        self, condition: str, near: str, otherwise: Sequence[str]
    ) -> tuple[dict[str, Entry], bool]:
        """Give the people for whom a condition holds, and whether the whole tree was searched.

        The tree is that which the DN `near` is in. Where it cannot be searched as a whole, only
        what lies below the bases `otherwise` is.
        """
        key = dn_key(near)
        context = self._context_of(key)
        filter_ = both(self._filter, condition)
        if context is not None:
            # A login may well be allowed to search below its root, and not from it.
            with contextlib.suppress(SourceIncomplete):
                return self._below(context, filter_), True
        found: dict[str, Entry] = {}
        for base in otherwise:
            found |= self._below(base, filter_)
        return found, False

    def _context_of(self, key: str) -> str | None:
        contexts = self._directory.contexts
        return next((one for one in contexts if is_below(key, dn_key(one))), None)

    def _many(self, dns: Mapping[str, str], filter_: str) -> Iterator[tuple[str, Entry]]:
        """Find what can be found many at once; what does not come is not proven to be missing."""
        by_context: dict[str, list[str]] = {}
        for key, dn in dns.items():
            context = self._context_of(key)
            if context is not None:
                by_context.setdefault(context, []).append(dn)
        for context, several in by_context.items():
            for at in range(0, len(several), _AT_ONCE):
                wanted = either(_DN_ATTRIBUTES, several[at : at + _AT_ONCE])
                try:
                    found = self._below(context, both(filter_, wanted))
                except SourceIncomplete:
                    # One by one they may be had all the same; a connection that broke tells so.
                    break
                yield from ((key, entry) for key, entry in found.items() if key in dns)

    def _below(self, base: str, filter_: str) -> dict[str, Entry]:
        question = Question(base, "subtree", filter_, self._attributes)
        return dict(distinct(self._directory.search(question)))

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
