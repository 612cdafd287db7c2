"""Which call carries a change out, and which call shows whether it took effect. Pure.

Kanboard's `true` may mean that nothing happened (an update of somebody who is not there, a role
change of somebody who is no member), its `false` never says why (contract recordings, "changes
that do nothing"). So each change has a second call that reads back what it was about.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr

from kanport.kanboard import procedures
from kanport.kanboard.rpc import Call
from kanport.model import User
from kanport.plan.model import Action, Change


@dataclass(frozen=True, slots=True)
class Observed:
    """What reading back showed of one change: whether it holds, and what is there instead.

    `user_id` is the id of the user that was read, which is how the id of a new user is learned.
    """

    holds: bool
    instead: str = ""
    user_id: int | None = None


def call_for(change: Change, user_id: int | None, password: SecretStr | None = None) -> Call:
    """Give the call that carries the change out.

    `user_id` is the id of its user; None is right for `user.create` alone, which needs `password`.
    """
    after = change.after or {}
    if change.action is Action.USER_CREATE:
        if password is None:
            raise ValueError(f"{change.id}: a new user needs a password")
        return procedures.create_user(
            after["username"],
            password.get_secret_value(),
            name=after.get("name", ""),
            email=after.get("email", ""),
            role=after["role"],
        )
    who = _known(change, user_id)
    match change.action:
        case Action.USER_UPDATE | Action.USER_RENAME:
            return procedures.update_user(who, **after)
        case Action.USER_ENABLE:
            return procedures.enable_user(who)
        case Action.USER_DISABLE:
            return procedures.disable_user(who)
        case Action.USER_REMOVE:
            return procedures.remove_user(who)
    project = _project(change)
    match change.action:
        case Action.MEMBERSHIP_GRANT:
            return procedures.add_project_user(project, who, after["role"])
        case Action.MEMBERSHIP_CHANGE:
            return procedures.change_project_user_role(project, who, after["role"])
        case _:
            return procedures.remove_project_user(project, who)


def second_call_for(change: Change, user_id: int | None) -> Call | None:
    """Give the call to try where the first one had no effect, or None.

    Somebody who is a member only through a group has no role of their own to change: Kanboard says
    `true` and does nothing. A direct role, once added, wins over the group's.
    """
    if change.action is Action.MEMBERSHIP_CHANGE:
        role = (change.after or {})["role"]
        return procedures.add_project_user(_project(change), _known(change, user_id), role)
    return None


def probe_for(change: Change, user_id: int | None) -> Call:
    """Give the reading call that shows whether the change holds."""
    if change.project_id is not None:
        return procedures.get_project_user_role(change.project_id, _known(change, user_id))
    if change.action is Action.USER_CREATE:
        return procedures.get_user_by_name((change.after or {})["username"])
    return procedures.get_user(_known(change, user_id))


def observe(change: Change, value: Any) -> Observed:
    """Judge what the probe gave: does the server hold what the change wanted?"""
    if change.project_id is not None:
        return _observe_role(change, procedures.role_from(value))
    user = procedures.user_from_row(value) if value else None
    if change.action is Action.USER_REMOVE:
        return Observed(user is None, instead="" if user is None else "the user is still there")
    if user is None:
        return Observed(False, instead="there is no such user")
    wanted = {key: wish for key, wish in (change.after or {}).items() if key != "password"}
    wrong = {key: has for key, wish in wanted.items() if (has := _field(user, key)) != wish}
    instead = "; ".join(f"{key} is {has!r}" for key, has in wrong.items())
    return Observed(not wrong, instead=instead, user_id=user.id)


def _observe_role(change: Change, role: str) -> Observed:
    wanted = (change.after or {}).get("role", "")
    if role == wanted:
        return Observed(True)
    return Observed(False, instead=f"the role is {role}" if role else "there is no role")


def _field(user: User, key: str) -> Any:
    values: Mapping[str, Any] = {
        "username": user.username,
        "name": user.name,
        "email": user.email,
        "role": user.role,
        "active": user.active,
    }
    return values[key]


def _known(change: Change, user_id: int | None) -> int:
    if user_id is None:
        raise ValueError(f"{change.id}: the id of {change.subject.username} is not known")
    return user_id


def _project(change: Change) -> int:
    if change.project_id is None:
        raise ValueError(f"{change.id}: the id of its project is not known")
    return change.project_id
