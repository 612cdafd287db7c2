"""Endings of runs to tell of."""

from dataclasses import replace
from typing import Any

from kanport.monitoring import RunSummary

GOOD = RunSummary(
    command="sync",
    run_id="20270203T020000Z-abc123",
    kanport="1.0",
    mapping="nightly",
    mapping_path="/etc/kanport/nightly.yaml",
    started_at="2027-02-03T02:00:00Z",
    finished_at="2027-02-03T02:00:12Z",
    seconds=12.34,
    exit_code=0,
    message="All 3 changes are done: 3 users were created.",
    server="https://kb.example.org/jsonrpc.php",
    changed=3,
    changes={"user.create": 3},
    tally={
        "planned": 3, "done": 3, "already_so": 0, "failed": 0, "skipped": 0, "not_attempted": 0
    },
    findings={"warning": 1, "info": 2},
    first_findings=("people.csv:2:1  warning  email-shared  two people have one address",),
    kept={"journal": "/var/lib/kanport/nightly.journal.jsonl"},
)  # fmt: skip
NOTHING = replace(GOOD, message="Nothing to change.", changed=0, changes={}, tally=None)
STOPPED = replace(
    NOTHING,
    exit_code=4,
    message="1 guard stopped the plan; nothing was written",
    guards=(("limit-disable", "disable: 40 planned, 5 allowed"),),
    hint="look at the source",
)


def a_summary(base: RunSummary = GOOD, **parts: Any) -> RunSummary:
    """Give an ending that differs from another one in these parts."""
    return replace(base, **parts)
