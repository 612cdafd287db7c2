"""Removals that Kanport does not make, and what prevents each of them. The plan lists them all."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import field, replace
from typing import Any, Generic, Self, TypeVar

from kanport.facts import Param, fact
from kanport.findings import Finding, finding, found
from kanport.mapping.spec import MappingFile
from kanport.model import Blocker
from kanport.origin import Origin, in_place_order
from kanport.plan.change import Action, Change, called
from kanport.plan.model import PlanBecause, PlanWithheld
from kanport.plan.naming import relation_part, sorted_names, sorted_parts
from kanport.records import dataclass
from kanport.relations import RELATIONS, About

# So many places are named for one cause; of the others, the plan says how many there are.
MOST_PLACES = 20

ChangeT = TypeVar("ChangeT", bound=Change)

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


@dataclass(frozen=True, slots=True)
class Withheld:
    """A change that is not made: what it would be, and what prevents it.

    `since` is the run (UTC, RFC 3339) that was the first to miss the user. `finding_case` is the
    case of the finding missing-unknown that lists it if the input leaves it open; empty for none.
    """

    change: Change
    because: tuple[PlanBecause, ...]
    since: str | None = None
    finding_case: str = ""

    @property
    def in_doubt(self) -> bool:
        """Whether the removal is open because of the input, and not excluded by the mapping."""
        codes = {one.why.code for one in self.because}
        return codes.isdisjoint(_EXCLUDED) and not codes <= DECIDED

    def planned(self) -> PlanWithheld:
        """Return it as the plan file holds it."""
        change = replace(self.change, why=None, risk=(), origin=())
        return PlanWithheld(change, self.because, self.since)


@dataclass(slots=True)
class Diff(Generic[ChangeT]):
    """The changes, how many need none, what was found, and what is withheld."""

    changes: list[ChangeT] = field(default_factory=list)
    unchanged: int = 0
    findings: list[Finding] = field(default_factory=list)
    withheld: list[Withheld] = field(default_factory=list)

    def end(
        self,
        change: ChangeT,
        because: Iterable[PlanBecause],
        *,
        since: str | None = None,
        listed: bool = False,
        finding_case: str = "",
    ) -> bool:
        """Add a removal, or withhold it because of what prevents it; return whether it is made.

        With `listed`, the finding of its kind lists it if the input leaves it open.
        """
        if listed:
            finding_case = RELATIONS[change.about].withheld
        if once := tuple(dict.fromkeys(because)):
            self.withheld.append(Withheld(change, once, since, finding_case))
        else:
            self.changes.append(change)
        return not once


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
    """The blockers of the input, indexed by what they are about and by whom they name.

    `disputed` are the compare keys of usernames of which it is open whose they are, `identity` the
    causes of that, `anybody` those that may be about every user, `every` all that there are.
    """

    index: Mapping[tuple[About, str | None], Sequence[Blocker]]
    naming: Mapping[str, Sequence[Blocker]]
    anybody: tuple[PlanBecause, ...]
    every: tuple[PlanBecause, ...]
    disputed: Set[str]
    identity: tuple[PlanBecause, ...]

    @classmethod
    def of(cls, blockers: Iterable[Blocker], disputed: Set[str], unclear: Iterable[Origin]) -> Self:
        """Index blockers; `unclear` are the places of findings about who somebody is."""
        index: dict[tuple[About, str | None], list[Blocker]] = defaultdict(list)
        naming: dict[str, list[Blocker]] = defaultdict(list)
        for blocker in blockers:
            index[blocker.about, blocker.who].append(blocker)
            if blocker.who is not None and blocker.about is not About.GROUP_ACCESS:
                naming[blocker.who].append(blocker)
        everything = (blocker for some in index.values() for blocker in some)
        identity = [Blocker("identity", None, place) for place in unclear]
        return cls(
            dict(index),
            dict(naming),
            _causes(index.get((About.USER, None), ())),
            _causes(everything, named="other") or (cause("unproven"),),
            disputed,
            _causes(identity),
        )

    def of_user(self, keys: Iterable[str], *, anybody: bool = True) -> tuple[PlanBecause, ...]:
        """Return why it is open whether anything still names somebody of these compare keys.

        Without `anybody`, only what names them counts.
        """
        keys = tuple(keys)
        named = [blocker for key in keys for blocker in self.naming.get(key, ())]
        return self._whole(keys, named, anybody)

    def of_relation(
        self, kind: About, holders: Iterable[str], targets: Set[str], *, anybody: bool = True
    ) -> tuple[PlanBecause, ...]:
        """Return why it is open whether a relation is wanted, by the keys of holder and target."""
        keys = tuple(holders)
        some = [
            blocker
            for key in (None, *keys)
            for blocker in self.index.get((kind, key), ())
            if blocker.what is None or blocker.what in targets
        ]
        if RELATIONS[kind].holder is About.GROUP:
            return self._whole((), some, anybody, named="group")
        some += [blocker for key in keys for blocker in self.index.get((About.USER, key), ())]
        return self._whole(keys, some, anybody)

    def of_name(self, about: About, names: Set[str]) -> tuple[PlanBecause, ...]:
        """Return why it is open whether anything names a project or a group, by its keys."""
        some = [
            blocker
            for (kind, who), blockers in self.index.items()
            if kind in RELATIONS
            for blocker in blockers
            if _is_named(blocker.what, names, RELATIONS[kind].target is about)
            or _is_named(who, names, RELATIONS[kind].holder is about)
        ]
        if about is About.GROUP and not some:
            # A row of a user that cannot be used may put this user into any group.
            some = [one for who in self.naming for one in self.index.get((About.USER, who), ())]
        return self._whole((), some, True, named=about.value)

    def _whole(
        self,
        users: tuple[str, ...],
        blockers: Iterable[Blocker],
        anybody: bool,
        *,
        named: str = "named",
    ) -> tuple[PlanBecause, ...]:
        disputed = self.identity if any(key in self.disputed for key in users) else ()
        some = _causes(blockers, named=named)
        return (*some, *disputed, *(self.anybody if anybody else ())) or self.every


def _is_named(key: str | None, names: Set[str], concerns: bool) -> bool:
    return concerns and (key is None or key in names)


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
        if one.finding_case and one.in_doubt:
            by_case[one.finding_case].append(one.change)
    for case, changes in by_case.items():
        count = len(changes)
        if case == "users":
            names = sorted_names(one.username or "" for one in changes)
            case = steps.then if steps is not None else "disable"
            yield found("missing-unknown", case=case, count=count, usernames=names)
        else:
            parts = sorted_parts(map(relation_part, changes))
            several: dict[str, Param] = {RELATIONS[changes[0].about].withheld: parts}
            yield finding(fact("missing-unknown", case=case, count=count, **several))
