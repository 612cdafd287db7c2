"""The store of a sandbox: the database of a fresh Kanboard, with helpers to fill and to read it.

Hashing a password takes as long as the options say. The hashes have the shape of bcrypt but are
salted SHA-256, because tests create thousands of users. What they share with bcrypt is what a
client can notice: bytes after the 72nd do not count, and a NUL byte is an error.
"""

import base64
import hashlib
import hmac
import secrets
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any

from kanport.records import dataclass
from kanport.sandbox import php
from kanport.sandbox.database import Database

ADMIN_PASSWORD = "admin"  # noqa: S105 - what every fresh Kanboard starts with


@dataclass(frozen=True)
class UserState:
    """A user, without secrets."""

    id: int
    username: str
    name: str | None
    email: str | None
    role: str
    is_active: bool
    is_ldap_user: bool


@dataclass(frozen=True)
class ProjectState:
    """A project."""

    id: int
    name: str
    identifier: str
    is_active: bool
    is_private: bool
    owner_id: int


@dataclass(frozen=True)
class GroupState:
    """A group with the usernames of its members."""

    id: int
    name: str
    external_id: str
    members: frozenset[str]


@dataclass(frozen=True)
class StoreSnapshot:
    """What tests compare of the state at one moment.

    Secrets, descriptions of projects, their custom roles and two-factor authentication are left
    out: two snapshots that differ in nothing else are equal.

    Args:
        users: by username.
        projects: by label: the identifier, without one the name, with `#id` where that is not
            unique.
        groups: by name.
        memberships: roles of direct members by project label and username.
        group_access: roles of groups by project label and group name.
    """

    users: Mapping[str, UserState]
    projects: Mapping[str, ProjectState]
    groups: Mapping[str, GroupState]
    memberships: Mapping[tuple[str, str], str]
    group_access: Mapping[tuple[str, str], str]


class Store(Database):
    """A database that starts like a fresh Kanboard, with the user `admin` and nothing else.

    The helpers write straight into the tables: no procedure is counted and no rule of the API
    applies but the constraints of the tables. `with store.transaction():` around many is faster
    where the store is a file.
    """

    def _prepare(self) -> None:
        super()._prepare()
        if self.value("SELECT seq FROM sqlite_sequence WHERE name = 'users'") is None:
            self.add_user(
                "admin",
                role="app-admin",
                password=ADMIN_PASSWORD,
                name=None,
                email=None,
                is_admin=1,
                lock_expiration_date=0,
            )

    def add_user(
        self,
        username: str,
        *,
        name: str | None = "",
        email: str | None = "",
        role: str = "app-user",
        active: bool = True,
        ldap: bool = False,
        password: str | None = "123456",  # noqa: S107 - a sandbox has no secrets worth the name
        **columns: Any,
    ) -> int:
        """Add a user and return its id; `columns` are further ones, such as api_access_token."""
        values = {
            "username": username,
            "password": None if ldap or password is None else quick_hash(password),
            "name": name,
            "email": email,
            "role": role,
            "is_active": int(active),
            "is_ldap_user": int(ldap),
            "lock_expiration_date": self.dialect.fresh_lock_date,
        }
        return self._added("users", values | columns)

    def add_project(
        self,
        name: str,
        *,
        identifier: str = "",
        active: bool = True,
        private: bool = False,
        owner_id: int = 0,
        description: str | None = None,
    ) -> int:
        """Add a project and return its id."""
        values = {
            "name": name,
            "identifier": identifier,
            "is_active": int(active),
            "is_private": int(private),
            "owner_id": owner_id,
            "description": description,
        }
        return self._added("projects", values)

    def add_group(self, name: str, *, external_id: str = "") -> int:
        """Add a group and return its id."""
        return self._added("groups", {"name": name, "external_id": external_id})

    def add_member(self, project_id: int, user_id: int, role: str = "project-member") -> None:
        """Make a user a direct member of a project."""
        values = {"project_id": project_id, "user_id": user_id, "role": role}
        self._added("project_has_users", values)

    def add_group_member(self, group_id: int, user_id: int) -> None:
        """Put a user into a group."""
        self._added("group_has_users", {"group_id": group_id, "user_id": user_id})

    def add_group_access(
        self, project_id: int, group_id: int, role: str = "project-member"
    ) -> None:
        """Grant a group access to a project."""
        values = {"project_id": project_id, "group_id": group_id, "role": role}
        self._added("project_has_groups", values)

    def add_custom_role(self, project_id: int, role: str) -> None:
        """Define a custom role of a project, which Kanboard can do in its web interface only.

        No procedure lists such roles or checks a membership against them, so all that this
        changes is the table: members hold the name of a role as text.
        """
        self.change(
            "INSERT INTO project_has_roles (role, project_id) VALUES (?, ?)", role, project_id
        )

    def snapshot(self) -> StoreSnapshot:
        """Return what tests compare, read at one moment."""
        with self.transaction():
            users = [
                UserState(row_id, username, name, email, role, bool(active), bool(ldap))
                for row_id, username, name, email, role, active, ldap in self.rows(_USERS)
            ]
            projects = [
                ProjectState(row_id, name, identifier, bool(active), bool(private), owner_id)
                for row_id, name, identifier, active, private, owner_id in self.rows(_PROJECTS)
            ]
            groups = self.rows("SELECT id, name, external_id FROM groups ORDER BY id")
            in_groups = self.rows("SELECT group_id, user_id FROM group_has_users")
            members = self.rows("SELECT project_id, user_id, role FROM project_has_users")
            access = self.rows("SELECT project_id, group_id, role FROM project_has_groups")
        usernames = {user.id: user.username for user in users}
        labels = _labels(projects)
        names = {group_id: name for group_id, name, _ in groups}
        joined: dict[int, set[str]] = {group_id: set() for group_id in names}
        for group_id, user_id in in_groups:
            joined[group_id].add(usernames[user_id])
        return StoreSnapshot(
            users={user.username: user for user in users},
            projects={labels[project.id]: project for project in projects},
            groups={
                name: GroupState(group_id, name, external_id, frozenset(joined[group_id]))
                for group_id, name, external_id in groups
            },
            memberships={
                (labels[project_id], usernames[user_id]): role
                for project_id, user_id, role in members
            },
            group_access={
                (labels[project_id], names[group_id]): role for project_id, group_id, role in access
            },
        )

    def _added(self, table: str, values: Mapping[str, Any]) -> int:
        row_id = self.insert(table, values)
        if row_id is None:
            raise ValueError(f"{table}: already there, or refers to nothing: {_shown(values)}")
        return row_id


_USERS = "SELECT id, username, name, email, role, is_active, is_ldap_user FROM users ORDER BY id"
_PROJECTS = "SELECT id, name, identifier, is_active, is_private, owner_id FROM projects ORDER BY id"


def _labels(projects: list[ProjectState]) -> dict[int, str]:
    wanted = {project.id: project.identifier or project.name for project in projects}
    count = Counter(wanted.values())
    return {
        project_id: label if count[label] == 1 else f"{label}#{project_id}"
        for project_id, label in wanted.items()
    }


def _shown(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if key != "password"}


# --- password hashes that look like Kanboard's and cost as much as one asks for -------------------

_PREFIX = "$2y$10$"
_SALT_LENGTH = 22
_SIGNIFICANT_BYTES = 72


class Hasher:
    """Hashes and checks passwords, at most `workers` of them at a time.

    Args:
        cost: seconds that each hash takes; bcrypt of cost 10 takes about 0.07.
        workers: simulated cores. More connections help until each of them is busy. Measured on a
            stock Kanboard: 14 users a second on one connection, 28 on two cores, however many
            connections.
        sleep: waits for that many seconds.
    """

    def __init__(self, *, cost: float, workers: int, sleep: Callable[[float], None]):
        self._cost = cost
        self._cores = threading.BoundedSemaphore(workers)
        self._sleep = sleep

    def hash(self, password: str) -> str:
        """Return a salted hash of the password; the password itself is kept nowhere."""
        if "\0" in password:
            raise php.TypeMismatchError(
                "ValueError: Bcrypt password must not contain null character",
                line="app/Model/UserModel.php:263",
                frames=("password_hash()", "Kanboard\\Model\\UserModel->prepare()"),
            )
        self._spend()
        return quick_hash(password)

    def verify(self, password: str, hashed: str | None) -> bool:
        """Return whether the hash is one of this password; False for a user without one."""
        if not hashed:
            return False
        self._spend()
        salt = hashed[len(_PREFIX) : len(_PREFIX) + _SALT_LENGTH]
        return hmac.compare_digest(hashed, _shaped(password, salt))

    def _spend(self) -> None:
        if self._cost > 0:
            with self._cores:
                self._sleep(self._cost)


def quick_hash(password: str) -> str:
    """Return a salted hash without the cost, for seeding."""
    return _shaped(password, secrets.token_hex(_SALT_LENGTH // 2))


def _shaped(password: str, salt: str) -> str:
    significant = password.encode()[:_SIGNIFICANT_BYTES]
    digest = hashlib.sha256(salt.encode() + significant).digest()
    return f"{_PREFIX}{salt}{base64.b64encode(digest, altchars=b'./').decode()[:31]}"
