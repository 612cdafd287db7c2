"""Separation of duties: who has roles together that the mapping keeps apart. Pure.

`violations` compares a state of the server with the rules; `separated` is the guard that compares
what a plan leads to. The server lists effective roles, so access through groups counts. Where a
revoked role may remain through a group, it counts as well. Disabled users cannot use their access
and do not count; a plan that re-enables one is judged by what they have.
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import chain
from types import MappingProxyType
from typing import NamedTuple

from kanport.facts import Fact, fact
from kanport.findings import Finding, found
from kanport.mapping.controls import Separation, SeparationException
from kanport.mapping.spec import MappingFile
from kanport.model import (
    APP_ROLE_RANK,
    PROJECT_ROLE_RANK,
    AppRole,
    CurrentState,
    Project,
    ProjectIndex,
    ProjectRole,
)
from kanport.names import compare_key, spelling_key
from kanport.plan.change import Action, Change, ProjectChange, RelationChange, Risk
from kanport.plan.guards.allowances import over_limit
from kanport.plan.guards.context import GuardContext
from kanport.plan.matching import numbers_are_ids
from kanport.plan.model import GuardVerdict, PlanAccess

# A user by id, or by the compare key of the username of one whom a plan creates.
_Who = int | str
# A project by id, or by the spelling key of the label of one that a plan creates; None is the
# server.
_Where = int | str | None
_Roles = dict[_Where, set[str]]


class Violation(NamedTuple):
    """A user who has more of the roles of a rule than it allows.

    `held` are these roles as the mapping writes them. `exception` is the one in force for the user,
    if there is any.
    """

    rule: Separation
    username: str
    held: tuple[str, ...]
    exception: SeparationException | None = None

    @property
    def excepted(self) -> tuple[str, str]:
        """The reason and the end of the exception; empty without one."""
        return (self.exception.reason, self.exception.until) if self.exception else ("", "")

    @property
    def why(self) -> Fact:
        """The violation as a fact."""
        return fact(
            "separation-broken", rule=self.rule.label, username=self.username, roles=self.held
        )


def violations(mapping: MappingFile, current: CurrentState, *, at: str) -> tuple[Violation, ...]:
    """Return which active users have roles together that the mapping keeps apart.

    `at` is the time (UTC, RFC 3339), by which exceptions end. Projects whose members were not read
    do not count.
    """
    rules = _Rules(mapping, current.project_index)
    return tuple(rules.broken(_held(current), _names(current), at))


def projects_of_separation(mapping: MappingFile, projects: Iterable[Project]) -> frozenset[int]:
    """Return the ids of the projects that the rules name, whose members a plan must know."""
    if not mapping.separation:
        return frozenset()
    items = (
        item
        for _, some in _Rules(mapping, ProjectIndex.of(projects)).items
        for item in some.values()
    )
    return frozenset(where for where, _ in items if isinstance(where, int))


class _Rules:
    """The rules, with their projects found on the server.

    `items` are the rules with (where, role) by the text in the mapping; no role means any.
    `unknown` are the texts whose project the server lacks, or has several times. `planned` are
    the keys of projects that a plan creates, by the keys of what a rule may call them.
    """

    def __init__(
        self,
        mapping: MappingFile,
        index: ProjectIndex[Project],
        planned: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        index = index.with_numbers(numbers_are_ids(mapping))
        roles = {*ProjectRole, *chain.from_iterable(mapping.custom_roles.values())}
        self.items: list[tuple[Separation, dict[str, tuple[_Where, str | None]]]] = []
        self.unknown: list[tuple[Separation, str, int]] = []
        for rule in mapping.separation:
            items: dict[str, tuple[_Where, str | None]] = {}
            self.items.append((rule, items))
            for text in rule.roles:
                if text in APP_ROLE_RANK:
                    items[text] = None, text
                    continue
                project, _, role = text.rpartition(":")
                if role not in roles or not project:
                    project, role = text, ""
                known = index.called(project)
                key = spelling_key(project)
                where = known[0].id if len(known) == 1 else planned.get(key, key)
                items[text] = where, role or None
                if len(known) != 1 and key not in planned:
                    self.unknown.append((rule, text, len(known)))

    def broken(
        self, people: Mapping[_Who, _Roles], names: Mapping[_Who, str], at: str
    ) -> Iterator[Violation]:
        """Yield who breaks which rule with these roles, rule by rule, in the order of usernames."""
        for rule, items in self.items:
            exceptions = {
                compare_key(one.username): one for one in rule.exceptions if at[:10] <= one.until
            }
            for who in sorted(people, key=names.__getitem__):
                held = tuple(text for text, item in items.items() if _has(people[who], *item))
                if len(held) > rule.at_most:
                    exception = exceptions.get(compare_key(names[who]))
                    yield Violation(rule, names[who], held, exception)


def _has(roles: _Roles, where: _Where, wanted: str | None) -> bool:
    held = roles.get(where, ())
    if wanted is None:
        return bool(held)
    ranks = APP_ROLE_RANK if where is None else PROJECT_ROLE_RANK
    return any(
        role == wanted or (wanted in ranks and ranks.get(role, 0) > ranks[wanted]) for role in held
    )


def _names(current: CurrentState) -> dict[_Who, str]:
    return {user.id: user.username for user in current.users}


def _held(current: CurrentState, *, disabled: bool = False) -> dict[_Who, _Roles]:
    """Return the roles of the active users, or of all."""
    people: dict[_Who, _Roles] = {
        user.id: {None: {user.role}} for user in current.users if user.active or disabled
    }
    for project_id, roles in current.roles.items():
        for user_id, role in roles.items():
            if user_id in people:
                people[user_id].setdefault(project_id, set()).add(role)
    return people


# --- what a plan leads to -------------------------------------------------------------------------


def separated(context: GuardContext) -> Iterator[GuardVerdict]:
    """Refuse a plan that gives somebody roles together that the mapping keeps apart.

    Who has them already does not stop a plan, unless it adds another one of the same rule.
    """
    if not context.mapping.separation:
        return
    new = [one for one in _of_plan(context).new if one.exception is None]
    if not new:
        yield GuardVerdict.of(
            fact("separation", case="passed", count=len(context.mapping.separation))
        )
        return
    yield over_limit(
        "separation",
        "separation",
        len(new),
        context.allowed.most("separation"),
        count=len(new),
        violations=tuple(one.why for one in new),
    )


class _OfPlan(NamedTuple):
    rules: _Rules
    new: list[Violation]
    left: list[Violation]


def _of_plan(context: GuardContext) -> _OfPlan:
    """Return the violations that a plan makes, and those that it leaves as they are."""
    rules = _Rules(context.mapping, context.current.project_index, _planned(context))
    names = _names(context.current)
    before = {
        (one.rule, one.username): set(one.held)
        for one in rules.broken(_held(context.current), names, context.at)
    }
    new: list[Violation] = []
    left: list[Violation] = []
    for one in rules.broken(_after(context, names), names, context.at):
        known = before.get((one.rule, one.username), set())
        (left if known >= set(one.held) else new).append(one)
    return _OfPlan(rules, new, left)


def _planned(context: GuardContext) -> dict[str, str]:
    """Return the projects that a plan creates, which rules name by identifier or name."""
    new = [
        one for one in context.by_action[Action.PROJECT_CREATE] if isinstance(one, ProjectChange)
    ]
    labels = [spelling_key(one.project) for one in new]
    called = {spelling_key(one.after.name): at for one, at in zip(new, labels, strict=True)}
    return called | dict(zip(labels, labels, strict=True))


def _after(context: GuardContext, names: dict[_Who, str]) -> dict[_Who, _Roles]:
    """Return the roles of those who are active after the plan; add new users to `names`."""
    changes, current = context.by_action, context.current
    people = _held(current, disabled=True)
    active: set[_Who] = {user.id for user in current.users if user.active}
    for change in changes.users(Action.USER_CREATE, Action.USER_UPDATE):
        who = _who(change)
        if change.action is Action.USER_CREATE:
            active.add(who)
            names[who] = change.username
            people[who] = {None: {change.new.role or AppRole.USER}}
        elif change.new.role is not None and who in people:
            people[who][None] = {change.new.role}
    for action, now_active in ((Action.USER_ENABLE, True), (Action.USER_DISABLE, False)):
        for one in changes[action]:
            (active.add if now_active else active.discard)(_who(one))
    for one in changes[Action.USER_REMOVE]:
        active.discard(_who(one))
    for where, who, role in _moved(context.access):
        _put(people, who, where, role)
    for action in _OF_ACCESS:
        for one in changes[action]:
            _put(people, _who(one), _where(one), *_roles_after(one))
    return {who: roles for who, roles in people.items() if who in active}


_OF_ACCESS = (Action.MEMBERSHIP_REVOKE, Action.MEMBERSHIP_CHANGE, Action.MEMBERSHIP_GRANT)


def _who(change: Change) -> _Who:
    return compare_key(change.username or "") if change.user_id is None else change.user_id


def _where(change: Change) -> _Where:
    return spelling_key(change.project or "") if change.project_id is None else change.project_id


def _moved(access: Iterable[PlanAccess]) -> Iterator[tuple[_Where, _Who, str | None]]:
    for project in access:
        where: _Where = project.project_id
        for move in project.moved:
            yield (
                where if where is not None else spelling_key(project.project),
                compare_key(move.username) if move.user_id is None else move.user_id,
                move.after,
            )


def _roles_after(change: Change) -> Iterator[str | None]:
    if not isinstance(change, RelationChange):
        return
    yield change.new_role
    if Risk.MAYBE_THROUGH_GROUP in change.risk:
        yield change.old_role


def _put(people: dict[_Who, _Roles], who: _Who, where: _Where, *roles: str | None) -> None:
    if who in people:
        people[who][where] = {role for role in roles if role is not None}


# --- findings -------------------------------------------------------------------------------------


def separation_findings(context: GuardContext) -> Iterator[Finding]:
    """Yield violations that a plan leaves, exceptions that are over, and roles without meaning."""
    if not context.mapping.separation:
        return
    rules, new, left = _of_plan(context)
    for rule, text, count in rules.unknown:
        case = "several" if count else "unknown"
        yield found(
            "separation-unused", case=case, rule=rule.label, value=text, name=text, count=count
        )
    for one in (*left, *new):
        if one.exception is not None:
            yield found(
                "separation-excepted",
                what=one.why,
                reason=one.exception.reason,
                until=one.exception.until,
            )
        elif one in left:
            yield found("separation-violated", what=one.why)
    for rule in context.mapping.separation:
        for exception in rule.exceptions:
            if exception.until < context.at[:10]:
                yield found(
                    "separation-expired",
                    rule=rule.label,
                    username=exception.username,
                    until=exception.until,
                )
