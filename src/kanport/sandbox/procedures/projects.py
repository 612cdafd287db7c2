"""Projects, and what a user can do for itself."""

from collections.abc import Mapping
from typing import Any, ClassVar

from kanport.sandbox import php, rules
from kanport.sandbox.procedures.base import (
    APP_ADMIN,
    APP_MANAGER,
    PROJECT_MANAGER,
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
        """Give a project, or null."""
        self._check_project(project_id)
        return self._project("projects.id = ?", self._id(project_id))

    def getProjectByName(self, name: Any) -> Any:
        """Give the oldest of the projects with this name, or false."""
        wanted = php.text(name)
        key = None if wanted is None else self._dialect.key(wanted)
        return self._checked(self._project("projects.name_key = ?", key))

    def getProjectByIdentifier(self, identifier: Any) -> Any:
        """Give the project with this identifier in any case, or false."""
        if php.is_blank(identifier):
            return False
        key = self._dialect.key(_capitals(identifier))
        return self._checked(self._project("projects.identifier_key = ?", key))

    def getAllProjects(self) -> Any:
        """Give all projects by name, closed ones too."""
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
        """Give the id of a new project, or false.

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
        """Tell whether there was such a project; its memberships go with it."""
        self._check_project(project_id, PROJECT_MANAGER)
        return self._store.change("DELETE FROM projects WHERE id = ?", self._id(project_id)) > 0

    def enableProject(self, project_id: Any) -> Any:
        """Tell whether there is such a project, and open it."""
        return self._set_active(project_id, 1)

    def disableProject(self, project_id: Any) -> Any:
        """Tell whether there is such a project, and close it; its members stay."""
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
        """Give the row of the user who asks, without the worst of its secrets."""
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
        """Give the id of a new private project with its owner as manager, or false."""
        values = {"name": name, "description": description, "is_private": 1}
        return new_project(self._backend, values, owner_id=self._own_id(), join=True)

    def _own_id(self) -> Any:
        return self._request.user["id"] if self._request.user is not None else None


def new_project(
    backend: Backend, values: Mapping[str, Any], *, owner_id: Any, join: bool
) -> int | bool:
    """Store a project and give its id; false if a rule fails or the owner does not exist.

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
