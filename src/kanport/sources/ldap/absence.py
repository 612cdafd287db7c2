"""Which attributes of many entries are proven to be absent, and which may only be hidden.

An entry without an attribute and one whose attribute an ACL hides look the same. Which servers
prove an absence is in `kind.PROVES_ABSENCE`, and how they do in `proof`; here is how many entries
are asked about at once.
"""

import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping

from kanport.sources.ldap.connection import Question
from kanport.sources.ldap.errors import SourceIncomplete
from kanport.sources.ldap.kind import PROVES_ABSENCE, Kind, kind_of
from kanport.sources.ldap.names import both, either, parent
from kanport.sources.ldap.proof import Proof
from kanport.sources.ldap.search import Directory

# So many entries are asked about one by one; for more, one search of all of them is cheaper.
_FEW = 25
_MOST_ONE_BY_ONE = 500
_MOST_PARENTS = 50
_LINKS_BOTH_WAYS = frozenset({Kind.ACTIVE_DIRECTORY, Kind.SAMBA, Kind.LIGHTWEIGHT})
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
    aside, proof, questions = directory.aside(), Proof(directory), tuple(searches)
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
    aside, proof = directory.aside(), Proof(directory)
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
    proof: Proof,
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
