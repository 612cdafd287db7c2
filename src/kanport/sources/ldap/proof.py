"""What a directory proves: that an entry is gone, that it fits no filter, that a group is empty.

A hidden entry and a deleted one may look the same, and so do a hidden attribute and an absent one.
Whatever is not proven here counts as unknown. Seen on OpenLDAP 2.5, 389 Directory Server 2.3 and
Samba 4.17:

- Entries. For a hidden one OpenLDAP answers 50 (with the right `disclose`), 32 without matchedDN
  (without that right), or success with nothing; for an absent one 32 with the deepest entry above
  it that the bind account may know of as matchedDN. 389 Directory Server answers success with
  nothing for a hidden entry, and 32 only for an absent one. Active Directory shows every entry of a
  container whose contents the bind account may list, if need be without attributes (MS-ADTS
  5.1.3.3.6), and answers 32 for everything in the others.
- Attributes. In a filter a hidden attribute is neither present nor absent but undefined (X.511,
  7.8.1; RFC 4511, 4.5.1.7), so `(!(member=*))` finds a group that is empty and none whose members
  are hidden. Active Directory does not keep to that; there `memberOf` tells who is in a group.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property

from kanport.sources.ldap.attributes import texts
from kanport.sources.ldap.ber import NO_SUCH_OBJECT, Done
from kanport.sources.ldap.connection import Question
from kanport.sources.ldap.names import both, dn_key, either, escape, is_below, parent, split_dn
from kanport.sources.ldap.search import (
    PROVES_ABSENCE,
    Directory,
    ServerKind,
    SourceIncomplete,
    kind_of,
)

ANY = "(objectClass=*)"
# entryDN is known to OpenLDAP and 389 Directory Server (RFC 5020), the other to Active Directory;
# a server leaves out of a filter what it does not know.
DN_ATTRIBUTES = ("entryDN", "distinguishedName")
# A server that answers 32 only for what is not there.
_TELLS_ABSENCE = "389 Project"
_AT_ONCE = 100
# The attribute of each part of a filter (RFC 4515), whatever the rule that it is compared by.
_ATTRIBUTE = re.compile(
    r"\(\s*([A-Za-z][\w.-]*|[0-9]+(?:\.[0-9]+)+)(?:;[\w;-]*)?(?::[^=()]*)?[~<>]?="
)
_NAMES = re.compile(rb"NAME\s+(?:'([^']*)'|\(([^)]*)\))")


class AbsenceProof:
    """Asks a directory for proof; every answer that is none means "unknown"."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory.without_counting()
        self._gone: dict[str, bool] = {}
        self._listed: dict[str, bool] = {}

    @property
    def is_active_directory(self) -> bool:
        """Whether the server says that it is one, as Samba does, too."""
        return self._directory.product == "Active Directory"

    def context_of(self, dn: str) -> str | None:
        """Return the root of the tree that an entry is in; None where the server does not tell."""
        key = dn_key(dn)
        contexts = self._directory.contexts
        return next((one for one in contexts if is_below(key, dn_key(one))), None)

    def gone(self, dn: str, end: Done | None = None) -> bool:
        """Return whether an entry is proven not to exist; `end` is the answer to a read of it."""
        key = dn_key(dn)
        if key not in self._gone:
            try:
                self._gone[key] = self._is_gone(dn, end or self._directory.look(dn, (), ANY)[1])
            except (ValueError, SourceIncomplete):
                self._gone[key] = False
        return self._gone[key]

    def _is_gone(self, dn: str, end: Done) -> bool:
        names = split_dn(dn)
        if end.code != NO_SUCH_OBJECT or not names:
            return False
        if self._directory.product == _TELLS_ABSENCE:
            # What is in no tree of this server may be on another one.
            return self.context_of(dn) is not None
        if self.is_active_directory:
            above = parent(dn)
            return bool(above) and (self._lists(above) or self.gone(above))
        if not end.matched:
            return False
        missing = len(names) - len(split_dn(end.matched))
        if missing == 1:
            return True
        # Where a whole branch is gone, it is its topmost entry that the server has to miss.
        top = dn
        for _ in range(missing - 1):
            top = parent(top)
        return missing > 1 and self.gone(top)

    def _lists(self, dn: str) -> bool:
        """Return whether the bind account sees an entry right below another one, so all of them."""
        key = dn_key(dn)
        if key not in self._listed:
            self._listed[key] = self._directory.any_below(dn)
        return self._listed[key]

    def judged(self, dns: Mapping[str, str], filter_: str) -> set[str]:
        """Return which entries, given by key, show all that a filter looks at.

        Such an entry fits the filter or does not; of others nobody knows. What the server has no
        attribute type for hides nothing.
        """
        if self.is_active_directory:
            return set(dns)
        names = {name.lower(): name for name in _ATTRIBUTE.findall(filter_)}
        shown = self.holding(dns, both(*map(_shown, names.values()))) if names else set(dns)
        for key, dn in dns.items():
            if key not in shown and all(
                self.holding({key: dn}, _shown(name)) or not self.knows(name)
                for name in names.values()
            ):
                shown.add(key)
        return shown

    def without(self, dns: Mapping[str, str], attribute: str) -> set[str]:
        """Return which entries, given by key, are proven to have no value of an attribute."""
        if self.is_active_directory:
            if attribute.lower() != "member":
                return set(dns)
            return {key for key, dn in dns.items() if not self._has_back_links(dn)}
        if not dns:
            return set()
        found = self.holding(dns, f"(!({attribute}=*))")
        return found if len(found) == len(dns) or self.knows(attribute) else set(dns)

    def _has_back_links(self, dn: str) -> bool:
        context = self.context_of(dn)
        question = Question(context or "", "subtree", f"(memberOf={escape(dn)})", ())
        try:
            return context is None or bool(list(self._directory.search(question)))
        except SourceIncomplete:
            return True

    def holding(self, dns: Mapping[str, str], filter_: str) -> set[str]:
        """Return for which entries, given by key, a filter is true."""
        found: set[str] = set()
        by_context: dict[str, list[str]] = {}
        for dn in dns.values():
            if (context := self.context_of(dn)) is not None:
                by_context.setdefault(context, []).append(dn)
        for context, several in by_context.items():
            for at in range(0, len(several) if len(dns) > 1 else 0, _AT_ONCE):
                wanted = both(filter_, either(DN_ATTRIBUTES, several[at : at + _AT_ONCE]))
                try:
                    question = Question(context, "subtree", wanted, ())
                    found |= {dn_key(entry.dn) for entry in self._directory.search(question)}
                except SourceIncomplete:
                    # One by one they may be had all the same; a connection that broke tells so.
                    break
        for key in dns.keys() - found:
            if self._directory.look(dns[key], (), filter_)[0] is not None:
                found.add(key)
        return found & dns.keys()

    def knows(self, attribute: str) -> bool:
        """Return whether the server may have this attribute, as far as it shows its schema."""
        return not self._types or attribute.lower() in self._types

    @property
    def shows_schema(self) -> bool:
        """Whether the server shows which attributes it knows."""
        return bool(self._types)

    @cached_property
    def _types(self) -> frozenset[str]:
        """The names of attribute types, in lower case; empty where the schema is not shown."""
        for dn in texts(self._directory.root.get("subschemasubentry", [])):
            try:
                schema, _ = self._directory.look(dn, ("attributeTypes",), ANY)
            except SourceIncomplete:
                continue
            if schema is not None:
                return frozenset(_type_names(schema.attributes.get("attributetypes", [])))
        return frozenset()


def _shown(attribute: str) -> str:
    return f"(|({attribute}=*)(!({attribute}=*)))"


def _type_names(definitions: Iterable[bytes]) -> Iterable[str]:
    """Return the names and the numbers in definitions of attribute types (RFC 4512, 4.1.2)."""
    for definition in definitions:
        yield definition.lstrip(b"( ").partition(b" ")[0].decode("ascii", "replace")
        for found in _NAMES.finditer(definition):
            for name in re.findall(rb"[\w.-]+", found[1] or found[2] or b""):
                yield name.decode("ascii", "replace").lower()


# --- absent attributes ----------------------------------------------------------------------------


# So many entries are asked about one by one; for more, one search of all of them is cheaper.
_FEW = 25
_MOST_ONE_BY_ONE = 500
_MOST_PARENTS = 50
_LINKS_BOTH_WAYS = frozenset({ServerKind.ACTIVE_DIRECTORY, ServerKind.SAMBA, ServerKind.AD_LDS})
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9.-]*(;[A-Za-z0-9-]+)*")


def unproven_absences(
    directory: Directory,
    searches: Iterable[Question],
    lacking: Mapping[str, Collection[str]],
) -> dict[str, frozenset[str]]:
    """Return the entries whose attribute may only be hidden, by attribute in lower case.

    `lacking` are the DNs of the entries without an attribute, as the server wrote them. `searches`
    found most of them. Raises nothing: what cannot be asked is not proven. A server that is not
    known to prove anything is not asked, and nothing is returned.
    """
    if kind_of(directory.root) not in PROVES_ABSENCE:
        return {}
    aside, proof, questions = directory.without_counting(), AbsenceProof(directory), tuple(searches)
    return {
        name: frozenset(left)
        for name, dns in lacking.items()
        if (left := _unproven(aside, proof, questions, name, dns))
    }


def in_no_group(directory: Directory, dns: Iterable[str]) -> frozenset[str]:
    """Return which of some people of an Active Directory are in no group that lists members.

    So it is proven from the side of the groups that `memberOf` is absent and not hidden. Raises
    nothing: what cannot be asked is not proven.
    """
    if kind_of(directory.root) not in _LINKS_BOTH_WAYS:
        return frozenset()
    aside, proof = directory.without_counting(), AbsenceProof(directory)
    by_context: dict[str, list[str]] = defaultdict(list)
    for dn in sorted(dns):
        context = proof.context_of(dn)
        if context is not None:
            by_context[context].append(dn)
    proven: set[str] = set()
    for context, people in by_context.items():
        for at in range(0, len(people), _FEW):
            several = people[at : at + _FEW]
            if _nobody_lists(aside, context, several):
                proven.update(several)
            else:
                proven.update(dn for dn in several if _nobody_lists(aside, context, [dn]))
    return frozenset(proven)


def _nobody_lists(directory: Directory, context: str, dns: Iterable[str]) -> bool:
    question = Question(context, "subtree", either(["member"], dns), ())
    try:
        return not any(True for _ in directory.search(question))
    except SourceIncomplete:
        return False


def _unproven(
    directory: Directory,
    proof: AbsenceProof,
    searches: Iterable[Question],
    name: str,
    dns: Collection[str],
) -> set[str]:
    left = set(dns)
    if not _NAME.fullmatch(name):
        return left
    absent = f"(!({name}=*))"
    if len(left) > _FEW:
        for base, scope, filter_, _ in searches:
            left -= _found(directory, Question(base, scope, both(filter_, absent), ()))
    by_parent: dict[str, set[str]] = defaultdict(set)
    for dn in left:
        by_parent[parent(dn)].add(dn)
    crowded = [above for above, below in by_parent.items() if len(below) > _FEW]
    for above in crowded[:_MOST_PARENTS]:
        left -= _found(directory, Question(above, "one", absent, ()))
    alone = [dn for above, below in by_parent.items() if len(below) <= _FEW for dn in below]
    if len(alone) <= _MOST_ONE_BY_ONE:
        left -= {dn for dn in alone if _is_absent(directory, dn, absent)}
    # A server may evaluate an attribute that its schema lacks to Undefined; nobody can have it.
    return left if proof.knows(name.partition(";")[0]) else set()


def _found(directory: Directory, question: Question) -> set[str]:
    try:
        return {entry.dn for entry in directory.search(question)}
    except SourceIncomplete:
        return set()


def _is_absent(directory: Directory, dn: str, filter_: str) -> bool:
    try:
        return directory.look(dn, (), filter_)[0] is not None
    except SourceIncomplete:
        return False
