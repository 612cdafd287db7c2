"""Who is in which group, in whatever way the directory says it.

Each way has a section: groups list their members by DN (`member_attribute`) or by login
(`member_uid`), people list their groups (`member_of`), or the server follows groups in groups
itself (`in_chain`). Primary groups and dynamic groups come last.
"""

from collections.abc import Iterable, Mapping, Set
from itertools import chain
from urllib.parse import unquote, urlsplit

from kanport.errors import ConfigInvalid
from kanport.mapping.ldap import LdapGroups, several
from kanport.sources.ldap.attributes import is_locked, sid_text, texts
from kanport.sources.ldap.ber import Attributes, Entry
from kanport.sources.ldap.connection import Question
from kanport.sources.ldap.lookup import ResolvedNames
from kanport.sources.ldap.names import both, broad_key, dn_key, either, escape
from kanport.sources.ldap.proof import ANY, unproven_absences
from kanport.sources.ldap.resolver import GroupResolver, Node, decoded
from kanport.sources.ldap.rows import DirectoryPerson
from kanport.sources.ldap.search import SourceIncomplete


def person_attributes(groups: LdapGroups) -> tuple[str, ...]:
    """Return what must be known of people to find their groups."""
    wanted = ["memberOf"] if groups.by_member_of else []
    if _by_login(groups):
        wanted.append(groups.login)
    return tuple(wanted + _primary(groups, "primaryGroupID", "objectSid"))


def group_attributes(groups: LdapGroups) -> tuple[str, ...]:
    """Return what must be known of groups to find who is in them."""
    wanted = ("objectClass", MEMBER_URL, *groups.member_attributes)
    return (*wanted, *_primary(groups, "objectSid"))


def find_members(resolver: GroupResolver, wanted: Iterable[Entry]) -> None:
    """Find who is in these groups, and in the groups in them as far as they are followed."""
    keys = [resolver.add_group(entry) for entry in wanted]
    groups = resolver.groups
    if groups.by_member_of:
        _follow_member_of(resolver)
    else:
        _follow_member_attribute(resolver)
    if _by_login(groups):
        _follow_member_uid(resolver)
    if groups.nested == "rule":
        _follow_in_chain(resolver, keys)
    if groups.primary:
        _add_primary(resolver)


def _by_login(groups: LdapGroups) -> bool:
    return any(name.lower() == "memberuid" for name in groups.member_attributes)


def _primary(groups: LdapGroups, *attributes: str) -> list[str]:
    if not groups.primary:
        return []
    return [*attributes, *(["gidNumber"] if _by_login(groups) else [])]


# --- member_attribute: groups list DNs ------------------------------------------------------------


_GROUP_CLASSES = {
    b"group", b"groupofnames", b"groupofuniquenames", b"groupofmembers", b"posixgroup",
    b"groupofentries", b"nestedgroup", b"ipausergroup", b"groupofurls",
}  # fmt: skip


def _follow_member_attribute(resolver: GroupResolver) -> None:
    """Find who is listed in the groups, and in the groups listed there, level by level."""
    level = list(resolver.nodes)
    for _ in range(resolver.groups.depth + 1):
        level = _expand(resolver, level)
        if not level:
            return


def _expand(resolver: GroupResolver, level: list[str]) -> list[str]:
    """Sort the members of some groups; give the groups among them that are new."""
    groups, people, nodes = resolver.groups, resolver.people, resolver.nodes
    _find_unreadable(resolver, level)
    listed = {key: _listed(resolver, nodes[key]) for key in level}
    _mark_unexpanded(resolver, {key: members.keys() for key, members in listed.items()})
    open_ends = {
        member: dn
        for members in listed.values()
        for member, dn in members.items()
        if member not in people and member not in nodes
    }
    found = resolver.ask(open_ends)
    for key, entry in found.people.items():
        if groups.outside == "fetch" or resolver.is_inside(key):
            resolver.add_person(entry)
    new: list[str] = []
    for key, entry in chain(found.others.items(), found.people.items()):
        if key not in people and key not in nodes and _is_group(groups, entry.attributes):
            new.append(resolver.add_group(entry))
    for key, members in listed.items():
        # The server has told by now which entries these are.
        _sort(resolver, nodes[key], {resolver.same_as(m): dn for m, dn in members.items()}, found)
    return new if groups.nested == "walk" else []


def _find_unreadable(resolver: GroupResolver, level: list[str]) -> None:
    """Mark the groups that show no members and are not proven to have none."""
    nodes = resolver.nodes
    for name in resolver.groups.member_attributes:
        silent = {
            key: nodes[key].entry.dn
            for key in level
            if not nodes[key].entry.attributes.get(name.lower())
        }
        for key in silent.keys() - resolver.lookup.proof.without(silent, name):
            nodes[key].unreadable = True


def _listed(resolver: GroupResolver, node: Node) -> dict[str, str]:
    attributes = node.entry.attributes
    names = [name.lower() for name in resolver.groups.member_attributes]
    ignored = {dn_key(dn) for dn in resolver.groups.ignore}
    raws = chain.from_iterable(attributes.get(name, ()) for name in names if name != "memberuid")
    members = {resolver.key_of(raw): decoded(raw) for raw in raws}
    return {key: dn for key, dn in members.items() if key not in ignored}


def _sort(
    resolver: GroupResolver, node: Node, members: dict[str, str], found: ResolvedNames
) -> None:
    nested = resolver.groups.nested
    for key, dn in members.items():
        if key in resolver.people:
            node.people.add(key)
        elif key in resolver.nodes:
            if nested == "walk":
                node.groups.add(key)
            elif nested == "none":
                node.external.append(dn)
        elif _is_external(resolver, key, found):
            node.external.append(dn)
        else:
            node.unresolved.append(dn)


def _is_external(resolver: GroupResolver, key: str, found: ResolvedNames) -> bool:
    """Return whether a member is proven to be none of the people whom a group could let in.

    It is gone or something else, or somebody outside the base who is locked.
    """
    if key not in found.unreadable and (key in found.others or key in found.gone):
        return True
    return key in found.people and is_locked(found.people[key].attributes, resolver.now)


def _is_group(groups: LdapGroups, attributes: Attributes) -> bool:
    classes = {value.lower() for value in attributes.get("objectclass", ())}
    return bool(classes & _GROUP_CLASSES) or any(
        attributes.get(name.lower()) for name in groups.member_attributes
    )


# --- member_uid: groups list logins ---------------------------------------------------------------


_AT_ONCE = 200


def _follow_member_uid(resolver: GroupResolver) -> None:
    """Find who has the login names that the groups list, to the letter, as Unix compares them."""
    name = resolver.groups.login
    by_login: dict[bytes, set[str]] = {}
    for key, person in resolver.people.items():
        for login in person.attributes.get(name.lower(), ()):
            by_login.setdefault(login, set()).add(key)
    nodes = resolver.nodes.values()
    listed = {login for node in nodes for login in node.entry.attributes.get("memberuid", ())}
    inside = dict(resolver.people)
    everywhere = resolver.groups.outside == "fetch"
    missing = texts(sorted(listed - by_login.keys())) if everywhere else []
    for at in range(0, len(missing), _AT_ONCE):
        condition = either([name], missing[at : at + _AT_ONCE])
        for base in resolver.spec.bases:
            found, whole = resolver.lookup.where(condition, base, (base,))
            everywhere = everywhere and whole
            for entry in found.values():
                person = resolver.add_person(entry)
                for login in person.attributes.get(name.lower(), ()):
                    by_login.setdefault(login, set()).add(person.key)
    for node in nodes:
        for login in node.entry.attributes.get("memberuid", ()):
            several = frozenset(by_login.get(login, ()))
            node.logins |= several
            if len(several) > 1:
                node.twins.update(dict.fromkeys(several, several))
            elif several:
                node.people |= several
            else:
                # Who was looked for everywhere is not there; otherwise nobody knows.
                (node.external if everywhere else node.unresolved).append(decoded(login))
    if listed - by_login.keys():
        # A login that seems to be nobody's may be that of somebody whose login is hidden.
        _doubt(resolver, name, inside)


def _doubt(resolver: GroupResolver, attribute: str, people: Mapping[str, DirectoryPerson]) -> None:
    """Mark the people as in doubt whose groups depend on an attribute that may only be hidden."""
    name = attribute.lower()
    silent = {one.shaped.dn: key for key, one in people.items() if not one.attributes.get(name)}
    spec = resolver.spec
    searches = [Question(base, spec.scope, spec.filter, ()) for base in spec.bases]
    hidden = unproven_absences(resolver.directory, searches, {name: silent}).get(name, ())
    if hidden:
        resolver.ungrouped.setdefault(attribute, set()).update(silent[dn] for dn in hidden)


# --- member_of: people list their groups ----------------------------------------------------------


def _follow_member_of(resolver: GroupResolver) -> None:
    """Find the groups that people say they are in, and with `walk` the groups that those are in."""
    nodes = resolver.nodes
    if not any("memberof" in person.attributes for person in resolver.people.values()):
        # Nobody in any group at all: it is likelier that the attribute may not be read.
        for node in nodes.values():
            node.unreadable = True
    else:
        silent = {
            key: person.shaped.dn
            for key, person in resolver.people.items()
            if "memberof" not in person.attributes
        }
        unproven = silent.keys() - resolver.lookup.proof.without(silent, "memberOf")
        resolver.ungrouped.setdefault("memberOf", set()).update(unproven)
    direct: dict[str, set[str]] = {}
    names: dict[str, str] = {}
    for key, person in resolver.people.items():
        for group, dn in _groups_of(resolver, person.attributes).items():
            direct.setdefault(group, set()).add(key)
            names[group] = dn
    if resolver.groups.nested == "walk":
        _climb(resolver, names)
    else:
        # Only the server can tell whether a DN that is spelled otherwise is one of the groups.
        wanted = {broad_key(node.entry.dn) for node in nodes.values()}
        unclear = {
            key: dn for key, dn in names.items() if key not in nodes and broad_key(dn) in wanted
        }
        resolver.ask(unclear)
    for key, people in direct.items():
        group = resolver.same_as(key)
        if group in nodes:
            nodes[group].people |= people


def _climb(resolver: GroupResolver, names: dict[str, str]) -> None:
    """Read the groups that are met on the way up, and link each to those that it is in."""
    nodes = resolver.nodes
    for node in list(nodes.values()):
        names |= _groups_of(resolver, node.entry.attributes)
    for _ in range(resolver.groups.depth + 1):
        open_ends = {key: dn for key, dn in names.items() if key not in nodes}
        if not open_ends:
            break
        found = resolver.ask(open_ends)
        resolver.unreadable_groups += (
            dn for key, dn in found.unreadable.items() if key not in found.others
        )
        names = {}
        for entry in chain(found.others.values(), found.people.values()):
            resolver.add_group(entry)
            names |= _groups_of(resolver, entry.attributes)
        names = {resolver.same_as(key): dn for key, dn in names.items()}
    else:
        # What lies above the last level may be in any of the groups.
        resolver.unreadable_groups += (dn for key, dn in names.items() if key not in nodes)
    silent = {
        key: node.entry.dn
        for key, node in nodes.items()
        if not _groups_of(resolver, node.entry.attributes)
    }
    unproven = silent.keys() - resolver.lookup.proof.without(silent, "memberOf")
    resolver.unreadable_groups += (silent[key] for key in sorted(unproven))
    for key, node in nodes.items():
        for above in _groups_of(resolver, node.entry.attributes):
            if above in nodes:
                nodes[above].groups.add(key)


def _groups_of(resolver: GroupResolver, attributes: Attributes) -> dict[str, str]:
    return {resolver.key_of(raw): decoded(raw) for raw in attributes.get("memberof", ())}


# --- in_chain: the server follows groups in groups ------------------------------------------------


IN_CHAIN = "1.2.840.113556.1.4.1941"


def _follow_in_chain(resolver: GroupResolver, wanted: Iterable[str]) -> None:
    """Ask the server who is in each of the groups, however deep.

    A server that does not know the rule answers that nobody is, and calls that success. So where
    nobody comes although members are listed, or the server is not Active Directory, ConfigInvalid
    is raised.
    """
    listed = found = False
    for key in wanted:
        node = resolver.nodes[key]
        listed = listed or bool(node.people)
        people = _in_chain(resolver, node)
        found = found or bool(people)
        node.people |= people
    if not found and (listed or not resolver.lookup.proof.is_active_directory):
        raise ConfigInvalid(
            "the server does not follow nested groups itself: it finds nobody in any group",
            hint="nested: walk does it on our side",
        )


def _primary_in_chain(resolver: GroupResolver, by_sid: dict[bytes, set[str]]) -> None:
    """Add people to the groups that their primary group lies in; the rule leaves them out.

    `by_sid` are the people by the SID of their primary group.
    """
    groups = resolver.groups
    for sid, people in by_sid.items():
        try:
            primary = resolver.directory.read(f"<SID={sid_text(sid)}>", ("objectClass",), ANY)
        except KeyError:
            primary = None
        if primary is None:
            resolver.unreadable_groups.append(sid_text(sid))
            continue
        filter_ = both(groups.filter, f"(member:{IN_CHAIN}:={escape(primary.dn)})")
        for base in several(groups.base):
            question = Question(base, groups.scope, filter_, ("objectClass",))
            for entry in resolver.directory.search(question):
                if (key := dn_key(entry.dn)) in resolver.nodes:
                    resolver.nodes[key].people |= people


def _in_chain(resolver: GroupResolver, node: Node) -> set[str]:
    condition = f"(memberOf:{IN_CHAIN}:={escape(node.entry.dn)})"
    found, whole = resolver.lookup.where(condition, node.entry.dn, resolver.spec.bases)
    # Who is in it and lies elsewhere is not seen then.
    node.unreadable = node.unreadable or not whole
    people: set[str] = set()
    for key, entry in found.items():
        known = key in resolver.people or resolver.is_inside(key)
        if known or resolver.groups.outside == "fetch":
            people.add(resolver.add_person(entry).key)
        else:
            node.unresolved.append(entry.dn)
    return people


# --- primary groups -------------------------------------------------------------------------------


def _add_primary(resolver: GroupResolver) -> None:
    """Add people to their primary group, told by its SID, or by its number on Unix."""
    by_sid: dict[bytes, set[str]] = {}
    by_number: dict[bytes, set[str]] = {}
    for key, person in resolver.people.items():
        sids = person.attributes.get("objectsid")
        primary = person.attributes.get("primarygroupid")
        if sids and primary and primary[0].isdigit():
            # The group is of the same domain: the same SID but for its last part.
            sid = sids[0][:-4] + int(primary[0]).to_bytes(4, "little")
            by_sid.setdefault(sid, set()).add(key)
        for number in person.attributes.get("gidnumber", ()):
            by_number.setdefault(number, set()).add(key)
    for node in resolver.nodes.values():
        for sid in node.entry.attributes.get("objectsid", ()):
            node.people |= by_sid.get(sid, set())
        for number in node.entry.attributes.get("gidnumber", ()):
            node.people |= by_number.get(number, set())
    _doubt_primary(resolver)
    if resolver.groups.nested == "rule":
        _primary_in_chain(resolver, by_sid)


def _doubt_primary(resolver: GroupResolver) -> None:
    """Mark the people and the groups whose numbers may only be hidden."""
    people, nodes, proof = resolver.people, resolver.nodes, resolver.lookup.proof
    if not proof.is_active_directory:
        if _by_login(resolver.groups):
            _doubt(resolver, "gidNumber", people)
            silent = {
                key: node.entry.dn
                for key, node in nodes.items()
                if not node.entry.attributes.get("gidnumber")
            }
            for key in silent.keys() - proof.without(silent, "gidNumber"):
                nodes[key].number = "gidNumber"
        return
    # Every account and every group of Active Directory has these; only a contact has none.
    for node in nodes.values():
        node.number = "" if node.entry.attributes.get("objectsid") else "objectSid"
    for attribute in ("objectSid", "primaryGroupID"):
        silent = {
            key: one.shaped.dn
            for key, one in people.items()
            if not one.attributes.get(attribute.lower())
        }
        if hidden := silent.keys() - proof.holding(silent, "(objectClass=contact)"):
            resolver.ungrouped.setdefault(attribute, set()).update(hidden)


# --- dynamic groups -------------------------------------------------------------------------------


MEMBER_URL = "memberURL"
_CLASS = b"groupofurls"
_SCOPES = {"": "base", "base": "base", "one": "one", "sub": "subtree"}


def _mark_unexpanded(resolver: GroupResolver, listed: Mapping[str, Set[str]]) -> None:
    """Mark the dynamic groups that the server does not expand.

    `listed` are the members that the groups list, by the keys of groups and members.
    """
    for key, members in listed.items():
        node = resolver.nodes[key]
        urls = node.entry.attributes.get(MEMBER_URL.lower(), [])
        classes = {value.lower() for value in node.entry.attributes.get("objectclass", ())}
        if urls:
            node.unexpanded = not all(_is_expanded(resolver, url, members) for url in urls)
        elif _CLASS in classes and not members:
            # Even the URL may not be read.
            node.unexpanded = not resolver.lookup.proof.without({key: node.entry.dn}, MEMBER_URL)


def _is_expanded(resolver: GroupResolver, raw: bytes, members: Set[str]) -> bool:
    """Return whether a group lists whom its URL finds; if that is nobody, nobody may be hidden."""
    question = _question(decoded(raw))
    if question is None:
        return bool(members)
    try:
        found = {dn_key(entry.dn) for entry in resolver.directory.search(question)}
        if found:
            return found <= members
        others = {dn_key(entry.dn) for entry in resolver.directory.search(_not(question))}
        everything = resolver.directory.search(question._replace(filter=ANY))
        return all(dn_key(entry.dn) in others for entry in everything)
    except (ConfigInvalid, SourceIncomplete):
        return False


def _not(question: Question) -> Question:
    return question._replace(filter=f"(!{both(question.filter)})")


def _question(url: str) -> Question | None:
    """Return the search of an LDAP URL for entries (RFC 4516); None for any other.

    >>> _question("ldap:///ou=people,dc=x??sub?(l=Kiel)")[:3]
    ('ou=people,dc=x', 'subtree', '(l=Kiel)')
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    attributes, scope, filter_ = [*map(unquote, parts.query.split("?")), "", ""][:3]
    base = unquote(parts.path.removeprefix("/"))
    known = scope.lower() in _SCOPES
    if parts.scheme.lower() != "ldap" or parts.netloc or attributes or not base or not known:
        return None
    return Question(base, _SCOPES[scope.lower()], filter_ or ANY, ())
