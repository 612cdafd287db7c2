"""Where a change comes from, down to the cell."""

from collections.abc import Sequence

from kanport.origin import Origin


def cells_of(origins: Sequence[Origin], *, brief: bool = False) -> tuple[str, ...]:
    """Give the places of a change; of several cells in one row, the row is told once.

    In brief the headers of columns are left out: the numbers and addresses of cells are exact.

    >>> row = Origin(file="a.csv", row=3)
    >>> cells = [row.at(position=2, column="Login"), row.at(position=4, column="Role")]
    >>> cells_of(cells), cells_of(cells, brief=True)
    (('a.csv:3 (2 Login, 4 Role)',), ('a.csv:3:2,4',))
    >>> sheet = Origin(file="a.xlsx", sheet="S", row=3)
    >>> cells_of([sheet.at(cell="B3", column="Login"), sheet.at(cell="D3", column="Role")])
    ('a.xlsx#S!3 (B3 Login, D3 Role)',)
    >>> cells_of([sheet.at(cell="B3"), sheet.at(cell="D3")], brief=True)
    ('a.xlsx#S!B3,D3',)
    >>> cells_of([sheet.at(cell="D3", column="Role"), Origin(dn="cn=a", attribute="mail")])
    ('a.xlsx#S!D3 (Role)', 'ldap:cn=a (mail)')
    """
    if len(origins) == 1:
        return (_one(origins[0], brief),)
    rows: dict[tuple[str | int | None, ...], list[Origin]] = {}
    for origin in origins:
        key = origin.source, origin.file, origin.sheet, origin.row, origin.dn
        cells = rows.setdefault(key, [])
        if origin not in cells:
            cells.append(origin)
    return tuple(
        _one(cells[0], brief) if len(cells) == 1 else _several(cells, brief)
        for cells in rows.values()
    )


def _one(cell: Origin, brief: bool) -> str:
    if brief or not cell.column or cell.dn is not None:
        return str(cell)
    return f"{cell} ({cell.column})"


def _several(cells: list[Origin], brief: bool) -> str:
    first = cells[0]
    row = Origin(first.source, file=first.file, sheet=first.sheet, row=first.row, dn=first.dn)
    named = [name for cell in cells if (name := _cell(cell, brief))]
    if brief and named and first.dn is None:
        return f"{row.at(row=None)}!{','.join(named)}" if row.sheet else f"{row}:{','.join(named)}"
    return f"{row} ({', '.join(named)})" if named else str(row)


def _cell(cell: Origin, brief: bool) -> str:
    if cell.dn is not None:
        return cell.attribute or ""
    where = cell.cell or (str(cell.position) if cell.position is not None else "")
    if brief and where:
        return where
    return " ".join(part for part in (where, cell.column) if part)
