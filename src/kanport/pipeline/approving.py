"""Approvals beside plans: where they are, whether they hold, and how they are made."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from kanport import __version__
from kanport.approval import (
    Approval,
    approval_key,
    approve,
    approved_for,
    load_approval,
    write_approval,
)
from kanport.errors import GuardTripped, UsageError
from kanport.facts import fact
from kanport.files import Kind, check_target
from kanport.outcome import Approved
from kanport.pipeline.inputs import files_of_plan
from kanport.pipeline.planning import check_guards, utc_now, who_runs
from kanport.pipeline.results import Reporter
from kanport.plan.model import Plan
from kanport.plan.plan_file import load_plan


def approval_beside(plan_path: Path) -> Path:
    """Return where the approval of a plan is by default.

    >>> str(approval_beside(Path("plan.json")))
    'plan.approval.json'
    """
    return plan_path.with_name(f"{plan_path.stem}.approval.json")


def approval_of(
    plan: Plan, path: Path | None, report: Reporter, *, required: bool
) -> Approved | None:
    """Return the approval that a run records; raise GuardTripped if one is required and missing."""
    if path is None:
        if required:
            raise GuardTripped(
                "there is no approval of this plan; nothing was written",
                hint="name the file of the approval",
            )
        return None
    if not required and not path.exists():
        return None
    try:
        approval = load_approval(path)
        return approved_for(approval, plan, now=utc_now(), key=approval_key(os.environ))
    except (GuardTripped, UsageError) as problem:
        if not required:
            why = "; ".join((problem.message, *problem.details))
            report.notice(fact("approval-ignored", approval=str(path), why=why))
            return None
        if isinstance(problem, GuardTripped):
            raise
        raise GuardTripped(
            f"there is no approval of this plan; nothing was written: {problem.message}",
            details=problem.details,
            hint="look at the plan, then: kanport approve PLAN.json --by NAME --note TEXT",
        ) from problem


def approve_plan(
    plan_path: Path, *, by: str, note: str, lasts: timedelta, path: Path | None = None
) -> Approval:
    """Write the approval of exactly the plan of a file; it is signed where a key is set.

    Raises GuardTripped for a plan that a safety check stops, ConfigInvalid for a key that cannot be
    used, and UsageError.
    """
    path = path or approval_beside(plan_path)
    check_target(path, inputs=[plan_path], over=Kind.APPROVAL)
    plan = load_plan(plan_path)
    check_target(path, inputs=files_of_plan(plan), over=Kind.APPROVAL)
    check_guards(plan)
    now = datetime.now(UTC).replace(microsecond=0)
    approval = approve(
        plan,
        by=by,
        note=note,
        approved_at=_text(now),
        expires_at=_text(now + lasts),
        recorded_by=who_runs(),
        version=__version__,
        key=approval_key(os.environ),
    )
    write_approval(path, approval)
    return approval


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
