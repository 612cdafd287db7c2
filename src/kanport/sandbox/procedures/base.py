"""What every procedure can reach, and who is asking.

Exchanges are numbered as `kanport.sandbox` says.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from kanport.records import dataclass
from kanport.sandbox import php
from kanport.sandbox.database import Shapes
from kanport.sandbox.dialects import Dialect, RefusedError
from kanport.sandbox.options import SandboxOptions
from kanport.sandbox.store import Hasher, Store

APP_ADMIN, APP_MANAGER, APP_USER = "app-admin", "app-manager", "app-user"
PROJECT_MANAGER, PROJECT_MEMBER, PROJECT_VIEWER = (
    "project-manager",
    "project-member",
    "project-viewer",
)

_PROJECT_RANKS = {PROJECT_MANAGER: 1, PROJECT_MEMBER: 2, PROJECT_VIEWER: 3}


@dataclass(frozen=True)
class Backend:
    """What all requests share."""

    options: SandboxOptions
    dialect: Dialect
    store: Store
    hasher: Hasher
    shapes: Shapes
    now: Callable[[], float] = time.time
    clock: Callable[[], float] = time.monotonic

    def check_time(self, request: "SandboxRequest") -> None:
        """End a request that has run longer than `max_execution_time`."""
        limit = self.options.time_limit
        if limit is not None and self.clock() > request.started + limit:
            seconds = "second" if limit == 1 else "seconds"
            raise php.FatalError(
                f"Maximum execution time of {limit:g} {seconds} exceeded",
                line="app/Model/UserModel.php:263",
            )


@dataclass
class SandboxRequest:
    """One HTTP request while it is carried out.

    Args:
        started: when PHP began with it, by the clock of the backend.
        user: the row of the user who asks; None stands for the application token.
        carried_out: how many procedures were run to their end or to an error object.
    """

    started: float
    user: Mapping[str, Any] | None = None
    carried_out: int = 0


class Procedures:
    """A class of procedures. Public methods are procedures; names and parameters are Kanboard's.

    Args:
        backend: what all requests share.
        request: the request that is being carried out.
    """

    application_role: ClassVar[str] = APP_USER
    """The least role of a user who may call these; the application token may call them all."""
    role_exceptions: ClassVar[Mapping[str, str]] = {}
    """Procedures of the class that need another role."""

    def __init__(self, backend: Backend, request: SandboxRequest):
        self._backend = backend
        self._request = request
        self._store = backend.store
        self._dialect = backend.dialect

    def _id(self, value: Any) -> str | None:
        return self._dialect.number(value)

    def _stored_ids(self, table: str, **ids: Any) -> dict[str, str | None]:
        return {
            column: self._dialect.stored_number(value, column=f"{table}.{column}")
            for column, value in ids.items()
        }

    def _check_project(self, project_id: Any, role: str = PROJECT_VIEWER) -> None:
        """Refuse a user without that role in the project; app-admin makes no difference.

        A custom role is on no list, so its holders are refused everything.
        """
        user = self._request.user
        if user is None:
            return
        held = None if php.is_blank(project_id) else self._role_of(project_id, user["id"])
        allowed = {
            PROJECT_MANAGER: (PROJECT_MANAGER,),
            PROJECT_VIEWER: (PROJECT_MANAGER, PROJECT_MEMBER, PROJECT_VIEWER),
        }[role]
        if held not in allowed:
            raise RefusedError.forbidden()

    def _role_of(self, project_id: Any, user_id: Any) -> str:
        """Return the direct role, without one the highest of the groups, without any an empty text.

        Custom roles rank with project-manager, and among equals the oldest row wins (access
        recording, exchanges 24 to 31).
        """
        project, user = self._id(project_id), self._id(user_id)
        direct: str | None = self._store.value(
            "SELECT role FROM project_has_users WHERE project_id = ? AND user_id = ?", project, user
        )
        if not php.is_blank(direct):
            return direct or ""
        through_groups: list[str] = [
            role
            for (role,) in self._store.rows(
                "SELECT access.role FROM project_has_groups access"
                " JOIN group_has_users member ON member.group_id = access.group_id"
                " WHERE access.project_id = ? AND member.user_id = ? ORDER BY access.rowid",
                project,
                user,
            )
        ]
        highest = min(through_groups, key=lambda role: _PROJECT_RANKS.get(role, 1), default="")
        return "" if php.is_blank(highest) else highest


# --- the server itself: its version and the roles it has built in ---------------------------------


class AppProcedures(Procedures):
    """Procedures that anybody who is authenticated may call."""

    def getVersion(self) -> Any:
        """Return the version string, which need not be a number."""
        return self._backend.options.version

    def getApplicationRoles(self) -> Any:
        """Return the roles that a user can have."""
        return {APP_ADMIN: "Administrator", APP_MANAGER: "Manager", APP_USER: "User"}

    def getProjectRoles(self) -> Any:
        """Return the built-in roles of a membership; custom roles of projects are not listed."""
        return {
            PROJECT_MANAGER: "Project Manager",
            PROJECT_MEMBER: "Project Member",
            PROJECT_VIEWER: "Project Viewer",
        }
