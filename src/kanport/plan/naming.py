"""Name users, projects and groups within findings and causes, as facts."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from kanport.facts import Fact, Param, fact
from kanport.findings import Finding, finding, found
from kanport.model import AnyProject, User
from kanport.names import near_names
from kanport.origin import Origin
from kanport.plan.change import Change
from kanport.relations import RELATIONS


def user_part(user: User, called: str | None = None) -> Fact:
    """Return a user of the server with its number, under another username where one is given."""
    return fact("user", username=called or user.username, user_id=user.id)


def project_part(project: AnyProject) -> Fact:
    """Return a project of the server with its number."""
    if not project.identifier:
        return fact("project", name=project.name, project_id=project.id)
    return fact(
        "project",
        case="identifier",
        name=project.name,
        identifier=project.identifier,
        project_id=project.id,
    )


def group_part(name: str, group_id: int | None) -> Fact:
    """Return a group with its number on the server; None for one that is yet to be created."""
    if group_id is None:
        return fact("group", case="new", name=name)
    return fact("group", name=name, group_id=group_id)


def in_project(user: User | int, project: AnyProject, *, through: tuple[str, ...] = ()) -> Fact:
    """Return a user in a project; a number stands for a user who was not read.

    `through` are the groups that give the access, where that is known.
    """
    if isinstance(user, int):
        return fact("membership", case="id", user_id=user, project=project.label)
    if not through:
        return fact("membership", username=user.username, project=project.label)
    return fact(
        "membership",
        case="through",
        username=user.username,
        project=project.label,
        groups=through,
    )


def relation_part(change: Change) -> Fact:
    """Return the relation of a change; of a user who was not read, with the number."""
    kind = RELATIONS[change.about]
    named: dict[str, Any] = {end.named_by: getattr(change, end.named_by) for end in kind.ends}
    if None not in named.values():
        return fact(kind.code, **named)
    del named[kind.holder.named_by]
    return fact(kind.code, case="id", user_id=change.user_id, **named)


def sorted_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return names in order, each once."""
    return tuple(sorted(set(names)))


def sorted_parts(parts: Iterable[Fact]) -> tuple[Fact, ...]:
    """Return facts of one code in the order of their parameters, each once."""
    return tuple(sorted(set(parts), key=lambda part: (part.case, part.params)))


def user_finding(
    code: str, username: str, origin: Origin | None, *, case: str = "", **params: Param
) -> Finding:
    """Return a finding about one user, whose username is its value."""
    about = fact(code, case=case, username=username, **params)
    return finding(about, origin, value=username)


def protected_finding(username: str, origin: Origin | None) -> Finding:
    """Return the finding for a row that wants to change a protected account."""
    return user_finding("person-protected", username, origin)


def spelled_finding(user: User, spelling: str, origin: Origin | None) -> Finding:
    """Return the finding for a username that the server spells in another way."""
    return found("username-spelled", origin, value=spelling, text=spelling, username=user.username)


# What the texts of findings about unknown names are in.
_UNKNOWN = {"person-unknown": "username", "project-unknown": "project", "group-unknown": "group"}


def with_near_names(
    findings: Iterable[Finding], names_of: Mapping[str, Callable[[], Iterable[str]]]
) -> Iterator[Finding]:
    """Yield the findings; those about an unknown name ask whether a similar one was meant.

    `names_of` returns the known names for the code of a finding. Nothing else follows from a
    similar name.
    """
    found_by_all = tuple(findings)
    unknown: dict[str, set[str]] = {}
    for one in found_by_all:
        if one.code in _UNKNOWN and not one.case:
            unknown.setdefault(one.code, set()).add(str(one.fact[_UNKNOWN[one.code]]))
    near = {code: near_names(texts, names_of[code]()) for code, texts in unknown.items()}
    for one in found_by_all:
        name = None
        if one.code in near and not one.case:
            name = near[one.code].get(str(one.fact[_UNKNOWN[one.code]]))
        if name is None:
            yield one
        else:
            about = fact(one.code, case="near", near=name, **dict(one.params))
            yield finding(about, one.origin, value=one.value, related=one.related)
