"""Directories compared with what the last good run recorded of them. Pure.

An attribute that somebody had then and that is gone now may only be hidden. Some servers prove that
it is absent (`kanport.sources.ldap.absence`); of the others, it is unknown.
"""

from collections.abc import Mapping
from dataclasses import replace

from kanport.memory import DirectoryMemory, Memory
from kanport.pipeline.inputs import Inputs, inputs_of
from kanport.sources.ldap.rows import ACTIVE, unproven_cell
from kanport.table import LOST, Row, Table, entry_key


def compared_with(inputs: Inputs, memory: Memory, allowed: Mapping[str, int]) -> Inputs:
    """Return the inputs with everything unknown that the last good run makes doubtful.

    `allowed` is what is allowed for this run, as `kanport.plan.guards.parse_allowed` gives it.
    """
    good = memory.last_good.sources if memory.last_good is not None else {}
    tables = {
        name: _compared(table, good[name].directory, allowed) if name in good else table
        for name, table in inputs.tables.items()
    }
    if all(tables[name] is table for name, table in inputs.tables.items()):
        return inputs
    return inputs_of(inputs.mapping, tables)


def _compared(table: Table, before: DirectoryMemory | None, allowed: Mapping[str, int]) -> Table:
    if table.directory is None or before is None:
        return table
    if not table.directory.proves and f"columns:{table.source}" not in allowed:
        table = _without_lost(table, before)
    return table


def _without_lost(table: Table, before: DirectoryMemory) -> Table:
    """Return the table with the cells unknown whose attribute an entry had and has no more."""
    facts = table.directory
    assert facts is not None  # noqa: S101 - for the type checker
    rows = list(table.rows)
    holders = dict(facts.holders)
    for number, row in enumerate(rows):
        key = entry_key(row)
        lost = [
            name
            for name, keys in before.had.items()
            if key in keys
            and key not in facts.absent.get(name, ())
            and _lacks(row, key, name, holders)
        ]
        for name in lost:
            rows[number] = row = _unknown(row, name, computed=name in facts.asked)
            if name in holders:
                holders[name] |= {key}
    if all(new is old for new, old in zip(rows, table.rows, strict=True)):
        return table
    return replace(table, rows=tuple(rows), directory=replace(facts, holders=holders))


def _lacks(row: Row, key: str, name: str, holders: Mapping[str, frozenset[str]]) -> bool:
    if name in holders:
        return key not in holders[name]
    return name in row.values and not row.values[name] and name not in row.odd


def _unknown(row: Row, name: str, *, computed: bool) -> Row:
    column = ACTIVE if computed else name
    if computed and row.values.get(ACTIVE) != "true":
        return row
    return replace(
        row,
        values={**row.values, column: ""},
        odd={**row.odd, column: unproven_cell(name, LOST)},
    )
