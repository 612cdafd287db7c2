"""The mapping that reads an export back, or another server as it is."""

import json
import os
from collections.abc import Mapping
from pathlib import Path
from string import Template

from kanport.coded import Coded, objects
from kanport.export.tables import COLUMNS, MEMBERSHIPS, PROJECTS, Listing
from kanport.fields import LDAP, USER_FIELDS, UserField
from kanport.model import ProjectRole
from kanport.spreadsheet import converted, converted_in_column, stray_rows, unwrapped

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
    """Give the mapping that reads the export in `target` back, as it is to lie in `folder`.

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
        lines += [f"  {json.dumps(name)}: {json.dumps(roles)}" for name, roles in custom.items()]
        lines.append("")
    return "\n".join(lines)


def _field(field: UserField) -> str:
    rule = f"    {field.name}: {{from: {field.name}}}"
    return f"{rule:<41}# {_REMARKS[field]}" if field in _REMARKS else rule


def _source(path: str, target: Path, name: str) -> str:
    ending = target.suffix.lower()
    if ending == ".xlsx":
        return f"type: excel, path: {json.dumps(path)}, sheet: {name}"
    if ending in (".yaml", ".yml"):
        return f"type: yaml, path: {json.dumps(path)}, under: {name}"
    return f"type: csv, path: {json.dumps(f'{path}/{name}.csv')}"


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
