"""Read users and memberships naively, row by row, without any of Kanport's reading.

It says in few lines what the engine for whole columns has to say fast. Only what a single text is
(`kanport.rules`, `kanport.names`, transforms) is shared; a table has texts only, from one file.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from kanport import rules
from kanport.mapping.relations import Membership
from kanport.mapping.rules import RoleRule
from kanport.mapping.users import Users
from kanport.names import case_key, compare_key, spelling_key
from tests.support.reference.values import CHECKS, SECOND, Place, Value, Values, columns_of

RANKS = {"project-viewer": 1, "project-member": 2, "project-manager": 3}


class Ask(NamedTuple):
    """One role in one project that a row asks for; `number` is that of the row."""

    number: int
    who: Value
    project: Value
    role: Value


class Reference(Values):
    """Tables read naively: `users` and `memberships` as wanted, `unknown` are left out (keys).

    The first source may have users and memberships, the second one only users.
    """

    def __init__(
        self, rows: Sequence[Mapping[str, str]], second: Sequence[Mapping[str, str]] = ()
    ) -> None:
        super().__init__()
        self.rows, self.second = rows, second
        self.users: dict[str, dict[str, Any]] = {}
        self.memberships: list[tuple[Any, ...]] = []
        self.unknown: set[str] = set()
        self._bad: set[int] = set()

    def read(self, users: Users | None, memberships: Membership | None) -> "Reference":
        """Read the rows, which are numbered from 2, and put together what they want."""
        listed = [(n, row) for n, row in enumerate(self.rows, 2) if any(row.values())]
        others = [(n, row) for n, row in enumerate(self.second, SECOND + 2) if any(row.values())]
        people = self._people(users, [*listed, *others]) if users is not None else {}
        asks = [a for n, row in listed for a in self._asks(memberships, n, row)]
        self._contradictions(people, several_expected=memberships is not None)
        highest_wins = memberships is not None and memberships.several == "highest"
        pairs = self._pairs(asks, highest_wins=highest_wins)
        # A row that says one thing that cannot be used is used for nothing.
        in_doubt = {key for key, rows in people.items() if self._bad & {n for n, _ in rows}}
        certain = {key: rows for key, rows in people.items() if key not in in_doubt}
        self._want_users(users, certain)
        self._want_memberships(pairs, asks, in_doubt, highest_wins=highest_wins)
        named = {compare_key(a.who.text) for a in asks if a.number in self._bad and a.who.text}
        self.unknown = in_doubt | (named - set(map(compare_key, self.users)))
        self.tell_defaults()
        return self

    # --- users ------------------------------------------------------------------------------------

    def _people(self, users: Users, listed: Sequence[Any]) -> dict[str, list[Any]]:
        """Return what each row says of a user, by the key of the person."""
        people: dict[str, list[Any]] = defaultdict(list)
        made = {
            what: rule for what in CHECKS if (rule := getattr(users.fields, what, None)) is not None
        }
        for n, row in listed:
            values = {
                what: self.one(rule, what, n, row)
                for what, rule in made.items()
                if columns_of(rule) <= row.keys()
            }
            who = values["username"]
            if who.state == "empty":
                self.note("username-empty", who.places[0])
            if who.state != "given" or "bad" in {value.state for value in values.values()}:
                self._bad.add(n)
            if who.state == "given":
                people[compare_key(who.text)].append((n, values))
        return people

    def _contradictions(self, people: Mapping[str, Any], *, several_expected: bool) -> None:
        for rows in (some for each in people.values() for some in by_source(each)):
            said = [{(v.state, v.text) for v in given_by(rows, what)} for what in rows[0][1]]
            expected = several_expected and rows[0][0] < SECOND
            code = "" if expected or len(rows) == 1 else "user-repeated"
            if len({values["username"].text for _, values in rows}) > 1:
                code = "user-clash"
            elif any(len(several) > 1 for several in said):
                code = "user-duplicate"
            if code:
                self.together(code, (values["username"].places[0] for _, values in rows))
                self._bad |= {n for n, _ in rows} if code != "user-repeated" else set()

    def _want_users(self, users: Users | None, people: Mapping[str, Any]) -> None:
        for _, rows in sorted(people.items()):
            wanted = {}
            for what in CHECKS:
                rule = getattr(users and users.fields, what, None)
                turned = rule is not None and rule.precedence[:1] == ("more",)
                ordered = sorted(by_source(rows), key=lambda some: some[0][0], reverse=turned)
                values = [v[what] for some in ordered for _, v in some if what in v]
                values = [value for value in values if value.state in ("given", "clear")]
                chosen = [value for value in values if not value.assumed] or values
                same = [value for value in chosen if value[:2] == chosen[0][:2]]
                if len(same) < len(chosen) and not chosen[0].assumed:
                    other = next(value for value in chosen if value[:2] != chosen[0][:2])
                    self.note("sources-conflict", same[0].places[0], other.places)
                if chosen:
                    wanted[what] = same[0].text, places_of(same)
            self.users[wanted["username"][0]] = wanted

    # --- memberships ------------------------------------------------------------------------------

    def _asks(self, rule: Membership | None, n: int, row: Mapping[str, str]) -> list[Ask]:
        """Return the roles in projects that a row asks for."""
        if rule is None:
            return []
        wanted, unusable = self._projects(rule, n, row)
        who = self.one(rule.username, "username", n, row)
        if who.state == "empty" and (unusable or any(r.state != "empty" for _, r in wanted)):
            self.note("username-empty", who.places[0])
            unusable = True
        if unusable or who.state == "bad":
            self._bad.add(n)
        # A row that asks for nothing may name somebody all the same.
        nothing = Value("empty")
        return [Ask(n, who, project, role) for project, role in wanted or [(nothing, nothing)]]

    def _projects(
        self, rule: Membership, n: int, row: Mapping[str, str]
    ) -> tuple[list[tuple[Value, Value]], bool]:
        """Return the projects of a row with their roles, and whether the row cannot be used."""
        assert rule.project is not None and rule.role is not None
        projects = self.several(rule.project, "project", n, row)
        given = RoleRule(value=rule.role) if isinstance(rule.role, str) else rule.role
        role = Value("empty") if given.part else self.one(given, "access", n, row)
        if projects[0].state == "empty":
            of_row = given.from_ is not None or given.template is not None
            lacking = of_row and not rule.project.each and role.state == "given"
            if lacking and not role.assumed:
                self.note("value-required", projects[0].places[0])
                return [], True
            return [], role.state == "bad"
        wanted = []
        for project in projects:
            own = role
            if given.part:
                text = project.parts.get(given.part) or ""
                own = self.shaped(given, "access", Value("given", text, project.places))
            if own.state == project.state == "given":
                problem = rules.project_role_problem(own.text, ())
                own = own if problem is None else self.refused(problem, own)
            wanted.append((project, own))
        if any(own.state == "empty" for _, own in wanted):
            self.note("value-required", wanted[-1][1].places[0])
            return wanted, True
        return wanted, "bad" in {value.state for pair in wanted for value in pair}

    def _pairs(self, asks: Iterable[Ask], *, highest_wins: bool) -> dict[Any, list[Ask]]:
        """Return what is asked for, by person and project; two roles there are a conflict."""
        pairs: dict[Any, list[Ask]] = defaultdict(list)
        for ask in asks:
            if ask.who.state == ask.project.state == ask.role.state == "given":
                pairs[compare_key(ask.who.text), case_key(ask.project.text)].append(ask)
        for same in pairs.values():
            same.sort(key=lambda ask: ask.role.places[0])
            roles, places = {a.role.text for a in same}, {a.role.places[0] for a in same}
            if len(roles) > 1 and highest_wins:
                self.together("membership-highest", places)
            elif len(roles) > 1:
                self.together("membership-conflict", places)
                self._bad |= {ask.number for ask in same}
            elif len(places) > 1:
                self.together("membership-duplicate", places)
        return pairs

    def _want_memberships(
        self, pairs: Mapping[Any, list[Ask]], asks: Iterable[Ask], in_doubt: set[str], *,
        highest_wins: bool,
    ) -> None:  # fmt: skip
        # What a row asks for that cannot be used, another row does not make certain.
        doubtful = {
            (compare_key(ask.who.text), spelling_key(ask.project.text))
            for ask in asks
            if ask.number in self._bad and ask.who.state == ask.project.state == "given"
        }
        for (who, _), same in sorted(pairs.items()):
            good = [ask for ask in same if ask.number not in self._bad]
            where = spelling_key(same[0].project.text)
            if not good or who in in_doubt or (who, where) in doubtful:
                continue
            best = max(good, key=lambda ask: RANKS[ask.role.text]) if highest_wins else good[0]
            good = [ask for ask in good if ask.role.text == best.role.text]
            parts = ([getattr(ask, part) for ask in good] for part in ("who", "project", "role"))
            self.memberships.append(tuple((some[0].text, places_of(some)) for some in parts))


def by_source(rows: Sequence[Any]) -> list[list[Any]]:
    """Return the rows of each source that has some."""
    parts = ([(n, v) for n, v in rows if (n < SECOND) is first] for first in (True, False))
    return [part for part in parts if part]


def given_by(rows: Sequence[Any], what: str) -> list[Value]:
    """Return what rows say of a field themselves: given or cleared, and not by default."""
    values = [values[what] for _, values in rows]
    return [one for one in values if one.state in ("given", "clear") and not one.assumed]


def places_of(values: Iterable[Value]) -> tuple[Place, ...]:
    """Return the places of values, each once and in order."""
    return tuple(sorted({place for value in values for place in value.places}))
