"""Check a plan against the server when it counts: before the first write, on resume, in between."""

from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from kanport.apply.journal import Recorded
from kanport.apply.watch import Watch
from kanport.errors import ConfigInvalid, PlanStale
from kanport.facts import Fact
from kanport.kanboard.client import Client
from kanport.kanboard.current import read_current
from kanport.ledger import recall
from kanport.mapping import load_mapping
from kanport.memory import NOTHING, LedgerState
from kanport.model import AppRole, CurrentState
from kanport.pipeline.planning import check_guards, check_server, stopped_by
from kanport.plan.change import Action, Change
from kanport.plan.guards import judge_again
from kanport.plan.matching import private_projects
from kanport.plan.model import Plan, blocking
from kanport.plan.staleness import (
    changed_since,
    differences,
    people_of,
    reads_groups,
    renamed_since,
)


@dataclass(frozen=True, slots=True)
class Checked:
    """What checking a plan showed: who is an administrator, and what has another name by now."""

    admins: frozenset[int] = frozenset()
    renamed: dict[str, Fact] = field(default_factory=dict)


def check_fresh(plan: Plan, client: Client, mapping_path: Path | None = None) -> Checked:
    """Check right before the first write that a plan may still be carried out.

    The server must be as the plan says, and the guards that depend on it must still hold, with the
    accounts that the mapping protects now (`mapping_path`, else where the plan says). Raises
    PlanStale, with the differences, and GuardTripped.
    """
    check_server(plan, client)
    current = _read(plan, client)
    moved = differences(plan, current)
    if moved:
        raise PlanStale(
            "the server has changed since the plan was made; nothing was written",
            details=[each.text for each in moved],
            hint="make a new plan",
        )
    _judge(plan, plan.changes, current, mapping_path, client.url)
    return Checked(_admins(current))


def check_resumable(
    recorded: Recorded, client: Client, mapping_path: Path | None = None
) -> Checked:
    """Check before a run goes on that what is left of its plan may still be carried out.

    A plan that its guards stop is refused, as by apply. What somebody else has changed since is no
    reason to refuse the rest: it is skipped. Raises PlanStale for another server, and GuardTripped.
    """
    plan = recorded.plan
    check_server(plan, client)
    check_guards(plan)
    current = _read(plan, client)
    moved = changed_since(plan, current)
    left = tuple(c for c in plan.changes if c.id not in recorded.settled and c.id not in moved)
    _judge(plan, left, current, mapping_path, client.url)
    return Checked(_admins(current), renamed_since(plan, current))


def watch_for(
    plan: Plan, client: Client, checked: Checked, mapping_path: Path | None = None
) -> Watch:
    """Return what checks the changes of a run once more that may lock people out."""
    # Most runs check nothing again, and begin sooner without this.
    people = cache(lambda: people_of(plan))

    def read() -> CurrentState:
        usernames, user_ids = people()
        removing = any(change.action is Action.USER_REMOVE for change in plan.changes)
        return read_current(
            client,
            choose_projects=lambda projects: private_projects(projects) if removing else (),
            with_groups=False,
            usernames=usernames,
            user_ids=user_ids,
        )

    return Watch(plan, read, protected_now(plan, mapping_path) or (), checked.admins)


def protected_now(plan: Plan, mapping_path: Path | None = None) -> tuple[str, ...] | None:
    """Return the patterns of accounts that the mapping of a plan protects now.

    The mapping is read from `mapping_path`, else from where the plan says; None stands for one that
    cannot be read there. Raises ConfigInvalid where the one of `mapping_path` cannot.
    """
    try:
        return load_mapping(mapping_path or Path(plan.mapping.path)).spec.protect
    except ConfigInvalid:
        if mapping_path is not None:
            raise
        return None


def ledger_of(plan: Plan, mapping_path: Path | None = None) -> Path | None:
    """Return where the ledger of a plan is; None where its mapping names none."""
    if plan.mapping.ledger is None:
        return None
    return (mapping_path or Path(plan.mapping.path)).parent / plan.mapping.ledger


def _read(plan: Plan, client: Client) -> CurrentState:
    touched = {change.project_id for change in plan.changes}
    # Shares are of the projects that the plan was made with.
    touched.update(access.project_id for access in plan.access or ())
    removing = any(change.action is Action.USER_REMOVE for change in plan.changes)
    usernames, user_ids = people_of(plan)
    return read_current(
        client,
        choose_projects=lambda projects: (
            {project.id for project in projects if project.id in touched}
            | (private_projects(projects) if removing else frozenset())
        ),
        with_groups=reads_groups(plan),
        usernames=usernames,
        user_ids=user_ids,
    )


def _judge(
    plan: Plan,
    changes: tuple[Change, ...],
    current: CurrentState,
    mapping_path: Path | None,
    url: str,
) -> None:
    protect: Collection[str] = protected_now(plan, mapping_path) or ()
    verdicts = judge_again(
        changes, current, plan, protect=protect, memory=_memory(plan, mapping_path, url)
    )
    # What stopped the plan from the beginning is for `check_guards` to say.
    known = {verdict.guard for verdict in plan.blocked_by}
    stopping = [verdict for verdict in blocking(verdicts) if verdict.guard not in known]
    if stopping:
        raise stopped_by(stopping)


def _memory(plan: Plan, mapping_path: Path | None, url: str) -> LedgerState:
    ledger = ledger_of(plan, mapping_path)
    return recall(ledger, url) if ledger is not None else NOTHING


def _admins(current: CurrentState) -> frozenset[int]:
    return frozenset(user.id for user in current.users if user.role == AppRole.ADMIN)
