"""Which role people have in a project in the end: by what was really made, or would be.

A direct role wins over those of groups, and of these the highest counts. So a role follows from
what the plan knows of where it comes from (`PlanBasis`, `PlanGiver`), and from every change of the
person's membership, of the groups that they are in, and of what these give: those that were made,
and not those that failed. Where Kanboard does not show what a role depends on, it is not sure.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field, replace
from typing import NamedTuple

from kanport.outcome import Status
from kanport.plan.change import Action, RelationChange
from kanport.plan.model import Plan, PlanAccess, PlanBasis
from kanport.plan.roles import effective_role, highest_role, highest_roles, kanboard_rank
from kanport.records import dataclass
from kanport.relations import About
from kanport.report.changes import change_views, group_names, leaves_access, risks_of
from kanport.report.view import ChangeView

# By id, or by the name or label of what does not exist yet.
Who = int | str
Where = int | str
_Group = int | str
# The roles of which one may be had: None is no role, and `_ANY`, which no server has as a text,
# is a role that nobody knows.
_Roles = frozenset[str | None]
_ANY = "\0"
_NONE: _Roles = frozenset({None})

_UNREAD = frozenset({"sent-unknown", "not-understood"})
# What a failed change of a group's access leaves as it was; of others nothing shows it.
_REFUSED = frozenset({"group-without-access", "not-there", "rejected", "no-procedure"})


class EffectiveRole(NamedTuple):
    """Somebody's role in the end, None for none; `sure` is False where it may be another.

    `through` are the groups that give it or may, where it is none of their own. `by_groups` is
    True where it is not what their own change, if there is any, makes of it, and `either` where
    they may have a role and may have none.
    """

    role: str | None
    sure: bool
    through: tuple[str, ...] = ()
    by_groups: bool = False
    either: bool = False


@dataclass(frozen=True, slots=True)
class _Project:
    """What the plan knows of a project: whom it is certain of, and which groups give access."""

    basis: Mapping[Who, PlanBasis] = field(default_factory=dict)
    givers: Mapping[_Group, _Roles] = field(default_factory=dict)


class EffectiveRoles:
    """Works out roles in the end, from a plan with what became of its changes."""

    def __init__(self, plan: Plan, lines: Sequence[ChangeView]) -> None:
        self._joins: dict[Who, list[tuple[_Group, ChangeView]]] = defaultdict(list)
        self._access: dict[tuple[Where, _Group], ChangeView] = {}
        self._removed: dict[_Group, ChangeView] = {}
        self._names: dict[_Group, str] = {}
        for line in lines:
            change = line.change
            group = change.group_id or change.group
            if group is None:
                continue
            self._names.setdefault(group, line.group or change.group or "")
            if change.about is About.GROUP_MEMBER:
                self._joins[who_of(line)].append((group, line))
            elif change.about is About.GROUP_ACCESS:
                self._access[where_of(line), group] = line
            elif change.action is Action.GROUP_REMOVE:
                self._removed[group] = line
        self._projects: dict[Where, _Project] = {}
        for access in plan.access or ():
            self._projects[place_of(access)] = _Project(
                {one.user_id: one for one in access.basis or ()},
                {
                    one.group_id: frozenset({one.role} if one.role is not None else {None, _ANY})
                    for one in access.givers or ()
                },
            )
            self._names |= {one.group_id: one.group for one in access.givers or ()}
        for number, name in group_names(lines).items():
            self._names[number] = name

    def knows(self, who: Who, where: Where) -> bool:
        """Return whether the role of somebody without a change of their own may follow groups."""
        return who in self._projects.get(where, _NOWHERE).basis

    def ending(
        self, who: Who, where: Where, before: str | None, line: ChangeView | None
    ) -> EffectiveRole:
        """Return the role of somebody in a project who had the role `before`, None for none.

        `line` is the change of their membership or the removal of their account, if there is one.
        """
        if line is not None and line.change.action is Action.USER_REMOVE:
            if _made(line) is True:
                return EffectiveRole(None, sure=True)
            end = self.ending(who, where, before, None)
            return end if _made(line) is False else end._replace(sure=False, either=True)
        project = self._projects.get(where, _NOWHERE)
        basis = project.basis.get(who)
        if line is not None and line.in_place and basis is None and who not in self._joins:
            return EffectiveRole(_wanted(line), sure=True)
        direct = _direct(basis, before)
        groups: dict[_Group, frozenset[bool]] = dict.fromkeys(basis.groups if basis else (), _YES)
        base = project.givers
        if line is not None:
            seen = _seen(line)
            if seen is not None and (_is_last(line) or not self._moves(who, where, groups)):
                return EffectiveRole(seen.role, sure=True, by_groups=seen.role != _wanted(line))
            direct = _after(line, direct)
            if seen is not None and not line.in_place:
                before = seen.role
                direct |= {before}
            if _shows_no_group(line):
                base = {group: roles for group, roles in base.items() if group not in groups}
        for group, change in self._joins.get(who, ()):
            made = _made(change)
            if made is None:
                groups[group] = _MAYBE
            elif made:
                joins = change.change.action is Action.GROUP_MEMBER_ADD
                groups[group] = _YES if joins else _NO
        given = {
            group: roles
            for group, inside in groups.items()
            if (roles := self._given(group, where, inside, base)) != _NONE
        }
        return self._judged(direct, given, before, line)

    def _moves(self, who: Who, where: Where, groups: Iterable[_Group]) -> bool:
        """Return whether any change of groups is about what somebody has in a project."""
        joined = {group for group, _ in self._joins.get(who, ())}
        return bool(joined) or any(
            (where, group) in self._access or group in self._removed for group in groups
        )

    def _given(
        self, group: _Group, where: Where, inside: frozenset[bool], base: Mapping[_Group, _Roles]
    ) -> _Roles:
        """Return what a group may give somebody who may be in it."""
        roles = base.get(group, _NONE)
        access, removed = self._access.get((where, group)), self._removed.get(group)
        if access is not None and (made := _made(access)) is not False:
            new: _Roles = frozenset({_wanted(access)})
            roles = new if made else roles | new
        if removed is not None and (gone := _made(removed)) is not False:
            roles = _NONE if gone else roles | _NONE
        if inside == _NO:
            return _NONE
        return roles if inside == _YES else roles | _NONE

    def _judged(
        self,
        direct: _Roles,
        given: Mapping[_Group, _Roles],
        before: str | None,
        line: ChangeView | None,
    ) -> EffectiveRole:
        certain = [role for roles in given.values() if len(roles) == 1 for role in roles if role]
        tops = highest_roles(certain)
        top = highest_role(certain) or None
        possible = _possible(certain, given.values())
        ends = {role for role in direct if role is not None} | (
            possible if None in direct else set()
        )
        through = tuple(self._names.get(group, "") for group in given) if None in direct else ()
        sure = len(ends) == 1 and _ANY not in ends and (None not in direct or len(tops) < 2)
        wanted = None if line is None else _wanted(line)
        if sure:
            (role,) = ends
        elif line is not None and line.in_place:
            role = top if top is not None and None in direct else wanted
        elif line is not None and before in direct:
            role = before
        elif top is not None:
            role = top
        else:
            role = before if given else None
        by_groups = line is None or not line.in_place or role != wanted
        shown = effective_role(role) or None
        either = len({bool(effective_role(one)) for one in (*ends, shown)}) > 1
        return EffectiveRole(shown, sure, through, by_groups, either)


def with_groups(plan: Plan, lines: tuple[ChangeView, ...]) -> tuple[ChangeView, ...]:
    """Return changes; revocations that leave access name the groups that it comes through.

    These are the groups by the plan, whatever became of it.
    """
    left = [number for number, line in enumerate(lines) if leaves_access(line.change)]
    if not left:
        return lines
    planned = change_views(plan.changes)
    named, roles = list(lines), EffectiveRoles(plan, planned)
    for number in left:
        line = planned[number]
        before = line.change.old_role if isinstance(line.change, RelationChange) else None
        end = roles.ending(who_of(line), where_of(line), before, line)
        risks = risks_of(line.change, lines[number].reviews, end.through)
        named[number] = replace(named[number], risks=risks)
    return tuple(named)


_NOWHERE = _Project()
_YES, _NO, _MAYBE = frozenset({True}), frozenset({False}), frozenset({True, False})


def who_of(line: ChangeView) -> Who:
    """Return whom a change is about: by id, or the username of somebody who gets one."""
    return (line.change.username or "") if line.change.user_id is None else line.change.user_id


def where_of(line: ChangeView) -> Where:
    """Return which project a change is about: by id, or the label of one that gets one."""
    return line.change.project_id or line.change.project or ""


def place_of(access: PlanAccess) -> Where:
    """Return which project the access is to, as `where_of` has it."""
    return access.project_id or access.project


def _direct(basis: PlanBasis | None, before: str | None) -> _Roles:
    """Return the direct roles that somebody may have before anything changes."""
    if basis is None or basis.direct is True:
        return frozenset({before})
    return _NONE if basis.direct is False else frozenset({before, None})


def _made(line: ChangeView) -> bool | None:
    """Return whether a change is made, or would be; None where nobody knows."""
    if line.in_place:
        return True
    if line.status is not Status.FAILED or line.outcome is None or line.outcome.why is None:
        return False
    codes = {fact.code for fact in line.outcome.why.all()}
    if line.change.about is About.GROUP_ACCESS:
        return False if codes & _REFUSED and "never-answered" not in codes else None
    return None if codes & _UNREAD else False


class _Seen(NamedTuple):
    role: str | None


def _seen(line: ChangeView) -> _Seen | None:
    """Return the role that was read after a change; None where none was read, or one of before."""
    outcome = line.outcome
    if outcome is None:
        return None
    if line.in_place:
        return _Seen(_wanted(line))
    if outcome.through_group is not None:
        return _Seen(outcome.through_group)
    if outcome.status is not Status.FAILED or outcome.why is None:
        return None
    facts = [fact for fact in outcome.why.all() if fact.code == "role-now"]
    if len(facts) != 1 or _made(line) is None:
        return None
    return _Seen(None if facts[0].case == "none" else str(facts[0]["role"]))


def _wanted(line: ChangeView) -> str | None:
    """Return the role in a project that a change leads to; a removed account has none."""
    return line.change.new_role if isinstance(line.change, RelationChange) else None


def _after(line: ChangeView, direct: _Roles) -> _Roles:
    """Return the direct roles that somebody may have after the change of their membership."""
    made = _made(line)
    revokes = line.change.action is Action.MEMBERSHIP_REVOKE
    new: _Roles = _NONE if revokes else frozenset({_wanted(line)})
    if made is True:
        return new
    seen = _seen(line)
    if revokes and seen is not None and line.outcome is not None and line.outcome.through_group:
        return direct | _NONE
    return direct | new if made is None else direct


def _is_last(line: ChangeView) -> bool:
    """Return whether what was read after a change was read when all groups were as they are.

    A direct role that ends so that those of groups count is the last to be changed.
    """
    revokes = line.change.action is Action.MEMBERSHIP_REVOKE
    return revokes and line.in_place and _wanted(line) is not None


def _shows_no_group(line: ChangeView) -> bool:
    """Return whether a run has read that somebody had no access once a membership was ended.

    So none of their groups gave any; what these give may have changed since.
    """
    revoked = line.change.action is Action.MEMBERSHIP_REVOKE and _wanted(line) is None
    return revoked and line.in_place and line.outcome is not None


def _possible(certain: Iterable[str], given: Iterable[_Roles]) -> set[str | None]:
    """Return all that groups may give together, where one of several roles counts."""
    least = max(map(kanboard_rank, certain), default=0)
    possible: set[str | None] = {highest_role(certain) or None}
    for roles in given:
        if len(roles) > 1:
            possible |= {
                role
                for role in roles
                if role is not None and (role == _ANY or kanboard_rank(role) >= least)
            }
    return possible
