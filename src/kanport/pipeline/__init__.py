"""The inside of `kanport.api`: read, plan, carry out, undo and verify with a client.

Nothing here prints, asks or exits. What stops a run is raised (`kanport.errors`), what is wrong
with single rows comes back as findings.
"""

from kanport.events import new_run_id
from kanport.pipeline.alone import alone, wait_for_killed_runs
from kanport.pipeline.checking import (
    Checked,
    check_fresh,
    check_resumable,
    ledger_of,
    protected_now,
)
from kanport.pipeline.cut_off import runs_cut_off, settle_run
from kanport.pipeline.inputs import Inputs, files_named, files_of_plan, read_inputs, read_tables
from kanport.pipeline.keeping import ledger_beside, load_plan_or_journal, state_stem
from kanport.pipeline.planning import (
    check_guards,
    check_server,
    passwords_for,
    plan_and_state,
    plan_inputs,
    read_state,
    utc_now,
    who_runs,
)
from kanport.pipeline.running import (
    Execution,
    apply_plan,
    plan_undo,
    remember,
    remember_good,
    resume_run,
    verify_plan,
)

__all__ = [
    "Checked",
    "Execution",
    "Inputs",
    "alone",
    "apply_plan",
    "check_fresh",
    "check_guards",
    "check_resumable",
    "check_server",
    "files_named",
    "files_of_plan",
    "ledger_beside",
    "ledger_of",
    "load_plan_or_journal",
    "new_run_id",
    "passwords_for",
    "plan_and_state",
    "plan_inputs",
    "plan_undo",
    "protected_now",
    "read_inputs",
    "read_state",
    "read_tables",
    "remember",
    "remember_good",
    "resume_run",
    "runs_cut_off",
    "settle_run",
    "state_stem",
    "utc_now",
    "verify_plan",
    "wait_for_killed_runs",
    "who_runs",
]
