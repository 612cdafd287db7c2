"""Which access people will have through groups once a plan is carried out. Pure.

What groups lose and get decides which role somebody has who has no direct one, and Kanboard does
not tell who has one. So for each person in each project there is an outlook: what is certain, and
what is not.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

from kanport.memory import Memory
from kanport.model import CurrentState, Group
from kanport.plan.access import shown_not
from kanport.plan.effective import highest_role, highest_roles
from kanport.plan.group_access import GroupAccessDiff, Place
from kanport.plan.group_members import MembersDiff
from kanport.plan.ranks import kanboard_rank


@dataclass(frozen=True, slots=True)
class Outlook:
    """What is known of somebody's access to a project, now and when groups are as planned.

    `direct` is True where a direct role is certain, False where it is certain that there is none,
    and None where either may be. `settled` is True where the role that they have now will stay what
    it is, whatever happens to groups. `through` are the names of the groups that give access then
    or may give it, `at_least` is the highest role that those give of which it is known, and `tops`
    are all that rank with it, as one of them counts. `role` is the role that all groups together
    give. Both are None where that is not known or where there is none.
    """

    direct: bool | None
    settled: bool
    through: tuple[str, ...] = ()
    role: str | None = None
    at_least: str | None = None
    tops: frozenset[str] = frozenset()

    @property
    def sure(self) -> bool:
        """Whether it is certain which role they have when all is done, if not a direct one."""
        return self.direct is False and (self.role is not None or not self.through)


@dataclass(frozen=True, slots=True)
class Foreseen:
    """Groups as they are and as they will be, with what is known of their access."""

    current: CurrentState
    memory: Memory
    groups: Mapping[int, Group]
    before: Mapping[Place, str]
    after: Mapping[Place, str]
    names: Mapping[int | str, str]
    now_in: Mapping[int, tuple[int, ...]]
    then_in: Mapping[int, tuple[int | str, ...]]
    # All members of a group are compared with a project's once, not for each of them.
    _may_give: dict[Place, bool] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def of(
        cls,
        current: CurrentState,
        memory: Memory,
        members: MembersDiff,
        access: GroupAccessDiff,
    ) -> Self:
        """Put together what is and what will be."""
        names: dict[int | str, str] = {group.id: group.name for group in current.groups}
        names.update((key, key) for key in members.after if isinstance(key, str))
        then: dict[int | str, frozenset[int]] = {g.id: g.members for g in current.groups}
        then.update(members.after)
        then_in: dict[int, list[int | str]] = defaultdict(list)
        for key in sorted(then, key=lambda key: (names[key], str(key))):
            for user_id in then[key]:
                then_in[user_id].append(key)
        return cls(
            current,
            memory,
            current.groups_by_id,
            access.before,
            access.after,
            names,
            {who: tuple(group.id for group in some) for who, some in current.groups_of.items()},
            {user_id: tuple(some) for user_id, some in then_in.items()},
        )

    @property
    def moves(self) -> bool:
        """Whether anything happens to groups at all, so that access may move with them."""
        return self.before != self.after or self.now_in != self.then_in

    @property
    def in_groups(self) -> list[int]:
        """The ids of the users whose access may move, as they are or will be in a group."""
        return [*{*self.now_in, *self.then_in}] if self.moves else []

    def outlook(self, user_id: int, project_id: int) -> Outlook:
        """Tell what is known of a user's access to a project."""
        held = self.current.role(user_id, project_id)
        now = self.giving_now(user_id, project_id)
        then = [g for g in self.then_in.get(user_id, ()) if self.will_give(g, project_id)]
        direct = self._is_direct(user_id, project_id, held, now)
        changed = [(g, self.before.get((g, project_id))) for g in now] != [
            (g, self.after.get((g, project_id))) for g in then
        ]
        return self._outlook(direct, then, project_id, settled=direct is True or not changed)

    def outlook_of_new(self, groups: Iterable[int | str], project_id: int) -> Outlook:
        """Return what is known of the access of a new user who joins these groups."""
        then = [group for group in groups if self.will_give(group, project_id)]
        return self._outlook(False, then, project_id, settled=not then)

    def _outlook(
        self, direct: bool | None, then: Sequence[int | str], project_id: int, *, settled: bool
    ) -> Outlook:
        roles = [self.after.get((g, project_id)) for g in then]
        known = [role for role in roles if role is not None]
        top = highest_roles(known)
        return Outlook(
            direct,
            settled,
            tuple(self.names[g] for g in then),
            next(iter(top)) if len(top) == 1 and len(known) == len(roles) else None,
            highest_role(known) if known else None,
            top,
        )

    def giving_now(self, user_id: int, project_id: int) -> list[int]:
        """Return the groups that somebody is in and that give access, or may."""
        return [g for g in self.now_in.get(user_id, ()) if self.may_give(g, project_id)]

    def _is_direct(
        self, user_id: int, project_id: int, held: str | None, groups: list[int]
    ) -> bool | None:
        if held is None:
            return False
        if not groups:
            return True
        roles = [self.before.get((group, project_id)) for group in groups]
        known = [role for role in roles if role is not None]
        if any(kanboard_rank(role) > kanboard_rank(held) for role in known):
            # Without a direct role they would have at least that.
            return True
        if len(known) == len(roles) and held not in known:
            return True
        remembered = self.memory.through_group.get((user_id, project_id))
        return False if remembered is not None and remembered == held else None

    def may_give(self, group_id: int, project_id: int) -> bool:
        """Return whether a group gives access to a project before the plan, or may."""
        place = group_id, project_id
        if place not in self._may_give:
            self._may_give[place] = place in self.before or (
                project_id in self.current.roles
                and not shown_not(self.groups[group_id], project_id, self.current)
            )
        return self._may_give[place]

    def will_give(self, group: int | str, project_id: int) -> bool:
        """Return whether a group gives access to a project when all is done, or may."""
        if (group, project_id) in self.after:
            return True
        if (group, project_id) in self.before or isinstance(group, str):
            return False
        return self.may_give(group, project_id)
