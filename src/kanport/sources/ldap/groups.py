"""Groups as rows: one for each group and person in it, and one scope for each group."""

import string
from collections.abc import Iterable, Iterator, Sized
from dataclasses import dataclass, field

from kanport.errors import SourceInvalid
from kanport.facts import fact
from kanport.findings import Finding
from kanport.mapping.ldap import LdapGroups, LdapSource, several
from kanport.origin import Origin
from kanport.sources.ldap.ber import Entry
from kanport.sources.ldap.connection import Question
from kanport.sources.ldap.dynamic import MEMBER_URL
from kanport.sources.ldap.gathering import Gathering
from kanport.sources.ldap.graph import Reach, reach
from kanport.sources.ldap.names import both, dn_key, either, split_dn
from kanport.sources.ldap.rows import GROUP, Shaped, Shaper
from kanport.sources.ldap.search import Directory, distinct
from kanport.sources.ldap.values import texts
from kanport.table import Odd, Row, Scope

_SHOWN = 5


@dataclass(slots=True)
class Wanted:
    """The groups to read; `missing` are those that the mapping names and that are not there."""

    entries: dict[str, Entry] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    ambiguous: dict[str, list[str]] = field(default_factory=dict)


def find_groups(
    directory: Directory, groups: LdapGroups, attributes: tuple[str, ...], source: str
) -> Wanted:
    """Give the groups that the mapping names, or else all that the search finds.

    Raises SourceInvalid where a search without names finds none.
    """
    if groups.names:
        return _named(directory, groups, attributes)
    wanted = Wanted()
    for base in several(groups.base):
        question = Question(base, groups.scope, groups.filter, attributes)
        for key, entry in distinct(directory.search(question)):
            wanted.entries.setdefault(key, entry)
    if not wanted.entries:
        below = " and ".join(several(groups.base))
        message = f"no group was found with {groups.filter} below {below}"
        raise SourceInvalid(
            f'the source "{source}" is empty: {message}',
            findings=[Finding("directory-empty", message, Origin(source))],
            hint="check base and filter of groups, and what this login may read",
        )
    return wanted


def _named(directory: Directory, groups: LdapGroups, attributes: tuple[str, ...]) -> Wanted:
    wanted = Wanted()
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
    for entry in _called(directory, groups, attributes, [*simple.values()]) if simple else ():
        for cn in texts(entry.attributes.get("cn", [])):
            by_name.get(_plain(cn), {})[dn_key(entry.dn)] = entry
    for plain, found in by_name.items():
        if not plain.isascii() or not found:
            # What one name means is for the server to tell: it may keep ß and ss apart, or not.
            answer = _called(directory, groups, attributes, [simple[plain]])
            found = {dn_key(entry.dn): entry for entry in answer}
        if not found:
            wanted.missing.append(simple[plain])
        elif len(found) > 1:
            wanted.ambiguous[simple[plain]] = sorted(entry.dn for entry in found.values())
        else:
            wanted.entries |= found
    return wanted


def _called(
    directory: Directory, groups: LdapGroups, attributes: tuple[str, ...], names: list[str]
) -> list[Entry]:
    """Return the groups that the server finds by one of these names."""
    asked = tuple(dict.fromkeys((*attributes, "cn")))
    filter_ = both(groups.filter, either(["cn"], names))
    found: dict[str, Entry] = {}
    for base in several(groups.base):
        found |= distinct(directory.search(Question(base, groups.scope, filter_, asked)))
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

    def of(self, wanted: Wanted, gathering: Gathering) -> Iterator[tuple[Shaped, Reach, Scope]]:
        """Give each group with its cells, whom it reaches, and its scope."""
        for key, entry in sorted(wanted.entries.items()):
            found = reach(key, gathering.nodes, self._groups.depth)
            unsure = self._tell(entry.dn, found, gathering) or bool(gathering.hidden_groups)
            shaped = self._shaper.shape(entry)
            places = {column: {**place, "dn": entry.dn} for column, place in shaped.places.items()}
            shaped = Shaped(entry.dn, shaped.values, shaped.odd, places)
            row = Row(self._origin.at(dn=entry.dn), shaped.values, places, shaped.odd)
            inner = tuple(gathering.nodes[one].entry.dn for one in found.passed if one != key)
            yield shaped, found, Scope(row, open=unsure, inner=inner)
        if gathering.hidden_groups:
            self._add(
                "group-unreadable",
                f"{listed(gathering.hidden_groups)} cannot be read; "
                "who is in a group through them is not known, so nobody loses anything",
                self._origin,
                hint="let this login read them",
            )

    def absent(self, wanted: Wanted) -> Iterator[Scope]:
        """Give the scopes of groups that are not there, or are there more than once; all open."""
        for name in wanted.missing:
            self._add(
                "group-missing",
                f"the group {name} is not there, or this login may not see it",
                self._origin.at(dn=name),
                value=name,
                hint="correct groups.names, or take it out; nobody loses anything because of it",
            )
            yield self._absent(name)
        for name, dns in wanted.ambiguous.items():
            self._add(
                "group-ambiguous",
                f"{len(dns)} groups are called {name}: {listed(dns)}",
                self._origin.at(dn=name),
                value=name,
                hint="name it by its DN",
            )
            yield self._absent(name)

    def _absent(self, name: str) -> Scope:
        """Give the scope of a group of which only the name is known."""
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

    def _tell(self, dn: str, found: Reach, gathering: Gathering) -> bool:
        """Take down what is to be said of a group; True where not all of its members are known."""
        nodes = [gathering.nodes[key] for key in found.passed]
        origin = self._origin.at(dn=dn)
        lost = [member for node in nodes for member in node.lost]
        hidden = [node.entry.dn for node in nodes if node.hidden]
        unexpanded = [node.entry.dn for node in nodes if node.unexpanded]
        strangers = [member for node in nodes for member in node.strangers]
        if lost:
            self._add(
                "member-unreadable",
                f"the directory does not show {counted(lost, 'member', 'members')}, and does not"
                f" prove that they are gone: {listed(lost)}; Kanport revokes nothing in this group",
                origin,
                hint="let this login read them, widen base, or list placeholders in groups.ignore",
            )
        if hidden:
            self._add(
                "group-unreadable",
                f"the directory does not show the members of {listed(hidden)}, and does not prove"
                " that there are none; Kanport revokes nothing in this group",
                origin,
                hint=f"let this login read {' and '.join(self._groups.member_attributes)}",
            )
        if unexpanded:
            self._add(
                "group-not-expanded",
                f"the directory does not list whom {MEMBER_URL} of {listed(unexpanded)} finds;"
                " Kanport revokes nothing in this group",
                origin,
                hint="let the server expand it (in OpenLDAP: the overlay dynlist), or name an"
                " ordinary group",
            )
        if found.too_deep:
            self._add(
                "group-too-deep",
                f"groups lie more than {self._groups.depth} deep in it; so nobody loses anything",
                origin,
                hint="raise groups.depth",
            )
        if found.in_circle:
            self._add("group-cycle", "it lies in itself, through other groups", origin)
        if strangers:
            self._add(
                "member-no-person",
                f"{counted(strangers, 'member is', 'members are')} none of the people:"
                f" {listed(strangers)}",
                origin,
            )
        return bool(lost or hidden or unexpanded or found.too_deep)

    def _add(
        self,
        code: str,
        message: str,
        origin: Origin,
        *,
        value: str | None = None,
        hint: str | None = None,
    ) -> None:
        self.findings.append(Finding(code, message, origin, value=value, hint=hint))


def counted(items: Sized, one: str, many: str) -> str:
    """Return how many there are, with the noun.

    >>> counted("a", "person", "people"), counted("ab", "person", "people")
    ('1 person', '2 people')
    """
    return f"{len(items)} {one if len(items) == 1 else many}"


def listed(items: Iterable[str]) -> str:
    """Return the first few of some DNs or names in one line, and how many more there are."""
    several = sorted(set(items))
    more = len(several) - _SHOWN
    return "; ".join(several[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
