"""A change: one thing to do, with what the server holds before it and what it is to hold after.

There is one type for users, one for relations, one for groups and one for projects. Each has the
attributes of all, so that code that only asks whom a change concerns need not tell them apart.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from kanport.facts import Fact
from kanport.model import LdapPassword, PasswordCell, RandomPassword
from kanport.origin import Origin
from kanport.plan.model import LDAP, About, Action, Change, Risk, Subject

Password = RandomPassword | PasswordCell | LdapPassword

_RISK_ORDER = {risk: number for number, risk in enumerate(Risk)}


def sorted_risks(risks: Collection[Risk]) -> tuple[Risk, ...]:
    """Return risks in the order in which plans list them."""
    return tuple(sorted(risks, key=_RISK_ORDER.__getitem__)) if risks else ()


# --- the two sides of a change --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class UserSide:
    """Values of a user by name of the field (`kanport.fields`); of a new one, also the password."""

    fields: Mapping[str, str | bool] = field(default_factory=dict)
    password: Password | None = None

    @property
    def values(self) -> dict[str, Any]:
        """The values as the plan file holds them."""
        match self.password:
            case None:
                return dict(self.fields)
            case RandomPassword():
                return {**self.fields, "password": "random"}
            case LdapPassword():
                return {**self.fields, "password": LDAP}
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
    def role(self) -> str | None:
        """The role on the whole server."""
        return self.text("role")


@dataclass(frozen=True, slots=True)
class RoleSide:
    """The role of a user or a group in a project."""

    role: str

    @property
    def values(self) -> dict[str, Any]:
        """The role as the plan file holds it."""
        return {"role": self.role}


@dataclass(frozen=True, slots=True)
class GroupSide:
    """Values of a group; None for one that the change leaves as it is."""

    name: str | None = None
    external_id: str | None = None

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


def role_side(role: str | None) -> RoleSide | None:
    """Return the side of a change for a role; None for no role."""
    return None if role is None else RoleSide(role)


# --- the changes ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Change:
    """What all changes have. `why` is the reason; plans of version 0.1.0 do not have it."""

    action: Action
    why: Fact | None = None
    risk: tuple[Risk, ...] = ()
    origin: tuple[Origin, ...] = ()

    @property
    def about(self) -> About:
        """What the change is about."""
        return self.action.about


@dataclass(frozen=True, slots=True, kw_only=True)
class UserChange(_Change):
    """A change of a user. `user_id` is None for somebody whom the plan creates."""

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


_NO_VALUES = UserSide()


@dataclass(frozen=True, slots=True, kw_only=True)
class RelationChange(_Change):
    """A change of a membership, of who is in a group, or of a group's access.

    `plan.model.RELATIONS` says which two of user, group and project it ties; the third is None. An
    id is None for what the plan creates, `username` for a user who could not be read.
    """

    username: str | None = None
    user_id: int | None = None
    group: str | None = None
    group_id: int | None = None
    project: str | None = None
    project_id: int | None = None
    before: RoleSide | None = None
    after: RoleSide | None = None

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

    group: str
    group_id: int | None = None
    before: GroupSide | None = None
    after: GroupSide | None = None
    username: ClassVar[None] = None
    user_id: ClassVar[None] = None
    project: ClassVar[None] = None
    project_id: ClassVar[None] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectChange(_Change):
    """A project that is created. `user_id` is its owner's, where that is a user of the server.

    `username` is the owner's as well, where the plan renames them.
    """

    project: str
    after: ProjectSide
    username: str | None = None
    user_id: int | None = None
    before: ClassVar[None] = None
    group: ClassVar[None] = None
    group_id: ClassVar[None] = None
    project_id: ClassVar[None] = None


AnyChange = UserChange | RelationChange | GroupChange | ProjectChange


def in_plan(change: AnyChange, number: int) -> Change:
    """Return a change as the plan holds it, with its number there, counted from 1."""
    return Change(
        id=f"c{number:04d}",
        action=change.action,
        subject=Subject(username=change.username, project=change.project, group=change.group),
        user_id=change.user_id,
        project_id=change.project_id,
        group_id=change.group_id,
        before=change.before.values if change.before is not None else None,
        after=change.after.values if change.after is not None else None,
        reason=change.why.text if change.why is not None else "",
        why=change.why,
        risk=change.risk,
        origin=change.origin,
    )
