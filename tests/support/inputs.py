"""Mappings and tables for tests, as short as they can be written."""

from collections.abc import Mapping, Sequence
from io import StringIO
from pathlib import Path
from textwrap import dedent

from ruamel.yaml import YAML

from kanport.findings import Finding
from kanport.mapping import LoadedMapping
from kanport.mapping.spec import MappingFile
from kanport.normalize import Normalized, normalize
from kanport.origin import Origin
from kanport.table import Odd, Row, Table

Cell = str | tuple[str, ...] | Odd


def mapping_of(text: str) -> LoadedMapping:
    """Read a mapping; every source that it names without saying more is a CSV file."""
    data = YAML(typ="safe", pure=True).load(StringIO("kanport: 1\n" + dedent(text)))
    spec = MappingFile.model_validate(data, by_alias=True, by_name=False)
    return LoadedMapping(
        spec, Path("map.yaml"), "", lambda steps: Origin(file="map.yaml", column=str(steps))
    )


def a_table(source: str, header: str, *lines: Sequence[Cell] | str) -> Table:
    """Make a table of lines whose fields stand between bars; the first line is line 2."""
    columns = tuple(part.strip() for part in header.split("|"))
    places: Mapping[str, Mapping[str, int | str]] = {
        column: {"position": number} for number, column in enumerate(columns, 1)
    }
    rows = []
    for number, line in enumerate(lines, 2):
        cells = [part.strip() for part in line.split("|")] if isinstance(line, str) else line
        odd = {
            column: cell
            for column, cell in zip(columns, cells, strict=True)
            if isinstance(cell, Odd)
        }
        values = {
            column: (cell.value or "") if isinstance(cell, Odd) else cell
            for column, cell in zip(columns, cells, strict=True)
        }
        origin = Origin(source, file=f"{source}.csv", row=number)
        rows.append(Row(origin, values, places, odd))
    return Table.of_rows(source, "csv", f"{source}.csv", columns, rows)


def normalize_tables(mapping: LoadedMapping | str, *tables: Table) -> Normalized:
    """Normalize these tables."""
    loaded = mapping_of(mapping) if isinstance(mapping, str) else mapping
    return normalize(loaded, {table.source: table for table in tables})


def codes_and_places(found: Normalized | Sequence[Finding]) -> list[tuple[str, str]]:
    """Give the code and the place of each finding."""
    findings = found.findings if isinstance(found, Normalized) else found
    return [(finding.code, str(finding.origin)) for finding in findings]


PEOPLE = """
    sources:
      staff: {type: csv, path: staff.csv}
    users:
      from: staff
      fields:
        username: {from: Login}
        name: {from: Name}
        email: {from: Mail}
        role: {from: Role}
        active: {from: Active}
"""
"""Users with every field, from one source."""

GRANTS = """
    sources:
      grants: {type: csv, path: grants.csv}
    memberships:
      - from: grants
        username: {from: Login}
        project: {from: Project}
        role: {from: Access, values: {R: project-viewer, W: project-member, M: project-manager}}
"""
"""Memberships, one a row."""

MATRIX = """
    sources:
      access: {type: csv, path: access.csv}
    memberships:
      - from: access
        username: {from: Login}
        matrix:
          columns: [ALPHA, BETA]
          values: {R: project-viewer, W: project-member}
"""
"""Memberships, a column for each project."""
