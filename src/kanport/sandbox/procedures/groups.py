"""Groups and who is in them."""

from typing import Any

from kanport.sandbox import php
from kanport.sandbox.procedures.base import APP_ADMIN, Procedures
from kanport.sandbox.schema import Shape


class GroupProcedures(Procedures):
    """Procedures on groups, for administrators. Nothing is validated but by the database."""

    application_role = APP_ADMIN

    def createGroup(self, name: Any, external_id: Any = "") -> Any:
        """Give the id of a new group, or false if the name is taken; it may be empty."""
        values = {"name": php.text(name), "external_id": php.text(external_id)}
        return self._store.insert("groups", values) or False

    def updateGroup(self, group_id: Any, name: Any = None, external_id: Any = None) -> Any:
        """Give true, for an unknown id too; false if the name is taken."""
        values = {"name": php.text(name), "external_id": php.text(external_id)}
        given = {key: value for key, value in values.items() if value is not None}
        return self._store.update("groups", group_id, given)

    def removeGroup(self, group_id: Any) -> Any:
        """Tell whether there was such a group; its members and its access go with it."""
        return self._store.change("DELETE FROM groups WHERE id = ?", self._id(group_id)) > 0

    def getGroup(self, group_id: Any) -> Any:
        """Give a group's row, or null."""
        sql = "SELECT id, external_id, name FROM groups WHERE id = ?"
        row = self._store.row(sql, self._id(group_id))
        return row and _named_row(row)

    def getAllGroups(self) -> Any:
        """Give all groups by name, with how many are in them."""
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
        """Give the groups of a user by name; none for an unknown one."""
        rows = self._store.rows(
            "SELECT id, external_id, name FROM groups"
            " JOIN group_has_users ON group_id = id WHERE user_id = ? ORDER BY name_key, id",
            self._id(user_id),
        )
        return [_named_row(row) for row in rows]

    def getGroupMembers(self, group_id: Any) -> Any:
        """Give the members with their whole user rows, disabled ones too."""
        shape: Shape = self._backend.shapes.user
        rows = self._store.rows(
            f"SELECT group_id, user_id, {shape.select} FROM group_has_users"  # noqa: S608
            " JOIN users ON users.id = user_id WHERE group_id = ? ORDER BY user_id",
            self._id(group_id),
        )
        return [{"group_id": row[0], "user_id": row[1]} | shape.row(row[2:]) for row in rows]

    def addGroupMember(self, group_id: Any, user_id: Any) -> Any:
        """Tell whether the user was put in; false also if it was in already or one is unknown."""
        values = self._stored_ids("group_has_users", group_id=group_id, user_id=user_id)
        return self._store.insert("group_has_users", values) is not None

    def removeGroupMember(self, group_id: Any, user_id: Any) -> Any:
        """Tell whether the user was in."""
        sql = "DELETE FROM group_has_users WHERE group_id = ? AND user_id = ?"
        return self._store.change(sql, self._id(group_id), self._id(user_id)) > 0

    def isGroupMember(self, group_id: Any, user_id: Any) -> Any:
        """Tell whether the user is in."""
        sql = "SELECT 1 FROM group_has_users WHERE group_id = ? AND user_id = ?"
        return self._store.row(sql, self._id(group_id), self._id(user_id)) is not None


def _named_row(row: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip(("id", "external_id", "name"), row, strict=True))
