"""Members by the server's own rule for nested groups (LDAP_MATCHING_RULE_IN_CHAIN)."""

from collections.abc import Iterable

from kanport.errors import ConfigInvalid
from kanport.mapping.ldap import several
from kanport.sources.ldap.connection import Question
from kanport.sources.ldap.gathering import Gathering
from kanport.sources.ldap.graph import Node
from kanport.sources.ldap.names import both, dn_key, escape
from kanport.sources.ldap.proof import ANY
from kanport.sources.ldap.values import sid_text

IN_CHAIN = "1.2.840.113556.1.4.1941"


def follow_rule(gathering: Gathering, wanted: Iterable[str]) -> None:
    """Ask the server who is in each of the groups, however deep.

    A server that does not know the rule answers that nobody is, and calls that success. So where
    nobody comes although members are listed, or the server is not Active Directory, ConfigInvalid
    is raised.
    """
    listed = found = False
    for key in wanted:
        node = gathering.nodes[key]
        listed = listed or bool(node.people)
        people = _in_chain(gathering, node)
        found = found or bool(people)
        node.people |= people
    if not found and (listed or not gathering.lookup.proof.is_active_directory):
        raise ConfigInvalid(
            "the server does not follow nested groups itself: it finds nobody in any group",
            hint="nested: walk does it on our side",
        )


def primary_by_rule(gathering: Gathering, by_sid: dict[bytes, set[str]]) -> None:
    """Add people to the groups that their primary group lies in; the rule leaves them out.

    `by_sid` are the people by the SID of their primary group.
    """
    groups = gathering.groups
    for sid, people in by_sid.items():
        try:
            primary = gathering.directory.read(f"<SID={sid_text(sid)}>", ("objectClass",), ANY)
        except KeyError:
            primary = None
        if primary is None:
            gathering.hidden_groups.append(sid_text(sid))
            continue
        filter_ = both(groups.filter, f"(member:{IN_CHAIN}:={escape(primary.dn)})")
        for base in several(groups.base):
            question = Question(base, groups.scope, filter_, ("objectClass",))
            for entry in gathering.directory.search(question):
                if (key := dn_key(entry.dn)) in gathering.nodes:
                    gathering.nodes[key].people |= people


def _in_chain(gathering: Gathering, node: Node) -> set[str]:
    condition = f"(memberOf:{IN_CHAIN}:={escape(node.entry.dn)})"
    found, whole = gathering.lookup.where(condition, node.entry.dn, gathering.spec.bases)
    # Who is in it and lies elsewhere is not seen then.
    node.hidden = node.hidden or not whole
    people: set[str] = set()
    for key, entry in found.items():
        known = key in gathering.people or gathering.is_inside(key)
        if known or gathering.groups.outside == "fetch":
            people.add(gathering.add_person(entry).key)
        else:
            node.lost.append(entry.dn)
    return people
