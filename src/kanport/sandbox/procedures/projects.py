"""The procedures about projects, memberships and group access.

Exchanges are numbered as `kanport.sandbox` says.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

from kanport.sandbox import php, rules
from kanport.sandbox.procedures.base import (
    APP_ADMIN,
    APP_MANAGER,
    PROJECT_MANAGER,
    PROJECT_MEMBER,
    PROJECT_VIEWER,
    Backend,
    Procedures,
)

_OWN_SESSION_HIDES = ("password", "is_admin", "is_project_admin", "twofactor_secret")


class ProjectProcedures(Procedures):
    """Procedures on projects. With the application token every project can be reached."""

    role_exceptions: ClassVar[Mapping[str, str]] = {
        "getAllProjects": APP_ADMIN,
        "createProject": APP_MANAGER,
    }

    def getProjectById(self, project_id: Any) -> Any:
        """Return a project, or null."""
        self._check_project(project_id)
        return self._project("projects.id = ?", self._id(project_id))

    def getProjectByName(self, name: Any) -> Any:
        """Return the oldest of the projects with this name, or false."""
        wanted = php.text(name)
        key = None if wanted is None else self._dialect.key(wanted)
        return self._checked(self._project("projects.name_key = ?", key))

    def getProjectByIdentifier(self, identifier: Any) -> Any:
        """Return the project with this identifier in any case, or false."""
        if php.is_blank(identifier):
            return False
        key = self._dialect.key(_capitals(identifier))
        return self._checked(self._project("projects.identifier_key = ?", key))

    def getAllProjects(self) -> Any:
        """Return all projects by name, closed ones too."""
        shape = self._backend.shapes.project
        rows = self._store.rows(shape.query("ORDER BY name_key, id"))
        return [self._linked(shape.row(row)) for row in rows]

    def createProject(
        self,
        name: Any,
        description: Any = None,
        owner_id: Any = 0,
        identifier: Any = None,
        start_date: Any = None,
        end_date: Any = None,
        priority_default: Any = None,
        priority_start: Any = None,
        priority_end: Any = None,
        email: Any = None,
    ) -> Any:
        """Return the id of a new project, or false.

        Its owner becomes a member only if it was created by a user (exchange 76).
        """
        user = self._request.user
        if owner_id == 0 and not isinstance(owner_id, bool) and user is not None:
            owner_id = user["id"]
        values = {
            "name": name,
            "description": description,
            "identifier": identifier,
            "start_date": start_date,
            "end_date": end_date,
            "priority_default": priority_default,
            "priority_start": priority_start,
            "priority_end": priority_end,
            "email": email,
        }
        return new_project(self._backend, values, owner_id=owner_id, join=user is not None)

    def removeProject(self, project_id: Any) -> Any:
        """Return whether there was such a project; its memberships go with it."""
        self._check_project(project_id, PROJECT_MANAGER)
        return self._store.change("DELETE FROM projects WHERE id = ?", self._id(project_id)) > 0

    def enableProject(self, project_id: Any) -> Any:
        """Return whether there is such a project, and open it."""
        return self._set_active(project_id, 1)

    def disableProject(self, project_id: Any) -> Any:
        """Return whether there is such a project, and close it; its members stay."""
        return self._set_active(project_id, 0)

    def _set_active(self, project_id: Any, active: int) -> bool:
        self._check_project(project_id, PROJECT_MANAGER)
        sql = "UPDATE projects SET is_active = ? WHERE id = ?"
        return self._store.change(sql, active, self._id(project_id)) > 0

    def _project(self, condition: str, value: str | None) -> dict[str, Any] | None:
        shape = self._backend.shapes.project
        row = self._store.row(shape.query(f"WHERE {condition} ORDER BY id LIMIT 1"), value)
        return None if row is None else self._linked(shape.row(row))

    def _linked(self, project: dict[str, Any]) -> dict[str, Any]:
        base = self._backend.options.base_url
        links = {place: f"{base}/{place}/{project['id']}" for place in ("board", "list")}
        return project | {"url": links}

    def _checked(self, project: dict[str, Any] | None) -> dict[str, Any] | bool:
        if project is None:
            return False
        self._check_project(project["id"])
        return project


class MeProcedures(Procedures):
    """Procedures about the user who asks; the application token is nobody (exchange 173)."""

    def getMe(self) -> Any:
        """Return the row of the user who asks, without the worst of its secrets."""
        shape = self._backend.shapes.user
        row = self._store.row(shape.query("WHERE id = ?"), self._own_id())
        own = {} if row is None else shape.row(row)
        flags = {name: bool(own.get(name)) for name in ("is_ldap_user", "twofactor_activated")}
        # Kanboard takes the hidden ones away only where they have a value.
        return {
            name: value
            for name, value in (own | flags).items()
            if name not in _OWN_SESSION_HIDES or value is None
        }

    def createMyPrivateProject(self, name: Any, description: Any = None) -> Any:
        """Return the id of a new private project with its owner as manager, or false."""
        values = {"name": name, "description": description, "is_private": 1}
        return new_project(self._backend, values, owner_id=self._own_id(), join=True)

    def _own_id(self) -> Any:
        return self._request.user["id"] if self._request.user is not None else None


def new_project(
    backend: Backend, values: Mapping[str, Any], *, owner_id: Any, join: bool
) -> int | bool:
    """Store a project and return its id; false if a rule fails or the owner does not exist.

    Args:
        backend: with the store.
        values: the columns that were given; null means not given.
        owner_id: its owner; none if blank.
        join: whether the owner becomes project manager.
    """
    given = {key: value for key, value in values.items() if value is not None}
    if not php.is_blank(given.get("identifier")):
        given["identifier"] = _capitals(given["identifier"])
    store = backend.store
    if not rules.project_is_valid(store, given):
        return False
    owned = not php.is_blank(owner_id)
    owner = backend.dialect.number(owner_id)
    if owned and store.row("SELECT 1 FROM users WHERE id = ?", owner) is None:
        return False
    columns = {
        key: value if key == "is_private" else php.text(value) for key, value in given.items()
    }
    columns |= {"last_modified": int(backend.now()), "owner_id": owner}
    with store.transaction():
        project_id = store.insert("projects", columns)
        if project_id is not None and join and owned:
            member = {"project_id": project_id, "user_id": owner, "role": PROJECT_MANAGER}
            store.insert("project_has_users", member)
    return project_id or False


def _capitals(value: Any) -> str:
    if isinstance(value, (list, dict)):
        raise php.TypeMismatchError(
            "TypeError: strtoupper(): Argument #1 ($string) must be of type string, array given",
            line="app/Validator/ProjectValidator.php:54",
            frames=("strtoupper()",),
        )
    return php.upper(php.text(value) or "")


# --- who has access to a project, directly or through a group -------------------------------------


class PermissionProcedures(Procedures):
    """Procedures on the members and groups of a project."""

    def getProjectUsers(self, project_id: Any) -> Any:
        """Return names by user id, direct members and members of groups, disabled ones too.

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
        """Return names by user id of active members with a role above viewer on either way."""
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
        """Return the role of a user, or an empty text."""
        self._check_project(project_id)
        return self._role_of(project_id, user_id)

    def addProjectUser(self, project_id: Any, user_id: Any, role: Any = PROJECT_MEMBER) -> Any:
        """Return whether a direct membership was added; an existing one keeps its role."""
        self._check_project(project_id, PROJECT_MANAGER)
        return self._add("project_has_users", "user_id", project_id, user_id, role)

    def changeProjectUserRole(self, project_id: Any, user_id: Any, role: Any) -> Any:
        """Return true, whether or not there is a direct membership to change."""
        self._check_project(project_id, PROJECT_MANAGER)
        return self._change("project_has_users", "user_id", project_id, user_id, role)

    def removeProjectUser(self, project_id: Any, user_id: Any) -> Any:
        """Return whether there was a direct membership."""
        self._check_project(project_id, PROJECT_MANAGER)
        return self._remove("project_has_users", "user_id", project_id, user_id)

    def addProjectGroup(self, project_id: Any, group_id: Any, role: Any = PROJECT_MEMBER) -> Any:
        """Return whether the group was given access; one that has it keeps its role."""
        self._check_project(project_id, PROJECT_MANAGER)
        return self._add("project_has_groups", "group_id", project_id, group_id, role)

    def changeProjectGroupRole(self, project_id: Any, group_id: Any, role: Any) -> Any:
        """Return true, whether or not the group has access."""
        self._check_project(project_id, PROJECT_MANAGER)
        return self._change("project_has_groups", "group_id", project_id, group_id, role)

    def removeProjectGroup(self, project_id: Any, group_id: Any) -> Any:
        """Return whether the group had access."""
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
    """Return the full name, or where that is blank the username, by id."""
    return {row_id: username if php.is_blank(name) else name for row_id, name, username in rows}
