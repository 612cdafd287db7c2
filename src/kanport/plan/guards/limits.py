"""The guards that count: no plan does more than the limits allow, over all and in each project."""

from collections import defaultdict
from collections.abc import Iterator, Mapping

from kanport.facts import Param, fact
from kanport.mapping.limit_spec import (
    DEFAULT_PROJECT_SHARES,
    DEFAULT_SHARES,
    DROPPED_FLOOR,
    PROJECT_FLOOR,
    Limit,
)
from kanport.model import CurrentState, Project, ProjectIndex
from kanport.plan.change import Action
from kanport.plan.guards.allowances import CLASSES, allow_key, over_limit
from kanport.plan.guards.bounds import Base, Bound, Counted, Share, bounds_of, worded
from kanport.plan.guards.counting import ACCESS, USERS, counted, counted_in_projects
from kanport.plan.guards.situation import Situation
from kanport.plan.matching import numbers_are_ids
from kanport.plan.model import GuardVerdict

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


def over_all(situation: Situation) -> Iterator[GuardVerdict]:
    """Hold the plan against the limits of the mapping, on servers of every size."""
    current = situation.current
    numbers = counted(situation.changes, current, situation.memory, situation.usable)
    sizes = {USERS: _active(current), ACCESS: _memberships(current)}
    partial = current.unlisted is not None
    for name in CLASSES:
        parts = [
            Counted(numbers[name, base], sizes[base], base, partial and base == USERS)
            for base in _BASES[name]
        ]
        total = sum(part.number for part in parts)
        limit = situation.mapping.limits.of(name)
        if limit is not None:
            bounds = bounds_of(limit, parts)
        elif name in DEFAULT_SHARES and total:
            bounds = bounds_of(_SHARES[name], [part for part in parts if part.number])
        else:
            continue
        yield _verdict(f"limit-{name}", name, total, bounds, situation.allowed.most(name))


def in_projects(situation: Situation) -> Iterator[GuardVerdict]:
    """Hold what happens in each project against its limits.

    Each project that exceeds one has its own verdict; if none does, only the one with most has.
    """
    numbers: dict[str, dict[int, int]] = defaultdict(dict)
    for (name, project_id), number in counted_in_projects(
        situation.changes, situation.current, situation.memory, situation.usable
    ).items():
        numbers[name][project_id] = number
    index = situation.current.project_index.with_numbers(numbers_are_ids(situation.mapping))
    of_their_own = _limits_of_their_own(situation, index)
    allowed = _allowed_in_projects(situation, index)
    for name in CLASSES:
        found = []
        for project_id, number in sorted(numbers[name].items()):
            project = index.by_id.get(project_id)
            if project is None:
                continue
            limit = of_their_own.get(project_id, {}).get(name)
            limit = limit or situation.mapping.limits.by_project.of(name)
            members = Counted(number, len(situation.current.roles.get(project_id, {})), "members")
            held_to = limit or _PROJECT_SHARES.get(name)
            if held_to is None:
                continue
            called = _called(project, index)
            verdict = _verdict(
                f"limit-{name}-in-project",
                name,
                number,
                bounds_of(held_to, [members]),
                allowed.get((name, project_id)),
                called,
                project=project.label,
                called=called,
            )
            found.append((number, verdict))
        over = [verdict for _, verdict in found if verdict.tripped or verdict.lifted]
        most = [verdict for _, verdict in sorted(found, key=lambda one: -one[0])[:1]]
        yield from over or most


def _verdict(
    guard: str,
    name: str,
    number: int,
    bounds: tuple[Bound, ...],
    allow: int | None,
    of: str | None = None,
    **params: Param,
) -> GuardVerdict:
    parts = worded(bounds, name)
    if any(bound.exceeded for bound in bounds):
        key = allow_key(name, of)
        return over_limit(guard, key, number, allow, "", parts=parts, planned=number, **params)
    return GuardVerdict.of(fact(guard, case="passed", parts=parts, planned=number, **params))


def removals_within(number: int, at_most: int) -> GuardVerdict:
    """Hold the removals of an undo against the number that its user gave."""
    bound = Bound(number, at_most)
    case = "stopped-undo" if bound.exceeded else "passed"
    why = fact("limit-remove", case=case, parts=worded([bound], "remove"), planned=number)
    return GuardVerdict.of(why, tripped=bound.exceeded)


def _called(project: Project, index: ProjectIndex) -> str:
    """Return a text that means this project and no other."""
    texts = (project.label, str(project.id), f"#{project.id}")
    return next((text for text in texts if index.called(text) == (project,)), texts[-1])


def _allowed_in_projects(situation: Situation, index: ProjectIndex) -> dict[tuple[str, int], int]:
    """Give what is allowed for this run by class and project id; a text that fits several is none.

    The least counts where several texts mean one project.
    """
    found: dict[tuple[str, int], int] = {}
    for name in CLASSES:
        for text, number in situation.allowed.of(name):
            fitting = index.called(text)
            if len(fitting) == 1:
                key = name, fitting[0].id
                found[key] = min(number, found.get(key, number))
    return found


def _limits_of_their_own(situation: Situation, index: ProjectIndex) -> dict[int, dict[str, Limit]]:
    """Give the limits that the mapping has for single projects; the strictest where several fit."""
    found: dict[int, dict[str, Limit]] = defaultdict(dict)
    for text, limits in situation.mapping.limits.projects.items():
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


def removal_confirmed(situation: Situation) -> Iterator[GuardVerdict]:
    """Remove nobody unless a number says how many: it deletes other people's private projects."""
    number = situation.count({Action.USER_REMOVE})
    if not number or situation.mapping.limits.remove is not None:
        return
    most = situation.allowed.most("remove")
    yield over_limit("remove-unconfirmed", "remove", number, most, planned=number)


def _active(current: CurrentState) -> int:
    return sum(user.active for user in current.users)


def _memberships(current: CurrentState) -> int:
    private = {project.id for project in current.projects if project.private}
    return sum(len(roles) for number, roles in current.roles.items() if number not in private)
