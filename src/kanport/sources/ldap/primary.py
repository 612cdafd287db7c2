"""Primary groups: whose members no group lists."""

from kanport.sources.ldap.by_rule import primary_by_rule
from kanport.sources.ldap.gathering import Gathering


def add_primary(gathering: Gathering) -> None:
    """Add people to their primary group, told by its SID, or by its number on Unix."""
    by_sid: dict[bytes, set[str]] = {}
    by_number: dict[bytes, set[str]] = {}
    for key, person in gathering.people.items():
        sids = person.attributes.get("objectsid")
        primary = person.attributes.get("primarygroupid")
        if sids and primary and primary[0].isdigit():
            # The group is of the same domain: the same SID but for its last part.
            sid = sids[0][:-4] + int(primary[0]).to_bytes(4, "little")
            by_sid.setdefault(sid, set()).add(key)
        for number in person.attributes.get("gidnumber", ()):
            by_number.setdefault(number, set()).add(key)
    for node in gathering.nodes.values():
        for sid in node.entry.attributes.get("objectsid", ()):
            node.people |= by_sid.get(sid, set())
        for number in node.entry.attributes.get("gidnumber", ()):
            node.people |= by_number.get(number, set())
    if gathering.groups.nested == "rule":
        primary_by_rule(gathering, by_sid)
