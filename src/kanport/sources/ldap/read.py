"""Read a directory into a table: its people, or the members of its groups."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from urllib.parse import urlsplit

from kanport.errors import ConfigInvalid
from kanport.facts import fact
from kanport.findings import Finding, found
from kanport.mapping.ldap import LdapGroups, LdapSource, several
from kanport.origin import Origin
from kanport.sources import SourceContext
from kanport.sources.ldap.attributes import READS
from kanport.sources.ldap.ber import Entry
from kanport.sources.ldap.connect import connected
from kanport.sources.ldap.connection import Question
from kanport.sources.ldap.groups import GroupRows, find_groups, names_of
from kanport.sources.ldap.lookup import Lookup
from kanport.sources.ldap.members import find_members, group_attributes, person_attributes
from kanport.sources.ldap.names import dn_key, is_below
from kanport.sources.ldap.proof import in_no_group, unproven_absences
from kanport.sources.ldap.resolver import GroupResolver
from kanport.sources.ldap.rows import (
    GROUP,
    IDS,
    DirectoryPerson,
    Fingerprint,
    Shaper,
    TableRows,
    maker,
    read_people,
    row_of_hidden,
)
from kanport.sources.ldap.search import PROVES_ABSENCE, Directory, kind_of, marks, tells_age
from kanport.table import DirectoryEntry, Odd, Row, Scope, Table, Unread, entry_key
from kanport.table import DirectoryInfo as DirectoryFacts

_MEMBER_OF = "memberof"


def read_ldap(name: str, spec: LdapSource, context: SourceContext) -> Table:
    """Return a row for each person, or with `groups` for each group and person in it.

    Only the attributes that the mapping names (`columns_used`) are asked for.

    Raises Unreachable where no server lets us in, SourceIncomplete (one of these) where anything is
    cut or refused on the way, SourceInvalid where nobody is found, ConfigInvalid for what cannot be
    asked.
    """
    if context.columns_used is None:
        raise ConfigInvalid(
            f'the source "{name}" is a directory, so a pattern cannot name its columns',
            hint="name the attributes",
        )
    if context.secret_columns:
        raise ConfigInvalid(
            f'the source "{name}" is a directory, and gives no passwords',
            hint="use password: random, or let people log in through the directory",
        )
    with connected(
        name,
        spec,
        base=context.base,
        environ=context.environ,
        request_timeout=context.request_timeout,
    ) as (connection, failures):
        directory = Directory(connection, spec.page_size)
        reading = _Reading(name, spec, context.columns_used, directory, context.now)
        if spec.groups is None:
            reading.people()
        else:
            reading.groups(spec.groups)
        return reading.table(failures)


def _server(url: str) -> str:
    """Return the address of a server, with the port that is meant where none is written.

    >>> _server("ldaps://LDAP.example.org"), _server("ldap://ldap.example.org:3389")
    ('ldap.example.org:636', 'ldap.example.org:3389')
    """
    parts = urlsplit(url)
    if parts.scheme == "ldapi":
        return url
    return f"{parts.hostname}:{parts.port or (636 if parts.scheme == 'ldaps' else 389)}"


class _Reading:
    """What is gathered while a directory is read."""

    def __init__(
        self,
        name: str,
        spec: LdapSource,
        columns: Iterable[str],
        directory: Directory,
        now: datetime,
    ) -> None:
        self._name = name
        self._spec = spec
        self._directory = directory
        self._columns = sorted(columns)
        self._origin = Origin(name)
        grouped = spec.groups is not None
        of_groups = [column for column in self._columns if grouped and column.startswith(GROUP)]
        of_people = [column for column in self._columns if column not in of_groups]
        # Only where there is another server to compare with.
        stamped = len(spec.urls) > 1 and tells_age(directory)
        self._shaper = Shaper(spec, of_people, now=now, stamped=stamped)
        of_groups = [column.removeprefix(GROUP) for column in of_groups]
        self._group_shaper = Shaper(spec, of_groups, now=now, prefix=GROUP, stamped=stamped)
        self._rows = TableRows()
        self._scopes: list[Scope] = []
        self._unread: list[Unread] = []
        self._findings: list[Finding] = []
        self._print = Fingerprint()
        self._now = now
        self._people: tuple[Row, ...] = ()
        self._contexts = tuple(map(dn_key, directory.contexts))
        self._names: dict[str | None, frozenset[str]] = {}
        self._proves = kind_of(directory.root) in PROVES_ABSENCE
        self._referrals: frozenset[str] = frozenset()
        self._unproven: Mapping[str, Collection[str]] = {}

    def people(self) -> None:
        """Read one row for each person."""
        people = read_people(self._directory, self._spec, self._shaper, self._name)
        self._referrals = frozenset(self._directory.referrals)
        self._doubt_people()
        self._rows.add(people.values())
        for person in people.values():
            self._sign(person)

    def groups(self, groups: LdapGroups) -> None:
        """Read one row for each group and person in it."""
        extra = person_attributes(groups)
        people = read_people(self._directory, self._spec, self._shaper, self._name, extra=extra)
        inside = tuple(people.values())
        asked = {
            name.lower(): name
            for name in (*self._group_shaper.attributes, *group_attributes(groups))
        }
        wanted = find_groups(self._directory, groups, tuple(asked.values()), self._name)
        # Looking for single members, some nights only, meets others that mean nothing new.
        self._referrals = frozenset(self._directory.referrals)
        locks = [name for names in READS.values() for name in names]
        of_people = (*self._shaper.attributes, *extra, *IDS, *locks)
        everything = asked | {name.lower(): name for name in of_people}
        resolver = GroupResolver(
            self._directory,
            self._spec,
            groups,
            people,
            make=maker(self._shaper, extra),
            lookup=Lookup(self._directory, self._spec.filter, tuple(everything.values())),
            now=self._now,
        )
        find_members(resolver, wanted.entries.values())
        self._doubt_people()
        self._doubt_groups(groups, wanted.entries.values())
        rows = GroupRows(self._spec, groups, self._group_shaper, self._name)
        for shaped, reached, scope in rows.of(wanted, resolver):
            self._scopes.append(scope)
            listed = sorted(reached.people | reached.twins.keys())
            self._rows.add(map(people.__getitem__, listed), shaped, reached.logins, reached.twins)
            self._print.add(shaped.dn, *shaped.values.items(), *sorted(reached.people))
            if reached.twins:
                self._print.add("twins", *sorted(reached.twins))
        self._scopes += rows.absent(wanted)
        self._add_unread(resolver)
        for person_key in sorted(people):
            self._sign(people[person_key])
        if len(people) > len(inside):
            self._people = tuple(map(self._row, inside))
        self._findings += rows.findings
        self._findings += self._group_shaper.findings(self._name)

    def _add_unread(self, resolver: GroupResolver) -> None:
        """Add the findings about users whom, or whose groups, the directory does not show."""
        why = Odd(fact("member-unreadable", case="cell"))
        columns = self._shaper.columns
        for _, dn in sorted(resolver.unreadable_people().items()):
            self._unread.append(Unread(row_of_hidden(self._origin, dn, columns, why)))
        ungrouped = {key for keys in resolver.ungrouped.values() for key in keys}
        logins = resolver.ungrouped.get(resolver.groups.login, set())
        for key in sorted(ungrouped):
            row = self._row(resolver.people[key])
            # Without a login that the mapping reads, such a row may say as little as none at all.
            read = {column.lower() for column in row.odd}
            absent = key in logins and resolver.groups.login.lower() in read
            self._unread.append(Unread(row, absent=absent))
        for attribute, keys in sorted(resolver.ungrouped.items()):
            if keys:
                self._findings.append(
                    found(
                        "groups-unreadable",
                        self._origin.at(attribute=attribute),
                        count=len(keys),
                        names=names_of(resolver.people[key].shaped.dn for key in keys),
                        attribute=attribute,
                    )
                )

    def table(self, failures: list[str]) -> Table:
        """Return all that was read, with what is to be said of the whole."""
        self._findings += self._shaper.findings(self._name, proves=self._proves)
        if failures:
            server, why = self._directory.url, tuple(failures)
            self._findings.append(
                found("directory-fallback", self._origin, server=server, failures=why)
            )
        if referrals := len(self._directory.referrals):
            self._findings.append(found("directory-referrals", self._origin, count=referrals))
        return self._rows.table(
            self._known_columns(),
            self._entry,
            source=self._name,
            kind="ldap",
            path=self._spec.urls[0],
            sha256=self._print.sha256,
            size=self._print.size,
            findings=tuple(self._findings),
            scopes=tuple(self._scopes),
            people=self._people,
            unread=tuple(self._unread),
            directory=self._facts(),
        )

    def _row(self, person: DirectoryPerson) -> Row:
        shaped = person.shaped
        return Row(
            Origin(self._name, dn=shaped.dn),
            shaped.values,
            shaped.places,
            shaped.odd,
            self._entry(person),
        )

    def _entry(self, person: DirectoryPerson) -> DirectoryEntry:
        """Return what tells this entry from all others of this and of other sources."""
        context = next((one for one in self._contexts if is_below(person.key, one)), None)
        if context not in self._names:
            held = [] if context is None else [f"{self._directory.product} {context}"]
            self._names[context] = frozenset([*map(_server, self._spec.urls), *held])
        return DirectoryEntry(
            self._names[context],
            person.key,
            person.shaped.dn,
            person.id,
            outside=person.outside,
            locked=person.locked,
        )

    def _doubt_people(self) -> None:
        """Make unknown what the people seem to lack and may only have hidden."""
        spec = self._spec
        searches = [Question(base, spec.scope, spec.filter, ()) for base in spec.bases]
        self._unproven = unproven_absences(self._directory, searches, self._shaper.lacking)
        self._shaper.doubt(self._unproven)

    def _doubt_groups(self, groups: LdapGroups, entries: Iterable[Entry]) -> None:
        """Make unknown what the groups seem to lack and may only have hidden."""
        found = tuple(entries)
        lacking = {
            name: dns
            for name in self._group_shaper.plain
            if (dns := [entry.dn for entry in found if name not in entry.attributes])
        }
        searches = [
            Question(base, groups.scope, groups.filter, ()) for base in several(groups.base)
        ]
        self._group_shaper.doubt(unproven_absences(self._directory, searches, lacking))

    def _facts(self) -> DirectoryFacts:
        deciding, lacking = self._shaper.deciding, self._shaper.lacking
        there = self._shaper.seen.attributes
        holders = {
            deciding[name]: frozenset(
                entry_key(self._row(person))
                for person in self._rows.people
                if person.shaped.dn not in lacking.get(name, ())
            )
            for name in (() if self._proves else deciding)
        }
        return DirectoryFacts(
            asked=frozenset(deciding.values()),
            seen=frozenset(deciding[name] for name in deciding if name in there),
            proven=frozenset(
                deciding[name]
                for name in deciding
                if self._proves and name in lacking and not self._unproven.get(name)
            ),
            referrals=self._referrals,
            server=self._directory.url,
            servers=self._spec.urls,
            marks=marks(self._directory, self._bases()),
            newest=max(self._shaper.seen.newest, self._group_shaper.seen.newest),
            proves=self._proves,
            absent=self._in_no_group(),
            holders=holders,
        )

    def _bases(self) -> tuple[str, ...]:
        groups = self._spec.groups
        return (*self._spec.bases, *(several(groups.base) if groups is not None else ()))

    def _in_no_group(self) -> dict[str, frozenset[str]]:
        """Return who provably lacks the attribute with the groups, by its column."""
        column = next((name for name in self._columns if name.lower() == _MEMBER_OF), None)
        if self._proves or column is None:
            return {}
        lacking = self._shaper.lacking.get(_MEMBER_OF, frozenset())
        proven = in_no_group(self._directory, lacking)
        keys = (entry_key(self._row(one)) for one in self._rows.people if one.shaped.dn in proven)
        return {column: frozenset(keys)}

    def _sign(self, person: DirectoryPerson) -> None:
        shaped = person.shaped
        if person.outside:
            self._print.add(f"outside, locked: {person.locked}")
        self._print.add(
            shaped.dn, *shaped.values.items(), *(odd.code for odd in shaped.odd.values())
        )

    def _known_columns(self) -> Iterable[str]:
        """Return the columns that there are; any attribute may be, so all that were asked for."""
        for column in self._columns:
            if self._spec.groups is not None or not column.startswith(GROUP):
                yield column
