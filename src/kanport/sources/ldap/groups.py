"""Groups as rows: one for each group and person in it, and one scope for each group."""

import string
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from kanport.errors import SourceInvalid
from kanport.facts import fact
from kanport.findings import Finding, found
from kanport.mapping.ldap import LdapGroups, LdapSource, several
from kanport.origin import Origin
from kanport.sources.ldap.attributes import texts
from kanport.sources.ldap.ber import Entry
from kanport.sources.ldap.connection import Question
from kanport.sources.ldap.members import MEMBER_URL
from kanport.sources.ldap.names import both, dn_key, either, split_dn
from kanport.sources.ldap.resolver import GroupResolver, Reach, reach
from kanport.sources.ldap.rows import GROUP, Shaped, Shaper
from kanport.sources.ldap.search import Directory, distinct
from kanport.table import Odd, Row, Scope


@dataclass(slots=True)
class WantedGroups:
    """The groups to read.

    `missing` are names in the mapping that no group has, `ambiguous` the DNs of several groups
    that have the same name, by name.
    """

    entries: dict[str, Entry] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    ambiguous: dict[str, list[str]] = field(default_factory=dict)


def find_groups(
    directory: Directory, groups: LdapGroups, attributes: tuple[str, ...], source: str
) -> WantedGroups:
    """Return the groups that the mapping names, or else all that the search finds.

    Raises SourceInvalid where a search without names finds none.
    """
    if groups.names:
        return _named(directory, groups, attributes)
    wanted = WantedGroups()
    for base in several(groups.base):
        question = Question(base, groups.scope, groups.filter, attributes)
        for key, entry in distinct(directory.search(question)):
            wanted.entries.setdefault(key, entry)
    if not wanted.entries:
        bases = tuple(several(groups.base))
        empty = found(
            "directory-empty", Origin(source), case="groups", filter=groups.filter, bases=bases
        )
        raise SourceInvalid(
            f'the source "{source}" is empty: {empty.message}', findings=[empty], hint=empty.hint
        )
    return wanted


def _named(directory: Directory, groups: LdapGroups, attributes: tuple[str, ...]) -> WantedGroups:
    wanted = WantedGroups()
    simple: dict[str, str] = {}
    for name in groups.names:
        if not _is_dn(name):
            simple.setdefault(_plain(name), name)
            continue
        try:
            entry = directory.read(name, attributes, groups.filter)
        except KeyError:
            entry = None
        if entry is None:
            wanted.missing.append(name)
        else:
            wanted.entries[dn_key(entry.dn)] = entry
    by_name: dict[str, dict[str, Entry]] = {name: {} for name in simple}
    for entry in (
        _search_by_name(directory, groups, attributes, [*simple.values()]) if simple else ()
    ):
        for cn in texts(entry.attributes.get("cn", [])):
            by_name.get(_plain(cn), {})[dn_key(entry.dn)] = entry
    for plain, matches in by_name.items():
        if not plain.isascii() or not matches:
            # What one name means is for the server to tell: it may keep ß and ss apart, or not.
            answer = _search_by_name(directory, groups, attributes, [simple[plain]])
            matches = {dn_key(entry.dn): entry for entry in answer}
        if not matches:
            wanted.missing.append(simple[plain])
        elif len(matches) > 1:
            wanted.ambiguous[simple[plain]] = sorted(entry.dn for entry in matches.values())
        else:
            wanted.entries |= matches
    return wanted


def _search_by_name(
    directory: Directory, groups: LdapGroups, attributes: tuple[str, ...], names: list[str]
) -> list[Entry]:
    """Return the groups that the server finds by one of these names."""
    attributes = tuple(dict.fromkeys((*attributes, "cn")))
    filter_ = both(groups.filter, either(["cn"], names))
    found: dict[str, Entry] = {}
    for base in several(groups.base):
        found |= distinct(directory.search(Question(base, groups.scope, filter_, attributes)))
    return list(found.values())


def _plain(name: str) -> str:
    """Return a name as every server compares it: the case of ASCII letters does not count.

    >>> _plain("KB-Web") == _plain("kb-web"), _plain("kb-weiß") == _plain("kb-weiss")
    (True, False)
    """
    return name.translate(_LOWER)


_LOWER = {ord(char): char.lower() for char in string.ascii_uppercase}


def _is_dn(name: str) -> bool:
    try:
        return bool(split_dn(name))
    except ValueError:
        return False


class GroupRows:
    """Makes the rows of groups whose members are known."""

    def __init__(self, spec: LdapSource, groups: LdapGroups, shaper: Shaper, source: str) -> None:
        self._spec = spec
        self._groups = groups
        self._shaper = shaper
        self._source = source
        self._origin = Origin(source)
        self.findings: list[Finding] = []
        self.scopes: list[Scope] = []

    def of(
        self, wanted: WantedGroups, resolver: GroupResolver
    ) -> Iterator[tuple[Shaped, Reach, Scope]]:
        """Yield each group with its cells, whom it reaches, and its scope."""
        for key, entry in sorted(wanted.entries.items()):
            reached = reach(key, resolver.nodes, self._groups.depth)
            unsure = self._add_findings(entry.dn, reached, resolver) or bool(
                resolver.unreadable_groups
            )
            shaped = self._shaper.shape(entry)
            places = {column: {**place, "dn": entry.dn} for column, place in shaped.places.items()}
            shaped = Shaped(entry.dn, shaped.values, shaped.odd, places)
            row = Row(self._origin.at(dn=entry.dn), shaped.values, places, shaped.odd)
            inner = tuple(resolver.nodes[one].entry.dn for one in reached.passed if one != key)
            yield shaped, reached, Scope(row, open=unsure, inner=inner)
        if resolver.unreadable_groups:
            groups = names_of(resolver.unreadable_groups)
            self.findings.append(
                found(
                    "group-unreadable",
                    self._origin,
                    case="any",
                    groups=groups,
                    count=len(groups),
                )
            )

    def absent(self, wanted: WantedGroups) -> Iterator[Scope]:
        """Yield the scopes of groups that are not there, or are there more than once; all open."""
        for name in wanted.missing:
            place = self._origin.at(dn=name)
            self.findings.append(found("group-missing", place, value=name, group=name))
            yield self._absent(name)
        for name, dns in wanted.ambiguous.items():
            self.findings.append(
                found(
                    "group-ambiguous",
                    self._origin.at(dn=name),
                    value=name,
                    group=name,
                    groups=names_of(dns),
                    count=len(dns),
                )
            )
            yield self._absent(name)

    def _absent(self, name: str) -> Scope:
        """Return the scope of a group of which only the name is known."""
        values: dict[str, str] = {}
        odd: dict[str, Odd] = {}
        known = {"dn": name} if _is_dn(name) else {"cn": name}
        if _is_dn(name):
            known |= dict(split_dn(name)[0])
        for column in self._shaper.columns:
            text = known.get(column.lower())
            values[GROUP + column] = text or ""
            if text is None:
                odd[GROUP + column] = Odd(fact("group-missing", case="cell", group=name))
        return Scope(Row(self._origin.at(dn=name), values, {}, odd), open=True)

    def _add_findings(self, dn: str, reached: Reach, resolver: GroupResolver) -> bool:
        """Add the findings about a group; return True if not all of its members are known."""
        nodes = [resolver.nodes[key] for key in reached.passed]
        origin = self._origin.at(dn=dn)
        findings: list[Finding] = []
        if unresolved := [member for node in nodes for member in node.unresolved]:
            names = names_of(unresolved)
            findings.append(found("member-unreadable", origin, count=len(unresolved), names=names))
        hidden = [node for node in nodes if node.unreadable or node.number]
        if unreadable := names_of(node.entry.dn for node in hidden):
            lists = self._groups.member_attributes if any(one.unreadable for one in hidden) else ()
            attributes = (*lists, *names_of(node.number for node in hidden if node.number))
            findings.append(
                found("group-unreadable", origin, groups=unreadable, attributes=attributes)
            )
        if unexpanded := names_of(node.entry.dn for node in nodes if node.unexpanded):
            findings.append(
                found("group-not-expanded", origin, attribute=MEMBER_URL, groups=unexpanded)
            )
        if reached.too_deep:
            findings.append(found("group-too-deep", origin, depth=self._groups.depth))
        open_ = bool(findings)
        if reached.in_cycle:
            findings.append(found("group-cycle", origin))
        if external := [member for node in nodes for member in node.external]:
            findings.append(
                found("member-no-person", origin, count=len(external), names=names_of(external))
            )
        self.findings += findings
        return open_


def names_of(items: Iterable[str]) -> tuple[str, ...]:
    """Return some DNs or names in order, each once."""
    return tuple(sorted(set(items)))
