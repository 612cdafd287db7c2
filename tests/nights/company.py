"""A company: who works there and in which teams, as its list and its directory say it."""

from dataclasses import dataclass, field

from tests.support.ldap.ldif import GROUPS, PEOPLE, dn, group, line, person, tree

PROJECTS = ("ERP", "WEB")
LEVELS = ("manager", "member")
NOBODY = "cn=nobody"


@dataclass
class Person:
    """Somebody by the number that they keep, with the login and the teams that they have today."""

    number: int
    login: str
    teams: dict[str, str]

    @property
    def name(self) -> str:
        """The name that the list has for them."""
        return f"Person {self.number}"


@dataclass
class Company:
    """Everybody who works here, by number, and everybody who once did."""

    people: dict[int, Person] = field(default_factory=dict)
    former: dict[str, Person] = field(default_factory=dict)
    _known: set[str] = field(default_factory=set)
    _next: int = 100

    def joins(self, login: str, **teams: str) -> None:
        """Take somebody on."""
        self._next += 1
        self.people[self._next] = Person(self._next, login, teams)

    def leaves(self, login: str) -> None:
        """Let somebody go."""
        gone = self.who(login)
        self.former[login] = self.people.pop(gone.number)

    def is_back(self, login: str) -> None:
        """Take somebody on again, as they were."""
        back = self.former.pop(login)
        self.people[back.number] = back

    def who(self, login: str) -> Person:
        """Give whoever has this login now."""
        (found,) = [one for one in self.people.values() if one.login == login]
        return found

    def list_of_people(self) -> str:
        """Give the list as the personnel department exports it."""
        rows = [f'{one.number},{one.login},"{one.name}"\n' for one in self.people.values()]
        return "".join(["Number,Login,Name\n", *rows])

    def first_directory(self) -> list[str]:
        """Give the directory as it is on the first day, as LDIF."""
        self._known = {one.login for one in self.people.values()}
        people = [person(login) for login in sorted(self._known)]
        groups = [group(name, *members, base=GROUPS) for name, members in self._groups().items()]
        return tree(*people, *groups)

    def directory_changes(self) -> str:
        """Give what has changed in the directory since, as LDIF."""
        now = {one.login for one in self.people.values()}
        parts = [f"dn: {dn(login)}\nchangetype: delete\n" for login in sorted(self._known - now)]
        parts += [
            person(login).replace("\n", "\nchangetype: add\n", 1)
            for login in sorted(now - self._known)
        ]
        for name, members in self._groups().items():
            lines = "".join(f"{line('member', member)}\n" for member in members)
            parts.append(f"dn: cn={name},{GROUPS}\nchangetype: modify\nreplace: member\n{lines}-\n")
        self._known = now
        return "\n".join(parts)

    def _groups(self) -> dict[str, list[str]]:
        return {
            f"kb-{project}-{level}": [
                NOBODY,
                *(dn(one.login) for one in self.people.values() if one.teams.get(project) == level),
            ]
            for project in PROJECTS
            for level in LEVELS
        }


MAPPING = f"""\
kanport: 1
name: nightly
ledger: ../state/people.ledger
sources:
  people: {{type: csv, path: people.csv}}
  access:
    type: ldap
    url: LDAP_URL
    allow_plaintext: true
    bind_dn: "cn=admin,dc=example,dc=org"
    bind_password: {{file: ldap-password}}
    base: "{PEOPLE}"
    filter: (objectClass=inetOrgPerson)
    groups:
      base: "{GROUPS}"
      filter: (cn=kb-*)
      ignore: ["{NOBODY}"]
users:
  from: people
  id: {{from: Number}}
  fields:
    username: {{from: Login}}
    name: {{from: Name}}
  missing: {{after: 3 runs, then: disable, and: revoke, remove_after: 10 days}}
  managed: ledger
memberships:
  - from: access
    username: {{from: uid}}
    project: {{from: group.cn, match: "^kb-(?P<project>.+)-(?P<level>[a-z]+)$"}}
    role: {{part: level, values: {{member: project-member, manager: project-manager}}}}
memberships_missing: revoke
memberships_managed: ledger
limits: {{remove: 1}}
protect: [admin]
"""
