"""One value of one row: what its rule makes of the cells, with the places that it comes from."""

from collections.abc import Mapping
from typing import NamedTuple

from kanport.normalize.bound import BoundRule
from kanport.normalize.notes import Notes, Place
from kanport.normalize.rules import (
    NO_PARTS,
    Cell,
    Outcome,
    State,
    apply,
    apply_several,
    texts_of,
)
from kanport.origin import Origin
from kanport.table import Row

__all__ = ["EMPTY", "State", "Value", "placed", "read_one", "read_several", "written"]


class Value(NamedTuple):
    """What a rule made of a row: an outcome with the origins of its cells."""

    state: State
    text: str = ""
    origins: tuple[Origin, ...] = ()
    assumed: bool = False
    parts: Mapping[str, str | None] = NO_PARTS

    def place(self, otherwise: Origin) -> Origin:
        """Return the first place that it comes from, or another one where it has none."""
        return self.origins[0] if self.origins else otherwise


EMPTY = Value(State.EMPTY)


def read_one(rule: BoundRule, row: Row, notes: Notes) -> Value:
    """Return the one value that a rule makes of a row; findings go to `notes`."""
    return _told(apply(rule, _cells(rule, row), row.odd), row, notes)


def read_several(rule: BoundRule, row: Row, notes: Notes) -> list[Value]:
    """Return the values that a rule makes of a row, each once; see `apply_several`."""
    return [_told(one, row, notes) for one in apply_several(rule, _cells(rule, row), row.odd)]


def written(rule: BoundRule, row: Row) -> tuple[str, ...] | State:
    """Return the texts of the cells before any step; the state of what needs no step any more."""
    texts = texts_of(rule, _cells(rule, row), row.odd, [])
    return texts.state if isinstance(texts, Outcome) else texts


def placed(outcome: Outcome, row: Row) -> Value:
    """Return what came out, with the places in a row that it comes from."""
    origins = tuple(_origin(row, place) for place in outcome.places)
    return Value(outcome.state, outcome.text, origins, outcome.assumed, outcome.parts)


def _told(outcome: Outcome, row: Row, notes: Notes) -> Value:
    for said in outcome.remarks:
        notes.remark(said, _origin(row, said.place))
    return placed(outcome, row)


def _origin(row: Row, place: Place) -> Origin:
    if isinstance(place, Origin):
        return place
    return row.origin if place is None else row.place(place)


def _cells(rule: BoundRule, row: Row) -> list[Cell]:
    return [row.values.get(column, "") for column in rule.columns]
