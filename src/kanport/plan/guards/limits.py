"""The guards that count: a plan does no more than the limits allow, over all and in each project.

A number is held against a limit first, then the verdict says what came of it.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction

from kanport.facts import Fact, Param, fact
from kanport.findings import Finding, found
from kanport.mapping.spec import (
    DEFAULT_PROJECT_SHARES,
    DEFAULT_SHARES,
    DROPPED_FLOOR,
    PROJECT_FLOOR,
    Limit,
    MappingFile,
)
from kanport.model import CurrentState, Project, ProjectIndex
from kanport.plan.change import Action
from kanport.plan.guards.allowances import CLASSES, OF_SOURCES, allow_key, over_limit
from kanport.plan.guards.context import GuardContext
from kanport.plan.guards.counting import (
    ACCESS,
    THROUGH_GROUPS,
    USERS,
    Base,
    counted,
    counted_in_projects,
)
from kanport.plan.matching import numbers_are_ids
from kanport.plan.model import GuardVerdict
from kanport.records import dataclass

# --- a number and a limit -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Counted:
    """How much of one kind is planned, and of how much: `number` of `base`, which are `of`.

    `partial` is True where only some of the base could be read; `groups` is how many of the number
    come through groups, and so are no changes of their own.
    """

    number: int
    base: int
    of: Base
    partial: bool = False
    groups: int = 0


@dataclass(frozen=True, slots=True)
class Share:
    """What holds where the mapping says nothing: a share, rounded up, but never less than some."""

    percent: int
    floor: int = 0

    def of(self, base: int) -> int:
        """Return how many are allowed.

        >>> Share(10).of(11), Share(50, floor=3).of(2)
        (2, 3)
        """
        return max(-(-self.percent * base // 100), self.floor)


@dataclass(frozen=True, slots=True)
class LimitResult:
    """How many are planned beside how many are allowed; `share` says how that follows."""

    planned: int
    allowed: int
    share: Fact | None = None
    groups: int = 0

    @property
    def exceeded(self) -> bool:
        """Whether more is planned than allowed."""
        return self.planned > self.allowed

    def part(self, name: str) -> Fact:
        """Return it as a part of the wording of a limit; `name` is the class of changes."""
        params: dict[str, Param] = {"planned": self.planned, "allowed": self.allowed}
        if self.groups:
            name, params = f"{name}-groups", params | {"groups": self.groups}
        if self.share is not None:
            name, params = f"{name}-share", params | {"share": self.share}
        return fact("limit-part", case=name, **params)


def share_of(percent: float, base: int) -> int:
    """Return how many a share of the mapping allows: rounded down, but at least one.

    A share of a small server rounds to none, and one leaver must not stop every night. Whoever
    wants none at all writes 0 or 0%.

    >>> share_of(5, 16), share_of(5, 59), share_of(0, 16)
    (1, 2, 0)
    """
    return max(math.floor(Fraction(str(percent)) * base / 100), 1 if percent else 0)


def limit_results(limit: Limit | Share, parts: Sequence[Counted]) -> tuple[LimitResult, ...]:
    """Return the results that a limit sets: its number for all parts, its share for each part."""
    if isinstance(limit, Share):
        return tuple(
            LimitResult(
                part.number,
                limit.of(part.base),
                _share(limit.percent, part, limit.floor, default=True),
                part.groups,
            )
            for part in parts
        )
    results = []
    if limit.max is not None:
        total, groups = (sum(getattr(part, of) for part in parts) for of in ("number", "groups"))
        results.append(LimitResult(total, limit.max, groups=groups))
    if limit.share is not None:
        results += [
            LimitResult(
                part.number,
                share_of(limit.share, part.base),
                _share(limit.share, part, int(0 < limit.share * part.base < 100)),
                part.groups,
            )
            for part in parts
        ]
    return tuple(results)


def shown_parts(results: Iterable[LimitResult], name: str) -> tuple[Fact, ...]:
    """Return the results that a verdict shows: the exceeded ones, else those with a number."""
    some = tuple(results)
    shown = [result for result in some if result.exceeded]
    shown = shown or [result for result in some if result.planned] or list(some[:1])
    return tuple(result.part(name) for result in shown)


def _share(percent: float, part: Counted, floor: int, *, default: bool = False) -> Fact:
    flags = {"default": default, "floor": floor, "partial": part.partial}
    case = "-".join((part.of, *(flag for flag, on in flags.items() if on)))
    if floor:
        return fact("limit-share", case=case, share=percent, base=part.base, floor=floor)
    return fact("limit-share", case=case, share=percent, base=part.base)


# --- the guards -----------------------------------------------------------------------------------


_BASES: Mapping[str, tuple[Base, ...]] = {
    "create": (USERS,),
    "grant": (ACCESS,),
    "update": (USERS, ACCESS),
    "raise": (USERS, ACCESS),
    "lower": (USERS, ACCESS),
    "disable": (USERS,),
    "remove": (USERS,),
    "revoke": (ACCESS,),
    "dropped": (ACCESS,),
}
_SHARES = {
    name: Share(percent, DROPPED_FLOOR if name == "dropped" else 0)
    for name, percent in DEFAULT_SHARES.items()
}
_PROJECT_SHARES = {
    name: Share(percent, PROJECT_FLOOR) for name, percent in DEFAULT_PROJECT_SHARES.items()
}


def over_all(context: GuardContext) -> Iterator[GuardVerdict]:
    """Hold the plan against the limits of the mapping, on servers of every size."""
    current = context.current
    numbers = counted(context.by_action, current, context.memory, context.usable)
    sizes = {USERS: _active(current), ACCESS: _memberships(current)}
    partial = current.unlisted is not None
    for name in CLASSES:
        parts = [
            Counted(
                numbers[name, base],
                sizes[base],
                base,
                partial and base == USERS,
                numbers[THROUGH_GROUPS, base] if name == "revoke" else 0,
            )
            for base in _BASES[name]
        ]
        total = sum(part.number for part in parts)
        limit = context.mapping.limits.of(name)
        if limit is not None:
            results = limit_results(limit, parts)
        elif name in DEFAULT_SHARES and total:
            results = limit_results(_SHARES[name], [part for part in parts if part.number])
        else:
            continue
        yield _verdict(f"limit-{name}", name, total, results, context.allowed.most(name))


def in_projects(context: GuardContext) -> Iterator[GuardVerdict]:
    """Hold what happens in each project against its limits.

    Each project that exceeds one has its own verdict; if none does, only the one with most has.
    """
    numbers: dict[str, dict[int, int]] = defaultdict(dict)
    for (name, project_id), number in counted_in_projects(
        context.by_action, context.current, context.memory, context.usable
    ).items():
        numbers[name][project_id] = number
    index = context.current.project_index.with_numbers(numbers_are_ids(context.mapping))
    of_their_own = _limits_of_their_own(context, index)
    allowed = _allowed_in_projects(context, index)
    for name in CLASSES:
        found = []
        for project_id, number in sorted(numbers[name].items()):
            project = index.by_id.get(project_id)
            if project is None:
                continue
            limit = of_their_own.get(project_id, {}).get(name)
            limit = limit or context.mapping.limits.by_project.of(name)
            members = Counted(number, len(context.current.roles.get(project_id, {})), "members")
            held_to = limit or _PROJECT_SHARES.get(name)
            if held_to is None:
                continue
            called = _called(project, index)
            verdict = _verdict(
                f"limit-{name}-in-project",
                name,
                number,
                limit_results(held_to, [members]),
                allowed.get((name, project_id)),
                called,
                project=project.label,
                called=called,
            )
            found.append((number, verdict))
        over = [verdict for _, verdict in found if verdict.standing != "passed"]
        most = [verdict for _, verdict in sorted(found, key=lambda one: -one[0])[:1]]
        yield from over or most


def _verdict(
    guard: str,
    name: str,
    number: int,
    results: tuple[LimitResult, ...],
    allow: int | None,
    of: str | None = None,
    **params: Param,
) -> GuardVerdict:
    # A project counts who loses access in whatever way, also with their account.
    case = "revoke-members" if of is not None and name == "revoke" else name
    parts = shown_parts(results, case)
    if any(result.exceeded for result in results):
        key = allow_key(name, of)
        return over_limit(guard, key, number, allow, "", parts=parts, planned=number, **params)
    if allow is not None and allow > min(result.allowed for result in results):
        return GuardVerdict.of(
            fact(guard, case="passed-allowed", parts=parts, planned=number, allow=allow, **params)
        )
    return GuardVerdict.of(fact(guard, case="passed", parts=parts, planned=number, **params))


def removals_within(number: int, at_most: int) -> GuardVerdict:
    """Hold the removals of an undo against the number that its user gave."""
    result = LimitResult(number, at_most)
    case = "stopped-undo" if result.exceeded else "passed"
    why = fact("limit-remove", case=case, parts=shown_parts([result], "remove"), planned=number)
    return GuardVerdict.of(why)


def _called(project: Project, index: ProjectIndex[Project]) -> str:
    """Return a text that means this project and no other."""
    texts = (project.label, str(project.id), f"#{project.id}")
    return next((text for text in texts if index.called(text) == (project,)), texts[-1])


def _allowed_in_projects(
    context: GuardContext, index: ProjectIndex[Project]
) -> dict[tuple[str, int], int]:
    """Return what is allowed for this run by class and project id; not for a text of several.

    The least counts where several texts mean one project.
    """
    found: dict[tuple[str, int], int] = {}
    for name in CLASSES:
        for text, number in context.allowed.of(name):
            fitting = index.called(text)
            if len(fitting) == 1:
                key = name, fitting[0].id
                found[key] = min(number, found.get(key, number))
    return found


def _limits_of_their_own(
    context: GuardContext, index: ProjectIndex[Project]
) -> dict[int, dict[str, Limit]]:
    """Return the limits of single projects in the mapping; the strictest where several fit."""
    found: dict[int, dict[str, Limit]] = defaultdict(dict)
    for text, limits in context.mapping.limits.projects.items():
        for project in index.called(text):
            for name in CLASSES:
                limit = limits.of(name)
                if limit is not None:
                    before = found[project.id].get(name)
                    found[project.id][name] = limit if before is None else _both(before, limit)
    return found


def _both(one: Limit, other: Limit) -> Limit:
    return Limit(max=_least(one.max, other.max), share=_least(one.share, other.share))


def _least(one: float | None, other: float | None) -> float | None:
    return min((some for some in (one, other) if some is not None), default=None)


def removal_confirmed(context: GuardContext) -> Iterator[GuardVerdict]:
    """Remove nobody unless a number says how many: it deletes other people's private projects."""
    number = context.by_action.count(Action.USER_REMOVE)
    if not number or context.mapping.limits.remove is not None:
        return
    most = context.allowed.most("remove")
    yield over_limit("remove-unconfirmed", "remove", number, most, planned=number)


def _active(current: CurrentState) -> int:
    return sum(user.active for user in current.users)


def _memberships(current: CurrentState) -> int:
    private = {project.id for project in current.projects if project.private}
    return sum(len(roles) for number, roles in current.roles.items() if number not in private)


def names_without_meaning(
    mapping: MappingFile, allowed: Mapping[str, int], current: CurrentState
) -> Iterator[Finding]:
    """Yield a finding for each project and source named there that is not, or is several."""
    index = current.project_index.with_numbers(numbers_are_ids(mapping))
    for text in mapping.limits.projects:
        if (count := len(index.called(text))) != 1:
            case = f"limits-{'several' if count else 'unknown'}"
            yield found("limit-unused", case=case, value=text, name=text, count=count)
    for key in allowed:
        what, colon, whose = key.partition(":")
        if not colon:
            continue
        if what in OF_SOURCES:
            if whose not in mapping.sources:
                yield found("limit-unused", case="allow-source", value=whose, name=whose)
        elif (count := len(index.called(whose))) != 1:
            case = f"allow-{'several' if count else 'unknown'}"
            yield found("limit-unused", case=case, value=whose, name=whose, count=count)
