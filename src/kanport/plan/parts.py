"""What findings name within their sentences, as facts."""

from collections.abc import Iterable

from kanport.facts import Fact, fact
from kanport.model import Project, User


def user_part(user: User, called: str | None = None) -> Fact:
    """Return a user of the server with its number, under another username where one is given."""
    return fact("user", username=called or user.username, user_id=user.id)


def project_part(project: Project) -> Fact:
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


def in_project(user: User | int, project: Project, *, through: tuple[str, ...] = ()) -> Fact:
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


def sorted_names(names: Iterable[str]) -> tuple[str, ...]:
    """Return names in order, each once."""
    return tuple(sorted(set(names)))


def sorted_parts(parts: Iterable[Fact]) -> tuple[Fact, ...]:
    """Return facts of one code in the order of their parameters, each once."""
    return tuple(sorted(set(parts), key=lambda part: (part.case, part.params)))
