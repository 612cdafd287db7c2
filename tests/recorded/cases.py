"""The generated inputs: for each number a mapping with its sources, and what a server holds.

A case depends on its number alone. What is tried by turns is taken from the number, so that all of
it comes up; everything else is left to a seeded generator. Changing anything here changes what is
recorded, so that the recordings have to be made anew with the code that they are to keep.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Any

from kanport.memory import GoodRun, Grant, LedgerUpdate, Missed, SourceMemory
from kanport.model import CurrentState, Identity
from kanport.table import Table
from tests.recorded import breaking, server
from tests.recorded.files import Sheet
from tests.recorded.people import (
    CUSTOM,
    GROUPS,
    PROJECTS,
    Person,
    crowd,
    spoiled,
)

CASES = 200
DIRECTORIES = 180
"""From this number on, the sources are directories: tables that are made in memory."""

LEDGER = "recorded.ledger"
NOW = "2026-11-21T02:00:00Z"

Rule = dict[str, Any]


@dataclass
class Case:
    """One input: a mapping, the bytes of its files, and what a server holds.

    `learned` is what an earlier run left in the ledger, and `good` the last one that left nothing
    to do. `tables` are given where the sources are no files. `people` are some to be explained.
    """

    mapping: dict[str, Any]
    files: dict[str, bytes]
    state: CurrentState
    learned: LedgerUpdate | None = None
    good: GoodRun | None = None
    tables: dict[str, Table] = field(default_factory=dict)
    people: tuple[str, ...] = ()


def case(number: int) -> Case:
    """Return the case of a number, always the same."""
    if number >= DIRECTORIES:
        from tests.recorded.directories import directory_case

        return directory_case(number)
    return _Maker(number).case()


ROLE_WORDS = {"app-user": "staff", "app-manager": "lead", "app-admin": "Admin"}
ACCESS_WORDS = {"project-viewer": "RO", "project-member": "RW", "project-manager": "PM"}
ACCESS = {word: role for role, word in ACCESS_WORDS.items()}
COLUMNS = (
    ("Login", "First", "Last", "Name", "Mail", "Role", "Active", "LDAP", "Number", "Password"),
    (
        *("Kennung", "Vorname", "Nachname", "Voller Name", "E-Mail", "Rolle", "Aktiv", "Verz."),
        *("Personalnr.", "Kennwort"),
    ),
)


class _Maker:
    def __init__(self, number: int) -> None:
        self.number = number
        self.rng = Random(f"kanport {number}")
        self.mess = (0.0, 0.01, 0.05, 0.15)[number % 4]
        self.kind = "yaml" if number % 20 == 9 else "excel" if number % 5 == 2 else "csv"
        self.custom = False
        self.people = crowd(self.rng, self.rng.randrange(6, 22))
        self.sources: dict[str, Any] = {}
        self.files: dict[str, bytes] = {}
        self.mapping: dict[str, Any] = {"kanport": 1, "name": f"case {number}"}

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    def case(self) -> Case:
        self.mapping["sources"] = self.sources
        if self.number % 9 != 8:
            self.users()
        if self.number % 7 != 6:
            kinds = [self.rows, self.rows, self.matrix, self.tags, self.teams, self.ids, self.one]
            start = self.number % len(kinds)
            chosen = [kinds[start], *([kinds[(start + 3) % 7]] if self.chance(0.4) else [])]
            self.mapping["memberships"] = [rule for make in chosen for rule in make()]
        if self.number % 6 == 5:
            rules = self.broken(self.number // 6)
            self.mapping["memberships"] = [*self.mapping.get("memberships", ()), *rules]
        if self.number % 3 == 2 or self.number % 7 == 6:
            self.groups()
        if self.number % 10 in (3, 6):
            self.projects()
        self.settings()
        return Case(
            self.mapping,
            self.files,
            server.state_for(self.rng, self.people, self.number),
            self.learned() if self.mapping.get("ledger") and self.number % 2 else None,
            self.good() if self.mapping.get("ledger") and self.number % 4 == 3 else None,
            people=tuple(person.login for person in self.people[:2]),
        )

    # --- sources ----------------------------------------------------------------------------------

    def source(self, name: str, sheet: Sheet, *, spared: tuple[str, ...] = ()) -> None:
        """Add a source with this list, with mistakes in it; `spared` columns have none."""
        rows = [self._mistaken(sheet.columns, row, spared) for row in sheet.rows]
        if self.mess and len(rows) > 2:
            for _ in range(1 + int(len(rows) * self.mess)):
                copy = list(self.rng.choice(rows))
                if self.chance(0.6):
                    at = self.rng.randrange(len(copy))
                    copy[at] = self.rng.choice(rows)[at]
                if self.chance(0.3):
                    copy[0] = str(copy[0]).upper()
                rows.insert(self.rng.randrange(len(rows) + 1), copy)
            if self.chance(0.3):
                rows.insert(self.rng.randrange(len(rows)), [""] * len(sheet.columns))
            if self.chance(0.3):
                at = self.rng.randrange(len(sheet.columns))
                rows = self._as_numbers(rows, at) if self.chance(0.3) else rows
        made = Sheet(sheet.columns, rows)
        data, spec = _ODD[self.kind](self.rng, made)
        ending = {"excel": "xlsx"}.get(self.kind, self.kind)
        self.files[f"{name}.{ending}"] = data or b""
        if self.chance(0.1):
            spec["clear"] = "-"
        self.sources[name] = {"type": self.kind, "path": f"{name}.{ending}", **spec}

    def broken(self, number: int) -> list[Rule]:
        """Add sources that are broken, each in a way of its own, and the rules that read them."""
        rows: list[list[object]] = [
            [person.login, self.project_text(at), role, "x"]
            for person in self.people
            for at, role in person.grants.items()
        ]
        sheet = Sheet(["Login", "Project", "Access", "Note"], rows)
        rules: list[Rule] = []
        several = (("csv", number), ("csv", number + _BROKEN_CASES), ("excel", number))
        for at, (kind, way) in enumerate((*several, ("yaml", number))):
            if at == 1 and way >= len(breaking.BREAKS):
                continue
            data, spec = _BROKEN[kind](self.rng, sheet, way)
            path = f"broken{at}.{'xlsx' if kind == 'excel' else kind}"
            if data is not None:
                self.files[path] = data
            self.sources[f"broken{at}"] = {"type": kind, "path": path, **spec}
            project, role = {"from": "Project"}, {"from": "Access"}
            rules.append(
                {
                    "from": f"broken{at}",
                    "username": self.login(),
                    "project": project,
                    "role": role,
                }
            )
        return rules

    def _mistaken(
        self, columns: list[str], row: list[object], spared: tuple[str, ...]
    ) -> list[object]:
        made = []
        for column, cell in zip(columns, row, strict=True):
            if column in spared or not self.chance(self.mess):
                made.append(cell)
            elif self.kind != "csv" and self.chance(0.5):
                made.append(breaking.typed(self.rng, str(cell)))
            else:
                made.append(spoiled(self.rng, str(cell)))
        return made

    def _as_numbers(self, rows: list[list[object]], at: int) -> list[list[object]]:
        """Return the rows with a column of whole numbers that a data tool has written."""
        return [[*row[:at], f"{number}.0", *row[at + 1 :]] for number, row in enumerate(rows, 7)]

    # --- users ------------------------------------------------------------------------------------

    def users(self) -> None:
        names = ("people", "extra", "third")[: (1, 1, 2, 3, 2)[self.number // 3 % 5]]
        self.german = self.chance(0.4)
        self.words = self.rng.choice((("ja", "nein"), ("A", "L"), ("TRUE", "0"), ("x", "")))
        self.with_password = self.number % 6 == 1
        for at, name in enumerate(names):
            listed = self.people if at == 0 else [p for p in self.people if self.chance(0.5)]
            self.source(name, self._user_sheet(at, listed))
        fields: dict[str, Rule] = {"username": self._username()}
        makers: dict[str, Callable[[], Rule]] = {
            "name": self._name,
            "email": self._email,
            "role": self._role,
            "active": self._active,
            "ldap": lambda: self.column("LDAP") if self.chance(0.7) else {"value": False},
        }
        for name, make in makers.items():
            if self.chance(0.25 if name == "ldap" else 0.8):
                fields[name] = make()
                if len(names) > 1 and self.chance(0.3):
                    fields[name]["precedence"] = [names[-1]]
        users: dict[str, Any] = {"from": names[0] if len(names) == 1 else list(names)}
        users["fields"] = fields
        if self.number % 4 == 1:
            users["id"] = {**self.column("Number"), "transform": ["trim"]}
            self.mapping["ledger"] = LEDGER
        if self.with_password:
            column = self.column("Password")
            users["password"] = {"from": column["from"]}
        elif self.chance(0.1):
            users["password"] = "ldap"
        if "active" in fields and self.chance(0.3):
            users["inactive"] = "create"
        if "email" in fields and self.chance(0.2):
            users["find_by"] = ["username", "email"]
        missing = self.rng.choice(
            (None, "disable", "remove", {"after": "2 runs", "then": "disable"}, None)
        )
        if missing is not None:
            users["missing"] = missing
            users["managed"] = {"usernames": ["*"]} if self.chance(0.7) else "ledger"
            self.mapping["ledger"] = LEDGER
        self.mapping["users"] = users

    def _user_sheet(self, at: int, listed: list[Person]) -> Sheet:
        columns = list(COLUMNS[1 if self.german and at == 1 else 0])
        yes, no = self.words
        rows: list[list[object]] = [
            [
                p.login if self.chance(0.9) else p.login.upper(),
                p.first,
                p.last,
                p.name,
                p.mail,
                ROLE_WORDS[p.role],
                yes if p.active else no,
                "no",
                f"P{1000 + p.number}" if self.number % 8 else str(1000 + p.number),
                p.password,
                "; ".join(GROUPS[one] for one in p.groups),
                ",".join(
                    [
                        f"kb-{PROJECTS[project][0] or PROJECTS[project][1]}-"
                        f"{ACCESS_WORDS[role].lower()}"
                        for project, role in p.grants.items()
                    ]
                    + ["vpn"]
                ),
                "|".join(PROJECTS[project][1] for project in p.grants),
            ]
            for p in listed
        ]
        if at and self.chance(0.5):
            # Another source says less, and something else.
            for row in rows:
                row[3 if self.chance(0.5) else 4] = ""
                row[5] = self.rng.choice(("staff", "lead", ""))
        return Sheet([*columns, "Teams", "Tags", "Areas"], rows)

    def column(self, name: str) -> Rule:
        """Return the rule that reads a column of the sources of users."""
        if not self.german or "extra" not in self.sources:
            return {"from": name}
        other = COLUMNS[1][COLUMNS[0].index(name)]
        return {"from": {**dict.fromkeys(list(self.sources), name), "extra": other}}

    def _username(self) -> Rule:
        chance = self.rng.random()
        if chance < 0.15 and len(self.sources) == 1:
            return {"template": "{First}.{Last}", "transform": ["lower", "umlauts", "ascii"]}
        rule: Rule = {**self.column("Login"), "transform": ["trim", "lower"]}
        if chance < 0.3:
            rule["match"] = r"^(?P<value>[^@;]+)"
        elif chance < 0.4:
            del rule["transform"]
        elif chance < 0.45:
            rule["values"] = {p.login: p.login for p in self.people}
        return rule

    def _name(self) -> Rule:
        chance = self.rng.random()
        if chance < 0.4:
            return {"template": "{First} {Last}", "transform": ["collapse", "trim"]}
        if chance < 0.6:
            return {**self.column("Name"), "transform": ["title"]}
        if chance < 0.7:
            return {**self.column("Name"), "default": "Nobody"}
        return self.column("Name")

    def _email(self) -> Rule:
        chance = self.rng.random()
        if chance < 0.2:
            return {"template": "{Login}@example.org", "transform": ["lower"]}
        if chance < 0.3:
            return {**self.column("Mail"), "match": "(?P<value>[^<> ]+@[^<> ]+)"}
        return {**self.column("Mail"), "transform": ["trim", "lower"]}

    def _role(self) -> Rule:
        chance = self.rng.random()
        if chance < 0.1:
            return {"value": "app-user"}
        table = {word.lower(): role for role, word in ROLE_WORDS.items()}
        rule: Rule = {**self.column("Role"), "values": table}
        if chance < 0.4:
            rule["default"] = "app-user"
        elif chance < 0.6:
            table["-"] = ""
            table["LEAD"] = "app-user"
        return rule

    def _active(self) -> Rule:
        yes, no = self.words
        if yes in ("ja", "TRUE") and self.chance(0.5):
            return self.column("Active")
        rule: Rule = {**self.column("Active"), "values": {yes: True, no: False}}
        if self.chance(0.2):
            rule["default"] = True
        return rule

    # --- memberships ------------------------------------------------------------------------------

    def login(self, column: str = "Login") -> Rule:
        return {"from": column, "transform": ["trim", "lower"]}

    def project_text(self, at: int) -> str:
        identifier, name = PROJECTS[at]
        return identifier if identifier and self.chance(0.6) else name

    def rows(self) -> list[Rule]:
        name = f"grants{len(self.sources)}"
        split = self.chance(0.4)
        rows: list[list[object]] = []
        for person in self.people:
            by_role: dict[str, list[str]] = {}
            for at, role in person.grants.items():
                by_role.setdefault(role, []).append(self.project_text(at))
            for role, projects in by_role.items():
                word = ACCESS_WORDS[role] if self.chance(0.9) else role
                for text in ["; ".join(projects)] if split else projects:
                    rows.append([person.login, text, word, self.rng.choice(("x", ""))])
        rows += [["stranger", "WEB", "RW", ""], [self.people[0].login, "Nowhere", "RO", ""]]
        if self.chance(0.3):
            rows.append([self.people[1].login, "OPS", CUSTOM, ""])
        self.source(name, Sheet(["Login", "Project", "Access", "Note"], rows))
        access: Rule = {"from": "Access", "values": dict(ACCESS)}
        chance = self.rng.random()
        if chance < 0.3:
            access["values"] = {**ACCESS, **{role: role for role in ACCESS_WORDS}, CUSTOM: CUSTOM}
            self.custom = True
        elif chance < 0.5:
            access["default"] = "project-viewer"
        project: Rule = {"from": "Project"}
        if split:
            project["split"] = self.rng.choice((";", [";", "|"], [",", ";"]))
        elif self.chance(0.2):
            project = {"template": "{Project}", "transform": ["upper"]}
        elif self.chance(0.2):
            project["values"] = {self.project_text(at): PROJECTS[at][1] for at in range(8)}
            project["default"] = "Operations"
        rule: Rule = {"from": name, "username": self.login(), "project": project, "role": access}
        if self.number % 4 == 3 or self.chance(0.2):
            rule["several"] = self.rng.choice(("highest", "refuse"))
        return [rule]

    def matrix(self) -> list[Rule]:
        name = f"matrix{len(self.sources)}"
        projects = self.rng.sample(range(len(PROJECTS)), 5)
        texts = [PROJECTS[at][0] or PROJECTS[at][1] for at in projects]
        by_pattern = self.chance(0.4)
        headers = [f"Project {text}" for text in texts] if by_pattern else texts
        rows: list[list[object]] = [
            [p.login, *(ACCESS_WORDS[p.grants[at]] if at in p.grants else "" for at in projects)]
            for p in self.people
        ]
        self.source(name, Sheet(["Login", *headers], rows))
        matrix: Rule = {"values": dict(ACCESS), "transform": ["trim", "upper"]}
        if by_pattern:
            matrix["match"] = "^Project (?P<project>.+)$"
        elif self.chance(0.5):
            matrix["columns"] = headers
        else:
            matrix["columns"] = {
                header: PROJECTS[at][1] for header, at in zip(headers, projects, strict=True)
            }
        if self.chance(0.3):
            matrix["values"] = {**ACCESS, "-": "", "?": ""}
        elif self.chance(0.2):
            del matrix["values"], matrix["transform"]
        return [{"from": name, "username": self.login(), "matrix": matrix}]

    def tags(self) -> list[Rule]:
        source = self._list_of_people()
        if self.chance(0.5):
            role: Rule = {"part": "access", "values": {k.lower(): v for k, v in ACCESS.items()}}
        else:
            role = {"part": "access", "values": {"rw": "project-member"}}
            role["default"] = "project-viewer"
        part = self.rng.choice(("project", "value"))
        project: Rule = {"from": "Tags", "split": ","}
        project["match"] = f"^kb-(?P<{part}>.+)-(?P<access>[a-z]+)$"
        if self.chance(0.85):
            project["each"] = True
        return [{"from": source, "username": self.login(), "project": project, "role": role}]

    def teams(self) -> list[Rule]:
        source = self._list_of_people()
        project: Rule = {"from": "Areas", "split": "|"}
        if self.chance(0.3):
            project["default"] = "WEB"
        role: Any = "project-member"
        if self.chance(0.4):
            role = {"from": "Role", "values": {"admin": "project-manager", "": ""}}
            role["default"] = "project-viewer"
        return [{"from": source, "username": self.login(), "project": project, "role": role}]

    def ids(self) -> list[Rule]:
        name = f"ids{len(self.sources)}"
        rows: list[list[object]] = [
            [
                p.login,
                str(at + 11) if self.chance(0.9) else self.rng.choice(("011", "0", "x", "999", "")),
                f"p-{at + 11}",
                role,
            ]
            for p in self.people
            for at, role in p.grants.items()
        ]
        self.source(name, Sheet(["Login", "Project id", "Ref", "Access"], rows))
        by_id = self.rng.choice(
            (
                "Project id",
                12,
                {"from": "Ref", "match": r"^p-(?P<value>\d+)$"},
                {"from": "Project id", "split": ";", "default": 13},
            )
        )
        project = {"id": by_id}
        role: Any = {"from": "Access"} if self.chance(0.7) else "project-viewer"
        return [{"from": name, "username": self.login(), "project": project, "role": role}]

    def one(self) -> list[Rule]:
        name = f"members{len(self.sources)}"
        rows: list[list[object]] = [[p.login, p.first, p.last] for p in self.people[::2]]
        self.source(name, Sheet(["Login", "First", "Last"], rows))
        username = self.login()
        if self.chance(0.3):
            username = {"template": "{First}.{Last}", "transform": ["umlauts", "ascii", "lower"]}
        return [
            {
                "from": name,
                "username": username,
                "project": {"value": self.rng.choice(("WEB", "Über uns", 3, "Nowhere"))},
                "role": self.rng.choice(
                    ("project-member", {"value": "project-viewer"}, {"template": "project-{Last}"})
                ),
            }
        ]

    def _list_of_people(self) -> str:
        """Return a source with the columns that a list of people has, and its plain headers."""
        if "people" not in self.sources:
            self.german, self.words = False, ("ja", "nein")
            self.source("people", self._user_sheet(0, self.people))
        return "people"

    # --- groups and projects ----------------------------------------------------------------------

    def groups(self) -> None:
        items: list[Rule] = []
        way = self.number // 3 % 4
        if way in (0, 3):
            name = f"groups{len(self.sources)}"
            rows: list[list[object]] = [
                [GROUPS[at], p.login, f"cn={at},dc=x" if self.chance(0.9) else ""]
                for p in self.people
                for at in p.groups
            ]
            rows.append(["Empty", "", ""])
            if self.mess:
                rows += [["Engineers; ops", self.people[0].login, ""], ["ops", "", "cn=4,dc=x"]]
                rows += [["", self.people[1].login, ""], ["", "", "cn=7,dc=x"]]
                rows.append(["Board; Löhne", self.people[2].login, "cn=8,dc=x"])
            self.source(name, Sheet(["Group", "Member", "DN"], rows))
            rule: Rule = {"from": name, "name": {"from": "Group", "split": ";"}}
            rule["member"] = {"from": "Member", "split": ";", "transform": ["lower"]}
            if self.chance(0.6):
                rule["external_id"] = {"from": "DN"}
            if self.chance(0.3):
                del rule["member"]
            items.append(rule)
        if way in (1, 3):
            source = self._list_of_people()
            rule = {"from": source, "name": {"from": "Teams", "split": ";"}}
            rule["member"] = self.login()
            if self.chance(0.3):
                rule["name"] |= {"each": True, "match": "^(?P<value>[A-Zk].*)$"}
            items.append(rule)
        if way in (2, 3):
            members = [p.login for p in self.people[:4]]
            items.append(
                {
                    "list": {
                        "Engineers": members,
                        "Löhne": {"external_id": "cn=loehne,dc=x"},
                        "straße süd": {"members": [*members[:2], "nobody@", ""][:3]},
                    }
                }
            )
        self.mapping["groups"] = items
        self.mapping["group_members_missing"] = self.rng.choice(("keep", "remove", "remove"))
        self.mapping["groups_missing"] = self.rng.choice(("keep", "revoke", "remove"))
        if self.mapping["groups_missing"] == "remove":
            self.mapping["groups_managed"] = ["*"] if self.chance(0.6) else ["kb-*", "Old*"]
        if self.chance(0.6):
            self._group_access()
        self.mapping["ledger"] = LEDGER

    def _group_access(self) -> None:
        items: list[Rule] = []
        if self.chance(0.7):
            name = f"access{len(self.sources)}"
            rows: list[list[object]] = [
                [GROUPS[at], PROJECTS[(at * 3) % 8][1], word, f"{PROJECTS[at][1]}:{word.lower()}"]
                for at in range(len(GROUPS))
                for word in self.rng.sample(sorted(ACCESS), 1 if self.chance(0.9) else 2)
            ]
            self.source(name, Sheet(["Group", "Project", "Access", "Ref"], rows))
            rule: Rule = {"from": name, "group": {"from": "Group", "split": ";"}}
            if self.chance(0.5):
                rule["project"] = {"from": "Project"}
                rule["role"] = {"from": "Access", "values": dict(ACCESS)}
            else:
                rule["project"] = {"from": "Ref", "match": "^(?P<value>[^:]+):(?P<how>..)$"}
                rule["role"] = {"part": "how", "values": {"rw": "project-member"}}
                rule["role"]["default"] = "project-viewer"
            items.append(rule)
        if not items or self.chance(0.4):
            listed = {
                "WEB": "project-member",
                "über uns": "project-viewer",
            }
            items.append({"list": {"Engineers": listed, "ops": {"Nowhere": "project-viewer"}}})
        self.mapping["group_access"] = items
        self.mapping["group_access_missing"] = self.rng.choice(("keep", "revoke"))

    def projects(self) -> None:
        if self.chance(0.3):
            self.mapping["projects"] = "create"
            return
        name = f"projects{len(self.sources)}"
        rows: list[list[object]] = [
            [
                called,
                identifier.lower(),
                self.rng.choice(self.people).login if self.chance(0.7) else "",
                f"About {called}\nand more" if self.chance(0.5) else "",
                self.rng.choice(("no", "no", "yes", "?")) if self.mess else "no",
                self.rng.choice(("1", "1", "0")),
                f"{called} (old)",
            ]
            for identifier, called in (*PROJECTS, ("NEW", "New one"), ("", "New one"))
        ]
        rows.append(["", "X Y", "", "", "", "", ""])
        rows.append(["Web site", "web", "", "Another text", "", "", "Web site (old)"])
        columns = ["Name", "Identifier", "Owner", "About", "Private", "Open", "Called"]
        self.source(name, Sheet(columns, rows))
        rule: Rule = {"from": name, "name": {"from": "Name"}}
        for key, column in (
            ("identifier", "Identifier"),
            ("owner", "Owner"),
            ("description", "About"),
            ("private", "Private"),
            ("active", "Open"),
        ):
            if self.chance(0.7):
                rule[key] = {"from": column}
        if self.chance(0.4):
            rule["called"] = {"from": "Called"}
        self.mapping["projects"] = [rule]

    # --- the rest ---------------------------------------------------------------------------------

    def settings(self) -> None:
        mapping = self.mapping
        mapping["invalid_rows"] = "skip" if self.number % 11 else "abort"
        if mapping.get("memberships"):
            mapping["memberships_missing"] = self.rng.choice(("keep", "revoke", "revoke"))
            if mapping["memberships_missing"] == "revoke":
                mapping["ledger"] = LEDGER
                if self.chance(0.3):
                    mapping["memberships_managed"] = "ledger"
            if self.chance(0.3):
                mapping["projects_missing"] = "revoke"
                mapping["ledger"] = LEDGER
            if self.chance(0.4) or self.custom:
                mapping["custom_roles"] = {"OPS": [CUSTOM], "Über uns": ["helper"]}
        if self.chance(0.5):
            mapping["protect"] = ["admin", "*.jones", self.people[-1].login]
        if self.chance(0.5):
            mapping["allow_admins"] = ["*"]
        if self.chance(0.4):
            mapping["limits"] = {
                "create": 3,
                "revoke": "50%",
                "disable": {"max": 2, "share": 20},
                "remove": 1,
                "by_project": {"revoke": 2},
                "projects": {"WEB": {"grant": 1}},
            }
        if mapping.get("memberships") is None and mapping.get("users") is None:
            mapping.setdefault("groups", [{"list": {"Engineers": ["ada"]}}])

    def learned(self) -> LedgerUpdate:
        """Return what an earlier run remembers of these people."""
        some = [person for person in self.people if self.chance(0.7)]
        grants = {
            (p.number, at + 11): Grant(p.login, PROJECTS[at][0] or PROJECTS[at][1])
            for p in some
            for at in p.grants
        }
        gone = {
            number: Missed(f"leaver{number}", active=number % 2 == 0, disabled=number % 3 == 0)
            for number in (90, 91, 92)
        }
        return LedgerUpdate(
            "2026-11-18T02:00:00Z",
            identities=tuple(Identity(f"P{1000 + p.number}", p.number, p.login) for p in some[:8]),
            created={p.number: p.login for p in some} | {90: "leaver90", 91: "leaver91"},
            granted=grants | {(90, 11): Grant("leaver90", "WEB")},
            missed=gone if "missing" in self.mapping.get("users", {}) else {},
            group_access={(31, 11): "project-member", (33, 12): "project-viewer"},
            group_names={31: GROUPS[0], 33: GROUPS[2]},
            project_names={11: "WEB", 12: "OPS"},
            put_in={
                (p.number, at + 31): Grant(p.login, GROUPS[at]) for p in some for at in p.groups
            },
            named_projects={at + 11: PROJECTS[at][0] or PROJECTS[at][1] for at in range(8)},
            named_groups={at + 31: name for at, name in enumerate(GROUPS)} | {40: "Old team"},
        )

    def good(self) -> GoodRun:
        """Return the last run that left nothing to do, which read more of each source."""
        read = {
            name: SourceMemory(rows=self.rng.randrange(2, 40), columns=frozenset({"Login", "Gone"}))
            for name in self.sources
        }
        return GoodRun("earlier", "2026-11-20T02:00:00Z", read)


_BROKEN_CASES = DIRECTORIES // 6
_ODD = {"csv": breaking.odd_csv, "excel": breaking.odd_book, "yaml": breaking.odd_yaml}
_BROKEN = {
    "csv": breaking.broken_csv,
    "excel": breaking.broken_book,
    "yaml": breaking.broken_yaml,
}
