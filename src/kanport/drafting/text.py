"""The text of a first mapping for a CSV or Excel file. Pure."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

from kanport.drafting.guess import guess, texts_in
from kanport.errors import UsageError
from kanport.fields import EMAIL, NAME, ROLE, UPDATABLE
from kanport.normalize.words import as_boolean
from kanport.table import Table

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

_ACTIVE = dict.fromkeys(("active", "enabled", "employed", "aktiv", "actif", "activo"), "true")
_ACTIVE |= dict.fromkeys(("left", "inactive", "disabled", "gone", "inaktiv", "inactif"), "false")


def draft_for_table(table: Table, file: Path, mapping: Path, *, options: str = "") -> str:
    """Give a mapping for a file, as it is to lie at `mapping`.

    `options` are further keys of the source, such as `, sheet: Staff`. What no header says is left
    out and named in a comment. Raises UsageError where no column could be a username.
    """
    found = guess(table.columns)
    columns = found.columns
    who = columns.get("username") or columns.get("email")
    if who is None:
        raise UsageError(
            f"none of the columns of {file} looks like a username or an email address",
            hint=f"the columns are {', '.join(table.columns)}; copy a mapping that is near from the"
            " documentation, and name them there",
        )
    path = os.path.relpath(file.absolute(), mapping.absolute().parent)
    source = f"{{type: {table.kind}, path: {json.dumps(path)}{options}}}"
    lines = [
        f"# A first mapping for {file.name}, drawn from its headers. Read it, correct it, then:",
        "#",
        f"#   kanport validate {mapping}",
        f"#   kanport plan {mapping}",
        "",
        "kanport: 1",
        f"name: {json.dumps(file.stem)}",
        "",
        "sources:",
        f"  people: {source}",
    ]
    username = _username(who, from_email="username" not in columns)
    grants = "project" in columns and "role" in columns
    if not grants or columns.keys() & {"name", "first", "last", "email"}:
        lines += ["", "users:", "  from: people", "  fields:", f"    {username}"]
        lines.extend(_fields(table, columns))
    if grants:
        lines += ["", "memberships:", "  - from: people", f"    {username}"]
        lines.append(f"    {_project(table, columns['project'])}")
        lines.extend(_role(table, columns["role"], _ROLES))
    if found.others:
        lines += ["", f"# Not read: {', '.join(map(_text, found.others))}"]
    lines += ["", 'protect: [admin, "svc-*"]      # these are never touched', ""]
    return "\n".join(lines)


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
        yield from _active(table, columns["active"])
    for field in UPDATABLE:
        if field.name in columns and field not in (NAME, EMAIL, ROLE):
            yield f"    {field.name}: {{from: {_text(columns[field.name])}, transform: [trim]}}"
    if "email" in columns and "username" in columns:
        yield "  find_by: [username, email]   # a new username is then a rename"
    yield "  password: random             # for new people; never shown"
    yield "  missing: keep                # or disable, with managed: whom it may touch"


def _project(table: Table, column: str) -> str:
    """Give the rule for a project, of which a cell may hold several."""
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
    """Give the rule for a role; a text that says none is left for a person to decide."""
    texts = texts_in(table, column)
    known = {role: role for role in roles}
    known |= {word: role for role, words in roles.items() for word in words}
    means = {text: known[text.casefold()] for text in texts if text.casefold() in known}
    open_ = [text for text in texts if text not in means]
    yield "    role:"
    yield f"      from: {_text(column)}"
    if means:
        pairs = ", ".join(f"{_text(text)}: {role}" for text, role in means.items())
        yield f"      values: {{{pairs}}}"
    if open_:
        yield f"      # say in values what these mean: {', '.join(map(_text, open_))}"


def _active(table: Table, column: str) -> Iterator[str]:
    texts = texts_in(table, column)
    if texts and all(as_boolean(text) is not None for text in texts):
        yield f"    active: {{from: {_text(column)}}}"
        return
    means = {text: _ACTIVE[text.casefold()] for text in texts if text.casefold() in _ACTIVE}
    open_ = [text for text in texts if text not in means]
    pairs = ", ".join(f"{_text(text)}: {value}" for text, value in means.items())
    if means and not open_:
        yield f"    active: {{from: {_text(column)}, values: {{{pairs}}}}}"
    else:
        told = f"; it holds {', '.join(map(_text, texts))}" if texts else ""
        yield f"    # active: {{from: {_text(column)}, values: {{…: true, …: false}}}}{told}"


def _text(text: str) -> str:
    """Give a text as YAML takes it for one, whatever stands in it."""
    return json.dumps(text, ensure_ascii=False)
