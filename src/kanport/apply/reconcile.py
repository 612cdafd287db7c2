"""What reading back shows of changes: whether they hold, and what is there if not.

Kanboard has nothing that lists the groups of a project. What shows that a group has access is its
effect, everybody in it being listed in the project, and beside that only the answers to calls: an
access that is given twice is refused the second time, and one that is not there cannot be removed.
Both calls may be repeated without doing anything more.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from itertools import chain
from string import ascii_lowercase, ascii_uppercase
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from kanport.apply.calls import (
    CREATING,
    Ids,
    is_proved_by_both_answers,
    may_be_role_of_group,
)
from kanport.apply.concurrency import Options
from kanport.apply.journal import Recorded
from kanport.catalogue import Personal
from kanport.facts import Fact, fact
from kanport.fields import ACTIVE, LDAP, USERNAME, field_named
from kanport.kanboard import procedures
from kanport.kanboard.faults import Fault
from kanport.kanboard.rpc import Answer, Call, CallResult, NoAnswer, RefusedCall
from kanport.names import compare_key
from kanport.outcome import Status
from kanport.plan.change import (
    Action,
    Change,
    GroupChange,
    ProjectChange,
    RelationChange,
    UserChange,
    by_ldap,
)
from kanport.relations import About

# How often what was asked for and is not there is read again. With the waits in between, which
# double from the pause to so many times that, this takes about a minute; a stock server cuts a
# request off after 30 seconds.
READ_AGAIN = 10
READ_UNIQUE_AGAIN = 5
LONGEST_WAIT = 16

_SMALL = str.maketrans(ascii_uppercase, ascii_lowercase)

Read = Callable[[Sequence[Call]], list[Any]]
_Reading = tuple[Any, ...]


class Reader(Protocol):
    """What reading back needs of the client."""

    def read(self, calls: Sequence[Call]) -> list[Any]:
        """Read; see `kanport.kanboard.client.Client.read`."""


class Observation(NamedTuple):
    """What reading back showed of one change: whether it holds (`ok`), and what is actually there.

    `user_id`, `group_id` and `project_id` are the ids of what was read, which is how those of new
    ones are learned. `fixups` are the fields that a further update is to set: Kanboard makes a user
    from its own LDAP with the name, email and role that it finds there. `verifiable` is False where
    nothing speaks against it, but nothing shows it either: Kanboard does not list the access of
    groups. `role` is the role in the project that was read, if it is about one. `understood` is
    False if the answer says nothing that Kanport knows: nothing follows from it.
    """

    ok: bool
    actual: Fact | None = None
    user_id: int | None = None
    fixups: Mapping[str, Any] = MappingProxyType({})
    verifiable: bool = True
    group_id: int | None = None
    project_id: int | None = None
    role: str = ""
    understood: bool = True


# What shows most often, of what has no id to learn.
_HOLDS = Observation(True)


class AccessSeen(NamedTuple):
    """What shows of a group's access to a project.

    `group` and `project` are their rows, `members` the ids of those in the group, `listed` of those
    in the project; both are None where the answer could not be understood. Roles show nothing: a
    member may have a direct role of their own.
    """

    group: Any
    project: Any
    members: frozenset[int] | None
    listed: frozenset[int] | None


class NewProject(NamedTuple):
    """The row of a project that was to be created, and the id that its owner is to have."""

    row: Any
    owner: int | None


# --- reading --------------------------------------------------------------------------------------


def readback(asked: Sequence[tuple[Change, Ids]], read: Read) -> list[Any]:
    """Read what changes are about, each thing once; return for each what `observe` judges."""
    readings = [_readings(change, ids) for change, ids in asked]
    once = dict.fromkeys(chain.from_iterable(readings))
    answers = dict(zip(once, read([make(*about) for make, *about in once]), strict=True))
    return [
        answers[of_one[0]]
        if (value_of := _VALUE_OF.get(change.action)) is None
        else value_of(change, ids, [answers[one] for one in of_one])
        for (change, ids), of_one in zip(asked, readings, strict=True)
    ]


def _readings(change: Change, ids: Ids) -> tuple[_Reading, ...]:
    """Return what shows whether a change holds: procedures that read, with what they are given."""
    match change:
        case RelationChange():
            target, holder = ends = ids.ends_of(change)
            if change.action in _ROLES:
                return ((procedures.get_project_user_role, *ends),)
            if change.about is About.GROUP_MEMBER:
                return ((procedures.is_group_member, *ends),)
            return (
                (procedures.get_group, holder),
                (procedures.get_project_by_id, target),
                (procedures.get_group_members, holder),
                (procedures.get_project_users, target),
            )
        case UserChange():
            return (_user_reading(change, ids),)
        case GroupChange(action=Action.GROUP_CREATE):
            return ((procedures.get_all_groups,),)
        case GroupChange():
            return ((procedures.get_group, ids.of("group", change)),)
        case ProjectChange():
            if change.after.identifier:
                return ((procedures.get_project_by_identifier, change.after.identifier),)
            return ((procedures.get_project_by_name, change.after.name),)


_ROLES = frozenset(action for action in Action if action.about is About.MEMBERSHIP)


def _user_reading(change: UserChange, ids: Ids) -> _Reading:
    if change.action not in CREATING:
        return procedures.get_user, ids.user or ids.of("user", change)
    if not by_ldap(change):
        return procedures.get_user_by_name, change.new_username
    if ids.user is not None:
        return procedures.get_user, ids.user
    # Kanboard spells the username in small letters, by default; PHP's strtolower knows ASCII only.
    return procedures.get_user_by_name, change.new_username.translate(_SMALL)


def _access_seen(change: Change, ids: Ids, answers: Sequence[Any]) -> AccessSeen:
    group, project, members, listed = answers
    return AccessSeen(group, project, group_members(members), procedures.member_ids(listed))


def _new_group(change: GroupChange, ids: Ids, answers: Sequence[Any]) -> Any:
    return _group_named(change.new.name or change.group, answers[0])


def _new_project(change: Change, ids: Ids, answers: Sequence[Any]) -> NewProject:
    return NewProject(answers[0], ids.user)


# What is judged where it is not the answer to one call as it came.
_VALUE_OF: Mapping[Action, Callable[[Any, Ids, Sequence[Any]], Any]] = {
    Action.GROUP_ACCESS_GRANT: _access_seen,
    Action.GROUP_ACCESS_CHANGE: _access_seen,
    Action.GROUP_ACCESS_REVOKE: _access_seen,
    Action.GROUP_CREATE: _new_group,
    Action.PROJECT_CREATE: _new_project,
}


def group_members(answer: Any) -> frozenset[int] | None:
    """Return the ids of the members of a group; None for an answer that cannot be understood."""
    rows = procedures.rows_of(answer)
    users = None if rows is None else procedures.all_or_none(map(procedures.user_from_row, rows))
    return None if users is None else frozenset(user.id for user in users)


def _group_named(name: str, rows: Any) -> Any:
    """Return the row of the group of a name among the rows of all groups: the exact one first."""
    several = [row for row in procedures.rows_of(rows) or () if isinstance(row, Mapping)]
    exact = [row for row in several if row.get("name") == name]
    key = compare_key(name)
    same = [row for row in several if compare_key(procedures.text(row.get("name"))) == key]
    return next(iter(exact or same), None)


# --- waiting for what may still come --------------------------------------------------------------


def await_creations(recorded: Recorded, server: Reader, *, sleep: Callable[[float], None]) -> None:
    """Wait until what a killed run asked to be created is there, or nothing more comes.

    What the server would refuse a second time is waited for less long: asked for again, it would be
    found to be there. Reads only. Raises Unreachable.
    """
    sent = [
        change
        for change in recorded.plan.changes
        if change.id in recorded.sent and change.action in CREATING
    ]

    def read(some: Sequence[Change]) -> list[Any]:
        return readback([(change, Ids()) for change in some], server.read)

    if sent:
        read_until_stable(
            sent, read(sent), [True] * len(sent), read, pause=Options().pause, sleep=sleep
        )


def read_until_stable(
    changes: Sequence[Change],
    values: Sequence[Any],
    unanswered: Sequence[bool],
    read: Callable[[Sequence[Change]], list[Any]],
    *,
    pause: float,
    sleep: Callable[[float], None],
    should_stop: Callable[[], bool] = lambda: False,
) -> list[Any]:
    """Read again until what was asked for is there, or nothing more comes; return what was read.

    The server may still be working on a request whose answer was lost, and would create a second
    project of the name if it was asked again. `unanswered` says which changes are in question.
    """
    found = list(values)
    again = READ_AGAIN if any(map(_can_come_twice, changes)) else READ_UNIQUE_AGAIN
    left, wait = again, pause
    while True:
        missing = [
            number
            for number, (change, unsure) in enumerate(zip(changes, unanswered, strict=True))
            if unsure and change.action in CREATING and _is_absent(change, found[number])
        ]
        if not missing or not left or should_stop():
            return found
        sleep(wait)
        wait, left = min(wait * 2, pause * LONGEST_WAIT), left - 1
        values = read([changes[number] for number in missing])
        for number, value in zip(missing, values, strict=True):
            if not _is_absent(changes[number], value):
                # It is at work: what is left of the request gets the whole time again.
                wait, left = pause, again
            found[number] = value


def _is_absent(change: Change, value: Any) -> bool:
    seen = observe(change, value)
    return seen.understood and not seen.ok and as_before(change, value)


def may_come_twice(change: Change, answer: Answer) -> bool:
    """Return whether a server that is silent may still create what it would not refuse again."""
    silent = isinstance(answer, NoAnswer) and answer.sent and answer.fault is Fault.TIMEOUT
    return silent and _can_come_twice(change)


def _can_come_twice(change: Change) -> bool:
    """Return whether Kanboard would create a second one of the same name.

    It takes any number of projects of one name; usernames, groups and identifiers are unique.
    """
    return change.action is Action.PROJECT_CREATE and not change.after.identifier


# --- judging --------------------------------------------------------------------------------------


def success(answer: Answer) -> Status:
    """Return how something that holds came to hold: by Kanport, or it did already."""
    # A refusal of what is there nevertheless: somebody else did it between reading and writing.
    refused = (
        answer.value is False if isinstance(answer, CallResult) else isinstance(answer, RefusedCall)
    )
    return Status.ALREADY if refused else Status.DONE


def with_answers(change: Change, seen: Observation, first: Answer, second: Answer) -> Observation:
    """Return what was seen: not done if neither it nor the answers to both calls show it."""
    if seen.verifiable or not seen.ok or is_proved_by_both_answers(change, first, second):
        return seen
    return seen._replace(ok=False, actual=fact("not-shown"))


def observe(change: Change, value: Any) -> Observation:
    """Judge what `readback` gave: does the server hold what the change wanted?"""
    return _OBSERVE[change.action](change, value)


def _not_understood() -> Observation:
    return Observation(False, fact("not-understood"), understood=False)


def as_before(change: Change, value: Any) -> bool:
    """Judge what `readback` gave: is the server still as it was when the plan was made?"""
    match change:
        case RelationChange(about=About.GROUP_ACCESS):
            return bool(value.group and value.project)
        case RelationChange(about=About.GROUP_MEMBER):
            return procedures.flag(value) is (change.action is Action.GROUP_MEMBER_REMOVE)
        case RelationChange():
            return procedures.role_from(value) == (change.old_role or "")
        case ProjectChange():
            return not value.row
        case GroupChange():
            group = procedures.group_from_row(value) if value else None
            if change.action is Action.GROUP_CREATE or group is None:
                return change.action is Action.GROUP_CREATE and group is None
            return all(getattr(group, name) == has for name, has in change.old.values.items())
        case UserChange():
            there = bool(value) and procedures.user_id_in(value) is not None
            if change.action is Action.USER_CREATE or not there:
                return change.action is Action.USER_CREATE and not there
            return not procedures.other_values(value, change.old.fields)


def _observe_user(change: UserChange, row: Any) -> Observation:
    user_id = procedures.user_id_in(row) if row else None
    if user_id is None:
        if row:
            return _not_understood()
        return Observation(False, fact("not-there", case="user"))
    creates = change.action in CREATING
    if creates and by_ldap(change):
        return _observe_ldap_user(change, row, user_id)
    wrong = procedures.other_values(row, change.new.fields)
    if not wrong:
        return Observation(True, user_id=user_id) if creates else _HOLDS
    return Observation(False, _values(map(_user_field, wrong, wrong.values())), user_id)


def _observe_removal(change: UserChange, row: Any) -> Observation:
    user_id = procedures.user_id_in(row) if row else None
    return _not_understood() if row and user_id is None else _gone("user", user_id)


def _observe_ldap_user(change: UserChange, row: Any, user_id: int) -> Observation:
    wanted = dict(change.new.fields)
    name = str(procedures.user_value(row, USERNAME.name))
    if compare_key(name) != compare_key(str(wanted.pop(USERNAME.name))):
        return Observation(False, fact("kanboard-ldap-name", username=name))
    if not procedures.user_value(row, LDAP.name):
        return Observation(False, fact("local-user"))
    wrong = procedures.other_values(row, wanted)
    actual = _values(map(_user_field, wrong, wrong.values()))
    fixups = {name: wanted[name] for name in wrong}
    return Observation(not wrong, actual, user_id, fixups=fixups)


def _observe_role(change: RelationChange, value: Any) -> Observation:
    # No role is "", and null or false from some servers.
    if not isinstance(value, str) and value is not None and value is not False:
        return _not_understood()
    role = value or ""
    if role == (change.new_role or ""):
        return _right_role(role, not may_be_role_of_group(change))
    actual = fact("role-now", role=role) if role else fact("role-now", case="none")
    return Observation(False, actual, role=role)


@lru_cache
def _right_role(role: str, verifiable: bool) -> Observation:
    # There are few roles, and a run may see one half a million times.
    return Observation(True, role=role, verifiable=verifiable)


def _observe_member(change: RelationChange, value: Any) -> Observation:
    if not isinstance(value, bool | int | str):
        return _not_understood()
    inside = procedures.flag(value)
    if inside is (change.action is Action.GROUP_MEMBER_ADD):
        return _HOLDS
    return Observation(False, fact("in-group", case="" if inside else "not"))


def _observe_group(change: GroupChange, value: Any) -> Observation:
    if value and procedures.group_from_row(value) is None:
        return _not_understood()
    group = procedures.group_from_row(value) if value else None
    if change.action is Action.GROUP_REMOVE:
        return _gone("group", group)
    if group is None:
        return Observation(False, fact("not-there", case="group"))
    wrong = {
        name: has
        for name, wish in change.new.values.items()
        if (has := getattr(group, name)) != wish
    }
    return Observation(not wrong, _values(map(_field, wrong, wrong.values())), group_id=group.id)


def _observe_access(change: RelationChange, seen: AccessSeen) -> Observation:
    if seen.group and seen.project:
        rows = procedures.group_from_row(seen.group), procedures.project_from_row(seen.project)
        if None in (*rows, seen.members, seen.listed):
            return _not_understood()
    revokes = change.action is Action.GROUP_ACCESS_REVOKE
    if not seen.group or not seen.project:
        return Observation(revokes, fact("not-there", case="project" if seen.group else "group"))
    outside = (seen.members or frozenset()) - (seen.listed or frozenset())
    if revokes:
        return Observation(True, verifiable=bool(outside))
    if outside:
        return Observation(False, fact("group-without-access"))
    return Observation(True, verifiable=False)


def _observe_project(change: ProjectChange, value: NewProject) -> Observation:
    new = change.after
    project = procedures.project_from_row(value.row) if value.row else None
    if value.row and project is None:
        return _not_understood()
    if project is None:
        return Observation(False, fact("not-there", case="project"))
    has = {
        "name": project.name,
        "identifier": project.identifier,
        "owner": procedures.number(value.row.get("owner_id")),
        "description": procedures.text(value.row.get("description")),
    }
    wanted = new.values if new.owner is None else {**new.values, "owner": value.owner}
    wrong = {name: has[name] for name, wish in wanted.items() if has[name] != wish}
    actual = _values(map(_field, wrong, wrong.values()))
    return Observation(not wrong, actual, project_id=project.id)


_OBSERVE_ABOUT: Mapping[About, Callable[[Any, Any], Observation]] = {
    About.USER: _observe_user,
    About.MEMBERSHIP: _observe_role,
    About.GROUP: _observe_group,
    About.GROUP_MEMBER: _observe_member,
    About.GROUP_ACCESS: _observe_access,
    About.PROJECT: _observe_project,
}
_OBSERVE = {action: _OBSERVE_ABOUT[action.about] for action in Action}
_OBSERVE[Action.USER_REMOVE] = _observe_removal


def _gone(what: str, there: object | None) -> Observation:
    return _HOLDS if there is None else Observation(False, fact("still-there", case=what))


def _values(fields: Iterable[Fact]) -> Fact | None:
    """Return the values that fields have now as one fact; None for no field."""
    several = tuple(fields)
    if len(several) < 2:
        return several[0] if several else None
    return fact("fields-now", fields=several)


def _user_field(key: str, has: str | bool) -> Fact:
    field = field_named(key)
    if field is ACTIVE:
        return fact("field-now", case="active" if has else "disabled")
    match field.personal:
        case None:
            return fact("role-now", role=has)
        case Personal.VALUE:
            return fact("field-now", case="text", field=field.label, text=has)
    return fact("field-now", case=key, **{key: has})


def _field(name: str, has: Any) -> Fact:
    """Return the value that a field of a group or a project has now."""
    label = name.replace("_", " ")
    if not has:
        return fact("field-now", case="none", field=label)
    if isinstance(has, int):
        return fact("field-now", case="number", field=label, value=has)
    return fact("field-now", field=label, value=str(has))
