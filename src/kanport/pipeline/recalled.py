"""Directories compared with what the last good run recorded of them. Pure.

- An attribute that somebody had then and that is gone now may only be hidden. Some servers prove
  that it is absent (`kanport.sources.ldap.proof`); of the others, it is unknown.
- A referral that was not there then may hide everybody who was below it.
- Another server may have older data than the one that answered then.
"""

from collections.abc import Mapping
from dataclasses import replace

from kanport.findings import found
from kanport.memory import DirectoryMemory, LedgerState, SourceMemory
from kanport.origin import Origin
from kanport.pipeline.inputs import Inputs, inputs_of
from kanport.plan.guards.allowances import allow_key
from kanport.table import ACTIVE, LOST, Directory, Odd, Row, Table, entry_key


def compared_with(inputs: Inputs, memory: LedgerState, allowed: Mapping[str, int]) -> Inputs:
    """Return the inputs with everything in doubt that the last good run makes doubtful.

    `allowed` is what is allowed for this run, as `kanport.plan.guards.parse_allowed` gives it.
    """
    good = memory.last_good.sources if memory.last_good is not None else {}
    tables = {
        name: _compared(table, good.get(name), allowed) for name, table in inputs.tables.items()
    }
    if all(tables[name] is table for name, table in inputs.tables.items()):
        return inputs
    return replace(inputs_of(inputs.mapping, tables), ledger=inputs.ledger)


def _compared(table: Table, good: SourceMemory | None, allowed: Mapping[str, int]) -> Table:
    facts, before = table.directory, good.directory if good is not None else None
    if facts is None:
        return table
    older = _why_older(facts, len(table.rows), good)
    if older:
        # What nobody can compare is what the next run is compared with, if nothing stops this one.
        sure = older == "unknown" or allow_key("stale", table.source) in allowed
        table = replace(table, directory=replace(facts, older=older, sure=sure))
    if before is None:
        return table
    if not facts.proves and allow_key("columns", table.source) not in allowed:
        table = _without_lost(table, before)
    return _without_referred(table, before, allowed.get(allow_key("referrals", table.source), 0))


# --- servers --------------------------------------------------------------------------------------


def _why_older(now: Directory, rows: int, good: SourceMemory | None) -> str:
    """Return why the data may be older than those of the last good run; empty where nothing is."""
    first = now.servers[0] if now.servers else now.server
    then = good.directory if good is not None else None
    if good is None or then is None or not then.server:
        return "" if now.server == first else "unknown"
    counted = [mark for mark in then.marks if mark in now.marks]
    if any(now.marks[mark] < then.marks[mark] for mark in counted):
        return "marks"
    # A copy that has not heard of a server at all has none of the changes that were made there.
    if now.marks and any(_is_csn(mark) and mark not in now.marks for mark in then.marks):
        return "marks"
    if counted or now.server == then.server:
        return ""
    if rows < good.rows:
        return "rows"
    return "newest" if now.newest < then.newest and now.newest else ""


def _is_csn(mark: str) -> bool:
    return mark.startswith("csn ")


# --- referrals ------------------------------------------------------------------------------------


def _without_referred(table: Table, before: DirectoryMemory, allowed: int) -> Table:
    """Return the table as one that proves nobody's absence, where more lies on other servers."""
    facts = table.directory
    if facts is None or before.referrals is None:
        return table
    new = facts.referrals - before.referrals
    if len(new) <= allowed:
        return table
    finding = found(
        "referrals-new",
        Origin(table.source),
        count=len(new),
        referrals=tuple(sorted(new)),
        source=table.source,
    )
    return replace(
        table,
        partial=True,
        findings=(*table.findings, finding),
        directory=replace(facts, sure=False),
    )


# --- attributes -----------------------------------------------------------------------------------


def _without_lost(table: Table, before: DirectoryMemory) -> Table:
    """Return the table with the cells unknown whose attribute an entry had and has no more."""
    facts = table.directory
    assert facts is not None  # noqa: S101 - for the type checker
    rows = list(read := tuple(table.rows))
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
        for name in holders.keys() & set(lost):
            holders[name] |= {key}
    if all(new is old for new, old in zip(rows, read, strict=True)):
        return table
    return replace(table.with_rows(rows), directory=replace(facts, holders=holders))


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
        odd={**row.odd, column: Odd.unproven(name, LOST)},
    )
