"""Ask a directory about entries that it showed once and shows no more: are they gone, or hidden?"""

from collections.abc import Iterable, Mapping, Set
from pathlib import Path

from kanport.mapping.ldap import LdapSource, several
from kanport.sources.ldap.connect import connected
from kanport.sources.ldap.connection import Question
from kanport.sources.ldap.lookup import Lookup
from kanport.sources.ldap.names import both, dn_key, escape, is_below
from kanport.sources.ldap.proof import Proof
from kanport.sources.ldap.search import Directory


def unproven(
    name: str,
    spec: LdapSource,
    people: Iterable[str],
    groups: Iterable[str],
    *,
    there: Set[str],
    base: Path,
    environ: Mapping[str, str],
) -> frozenset[str]:
    """Return the DNs of which the directory does not prove why the source lacks them.

    Proof is that there is no such entry, or that it does not fit the filter of the source. `there`
    are the keys of the entries that the source has, `base` is the folder of the mapping. Raises as
    `kanport.sources.ldap.read_ldap`.
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
    return found


def undetermined(
    name: str,
    spec: LdapSource,
    people: Iterable[str],
    groups: Set[str],
    *,
    base: Path,
    environ: Mapping[str, str],
) -> dict[str, frozenset[str]]:
    """Return in which groups somebody may be who is not listed there, by the DN of the person.

    A server may hide single values of a list (in OpenLDAP: an ACL with `val`). Such a value is
    neither there nor absent in a filter. `people` and `groups` are DNs, `base` is the folder of the
    mapping. Raises as `kanport.sources.ldap.read_ldap`.
    """
    wanted = spec.groups
    if wanted is None or wanted.by_member_of:
        return {}
    with connected(name, spec, base=base, environ=environ) as (connection, _):
        directory = Directory(connection, spec.page_size)
        proof = Proof(directory)
        if proof.is_active_directory:
            return {}
        names = [one for one in wanted.member_attributes if one.lower() != "memberuid"]
        names = [one for one in names if proof.knows(one)]
        found: dict[str, frozenset[str]] = {}
        for dn in people:
            values = (f"({one}={escape(dn)})" for one in names)
            told = both(wanted.filter, *(f"(|{value}(!{value}))" for value in values))
            certain: set[str] = set()
            for below in several(wanted.base):
                question = Question(below, wanted.scope, told, ())
                certain |= {dn_key(entry.dn) for entry in directory.search(question)}
            found[dn] = frozenset(group for group in groups if dn_key(group) not in certain)
        return {dn: doubtful for dn, doubtful in found.items() if doubtful}


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
