"""The procedures about users, groups and group members.

Exchanges are numbered as `kanport.sandbox` says.
"""

from typing import Any

from kanport.sandbox import php, rules
from kanport.sandbox.database import Shape
from kanport.sandbox.dialects import RpcError
from kanport.sandbox.php import FatalError
from kanport.sandbox.procedures.base import APP_ADMIN, APP_USER, Procedures

_BYTES_PER_USER = 3800
"""Makes 128 MB last for about 35,000 users; a real server reaches it between 20,000 and 50,000."""
_GATEWAY_GIVES_UP = 200_000
_MEGABYTE = 1024 * 1024


class GatewayError(Exception):
    """The web server in front of PHP lost its patience: 502."""


class UserProcedures(Procedures):
    """Procedures on users, for administrators."""

    application_role = APP_ADMIN

    def getUser(self, user_id: Any) -> Any:
        """Return a user's whole row, or null."""
        return self._user("users.id = ?", self._id(user_id))

    def getUserByName(self, username: Any) -> Any:
        """Return a user's whole row, or null; MariaDB finds other spellings too (exchange 44)."""
        name = php.text(username)
        key = None if name is None else self._dialect.key(name)
        return self._user("users.username_key = ?", key)

    def getAllUsers(self) -> Any:
        """Return the rows of all users by username; there is no paging, so it can be too much."""
        limit = self._backend.options.memory_limit
        if limit is not None:
            self._refuse_too_many(self._store.value("SELECT COUNT(*) FROM users"), limit)
        shape = self._backend.shapes.listed_user
        rows = self._store.rows(shape.query("ORDER BY username_key, id"))
        return [shape.row(row) for row in rows]

    def createUser(
        self, username: Any, password: Any, name: Any = "", email: Any = "", role: Any = APP_USER
    ) -> Any:
        """Return the id of a new user, or false without a reason."""
        values = {"username": username, "password": password, "email": email, "role": role}
        if not rules.user_is_valid(self._store, values, procedure="createUser"):
            return False
        # "0" never comes here: it is too short. Kanboard trims after it has checked.
        hashed = self._backend.hasher.hash(php.text(password) or "")
        # Stop before the row is stored if hashing outlived the time limit.
        self._backend.check_time(self._request)
        return self._created(
            {
                "username": php.trim(php.text(username) or ""),
                "password": hashed,
                "name": php.text(name),
                "email": php.text(email),
                "role": php.text(role),
            }
        )

    def createLdapUser(self, username: Any) -> Any:
        """Return the id of a user copied from the directory, or false if it is not there."""
        directory = tuple(self._backend.options.ldap_users)
        if not directory:
            raise RpcError(0, "LDAP server not configured, check the parameter LDAP_SERVER")
        wanted = (php.text(username) or "").casefold()
        found = next((user for user in directory if user.username.casefold() == wanted), None)
        if found is None:
            return False
        return self._created(
            {
                "username": php.trim(found.username.lower()),
                "name": found.name,
                "email": found.email,
                "role": APP_USER,
                "is_ldap_user": 1,
            }
        )

    def updateUser(
        self, id: Any, username: Any = None, name: Any = None, email: Any = None, role: Any = None
    ) -> Any:
        """Return true, for an unknown id and for no difference too; null leaves a field alone."""
        given = {"username": username, "name": name, "email": email, "role": role}
        values = {key: value for key, value in given.items() if value is not None}
        if not php.is_given(id):
            return False
        if not rules.user_is_valid(self._store, values, procedure="updateUser", row_id=id):
            return False
        updates = {key: php.text(value) for key, value in values.items()}
        if "username" in updates:
            updates["username"] = php.trim(updates["username"] or "")
        return self._store.update("users", id, updates)

    def disableUser(self, user_id: Any) -> Any:
        """Return true always, and close the user's private projects for good."""
        row_id = self._id(user_id)
        with self._store.transaction():
            self._store.change("UPDATE users SET is_active = 0, token = '' WHERE id = ?", row_id)
            self._store.change(
                "UPDATE projects SET is_active = 0 WHERE is_private = 1 AND owner_id = ?", row_id
            )
        return True

    def enableUser(self, user_id: Any) -> Any:
        """Return true always; private projects stay closed."""
        self._store.change("UPDATE users SET is_active = 1 WHERE id = ?", self._id(user_id))
        return True

    def isActiveUser(self, user_id: Any) -> Any:
        """Return whether there is such a user and it is active."""
        sql = "SELECT 1 FROM users WHERE id = ? AND is_active = 1"
        return self._store.row(sql, self._id(user_id)) is not None

    def removeUser(self, user_id: Any) -> Any:
        """Return whether there was such a user.

        Takes along every private project that the user is in, whoever owns it (access recording,
        exchange 55).
        """
        row_id = self._id(user_id)
        with self._store.transaction():
            self._store.change(
                "DELETE FROM projects WHERE is_private = 1 AND id IN"
                " (SELECT project_id FROM project_has_users WHERE user_id = ?)",
                row_id,
            )
            return self._store.change("DELETE FROM users WHERE id = ?", row_id) > 0

    def _user(self, condition: str, value: str | None) -> dict[str, Any] | None:
        shape = self._backend.shapes.user
        row = self._store.row(shape.query(f"WHERE {condition}"), value)
        return None if row is None else shape.row(row)

    def _created(self, values: dict[str, Any]) -> int | bool:
        fresh = {"lock_expiration_date": self._dialect.fresh_lock_date}
        return self._store.insert("users", values | fresh) or False

    def _refuse_too_many(self, users: int, megabytes: float) -> None:
        if users > _GATEWAY_GIVES_UP:
            raise GatewayError
        limit = int(megabytes * _MEGABYTE)
        if users * _BYTES_PER_USER > limit:
            raise FatalError(
                f"Allowed memory size of {limit} bytes exhausted (tried to allocate 20480 bytes)",
                line="libs/picodb/lib/PicoDb/Table.php:267",
            )


# --- groups and who is in them --------------------------------------------------------------------


class GroupProcedures(Procedures):
    """Procedures on groups, for administrators. Nothing is validated but by the database."""

    application_role = APP_ADMIN

    def createGroup(self, name: Any, external_id: Any = "") -> Any:
        """Return the id of a new group, or false if the name is taken; it may be empty."""
        values = {"name": php.text(name), "external_id": php.text(external_id)}
        return self._store.insert("groups", values) or False

    def updateGroup(self, group_id: Any, name: Any = None, external_id: Any = None) -> Any:
        """Return true, for an unknown id too; false if the name is taken."""
        values = {"name": php.text(name), "external_id": php.text(external_id)}
        given = {key: value for key, value in values.items() if value is not None}
        return self._store.update("groups", group_id, given)

    def removeGroup(self, group_id: Any) -> Any:
        """Return whether there was such a group; its members and its access go with it."""
        return self._store.change("DELETE FROM groups WHERE id = ?", self._id(group_id)) > 0

    def getGroup(self, group_id: Any) -> Any:
        """Return a group's row, or null."""
        sql = "SELECT id, external_id, name FROM groups WHERE id = ?"
        row = self._store.row(sql, self._id(group_id))
        return row and _named_row(row)

    def getAllGroups(self) -> Any:
        """Return all groups by name, with how many are in them."""
        rows = self._store.rows(
            "SELECT id, name, external_id,"
            " (SELECT COUNT(*) FROM group_has_users WHERE group_id = groups.id)"
            " FROM groups ORDER BY name_key, id"
        )
        columns = ("id", "name", "external_id", "nb_users")
        return [dict(zip(columns, row, strict=True)) for row in rows]


class GroupMemberProcedures(Procedures):
    """Procedures on the members of groups, for administrators."""

    application_role = APP_ADMIN

    def getMemberGroups(self, user_id: Any) -> Any:
        """Return the groups of a user by name; none for an unknown one."""
        rows = self._store.rows(
            "SELECT id, external_id, name FROM groups"
            " JOIN group_has_users ON group_id = id WHERE user_id = ? ORDER BY name_key, id",
            self._id(user_id),
        )
        return [_named_row(row) for row in rows]

    def getGroupMembers(self, group_id: Any) -> Any:
        """Return the members with their whole user rows, disabled ones too."""
        shape: Shape = self._backend.shapes.user
        rows = self._store.rows(
            f"SELECT group_id, user_id, {shape.select} FROM group_has_users"  # noqa: S608
            " JOIN users ON users.id = user_id WHERE group_id = ? ORDER BY user_id",
            self._id(group_id),
        )
        return [{"group_id": row[0], "user_id": row[1]} | shape.row(row[2:]) for row in rows]

    def addGroupMember(self, group_id: Any, user_id: Any) -> Any:
        """Return whether the user was put in; false also if it was in already or one is unknown."""
        values = self._stored_ids("group_has_users", group_id=group_id, user_id=user_id)
        return self._store.insert("group_has_users", values) is not None

    def removeGroupMember(self, group_id: Any, user_id: Any) -> Any:
        """Return whether the user was in."""
        sql = "DELETE FROM group_has_users WHERE group_id = ? AND user_id = ?"
        return self._store.change(sql, self._id(group_id), self._id(user_id)) > 0

    def isGroupMember(self, group_id: Any, user_id: Any) -> Any:
        """Return whether the user is in."""
        sql = "SELECT 1 FROM group_has_users WHERE group_id = ? AND user_id = ?"
        return self._store.row(sql, self._id(group_id), self._id(user_id)) is not None


def _named_row(row: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip(("id", "external_id", "name"), row, strict=True))
