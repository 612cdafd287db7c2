"""Directories compared with what the ledger knows of them: what is not there is asked for again."""

import os
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Set
from dataclasses import replace

from kanport.facts import Fact, fact
from kanport.findings import Finding, found
from kanport.mapping.ldap import LdapSource
from kanport.memory import Entries, KnownEntry
from kanport.model import Blocker, DesiredState, Pair, Unknown
from kanport.names import compare_key, spelling_key
from kanport.origin import Origin
from kanport.pipeline.inputs import Inputs
from kanport.plan.guards.allowances import allow_key
from kanport.relations import About
from kanport.table import Table

_MOST_FOLDERS = 20


def compare_directories(
    inputs: Inputs, known: Entries, allowed: Mapping[str, int]
) -> tuple[Inputs, Entries]:
    """Return the inputs with everybody unknown whose entry is neither there nor proven to be gone.

    `known` are the entries that the ledger has. The second value are those that it is to have from
    now on: what was read, and what is still in doubt. `allowed` is what is allowed for this run:
    where new referrals are, whoever lies on another server counts as gone. Asks the directories,
    over a connection of its own, only where entries are missing. Raises Unreachable as
    `read_inputs`.
    """
    if not any(isinstance(spec, LdapSource) for spec in inputs.mapping.spec.sources.values()):
        return inputs, {}
    # ldap3 takes its time to load.
    from kanport.sources.ldap.names import dn_key

    now = entries_read(inputs.desired, inputs.tables)
    keep: dict[str, dict[str, KnownEntry]] = {}
    findings: list[Finding] = []
    unknown = inputs.desired.unknown
    for name, spec in inputs.mapping.spec.sources.items():
        if not isinstance(spec, LdapSource):
            continue
        before, read = known.get(name, {}), now.get(name, {})
        there = _there(inputs.tables[name], inputs.desired.unknown.nameless)
        missing = {dn: entry for dn, entry in before.items() if dn_key(dn) not in there}
        elsewhere = allow_key("referrals", name) in allowed
        doubtful = _doubtful(inputs, name, spec, missing, there, elsewhere) if missing else {}
        still = {dn: before[dn] for dn in before if dn_key(dn) in there}
        keep[name] = {**doubtful, **still, **_merged(read, before)}
        unknown = _with(unknown, name, doubtful)
        findings += _findings(name, doubtful)
    unknown = replace(unknown, nameless=_nameless(inputs, unknown.nameless, known))
    if findings or unknown != inputs.desired.unknown:
        inputs = replace(
            inputs,
            desired=replace(inputs.desired, unknown=unknown),
            findings=(*inputs.findings, *findings),
        )
    return inputs, keep


def doubt_leavers(
    inputs: Inputs, known: Entries, leaving: Collection[str], nameless: Collection[str]
) -> Inputs:
    """Return the inputs with users unknown whose entries a directory may have hidden all the time.

    `known` are the entries that the ledger has, `leaving` the usernames of users in no source. Of
    whom the ledger knows no entry, as on the first run, Kanport asks for the entry that they would
    have: named as those of the others are, and beside them. They may also be any of `nameless`, the
    DNs of entries whose username nobody knows. The very same inputs come back where nothing is in
    doubt. Raises Unreachable as `read_inputs`.
    """
    users = inputs.mapping.spec.users
    remembered = {
        compare_key(entry.username)
        for by_dn in known.values()
        for entry in by_dn.values()
        if entry.username is not None
    }
    strangers = sorted(name for name in leaving if compare_key(name) not in remembered)
    if users is None or not strangers:
        return inputs
    by_dn = {dn for entries in known.values() for dn, one in entries.items() if one.username}
    if unnamed := sorted(set(nameless) - by_dn):
        return _all_hidden(inputs, strangers, unnamed)
    from kanport.sources.ldap.names import escape

    now = entries_read(inputs.desired, inputs.tables)
    unknown, findings = inputs.desired.unknown, list[Finding]()
    for name in users.sources:
        spec = inputs.mapping.spec.sources[name]
        if not isinstance(spec, LdapSource):
            continue
        guessed = {
            # What escapes a text in a filter does so in a DN, too.
            f"{attribute}={escape(who)},{above}": KnownEntry(who)
            for attribute, above in _naming(now.get(name, {}))
            for who in strangers
        }
        there = _there(inputs.tables[name], nameless)
        doubtful = _doubtful(inputs, name, spec, guessed, there) if guessed else {}
        if doubtful:
            unknown = _with(unknown, name, doubtful)
            findings += _people("guessed", name, doubtful)
    if not findings:
        return inputs
    return replace(
        inputs,
        desired=replace(inputs.desired, unknown=unknown),
        findings=(*inputs.findings, *findings),
    )


def doubt_losses(inputs: Inputs, known: Entries, losing: Collection[str]) -> Inputs:
    """Return the inputs with unknown access where a directory hides who is in a group.

    `known` are the entries, `losing` are the usernames of people who would lose access. Asks each
    directory for them, over a connection of its own. The very same inputs come back where nothing
    is in doubt. Raises Unreachable as `read_inputs`.
    """
    keys = {compare_key(name) for name in losing}
    people = {
        dn: entry.username
        for by_dn in known.values()
        for dn, entry in by_dn.items()
        if entry.username is not None and compare_key(entry.username) in keys
    }
    unknown, findings = inputs.desired.unknown, list[Finding]()
    for name, spec in inputs.mapping.spec.sources.items():
        if not people or not isinstance(spec, LdapSource) or spec.groups is None:
            continue
        from kanport.sources.ldap.lookup import undetermined

        closed = [scope for scope in inputs.tables[name].scopes if not scope.open]
        groups = {one.row.origin.dn: one.inner for one in closed if one.row.origin.dn is not None}
        folder = inputs.mapping.path.parent
        open_ = undetermined(name, spec, people, groups, base=folder, environ=os.environ)
        for dn, doubtful in sorted(open_.items()):
            entries = [known.get(name, {}).get(group, KnownEntry()) for group in doubtful]
            who = compare_key(people[dn])
            targets = {
                About.MEMBERSHIP: {
                    spelling_key(one) for entry in entries for one in entry.projects
                },
                About.GROUP_MEMBER: {compare_key(one) for entry in entries for one in entry.groups},
            }
            unknown |= Unknown.of(
                {kind: {(who, what) for what in targets[kind]} for kind in targets},
                because=frozenset(
                    Blocker("group", who, Origin(name, dn=group), kind, what)
                    for group in doubtful
                    for kind in targets
                    for what in targets[kind]
                ),
            )
            findings.append(
                found(
                    "entry-unreadable",
                    Origin(name),
                    case="member",
                    user=fact("user-of-entry", username=people[dn], entry=dn),
                    groups=tuple(sorted(doubtful)),
                )
            )
    if not findings:
        return inputs
    return replace(
        inputs,
        desired=replace(inputs.desired, unknown=unknown),
        findings=(*inputs.findings, *findings),
    )


def entries_read(desired: DesiredState, tables: Mapping[str, Table]) -> Entries:
    """Return whose access depends on which entry, by source and DN. Pure.

    >>> from kanport.model import DesiredUser, Given
    >>> ada = DesiredUser(Given("ada", (Origin("staff", dn="uid=ada"),)))
    >>> entries_read(DesiredState((ada,)), {})["staff"]["uid=ada"].username
    'ada'
    """
    scopes = (scope.row.origin for table in tables.values() for scope in table.scopes)
    groups = set(_places(scopes))
    names: dict[tuple[str, str], str] = {}
    projects: dict[tuple[str, str], set[str]] = defaultdict(set)
    kanboard_groups: dict[tuple[str, str], set[str]] = defaultdict(set)
    for user in desired.users:
        for place in _places((*user.rows, *user.username.origins)):
            names[place] = user.username.value
    for membership in desired.memberships:
        for place in _places(membership.holder.origins):
            names.setdefault(place, membership.holder.value)
        for place in groups & set(_places((*membership.target.origins, *membership.role.origins))):
            projects[place].add(membership.target.value)
    for member in desired.group_members:
        for place in _places(member.holder.origins):
            names.setdefault(place, member.holder.value)
    for group in desired.groups:
        for place in groups & set(_places(group.name.origins)):
            kanboard_groups[place].add(group.name.value)
    found: dict[str, dict[str, KnownEntry]] = defaultdict(dict)
    for source, dn in {*names, *projects, *kanboard_groups}:
        place = source, dn
        found[source][dn] = KnownEntry(
            names.get(place) if place not in groups else None,
            tuple(sorted(projects[place])),
            tuple(sorted(kanboard_groups[place])),
        )
    return found


def _all_hidden(inputs: Inputs, strangers: Collection[str], unnamed: Collection[str]) -> Inputs:
    users = inputs.mapping.spec.users
    source = users.sources[0] if users is not None else ""
    unknown = _with(inputs.desired.unknown, source, {who: KnownEntry(who) for who in strangers})
    hidden = {
        Blocker("entry", compare_key(who), Origin(source, dn=dn))
        for who in strangers
        for dn in tuple(unnamed)[:_MOST_FOLDERS]
    }
    unknown = replace(unknown, because=inputs.desired.unknown.because | hidden)
    finding = found(
        "entry-unreadable",
        Origin(source),
        case="nameless",
        count=len(unnamed),
        entries=tuple(unnamed),
        users=len(strangers),
        usernames=tuple(strangers),
    )
    return replace(
        inputs,
        desired=replace(inputs.desired, unknown=unknown),
        findings=(*inputs.findings, finding),
    )


def _naming(entries: Mapping[str, KnownEntry]) -> list[tuple[str, str]]:
    """Return how people are named by their usernames: by which attribute, below which entry.

    >>> _naming({"uid=ada,ou=people": KnownEntry("ada"), "cn=Bob B,ou=x": KnownEntry("bob")})
    [('uid', 'ou=people')]
    """
    from kanport.sources.ldap.names import parent, split_dn

    found: Counter[tuple[str, str]] = Counter()
    for dn, entry in entries.items():
        if entry.username is None:
            continue
        try:
            (first, *more), *_ = split_dn(dn)
            if not more and compare_key(first[1]) == compare_key(entry.username):
                found[first[0], parent(dn)] += 1
        except ValueError:
            continue
    return [naming for naming, _ in found.most_common(_MOST_FOLDERS)]


def _places(origins: Iterable[Origin]) -> Iterator[tuple[str, str]]:
    return ((place.source, place.dn) for place in origins if place.dn is not None)


def _there(table: Table, nameless: Collection[str]) -> set[str]:
    """Return the DNs of all entries that a source has, as `dn_key` gives them.

    Entries whose username may only be hidden (`nameless`) count as missing.
    """
    from kanport.sources.ldap.names import dn_key

    rows = (*table.rows, *table.people, *(scope.row for scope in table.scopes))
    shown = (one.row for one in table.unread if not one.absent)
    places = (row.origin.dn for row in (*rows, *shown))
    return {dn_key(dn) for dn in places if dn is not None and dn not in nameless}


def _merged(
    read: Mapping[str, KnownEntry], before: Mapping[str, KnownEntry]
) -> dict[str, KnownEntry]:
    """Return what was read; a group whose members do not show leads where it led before."""
    return {
        dn: replace(
            entry,
            projects=entry.projects or before.get(dn, entry).projects,
            groups=entry.groups or before.get(dn, entry).groups,
        )
        for dn, entry in read.items()
    }


def _doubtful(
    inputs: Inputs,
    name: str,
    spec: LdapSource,
    missing: Mapping[str, KnownEntry],
    there: Set[str],
    elsewhere: bool = False,
) -> dict[str, KnownEntry]:
    from kanport.sources.ldap.lookup import unproven

    found = unproven(
        name,
        spec,
        [dn for dn, entry in missing.items() if entry.username is not None],
        [dn for dn, entry in missing.items() if entry.username is None],
        there=there,
        base=inputs.mapping.path.parent,
        environ=os.environ,
        elsewhere=elsewhere,
    )
    return {dn: missing[dn] for dn in sorted(found)}


def _with(unknown: Unknown, source: str, doubtful: Mapping[str, KnownEntry]) -> Unknown:
    people = {compare_key(one.username) for one in doubtful.values() if one.username is not None}
    projects = {spelling_key(name) for one in doubtful.values() for name in one.projects}
    groups = {compare_key(name) for one in doubtful.values() for name in one.groups}
    everywhere: set[Pair] = {(who, None) for who in people}
    return unknown | Unknown.of(
        {
            About.MEMBERSHIP: everywhere | {(None, name) for name in projects},
            About.GROUP_MEMBER: everywhere | {(None, name) for name in groups},
        },
        hidden=frozenset(people),
        because=frozenset(_blockers(source, doubtful)),
    )


def _blockers(source: str, doubtful: Mapping[str, KnownEntry]) -> Iterator[Blocker]:
    for dn, entry in doubtful.items():
        place = Origin(source, dn=dn)
        if entry.username is not None:
            yield Blocker("entry", compare_key(entry.username), place)
        for name in entry.projects:
            yield Blocker("group", None, place, About.MEMBERSHIP, spelling_key(name))
        for name in entry.groups:
            yield Blocker("group", None, place, About.GROUP_MEMBER, compare_key(name))


def _nameless(inputs: Inputs, nameless: Collection[str], known: Entries) -> frozenset[str]:
    """Return the hidden entries that may be anybody: none where the ledger knows whose DN is whose.

    One that it does not know was nobody's when the source was read last.
    """
    users = inputs.mapping.spec.users
    directories = [
        name
        for name in (users.sources if users is not None else ())
        if isinstance(inputs.mapping.spec.sources[name], LdapSource)
    ]
    if all(known.get(name) for name in directories):
        return frozenset()
    return frozenset(nameless)


def _findings(source: str, doubtful: Mapping[str, KnownEntry]) -> Iterator[Finding]:
    yield from _people("people", source, doubtful)
    groups = sorted(dn for dn, one in doubtful.items() if one.username is None)
    if groups:
        places = {name for dn in groups for name in (*doubtful[dn].projects, *doubtful[dn].groups)}
        yield found(
            "entry-unreadable",
            Origin(source),
            case="groups" if places else "groups-nowhere",
            count=len(groups),
            groups=tuple(groups),
            places=tuple(sorted(places)),
        )


def _people(case: str, source: str, doubtful: Mapping[str, KnownEntry]) -> Iterator[Finding]:
    people: tuple[Fact, ...] = tuple(
        fact("user-of-entry", username=one.username, entry=dn)
        for dn, one in doubtful.items()
        if one.username is not None
    )
    if people:
        yield found("entry-unreadable", Origin(source), case=case, count=len(people), people=people)
