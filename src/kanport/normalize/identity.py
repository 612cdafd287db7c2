"""Stable ids: each person has one, and nobody else has it."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from kanport.model import Given
from kanport.normalize.notes import Notes, shown
from kanport.normalize.rows import RowId, UserRow
from kanport.normalize.value import State
from kanport.origin import Origin, in_place_order

Rows = Sequence[UserRow]


def refuse_identities(people: Mapping[str, Rows], notes: Notes) -> set[RowId]:
    """Find people without an id, with two, or with somebody else's; give the ids of their rows.

    `people` are the rows of all sources by person. Whom no source with ids names has none, and is
    told by username alone.
    """
    bad: set[RowId] = set()
    holders: dict[str, list[Rows]] = defaultdict(list)
    for rows in people.values():
        found = ids_of(rows)
        for text in found:
            holders[text].append(rows)
        if len(found) > 1:
            bad |= _two_ids(rows, sorted(found), notes)
        elif not found and any(_is_empty(row) for row in rows):
            bad |= _no_id(rows, notes)
    for text, several in sorted(holders.items()):
        if len(several) > 1:
            bad |= _shared(text, several, notes)
    return bad


def ids_of(rows: Iterable[UserRow]) -> frozenset[str]:
    """Give the ids that these rows give, also those that cannot be used otherwise."""
    return frozenset(
        row.stable_id.text
        for row in rows
        if row.stable_id is not None and row.stable_id.state is State.GIVEN
    )


def merge_id(rows: Iterable[UserRow]) -> Given[str] | None:
    """Give the one id of a person with every place that it came from."""
    given = [
        row.stable_id
        for row in rows
        if row.stable_id is not None and row.stable_id.state is State.GIVEN
    ]
    if not given:
        return None
    places = (place for value in given for place in value.origins)
    return Given(given[0].text, in_place_order(places))


def _is_empty(row: UserRow) -> bool:
    return row.stable_id is not None and row.stable_id.state is State.EMPTY


def _places(rows: Iterable[UserRow]) -> tuple[Origin, ...]:
    """Give the cells of the ids; where a row has none, the row."""
    return in_place_order(
        row.stable_id.place(row.origin) if row.stable_id else row.origin for row in rows
    )


def _two_ids(rows: Rows, ids: Sequence[str], notes: Notes) -> set[RowId]:
    places = _places(row for row in rows if ids_of([row]))
    username = shown(rows[0].username.text)
    notes.add(
        "id-differs",
        places[0],
        value=username,
        related=places[1:],
        username=username,
        ids=tuple(map(shown, ids)),
    )
    return {row.id for row in rows}


def _no_id(rows: Rows, notes: Notes) -> set[RowId]:
    place = _places(row for row in rows if _is_empty(row))[0]
    notes.add("value-required", place, case="id", username=shown(rows[0].username.text))
    return {row.id for row in rows}


def _shared(text: str, several: Sequence[Rows], notes: Notes) -> set[RowId]:
    having = [row for rows in several for row in rows if text in ids_of([row])]
    names = sorted({row.username.text for row in having})
    places = _places(having)
    notes.add(
        "id-shared",
        places[0],
        value=shown(text),
        related=places[1:],
        usernames=tuple(map(shown, names)),
        id=shown(text),
    )
    return {row.id for rows in several for row in rows}
