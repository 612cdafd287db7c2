"""The server itself: its version and the roles it has built in."""

from typing import Any

from kanport.sandbox.procedures.base import (
    APP_ADMIN,
    APP_MANAGER,
    APP_USER,
    PROJECT_MANAGER,
    PROJECT_MEMBER,
    PROJECT_VIEWER,
    Procedures,
)


class AppProcedures(Procedures):
    """Procedures that anybody who is authenticated may call."""

    def getVersion(self) -> Any:
        """Give the version string, which need not be a number."""
        return self._backend.options.version

    def getApplicationRoles(self) -> Any:
        """Give the roles that a user can have."""
        return {APP_ADMIN: "Administrator", APP_MANAGER: "Manager", APP_USER: "User"}

    def getProjectRoles(self) -> Any:
        """Give the built-in roles of a membership; custom roles of projects are not listed."""
        return {
            PROJECT_MANAGER: "Project Manager",
            PROJECT_MEMBER: "Project Member",
            PROJECT_VIEWER: "Project Viewer",
        }
