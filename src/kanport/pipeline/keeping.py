"""Where plans, journals and ledgers lie, and what they hold."""

import hashlib
import os
import re
from dataclasses import replace
from pathlib import Path

from kanport.apply.journal import load_journal
from kanport.approval import approval_key, with_signature
from kanport.errors import UsageError
from kanport.events import new_run_id
from kanport.files import open_regular
from kanport.mapping import load_mapping
from kanport.mapping.spec import MappingFile
from kanport.outcome import Run
from kanport.plan.model import Plan
from kanport.plan.plan_file import load_plan


def state_stem(state: Path | None, plan: Plan, run_id: str | None = None) -> Path:
    """Give the path, without ending, under which `sync` keeps plan and journal of one run.

    The folder (`state`, else `kanport` in the user's state folder) is made where it is missing;
    raises UsageError where it cannot be.
    """
    folder = state_folder(state)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as problem:
        raise UsageError(
            f"the state folder {folder} cannot be made: {problem.strerror}",
            hint="name another with --state or KANPORT_STATE",
        ) from problem
    name = re.sub(r"[^\w.-]+", "-", plan.mapping.name or Path(plan.mapping.path).stem)
    return folder / f"{name}-{run_id or new_run_id()}"


def state_folder(state: Path | None) -> Path:
    """Give the state folder: `state`, else `kanport` in the user's state folder.

    Raises UsageError for a user without one.
    """
    if state is not None:
        return state
    # The XDG base directory specification.
    if base := os.environ.get("XDG_STATE_HOME"):
        return Path(base) / "kanport"
    try:
        return Path.home() / ".local" / "state" / "kanport"
    except RuntimeError as problem:
        raise UsageError(
            "there is no folder for plans and journals: this user has no home",
            hint="name one with --state or KANPORT_STATE",
        ) from problem


def load_plan_or_journal(path: Path) -> tuple[Plan, Run | None]:
    """Load what a report is about: a plan, or the plan and the run of a journal.

    The signature of an approval is checked with the key of the environment, where there is one.
    Raises UsageError where the file is neither, and ConfigInvalid where the key cannot be used.
    """
    try:
        with open_regular(path) as file:
            head = file.readline(200)
    except OSError as problem:
        raise UsageError(f"{path} cannot be read: {problem.strerror}") from problem
    if b'"kanport-journal/' not in head:
        return load_plan(path), None
    recorded = load_journal(path)
    run = recorded.run
    if run.approved is not None:
        approved = with_signature(run.approved, recorded.plan, approval_key(os.environ))
        run = replace(run, approved=approved)
    return recorded.plan, run


def ledger_of_mapping(spec: MappingFile, mapping_path: Path, state: Path | None) -> Path | None:
    """Return where the ledger of a mapping lies; None where it keeps none.

    The mapping may name it. Otherwise it lies beside the mapping (`nightly.yaml.ledger`), or, where
    the user who runs Kanport cannot write there, in the state folder (`state`, else that of the
    user). A ledger that exists wins over one that would have to be made, so that several users of
    one mapping find the same. Touches nothing.
    """
    if spec.ledger is not None:
        return mapping_path.parent / spec.ledger
    if not spec.keeps_ledger:
        return None
    beside = mapping_path.with_name(f"{mapping_path.name}.ledger")
    if beside.exists():
        return beside
    try:
        fallback = state_folder(state) / "ledgers" / _name_in_state(mapping_path)
    except UsageError:
        # A user without a home has no state folder; what writes says so when it needs one.
        return beside
    if fallback.exists():
        return fallback.absolute()
    return beside if os.access(beside.parent, os.W_OK | os.X_OK) else fallback.absolute()


def ledger_beside(mapping_path: Path, state: Path | None = None) -> Path | None:
    """Return where the ledger of the mapping in this file lies, as `ledger_of_mapping`.

    Raises ConfigInvalid for a mapping that is invalid.
    """
    return ledger_of_mapping(load_mapping(mapping_path).spec, mapping_path, state)


def _name_in_state(mapping_path: Path) -> str:
    # Symbolic links stay as they are: a mounted configuration may lead elsewhere after each update.
    place = os.path.abspath(mapping_path)  # noqa: PTH100
    name = re.sub(r"[^\w.-]+", "-", mapping_path.name)
    return f"{name}-{hashlib.sha256(os.fsencode(place)).hexdigest()[:12]}.ledger"
