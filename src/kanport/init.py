"""Write a first mapping for a table or a directory, for the user to correct (`kanport init`).

It recognizes the columns of a table by their headers, and writes the mapping as YAML.
"""

import os
import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from kanport.errors import UsageError
from kanport.fields import ACTIVE, EMAIL, NAME, ROLE, UPDATABLE, USER_FIELDS, USERNAME, UserField
from kanport.messages import quoted
from kanport.messages import yaml_quoted as _text
from kanport.model import PRIVILEGED_ROLES
from kanport.names import normalize as in_form
from kanport.records import dataclass
from kanport.rules import as_boolean
from kanport.table import Table


def _of(*fields: UserField) -> dict[str, tuple[str, ...]]:
    return {field.name: field.headers for field in fields}


# Headers of each part, in small letters without accents, blanks and marks, the most specific first.
# The first column that matches counts.
_HEADERS: dict[str, tuple[str, ...]] = {
    **_of(USERNAME),
    **_of(EMAIL),
    "first": (
        *("firstname", "givenname", "forename", "vorname", "prenom", "nombre", "nome", "voornaam"),
        *("primeironome", "imie"),
    ),
    "last": (
        *("lastname", "surname", "familyname", "nachname", "familienname", "apellido", "apellidos"),
        *("nomdefamille", "nom", "cognome", "achternaam", "sobrenome", "apelido", "nazwisko"),
    ),
    **_of(NAME),
    **_of(ACTIVE),
    "project": (
        *("project", "projectname", "projectid", "board", "projekt", "projektname", "projekte"),
        *("projet", "nomduprojet", "proyecto", "progetto", "progetti", "projecten", "projeto"),
        "projekty",
    ),
    "id": (
        *(
            "personnelnumber",
            "personnelno",
            "employeenumber",
            "employeeid",
            "employeeno",
            "staffid",
        ),
        *("personalnummer", "personalnr", "mitarbeiternummer", "matricule", "matricola", "legajo"),
        *("numerodeempleado", "personeelsnummer", "numerpracownika"),
    ),
    **_of(*(field for field in USER_FIELDS if field.headers)),
}


@dataclass(frozen=True, slots=True)
class Guess:
    """The column for each part of a mapping, as recognized by headers, and the other columns."""

    columns: dict[str, str]
    others: tuple[str, ...]


def guess(columns: Sequence[str]) -> Guess:
    """Recognize the columns by their headers.

    >>> guess(["Login", "E-Mail", "Vorname", "Nachname", "Telefon"]).columns["first"]
    'Vorname'
    >>> guess(["Login", "Phone"]).others
    ('Phone',)
    """
    by_key: dict[str, str] = {}
    for column in columns:
        by_key.setdefault(_key(column), column)
    for column in columns:  # a plural means what its singular means
        by_key.setdefault(_key(column).removesuffix("s"), column)
    found: dict[str, str] = {}
    for part, words in _HEADERS.items():
        fitting = next((by_key[word] for word in words if word in by_key), None)
        if fitting is not None and fitting not in found.values():
            found[part] = fitting
    return Guess(found, tuple(column for column in columns if column not in found.values()))


_MOST_TEXTS = 20


def texts_in(table: Table, column: str, *, at_most: int = _MOST_TEXTS) -> tuple[str, ...]:
    """Return the distinct texts of a column in order, or none if there are more than `at_most`."""
    seen: set[str] = set()
    for row in table.rows:
        value = row.values.get(column, "")
        if isinstance(value, str) and value and column not in row.odd:
            seen.add(value)
        if len(seen) > at_most:
            return ()
    return tuple(sorted(seen))


def _key(header: str) -> str:
    plain = in_form("NFKD", header.casefold())
    return re.sub(r"[^a-z0-9]", "", plain)


# --- the text of a first mapping for a CSV or Excel file. Pure ------------------------------------

_ROLES = {
    "project-viewer": ("ro", "r", "read", "readonly", "viewer", "view", "lesen", "gast", "guest"),
    "project-member": ("rw", "w", "write", "member", "edit", "editor", "schreiben", "mitglied"),
    "project-manager": ("pm", "manager", "lead", "owner", "admin", "leitung", "chef"),
}
_APP_ROLES = {
    "app-user": ("user", "member", "benutzer", "mitarbeiter", "staff"),
    "app-manager": ("manager", "lead", "chef", "leitung"),
    "app-admin": ("admin", "administrator"),
}

_ACTIVE = dict.fromkeys(
    (*("active", "enabled", "employed", "aktiv", "actif", "activo", "attivo", "actief", "ativo"),),
    "true",
)
_ACTIVE |= dict.fromkeys(
    (
        *("left", "inactive", "disabled", "gone", "inaktiv", "ausgeschieden", "inactif", "parti"),
        *("inactivo", "inattivo", "inactief", "inativo", "nieaktywny"),
    ),
    "false",
)


@dataclass(frozen=True, slots=True)
class Draft:
    """A first mapping, and what was decided for it and why, a line each."""

    text: str
    decisions: tuple[str, ...]


def draft_for_table(
    table: Table, file: Path, mapping: Path, *, options: str = "", decided: Sequence[str] = ()
) -> Draft:
    """Return a mapping for a file, to be written to `mapping`.

    `options` are further keys of the source, such as `, sheet: Staff`, and `decided` says why they
    are there. A comment lists the columns that no header explains. No text gets a privileged role,
    not even the role itself; a comment offers the choices. Raise UsageError if no column can be the
    username.
    """
    found = guess(table.columns)
    columns = found.columns
    who = columns.get("username") or columns.get("email")
    if who is None:
        raise UsageError(
            f"none of the columns of {file} looks like a username or an email address",
            hint=f"the columns are {', '.join(table.columns)}; copy the nearest mapping of the"
            " documentation, and write these columns there",
        )
    path = os.path.relpath(file.absolute(), mapping.absolute().parent)
    source = f"{{type: {table.kind}, path: {_text(path)}{options}}}"
    lines = [
        "# yaml-language-server: $schema=kanport-mapping.schema.json",
        "# (for editors: kanport schema > kanport-mapping.schema.json)",
        "#",
        f"# A first mapping for {_in_comment(file.name)}, made from its headers. Read it, correct"
        " it, then run:",
        "#",
        *_commands(mapping, "validate", "plan"),
        "",
        "kanport: 1",
        f"name: {_text(file.stem)}",
        "",
        "sources:",
        f"  people: {source}",
    ]
    username = _username(who, from_email="username" not in columns)
    grants = "project" in columns and "role" in columns
    if not grants or columns.keys() & {"name", "first", "last", "email"}:
        lines += ["", "users:", "  from: people"]
        if "id" in columns:
            lines.append(_stable_id(table, columns["id"]))
        lines += ["  fields:", f"    {username}"]
        lines.extend(_fields(table, columns))
    if grants:
        lines += ["", "memberships:", "  - from: people", f"    {username}"]
        lines.append(f"    {_project(table, columns['project'])}")
        lines.extend(_role(table, columns["role"], _ROLES))
    if unread := _unread(found):
        lines += ["", f"# Columns that the mapping does not read: {', '.join(unread)}"]
    lines += ["", 'protect: [admin, "svc-*"]      # Kanport never changes these']
    if any(line.startswith("  id:") for line in lines):
        lines.append(f"ledger: {_text(mapping.stem + '.ledger')}   # where Kanport records the ids")
    return Draft("\n".join([*lines, ""]), (*decided, *_decisions(table, found, who)))


def _decisions(table: Table, found: Guess, who: str) -> Iterator[str]:
    """Yield what each column was taken for, and which ones are not read."""
    if "username" in found.columns:
        yield f"username: the column {_text(who)}, by its header"
    else:
        yield f'username: the part of the column {_text(who)} before "@"'
    for part in found.columns:
        if part != "username" and (part != "project" or "role" in found.columns):
            name = _PARTS.get(part, part)
            yield f"{name}: {_decision(table, found.columns, part)}"
    if unread := _unread(found):
        yield f"not read: {', '.join(unread)}"


def _decision(table: Table, columns: dict[str, str], part: str) -> str:
    """Return which column a part comes from, and what the user has to decide about it."""
    column = columns[part]
    taken = f"the column {_text(column)}, by its header"
    if part == "role":
        _, open_ = _roles_in(table, column, _ROLES if "project" in columns else _APP_ROLES)
        return f"{taken}; still to decide: {_texts(open_)}" if open_ else taken
    if part == "active" and not any(_active_in(table, column)):
        texts = texts_in(table, column)
        has = f" has {_texts(texts)}" if texts else " has too many different texts or none"
        return f"not decided; the column {_text(column)}{has}"
    if part == "id" and not _are_ids(table, column):
        return f"not decided; not every row of the column {_text(column)} has an id of its own"
    return taken


def _unread(found: Guess) -> list[str]:
    """Return the columns that the mapping does not read; a project needs a role."""
    unread = list(map(_text, found.others))
    if "project" in found.columns and "role" not in found.columns:
        unread.append(f"{_text(found.columns['project'])} (projects, but no column has a role)")
    return unread


_PARTS = {"first": "first name", "last": "last name", "id": "stable id"}


def _stable_id(table: Table, column: str) -> str:
    """Return the rule for the stable id: a comment unless each row has an id of its own."""
    rule = f"id: {{from: {_text(column)}}}"
    if _are_ids(table, column):
        return f"  {rule}   # recognizes people under a new username"
    return f"  # {rule}   # only if each person has an id of their own; also needs a ledger"


def _are_ids(table: Table, column: str) -> bool:
    """Return whether each row has an id of its own."""
    ids = [row.values.get(column, "") for row in table.rows]
    return all(ids) and len(set(ids)) == len(ids)


def _username(column: str, *, from_email: bool) -> str:
    steps = 'trim, lower, {before: "@"}' if from_email else "trim, lower"
    return f"username: {{from: {_text(column)}, transform: [{steps}]}}"


def _fields(table: Table, columns: dict[str, str]) -> Iterator[str]:
    yield from _name(columns)
    if "email" in columns:
        yield f"    email: {{from: {_text(columns['email'])}, transform: [trim, lower]}}"
    if "role" in columns and "project" not in columns:
        yield from _role(table, columns["role"], _APP_ROLES)
    if "active" in columns:
        yield from _active_field(table, columns["active"])
    for field in UPDATABLE:
        if field.name in columns and field not in (NAME, EMAIL, ROLE):
            yield f"    {field.name}: {{from: {_text(columns[field.name])}, transform: [trim]}}"
    if "email" in columns and "username" in columns:
        yield "  find_by: [username, email]   # a new username is then a rename"
    yield "  password: random             # for new users; never shown"
    yield "  missing: keep                # or disable, for users listed in managed"


def _project(table: Table, column: str) -> str:
    """Return the rule for a project; a cell may contain several."""
    texts = texts_in(table, column, at_most=10_000)
    between = next((mark for mark in (";", "|") if any(mark in text for text in texts)), None)
    split = f", split: {_text(between)}" if between else ""
    return f"project: {{from: {_text(column)}{split}}}   # an identifier, a name or an id"


def _name(columns: dict[str, str]) -> Iterator[str]:
    if "first" in columns and "last" in columns:
        names = "{" + columns["first"] + "} {" + columns["last"] + "}"
        yield f"    name: {{template: {_text(names)}, transform: [collapse, trim]}}"
    elif column := columns.get("name") or columns.get("last") or columns.get("first"):
        yield f"    name: {{from: {_text(column)}, transform: [collapse, trim]}}"


def _role(table: Table, column: str, roles: dict[str, tuple[str, ...]]) -> Iterator[str]:
    """Yield the rule for a role; a comment lists unknown texts for the user to decide."""
    means, open_ = _roles_in(table, column, roles)
    yield "    role:"
    yield f"      from: {_text(column)}"
    pairs = ", ".join(f"{_text(text)}: {role}" for text, role in means.items())
    yield f"      values: {{{pairs}}}"
    if open_:
        yield "      # Decide what each of these means, and add it to values:"
        choices = " | ".join((*roles, '""'))
        yield from (f"      #   {_text(text)}: {choices}" for text in open_[:_MOST_TEXTS])
    if len(open_) > _MOST_TEXTS:
        yield f"      #   and {len(open_) - _MOST_TEXTS} more, which kanport validate lists"


def _roles_in(
    table: Table, column: str, roles: dict[str, tuple[str, ...]]
) -> tuple[dict[str, str], list[str]]:
    """Return the role of each text, and the texts of which the user has to decide.

    Without a table of texts, a text that is itself a privileged role would give it. So there always
    is one, be it of the other roles alone.
    """
    texts = texts_in(table, column, at_most=10_000)
    known = {role: role for role in roles}
    known |= {word: role for role, words in roles.items() for word in words}
    means = {text: known[text.casefold()] for text in texts if text.casefold() in known}
    means = {text: role for text, role in means.items() if role not in PRIVILEGED_ROLES}
    open_ = [text for text in texts if text not in means]
    return means or {role: role for role in roles if role not in PRIVILEGED_ROLES}, open_


def _active_in(table: Table, column: str) -> tuple[bool, dict[str, str]]:
    """Return whether all texts are booleans, or what each means; neither if one is unknown."""
    texts = texts_in(table, column)
    if texts and all(as_boolean(text) is not None for text in texts):
        return True, {}
    means = {text: _ACTIVE.get(text.casefold(), "") for text in texts}
    return False, means if all(means.values()) else {}


def _active_field(table: Table, column: str) -> Iterator[str]:
    plain, means = _active_in(table, column)
    pairs = ", ".join(f"{_text(text)}: {value}" for text, value in means.items())
    if plain:
        yield f"    active: {{from: {_text(column)}}}"
    elif means:
        yield f"    active: {{from: {_text(column)}, values: {{{pairs}}}}}"
    else:
        texts = texts_in(table, column)
        its_texts = f"; its texts: {_texts(texts)}" if texts else ""
        yield f"    # active: {{from: {_text(column)}, values: {{…: true, …: false}}}}{its_texts}"


def _commands(mapping: Path | str, *commands: str) -> Iterator[str]:
    path = _in_comment(shlex.quote(str(mapping)))
    yield from (f"#   kanport {command} {path}" for command in commands)


def _in_comment(text: str) -> str:
    """Return a text that ends no comment, whatever characters it has."""
    return quoted(text)[1:-1]


def _texts(texts: Sequence[str]) -> str:
    """Return texts in quotes; of many, the first ones and how many more there are."""
    more = [f"{len(texts) - _MOST_TEXTS} more"] if len(texts) > _MOST_TEXTS else []
    return ", ".join((*map(_text, texts[:_MOST_TEXTS]), *more))


# --- the text of a first mapping for an LDAP directory. Pure --------------------------------------

DirectoryKind = Literal["active-directory", "ad-lds", "freeipa", "389-ds", "openldap", "unknown"]
KINDS: tuple[DirectoryKind, ...] = ("active-directory", "ad-lds", "freeipa", "389-ds", "openldap")

LOCK_ATTRIBUTES = ("nsAccountLock", "pwdAccountLockedTime", "shadowExpire")
"""Attributes that show that an account is locked; each server knows only some of them."""


@dataclass(frozen=True, slots=True)
class FoundDirectory:
    """The product of a directory server, its name, and the attributes that it knows.

    `knows` has the lock attributes of its schema; it is None if the server shows no schema.
    """

    kind: DirectoryKind
    name: str = ""
    knows: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class _Ways:
    """The attributes of one product for usernames, ids and account locks."""

    login: str
    filter: str
    username: str
    name: str
    id: str
    locks: tuple[str, ...]


_PERSON = "(objectClass=inetOrgPerson)"
_AD_PERSON = "(&(objectCategory=person)(objectClass=user))"
_EXPIRES = ("userAccountControl", "accountExpires")
_WAYS: dict[DirectoryKind, _Ways] = {
    "active-directory": _Ways(
        "kanport@{domain}", _AD_PERSON, "sAMAccountName", "displayName", "objectGUID", _EXPIRES
    ),
    "ad-lds": _Ways("cn=kanport,{base}", "(objectClass=user)", "uid", "cn", "objectGUID", ()),
    "freeipa": _Ways(
        "uid=kanport,cn=sysaccounts,cn=etc,{suffix}",
        _PERSON, "uid", "cn", "ipaUniqueID", ("nsAccountLock",),
    ),
    "389-ds": _Ways("uid=kanport,{base}", _PERSON, "uid", "cn", "nsUniqueId", ("nsAccountLock",)),
    "openldap": _Ways(
        "cn=kanport,{base}",
        _PERSON, "uid", "cn", "entryUUID", ("pwdAccountLockedTime", "shadowExpire"),
    ),
    "unknown": _Ways("cn=kanport,{base}", _PERSON, "uid", "cn", "entryUUID", LOCK_ATTRIBUTES),
}  # fmt: skip


def draft_for_directory(
    url: str,
    base: str,
    mapping: str,
    found: FoundDirectory | None = None,
    *,
    login: str | None = None,
    ca_file: str | None = None,
) -> str:
    """Return a mapping for the people of a directory.

    `found` says which server it is. Without it, the mapping fits OpenLDAP, 389 Directory Server and
    FreeIPA, and finds nobody in an Active Directory. Raise UsageError if `url` is not an LDAP
    address.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("ldap", "ldaps") or not parts.hostname:
        raise UsageError(
            f"{url} is not the address of a directory",
            hint="write for example ldaps://ldap.example.org",
        )
    server = found or FoundDirectory("unknown")
    ways = _WAYS[server.kind]
    suffix = base[match.start() :] if (match := re.search(r"(?i)\bdc=", base)) else base
    domain = ".".join(re.findall(r"(?i)\bdc=([^,]+)", base)) or "example.org"
    login = login or ways.login.format(base=base, suffix=suffix, domain=domain)
    locks = [name for name in ways.locks if server.knows is None or name in server.knows]
    lines = [
        f"# A first mapping for {_in_comment(server.name) or 'a directory'}. Read it, correct it,"
        " then run:",
        "#",
        "#   export LDAP_PASSWORD=...",
        *_commands(mapping, "doctor", "validate", "plan"),
        "",
        "kanport: 1",
        "name: directory",
        "",
        "sources:",
        "  people:",
        "    type: ldap",
        f"    url: {_text(url)}",
        *([] if parts.scheme == "ldaps" else ["    start_tls: true"]),
        *([] if ca_file is None else [f"    ca_file: {_text(ca_file)}"]),
        f"    bind_dn: {_text(login)}",
        "    bind_password: {env: LDAP_PASSWORD}   # or {file: PATH}",
        f"    base: {_text(base)}",
        f"    filter: {ways.filter}",
        f"    id: {ways.id:<34} # stays when a login or a name changes",
        *_locks(server, locks),
        "",
        "users:",
        "  from: people",
        "  id: {from: id}                            # a changed login is a rename",
        "  fields:",
        f"    username: {{from: {ways.username}, transform: [trim, lower]}}",
        f"    name: {{from: {ways.name}, transform: [collapse, trim]}}",
        "    email: {from: mail, transform: [trim, lower]}",
        *_active(server, ways, locks),
        "  password: random                          # or ldap, if Kanboard uses this directory",
        "  missing: keep                             # or disable, for users listed in managed",
        "",
        "ledger: directory.ledger                    # records the user of each id",
        'protect: [admin, "svc-*"]                   # Kanport never changes these',
        "",
    ]
    return "\n".join(lines)


def _locks(server: FoundDirectory, locks: list[str]) -> Iterator[str]:
    if locks:
        yield "    # Attributes that lock accounts. The login must be able to read and search them."
        yield f"    active: [{', '.join(locks)}]"
    if server.kind == "unknown":
        yield "    # For Active Directory, run kanport init again with --kind active-directory."


def _active(server: FoundDirectory, ways: _Ways, locks: list[str]) -> Iterator[str]:
    if locks:
        yield "    active: {from: active}"
    elif server.kind == "ad-lds":
        values = '{"TRUE": false, "FALSE": true}'
        yield f"    active: {{from: msDS-UserAccountDisabled, values: {values}, default: true}}"
    else:
        yield f"    # The schema has no {' or '.join(ways.locks)}, so Kanport cannot"
        yield "    # see who is locked. If another attribute shows who may log in, use it:"
        yield "    # active: {from: employeeStatus, values: {A: true, L: false}}"
