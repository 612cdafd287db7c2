"""Which call carries a change out, and which call shows whether it took effect. Pure.

Kanboard's `true` may mean that nothing happened (an update of somebody who is not there, a role
change of somebody who is no member), its `false` never says why (contract recordings, "changes
that do nothing"). So each change has a second call that reads back what it was about.
"""

from string import ascii_lowercase, ascii_uppercase
from typing import Any

from pydantic import SecretStr

from kanport.apply.group_steps import (
    ABOUT,
    group_as_before,
    group_call,
    observe_group,
    second_group_call,
    understood_group,
)
from kanport.apply.observed import Ids, Observed, fields_now, known
from kanport.catalogue import Personal
from kanport.facts import Fact, fact
from kanport.fields import ACTIVE, UPDATABLE, field_named
from kanport.kanboard import procedures
from kanport.kanboard.rpc import Answer, Call, Refusal, Refused, Result
from kanport.model import User
from kanport.names import compare_key
from kanport.plan.model import Action, Change, Risk
from kanport.plan.own_ldap import by_ldap

MEMBERSHIPS = frozenset(
    {Action.MEMBERSHIP_GRANT, Action.MEMBERSHIP_CHANGE, Action.MEMBERSHIP_REVOKE}
)
CREATING = (Action.USER_CREATE, Action.GROUP_CREATE, Action.PROJECT_CREATE)
_SMALL = str.maketrans(ascii_uppercase, ascii_lowercase)


def call_for(change: Change, ids: Ids, password: SecretStr | None = None) -> Call:
    """Give the call that carries the change out.

    `user.create` needs `password`, unless Kanboard makes the user from its own LDAP.
    """
    new = change.new
    if change.action in ABOUT:
        return group_call(change, ids)
    if by_ldap(change):
        return procedures.create_ldap_user(new["username"])
    if change.action is Action.USER_CREATE:
        if password is None:
            raise ValueError(f"{change.id}: a new user needs a password")
        return procedures.create_user(
            new["username"],
            password.get_secret_value(),
            **{field.name: new[field.name] for field in UPDATABLE if field.name in new.fields},
        )
    who = known(change, ids.user, change.username)
    match change.action:
        case Action.USER_UPDATE | Action.USER_RENAME:
            return procedures.update_user(who, **new.values)
        case Action.USER_ENABLE:
            return procedures.enable_user(who)
        case Action.USER_DISABLE:
            return procedures.disable_user(who)
        case Action.USER_REMOVE:
            return procedures.remove_user(who)
    project = known(change, ids.project, change.subject.project or "its project")
    match change.action:
        case Action.MEMBERSHIP_GRANT:
            return procedures.add_project_user(project, who, new["role"])
        case Action.MEMBERSHIP_CHANGE:
            return procedures.change_project_user_role(project, who, new["role"])
        case _:
            return procedures.remove_project_user(project, who)


def second_call_for(change: Change, ids: Ids, seen: Observed) -> Call | None:
    """Give the call to try where the first one had no effect, or not all of it; or None.

    Somebody who is a member only through a group has no role of their own to change: Kanboard says
    `true` and does nothing. A direct role, once added, wins over the group's.
    """
    if change.action in ABOUT:
        return second_group_call(change, ids)
    if change.action is Action.MEMBERSHIP_CHANGE and ids.user is not None:
        project = known(change, ids.project, change.subject.project or "its project")
        return procedures.add_project_user(project, ids.user, change.new["role"])
    if seen.mend and seen.user_id is not None:
        return procedures.update_user(seen.user_id, **seen.mend)
    return None


def like_that_of_a_group(change: Change) -> bool:
    """Tell whether the role that a change is to give might come through a group, when read back.

    That of a group may be another once the rest of the plan is done; a direct one stays.
    """
    if change.action is Action.MEMBERSHIP_CHANGE:
        return Risk.MAYBE_THROUGH_GROUP in change.risk
    return change.action is Action.MEMBERSHIP_GRANT and change.before is not None


def says_no_ldap(change: Change, answer: Answer) -> bool:
    """Tell whether an answer means that Kanboard can make nobody from its own LDAP at present.

    An error does, other than one of the database, which is about one person; false does not.
    """
    return (
        by_ldap(change)
        and isinstance(answer, Refused)
        and answer.kind not in (Refusal.DATABASE, Refusal.PASSING)
    )


def id_in(change: Change, answer: Answer) -> int | None:
    """Give the id of a new user whom Kanboard made from its own LDAP, where the answer names it.

    Kanboard spells the username as its LDAP does, so looking it up may miss it.
    """
    if by_ldap(change) and isinstance(answer, Result):
        return procedures.number(answer.value)
    return None


def probe_for(change: Change, ids: Ids) -> Call:
    """Give the reading call that shows whether the change holds.

    What needs more than one is read by `kanport.apply.probing`.
    """
    if change.action in MEMBERSHIPS:
        project = known(change, ids.project, change.subject.project or "its project")
        return procedures.get_project_user_role(project, known(change, ids.user, change.username))
    if change.action in ABOUT:
        group = known(change, ids.group, change.subject.group or "its group")
        if change.subject.username is None:
            return procedures.get_group(group)
        return procedures.is_group_member(group, known(change, ids.user, change.username))
    if by_ldap(change):
        if ids.user is not None:
            return procedures.get_user(ids.user)
        # Kanboard's spelling, unless it is told otherwise; PHP's strtolower knows ASCII only.
        return procedures.get_user_by_name(change.new["username"].translate(_SMALL))
    if change.action is Action.USER_CREATE:
        return procedures.get_user_by_name(change.new["username"])
    return procedures.get_user(known(change, ids.user, change.username))


def observe(change: Change, value: Any) -> Observed:
    """Judge what the probe gave: does the server hold what the change wanted?"""
    if not _understood(change, value):
        return Observed(False, fact("not-understood"), understood=False)
    if change.action in ABOUT:
        return observe_group(change, value)
    if change.action in MEMBERSHIPS:
        return _observe_role(change, procedures.role_from(value))
    user = _user_in(value)
    if change.action is Action.USER_REMOVE:
        if user is None:
            return Observed(True)
        return Observed(False, fact("still-there", case="user"))
    if user is None:
        return Observed(False, fact("not-there", case="user"))
    if by_ldap(change):
        return _observe_ldap_user(change, user)
    wanted = change.new.fields
    wrong = {key: has for key, wish in wanted.items() if (has := field_named(key).of(user)) != wish}
    return Observed(not wrong, fields_now(map(_field_now, wrong, wrong.values())), user_id=user.id)


def as_before(change: Change, value: Any) -> bool:
    """Judge what the probe gave: is the server still as it was when the plan was made?"""
    old = change.old
    if change.action in ABOUT:
        return group_as_before(change, value)
    if change.action in MEMBERSHIPS:
        return procedures.role_from(value) == (old.role or "")
    user = _user_in(value)
    if change.action is Action.USER_CREATE or user is None:
        return change.action is Action.USER_CREATE and user is None
    return all(field_named(key).of(user) == has for key, has in old.fields.items())


def _understood(change: Change, value: Any) -> bool:
    if change.action in ABOUT:
        return understood_group(change, value)
    if change.action in MEMBERSHIPS:
        # No role is "", and null or false from some servers.
        return value is None or value is False or isinstance(value, str)
    return not value or _user_in(value) is not None


def _user_in(row: Any) -> User | None:
    if not row:
        return None
    # A whole row without a word on it comes from a server on which nobody can be disabled.
    return procedures.user_from_row(row, active=None if procedures.says_active(row) else True)


def _observe_ldap_user(change: Change, user: User) -> Observed:
    wanted = dict(change.new.fields)
    username = str(wanted.pop("username"))
    if compare_key(user.username) != compare_key(username):
        return Observed(False, fact("kanboard-ldap-name", username=user.username))
    if not user.ldap:
        return Observed(False, fact("local-user"))
    wrong = {key: wish for key, wish in wanted.items() if field_named(key).of(user) != wish}
    actual = fields_now(_field_now(key, field_named(key).of(user)) for key in wrong)
    return Observed(not wrong, actual, user_id=user.id, mend=wrong)


def _observe_role(change: Change, role: str) -> Observed:
    wanted = change.new.role or ""
    if role == wanted:
        return Observed(True, role=role, shown=not like_that_of_a_group(change))
    actual = fact("role-now", role=role) if role else fact("role-now", case="none")
    return Observed(False, actual, role=role)


def _field_now(key: str, has: str | bool) -> Fact:
    field = field_named(key)
    if field is ACTIVE:
        return fact("field-now", case="active" if has else "disabled")
    match field.personal:
        case None:
            return fact("role-now", role=has)
        case Personal.VALUE:
            return fact("field-now", case="text", field=field.label, text=has)
    return fact("field-now", case=key, **{key: has})
