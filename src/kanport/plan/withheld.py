"""Removals that Kanport does not make, and what prevents each of them. The plan lists them all."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, replace
from typing import Any, Literal, Self

from kanport.facts import Fact, fact
from kanport.findings import Finding, found
from kanport.mapping.spec import MappingFile
from kanport.model import About, Blocker
from kanport.origin import Origin, in_place_order
from kanport.plan.change import Action, Change, called
from kanport.plan.model import PlanBecause, PlanWithheld
from kanport.plan.naming import sorted_names, sorted_parts

# So many places are named for one cause; of the others, the plan says how many there are.
MOST_PLACES = 20

_CODES = {
    "row": "invalid-row",
    "entry": "hidden-entry",
    "source": "incomplete-source",
    "group": "unread-members",
    "identity": "unclear-identity",
}
# What prevents a removal although the input proves that it is wanted.
_EXCLUDED = frozenset({"protected-account", "unmanaged-account"})
DECIDED = _EXCLUDED | {"waiting-period"}


ToldAs = Literal["", "users", "memberships", "dropped", "members", "access"]


@dataclass(frozen=True, slots=True)
class Withheld:
    """A change that is not made: what it would be, and what prevents it.

    `since` is the run (UTC, RFC 3339) that was the first to miss the user. `told_as` is the case of
    the finding missing-unknown that tells it where the input leaves it open; empty for none.
    """

    change: Change
    because: tuple[PlanBecause, ...]
    since: str | None = None
    told_as: ToldAs = ""

    @property
    def in_doubt(self) -> bool:
        """Whether the removal is open because of the input, and not excluded by the mapping."""
        codes = {one.why.code for one in self.because}
        return codes.isdisjoint(_EXCLUDED) and not codes <= DECIDED

    def planned(self) -> PlanWithheld:
        """Return it as the plan file holds it."""
        change = replace(self.change, why=None, risk=(), origin=())
        return PlanWithheld(change, self.because, self.since)


def cause(
    code: str, places: Iterable[Origin] = (), *, case: str = "", **params: Any
) -> PlanBecause:
    """Return what prevents a removal, with the rows and entries that it follows from."""
    origins = in_place_order(places)
    why = fact(code, case=case, **params)
    return PlanBecause(
        message=why.text,
        why=why,
        origin=origins[:MOST_PLACES],
        more=max(0, len(origins) - MOST_PLACES),
    )


@dataclass(frozen=True, slots=True)
class Causes:
    """The blockers of the input, indexed by what they are about and whom they name.

    `disputed` are the compare keys of usernames of which it is open whose they are, `identity` the
    causes of that, `anybody` those that may be about every user, `every` all that there are.
    """

    index: Mapping[tuple[About | Literal["named"], str | None], tuple[Blocker, ...]]
    anybody: tuple[PlanBecause, ...]
    every: tuple[PlanBecause, ...]
    disputed: Set[str]
    identity: tuple[PlanBecause, ...]

    @classmethod
    def of(cls, blockers: Iterable[Blocker], disputed: Set[str], unclear: Iterable[Origin]) -> Self:
        """Index blockers; `unclear` are the places of findings about who somebody is."""
        index: dict[tuple[About | Literal["named"], str | None], list[Blocker]] = defaultdict(list)
        for blocker in blockers:
            index[blocker.about, blocker.who].append(blocker)
            if blocker.who is not None and blocker.about is not About.GROUP_ACCESS:
                index["named", blocker.who].append(blocker)
        frozen = {key: tuple(some) for key, some in index.items()}
        everything = (blocker for some in frozen.values() for blocker in some)
        identity = [Blocker("identity", None, place) for place in unclear]
        return cls(
            frozen,
            _causes(frozen.get((About.USER, None), ())),
            _causes(everything) or (cause("unproven"),),
            disputed,
            _causes(identity),
        )

    def of_user(self, keys: Iterable[str], *, anybody: bool = True) -> tuple[PlanBecause, ...]:
        """Return why it is open whether anything still names somebody of these compare keys.

        Without `anybody`, only what names them counts.
        """
        keys = tuple(keys)
        named = [blocker for key in keys for blocker in self.index.get(("named", key), ())]
        return self._whole(keys, named, anybody)

    def of_membership(
        self, keys: Iterable[str], projects: Set[str], *, anybody: bool = True
    ) -> tuple[PlanBecause, ...]:
        """Return why it is open whether somebody is wanted in a project, by its keys."""
        return self._in(keys, About.MEMBERSHIP, projects, anybody)

    def of_member(self, keys: Iterable[str], groups: Set[str]) -> tuple[PlanBecause, ...]:
        """Return why it is open whether somebody is wanted in a group, by its keys."""
        return self._in(keys, About.GROUP_MEMBER, groups, anybody=True)

    def of_project(self, projects: Set[str]) -> tuple[PlanBecause, ...]:
        """Return why it is open whether anything names a project, by its keys."""
        whole = [
            blocker
            for (about, _), some in self.index.items()
            if about in (About.MEMBERSHIP, About.GROUP_ACCESS)
            for blocker in some
            if blocker.what is None or blocker.what in projects
        ]
        return (*_causes(whole), *self.anybody) or self.every

    def of_group(self, groups: Set[str]) -> tuple[PlanBecause, ...]:
        """Return why it is open whether anything names a group, by its keys."""
        whole = [
            blocker
            for (about, who), some in self.index.items()
            for blocker in some
            if (about is About.GROUP_MEMBER and (blocker.what is None or blocker.what in groups))
            or (about is About.GROUP_ACCESS and (who is None or who in groups))
        ]
        return (*_causes(whole, named="group"), *self.anybody) or self.every

    def of_access(self, groups: Set[str], projects: Set[str]) -> tuple[PlanBecause, ...]:
        """Return why it is open whether a group is to have access to a project, by their keys."""
        some = [
            blocker
            for key in (None, *groups)
            for blocker in self.index.get((About.GROUP_ACCESS, key), ())
            if blocker.what is None or blocker.what in projects
        ]
        return (*_causes(some, named="group"), *self.anybody) or self.every

    def _in(
        self, keys: Iterable[str], about: About, whats: Set[str], anybody: bool
    ) -> tuple[PlanBecause, ...]:
        keys = tuple(keys)
        named = [
            blocker
            for key in (None, *keys)
            for blocker in self.index.get((about, key), ())
            if blocker.what is None or blocker.what in whats
        ]
        named += [blocker for key in keys for blocker in self.index.get((About.USER, key), ())]
        return self._whole(keys, named, anybody)

    def _whole(
        self, keys: tuple[str, ...], named: Iterable[Blocker], anybody: bool
    ) -> tuple[PlanBecause, ...]:
        disputed = self.identity if any(key in self.disputed for key in keys) else ()
        return (*_causes(named), *disputed, *(self.anybody if anybody else ())) or self.every


def _causes(blockers: Iterable[Blocker], *, named: str = "named") -> tuple[PlanBecause, ...]:
    places: dict[tuple[str, str], set[Origin]] = defaultdict(set)
    for blocker in blockers:
        case = "any" if blocker.who is None else named
        places[_CODES[blocker.kind], case].add(blocker.origin)
    return tuple(
        cause(code, some, case=case, count=len(some))
        for (code, case), some in sorted(places.items())
    )


def in_order_of_plan(withheld: Iterable[Withheld]) -> tuple[PlanWithheld, ...]:
    """Return what is withheld as the plan lists it, whatever order it came up in."""
    return tuple(sorted((one.planned() for one in withheld), key=_order))


_ACTIONS = {action: number for number, action in enumerate(Action)}


def _order(one: PlanWithheld) -> tuple[Any, ...]:
    change = one.change
    return (
        _ACTIONS[change.action],
        change.project or "",
        change.group or "",
        called(change) or "",
        change.user_id or 0,
        change.project_id or 0,
        change.group_id or 0,
    )


def withheld_findings(withheld: Iterable[Withheld], mapping: MappingFile) -> Iterator[Finding]:
    """Yield what a person must know of the removals that the input leaves open."""
    steps = mapping.users.steps if mapping.users is not None else None
    by_case: dict[str, list[Change]] = defaultdict(list)
    for one in withheld:
        if one.told_as and one.in_doubt:
            by_case[one.told_as].append(one.change)
    for case, changes in by_case.items():
        count = len(changes)
        if case == "users":
            names = sorted_names(one.username or "" for one in changes)
            case = steps.then if steps is not None else "disable"
            yield found("missing-unknown", case=case, count=count, usernames=names)
        elif case in ("memberships", "dropped"):
            parts = sorted_parts(map(_membership, changes))
            yield found("missing-unknown", case=case, count=count, memberships=parts)
        elif case == "members":
            parts = sorted_parts(map(_member, changes))
            yield found("missing-unknown", case=case, count=count, members=parts)
        else:
            parts = sorted_parts(map(_access, changes))
            yield found("missing-unknown", case=case, count=count, access=parts)


def _membership(change: Change) -> Fact:
    if change.username is None:
        return fact("membership", case="id", user_id=change.user_id, project=change.project)
    return fact("membership", username=change.username, project=change.project)


def _member(change: Change) -> Fact:
    if change.username is None:
        return fact("group-member", case="id", user_id=change.user_id, group=change.group)
    return fact("group-member", username=change.username, group=change.group)


def _access(change: Change) -> Fact:
    return fact("group-access", group=change.group, project=change.project)
