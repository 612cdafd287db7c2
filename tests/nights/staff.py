"""A directory of people and groups that changes by random events, on a real slapd.

What is here is written from what a directory holds, and from nothing that Kanport does. Marks in
`description` say what the login of Kanport may not read; `RULES` makes the server obey them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self

import ldap3

from tests.support.ldap.ldif import GROUPS, PEOPLE
from tests.support.ldap.slapd import ADMIN, PASSWORD, SUFFIX

READER = f"cn=reader,{SUFFIX}"
BRANCH = f"ou=branch,{PEOPLE}"
LEFT = f"ou=left,{SUFFIX}"
NOBODY = "cn=nobody"

RULES = [
    "access to attrs=userPassword by anonymous auth by * none",
    f'access to dn.subtree="{BRANCH}" filter=(description=hidden) by * none',
    f'access to dn.subtree="{BRANCH}" filter=(description=disclosed) by * disclose',
    f'access to dn.subtree="{BRANCH}" by set="[{BRANCH}]/description & [shown]" break by * none',
    "access to filter=(description=hidden) by * none",
    "access to filter=(description=disclosed) by * disclose",
    "access to filter=(description=nolist) attrs=member,memberUid by * none",
    "access to filter=(&(description=novalue)(objectClass=groupOfNames)) attrs=member"
    ' val.regex="^cn=(dan|eve|team|anna wei.*)," by * none',
    "access to filter=(&(description=novalue)(objectClass=posixGroup)) attrs=memberUid"
    ' val.regex="^login[0-4]$" by * none',
    "access to filter=(description=nolock) attrs=shadowExpire by * none",
    "access to * by * read",
]

# The server keeps each pair apart; case folding or compatibility forms make it one.
TWINS = (("Anna Weiss", "Anna Weiß"), ("i̇ris", "İris"), ("Louis viii", "Louis Ⅷ"))
FIRST = (*(one for one, _ in TWINS), "Dan", "Eve", "Fay", "Gus")
RANKS = {"project-viewer": 1, "project-member": 2, "project-manager": 3}


@dataclass(eq=False)
class Person:
    """Somebody with one entry, wherever it lies; `place` is None once it is deleted."""

    cn: str
    login: str
    place: str | None = PEOPLE
    locked: bool = False
    marks: set[str] = field(default_factory=set)
    # Where Kanport saw the entry last.
    seen: str | None = None

    @property
    def dn(self) -> str:
        """Return the DN of the entry."""
        return f"cn={self.cn},{self.place}"

    @property
    def inside(self) -> bool:
        """Return whether the entry is one of the people."""
        return self.place in (PEOPLE, BRANCH)

    def __repr__(self) -> str:
        marks = "".join(f" {mark}" for mark in sorted(self.marks))
        return f"<{self.login} {self.dn}{' locked' * self.locked}{marks}>"


@dataclass(eq=False)
class Group:
    """A group that leads to a role in a project; it lists DNs, or logins."""

    name: str
    project: str = ""
    role: str = ""
    logins: bool = False
    members: list[str] = field(default_factory=list)
    marks: set[str] = field(default_factory=set)
    there: bool = True
    # Whether the group spells DNs in its own way.
    shouts: bool = False
    # Whether Kanport saw the entry of the group in an earlier night.
    known: bool = False

    @property
    def dn(self) -> str:
        """Return the DN of the entry."""
        return f"cn={self.name},{GROUPS}"

    def listing(self, members: list[str]) -> list[str]:
        """Return the attribute that lists members, and its values."""
        if self.logins:
            return ["memberUid", *members]
        if self.shouts:
            # For the server these are the same.
            members = [
                f" {dn.upper()}".replace(",", " , ") if dn.isascii() else dn for dn in members
            ]
        return ["member", NOBODY, *members]

    def name_of(self, person: Person) -> str:
        """Return what the group would list for this person."""
        return person.login if self.logins else person.dn

    def __repr__(self) -> str:
        marks = "".join(f" {mark}" for mark in sorted(self.marks))
        return f"<{self.name}{marks} {self.members}>" if self.there else f"<{self.name} gone>"


def groups() -> list[Group]:
    """Return the groups that there are at the start, without members."""
    return [
        Group("kb-web-managers", "web", "project-manager"),
        Group("kb-web-members", "web", "project-member"),
        Group("kb-erp-members", "erp", "project-member"),
        Group("kb-ops-members", "ops", "project-member", logins=True),
        Group("kb-weiss-members", "weiss", "project-member"),
        Group("kb-weiß-members", "weiß", "project-member"),
        # A group in groups, which means nothing by itself.
        Group("team"),
    ]


PROJECTS = tuple(dict.fromkeys(group.project for group in groups() if group.project))


class Staff:
    """The model of the directory; each change is made on the server, too."""

    def __init__(self, url: str) -> None:
        self._ldap = ldap3.Connection(
            ldap3.Server(url, get_info=ldap3.NONE), ADMIN, PASSWORD, auto_bind=True
        )
        self.people: list[Person] = []
        self.groups = groups()
        self.branch_shown = True
        self._next = 0
        self._empty()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *problem: object) -> None:
        self._ldap.unbind()

    # --- what is so -----------------------------------------------------------------------------

    def visible(self, person: Person) -> bool:
        """Return whether Kanport's login can see the entry."""
        return (
            person.place is not None
            and not person.marks & {"hidden", "disclosed"}
            and (self.branch_shown or person.place != BRANCH)
        )

    def seen_group(self, group: Group) -> bool:
        """Return whether Kanport's login can see the group."""
        return group.there and not group.marks & {"hidden", "disclosed"}

    def lists(self, group: Group, person: Person) -> bool:
        """Return whether a group lists this person's entry, or login, or a group that does."""
        inner = [one for one in self.groups if one.dn in group.members]
        return group.there and (
            group.name_of(person) in group.members or any(self.lists(one, person) for one in inner)
        )

    def entry_at(self, dn: str) -> Person | None:
        """Return whose entry has this DN."""
        found = [one for one in self.people if one.place is not None and one.dn == dn]
        assert len(found) <= 1, found
        return found[0] if found else None

    def insiders(self) -> Iterator[Person]:
        """Return everybody whose entry is one of the people."""
        return (one for one in self.people if one.inside)

    def taken(self, login: str) -> bool:
        """Return whether somebody among the people has this login."""
        return any(one.login == login for one in self.insiders())

    # --- what changes ---------------------------------------------------------------------------

    def add(self, cn: str, login: str, place: str = PEOPLE, *, locked: bool = False) -> Person:
        """Add an entry."""
        person = Person(cn, login, place, locked)
        attributes: dict[str, Any] = {"uid": login, "sn": cn}
        if locked:
            attributes["shadowExpire"] = "1"
        self._done(self._ldap.add(person.dn, ["inetOrgPerson", "shadowAccount"], attributes))
        self.people.append(person)
        return person

    def fresh(self) -> str:
        """Return a login and name that nobody ever had."""
        self._next += 1
        return f"new{self._next}"

    def delete(self, person: Person) -> None:
        """Delete an entry."""
        self._done(self._ldap.delete(person.dn))
        person.place = None

    def rename(self, person: Person, cn: str, place: str, *, follow: bool) -> None:
        """Give an entry another DN; groups that list it `follow`, or go on listing the old one."""
        if f"cn={cn},{place}" == person.dn or self.entry_at(f"cn={cn},{place}") is not None:
            return
        before = person.dn
        self._done(self._ldap.modify_dn(before, f"cn={cn}", delete_old_dn=True, new_superior=place))
        person.cn, person.place = cn, place
        for group in self.groups:
            if follow and group.there and not group.logins and before in group.members:
                self.list(group, [person.dn if dn == before else dn for dn in group.members])

    def change_login(self, person: Person, login: str) -> None:
        """Give somebody another login."""
        self._set(person.dn, "uid", login)
        person.login = login

    def lock(self, person: Person, *, locked: bool = True) -> None:
        """Lock or unlock somebody."""
        self._set(person.dn, "shadowExpire", *["1"] * locked)
        person.locked = locked

    def mark(self, entry: Person | Group, *marks: str) -> None:
        """Let the login read this of an entry no more; all of it where no mark is given."""
        self._set(entry.dn, "description", *marks)
        entry.marks = set(marks)

    def show_branch(self, *, shown: bool) -> None:
        """Show or hide a whole branch of the people."""
        self._set(BRANCH, "description", *["shown"] * shown)
        self.branch_shown = shown

    def list(self, group: Group, members: list[str]) -> None:
        """Give a group other members."""
        self._set(group.dn, *group.listing(members))
        group.members = members

    def put(self, group: Group) -> None:
        """Add the entry of a group as it is."""
        name, *values = group.listing(group.members)
        attributes: dict[str, Any] = {name: values} if values else {}
        if group.logins:
            attributes["gidNumber"] = "2000"
        kind = "posixGroup" if group.logins else "groupOfNames"
        self._done(self._ldap.add(group.dn, [kind], attributes))
        group.there, group.marks = True, set()

    def drop(self, group: Group) -> None:
        """Delete a group."""
        self._done(self._ldap.delete(group.dn))
        group.there = False

    def _set(self, dn: str, attribute: str, *values: str) -> None:
        changes = {attribute: [(ldap3.MODIFY_REPLACE, list(values))]}
        self._done(self._ldap.modify(dn, changes))

    def _empty(self) -> None:
        for base in (PEOPLE, GROUPS, LEFT):
            self._ldap.search(base, "(objectClass=*)", attributes=[])
            found = [str(entry["dn"]) for entry in self._ldap.response]
            for dn in sorted(found, key=lambda dn: -dn.count(",")):
                self._done(self._ldap.delete(dn))
        for base in (PEOPLE, BRANCH, GROUPS, LEFT):
            self._done(self._ldap.add(base, ["organizationalUnit"]))
        self.show_branch(shown=True)
        for group in self.groups:
            self.put(group)

    def _done(self, done: bool) -> None:
        assert done, self._ldap.result


# --- what happens by day --------------------------------------------------------------------------


@dataclass(frozen=True)
class Event:
    """Something that happens, to somebody and perhaps to somebody else and a group."""

    kind: str
    who: int = 0
    other: int = 0
    group: int = 0
    flag: bool = False

    def happens(self, staff: Staff) -> None:
        """Change the directory; nothing happens where the event makes no sense."""
        there = [one for one in staff.people if one.place is not None]
        day = Day(
            staff,
            there[self.who % len(there)],
            there[self.other % len(there)],
            staff.groups[self.group % len(staff.groups)],
            self.flag,
        )
        getattr(day, self.kind)()


@dataclass(frozen=True)
class Day:
    """What can happen; `KINDS` are the names of the methods."""

    staff: Staff
    who: Person
    other: Person
    group: Group
    flag: bool

    def joins(self) -> None:
        """Let somebody new join, and a group list them."""
        name = self.staff.fresh()
        self._is_put_into(self.staff.add(name, name, BRANCH if self.flag else PEOPLE))

    def enters(self) -> None:
        """Put somebody into a group."""
        self._is_put_into(self.who)

    def is_put_out(self) -> None:
        """Take somebody out of a group, or of all."""
        for group in self.staff.groups if self.flag else [self.group]:
            name = group.name_of(self.who)
            if group.there and name in group.members:
                self.staff.list(group, [one for one in group.members if one != name])

    def is_deleted(self) -> None:
        """Delete somebody, who may stay in the groups."""
        if self._may_leave():
            if self.flag:
                self.is_put_out()
            self.staff.delete(self.who)

    def leaves(self) -> None:
        """Lock somebody, and move them out of the base."""
        if self._may_leave():
            self.staff.lock(self.who)
            self.staff.rename(self.who, self.who.cn, LEFT, follow=self.flag)

    def moves(self) -> None:
        """Move somebody out of the base, or back, without locking or unlocking them."""
        place = PEOPLE if self.who.place == LEFT else LEFT
        if self._may_leave() if place == LEFT else not self.staff.taken(self.who.login):
            self.staff.rename(self.who, self.who.cn, place, follow=self.flag)

    def moves_inside(self) -> None:
        """Move somebody between the base and its branch."""
        if self.who.inside:
            place = BRANCH if self.who.place == PEOPLE else PEOPLE
            self.staff.rename(self.who, self.who.cn, place, follow=self.flag)

    def comes_back(self) -> None:
        """Unlock somebody who left, and move them back."""
        if self.who.place == LEFT and not self.staff.taken(self.who.login):
            self.staff.lock(self.who, locked=False)
            self.staff.rename(self.who, self.who.cn, PEOPLE, follow=self.flag)

    def marries(self) -> None:
        """Give somebody another DN and login."""
        name = self.staff.fresh()
        self.staff.rename(self.who, name, str(self.who.place), follow=self.flag)
        self.staff.change_login(self.who, name)

    def gets_login(self) -> None:
        """Give somebody another login."""
        self.staff.change_login(self.who, self.staff.fresh())

    def passes_login_on(self) -> None:
        """Give somebody another login, and the old one to somebody new."""
        if self.who.inside:
            login = self.who.login
            self.staff.change_login(self.who, self.staff.fresh())
            self.staff.add(self.staff.fresh(), login)

    def swaps_logins(self) -> None:
        """Let two people swap their logins."""
        if self.who.inside and self.other.inside:
            first, second = self.who.login, self.other.login
            self.staff.change_login(self.who, second)
            self.staff.change_login(self.other, first)

    def reuses_login(self) -> None:
        """Give somebody new the login of somebody who is not there any more."""
        former = [
            one.login
            for one in self.staff.people
            if not one.inside and not self.staff.taken(one.login)
        ]
        if former:
            login = former[len(self.who.login) % len(former)]
            self._is_put_into(self.staff.add(self.staff.fresh(), login))

    def gets_twin(self) -> None:
        """Let somebody join, in or out of the base, whose name looks like somebody else's."""
        for cn in twins_of(self.who):
            place = LEFT if self.flag else PEOPLE
            if self.staff.entry_at(f"cn={cn},{place}") is None:
                self._is_put_into(self.staff.add(cn, self.staff.fresh(), place))

    def lists_twin(self) -> None:
        """Let a group list the DN that looks like somebody's, in the place of theirs."""
        if self.group.there and not self.group.logins:
            for cn in twins_of(self.who):
                twin = f"cn={cn},{self.who.place}"
                rest = [dn for dn in self.group.members if dn not in (twin, self.who.dn)]
                self.staff.list(self.group, [*rest, twin])

    def has_namesake(self) -> None:
        """Let a group list an entry outside the base that has somebody's login."""
        if self.who.inside:
            name = self.staff.fresh()
            outsider = self.staff.add(name, self.who.login, LEFT, locked=self.flag)
            if not self.group.logins:
                self._is_put_into(outsider)

    def is_locked(self) -> None:
        """Lock somebody."""
        self.staff.lock(self.who)

    def is_unlocked(self) -> None:
        """Unlock somebody."""
        self.staff.lock(self.who, locked=False)

    def is_hidden(self) -> None:
        """Hide an entry, in one of the server's two ways."""
        self.staff.mark(self.who, "disclosed" if self.flag else "hidden")

    def lock_is_hidden(self) -> None:
        """Show an entry, but not whether it is locked."""
        self.staff.mark(self.who, "nolock")

    def is_shown(self) -> None:
        """Show an entry with all that it has."""
        self.staff.mark(self.who)

    def branch_is_hidden(self) -> None:
        """Hide the branch with everybody in it, or show it again."""
        self.staff.show_branch(shown=not self.staff.branch_shown)

    def group_is_hidden(self) -> None:
        """Hide a group, in one of the server's two ways."""
        if self.group.there:
            self.staff.mark(self.group, "disclosed" if self.flag else "hidden")

    def list_is_hidden(self) -> None:
        """Hide whom a group lists."""
        if self.group.there:
            self.staff.mark(self.group, "nolist")

    def value_is_hidden(self) -> None:
        """Hide single values of a list, such as Dan and login1."""
        if self.group.there:
            self.staff.mark(self.group, "novalue")

    def team_is_put_into(self) -> None:
        """Put a group into another one."""
        team = self.staff.groups[-1]
        if self.group.there and not self.group.logins and self.group is not team:
            rest = [name for name in self.group.members if name != team.dn]
            self.staff.list(self.group, [*rest, team.dn])

    def group_is_shown(self) -> None:
        """Show a group with all that it has, or make it anew as it was."""
        if self.group.there:
            self.staff.mark(self.group)
        else:
            self.staff.put(self.group)

    def list_is_spelled_otherwise(self) -> None:
        """Let a group list the same entries in another spelling."""
        if self.group.there:
            self.group.shouts = self.flag
            self.staff.list(self.group, self.group.members)

    def group_is_emptied(self) -> None:
        """Take everybody out of a group."""
        if self.group.there:
            self.staff.list(self.group, [])

    def group_is_deleted(self) -> None:
        """Delete a group."""
        if self.group.there:
            self.staff.drop(self.group)

    def _is_put_into(self, person: Person) -> None:
        name = self.group.name_of(person)
        if self.group.there and name not in self.group.members:
            self.staff.list(self.group, [*self.group.members, name])

    def _may_leave(self) -> bool:
        return len(list(self.staff.insiders())) > 2


def twins_of(person: Person) -> list[str]:
    """Return the name that looks like somebody's and is another one, if there is one."""
    return [pair[1 - pair.index(person.cn)] for pair in TWINS if person.cn in pair]


KINDS = tuple(name for name in vars(Day) if not name.startswith("_") and callable(vars(Day)[name]))
