"""Read a YAML file (a list of tables, as `kanport export` writes it) into a `Table`."""

from collections.abc import Mapping
from typing import Any

from kanport.coded import Coded, objects
from kanport.facts import fact
from kanport.findings import Finding, found
from kanport.mapping import yaml_file
from kanport.mapping.sources import YamlSource
from kanport.mapping.yaml_file import LocatedDocument, Mistake, SyntaxProblem, decode
from kanport.origin import Origin
from kanport.sources import SourceContext
from kanport.sources.file import MAX_FILE_BYTES, read_bytes, refused
from kanport.sources.raw_table import (
    Grid,
    Problems,
    WantedColumns,
    columns_of,
    header_problems,
    table_of,
    too_many,
)
from kanport.table import Odd, Table

# A million rows of ten values.
MAX_VALUES = 10_000_000
SPARE_VALUES = 100_000

_FRACTION = Odd(fact("cell-number-inexact", case="yaml"))


def read_yaml(name: str, spec: YamlSource, context: SourceContext) -> Table:
    """Return the rows of a YAML file; raises as `read_source`.

    The keys of all rows together are the columns; a key that a row leaves out, and a value that is
    null, is an empty cell.
    """
    file = read_bytes(name, spec.path, context.base)
    origin = file.origin
    document = _parse(file.data, origin)
    items, path = _list_of(document, spec, origin)
    if len(items) > spec.max_rows:
        raise refused([too_many(spec.max_rows, origin)], origin)
    if not items and not spec.may_be_empty:
        raise refused([found("file-empty", origin, what="list")], origin)
    wanted = WantedColumns(context.columns_used, context.secret_columns)
    problems = Problems()
    for mistake in document.mistakes:
        problems.extend([_damaged(mistake, origin.at(row=mistake.spot.line))])
    keys: dict[str, None] = {}
    for number, item in enumerate(items):
        if not isinstance(item, dict):
            place = origin.at(row=document.value((*path, number)).line)
            problems.extend([found("row-ragged", place, case="no-table")])
            continue
        keys.update(dict.fromkeys(item))
        problems.extend(_nested(document, (*path, number), item, origin))
    if broken := problems.all(origin):
        raise refused(broken, origin)
    # Where there are no rows, nothing says which columns there would be.
    columns = columns_of(tuple(keys) if items else sorted(wanted.named), wanted)
    if items and (broken := list(header_problems(columns, wanted, lambda index: origin))):
        raise refused(broken, origin)
    odd: dict[tuple[int, int], Odd] = {}
    cells = []
    names = tuple(keys)
    for number, column in enumerate(columns):
        values = [item.get(names[column.index]) for item in items]
        cells.append(Coded.of(objects(map(_text, values))))
        odd.update({(row, number): _FRACTION for row, v in enumerate(values) if type(v) is float})
    grid = Grid(
        columns=columns,
        numbers=[document.key((*path, number)).line for number in range(len(items))],
        cells=cells,
        place_of=lambda column: {},
        header=1,
        odd=odd,
    )
    return table_of(grid, origin, file, spec)


def _parse(data: bytes, origin: Origin) -> LocatedDocument:
    try:
        text = decode(data, most=MAX_FILE_BYTES)
        # Each value takes at least one character, so more values than characters can only come from
        # aliases. `SPARE_VALUES` lets a small file use some.
        return yaml_file.read_yaml(text, most=min(MAX_VALUES, len(text) + SPARE_VALUES))
    except SyntaxProblem as problem:
        mistake = problem.mistake
        place = origin.at(row=mistake.spot.line, position=mistake.spot.column)
        raise refused([_damaged(mistake, place)], origin) from problem


def _damaged(mistake: Mistake, place: Origin) -> Finding:
    return found(
        "file-damaged", place, case="yaml", problem=mistake.message, fix=mistake.hint or ""
    )


def _list_of(
    document: LocatedDocument, spec: YamlSource, origin: Origin
) -> tuple[list[Any], tuple[str, ...]]:
    data = document.data
    if spec.under is None:
        if isinstance(data, list):
            return data, ()
        keys = tuple(map(str, data)) if isinstance(data, dict) else ()
        case = "lists" if keys else "no-list"
        raise refused([found("file-kind", origin, case=case, keys=keys)], origin)
    rows = data.get(spec.under) if isinstance(data, dict) else None
    if isinstance(rows, list):
        return rows, (spec.under,)
    raise refused([found("file-kind", origin, case="under", under=spec.under)], origin)


def _nested(
    document: LocatedDocument, path: tuple[str | int, ...], item: Mapping[str, Any], origin: Origin
) -> list[Finding]:
    return [
        found(
            "row-ragged",
            origin.at(row=document.key((*path, key)).line, column=key),
            case="nested",
            column=key,
        )
        for key, value in item.items()
        if isinstance(value, dict | list)
    ]


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
