"""A change: one thing to do, with what the server holds before it and what it is to hold after.

There is one type for users, one for relations, one for groups and one for projects. Each has the
attributes of all, so that code that only asks whom a change concerns need not tell them apart.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from enum import StrEnum
from functools import cached_property, lru_cache
from itertools import groupby
from operator import attrgetter
from typing import Any, ClassVar, Literal, NamedTuple, Self, cast

from kanport.facts import Fact
from kanport.fields import USER_FIELDS, Holds
from kanport.model import LdapPassword, PasswordCell, RandomPassword
from kanport.origin import Origin
from kanport.records import dataclass
from kanport.relations import RELATIONS, About

Password = RandomPassword | PasswordCell | LdapPassword


GROUPS_AND_PROJECTS = frozenset(About) - {About.USER, About.MEMBERSHIP}


class Action(StrEnum):
    """What a change does."""

    USER_CREATE = "user.create"
    USER_UPDATE = "user.update"
    USER_RENAME = "user.rename"
    USER_ENABLE = "user.enable"
    USER_DISABLE = "user.disable"
    USER_REMOVE = "user.remove"
    MEMBERSHIP_GRANT = "membership.grant"
    MEMBERSHIP_CHANGE = "membership.change"
    MEMBERSHIP_REVOKE = "membership.revoke"
    GROUP_CREATE = "group.create"
    GROUP_UPDATE = "group.update"
    GROUP_REMOVE = "group.remove"
    GROUP_MEMBER_ADD = "group_member.add"
    GROUP_MEMBER_REMOVE = "group_member.remove"
    GROUP_ACCESS_GRANT = "group_access.grant"
    GROUP_ACCESS_CHANGE = "group_access.change"
    GROUP_ACCESS_REVOKE = "group_access.revoke"
    PROJECT_CREATE = "project.create"

    @cached_property
    def about(self) -> About:
        """What such a change is about."""
        return About(self.value.partition(".")[0])


class Risk(StrEnum):
    """Why a change needs review."""

    PRIVILEGE_RAISED = "privilege-raised"
    ADMIN_GRANTED = "admin-granted"
    ADMIN_LOST = "admin-lost"
    LOGIN_CHANGED = "login-changed"
    ACCESS_LOST = "access-lost"
    DELETES_DATA = "deletes-data"
    MAYBE_THROUGH_GROUP = "maybe-through-group"


_RISK_ORDER = {risk: number for number, risk in enumerate(Risk)}


def sorted_risks(risks: Collection[Risk]) -> tuple[Risk, ...]:
    """Return risks in the order in which plans list them."""
    return tuple(sorted(risks, key=_RISK_ORDER.__getitem__)) if risks else ()


UserAction = Literal[
    Action.USER_CREATE,
    Action.USER_UPDATE,
    Action.USER_RENAME,
    Action.USER_ENABLE,
    Action.USER_DISABLE,
    Action.USER_REMOVE,
]
RelationAction = Literal[
    Action.MEMBERSHIP_GRANT,
    Action.MEMBERSHIP_CHANGE,
    Action.MEMBERSHIP_REVOKE,
    Action.GROUP_MEMBER_ADD,
    Action.GROUP_MEMBER_REMOVE,
    Action.GROUP_ACCESS_GRANT,
    Action.GROUP_ACCESS_CHANGE,
    Action.GROUP_ACCESS_REVOKE,
]
GroupAction = Literal[Action.GROUP_CREATE, Action.GROUP_UPDATE, Action.GROUP_REMOVE]
ProjectAction = Literal[Action.PROJECT_CREATE]
RelationAbout = Literal[About.MEMBERSHIP, About.GROUP_MEMBER, About.GROUP_ACCESS]


# --- the two sides of a change --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class UserSide:
    """Values of a user by name of the field (`kanport.fields`); of a new one, also the password."""

    fields: Mapping[str, str | bool] = field(default_factory=dict)
    password: Password | None = None

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Return what `values` gave; raise ValueError for what is no field or no value of one."""
        fields = dict(values)
        password = fields.pop("password", None)
        for name, value in fields.items():
            if name not in _FLAGS or isinstance(value, bool) is not _FLAGS[name]:
                raise ValueError(f"a user has no {name} {value!r}")
            if not isinstance(value, bool | str):
                raise ValueError(f"a user has no {name} {value!r}")
        return cls(fields, None if password is None else _password(password))

    @property
    def values(self) -> dict[str, Any]:
        """The values as the plan file holds them."""
        match self.password:
            case None:
                return dict(self.fields)
            case RandomPassword():
                return {**self.fields, "password": "random"}
            case LdapPassword():
                return {**self.fields, "password": "ldap"}
            case PasswordCell(origin):
                return {**self.fields, "password": {"from": origin.to_dict()}}

    def text(self, name: str) -> str | None:
        """Return the text of a field; None for a field that the change does not name."""
        value = self.fields.get(name)
        return value if isinstance(value, str) else None

    @property
    def username(self) -> str | None:
        """The username; only where it is created, changed or removed."""
        return self.text("username")

    @property
    def name(self) -> str | None:
        """The name of the person."""
        return self.text("name")

    @property
    def role(self) -> str | None:
        """The role on the whole server."""
        return self.text("role")


_FLAGS = {one.name: one.holds is Holds.FLAG for one in USER_FIELDS}


def _password(value: object) -> Password:
    match value:
        case "random":
            return RandomPassword()
        case "ldap":
            return LdapPassword()
        case {"from": dict(place), **rest} if not rest:
            try:
                return PasswordCell(Origin.from_dict(place))
            except TypeError as problem:
                raise ValueError(f"a password comes from no such place: {problem}") from problem
    raise ValueError("a plan holds no password, but where one comes from")


@dataclass(frozen=True, slots=True)
class RoleSide:
    """The role of a user or a group in a project."""

    role: str

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Return what `values` gave; raise ValueError for anything else."""
        return cls(**_texts(values, "role"))

    @property
    def values(self) -> dict[str, Any]:
        """The role as the plan file holds it."""
        return {"role": self.role}


@dataclass(frozen=True, slots=True)
class GroupSide:
    """Values of a group; None for one that the change leaves as it is."""

    name: str | None = None
    external_id: str | None = None

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Return what `values` gave; raise ValueError for anything else."""
        return cls(**_texts(values, "name", "external_id", required=0))

    @property
    def values(self) -> dict[str, Any]:
        """The values as the plan file holds them."""
        values = {"name": self.name, "external_id": self.external_id}
        return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True, slots=True)
class ProjectSide:
    """Values of a new project; None for one that the sources do not give. `owner` is a username."""

    name: str
    identifier: str | None = None
    owner: str | None = None
    description: str | None = None

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Return what `values` gave; raise ValueError for anything else."""
        return cls(**_texts(values, "name", "identifier", "owner", "description"))

    @property
    def values(self) -> dict[str, Any]:
        """The values as the plan file holds them."""
        values = {
            "name": self.name,
            "identifier": self.identifier,
            "owner": self.owner,
            "description": self.description,
        }
        return {name: value for name, value in values.items() if value is not None}


def _texts(values: Mapping[str, Any], *names: str, required: int = 1) -> dict[str, str]:
    """Return texts by name; raise ValueError for other names, other values and what is missing."""
    for name, value in values.items():
        if name not in names or not isinstance(value, str):
            raise ValueError(f"there is no {name} {value!r} in this change")
    if missing := set(names[:required]) - values.keys():
        raise ValueError(f"there is no {missing.pop()} in this change")
    return dict(values)


@lru_cache
def role_side(role: str | None) -> RoleSide | None:
    """Return the side of a change for a role; None for no role.

    There are few roles, and a change may ask for one half a million times.
    """
    return None if role is None else RoleSide(role)


def values_of(side: UserSide | RoleSide | GroupSide | ProjectSide | None) -> dict[str, Any] | None:
    """Return the values of a side as the plan file holds them; None where there is nothing."""
    return None if side is None else side.values


# --- the changes ----------------------------------------------------------------------------------


def relation_action(kind: About, before: str | None, after: str | None) -> RelationAction:
    """Return the action that leads from one role to another; None is none, "" that of a member.

    >>> relation_action(About.GROUP_ACCESS, "project-viewer", None)
    <Action.GROUP_ACCESS_REVOKE: 'group_access.revoke'>
    """
    gives, changes, ends = RELATIONS[kind].verbs
    verb = gives if before is None else ends if after is None else changes
    return cast("RelationAction", Action(f"{kind}.{verb}"))


GIVES, CHANGES, ENDS = (
    tuple(
        cast("RelationAction", Action(f"{kind}.{verb}"))
        for kind, relation in RELATIONS.items()
        if (verb := relation.verbs[number])
    )
    for number in range(3)
)
"""The actions on relations: those that give one, change its role, and end it."""


class Subject(NamedTuple):
    """Whom or what a change is about, as the server names it (or is to name it).

    A change of a user has a username, of a membership a username and a project; of a group a group,
    of its members a group and a username, of its access a group and a project.
    """

    username: str | None = None
    project: str | None = None
    group: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """What all changes have.

    `id` is the place in the plan, and empty before the plan gives it. `why` is the reason, and
    `wording` how the plan file words it, where that is not how the catalogue does; plans of
    version 0.1.0 have nothing else.
    """

    id: str = ""
    action: Action
    why: Fact | None = None
    wording: str | None = None
    risk: tuple[Risk, ...] = ()
    origin: tuple[Origin, ...] = ()

    @property
    def subject(self: "Change") -> Subject:  # type: ignore[misc]
        """Whom or what the change is about."""
        return Subject(self.username, self.project, self.group)

    @property
    def reason(self) -> str:
        """The wording of the reason."""
        if self.wording is not None or self.why is None:
            return self.wording or ""
        return self.why.text


@dataclass(frozen=True, slots=True, kw_only=True)
class UserChange(_Change):
    """A change of a user. `user_id` is None for somebody whom the plan creates."""

    action: UserAction
    about: ClassVar[Literal[About.USER]] = About.USER
    username: str
    user_id: int | None = None
    before: UserSide | None = None
    after: UserSide | None = None
    group: ClassVar[None] = None
    group_id: ClassVar[None] = None
    project: ClassVar[None] = None
    project_id: ClassVar[None] = None

    @property
    def old(self) -> UserSide:
        """What the change finds, which may be nothing."""
        return self.before or _NO_VALUES

    @property
    def new(self) -> UserSide:
        """What the change leads to, which may be nothing."""
        return self.after or _NO_VALUES

    @property
    def new_username(self) -> str:
        """The username that the user has after the change."""
        new = self.new.username
        # An empty username is one, too.
        return self.username if new is None else new

    @property
    def old_role(self) -> str | None:
        """The role on the whole server that the change finds, if it is about that."""
        return self.old.role

    @property
    def new_role(self) -> str | None:
        """The role on the whole server that the change leads to, if it is about that."""
        return self.new.role


_NO_VALUES = UserSide()


@dataclass(frozen=True, slots=True, kw_only=True)
class RelationChange(_Change):
    """A change of a membership, of who is in a group, or of a group's access.

    `RELATIONS` says which two of user, group and project it ties; the third is None. An
    id is None for what the plan creates, `username` for a user who could not be read.
    """

    action: RelationAction
    username: str | None = None
    user_id: int | None = None
    group: str | None = None
    group_id: int | None = None
    project: str | None = None
    project_id: int | None = None
    before: RoleSide | None = None
    after: RoleSide | None = None

    @property
    def about(self) -> RelationAbout:
        """Which relation it is."""
        return cast("RelationAbout", self.action.about)

    @property
    def holder(self) -> str:
        """What the user or group is called that has the role or is in the group."""
        name: str | None = getattr(self, RELATIONS[self.about].holder.named_by)
        return f"#{self.user_id}" if name is None else name

    @property
    def target(self) -> str:
        """What the project or group is called in which somebody has a role or is."""
        return getattr(self, RELATIONS[self.about].target.named_by) or ""

    @property
    def old_role(self) -> str | None:
        """The role that the change finds; None for none."""
        return self.before.role if self.before is not None else None

    @property
    def new_role(self) -> str | None:
        """The role that the change leads to; None for none."""
        return self.after.role if self.after is not None else None


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupChange(_Change):
    """A change of a group itself. `group_id` is None for one that the plan creates."""

    action: GroupAction
    about: ClassVar[Literal[About.GROUP]] = About.GROUP
    group: str
    group_id: int | None = None
    before: GroupSide | None = None
    after: GroupSide | None = None
    username: ClassVar[None] = None
    user_id: ClassVar[None] = None
    project: ClassVar[None] = None
    project_id: ClassVar[None] = None

    @property
    def old(self) -> GroupSide:
        """What the change finds, which may be nothing."""
        return self.before or _NOTHING

    @property
    def new(self) -> GroupSide:
        """What the change leads to, which may be nothing."""
        return self.after or _NOTHING


_NOTHING = GroupSide()


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectChange(_Change):
    """A project that is created. `user_id` is its owner's, where that is a user of the server.

    `username` is the owner's as well, where the plan renames them.
    """

    action: ProjectAction
    about: ClassVar[Literal[About.PROJECT]] = About.PROJECT
    project: str
    after: ProjectSide
    username: str | None = None
    user_id: int | None = None
    before: ClassVar[None] = None
    group: ClassVar[None] = None
    group_id: ClassVar[None] = None
    project_id: ClassVar[None] = None


Change = UserChange | RelationChange | GroupChange | ProjectChange


class ChangesByAction(Collection[Change]):
    """Changes in their order, and those of each action, so that nobody passes all to find some."""

    def __init__(self, changes: Collection[Change]) -> None:
        """Group the changes."""
        self._changes = changes
        self._of: dict[Action, list[Change]] = {}
        for action, some in groupby(changes, key=attrgetter("action")):
            self._of.setdefault(action, []).extend(some)

    @classmethod
    def of(cls, changes: Iterable[Change]) -> "ChangesByAction":
        """Return the changes grouped; those that are already, as they are."""
        return changes if isinstance(changes, ChangesByAction) else cls(tuple(changes))

    def __len__(self) -> int:
        return len(self._changes)

    def __iter__(self) -> Iterator[Change]:
        return iter(self._changes)

    def __contains__(self, change: object) -> bool:
        return change in self._changes

    def __getitem__(self, action: Action) -> Sequence[Change]:
        """Return the changes of one action."""
        return self._of.get(action, ())

    def items(self) -> Iterable[tuple[Action, Sequence[Change]]]:
        """Return each action that there is with its changes."""
        return self._of.items()

    def count(self, *actions: Action) -> int:
        """Count the changes of these actions."""
        return sum(len(self[action]) for action in actions)

    def users(self, *actions: Action) -> Iterator[UserChange]:
        """Yield the changes of users that are of these actions."""
        return (one for action in actions for one in self[action] if isinstance(one, UserChange))


def numbered(change: Change, number: int) -> Change:
    """Return a change with its id in a plan: a new change itself, else a copy of it.

    A new change is nobody else's yet, and there may be half a million of them.
    """
    name = f"c{number:04d}"
    if change.id:
        return replace(change, id=name)
    change.id = name  # type: ignore[misc]
    return change


def called(change: Change) -> str | None:
    """Return the username of the user of a change; `#` and the id of one who was not read."""
    unread = change.username is None and isinstance(change, RelationChange)
    return f"#{change.user_id}" if unread and change.user_id is not None else change.username


def undone_by(change: Change) -> tuple[str, ...]:
    """Return the ids of the changes of a run that this change takes back."""
    why = change.why
    if why is None or why.code != "undoes":
        return ()
    return tuple(map(str, why.to_dict()["params"]["changes"]))


def by_ldap(change: Change) -> bool:
    """Return whether a change has Kanboard make a user from its own LDAP (createLdapUser)."""
    return isinstance(change, UserChange) and isinstance(change.new.password, LdapPassword)
