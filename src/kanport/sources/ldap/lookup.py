"""Find entries by DN: many at once where the server can, one by one where it must be certain."""

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from kanport.sources.ldap.ber import Entry
from kanport.sources.ldap.connection import Question
from kanport.sources.ldap.errors import SourceIncomplete
from kanport.sources.ldap.names import both, either
from kanport.sources.ldap.proof import ANY, DN_ATTRIBUTES, Proof
from kanport.sources.ldap.results import SUCCESS
from kanport.sources.ldap.search import Directory, distinct

_AT_ONCE = 100


@dataclass(slots=True)
class Found:
    """What DNs turned out to be.

    All are by the key that was asked for; the DN of the entry is as the server spells it. `people`
    fit the filter for people and `others` do not, `gone` are proven not to exist. Of all the rest,
    `hidden`, nobody knows: neither absence nor what they are is proven. An entry of `others` that
    does not show all that the filter looks at is in `hidden` as well.
    """

    people: dict[str, Entry] = field(default_factory=dict)
    others: dict[str, Entry] = field(default_factory=dict)
    gone: dict[str, str] = field(default_factory=dict)
    hidden: dict[str, str] = field(default_factory=dict)


class Lookup:
    """Finds entries by DN; `filter_` says which of them are people."""

    def __init__(self, directory: Directory, filter_: str, attributes: tuple[str, ...]) -> None:
        # Referrals on the way to a single entry hide nobody of the source.
        self._directory = directory.aside()
        self._filter = filter_
        # Without its class, nobody can say of an entry what it is.
        self._attributes = tuple(
            {name.lower(): name for name in (*attributes, "objectClass")}.values()
        )
        self.proof = Proof(directory)

    def find(self, dns: Mapping[str, str]) -> Found:
        """Find entries by DN, given by key."""
        found = Found()
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
                found.hidden[key] = entry.dn
        return found

    def where(
        self, condition: str, near: str, otherwise: Sequence[str]
    ) -> tuple[dict[str, Entry], bool]:
        """Give the people for whom a condition holds, and whether the whole tree was searched.

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
        for context, several in by_context.items():
            for at in range(0, len(several), _AT_ONCE):
                wanted = either(DN_ATTRIBUTES, several[at : at + _AT_ONCE])
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
            found.hidden[key] = dn
