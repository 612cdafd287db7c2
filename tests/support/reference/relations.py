"""Read members of groups and the access of groups naively, row by row."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from kanport import rules
from kanport.mapping.relations import GroupAccess, Groups
from kanport.mapping.rules import RoleRule
from kanport.names import compare_key, spelling_key
from tests.support.reference.values import Place, Value, Values

Pair = tuple[str | None, str | None]


class Said(NamedTuple):
    """What a row says: each of its holders to each of its targets, with the role there."""

    number: int
    holders: Sequence[Value]
    targets: Sequence[tuple[Value, Value]]

    def pairs(self, key_of: Callable[[str], str]) -> set[Pair]:
        return {
            (
                compare_key(holder.text) if holder.state == "given" else None,
                key_of(target.text) if target.state == "given" else None,
            )
            for holder in self.holders
            for target, _ in self.targets
        }


class RelationsReference(Values):
    """A table read naively: `groups`, `members` and `access` as wanted, and what is open of them.

    What is wanted of a relation is a text with its places for the holder, the target and the role.
    """

    def __init__(self, rows: Sequence[Mapping[str, str]]) -> None:
        super().__init__()
        self.rows = [(n, row) for n, row in enumerate(rows, 2) if any(row.values())]
        self._bad: set[int] = set()

    def read(self, groups: Groups | None, access: GroupAccess | None) -> "RelationsReference":
        """Read the rows, which are numbered from 2, and put together what they want."""
        members = [said for n, row in self.rows if (said := self._member(groups, n, row))]
        given = [said for n, row in self.rows if (said := self._access(access, n, row))]
        self._holes(members)
        self._conflicts(given)
        self.open_members = self._open(members, compare_key)
        self.open_access = self._open(given, spelling_key)
        names: dict[str, tuple[Place, str]] = {}
        for said in members:
            for name, _ in said.targets if said.number not in self._bad else ():
                if name.state == "given":
                    spelled = name.places[0], name.text
                    key = compare_key(name.text)
                    names[key] = min(spelled, names.get(key, spelled))
        self.groups = [text for _, (_, text) in sorted(names.items())]
        self.members = [
            (
                (same[0][0].text, firsts(holder for holder, _, _ in same)),
                (names[what][1], ()),
                ("", ()),
            )
            for (who, what), same in self._wanted(members, compare_key, lambda one: one[0])
            if not {(who, what), (who, None)} & self.open_members
        ]
        self.access = [
            (
                (same[0][0].text, same[0][0].places[:1]),
                (same[0][1].text, same[0][1].places[:1]),
                (same[0][2].text, firsts(role for _, _, role in same)),
            )
            for pair, same in self._wanted(given, spelling_key, lambda one: one[2])
            if pair not in self.open_access
        ]
        self.tell_defaults()
        return self

    def _member(self, rule: Groups | None, n: int, row: Mapping[str, str]) -> Said | None:
        if rule is None:
            return None
        names = self.several(rule.name, "group", n, row)
        members = self.several(rule.member, "member", n, row)
        if names[0].state == "empty":
            return None
        if "bad" in {value.state for value in (*names, *members)}:
            self._bad.add(n)
        return Said(n, members, [(name, Value("given")) for name in names])

    def _access(self, rule: GroupAccess | None, n: int, row: Mapping[str, str]) -> Said | None:
        if rule is None:
            return None
        assert rule.role is not None
        groups = self.several(rule.group, "group", n, row)
        projects = self.several(rule.project, "project", n, row)
        given = RoleRule(value=rule.role) if isinstance(rule.role, str) else rule.role
        role = Value("empty") if given.part else self.one(given, "access", n, row)
        asked = []
        if groups[0].state != "empty" and projects[0].state != "empty":
            for project in projects:
                own = role
                if given.part:
                    text = project.parts.get(given.part) or ""
                    own = self.shaped(given, "access", Value("given", text, project.places))
                if own.state == project.state == "given":
                    problem = rules.project_role_problem(own.text, ())
                    own = own if problem is None else self.refused(problem, own)
                if own.state == "empty":
                    self.note("value-required", own.places[0])
                    self._bad.add(n)
                asked.append((project, own))
        elif "bad" in (groups[0].state, projects[0].state, role.state):
            asked = [(projects[0], role)]
        said = Said(n, groups, asked)
        if asked and "bad" in {one.state for one in groups} | {v.state for a in asked for v in a}:
            self._bad.add(n)
        return said if asked else None

    def _holes(self, members: Iterable[Said]) -> None:
        """Refuse rows without a member beside others of their group that have one."""
        by_group = defaultdict(list)
        for said in members:
            for name, _ in said.targets:
                if name.state == "given":
                    by_group[compare_key(name.text)].append(said)
        for rows in by_group.values():
            empty = [said for said in rows if said.holders[0].state == "empty"]
            for said in empty if len(empty) < len(rows) else ():
                self.note("username-empty", said.holders[0].places[0])
                self._bad.add(said.number)

    def _conflicts(self, given: Sequence[Said]) -> None:
        """Refuse rows that give a group two roles in one project."""
        for _, same in self._by_pair(given, spelling_key, lambda one: one[2]):
            if len({role.text for _, (_, _, role) in same}) > 1:
                self.together("group-differs", (role.places[0] for _, (_, _, role) in same))
                self._bad |= {n for n, _ in same}

    def _open(self, rows: Iterable[Said], key_of: Callable[[str], str]) -> set[Pair]:
        return {pair for said in rows if said.number in self._bad for pair in said.pairs(key_of)}

    def _by_pair(
        self, rows: Iterable[Said], key_of: Callable[[str], str], of: Callable[[Any], Value]
    ) -> Iterable[tuple[Any, list[tuple[int, Any]]]]:
        """Return what rows ask for by the keys of holder and target, in the order of places."""
        found = defaultdict(list)
        for said in rows:
            for holder in said.holders:
                for target, role in said.targets:
                    if holder.state == target.state == role.state == "given":
                        pair = compare_key(holder.text), key_of(target.text)
                        found[pair].append((said.number, (holder, target, role)))
        for same in found.values():
            same.sort(key=lambda one: (of(one[1]).places[0], one[1][0].text))
        return sorted(found.items(), key=lambda item: item[0])

    def _wanted(
        self, rows: Iterable[Said], key_of: Callable[[str], str], of: Callable[[Any], Value]
    ) -> Iterable[tuple[Any, list[Any]]]:
        for pair, same in self._by_pair(rows, key_of, of):
            if good := [one for n, one in same if n not in self._bad]:
                yield pair, good


def firsts(values: Iterable[Value]) -> tuple[Place, ...]:
    """Return the first place of each value, each once and in order."""
    return tuple(sorted({value.places[0] for value in values}))
