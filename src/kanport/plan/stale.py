"""Whether the server is still as a plan found it."""

from collections.abc import Iterator, Mapping
from typing import Any

from kanport.model import CurrentState, Project, User
from kanport.names import compare_key
from kanport.plan.guards import last_admin, min_admins
from kanport.plan.guards.accounts import private_projects
from kanport.plan.match import People
from kanport.plan.model import Action, Change, Plan
from kanport.plan.stale_groups import ABOUT, group_differences

_WORDS = {"name": "name", "email": "e-mail address", "role": "role", "username": "username"}


def people_of(plan: Plan) -> tuple[frozenset[str], frozenset[int]]:
    """Give the usernames and the user ids that a plan speaks of, new usernames too."""
    names = {change.username for change in plan.changes if change.subject.username is not None}
    names.update(
        str(change.after["username"])
        for change in plan.changes
        if change.after is not None and "username" in change.after
    )
    ids = {change.user_id for change in plan.changes if change.user_id is not None}
    return frozenset(names), frozenset(ids)


def differences(plan: Plan, current: CurrentState) -> list[str]:
    """Say what is no longer as the plan says, one line a thing; an empty list means: go ahead.

    Every `before` must still be true, whatever is to be created must not exist, ids must belong to
    the same username and project, as many active administrators must be left as the plan says, and
    nobody else's private project may go with whoever is removed. `current` must have been read for
    the users and the projects of the plan, and for the private projects where it removes somebody.
    """
    return list(dict.fromkeys(_differences(plan, current)))


def _differences(plan: Plan, current: CurrentState) -> Iterator[str]:
    if plan.server.url != current.server.url:
        yield f"the plan is for the server {plan.server.url}, and this is {current.server.url}"
    people = People.of(current.users)
    projects = {project.id: project for project in current.projects}
    old_names = {
        change.user_id: change.username
        for change in plan.changes
        if change.action is Action.USER_RENAME
    }
    for change in plan.changes:
        user: User | None = None
        if change.user_id is not None:
            user = people.by_id.get(change.user_id)
            called = change.username or str((change.after or {}).get("owner", ""))
            expected = old_names.get(change.user_id, called)
            if user is None:
                yield f"user {expected!r} (#{change.user_id}) is no longer on the server"
                continue
            if user.username != expected:
                yield f"user #{user.id} is now called {user.username!r}, no longer {expected!r}"
                continue
        if change.action in ABOUT:
            yield from group_differences(plan, change, current)
            if change.project_id is not None:
                yield from _project_differs(change, projects.get(change.project_id))
        elif change.project_id is not None:
            yield from _access_differs(change, current, projects.get(change.project_id))
        elif change.subject.project is not None:
            continue  # what is to be granted in a project that the plan creates
        elif user is None:
            yield from _exists_already(change, people, old_names)
        else:
            yield from _user_differs(change, user, people, old_names)
    verdict = last_admin(plan.changes, current)
    if not verdict.tripped:
        verdict = min_admins(plan.changes, current, at_least=plan.min_admins)
    if verdict.tripped:
        yield verdict.message
    for private in private_projects(plan.changes, current):
        if private.tripped:
            yield private.message


def _exists_already(
    change: Change, people: People, old_names: Mapping[int | None, str]
) -> Iterator[str]:
    for user in people.by_key.get(compare_key(change.username), ()):
        if user.id not in old_names:
            yield f"user {user.username!r} exists already (#{user.id}); the plan was to create it"


def _user_differs(
    change: Change, user: User, people: People, old_names: Mapping[int | None, str]
) -> Iterator[str]:
    for field, before in (change.before or {}).items():
        now: Any = getattr(user, field)
        if now == before:
            continue
        if field == "active":
            yield f"user {user.username!r} is {'active' if now else 'disabled'} by now"
        else:
            yield (
                f"the {_WORDS.get(field, field)} of user {user.username!r} is now {now!r},"
                f" no longer {before!r}"
            )
    if change.action is Action.USER_RENAME:
        new = str((change.after or {})["username"])
        for other in people.by_key.get(compare_key(new), ()):
            if other.id != user.id and other.id not in old_names:
                yield f"the username {other.username!r} is taken by now (#{other.id})"


def _project_differs(change: Change, project: Project | None) -> Iterator[str]:
    number, expected = change.project_id, change.subject.project
    if project is None:
        yield f"the project {expected!r} (#{number}) is no longer on the server"
    elif project.label != expected:
        yield f"project #{number} is now called {project.label!r}, no longer {expected!r}"


def _access_differs(
    change: Change, current: CurrentState, project: Project | None
) -> Iterator[str]:
    who, number = change.username, change.project_id
    differs = list(_project_differs(change, project))
    yield from differs
    if differs or project is None or number is None:
        return
    if number not in current.roles:
        yield f"the members of the project {project.label!r} could not be read"
        return
    before = (change.before or {}).get("role")
    now = current.roles[number].get(change.user_id) if change.user_id is not None else None
    if now == before:
        return
    if now is None:
        yield f"{who!r} is no longer in the project {project.label!r}, where the role was {before}"
    elif before is None:
        yield f"{who!r} is in the project {project.label!r} already, as {now}"
    else:
        yield f"{who!r} is now {now} in the project {project.label!r}, no longer {before}"
