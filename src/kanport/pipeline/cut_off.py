"""Runs that were cut off: what they did is found out and remembered before the next one plans.

Whoever was created by such a run is else nobody's, and whom it disabled is never enabled again.
"""

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from kanport.apply.journal import Journal, JournalBroken, Recorded, load_journal
from kanport.config import canonical_url
from kanport.errors import UsageError
from kanport.facts import Fact, fact
from kanport.files import open_regular
from kanport.kanboard.client import Client
from kanport.ledger import recall
from kanport.outcome import Run
from kanport.pipeline.checking import ledger_of
from kanport.pipeline.keeping import state_folder
from kanport.pipeline.running import Execution, remember

# Bytes at the end of a journal in which its last record lies, if that is its end.
_TAIL = 4096


def runs_cut_off(
    state: Path | None, mapping_path: Path, url: str, *, warn: Callable[[Fact], None]
) -> Iterator[tuple[Path, Recorded]]:
    """Give the journals of a mapping on this server (the URL of its API) that have no end.

    They lie in the state folder, and the oldest comes first. What the ledger has newer word of is
    left out. What has the name of a journal and cannot be read as one is reported with `warn` and
    passed over.
    """
    for path in sorted(state_folder(state).glob("*.journal.jsonl")):
        if has_end(path):
            continue
        try:
            recorded = load_journal(path)
        except UsageError as problem:
            warn(fact("journal-unreadable", journal=str(path), why=problem.why))
            continue
        plan = recorded.plan
        same = Path(plan.mapping.path).absolute() == mapping_path.absolute()
        if recorded.ended or not same or canonical_url(plan.server.url) != canonical_url(url):
            continue
        ledger = ledger_of(plan, mapping_path)
        if ledger is None or plan.created_at >= recall(ledger, url).counted_at:
            yield path, recorded


def settle_run(recorded: Recorded, client: Client, how: Execution, mapping_path: Path) -> Run:
    """Find out how far a run came that was cut off, and record it in the ledger.

    Sends no procedure that writes; the journal has an end then. Raises UsageError where it cannot
    be written, Unreachable where the server is lost, and ConfigInvalid as `remember` does.
    """
    try:
        with Journal(how.journal_path, now=how.now, by=how.by, resume=True) as journal:
            run = how.executor(client, journal).look(recorded)
            remember(recorded.plan, run, mapping_path=mapping_path, now=how.now)
            # Last of all: whatever failed before is done again by the next run.
            journal.end(run.tally(), stopped=run.stopped)
    except JournalBroken as problem:
        raise UsageError(str(problem), hint="is there room on the disk?") from problem
    return run


def has_end(path: Path) -> bool:
    """Tell whether the last record of a journal is its end; False where it cannot be read."""
    try:
        with open_regular(path) as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - _TAIL))
            last = file.read().rstrip(b"\n").rpartition(b"\n")[2]
        return bool(json.loads(last)["record"] == "end")
    except (OSError, ValueError, KeyError, TypeError):
        return False
