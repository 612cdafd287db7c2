"""Checks between the parts of a mapping: sources that exist, roles that exist.

They look at the mapping as it was written, whatever its types, so that they run also where other
parts of it are invalid. The models report what has a wrong type. No other rule may use a column
with passwords, because Kanport may show the values of other rules.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from pydantic_core import PydanticCustomError

from kanport.fields import USER_FIELDS, USERNAME, Holds
from kanport.mapping.base import Table, listed, near, problem, quoted, written
from kanport.mapping.patterns import NotAPattern, TooSlow, compiled, template_columns
from kanport.mapping.rules import VALUE_PARTS
from kanport.mapping.yaml_file import KeyPath
from kanport.model import AppRole, ProjectRole
from kanport.names import normalize as in_form

Mistakes = Iterator[PydanticCustomError]

APP_ROLES = tuple(str(role) for role in AppRole)
PROJECT_ROLES = tuple(str(role) for role in ProjectRole)


class Roles(NamedTuple):
    """The roles that a key accepts, and their name in messages."""

    known: tuple[str, ...]
    hint: str


def reference_mistakes(raw: Table) -> Mistakes:
    """Return what is wrong between the parts of a whole mapping, as it was written."""
    sources = raw.get("sources")
    known = tuple(str(name) for name in sources) if isinstance(sources, dict) else ()
    users = raw.get("users")
    if isinstance(users, dict):
        yield from _users(users, known)
    roles = _project_roles(raw.get("custom_roles"))
    for part in ("memberships", "groups", "group_access", "projects"):
        entries = raw.get(part)
        for number, entry in enumerate(entries if isinstance(entries, list | tuple) else ()):
            if isinstance(entry, dict):
                yield from _entry(entry, (part, number), known, roles)
    yield from _custom_roles(raw.get("custom_roles"))
    yield from password_mistakes(raw)


# --- users ----------------------------------------------------------------------------------------


def _users(users: Table, known: tuple[str, ...]) -> Mistakes:
    from_ = written(users, "from")
    many = isinstance(from_, list | tuple)
    names = list(from_) if many else [from_]
    for number, name in enumerate(names):
        at: KeyPath = ("users", "from", number) if many else ("users", "from")
        yield from _source(name, known, at)
        if isinstance(name, str) and name in names[:number]:
            yield problem(f"{quoted(name)} is listed twice", at=at, hint="leave one out")
    used = tuple(name for name in names if isinstance(name, str))
    fields = users.get("fields")
    for field, rule in fields.items() if isinstance(fields, dict) else ():
        if isinstance(rule, dict):
            yield from _field(str(field), rule, used, known)
    password = users.get("password")
    stable_id = users.get("id")
    if isinstance(stable_id, dict):
        yield from _stable_id(stable_id, used, known)
    if isinstance(password, dict):
        at = ("users", "password", "from")
        yield from _columns_by_source(written(password, "from"), used, known, at)


def _field(field: str, rule: Table, used: tuple[str, ...], known: tuple[str, ...]) -> Mistakes:
    at: KeyPath = ("users", "fields", field)
    columns = written(rule, "from")
    yield from _columns_by_source(columns, used, known, (*at, "from"))
    precedence = rule.get("precedence")
    for number, name in enumerate(precedence if isinstance(precedence, list | tuple) else ()):
        yield from _used_source(name, used, known, (*at, "precedence", number), on_key=False)
    holds = next((one.holds for one in USER_FIELDS if one.name == field), Holds.TEXT)
    if field == USERNAME.name:
        yield from _tells_people_apart(rule, columns, used, at)
    elif holds is Holds.ROLE:
        yield from _roles(rule, Roles(APP_ROLES, listed(APP_ROLES)), at)
    elif holds is Holds.FLAG:
        yield from _booleans(rule, at)
    else:
        yield from _texts(rule, at)


def _stable_id(rule: Table, used: tuple[str, ...], known: tuple[str, ...]) -> Mistakes:
    at: KeyPath = ("users", "id")
    columns = written(rule, "from")
    yield from _columns_by_source(columns, used, known, (*at, "from"))
    hint = "take it from a column: {from: Personnel number}"
    for key in ("value", "default"):
        if key in rule:
            yield problem("several people would have the same id", at=(*at, key), hint=hint)
    yield from _texts(rule, at)


def _tells_people_apart(rule: Table, columns: Any, used: Iterable[str], at: KeyPath) -> Mistakes:
    if "value" in rule:
        hint = "take it from a column: {from: Login}"
        yield problem("every row would name the same person", at=(*at, "value"), hint=hint)
    if "default" in rule:
        yield problem(
            "every row without a username would name the same person",
            at=(*at, "default"),
            hint="leave it out: a row without a username is a finding anyway",
        )
    lacking = [name for name in used if isinstance(columns, dict) and name not in columns]
    if lacking:
        yield problem(
            f"the username of {listed(lacking, 'and')} is not said",
            at=(*at, "from"),
            hint=f"add {lacking[0]}: COLUMN",
        )
    yield from _texts(rule, at)


# --- memberships, groups, their access, projects --------------------------------------------------

_RULES = (
    *("username", "project"),
    *("name", "member", "external_id", "group"),
    *("identifier", "owner", "description"),
)


def _entry(entry: Table, at: KeyPath, known: tuple[str, ...], roles: Roles) -> Mistakes:
    source = written(entry, "from")
    yield from _source(source, known, (*at, "from"))
    used = (source,) if isinstance(source, str) else ()
    for place, rule in _rules(entry, at):
        columns = written(rule, "from")
        yield from _columns_by_source(columns, used, known, (*place, "from"))
        if place[-1] != "role":
            yield from _texts(rule, place, numbers=place[len(at)] == "project")
    role, project = entry.get("role"), entry.get("project")
    if isinstance(role, str):
        yield from _role(role, roles, (*at, "role"))
    elif isinstance(role, dict):
        yield from _roles(role, roles, (*at, "role"))
        yield from _part(role, project, (*at, "role", "part"))
    matrix = entry.get("matrix")
    if isinstance(matrix, dict):
        yield from _roles(matrix, roles, (*at, "matrix"))
    given = entry.get("list")
    if at[0] == "group_access" and isinstance(given, dict):
        for group, projects in given.items():
            for name, text in projects.items() if isinstance(projects, dict) else ():
                yield from _role(text, roles, (*at, "list", group, name))


def _rules(entry: Table, at: KeyPath) -> Iterator[tuple[KeyPath, Table]]:
    """Return every rule of an item with its place, also one that says how an id is made."""
    for key in (*_RULES, "role"):
        rule = entry.get(key)
        if isinstance(rule, dict):
            yield (*at, key), rule
            if key == "project" and isinstance(rule.get("id"), dict):
                yield (*at, key, "id"), rule["id"]


def _part(role: Table, project: Any, at: KeyPath) -> Mistakes:
    part = role.get("part")
    if not isinstance(part, str) or not isinstance(project, dict):
        return
    by_id = project.get("id")
    pattern = (by_id if isinstance(by_id, dict) else project).get("match")
    if not isinstance(pattern, str):
        hint = f"give project a match with (?P<{part}>…) in it"
        yield problem("part needs the match of project", at=at, hint=hint)
    elif f"(?P<{part}>" not in pattern:
        yield problem(f"the match of project has no part (?P<{part}>…)", at=at)
    elif part in VALUE_PARTS:
        yield problem(f"the part {part} of match is the project, not the role", at=at)


# --- what several places have in common -----------------------------------------------------------


def _source(name: Any, known: tuple[str, ...], at: KeyPath, *, on_key: bool = False) -> Mistakes:
    if not isinstance(name, str) or not known or name in known:
        return
    close = near(name, known)
    hint = f"did you mean {close}?" if close else f"sources has {listed(known, 'and')}"
    yield problem(f"there is no source {quoted(name)}", at=at, on_key=on_key, hint=hint)


def _used_source(
    name: Any, used: tuple[str, ...], known: tuple[str, ...], at: KeyPath, *, on_key: bool
) -> Mistakes:
    if not isinstance(name, str) or name in used:
        return
    if name not in known:
        yield from _source(name, used or known, at, on_key=on_key)
    elif used:
        message = f"the source {quoted(name)} is not read here"
        hint = f"from names {listed(used, 'and')} only"
        yield problem(message, at=at, on_key=on_key, hint=hint)


def _columns_by_source(
    columns: Any, used: tuple[str, ...], known: tuple[str, ...], at: KeyPath
) -> Mistakes:
    for name in columns if isinstance(columns, dict) else ():
        yield from _used_source(name, used, known, (*at, name), on_key=True)


def _said(rule: Table, at: KeyPath) -> Iterator[tuple[KeyPath, Any]]:
    """Return every value that a rule can have by what the mapping itself says, with its place."""
    for key in ("value", "default"):
        if key in rule:
            yield (*at, key), rule[key]
    table = rule.get("values")
    for key, value in table.items() if isinstance(table, Mapping) else ():
        # A text such as "-" can mean "not given".
        if value != "":
            yield (*at, "values", key), value


def _roles(rule: Table, roles: Roles, at: KeyPath) -> Mistakes:
    for place, role in _said(rule, at):
        yield from _role(role, roles, place)


def _role(role: Any, roles: Roles, at: KeyPath) -> Mistakes:
    if role in roles.known or role is None:
        return
    # Two mistakes are so frequent that they deserve an answer of their own.
    if not isinstance(role, str):
        yield problem("must be a role", at=at, hint=f"use one of {roles.hint}")
        return
    close = near(role, roles.known)
    other = PROJECT_ROLES if roles.known == APP_ROLES else APP_ROLES
    if role in other:
        what = "a project" if other is PROJECT_ROLES else "the whole server"
        hint = f"{role} is a role on {what}; here it is {roles.hint}"
    else:
        hint = f"did you mean {close}?" if close else f"use one of {roles.hint}"
    yield problem(f"there is no role {quoted(role)}", at=at, hint=hint)


def _project_roles(custom: Any) -> Roles:
    own = [
        role
        for roles in (custom.values() if isinstance(custom, dict) else ())
        for role in (roles if isinstance(roles, list | tuple) else ())
        if isinstance(role, str)
    ]
    known = tuple(dict.fromkeys((*PROJECT_ROLES, *own)))
    return Roles(known, f"{listed(known)}; custom_roles can name more")


def _custom_roles(custom: Any) -> Mistakes:
    for project, roles in custom.items() if isinstance(custom, dict) else ():
        for number, role in enumerate(roles if isinstance(roles, list | tuple) else ()):
            at = ("custom_roles", project, number)
            if role in PROJECT_ROLES or role in APP_ROLES:
                yield problem(f"{role} is not a custom role", at=at, hint="leave it out")


def _booleans(rule: Table, at: KeyPath) -> Mistakes:
    for place, value in _said(rule, at):
        if not isinstance(value, bool):
            word = isinstance(value, str) and value.casefold() in ("yes", "no", "on", "off")
            hint = "yes, no, on and off are text in YAML 1.2" if word else None
            yield problem("must be true or false", at=place, hint=hint)


def _texts(rule: Table, at: KeyPath, *, numbers: bool = False) -> Mistakes:
    for place, value in _said(rule, at):
        fits = isinstance(value, int) and not isinstance(value, bool) and numbers
        if isinstance(value, bool | int) and not fits:
            written_so = str(value).lower() if isinstance(value, bool) else str(value)
            yield problem("must be text", at=place, hint=f'write it in quotes: "{written_so}"')


# --- a column with passwords is read for nothing else: whatever another rule reads can be shown ---

Places = Iterator[tuple[KeyPath, bool]]
"""Places in the mapping, each with whether its key is meant."""


def password_mistakes(raw: Table) -> Iterator[PydanticCustomError]:
    """Return every place of a mapping, as it was written, that reads a column with passwords.

    A plan shows names, usernames and projects, and a finding the value that it is about, so that
    a password that came to stand in one of them would be shown in clear.
    """
    users = raw.get("users")
    password = users.get("password") if isinstance(users, dict) else None
    if not isinstance(users, dict) or not isinstance(password, dict):
        return
    secret = _by_source(written(password, "from"), _names(written(users, "from")))
    memberships = raw.get("memberships")
    places = list(_in_users(users, secret))
    for number, rule in enumerate(memberships if isinstance(memberships, list | tuple) else ()):
        source = written(rule, "from") if isinstance(rule, dict) else None
        if isinstance(source, str) and source in secret:
            places += _in_membership(rule, ("memberships", number), {source: secret[source]})
    for at, on_key in places:
        yield problem(
            "this column holds the passwords, and what is read here can be shown",
            at=at,
            on_key=on_key,
            hint="name another column; the one with the passwords is read for nothing else",
        )


def _in_users(users: Table, secret: dict[str, str]) -> Places:
    fields = users.get("fields")
    for name, rule in fields.items() if isinstance(fields, dict) else ():
        yield from _in_rule(rule, ("users", "fields", name), secret)
    yield from _in_rule(users.get("id"), ("users", "id"), secret)


def _in_membership(rule: Table, at: KeyPath, secret: dict[str, str]) -> Places:
    for key in ("username", "project", "role"):
        yield from _in_rule(rule.get(key), (*at, key), secret)
    matrix = rule.get("matrix")
    if not isinstance(matrix, dict):
        return
    columns, pattern = matrix.get("columns"), matrix.get("match")
    held = _keys(secret)
    if isinstance(columns, dict | list | tuple):
        for number, column in enumerate(columns):
            if _key(column) in held:
                by_name = isinstance(columns, dict)
                yield (*at, "matrix", "columns", column if by_name else number), by_name
    if isinstance(pattern, str) and any(_fits(pattern, column) for column in secret.values()):
        yield (*at, "matrix", "match"), False


def _in_rule(rule: Any, at: KeyPath, secret: dict[str, str]) -> Places:
    if not isinstance(rule, dict):
        return
    read = written(rule, "from")
    if isinstance(read, dict):
        for source, column in read.items():
            if source in secret and _key(secret[source]) == _key(column):
                yield (*at, "from", source), False
    elif isinstance(read, str) and _key(read) in _keys(secret):
        yield (*at, "from"), False
    if any(_key(column) in _keys(secret) for column in _columns_of(rule.get("template"))):
        yield (*at, "template"), False


def _by_source(columns: Any, sources: tuple[str, ...]) -> dict[str, str]:
    """Return the column that a `from` means of each source."""
    if isinstance(columns, dict):
        return {name: str(columns[name]) for name in sources if name in columns}
    return dict.fromkeys(sources, columns) if isinstance(columns, str) else {}


def _names(sources: Any) -> tuple[str, ...]:
    named = sources if isinstance(sources, list | tuple) else (sources,)
    return tuple(name for name in named if isinstance(name, str))


def _keys(secret: dict[str, str]) -> frozenset[str]:
    return frozenset(map(_key, secret.values()))


def _key(column: Any) -> str:
    # A directory gives an attribute by whatever case it is asked for.
    return in_form("NFC", str(column)).casefold()


def _columns_of(template: Any) -> tuple[str, ...]:
    try:
        return template_columns(template) if isinstance(template, str) else ()
    except ValueError:
        return ()


def _fits(pattern: str, column: str) -> bool:
    try:
        return compiled(pattern).search(in_form("NFC", column)) is not None
    except (NotAPattern, TooSlow):
        # What reads the columns comes upon the same, and refuses it.
        return False
