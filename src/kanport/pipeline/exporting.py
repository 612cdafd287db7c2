"""What a server holds, read whole and written down."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kanport.errors import Unreachable, UsageError
from kanport.export.files import write_tables
from kanport.export.mapping import mapping_for
from kanport.export.tables import Listing, listings, not_whole
from kanport.files import Kind, write_file
from kanport.kanboard.client import Client
from kanport.kanboard.current import read_current
from kanport.pipeline.carried import not_carried
from kanport.pipeline.results import OnProgress, Reporter, Stage, ignore


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
