"""Ask a directory about entries that it showed once and shows no more: are they gone, or hidden?"""

from collections.abc import Collection, Iterable, Mapping, Set
from pathlib import Path

from kanport.mapping.ldap import LdapGroups, LdapSource, several
from kanport.sources.ldap.connect import connected
from kanport.sources.ldap.connection import Question
from kanport.sources.ldap.errors import SourceIncomplete
from kanport.sources.ldap.lookup import Lookup
from kanport.sources.ldap.names import both, dn_key, either, escape, is_below
from kanport.sources.ldap.proof import ANY, Proof
from kanport.sources.ldap.results import REFERRAL
from kanport.sources.ldap.search import Directory
from kanport.sources.ldap.values import texts


def unproven(
    name: str,
    spec: LdapSource,
    people: Iterable[str],
    groups: Iterable[str],
    *,
    there: Set[str],
    base: Path,
    environ: Mapping[str, str],
    elsewhere: bool = False,
) -> frozenset[str]:
    """Return the DNs of which the directory does not prove why the source lacks them.

    Proof is that there is no such entry, or that it does not fit the filter of the source; with
    `elsewhere` also that another server has it now. `there` are the keys of the entries that the
    source has, `base` is the folder of the mapping. Raises as `kanport.sources.ldap.read_ldap`.
    """
    with connected(name, spec, base=base, environ=environ) as (connection, _):
        directory = Directory(connection, spec.page_size)
        # Who is in no group any more is in no row, and still among the people.
        bases = spec.bases if spec.groups is None else ()
        found = _unproven(directory, spec.filter, people, there, bases, spec.scope)
        if spec.groups is not None:
            # Where the mapping names groups, the others are left out on purpose.
            bases = () if spec.groups.names else several(spec.groups.base)
            scope = spec.groups.scope
            found |= _unproven(directory, spec.groups.filter, groups, there, bases, scope)
        if elsewhere:
            aside = directory.aside()
            found = frozenset(dn for dn in found if not _is_elsewhere(aside, dn))
    return found


def undetermined(
    name: str,
    spec: LdapSource,
    people: Iterable[str],
    groups: Mapping[str, Collection[str]],
    *,
    base: Path,
    environ: Mapping[str, str],
) -> dict[str, frozenset[str]]:
    """Return in which groups somebody may be who is not listed there, by the DN of the person.

    A server may hide single values of a list (in OpenLDAP: an ACL with `val`). Such a value is
    neither there nor absent in a filter. `people` are DNs, `groups` the DNs of groups with those
    of the groups in them, `base` is the folder of the mapping. Raises as
    `kanport.sources.ldap.read_ldap`.
    """
    wanted = spec.groups
    if wanted is None or wanted.by_member_of:
        return {}
    with connected(name, spec, base=base, environ=environ) as (connection, _):
        directory = Directory(connection, spec.page_size)
        proof = Proof(directory)
        if proof.is_active_directory:
            return {}
        found = {dn: _may_list(directory, proof, wanted, dn, groups) for dn in people}
        return {dn: doubtful for dn, doubtful in found.items() if doubtful}


def _may_list(
    directory: Directory,
    proof: Proof,
    wanted: LdapGroups,
    person: str,
    groups: Mapping[str, Collection[str]],
) -> frozenset[str]:
    """Return the groups that may list a person, or a group with this person in it."""
    names = [one for one in wanted.member_attributes if proof.knows(one)]
    by_dn = [one for one in names if one.lower() != "memberuid"]
    holders = [person]
    if wanted.nested == "walk":
        holders += _groups_of(directory, proof, by_dn, person, wanted.depth)
    listings = [(attribute, dn) for dn in holders for attribute in by_dn]
    for attribute in set(names) - set(by_dn):
        listings += [(attribute, login) for login in _logins(directory, person, wanted.login)]
    if not listings:
        return frozenset()
    told = both(*(_is_told(attribute, value) for attribute, value in listings))
    certain: set[str] = set()
    for below in several(wanted.base):
        question = Question(below, wanted.scope, both(wanted.filter, told), ())
        certain |= {dn_key(entry.dn) for entry in directory.search(question)}
    inner = {dn_key(dn): dn for dns in groups.values() for dn in dns}
    left = {key: dn for key, dn in inner.items() if key not in certain}
    if left:
        certain |= proof.holding(left, told)
    return frozenset(
        dn for dn, within in groups.items() if not certain.issuperset(map(dn_key, (dn, *within)))
    )


def _is_told(attribute: str, value: str) -> str:
    """Return a filter that is true where the server says whether an entry has a value."""
    has = f"({attribute}={escape(value)})"
    return f"(|{has}(!{has}))"


def _groups_of(
    directory: Directory, proof: Proof, attributes: Iterable[str], person: str, depth: int
) -> list[str]:
    """Return the DNs of the groups that list somebody, and of those that list these groups."""
    context = proof.context_of(person)
    found: dict[str, str] = {}
    level = [person]
    while level and context is not None and depth > 0:
        question = Question(context, "subtree", either(attributes, level), ())
        met = {dn_key(entry.dn): entry.dn for entry in directory.search(question)}
        level = [dn for key, dn in met.items() if key not in found]
        found |= met
        depth -= 1
    return [*found.values()]


def _logins(directory: Directory, person: str, attribute: str) -> list[str]:
    try:
        entry = directory.read(person, (attribute,), ANY)
    except KeyError:
        return []
    return texts(entry.attributes.get(attribute.lower(), [])) if entry is not None else []


def _is_elsewhere(directory: Directory, dn: str) -> bool:
    try:
        _, end = directory.look(dn, (), ANY)
    except SourceIncomplete:
        return False
    return end.code == REFERRAL


def _unproven(
    directory: Directory,
    filter_: str,
    dns: Iterable[str],
    there: Set[str],
    bases: Iterable[str],
    scope: str,
) -> frozenset[str]:
    """Return the DNs of entries that are neither gone nor proven not to be what is looked for.

    Below `bases` the source should have met an entry that fits.
    """
    asked = {dn_key(dn): dn for dn in dns}
    if not asked:
        return frozenset()
    found = Lookup(directory, filter_, ()).find(asked)
    below = [dn_key(base) for base in bases] if scope == "subtree" else []
    fitting = {key: dn_key(entry.dn) for key, entry in found.people.items()}
    met = {
        key
        for key, own in fitting.items()
        # The server may have spelled its DN otherwise the last time.
        if own not in there and any(is_below(own, one) for one in below)
    }
    return frozenset(asked[key] for key in asked if key in found.hidden or key in met)
