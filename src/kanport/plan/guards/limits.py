"""The guards that count: no plan does more than the limits allow, over all and in each project."""

import json
import re
from collections import defaultdict
from collections.abc import Iterator

from kanport.mapping.limit_spec import (
    DEFAULT_PROJECT_SHARES,
    DEFAULT_SHARES,
    DROPPED_FLOOR,
    PROJECT_FLOOR,
    Limit,
)
from kanport.model import CurrentState, Project
from kanport.plan.guards.allowances import CLASSES, how_to_allow
from kanport.plan.guards.bounds import Counted, Held, Share, held_to, held_to_default, lifted
from kanport.plan.guards.counting import ACCESS, USERS, counted, counted_in_projects
from kanport.plan.guards.situation import Situation
from kanport.plan.match import Projects, numbers_are_ids
from kanport.plan.model import Action, GuardVerdict

_BASES = {
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

# What YAML takes for the text that it is, without quotes.
_PLAIN = re.compile(r"[A-Za-z][\w-]*")


def over_all(situation: Situation) -> Iterator[GuardVerdict]:
    """Hold the plan against the limits of the mapping, on servers of every size."""
    current = situation.current
    numbers = counted(situation.changes, current, situation.memory, situation.usable)
    sizes = {USERS: _active(current), ACCESS: _memberships(current)}
    caveat = ", counting only those who could be read" if current.unlisted is not None else ""
    for name in CLASSES:
        bases = _BASES[name]
        parts = [Counted(numbers[name, base], sizes[base], base) for base in bases]
        total = sum(part.number for part in parts)
        limit = situation.mapping.limits.of(name)
        in_doubt = caveat if USERS in bases else ""
        if limit is not None:
            held = held_to(limit, parts, caveat=in_doubt)
        elif name in DEFAULT_SHARES and total:
            some = [part for part in parts if part.number]
            held = held_to_default(_SHARES[name], some, caveat=in_doubt)
        else:
            continue
        if not held.within:
            held = lifted(held.message, total, situation.allowed.most(name))
        hint = None
        if not held.within:
            hint = _hint(name, total, limit)
            if in_doubt and limit is not None and limit.share is not None:
                hint += ", as a number: the server cannot list its users"
        yield GuardVerdict(
            guard=f"limit-{name}",
            tripped=not held.within,
            lifted=held.lifted,
            message=f"{name}: {held.message}",
            hint=hint,
        )


def in_projects(situation: Situation) -> Iterator[GuardVerdict]:
    """Hold what happens in each project against its limits.

    Each project over one is told by itself; where all are within, only the one with most.
    """
    numbers: dict[str, dict[int, int]] = defaultdict(dict)
    for (name, project_id), number in counted_in_projects(
        situation.changes, situation.current, situation.memory, situation.usable
    ).items():
        numbers[name][project_id] = number
    index = Projects.of(situation.current.projects, numbers=numbers_are_ids(situation.mapping))
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
            held = _held_in(name, members, limit)
            if held is not None and not held.within:
                held = lifted(held.message, number, allowed.get((name, project_id)))
            if held is not None:
                found.append((number, project, held, limit))
        told = [one for one in found if not one[2].within or one[2].lifted]
        for number, project, held, limit in told or sorted(found, key=lambda one: -one[0])[:1]:
            where = f" in {project.label}" if told else f", most in {project.label}"
            yield GuardVerdict(
                guard=f"limit-{name}-in-project",
                tripped=not held.within,
                lifted=held.lifted,
                message=f"{name}{where}: {held.message}",
                hint=None if held.within else _hint(name, number, limit, _called(project, index)),
            )


def _held_in(name: str, members: Counted, limit: Limit | None) -> Held | None:
    if limit is not None:
        return held_to(limit, [members])
    if name in _PROJECT_SHARES:
        return held_to_default(_PROJECT_SHARES[name], [members])
    return None


def _called(project: Project, index: Projects) -> str:
    """Return a text that means this project and no other."""
    texts = (project.label, str(project.id), f"#{project.id}")
    return next((text for text in texts if index.called(text) == (project,)), texts[-1])


def _allowed_in_projects(situation: Situation, index: Projects) -> dict[tuple[str, int], int]:
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


def _limits_of_their_own(situation: Situation, index: Projects) -> dict[int, dict[str, Limit]]:
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


def _hint(name: str, number: int, limit: Limit | None, project: str | None = None) -> str:
    allow = how_to_allow(name, number, project)
    if limit is not None and project is None:
        way = f"raise limits.{name} in the mapping"
    elif project is None:
        way = f"say in the mapping how many may: limits: {{{name}: {number}}}"
    else:
        key = project if _PLAIN.fullmatch(project) else json.dumps(project, ensure_ascii=False)
        verb = "say in the mapping how many may" if limit is None else "raise it in the mapping"
        way = f"{verb}: limits: {{projects: {{{key}: {{{name}: {number}}}}}}}"
    return f"look at the plan; if it is right, {allow} lets it pass for one run; or {way}"


def removal_confirmed(situation: Situation) -> Iterator[GuardVerdict]:
    """Remove nobody unless a number says how many: it deletes other people's private projects."""
    number = situation.count({Action.USER_REMOVE})
    if not number or situation.mapping.limits.remove is not None:
        return
    users = "1 user" if number == 1 else f"{number} users"
    message = f"{users} would be removed, and limits.remove does not say how many may"
    held = lifted(message, number, situation.allowed.most("remove"))
    yield GuardVerdict(
        guard="remove-unconfirmed",
        tripped=not held.within,
        lifted=held.lifted,
        message=held.message,
        hint=None
        if held.within
        else "disable them instead (missing: disable), set limits.remove, or for one run"
        f" {how_to_allow('remove', number)}",
    )


def _active(current: CurrentState) -> int:
    return sum(user.active for user in current.users)


def _memberships(current: CurrentState) -> int:
    private = {project.id for project in current.projects if project.private}
    return sum(len(roles) for number, roles in current.roles.items() if number not in private)
