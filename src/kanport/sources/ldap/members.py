"""Who is in which group, as the directory lists it: by DN, by login name, or at the people."""

from collections.abc import Callable, Iterable
from itertools import chain

from kanport.errors import ConfigInvalid
from kanport.mapping.ldap import LdapGroups, LdapSource, several
from kanport.sources.ldap.ber import Attributes, Entry
from kanport.sources.ldap.connection import Question
from kanport.sources.ldap.graph import Node
from kanport.sources.ldap.lookup import ANY, Found, Lookup
from kanport.sources.ldap.names import both, dn_key, either, escape, is_below, without_uid
from kanport.sources.ldap.people import Person
from kanport.sources.ldap.search import Directory
from kanport.sources.ldap.values import sid_text, texts

IN_CHAIN = "1.2.840.113556.1.4.1941"
_GROUP_CLASSES = {
    b"group", b"groupofnames", b"groupofuniquenames", b"groupofmembers", b"posixgroup",
    b"groupofentries", b"nestedgroup", b"ipausergroup",
}  # fmt: skip
# Their schema wants at least one member, so that a list that is not there may not be read.
_NEVER_EMPTY = {b"groupofnames": "member", b"groupofuniquenames": "uniquemember"}
_LOGINS_AT_ONCE = 200


def person_attributes(groups: LdapGroups) -> tuple[str, ...]:
    """Give what must be known of people to find their groups."""
    wanted = ["memberOf"] if groups.by_member_of else []
    if _by_login(groups):
        wanted.append(groups.login)
    if groups.primary:
        wanted += ["primaryGroupID", "objectSid"]
        if _by_login(groups):
            wanted.append("gidNumber")
    return tuple(wanted)


def group_attributes(groups: LdapGroups) -> tuple[str, ...]:
    """Give what must be known of groups to find who is in them."""
    wanted = ["objectClass", *groups.member_attributes]
    if groups.primary:
        wanted.append("objectSid")
        if _by_login(groups):
            wanted.append("gidNumber")
    return tuple(wanted)


class Members:
    """Finds the members of groups among the people, and adds people who are found elsewhere.

    After `resolve`, `nodes` holds the groups that were asked about and all that were met in them.
    """

    def __init__(
        self,
        directory: Directory,
        spec: LdapSource,
        groups: LdapGroups,
        people: dict[str, Person],
        *,
        make: Callable[[Entry], Person],
        lookup: Lookup,
    ) -> None:
        self.nodes: dict[str, Node] = {}
        self.hidden_groups: list[str] = []
        self._directory = directory
        self._spec = spec
        self._groups = groups
        self._people = people
        self._make = make
        self._lookup = lookup
        self._bases = [dn_key(base) for base in spec.bases]
        self._ignored = {dn_key(dn) for dn in groups.ignore}
        self._keys: dict[bytes, str] = {}

    def resolve(self, wanted: Iterable[Entry]) -> None:
        """Find the members of these groups, and of the groups in them that are followed."""
        wanted = list(wanted)
        for entry in wanted:
            self._add(entry)
        if self._groups.by_member_of:
            self._from_people()
        else:
            self._from_groups()
        if _by_login(self._groups):
            self._from_logins()
        if self._groups.nested == "rule":
            self._by_rule([dn_key(entry.dn) for entry in wanted])
        if self._groups.primary:
            self._primary()

    def _add(self, entry: Entry) -> str:
        key = dn_key(entry.dn)
        self.nodes.setdefault(key, Node(entry))
        return key

    # --- groups that list DNs -------------------------------------------------------------------

    def _from_groups(self) -> None:
        level = list(self.nodes)
        for _ in range(self._groups.depth + 1):
            level = self._expand(level)
            if not level:
                return

    def _expand(self, level: list[str]) -> list[str]:
        """Sort the members of some groups; give the groups among them that are new."""
        open_ends: dict[str, str] = {}
        listed = {key: self._listed(self.nodes[key]) for key in level}
        for member, dn in chain.from_iterable(members.items() for members in listed.values()):
            if member not in self._people and member not in self.nodes:
                open_ends[member] = dn
        found = self._lookup.find(open_ends)
        new: list[str] = []
        for key, entry in found.people.items():
            if self._groups.outside == "fetch" or self._is_inside(key):
                self._people[key] = self._make(entry)
        for key, entry in chain(found.others.items(), found.people.items()):
            if key not in self._people and self._is_group(entry.attributes):
                self._add(entry)
                new.append(key)
        for key, members in listed.items():
            self._sort(self.nodes[key], members, found)
        return new if self._groups.nested == "walk" else []

    def _listed(self, node: Node) -> dict[str, str]:
        members: dict[str, str] = {}
        attributes = node.entry.attributes
        for name in self._dn_attributes():
            for raw in attributes.get(name.lower(), ()):
                key = self._keys.get(raw)
                if key is None:
                    dn = without_uid(raw.decode("utf-8", "backslashreplace"))
                    key = self._keys[raw] = dn_key(dn)
                if key not in self._ignored:
                    members[key] = raw.decode("utf-8", "backslashreplace")
        classes = {value.lower() for value in attributes.get("objectclass", ())}
        node.hidden = any(
            kind in classes and not attributes.get(name)
            for kind, name in _NEVER_EMPTY.items()
            if name in [own.lower() for own in self._dn_attributes()]
        )
        return members

    def _sort(self, node: Node, members: dict[str, str], found: Found) -> None:
        for key, dn in members.items():
            if key in self._people:
                node.people.add(key)
            elif key in self.nodes:
                if self._groups.nested == "none":
                    node.strangers.append(dn)
                elif self._groups.nested == "walk":
                    node.groups.add(key)
            elif key in found.others or self._is_inside(key):
                # The search for people saw all that is below its base, and did not find it.
                node.strangers.append(dn)
            else:
                node.lost.append(dn)

    def _is_inside(self, key: str) -> bool:
        if self._spec.scope == "subtree":
            return any(is_below(key, base) for base in self._bases)
        if self._spec.scope == "one":
            return key.partition(",")[2] in self._bases
        return key in self._bases

    def _is_group(self, attributes: Attributes) -> bool:
        classes = {value.lower() for value in attributes.get("objectclass", ())}
        return bool(classes & _GROUP_CLASSES) or any(
            attributes.get(name.lower()) for name in self._groups.member_attributes
        )

    def _dn_attributes(self) -> list[str]:
        return [name for name in self._groups.member_attributes if name.lower() != "memberuid"]

    # --- groups that list login names -----------------------------------------------------------

    def _from_logins(self) -> None:
        name = self._groups.login.lower()
        by_login: dict[bytes, list[str]] = {}
        for key, person in self._people.items():
            for value in person.attributes.get(name, ()):
                by_login.setdefault(value, []).append(key)
        listed = {
            login
            for node in self.nodes.values()
            for login in node.entry.attributes.get("memberuid", ())
        }
        missing = sorted(listed - by_login.keys())
        if self._groups.outside == "fetch":
            for at in range(0, len(missing), _LOGINS_AT_ONCE):
                some = texts(missing[at : at + _LOGINS_AT_ONCE])
                condition = either([self._groups.login], some)
                for entry in self._lookup.where(condition, self._spec.bases):
                    person = self._make(entry)
                    self._people.setdefault(person.key, person)
                    for value in person.attributes.get(name, ()):
                        by_login.setdefault(value, []).append(person.key)
        for node in self.nodes.values():
            for login in node.entry.attributes.get("memberuid", ()):
                who = by_login.get(login)
                if who:
                    node.people.update(who)
                elif self._groups.outside == "fetch":
                    node.strangers.append(login.decode("utf-8", "backslashreplace"))
                else:
                    node.lost.append(login.decode("utf-8", "backslashreplace"))

    # --- people who list their groups -----------------------------------------------------------

    def _from_people(self) -> None:
        for key, person in self._people.items():
            for group in self._groups_of(person.attributes):
                if group in self.nodes:
                    self.nodes[group].people.add(key)
        if not any("memberof" in person.attributes for person in self._people.values()):
            for node in self.nodes.values():
                node.hidden = True
        if self._groups.nested == "walk":
            self._climb()

    def _climb(self) -> None:
        """Follow memberOf from group to group, up to the groups that are wanted."""
        direct: dict[str, set[str]] = {}
        names: dict[str, str] = {}
        for key, person in self._people.items():
            for group, dn in self._groups_of(person.attributes).items():
                direct.setdefault(group, set()).add(key)
                names[group] = dn
        for node in list(self.nodes.values()):
            names |= self._groups_of(node.entry.attributes)
        for _ in range(self._groups.depth + 1):
            open_ends = {key: dn for key, dn in names.items() if key not in self.nodes}
            if not open_ends:
                break
            found = self._lookup.find(open_ends)
            self.hidden_groups += found.gone.values()
            names = {}
            for entry in chain(found.others.values(), found.people.values()):
                self._add(entry)
                names |= self._groups_of(entry.attributes)
        for key, node in self.nodes.items():
            node.people |= direct.get(key, set())
            for above in self._groups_of(node.entry.attributes):
                if above in self.nodes:
                    self.nodes[above].groups.add(key)

    def _groups_of(self, attributes: Attributes) -> dict[str, str]:
        groups: dict[str, str] = {}
        for raw in attributes.get("memberof", ()):
            key = self._keys.get(raw)
            if key is None:
                key = self._keys[raw] = dn_key(raw.decode("utf-8", "backslashreplace"))
            groups[key] = raw.decode("utf-8", "backslashreplace")
        return groups

    # --- what the server follows itself ---------------------------------------------------------

    def _by_rule(self, wanted: list[str]) -> None:
        proven = False
        for key in wanted:
            node = self.nodes[key]
            before = set(node.people)
            condition = f"(memberOf:{IN_CHAIN}:={escape(node.entry.dn)})"
            found: set[str] = set()
            where = [node.entry.dn] if self._groups.outside == "fetch" else list(self._spec.bases)
            for entry in self._lookup.where(condition, where):
                person_key = dn_key(entry.dn)
                if person_key not in self._people:
                    if self._groups.outside == "report" and not self._is_inside(person_key):
                        node.lost.append(entry.dn)
                        continue
                    self._people[person_key] = self._make(entry)
                found.add(person_key)
            node.people |= found
            proven = proven or bool(before & found)
            if before and not found:
                _no_rule(node.entry.dn)
        if not proven and not any(self.nodes[key].people for key in wanted):
            # Nothing came at all: a server that does not know the rule answers just so.
            root = self._directory.read("", ("supportedCapabilities",), ANY)
            known = root.attributes.get("supportedcapabilities", []) if root else []
            if b"1.2.840.113556.1.4.800" not in known:
                _no_rule("any group")

    # --- primary groups -------------------------------------------------------------------------

    def _primary(self) -> None:
        by_sid: dict[bytes, set[str]] = {}
        by_number: dict[bytes, set[str]] = {}
        for key, person in self._people.items():
            own, primary = (person.attributes.get(name) for name in ("objectsid", "primarygroupid"))
            if own and primary and primary[0].isdigit():
                # The group is in the same domain: the same SID but for its last part.
                sid = own[0][:-4] + int(primary[0]).to_bytes(4, "little")
                by_sid.setdefault(sid, set()).add(key)
            for number in person.attributes.get("gidnumber", ()):
                by_number.setdefault(number, set()).add(key)
        for node in self.nodes.values():
            for sid in node.entry.attributes.get("objectsid", ()):
                node.people |= by_sid.get(sid, set())
            for number in node.entry.attributes.get("gidnumber", ()):
                node.people |= by_number.get(number, set())
        if self._groups.nested == "rule":
            self._primary_by_rule(by_sid)

    def _primary_by_rule(self, by_sid: dict[bytes, set[str]]) -> None:
        """Find the groups that a primary group lies in: the rule leaves its members out."""
        for sid, people in by_sid.items():
            try:
                group = self._directory.read(f"<SID={sid_text(sid)}>", ("objectClass",), ANY)
            except KeyError:
                group = None
            if group is None:
                self.hidden_groups.append(sid_text(sid))
                continue
            condition = f"(member:{IN_CHAIN}:={escape(group.dn)})"
            for base in several(self._groups.base):
                question = Question(
                    base, self._groups.scope, both(self._groups.filter, condition), ("objectClass",)
                )
                for entry in self._directory.search(question):
                    if (key := dn_key(entry.dn)) in self.nodes:
                        self.nodes[key].people |= people


def _by_login(groups: LdapGroups) -> bool:
    return any(name.lower() == "memberuid" for name in groups.member_attributes)


def _no_rule(group: str) -> None:
    raise ConfigInvalid(
        f"the server does not follow nested groups itself: it finds nobody in {group}",
        hint="nested: walk does it on our side",
    )
