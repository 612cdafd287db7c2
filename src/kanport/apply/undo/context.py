"""What each part of an undo looks at, what it returns, and what it says."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Self

from kanport.apply.undo.effects import Effect, RecordedEffects, Ref
from kanport.facts import Fact, Param, fact
from kanport.findings import Finding, finding
from kanport.model import CurrentState, Group, Project, User, UserIndex
from kanport.names import compare_key
from kanport.origin import Origin, first_place, in_place_order
from kanport.plan.change import Change, UserChange
from kanport.plan.matching import name_matcher


@dataclass(frozen=True, slots=True)
class UndoPart:
    """What takes a part of a run back, how much is back already, and what is to be said."""

    changes: tuple[Change, ...] = ()
    findings: tuple[Finding, ...] = ()
    unchanged: int = 0

    @classmethod
    def of(cls, parts: Iterable["UndoPart"]) -> Self:
        """Join parts."""
        changes: list[Change] = []
        findings: list[Finding] = []
        unchanged = 0
        for part in parts:
            changes += part.changes
            findings += part.findings
            unchanged += part.unchanged
        return cls(tuple(changes), tuple(findings), unchanged)


@dataclass(frozen=True, slots=True)
class UndoContext:
    """What a run left behind, and the server as it is now.

    `protected` tells of a username whether nothing may touch it.
    """

    effects: RecordedEffects
    current: CurrentState
    people: UserIndex
    protected: Callable[[str], bool]

    @classmethod
    def of(cls, effects: RecordedEffects, current: CurrentState, protect: Iterable[str]) -> Self:
        """Lay the context."""
        return cls(effects, current, current.people, name_matcher(protect))

    def new_user(self, made: Effect[UserChange]) -> User | None:
        """Find somebody whom the run created; None where there is no such user, or no telling."""
        if made.number is not None:
            return self.people.by_id.get(made.number)
        fitting = self.people.fitting(made.change.username)
        return fitting[0] if len(fitting) == 1 else None

    def has_its_name(self, made: Effect[UserChange], user: User) -> bool:
        """Return whether somebody whom the run created still has the username that it gave."""
        return compare_key(user.username) == compare_key(made.change.username)

    def user(self, who: Ref) -> User | None:
        """Find a user by id, or somebody whom the run created or met by the username's key."""
        if isinstance(who, int):
            return self.people.by_id.get(who)
        made = self.effects.created.get(who)
        if made is not None:
            user = self.new_user(made)
            return user if user is not None and self.has_its_name(made, user) else None
        fitting = self.people.by_key.get(who, ())
        return fitting[0] if len(fitting) == 1 else None

    def group_at(self, ref: Ref) -> Group | None:
        """Find a group by id, or one that the run created by the id that it got, else its name."""
        made = self.effects.groups_created.get(ref) if isinstance(ref, str) else None
        number = made.number if made is not None else ref
        for group in self.current.groups:
            if group.id == number or (number is None and group.name == ref):
                return group
        return None

    def group(self, ref: Ref, change: Change) -> Group | None:
        """Find a group as `group_at` does, unless it has a name that the run did not know.

        It may be another group: SQLite gives the id of a removed one to the next that is made.
        """
        group = self.group_at(ref)
        updated = self.effects.groups_updated.get(ref) if isinstance(ref, int) else None
        known = {change.group}
        if updated is not None:
            known |= {updated.change.old.name, updated.change.new.name}
        return group if group is not None and group.name in known else None

    def no_group(self, ref: Ref, change: Change) -> Finding:
        """Return why `group` finds no group that a change is about."""
        group, named = self.group_at(ref), change.group or ""
        if group is None:
            return moved(change, "group-gone", group=named)
        return moved(change, "group-renamed", id=group.id, group=named, called=group.name)

    def project(self, ref: Ref) -> Project | None:
        """Find a project by id, or one that the run created by the id that it got.

        Without that id nothing tells that a project of the name is the one that was created.
        """
        made = self.effects.projects.get(ref) if isinstance(ref, str) else None
        number = made.number if made is not None else ref
        found = [one for one in self.current.projects if number in (one.id, one.label)]
        return found[0] if len(found) == 1 else None

    @property
    def gone(self) -> str:
        """The case of `undo-moved` for somebody who is not among the users that were read."""
        return "user-gone" if self.current.users_complete else "user-unread"


def reason_for(changes: Iterable[Change]) -> Fact:
    """Return the reason that names the changes which an undo takes back."""
    return fact("undoes", changes=tuple(change.id for change in changes))


def origin_of(changes: Iterable[Change]) -> tuple[Origin, ...]:
    """Return the places that once asked for what is taken back."""
    return in_place_order(place for change in changes for place in change.origin)


def moved(change: Change, case: str, **params: Param) -> Finding:
    """Return the finding for something that is no longer as the run left it."""
    return _about(change, "undo-moved", case, **params)


def impossible(change: Change, case: str, **params: Param) -> Finding:
    """Return the finding for something that the API cannot take back."""
    return _about(change, "undo-impossible", case, **params)


def _about(change: Change, code: str, case: str, **params: Param) -> Finding:
    why = fact(code, case=case, change=change.id, **params)
    return finding(why, first_place(change.origin), value=change.username)


def partial(case: str, **params: Param) -> Finding:
    """Return the finding for something that is taken back only in part."""
    return finding(fact("undo-partial", case=case, **params))


def about_users(case: str, usernames: Iterable[str], **params: Param) -> list[Finding]:
    """Return what is taken back only in part of several users; nothing where there are none."""
    names = tuple(sorted(set(usernames)))
    return [partial(case, usernames=names, count=len(names), **params)] if names else []
