"""Which call carries a change out, and which one is tried if it had no effect. Pure.

Kanboard's `true` may mean that nothing happened (an update of somebody who is not there, a role
change of somebody who is no member), its `false` never says why (contract recordings, "changes
that do nothing"). So each change is read back as well; see `kanport.apply.reconcile`.
"""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from pydantic import SecretStr

from kanport.fields import UPDATABLE
from kanport.kanboard import procedures
from kanport.kanboard.rpc import Answer, Call, Refusal, Refused, Result
from kanport.model import RELATIONS, About
from kanport.plan.change import (
    Action,
    Change,
    GroupChange,
    ProjectChange,
    RelationChange,
    Risk,
    UserChange,
)
from kanport.plan.kanboard_ldap import by_ldap

CREATING = (Action.USER_CREATE, Action.GROUP_CREATE, Action.PROJECT_CREATE)
# The procedures of relations: they take the ids of target and holder, and a role if there is one.
_WITH_ROLE: Mapping[Action, Callable[[int, int, str], Call]] = {
    Action.MEMBERSHIP_GRANT: procedures.add_project_user,
    Action.MEMBERSHIP_CHANGE: procedures.change_project_user_role,
    Action.GROUP_ACCESS_GRANT: procedures.add_project_group,
    Action.GROUP_ACCESS_CHANGE: procedures.change_project_group_role,
}
# What gives the role where the procedure for the action did not.
_OTHER_WAY: Mapping[Action, Callable[[int, int, str], Call]] = {
    Action.MEMBERSHIP_CHANGE: procedures.add_project_user,
    Action.GROUP_ACCESS_GRANT: procedures.change_project_group_role,
    Action.GROUP_ACCESS_CHANGE: procedures.add_project_group,
}
_WITHOUT_ROLE: Mapping[Action, Callable[[int, int], Call]] = {
    Action.MEMBERSHIP_REVOKE: procedures.remove_project_user,
    Action.GROUP_ACCESS_REVOKE: procedures.remove_project_group,
    Action.GROUP_MEMBER_ADD: procedures.add_group_member,
    Action.GROUP_MEMBER_REMOVE: procedures.remove_group_member,
}


class Ids(NamedTuple):
    """The ids of what a change is about; None for what is not there (yet), or not about it."""

    user: int | None = None
    project: int | None = None
    group: int | None = None

    def user_of(self, change: Change) -> int:
        """Return the id of the user of a change; raise ValueError if it is not known."""
        return _known(change, self.user, change.username or "its user")

    def project_of(self, change: Change) -> int:
        """Return the id of the project of a change; raise ValueError if it is not known."""
        return _known(change, self.project, change.project or "its project")

    def group_of(self, change: Change) -> int:
        """Return the id of the group of a change; raise ValueError if it is not known."""
        return _known(change, self.group, change.group or "its group")


_ID_OF: Mapping[About, Callable[[Ids, Change], int]] = {
    About.USER: Ids.user_of,
    About.GROUP: Ids.group_of,
    About.PROJECT: Ids.project_of,
}


def _known(change: Change, number: int | None, what: str) -> int:
    if number is None:
        raise ValueError(f"{change.id}: the id of {what} is not known")
    return number


def call_for(change: Change, ids: Ids, password: SecretStr | None = None) -> Call:
    """Return the call that carries the change out.

    `user.create` needs `password`, unless Kanboard makes the user from its own LDAP.
    """
    match change:
        case UserChange():
            return _user_call(change, ids, password)
        case GroupChange():
            return _group_call(change, ids)
        case ProjectChange():
            new = change.after
            return procedures.create_project(
                new.name,
                identifier=new.identifier,
                owner_id=ids.user if new.owner is not None else None,
                description=new.description,
            )
        case RelationChange():
            return _relation_call(change, ids)


def _user_call(change: UserChange, ids: Ids, password: SecretStr | None) -> Call:
    fields = {name: str(value) for name, value in change.new.fields.items()}
    match change.action:
        case Action.USER_CREATE:
            username = change.new.username or change.username
            if by_ldap(change):
                return procedures.create_ldap_user(username)
            if password is None:
                raise ValueError(f"{change.id}: a new user needs a password")
            more = {one.name: fields[one.name] for one in UPDATABLE if one.name in fields}
            return procedures.create_user(username, password.get_secret_value(), **more)
        case Action.USER_UPDATE | Action.USER_RENAME:
            return procedures.update_user(ids.user_of(change), **fields)
        case Action.USER_ENABLE:
            return procedures.enable_user(ids.user_of(change))
        case Action.USER_DISABLE:
            return procedures.disable_user(ids.user_of(change))
        case Action.USER_REMOVE:
            return procedures.remove_user(ids.user_of(change))


def _group_call(change: GroupChange, ids: Ids) -> Call:
    new = change.new
    match change.action:
        case Action.GROUP_CREATE:
            return procedures.create_group(new.name or change.group, new.external_id or "")
        case Action.GROUP_UPDATE:
            return procedures.update_group(ids.group_of(change), **new.values)
        case Action.GROUP_REMOVE:
            return procedures.remove_group(ids.group_of(change))


def _relation_call(change: RelationChange, ids: Ids) -> Call:
    """Return the call for a change of who or what is in something, or has a role there."""
    target, holder = _ends(change, ids)
    if change.action in _WITH_ROLE:
        return _WITH_ROLE[change.action](target, holder, change.new_role or "")
    return _WITHOUT_ROLE[change.action](target, holder)


def _ends(change: RelationChange, ids: Ids) -> tuple[int, int]:
    """Return the ids of target and holder; raise ValueError if one is not known."""
    relation = RELATIONS[change.about]
    return _ID_OF[relation.target](ids, change), _ID_OF[relation.holder](ids, change)


def second_call_for(
    change: Change, ids: Ids, user_id: int | None, fixups: Mapping[str, Any]
) -> Call | None:
    """Return the call to try if the first one had no effect, or not all of it; None if none helps.

    Somebody who is a member only through a group has no role of their own to change: Kanboard says
    `true` and does nothing. A direct role, once added, wins over the group's. Giving a group access
    that it has leaves its role, and changing a role that is not there does nothing. `fixups` are
    the fields of the new user `user_id` that are not as they are to be.
    """
    other = _OTHER_WAY.get(change.action)
    if other is not None and isinstance(change, RelationChange):
        return other(*_ends(change, ids), change.new_role or "")
    if fixups and user_id is not None:
        return procedures.update_user(user_id, **fixups)
    return None


def may_be_role_of_group(change: Change) -> bool:
    """Return whether the role that a change is to give may come through a group when read back.

    That of a group may be another once the rest of the plan is done; a direct one stays.
    """
    if change.action is Action.MEMBERSHIP_CHANGE:
        return Risk.MAYBE_THROUGH_GROUP in change.risk
    return change.action is Action.MEMBERSHIP_GRANT and change.before is not None


def says_no_ldap(change: Change, answer: Answer) -> bool:
    """Return whether Kanboard cannot create anybody from its own LDAP at present.

    An error says so, other than one of the database, which is about one person; false does not.
    """
    return (
        by_ldap(change)
        and isinstance(answer, Refused)
        and answer.kind not in (Refusal.DATABASE, Refusal.PASSING)
    )


def id_in(change: Change, answer: Answer) -> int | None:
    """Return the id of a new user from Kanboard's own LDAP, if the answer names it.

    Kanboard spells the username as its LDAP does, so looking it up may miss it.
    """
    if by_ldap(change) and isinstance(answer, Result):
        return procedures.number(answer.value)
    return None
