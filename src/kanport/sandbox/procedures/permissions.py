"""Who has access to a project, directly or through a group.

Nothing here checks a role or tells "already there" from "does not exist" (exchanges 88 to 92), and
nothing lists the groups of a project.
"""

from typing import Any

from kanport.sandbox import php
from kanport.sandbox.procedures.base import (
    PROJECT_MANAGER,
    PROJECT_MEMBER,
    PROJECT_VIEWER,
    Procedures,
)


class PermissionProcedures(Procedures):
    """Procedures on the members and groups of a project."""

    def getProjectUsers(self, project_id: Any) -> Any:
        """Give names by user id, direct members and members of groups, disabled ones too.

        A group without members that has access comes out as nobody, under an empty key: Kanboard
        joins from the left.
        """
        self._check_project(project_id)
        project = self._id(project_id)
        direct = self._store.rows(
            "SELECT id, name, username FROM project_has_users JOIN users ON id = user_id"
            " WHERE project_id = ? ORDER BY username_key",
            project,
        )
        through_groups = self._store.rows(
            "SELECT users.id, users.name, username FROM project_has_groups access"
            " JOIN group_has_users member ON member.group_id = access.group_id"
            " JOIN users ON users.id = member.user_id"
            " WHERE access.project_id = ? ORDER BY username_key",
            project,
        )
        names = php.sorted_by_name(_display_names([*direct, *through_groups]))
        nobody = self._store.row(
            "SELECT 1 FROM project_has_groups access WHERE access.project_id = ? AND NOT EXISTS"
            " (SELECT 1 FROM group_has_users member WHERE member.group_id = access.group_id)",
            project,
        )
        return names if nobody is None else {"": None} | names

    def getAssignableUsers(self, project_id: Any, prepend_unassigned: Any = False) -> Any:
        """Give names by user id of active members with a role above viewer on either way."""
        self._check_project(project_id)
        project = self._id(project_id)
        direct = self._store.rows(
            "SELECT id, name, username FROM project_has_users access JOIN users ON id = user_id"
            " WHERE project_id = ? AND is_active = 1 AND access.role != ? ORDER BY access.rowid",
            project,
            PROJECT_VIEWER,
        )
        through_groups = self._store.rows(
            "SELECT users.id, users.name, username FROM project_has_groups access"
            " JOIN group_has_users member ON member.group_id = access.group_id"
            " JOIN users ON users.id = member.user_id"
            " WHERE access.project_id = ? AND is_active = 1 AND access.role != ?"
            " ORDER BY username_key",
            project,
            PROJECT_VIEWER,
        )
        names = php.sorted_by_name(_display_names([*direct, *through_groups]))
        return names if php.is_blank(prepend_unassigned) else {"0": "Unassigned"} | names

    def getProjectUserRole(self, project_id: Any, user_id: Any) -> Any:
        """Give the role of a user, or an empty text."""
        self._check_project(project_id)
        return self._role_of(project_id, user_id)

    def addProjectUser(self, project_id: Any, user_id: Any, role: Any = PROJECT_MEMBER) -> Any:
        """Tell whether a direct membership was added; an existing one keeps its role."""
        self._check_project(project_id, PROJECT_MANAGER)
        return self._add("project_has_users", "user_id", project_id, user_id, role)

    def changeProjectUserRole(self, project_id: Any, user_id: Any, role: Any) -> Any:
        """Give true, whether or not there is a direct membership to change."""
        self._check_project(project_id, PROJECT_MANAGER)
        return self._change("project_has_users", "user_id", project_id, user_id, role)

    def removeProjectUser(self, project_id: Any, user_id: Any) -> Any:
        """Tell whether there was a direct membership."""
        self._check_project(project_id, PROJECT_MANAGER)
        return self._remove("project_has_users", "user_id", project_id, user_id)

    def addProjectGroup(self, project_id: Any, group_id: Any, role: Any = PROJECT_MEMBER) -> Any:
        """Tell whether the group was given access; one that has it keeps its role."""
        self._check_project(project_id, PROJECT_MANAGER)
        return self._add("project_has_groups", "group_id", project_id, group_id, role)

    def changeProjectGroupRole(self, project_id: Any, group_id: Any, role: Any) -> Any:
        """Give true, whether or not the group has access."""
        self._check_project(project_id, PROJECT_MANAGER)
        return self._change("project_has_groups", "group_id", project_id, group_id, role)

    def removeProjectGroup(self, project_id: Any, group_id: Any) -> Any:
        """Tell whether the group had access."""
        self._check_project(project_id, PROJECT_MANAGER)
        return self._remove("project_has_groups", "group_id", project_id, group_id)

    # Table and column names below come from this class only.

    def _add(self, table: str, column: str, project_id: Any, holder: Any, role: Any) -> bool:
        ids = self._stored_ids(table, project_id=project_id, **{column: holder})
        return self._store.insert(table, ids | {"role": php.text(role)}) is not None

    def _change(self, table: str, column: str, project_id: Any, holder: Any, role: Any) -> bool:
        place = f"WHERE project_id = ? AND {column} = ?"
        ids = (self._id(project_id), self._id(holder))
        held = self._store.row(f"SELECT 1 FROM {table} {place}", *ids)  # noqa: S608
        values = {"role": php.text(role)}
        if held is None:
            return True
        if not self._store.accepts(table, values):
            return False
        self._store.change(f"UPDATE {table} SET role = ? {place}", values["role"], *ids)  # noqa: S608
        return True

    def _remove(self, table: str, column: str, project_id: Any, holder: Any) -> bool:
        sql = f"DELETE FROM {table} WHERE project_id = ? AND {column} = ?"  # noqa: S608
        return self._store.change(sql, self._id(project_id), self._id(holder)) > 0


def _display_names(rows: list[tuple[Any, ...]]) -> dict[int, str]:
    """Give the full name, or where that is blank the username, by id."""
    return {row_id: username if php.is_blank(name) else name for row_id, name, username in rows}
