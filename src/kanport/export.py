"""What a server holds as tables of text, and the files that hold them: CSV, Excel or YAML.

`export` writes them, and a `kanboard` source reads the same tables. They contain no ids, because
ids mean something else on another server, except to tell projects of one name apart. They contain
no secrets. The files are written to be read back, so no value is changed: a name that begins with
`=` stays as it is. A workbook keeps it as text; in CSV a spreadsheet may take it for a formula.
"""

import csv
import io
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from string import Template

from kanport.coded import Coded, objects
from kanport.errors import UsageError
from kanport.facts import fact
from kanport.fields import LDAP, USER_FIELDS, UserField
from kanport.files import STDOUT, write_file
from kanport.messages import listed, quoted, yaml_quoted
from kanport.model import CurrentState, Group, Project, ProjectIndex, ProjectRole
from kanport.names import compare_key, spelling_key
from kanport.plan.roles import group_finder
from kanport.records import dataclass
from kanport.spreadsheet import converted, converted_in_column, stray_rows, unwrapped

USERS, GROUPS, GROUP_MEMBERS = "users", "groups", "group_members"
PROJECTS, MEMBERSHIPS = "projects", "memberships"
DIRECT = "direct"

COLUMNS: dict[str, tuple[str, ...]] = {
    USERS: tuple(field.name for field in USER_FIELDS),
    GROUPS: ("group", "external_id"),
    GROUP_MEMBERS: ("group", "username"),
    PROJECTS: ("project", "name", "identifier", "owner", "description", "active", "private"),
    MEMBERSHIPS: ("username", "project", "role", "access"),
}
"""The tables, in the order in which they are written, with the columns of each."""

Record = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """One table: its name, its columns, and its rows in an order that does not depend on ids."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[Record, ...]


def listings(state: CurrentState) -> dict[str, Listing]:
    """Return all tables of what was read of a server, by name.

    A membership is the access that somebody has, whichever way they have it: `access` is `direct`
    or names the groups that it may come through. Kanboard says no more than that: it lists the
    members of a project without saying how they got there (see `kanport.plan.roles`). Whoever is
    listed with a role that was stored empty has none, and is left out.
    """
    made = {
        USERS: _users(state),
        GROUPS: _groups(state),
        GROUP_MEMBERS: _group_members(state),
        PROJECTS: _projects(state),
        MEMBERSHIPS: _memberships(state),
    }
    return {
        name: Listing(name, COLUMNS[name], tuple(sorted(rows, key=_order)))
        for name, rows in made.items()
    }


def not_whole(state: CurrentState) -> str | None:
    """Return what of a server could not be read, or None: half a list would pass for a whole one.

    Whoever is in a project or a group and not among the users shows that those are not all.
    """
    if not state.users_complete:
        why = f": {fact('no-list', case=state.unlisted.fault)}" if state.unlisted else ""
        return f"not all users of {state.server.url} can be read{why}"
    if unread := sorted(quoted(group.name) for group in state.groups if not group.complete):
        return f"not all members of groups of {state.server.url} can be read: {listed(unread)}"
    members = {user_id for roles in state.roles.values() for user_id in roles}
    members.update(user_id for group in state.groups for user_id in group.members)
    if strangers := members - {user.id for user in state.users}:
        numbers = listed([f"#{number}" for number in sorted(strangers)])
        return (
            f"{state.server.url} lists members who are not among its users ({numbers}): something"
            " was changed there meanwhile, or is left out"
        )
    return None


def project_keys(projects: Iterable[Project]) -> dict[int, str]:
    """Return what finds each project on any server: its identifier, else its name.

    Where that could mean another project as well, the id stands beside it: no server finds anything
    by this, so nobody gets into one of two projects for having been in the other.
    """
    projects = tuple(projects)
    index = ProjectIndex.of(projects)
    keys = {project.id: project.identifier or project.name for project in projects}
    meant = Counter(spelling_key(key) for key in keys.values())
    return {
        project.id: key
        if meant[spelling_key(key)] == 1 and index.fitting(key) == (project,)
        else f"{project.name} (#{project.id})"
        for project in projects
        for key in (keys[project.id],)
    }


def _order(row: Record) -> tuple[Record, Record]:
    return tuple(map(compare_key, row)), row


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _users(state: CurrentState) -> Iterator[Record]:
    for user in state.users:
        values = (field.of(user) for field in USER_FIELDS)
        yield tuple(_flag(value) if isinstance(value, bool) else value for value in values)


def _groups(state: CurrentState) -> Iterator[Record]:
    for group in state.groups:
        yield group.name, group.external_id


def _group_members(state: CurrentState) -> Iterator[Record]:
    users = state.people.by_id
    for group in state.groups:
        for user_id in group.members:
            if user_id in users:
                yield group.name, users[user_id].username


def _projects(state: CurrentState) -> Iterator[Record]:
    users, keys = state.people.by_id, project_keys(state.projects)
    for project in state.projects:
        owner = users.get(project.owner_id or 0)
        yield (
            keys[project.id],
            project.name,
            project.identifier,
            owner.username if owner is not None else "",
            _on_lines(project.description),
            _flag(project.active),
            _flag(project.private),
        )


def _memberships(state: CurrentState) -> Iterator[Record]:
    users, keys = state.people.by_id, project_keys(state.projects)
    may_give = group_finder(state)
    for project in state.projects:
        for user_id, role in state.roles.get(project.id, {}).items():
            if user_id in users and role:
                through = may_give(user_id, project.id)
                yield users[user_id].username, keys[project.id], role, _access(through)


def _access(through: tuple[Group, ...]) -> str:
    if not through:
        return DIRECT
    return f"maybe through {', '.join(group.name for group in through)}"


def _on_lines(text: str) -> str:
    """Return a text of several lines without the characters that no table takes."""
    lines = ("".join(c if c.isprintable() else " " for c in line) for line in text.splitlines())
    return "\n".join(line.rstrip() for line in lines).strip()


# --- tables as files: a folder of CSV files, an Excel workbook, or one YAML file ------------------

# What YAML 1.2 does not allow as it is, or takes for a line break (productions 1 and 26 to 29).
_NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f]")


def write_csv(path: Path, listing: Listing) -> None:
    """Write one table as CSV: UTF-8, commas, one header line; for its owner alone (mode 0600).

    Raises UsageError where the file cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(listing.columns)
    writer.writerows(listing.rows)
    write_file(path, text.getvalue(), secret=True)


def write_folder(folder: Path, tables: Iterable[Listing]) -> None:
    """Write each table as a CSV file of its name into a folder, which is made if it is missing.

    Raises UsageError where something cannot be written.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as problem:
        raise UsageError(
            f"the folder {folder} cannot be made: {problem.strerror}",
            hint="name another with -o",
        ) from problem
    for listing in tables:
        write_csv(folder / f"{listing.name}.csv", listing)


def write_workbook(path: Path, tables: Iterable[Listing]) -> None:
    """Write all tables into one workbook, a table on a sheet each; every cell is text.

    Raises UsageError where the file cannot be written, or where a value fits into no cell.
    """
    from kanport.workbook import MOST_CHARACTERS, SheetColumn, Styled, WorkbookSheet, write_book

    sheets = []
    for listing in tables:
        for row in listing.rows:
            for column, value in zip(listing.columns, row, strict=True):
                if len(value) > MOST_CHARACTERS or _NOT_IN_XML.search(value):
                    raise UsageError(
                        f"{listing.name}: the {column} {value[:40]!r} fits into no cell of Excel",
                        hint="export as CSV or YAML, or correct it on the server",
                    )
        rows = [[Styled(value, "text") if value else None for value in row] for row in listing.rows]
        sheets.append(
            WorkbookSheet(
                listing.name, tuple(map(SheetColumn, listing.columns)), rows, listing.name
            )
        )
    # Text that looks like a formula or a number stays text, also when somebody edits it.
    styles = {"text": {"num_format": "@", "quote_prefix": True}}
    write_file(path, write_book(sheets, styles=styles), secret=True)


def write_yaml(path: Path, tables: Iterable[Listing]) -> None:
    """Write all tables into one YAML file: a list of rows under the name of each table.

    Every value is a quoted text, so that no reader takes one for a number or a date; empty ones
    stand there too, as the keys of a row are its columns. Raises UsageError where the file cannot
    be written.
    """
    lines: list[str] = []
    for listing in tables:
        lines.append(f"{listing.name}:{'' if listing.rows else ' []'}")
        for row in listing.rows:
            pairs = zip(listing.columns, row, strict=True)
            parts = [f"{column}: {yaml_quoted(value)}" for column, value in pairs]
            lines.append(f"  - {{{', '.join(parts)}}}")
    write_file(path, "\n".join([*lines, ""]), secret=True)


def write_tables(target: Path, tables: Iterable[Listing]) -> None:
    """Write tables by the target's ending: `.xlsx`, `.yaml` or `.yml`, else a folder.

    Standard output (`-`) gets YAML. Raises UsageError for another ending, and where something
    cannot be written.
    """
    ending = target.suffix.lower()
    if ending == ".xlsx":
        write_workbook(target, tables)
    elif ending in (".yaml", ".yml") or target == STDOUT:
        write_yaml(target, tables)
    elif not ending or target.is_dir():
        write_folder(target, tables)
    else:
        raise UsageError(
            f"an export is no {ending} file",
            hint="name a workbook (.xlsx), a YAML file (.yaml), or a folder for CSV files",
        )


# --- the mapping that reads an export back, or another server as it is ----------------------------

_RULES = Template("""
users:
  from: users
  fields:
$fields
  password: random                       # hashes do not leave a server; tell people their new ones
  inactive: create                       # and disabled at once

groups:
  - from: groups
    name: {from: group}
    external_id: {from: external_id}
  - from: group_members
    name: {from: group}
    member: {from: username}

projects:                                # those that the server does not have are created
  - from: projects
    name: {from: name}
    identifier: {from: identifier}
    owner: {from: owner}
    description: {from: description}
    private: {from: private}             # private and closed ones cannot be created as they are
    active: {from: active}
    called: {from: project}

memberships:                             # everybody's access, also what came through a group
  - from: memberships
    username: {from: username}
    project: {from: project}
    role: {from: role}
""")
_REMARKS = {LDAP: "these log in through the LDAP that the server has set up"}


def mapping_for(target: Path, folder: Path, tables: Mapping[str, Listing]) -> str:
    """Return the mapping that reads the export in `target` back, as it is to lie in `folder`.

    Custom roles are named project by project, since Kanboard itself would take any text.
    """
    path = os.path.relpath(target.absolute(), folder.absolute())
    lines = [
        f"# Reads back what kanport export wrote to {target.name}. Nobody is disabled, removed or",
        "# taken out of anything: what is in no row stays as it is.",
        "",
        "kanport: 1",
        "name: export",
        "",
        "sources:",
    ]
    for name in COLUMNS:
        verbatim = ", verbatim: true" if needs_verbatim(target, tables[name]) else ""
        lines.append(f"  {name}: {{{_source(path, target, name)}, may_be_empty: true{verbatim}}}")
    lines.append(_RULES.substitute(fields="\n".join(map(_field, USER_FIELDS))))
    if custom := _custom_roles(tables):
        lines.append("custom_roles:")
        for name, roles in custom.items():
            lines.append(f"  {yaml_quoted(name)}: [{', '.join(map(yaml_quoted, roles))}]")
        lines.append("")
    return "\n".join(lines)


def _field(field: UserField) -> str:
    rule = f"    {field.name}: {{from: {field.name}}}"
    return f"{rule:<41}# {_REMARKS[field]}" if field in _REMARKS else rule


def _source(path: str, target: Path, name: str) -> str:
    ending = target.suffix.lower()
    if ending == ".xlsx":
        return f"type: excel, path: {yaml_quoted(path)}, sheet: {name}"
    if ending in (".yaml", ".yml"):
        return f"type: yaml, path: {yaml_quoted(path)}, under: {name}"
    return f"type: csv, path: {yaml_quoted(f'{path}/{name}.csv')}"


def needs_verbatim(target: Path, listing: Listing) -> bool:
    """Return whether reading back would take a name for the work of a spreadsheet.

    Such names are rare. Everywhere else the checks stay on: people edit exports in Excel.
    """
    if target.suffix.lower() in (".yaml", ".yml"):
        return False
    cells = [[row[number] for row in listing.rows] for number in range(len(listing.columns))]
    columns = [Coded.of(objects(texts)) for texts in cells]
    if stray_rows(listing.columns, columns, range(len(cells))):
        return True
    return any(
        unwrapped(text) != text or converted(text) is not None for texts in cells for text in texts
    ) or any(
        odd.code != "cell-date-like"
        for texts in cells
        for odd in converted_in_column(list(dict.fromkeys(texts)), sum(map(bool, texts))).values()
    )


def _custom_roles(tables: Mapping[str, Listing]) -> dict[str, list[str]]:
    built_in = set(ProjectRole) | {""}
    names = {row[0]: row[1] for row in tables[PROJECTS].rows}
    found: dict[str, set[str]] = {}
    for _, project, role, _ in tables[MEMBERSHIPS].rows:
        if role not in built_in and project in names:
            found.setdefault(project, set()).add(role)
    return {project: sorted(roles) for project, roles in sorted(found.items())}
