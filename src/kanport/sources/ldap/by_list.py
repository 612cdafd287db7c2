"""Members by DN: groups that list who is in them (member, uniqueMember)."""

from itertools import chain

from kanport.mapping.ldap import LdapGroups
from kanport.sources.ldap.active import is_locked
from kanport.sources.ldap.ber import Attributes
from kanport.sources.ldap.dynamic import follow_urls
from kanport.sources.ldap.gathering import Gathering, decoded
from kanport.sources.ldap.graph import Node
from kanport.sources.ldap.lookup import Found
from kanport.sources.ldap.names import dn_key

_GROUP_CLASSES = {
    b"group", b"groupofnames", b"groupofuniquenames", b"groupofmembers", b"posixgroup",
    b"groupofentries", b"nestedgroup", b"ipausergroup", b"groupofurls",
}  # fmt: skip


def follow_lists(gathering: Gathering) -> None:
    """Find who is listed in the groups, and in the groups listed there, level by level."""
    level = list(gathering.nodes)
    for _ in range(gathering.groups.depth + 1):
        level = _expand(gathering, level)
        if not level:
            return


def _expand(gathering: Gathering, level: list[str]) -> list[str]:
    """Sort the members of some groups; give the groups among them that are new."""
    groups, people, nodes = gathering.groups, gathering.people, gathering.nodes
    _find_hidden(gathering, level)
    listed = {key: _listed(gathering, nodes[key]) for key in level}
    follow_urls(gathering, {key: members.keys() for key, members in listed.items()})
    open_ends = {
        member: dn
        for members in listed.values()
        for member, dn in members.items()
        if member not in people and member not in nodes
    }
    found = gathering.ask(open_ends)
    for key, entry in found.people.items():
        if groups.outside == "fetch" or gathering.is_inside(key):
            gathering.add_person(entry)
    new: list[str] = []
    for key, entry in chain(found.others.items(), found.people.items()):
        if key not in people and key not in nodes and _is_group(groups, entry.attributes):
            new.append(gathering.add_group(entry))
    for key, members in listed.items():
        # The server has told by now which entries these are.
        _sort(gathering, nodes[key], {gathering.same_as(m): dn for m, dn in members.items()}, found)
    return new if groups.nested == "walk" else []


def _find_hidden(gathering: Gathering, level: list[str]) -> None:
    """Mark the groups that show no members and are not proven to have none."""
    nodes = gathering.nodes
    for name in gathering.groups.member_attributes:
        silent = {
            key: nodes[key].entry.dn
            for key in level
            if not nodes[key].entry.attributes.get(name.lower())
        }
        for key in silent.keys() - gathering.lookup.proof.without(silent, name):
            nodes[key].hidden = True


def _listed(gathering: Gathering, node: Node) -> dict[str, str]:
    attributes = node.entry.attributes
    names = [name.lower() for name in gathering.groups.member_attributes]
    ignored = {dn_key(dn) for dn in gathering.groups.ignore}
    raws = chain.from_iterable(attributes.get(name, ()) for name in names if name != "memberuid")
    members = {gathering.key_of(raw): decoded(raw) for raw in raws}
    return {key: dn for key, dn in members.items() if key not in ignored}


def _sort(gathering: Gathering, node: Node, members: dict[str, str], found: Found) -> None:
    nested = gathering.groups.nested
    for key, dn in members.items():
        if key in gathering.people:
            node.people.add(key)
        elif key in gathering.nodes:
            if nested == "walk":
                node.groups.add(key)
            elif nested == "none":
                node.strangers.append(dn)
        elif (key not in found.hidden and (key in found.others or key in found.gone)) or _is_locked(
            gathering, key, found
        ):
            node.strangers.append(dn)
        else:
            node.lost.append(dn)


def _is_locked(gathering: Gathering, key: str, found: Found) -> bool:
    """Return whether somebody outside the base is locked: nobody whom a group could let in."""
    return key in found.people and is_locked(found.people[key].attributes, gathering.now)


def _is_group(groups: LdapGroups, attributes: Attributes) -> bool:
    classes = {value.lower() for value in attributes.get("objectclass", ())}
    return bool(classes & _GROUP_CLASSES) or any(
        attributes.get(name.lower()) for name in groups.member_attributes
    )
