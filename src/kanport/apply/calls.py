"""Which call carries a change out, and which one is tried if it had no effect. Pure.

Kanboard's `true` may mean that nothing happened (an update of somebody who is not there, a role
change of somebody who is no member), its `false` never says why (contract recordings, "changes
that do nothing"). So each change is read back as well; see `kanport.apply.reconcile`.
"""

from collections.abc import Callable, Mapping
from itertools import product
from operator import attrgetter
from typing import Any, Literal, NamedTuple

from pydantic import SecretStr

from kanport.fields import UPDATABLE
from kanport.kanboard import procedures
from kanport.kanboard.rpc import Answer, Call, CallResult, Refusal, RefusedCall
from kanport.plan.change import (
    Action,
    Change,
    GroupChange,
    ProjectChange,
    RelationAction,
    RelationChange,
    Risk,
    UserChange,
    by_ldap,
)
from kanport.relations import RELATIONS

CREATING = (Action.USER_CREATE, Action.GROUP_CREATE, Action.PROJECT_CREATE)

# --- relations ------------------------------------------------------------------------------------

# An answer as far as it proves anything: None is no answer, or an error.
_Said = bool | None
_ANSWERED = (True, False)
_ANY = (True, False, None)


class RelationCall(NamedTuple):
    """How one action on a relation is carried out, and what the answers prove.

    `procedure` takes the ids of target and holder, and the role if `gives_role`. `other_way` gives
    the role where the procedure had no effect. If reading back cannot show the change, these prove
    it: an answer of `proved_by_answer`, or answers to both calls of `proved_by_both_answers`.
    """

    procedure: Callable[..., Call]
    gives_role: bool = False
    other_way: Callable[[int, int, str], Call] | None = None
    proved_by_answer: frozenset[_Said] = frozenset()
    proved_by_both_answers: frozenset[tuple[_Said, _Said]] = frozenset()


# A quoted text is the `about` of the exchange in tests/contract/recordings that shows the behavior.
RELATION_CALLS: Mapping[RelationAction, RelationCall] = {
    # "add again with another role": false, and there is a direct membership either way.
    Action.MEMBERSHIP_GRANT: RelationCall(
        procedures.add_project_user, gives_role=True, proved_by_answer=frozenset(_ANSWERED)
    ),
    # "change the role of one who is no member: true, and nothing happens"; a direct membership
    # beside that of a group wins ("a direct membership beside it").
    Action.MEMBERSHIP_CHANGE: RelationCall(
        procedures.change_project_user_role,
        gives_role=True,
        other_way=procedures.add_project_user,
        proved_by_both_answers=frozenset(product(_ANY, _ANSWERED)),
    ),
    # "removing such a member directly fails": access through a group stays, which reading shows.
    Action.MEMBERSHIP_REVOKE: RelationCall(procedures.remove_project_user),
    # "a member", "the same again": reading shows who is in a group.
    Action.GROUP_MEMBER_ADD: RelationCall(procedures.add_group_member),
    # "a member leaves the group", "again"
    Action.GROUP_MEMBER_REMOVE: RelationCall(procedures.remove_group_member),
    # "a group gets access", "the same again": false leaves the role, so the other call sets it.
    Action.GROUP_ACCESS_GRANT: RelationCall(
        procedures.add_project_group,
        gives_role=True,
        other_way=procedures.change_project_group_role,
        proved_by_answer=frozenset({True}),
        proved_by_both_answers=frozenset(product(_ANSWERED, (True,))),
    ),
    # "change the role of a group without access: true, and nothing happens": false to adding it
    # then shows that it had access, so that the true was meant.
    Action.GROUP_ACCESS_CHANGE: RelationCall(
        procedures.change_project_group_role,
        gives_role=True,
        other_way=procedures.add_project_group,
        proved_by_both_answers=frozenset({*product(_ANY, (True,)), (True, False)}),
    ),
    # "take the group away", "again": false where there is none.
    Action.GROUP_ACCESS_REVOKE: RelationCall(
        procedures.remove_project_group, proved_by_answer=frozenset(_ANSWERED)
    ),
}


def is_proved_by_answer(change: Change, answer: Answer) -> bool:
    """Return whether the answer to a call proves what reading back cannot show."""
    return isinstance(change, RelationChange) and (
        _said(answer) in RELATION_CALLS[change.action].proved_by_answer
    )


def is_proved_by_both_answers(change: Change, first: Answer, second: Answer) -> bool:
    """Return whether the answers to both calls of a change prove what reading back cannot show."""
    return isinstance(change, RelationChange) and (
        (_said(first), _said(second)) in RELATION_CALLS[change.action].proved_by_both_answers
    )


def _said(answer: Answer) -> _Said:
    return answer.value is True if isinstance(answer, CallResult) else None


# --- all changes ----------------------------------------------------------------------------------


class Ids(NamedTuple):
    """The ids of what a change is about; None for what is not there (yet), or not about it."""

    user: int | None = None
    project: int | None = None
    group: int | None = None

    def of(self, what: Literal["user", "project", "group"], change: Change) -> int:
        """Return the id of the user, project or group of a change; ValueError if it is unknown."""
        number: int | None = getattr(self, what)
        if number is None:
            raise ValueError(f"{change.id}: the id of its {what} is not known")
        return number

    def ends_of(self, change: RelationChange) -> tuple[int, int]:
        """Return the ids of target and holder; raise ValueError if one is not known."""
        ends: tuple[int, int] = _ENDS[change.action](self)
        if None in ends:
            raise ValueError(f"{change.id}: the ids of what it ties are not known")
        return ends


_ENDS = {
    action: attrgetter(relation.target, relation.holder)
    for action in RELATION_CALLS
    for relation in [RELATIONS[action.about]]
}
# Calls for an existing user. Every other change of such a user calls updateUser.
_USER_CALLS = {
    Action.USER_ENABLE: procedures.enable_user,
    Action.USER_DISABLE: procedures.disable_user,
    Action.USER_REMOVE: procedures.remove_user,
}


def call_for(change: Change, ids: Ids, password: SecretStr | None = None) -> Call:
    """Return the call that carries the change out.

    `user.create` needs `password`, unless Kanboard makes the user from its own LDAP.
    """
    match change:
        case RelationChange():
            call = RELATION_CALLS[change.action]
            target, holder = ids.ends_of(change)
            if call.gives_role:
                return call.procedure(target, holder, change.new_role or "")
            return call.procedure(target, holder)
        case UserChange():
            if change.action in CREATING:
                return _creation_of(change, password)
            procedure = _USER_CALLS.get(change.action)
            # Without a call: nearly everybody who is updated has an id.
            user_id = ids.user or ids.of("user", change)
            if procedure is None:
                return procedures.update_user(user_id, **change.new.fields)
            return procedure(user_id)
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


def _creation_of(change: UserChange, password: SecretStr | None) -> Call:
    username = change.new.username or change.username
    if by_ldap(change):
        return procedures.create_ldap_user(username)
    if password is None:
        raise ValueError(f"{change.id}: a new user needs a password")
    new = change.new.fields
    given = {one.name: new[one.name] for one in UPDATABLE if one.name in new}
    return procedures.create_user(username, password.get_secret_value(), **given)


def _group_call(change: GroupChange, ids: Ids) -> Call:
    new = change.new
    match change.action:
        case Action.GROUP_CREATE:
            return procedures.create_group(new.name or change.group, new.external_id or "")
        case Action.GROUP_UPDATE:
            return procedures.update_group(ids.of("group", change), **new.values)
        case Action.GROUP_REMOVE:
            return procedures.remove_group(ids.of("group", change))


def second_call_for(
    change: Change, ids: Ids, user_id: int | None, fixups: Mapping[str, Any]
) -> Call | None:
    """Return the call to try if the first one had no effect, or not all of it; None if none helps.

    Somebody who is a member only through a group has no role of their own to change: Kanboard says
    `true` and does nothing. A direct role, once added, wins over the group's. `fixups` are the
    fields of the new user `user_id` that are not as they are to be.
    """
    if isinstance(change, RelationChange):
        other = RELATION_CALLS[change.action].other_way
        return None if other is None else other(*ids.ends_of(change), change.new_role or "")
    if fixups and user_id is not None:
        return procedures.update_user(user_id, **fixups)
    return None


def may_be_role_of_group(change: Change) -> bool:
    """Return whether the role that a change gives may come through a group when read back.

    A role that comes through a group may still change later in the plan; a direct role does not.
    """
    if change.action is Action.MEMBERSHIP_CHANGE:
        return Risk.MAYBE_THROUGH_GROUP in change.risk
    return change.action is Action.MEMBERSHIP_GRANT and change.before is not None


def says_no_ldap(change: Change, answer: Answer) -> bool:
    """Return whether Kanboard cannot create anybody from its own LDAP at present.

    Any error says so, except a database error, which concerns one user, and a temporary one.
    """
    return (
        by_ldap(change)
        and isinstance(answer, RefusedCall)
        and answer.kind not in (Refusal.DATABASE, Refusal.PASSING)
    )


def id_in(change: Change, answer: Answer) -> int | None:
    """Return the id of a new user from Kanboard's own LDAP, if the answer names it.

    Kanboard spells the username as its LDAP does, so looking it up may miss it.
    """
    if by_ldap(change) and isinstance(answer, CallResult):
        return procedures.number(answer.value)
    return None
