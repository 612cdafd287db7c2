"""Since when Kanboard's API has which procedure, as its releases from 1.0.22 on show."""

from collections.abc import Mapping

OLDEST = "1.0.31"
"""The first release that has every procedure that Kanport needs."""

SINCE: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "getAllGroups",
            "getGroup",
            "createGroup",
            "updateGroup",
            "removeGroup",
            "getGroupMembers",
            "isGroupMember",
            "addGroupMember",
            "removeGroupMember",
            "getProjectUsers",
            "addProjectUser",
            "changeProjectUserRole",
            "removeProjectUser",
            "addProjectGroup",
            "changeProjectGroupRole",
            "removeProjectGroup",
        ),
        "1.0.24",
    ),
    "getUserByName": "1.0.25",
    "isActiveUser": "1.0.26",
    "enableUser": "1.0.26",
    "disableUser": "1.0.26",
    "getMemberGroups": "1.0.28",
    "getProjectUserRole": "1.0.31",
    "getProjectByIdentifier": "1.0.31",
}
"""The release with which a procedure came; those that are not here are older."""


def came_with(method: str) -> str:
    """Return since when there is a procedure.

    >>> came_with("disableUser"), came_with("createUser")
    ('came with Kanboard 1.0.26', 'is in every Kanboard')
    """
    since = SINCE.get(method)
    return f"came with Kanboard {since}" if since is not None else "is in every Kanboard"
