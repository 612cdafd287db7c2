"""Where one value came from, so that every finding and change can point at it."""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, NamedTuple, Self

from kanport.records import dataclass


@dataclass(frozen=True, slots=True)
class Origin:
    """A place in the input: a cell of a file, or an attribute of a directory entry.

    `row` is the physical line of a CSV file or the row of a sheet, from 1. `column` is the header
    as the file spells it; `position` is the field's number in its CSV line, from 1; `cell` is the
    address in a sheet, such as `C7`.
    """

    source: str = ""
    file: str | None = None
    sheet: str | None = None
    row: int | None = None
    column: str | None = None
    position: int | None = None
    cell: str | None = None
    dn: str | None = None
    attribute: str | None = None

    def __str__(self) -> str:
        """Return the place in a form that can be clicked or pasted.

        >>> str(Origin("staff", file="users.csv", row=14, position=3))
        'users.csv:14:3'
        >>> str(Origin("team", file="team.xlsx", sheet="Users", row=7, cell="C7"))
        'team.xlsx#Users!C7'
        >>> str(Origin("people", dn="uid=anna,dc=x", attribute="mail"))
        'ldap:uid=anna,dc=x (mail)'
        """
        if self.dn is not None:
            return f"ldap:{self.dn}" + (f" ({self.attribute})" if self.attribute else "")
        if self.sheet is not None:
            cell = self.cell or (str(self.row) if self.row is not None else "")
            return f"{self.file}#{self.sheet}" + (f"!{cell}" if cell else "")
        parts = [self.file or self.source]
        if self.row is not None:
            parts.append(str(self.row))
            if self.position is not None:
                parts.append(str(self.position))
        return ":".join(parts)

    def at(self, **place: Any) -> Self:
        """Return the same origin with some parts of the place set."""
        return replace(self, **place)

    def to_dict(self) -> dict[str, Any]:
        """Return the parts that are set, in a fixed order, as the plan file holds them."""
        parts: dict[str, Any] = {}
        # Part by part: there is one origin or more for each of half a million changes.
        if self.source:
            parts["source"] = self.source
        if self.file:
            parts["file"] = self.file
        if self.sheet:
            parts["sheet"] = self.sheet
        if self.row is not None:
            parts["row"] = self.row
        if self.column:
            parts["column"] = self.column
        if self.position is not None:
            parts["position"] = self.position
        if self.cell:
            parts["cell"] = self.cell
        if self.dn:
            parts["dn"] = self.dn
        if self.attribute:
            parts["attribute"] = self.attribute
        return parts

    @classmethod
    def from_dict(cls, parts: dict[str, Any]) -> Self:
        """Read back what `to_dict` gave; unknown parts raise TypeError."""
        return cls(**parts)


class RowPlace(NamedTuple):
    """Which row of which source a place is in, whatever the column."""

    source: str
    file: str | None
    sheet: str | None
    row: int | None
    dn: str | None


def row_places(origins: Iterable[Origin]) -> frozenset[RowPlace]:
    """Return the rows that places are in; the place of a whole source is in none."""
    return frozenset(
        RowPlace(origin.source, origin.file, origin.sheet, origin.row, origin.dn)
        for origin in origins
        if origin.row is not None or origin.dn is not None
    )


def place_order(origin: Origin) -> tuple[str, str, str, str, int, int, str, str, str]:
    """Return what places are sorted by, so that no result depends on the order of rows."""
    return (
        origin.source,
        origin.file or "",
        origin.sheet or "",
        origin.dn or "",
        origin.row or 0,
        origin.position or 0,
        origin.column or "",
        origin.attribute or "",
        origin.cell or "",
    )


def in_place_order(origins: Iterable[Origin]) -> tuple[Origin, ...]:
    """Return each of the origins once, in the order of the input."""
    places = tuple(origins)
    return places if len(places) < 2 else tuple(sorted(dict.fromkeys(places), key=place_order))


def first_place(origins: Iterable[Origin]) -> Origin | None:
    """Return the origin that comes first in the input, or None where there is none."""
    return min(origins, key=place_order, default=None)
