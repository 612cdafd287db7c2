"""What a server holds, read whole and written down, and what of it would not come back as it is.

Reading a table leaves out blanks at the ends, composes letters (NFC) and refuses what no person
could mean. The server may hold such values all the same.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from kanport.errors import Unreachable, UsageError
from kanport.export.files import write_tables
from kanport.export.mapping import mapping_for
from kanport.export.tables import (
    GROUP_MEMBERS,
    GROUPS,
    MEMBERSHIPS,
    PROJECTS,
    USERS,
    Listing,
    Record,
    listings,
    not_whole,
)
from kanport.fields import USER_FIELDS
from kanport.files import Kind, write_file
from kanport.kanboard.client import Client
from kanport.kanboard.current import read_current
from kanport.names import compare_key
from kanport.names import normalize as in_form
from kanport.normalize.projects import name_problem as project_problem
from kanport.normalize.relations import name_problem as group_problem
from kanport.pipeline.results import OnProgress, Reporter, Stage, ignore
from kanport.rules import (
    control_problem,
    strip_blanks,
)


def read_listings(client: Client) -> Mapping[str, Listing]:
    """Read users, groups, projects and access of a server as tables, by name; only reads.

    Raises Unreachable where not all of it can be read: half an export would be taken for a whole
    one.
    """
    state = read_current(
        client, choose_projects=lambda projects: [project.id for project in projects]
    )
    if (problem := not_whole(state)) is not None:
        raise Unreachable(
            problem,
            hint="try again, and raise PHP's memory_limit on the server for the time of the export",
        )
    return listings(state)


@dataclass(frozen=True, slots=True)
class Exported:
    """What an export holds: how many rows each table has, and what does not come back as it is."""

    rows: Mapping[str, int]
    lossy: tuple[str, ...]


def check_new_mapping(path: Path) -> None:
    """Raise UsageError for a mapping that exists already."""
    if path.exists():
        raise UsageError(f"{path} exists already", hint="name another file, or move that one away")


def export(
    server: Client, target: Path, *, mapping: Path | None = None, progress: OnProgress = ignore
) -> Exported:
    """Write users, groups, projects and access to a workbook, a YAML file or a folder of CSV files.

    `mapping` is a new file for a mapping that reads the export back. Raises Unreachable where not
    everything can be read, and UsageError where a file cannot be written.
    """
    if mapping is not None:
        check_new_mapping(mapping)
    with Reporter(progress).stage(Stage.SERVER):
        tables = read_listings(server)
    write_tables(target, tables.values())
    if mapping is not None:
        text = mapping_for(target, mapping.parent, tables)
        write_file(mapping, text, mode=0o644, over=Kind.MAPPING)
    return Exported({name: len(table.rows) for name, table in tables.items()}, not_carried(tables))


# --- what is read back as another value, or refused ---------------------------------------------

_CHECKS = {
    **{(USERS, field.name): field.check for field in USER_FIELDS if field.check is not None},
    (GROUPS, "group"): group_problem,
    (PROJECTS, "name"): project_problem,
}
_REPEATED = frozenset({(GROUP_MEMBERS, "group"), (GROUP_MEMBERS, "username")}) | {
    (MEMBERSHIPS, "username"),
    (MEMBERSHIPS, "project"),
    (MEMBERSHIPS, "access"),
    (PROJECTS, "project"),
    (PROJECTS, "owner"),
    (PROJECTS, "description"),
}
"""Columns whose values stand in another table, and those that are made for reading."""


def not_carried(tables: Mapping[str, Listing]) -> tuple[str, ...]:
    """Say which values a plan made of these tables takes for others, or refuses; one line each."""
    return tuple(dict.fromkeys(_told(tables)))


def _told(tables: Mapping[str, Listing]) -> Iterator[str]:
    for name, listing in tables.items():
        for number, column in enumerate(listing.columns):
            if (name, column) in _REPEATED:
                continue
            for row in listing.rows:
                if why := _trouble(name, column, row[number]):
                    about = "" if number == 0 else f" of {row[0]!r}"
                    yield f"{name}: the {_word(column)} {row[number]!r}{about} {why}"
    yield from _alike(tables[USERS].rows, "usernames")
    yield from _alike(tables[GROUPS].rows, "groups")
    yield from _same_names(tables[PROJECTS].rows)


def _trouble(table: str, column: str, text: str) -> str | None:
    if not text:
        nobody = (table, column) in ((USERS, "username"), (GROUPS, "group"))
        return "cannot be read back: it is empty" if nobody else None
    clean = in_form("NFC", strip_blanks(text))
    check = _CHECKS.get((table, column), control_problem)
    problem = check(clean) or control_problem(clean)
    if problem is not None:
        return f"cannot be read back: {problem.text}"
    if "\ufffd" in clean:
        return "cannot be read back: letters in it were lost"
    return f"is read back as {clean!r}" if clean != text else None


def _word(column: str) -> str:
    return {"external_id": "external id"}.get(column, column)


def _alike(rows: Iterable[Record], what: str) -> Iterator[str]:
    by_key: dict[str, list[str]] = defaultdict(list)
    for row in rows:
        by_key[compare_key(row[0])].append(row[0])
    for same in by_key.values():
        if len(same) > 1:
            names = " and ".join(map(repr, sorted(same)))
            yield f"the {what} {names} are one and the same for MariaDB, so a plan refuses them"


def _same_names(rows: Iterable[Record]) -> Iterator[str]:
    for called, name, identifier, *_ in rows:
        if called not in (name, identifier):
            yield (
                f"the project {called!r} shares its name with another one, so a plan leaves it out;"
                " give it an identifier"
            )
