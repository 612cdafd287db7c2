"""Members by memberOf: people, and groups, that list which groups they are in."""

from itertools import chain

from kanport.sources.ldap.ber import Attributes
from kanport.sources.ldap.gathering import Gathering, decoded
from kanport.sources.ldap.names import broad_key


def follow_member_of(gathering: Gathering) -> None:
    """Find the groups that people say they are in, and with `walk` the groups that those are in."""
    nodes = gathering.nodes
    if not any("memberof" in person.attributes for person in gathering.people.values()):
        # Nobody in any group at all: it is likelier that the attribute may not be read.
        for node in nodes.values():
            node.hidden = True
    else:
        silent = {
            key: person.shaped.dn
            for key, person in gathering.people.items()
            if "memberof" not in person.attributes
        }
        gathering.ungrouped |= silent.keys() - gathering.lookup.proof.without(silent, "memberOf")
    direct: dict[str, set[str]] = {}
    names: dict[str, str] = {}
    for key, person in gathering.people.items():
        for group, dn in _groups_of(gathering, person.attributes).items():
            direct.setdefault(group, set()).add(key)
            names[group] = dn
    if gathering.groups.nested == "walk":
        _climb(gathering, names)
    else:
        # Only the server can tell whether a DN that is spelled otherwise is one of the groups.
        wanted = {broad_key(node.entry.dn) for node in nodes.values()}
        unclear = {
            key: dn for key, dn in names.items() if key not in nodes and broad_key(dn) in wanted
        }
        gathering.ask(unclear)
    for key, people in direct.items():
        group = gathering.same_as(key)
        if group in nodes:
            nodes[group].people |= people


def _climb(gathering: Gathering, names: dict[str, str]) -> None:
    """Read the groups that are met on the way up, and link each to those that it is in."""
    nodes = gathering.nodes
    for node in list(nodes.values()):
        names |= _groups_of(gathering, node.entry.attributes)
    for _ in range(gathering.groups.depth + 1):
        open_ends = {key: dn for key, dn in names.items() if key not in nodes}
        if not open_ends:
            break
        found = gathering.ask(open_ends)
        gathering.hidden_groups += (
            dn for key, dn in found.hidden.items() if key not in found.others
        )
        names = {}
        for entry in chain(found.others.values(), found.people.values()):
            gathering.add_group(entry)
            names |= _groups_of(gathering, entry.attributes)
        names = {gathering.same_as(key): dn for key, dn in names.items()}
    else:
        # What lies above the last level may be in any of the groups.
        gathering.hidden_groups += (dn for key, dn in names.items() if key not in nodes)
    silent = {
        key: node.entry.dn
        for key, node in nodes.items()
        if not _groups_of(gathering, node.entry.attributes)
    }
    unproven = silent.keys() - gathering.lookup.proof.without(silent, "memberOf")
    gathering.hidden_groups += (silent[key] for key in sorted(unproven))
    for key, node in nodes.items():
        for above in _groups_of(gathering, node.entry.attributes):
            if above in nodes:
                nodes[above].groups.add(key)


def _groups_of(gathering: Gathering, attributes: Attributes) -> dict[str, str]:
    return {gathering.key_of(raw): decoded(raw) for raw in attributes.get("memberof", ())}
