"""The procedures of Kanboard's API as typed calls, and what their answers look like.

Parameters go by name: Kanboard ignores a name that it does not know without a word, so a test
holds these names against the exchanges with a real server in tests/contract/recordings. What an
answer means is never taken for granted: everything written is read back.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from kanport.fields import ACTIVE, UPDATABLE, USER_FIELDS, Holds, attributes
from kanport.kanboard.rpc import Call
from kanport.model import Group, Project, User

T = TypeVar("T")

# No database has ids of more than 63 bits.
_LARGEST_ID = 2**63 - 1
_MOST_DIGITS = len(str(_LARGEST_ID))
# Every procedure here that changes something. Reading never sends one of these.
WRITING = frozenset(
    {
        "createUser",
        "createLdapUser",
        "updateUser",
        "enableUser",
        "disableUser",
        "removeUser",
        "addProjectUser",
        "changeProjectUserRole",
        "removeProjectUser",
        "createGroup",
        "updateGroup",
        "removeGroup",
        "addGroupMember",
        "removeGroupMember",
        "addProjectGroup",
        "changeProjectGroupRole",
        "removeProjectGroup",
        "createProject",
    }
)


# --- reading --------------------------------------------------------------------------------------


def get_version() -> Call:
    """Ask for the version: "1.2.53", or "main.<commit>" from a checkout; any text is possible."""
    return Call("getVersion")


def get_all_users() -> Call:
    """Ask for all users, disabled ones too, in one answer: the API has no paging.

    About 600 bytes a user; outgrows PHP's memory_limit of 128 MB between 20,000 and 50,000 users.
    """
    return Call("getAllUsers")


def get_all_projects() -> Call:
    """Ask for all projects, closed and private ones too."""
    return Call("getAllProjects")


def get_project_by_id(project_id: int) -> Call:
    """Ask for one project's row by id, closed and private ones too; null where there is none."""
    return Call("getProjectById", {"project_id": project_id})


def get_all_groups() -> Call:
    """Ask for all groups, without their members."""
    return Call("getAllGroups")


def get_user(user_id: int) -> Call:
    """Ask for one user's row by id; null where there is none."""
    return Call("getUser", {"user_id": user_id})


def get_user_by_name(username: str) -> Call:
    """Ask for one user's row; null where there is none.

    Compared as the database does: SQLite and PostgreSQL tell case apart, MariaDB does not.
    """
    return Call("getUserByName", {"username": username})


def is_active_user(user_id: int) -> Call:
    """Ask whether a user is active; false for an unknown id as well."""
    return Call("isActiveUser", {"user_id": user_id})


def get_project_users(project_id: int) -> Call:
    """Ask who is in a project, directly or through a group, disabled users too.

    The answer maps ids (as text) to display names; `{}` and, before 1.0.38, `[]` where it is empty.
    """
    return Call("getProjectUsers", {"project_id": project_id})


def get_project_user_role(project_id: int, user_id: int) -> Call:
    """Ask for a user's role in a project; "" for none, and for a role that was stored empty.

    A direct role wins over one through a group even where it is lower.
    """
    return Call("getProjectUserRole", {"project_id": project_id, "user_id": user_id})


def get_group_members(group_id: int) -> Call:
    """Ask for the user rows of a group's members, disabled ones too; [] for an unknown group."""
    return Call("getGroupMembers", {"group_id": group_id})


def get_member_groups(user_id: int) -> Call:
    """Ask for the groups of a user; [] for an unknown one."""
    return Call("getMemberGroups", {"user_id": user_id})


def get_group(group_id: int) -> Call:
    """Ask for one group's row by id; null where there is none."""
    return Call("getGroup", {"group_id": group_id})


def is_group_member(group_id: int, user_id: int) -> Call:
    """Ask whether a user is in a group; false for unknown ids as well."""
    return Call("isGroupMember", {"group_id": group_id, "user_id": user_id})


def get_project_by_identifier(identifier: str) -> Call:
    """Ask for one project's row by its identifier in any case; false where there is none."""
    return Call("getProjectByIdentifier", {"identifier": identifier})


def get_project_by_name(name: str) -> Call:
    """Ask for one project's row by name; false where there is none, any one where several are."""
    return Call("getProjectByName", {"name": name})


# --- writing --------------------------------------------------------------------------------------


def create_user(username: str, password: str, **values: str | bool) -> Call:
    """Create a user; the answer is the new id, or false without a reason.

    `values` are by name of the field; what is missing is empty, and the role app-user. A password
    needs 6 characters at least; bcrypt ignores all after 72 bytes.
    """
    new = {field.column: field.new for field in UPDATABLE if field.new is not None}
    params = {"username": username, "password": password, **new}
    return Call("createUser", _by_column(values, params))


def create_ldap_user(username: str) -> Call:
    """Have Kanboard create a user from its own LDAP; the answer is the new id, or false.

    False for a name that its LDAP does not know, for one that is taken, for a login to LDAP that
    fails, and always where its LDAP_BIND_TYPE is "user"; an error with code 0 where no LDAP server
    is configured or can be reached. Name, email and role come from there, the username in small
    letters (unless LDAP_USERNAME_CASE_SENSITIVE).
    """
    return Call("createLdapUser", {"username": username})


def update_user(user_id: int, **values: str | bool) -> Call:
    """Change fields, which are given by name; "" clears one. True even for an unknown id.

    Raises ValueError where nothing is given: Kanboard makes broken SQL of that.
    """
    if not values:
        raise ValueError("an update needs at least one field")
    return Call("updateUser", _by_column(values, {"id": user_id}))


def _by_column(values: Mapping[str, str | bool], params: dict[str, Any]) -> dict[str, Any]:
    """Put values of fields into the parameters of a call, and return these."""
    for name, value in values.items():
        params[_COLUMN_OF[name]] = value
    return params


def enable_user(user_id: int) -> Call:
    """Enable a user; true even for an unknown id. Closed private projects stay closed."""
    return Call("enableUser", {"user_id": user_id})


def disable_user(user_id: int) -> Call:
    """Disable a user, which closes their private projects; true even for an unknown id."""
    return Call("disableUser", {"user_id": user_id})


def remove_user(user_id: int) -> Call:
    """Remove a user with every private project they have a part in; false for an unknown id."""
    return Call("removeUser", {"user_id": user_id})


def add_project_user(project_id: int, user_id: int, role: str) -> Call:
    """Add somebody to a project directly. The role is not checked by the server.

    False where they are a direct member already (the role stays) and for unknown ids alike.
    """
    return Call("addProjectUser", {"project_id": project_id, "user_id": user_id, "role": role})


def change_project_user_role(project_id: int, user_id: int, role: str) -> Call:
    """Change a direct member's role; true without effect for everybody else."""
    return Call(
        "changeProjectUserRole", {"project_id": project_id, "user_id": user_id, "role": role}
    )


def remove_project_user(project_id: int, user_id: int) -> Call:
    """End a direct membership; false where there is none, such as for access through a group."""
    return Call("removeProjectUser", {"project_id": project_id, "user_id": user_id})


def create_group(name: str, external_id: str = "") -> Call:
    """Create a group; the answer is the new id, or false where the name is taken."""
    return Call("createGroup", {"name": name, "external_id": external_id})


def update_group(group_id: int, *, name: str | None = None, external_id: str | None = None) -> Call:
    """Change the fields given; true even for an unknown id, false where the name is taken."""
    fields = {"name": name, "external_id": external_id}
    given = {field: value for field, value in fields.items() if value is not None}
    return Call("updateGroup", {"group_id": group_id, **given})


def remove_group(group_id: int) -> Call:
    """Remove a group, its members and its access; false for an unknown id."""
    return Call("removeGroup", {"group_id": group_id})


def add_group_member(group_id: int, user_id: int) -> Call:
    """Put a user into a group; false where they are in it already and for unknown ids alike."""
    return Call("addGroupMember", {"group_id": group_id, "user_id": user_id})


def remove_group_member(group_id: int, user_id: int) -> Call:
    """Remove a user from a group; false where they are not in it."""
    return Call("removeGroupMember", {"group_id": group_id, "user_id": user_id})


def add_project_group(project_id: int, group_id: int, role: str) -> Call:
    """Grant a group access to a project. The role is not checked by the server.

    False where it has access already (the role stays) and for unknown ids alike.
    """
    return Call("addProjectGroup", {"project_id": project_id, "group_id": group_id, "role": role})


def change_project_group_role(project_id: int, group_id: int, role: str) -> Call:
    """Change the role of a group that has access; true without effect for every other one."""
    return Call(
        "changeProjectGroupRole", {"project_id": project_id, "group_id": group_id, "role": role}
    )


def remove_project_group(project_id: int, group_id: int) -> Call:
    """End a group's access; false where it has none, and for unknown ids."""
    return Call("removeProjectGroup", {"project_id": project_id, "group_id": group_id})


def create_project(
    name: str,
    *,
    identifier: str | None = None,
    owner_id: int | None = None,
    description: str | None = None,
) -> Call:
    """Create a project; the answer is the new id, or false.

    False for an identifier that is taken or not alphanumeric, and for an unknown owner. The owner
    does not become a member if the call uses the application token.
    """
    fields = {"identifier": identifier, "owner_id": owner_id, "description": description}
    given = {field: value for field, value in fields.items() if value is not None}
    return Call("createProject", {"name": name, **given})


# --- answers --------------------------------------------------------------------------------------


def number(value: object) -> int | None:
    """Return an id, which is text on SQLite and MySQL with PHP before 8.1; None for no number.

    >>> [number(value) for value in (7, "7", "", None, True, "x", 0, 2**63, str(2**63))]
    [7, 7, None, None, None, None, None, None, None]
    >>> number(2**63 - 1) == number(str(2**63 - 1)) == 2**63 - 1
    True
    """
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value) if len(value) <= _MOST_DIGITS else None
    return value if type(value) is int and 0 < value <= _LARGEST_ID else None


def flag(value: object) -> bool:
    """Return a yes or no, which is a boolean on PostgreSQL, else a number or its text.

    >>> [flag(value) for value in (True, 1, "1", "t", "true", False, 0, "0", "f", "", None)]
    [True, True, True, True, True, False, False, False, False, False, False]
    """
    if isinstance(value, str):
        return value.lower() in ("1", "t", "true")
    return value is True or (type(value) is int and value == 1)


def text(value: object) -> str:
    """Return a text: null is empty, and a lone surrogate, which fits in no file, is replaced.

    >>> text(None), text("Zoë"), text(4711)
    ('', 'Zoë', '4711')
    """
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    return str(value) if type(value) is int else ""


def role_from(value: object) -> str:
    """Return the role in an answer of getProjectUserRole; none is "" (or null, or false)."""
    return value if isinstance(value, str) else ""


def user_from_row(row: object, *, active: bool | None = None) -> User | None:
    """Return the user of a row, without hashes and tokens; None where it is no user's row.

    `active` is for rows that do not say so themselves (see `says_active`).
    """
    user_id = user_id_in(row)
    if user_id is None or not isinstance(row, dict):
        return None
    values: dict[str, str | bool] = {
        name: understand(row.get(column)) for name, (column, understand) in _USER_COLUMNS.items()
    }
    if active is not None or not says_active(row):
        values[ACTIVE.name] = active is True
    two_factor = row.get("twofactor_activated")
    return User(
        user_id,
        **attributes(values),
        two_factor=None if two_factor is None else flag(two_factor),
    )


def user_id_in(row: object) -> int | None:
    """Return the id of the user of a row; None where it is no user's row."""
    return number(row.get("id")) if isinstance(row, dict) and "username" in row else None


def other_values(row: Mapping[str, Any], wanted: Mapping[str, str | bool]) -> dict[str, str | bool]:
    """Return the values that a user's row has, by field, where they are not the wanted ones."""
    return {
        name: has
        for name, wish in wanted.items()
        # Nearly always the column has the very text, which needs no understanding.
        if row.get(_COLUMN_OF[name]) != wish and (has := user_value(row, name)) != wish
    }


def user_value(row: Mapping[str, Any], name: str) -> str | bool:
    """Return the value of one field of a user's row.

    A whole row that does not say whether the user is active comes from a server on which nobody can
    be disabled.
    """
    column, understand = _USER_COLUMNS[name]
    value = row.get(column)
    return True if value is None and name == ACTIVE.name else understand(value)


_COLUMN_OF = {field.name: field.column for field in USER_FIELDS}
_USER_COLUMNS: Mapping[str, tuple[str, Callable[[object], str | bool]]] = {
    field.name: (field.column, flag if field.holds is Holds.FLAG else text) for field in USER_FIELDS
}


def says_active(row: object) -> bool:
    """Return whether a user's row says if the user is active; the old, documented one does not."""
    return isinstance(row, dict) and row.get(ACTIVE.column) is not None


def project_from_row(row: object) -> Project | None:
    """Return the project of a row; None where it is no project's row."""
    if not isinstance(row, dict):
        return None
    project_id = number(row.get("id"))
    if project_id is None or "name" not in row:
        return None
    return Project(
        id=project_id,
        name=text(row["name"]),
        identifier=text(row.get("identifier")),
        active=flag(row.get("is_active", True)),
        private=flag(row.get("is_private")),
        # 0 stands for nobody.
        owner_id=number(row.get("owner_id")) or None,
        description=text(row.get("description")),
    )


def group_from_row(row: object, members: frozenset[int] = frozenset()) -> Group | None:
    """Return the group of a row with these members' ids; None where it is no group's row."""
    if not isinstance(row, dict):
        return None
    group_id = number(row.get("id"))
    if group_id is None or "name" not in row:
        return None
    return Group(group_id, text(row["name"]), text(row.get("external_id")), members)


def all_or_none(things: Iterable[T | None]) -> list[T] | None:
    """Return all of the things, or None where one of them is missing."""
    found: list[T] = []
    for thing in things:
        if thing is None:
            return None
        found.append(thing)
    return found


def rows_of(value: object) -> list[Any] | None:
    """Return the rows of an answer; None where it is none.

    PHP writes a list whose keys have gaps as an object, and an empty object as a list.
    """
    if isinstance(value, list):
        return value
    return list(value.values()) if isinstance(value, dict) else None


def member_ids(value: object) -> frozenset[int] | None:
    """Return the ids in an answer of getProjectUsers; None where it is none.

    A group without members that has access is listed as nobody: `{"": null}` (seen on 1.2.53).

    >>> sorted(member_ids({"2": "Ada", "10": ""})), member_ids([]), member_ids(["Ada"])
    ([2, 10], frozenset(), None)
    >>> member_ids({"": None, "2": "Ada"})
    frozenset({2})
    """
    if value == []:
        return frozenset()
    if not isinstance(value, dict):
        return None
    keys = [key for key in value if key != "" or value[key] is not None]
    whole = "".join(keys)
    if whole.isascii() and whole.isdigit() and all(keys) and max(map(len, keys)) < _MOST_DIGITS:
        # The same as below for thousands of ids at once, several times as fast. With fewer digits
        # than the largest id, all are in range.
        found = frozenset(map(int, keys))
        return None if 0 in found else found
    ids = {number(key) for key in keys}
    return None if None in ids else frozenset(user_id for user_id in ids if user_id is not None)
