"""Cases whose sources are directories: their tables are made in memory, as no server is there.

Everything that knows how a table is built is in `table_of`; should `Table` change its form, that is
the one function to change. What goes into it are plain values: `Entry` and `GroupScope`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random
from typing import Any

from kanport.facts import fact
from kanport.origin import Origin
from kanport.table import (
    LOST,
    UNPROVEN,
    DirectoryEntry,
    DirectoryInfo,
    Odd,
    Row,
    Scope,
    Table,
    Unread,
)
from tests.recorded import server
from tests.recorded.cases import ACCESS_WORDS, LEDGER, Case
from tests.recorded.people import GROUPS, PROJECTS, Person, crowd, spoiled

Cell = str | tuple[str, ...]
NAMES = {
    "openldap": frozenset({"ldap.example.org:636", "OpenLDAP dc=x"}),
    "other": frozenset({"ad.example.com:636", "Active Directory dc=y"}),
}


@dataclass
class Entry:
    """An entry of a directory as a row: its cells by column, and those whose text is hidden.

    `hidden` are columns with the code of why they are unknown; `broken` those that are an error.
    """

    dn: str
    values: dict[str, Cell]
    uuid: str = ""
    hidden: dict[str, str] = field(default_factory=dict)
    broken: tuple[str, ...] = ()
    outside: bool = False
    locked: bool = False
    by_login: bool = False


@dataclass
class GroupScope:
    """A group of a directory that is there even without members."""

    dn: str
    values: dict[str, Cell]
    is_open: bool = False
    hidden: dict[str, str] = field(default_factory=dict)


def table_of(
    source: str,
    columns: tuple[str, ...],
    entries: list[Entry],
    *,
    directory: str = "openldap",
    scopes: list[GroupScope] | None = None,
    absent: list[Entry] | None = None,
    ungrouped: list[Entry] | None = None,
    inside: list[Entry] | None = None,
    partial: bool = False,
) -> Table:
    """Build the table of a directory: rows, groups, and whom it does not show."""

    def row(entry: Entry | GroupScope) -> Row:
        odd = {
            column: Odd(fact(code, case="cell", attribute=column), column)
            for column, code in entry.hidden.items()
        }
        values: dict[str, Cell] = {column: "" for column in columns if column in entry.values}
        values |= {column: text for column, text in entry.values.items() if column not in odd}
        values |= dict.fromkeys(odd, "")
        places: dict[str, Mapping[str, int | str]] = {
            column: {"attribute": column.removeprefix("group.")} for column in columns
        }
        if isinstance(entry, GroupScope):
            return Row(Origin(source, dn=entry.dn), values, places, odd)
        odd |= {
            column: Odd(fact("value-required", case="attribute", attribute=column))
            for column in entry.broken
        }
        known = DirectoryEntry(
            NAMES[directory],
            entry.dn.lower(),
            entry.dn,
            f"entryUUID={entry.uuid}" if entry.uuid else "",
            entry.by_login,
            entry.outside,
            entry.locked,
        )
        return Row(Origin(source, dn=entry.dn), values, places, odd, known)

    return Table.of_rows(
        source,
        "ldap",
        "ldaps://ldap.example.org",
        columns,
        map(row, entries),
        sha256="0" * 64,
        size=len(entries),
        scopes=tuple(Scope(row(one), one.is_open) for one in scopes or ()),
        unread=(
            *(Unread(row(one)) for one in absent or ()),
            *(Unread(row(one), absent=False) for one in ungrouped or ()),
        ),
        partial=partial,
        people=tuple(map(row, inside or ())),
        directory=DirectoryInfo(
            server="ldaps://ldap.example.org", servers=("ldaps://ldap.example.org",)
        ),
    )


PEOPLE = ("uid", "cn", "sn", "mail", "employeeType", "active", "id", "memberOf", "dn")
MEMBERS = (*PEOPLE, "group.cn", "group.dn")


def directory_case(number: int) -> Case:
    """Return the case of a number, whose people come from a directory, and groups beside them."""
    rng = Random(f"kanport {number}")
    people = crowd(rng, rng.randrange(6, 16))
    mess = (0.0, 0.03, 0.12)[number % 3]
    listed = [_entry(rng, person, mess) for person in people]
    if mess:
        listed += _twins(rng, people)
    outside = [
        Entry(
            f"uid={name},ou=partners,dc=x",
            {"uid": name, "cn": name.title(), "mail": "", "id": f"9{at}", "dn": ""},
            f"9{at}",
            outside=True,
            locked=at % 3 == 0,
        )
        for at, name in enumerate([people[0].login, "zoe.out", "lee.out", people[1].login.upper()])
    ]
    hidden = dict.fromkeys(("cn", "mail", "employeeType", "memberOf", "id"), UNPROVEN)
    absent = [
        Entry("uid=hid.den,ou=people,dc=x", {"uid": "hid.den"}, hidden=dict(hidden)),
        Entry("cn=No Name,ou=people,dc=x", {"sn": "x"}, hidden={**hidden, "uid": UNPROVEN}),
    ]
    unread = absent[: number % 3]
    sources: dict[str, Any] = {"people": _spec()}
    tables = {"people": table_of("people", PEOPLE, listed, absent=unread, partial=number % 10 == 7)}
    mapping: dict[str, Any] = {"kanport": 1, "name": f"case {number}", "sources": sources}
    mapping["ledger"] = LEDGER
    if number % 5 != 4:
        mapping["users"] = _users(rng, number)
    memberships: list[dict[str, Any]] = []
    if number % 2:
        by_member_of = {
            "from": "people",
            "username": {"from": "uid", "transform": ["lower"]},
            "project": {
                "from": "memberOf",
                "each": True,
                "match": "^cn=kb-(?P<project>[^,]+)-(?P<level>[a-z]+),",
            },
            "role": {"part": "level", "values": _levels()},
        }
        memberships.append(by_member_of)
    if number % 4 != 1:
        sources["members"] = _spec()
        groups, scopes = _groups(rng, people, listed, outside, mess)
        tables["members"] = table_of(
            "members",
            MEMBERS,
            groups,
            directory="other" if number % 9 == 5 else "openldap",
            scopes=scopes,
            absent=absent[:1] if number % 3 == 1 else [],
            ungrouped=listed[1:2] if number % 3 == 2 else [],
            inside=listed if number % 2 else [],
        )
        memberships.append(
            {
                "from": "members",
                "username": {"from": "uid", "transform": ["lower"]},
                "project": {
                    "from": "group.cn",
                    "match": "^kb-(?P<project>.+)-(?P<level>[a-z]+)$",
                    "each": bool(rng.random() < 0.7),
                },
                "role": {"part": "level", "values": _levels()},
                **({"several": "refuse"} if rng.random() < 0.2 else {}),
            }
        )
        if number % 4 in (2, 3):
            mapping["groups"] = [
                {
                    "from": "members",
                    "name": {"from": "group.cn"},
                    "member": {"from": "uid"},
                    **({"external_id": {"from": "group.dn"}} if rng.random() < 0.7 else {}),
                }
            ]
            mapping["group_members_missing"] = "remove"
    if memberships:
        mapping["memberships"] = memberships
        mapping["memberships_missing"] = rng.choice(("keep", "revoke"))
    mapping["invalid_rows"] = "skip"
    mapping["allow_admins"] = ["*"]
    mapping["protect"] = ["admin"]
    return Case(
        mapping,
        {},
        server.state_for(rng, people, number),
        tables=tables,
        people=tuple(person.login for person in people[:2]),
    )


def _spec() -> dict[str, Any]:
    return {"type": "ldap", "url": "ldaps://ldap.example.org", "base": "ou=people,dc=x"}


def _levels() -> dict[str, str]:
    return {word.lower(): role for role, word in ACCESS_WORDS.items()}


def _users(rng: Random, number: int) -> dict[str, Any]:
    role: dict[str, Any] = {"from": "employeeType", "values": {"lead": "app-manager"}}
    if number % 2:
        role["default"] = "app-user"
    else:
        role["values"] |= {"staff": "app-user", "admin": "app-admin"}
    name = {"from": "cn"} if rng.random() < 0.5 else {"template": "{cn} ({sn})"}
    fields = {
        "username": {"from": "uid", "transform": ["lower"]},
        "name": name,
        "email": {"from": "mail"},
        "role": role,
        "active": {"from": "active"},
    }
    users: dict[str, Any] = {"from": "people", "fields": fields}
    if number % 3 != 1:
        users["id"] = {"from": "id"}
    if rng.random() < 0.5:
        users |= {"missing": "disable", "managed": {"usernames": ["*"]}}
    return users


def _entry(rng: Random, person: Person, mess: float) -> Entry:
    """Return the entry of a person, with several values here and there, and hidden ones."""
    groups: list[str] = ["cn=vpn,ou=groups,dc=x"]
    for at, role in person.grants.items():
        name = PROJECTS[at][0] or PROJECTS[at][1]
        groups.append(f"cn=kb-{name}-{ACCESS_WORDS[role].lower()},ou=groups,dc=x")
    values: dict[str, Cell] = {
        "uid": person.login,
        "cn": person.name,
        "sn": person.last,
        "mail": person.mail,
        "employeeType": {"app-manager": "lead", "app-admin": "admin"}.get(person.role, "staff"),
        "active": "true" if person.active else "false",
        "id": f"uuid-{person.number}",
        "memberOf": groups[0] if len(groups) == 1 else tuple(sorted(groups)),
        "dn": f"uid={person.login},ou=people,dc=x",
    }
    entry = Entry(str(values["dn"]), values, str(person.number))
    for column in PEOPLE[:-1]:
        chance = rng.random()
        if chance < mess / 3:
            entry.hidden[column] = rng.choice((UNPROVEN, UNPROVEN, LOST))
        elif chance < mess * 2 / 3:
            entry.values[column] = (str(values["uid"]), "second value")
        elif chance < mess * 5 / 6:
            entry.values[column] = spoiled(rng, str(values[column]))
        elif chance < mess and column in ("mail", "id"):
            entry.broken = (column,)
            entry.values[column] = ""
    return entry


def _twins(rng: Random, people: list[Person]) -> list[Entry]:
    """Return other entries that have somebody's login, or id."""
    one, two = rng.sample(people, 2)
    values: dict[str, Cell] = {
        "uid": one.login,
        "cn": "The Other",
        "sn": "Other",
        "mail": "",
        "employeeType": "staff",
        "active": "true",
        "id": "uuid-900",
        "memberOf": "",
        "dn": f"uid={one.login},ou=interns,dc=x",
    }
    same_id = {**values, "uid": f"{two.login}.new", "id": f"uuid-{two.number}"}
    if rng.random() < 0.5:
        # Nothing that it says contradicts the other one.
        values |= {"cn": "", "sn": "", "employeeType": "", "active": ""}
    found = [Entry(str(values["dn"]), values, "900")]
    if rng.random() < 0.5:
        found.append(Entry(f"uid={two.login}.new,ou=people,dc=x", same_id, "901"))
    return found


def _groups(
    rng: Random, people: list[Person], listed: list[Entry], outside: list[Entry], mess: float
) -> tuple[list[Entry], list[GroupScope]]:
    """Return a row for each member of each group, and the groups."""
    rows: list[Entry] = []
    scopes: list[GroupScope] = []
    names = [f"kb-{identifier or name}-rw" for identifier, name in PROJECTS[:5]]
    names += ["kb-WEB-pm", "kb-web-ro", "kb-OPS-owner", GROUPS[2], "KB-OPS-rw", "kb-ÖPS-rw"]
    for name in names:
        dn = f"cn={name},ou=groups,dc=x"
        group: dict[str, Cell] = {"group.cn": name, "group.dn": dn}
        scope = GroupScope(dn, dict(group), is_open=rng.random() < mess * 2)
        if rng.random() < mess:
            scope.hidden["group.cn"] = UNPROVEN
        scopes.append(scope)
        some = rng.sample([*listed, *outside], rng.randrange(9))
        rows += [
            Entry(
                one.dn,
                {**one.values, **group},
                # Somebody may have been made anew at another place.
                one.uuid if rng.random() > mess + 0.05 else f"7{one.uuid}",
                {**one.hidden, **scope.hidden},
                one.broken,
                one.outside,
                one.locked,
                by_login=rng.random() < 0.15,
            )
            for one in some
        ]
    return rows, scopes
