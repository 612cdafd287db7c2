"""From inputs and a server to a plan, and whether a plan may be carried out."""

import os
import pwd
import socket
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType

from pydantic import SecretStr

from kanport import __version__
from kanport.errors import (
    ConfigInvalid,
    GuardTripped,
    PlanStale,
    SourceInvalid,
)
from kanport.findings import Finding, stopping
from kanport.kanboard.client import Client
from kanport.kanboard.current import read_current
from kanport.ledger import recall
from kanport.mapping import load_mapping
from kanport.memory import NOTHING, LedgerState
from kanport.messages import counted
from kanport.model import CurrentState, DesiredState, PasswordCell
from kanport.normalize.users import read_passwords
from kanport.pipeline.directories import compare_directories, doubt_leavers, doubt_losses
from kanport.pipeline.inputs import Inputs, read_tables
from kanport.pipeline.recalled import compared_with
from kanport.plan.change import Action
from kanport.plan.make import make_plan
from kanport.plan.matching import numbers_are_ids, people_wanted, private_projects, projects_wanted
from kanport.plan.model import GuardVerdict, Plan

_MAY_LOSE = (Action.MEMBERSHIP_REVOKE, Action.MEMBERSHIP_CHANGE, Action.GROUP_MEMBER_REMOVE)


def utc_now() -> str:
    """Give the time in UTC as the plan and the journal hold it (RFC 3339, seconds)."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def who_runs() -> str:
    """Return the user and the machine, such as `ann@build7`.

    The user is the one whom this process runs as: the environment, which anybody can set, is not
    asked. A user without a name is given by number.
    """
    number = os.geteuid()
    try:
        name = pwd.getpwuid(number).pw_name
    except KeyError:
        name = f"uid {number}"
    return f"{name}@{socket.gethostname()}"


def read_state(
    client: Client,
    desired: DesiredState,
    memory: LedgerState = NOTHING,
    *,
    may_remove: bool = False,
    numbers: bool = True,
    remembered: Collection[int] = (),
) -> CurrentState:
    """Read from the server what a plan for this desired state needs to know.

    `memory` is what the ledger knows of the server. Where the server cannot list its users, those
    whom the desired state speaks of are read by name and by id. With `may_remove` the members of
    all private projects are read as well: these go with a member who is removed. `numbers` is what
    `plan.match.numbers_are_ids` says of the mapping. `remembered` are the ids of projects to read
    although nothing in the desired state may name them.
    """
    usernames, user_ids = people_wanted(desired, memory.identities)
    return read_current(
        client,
        choose_projects=lambda projects: (
            projects_wanted(desired, projects, numbers=numbers)
            | (private_projects(projects) if may_remove else frozenset())
            | {p.id for p in projects if p.id in remembered and not p.private}
        ),
        usernames=usernames,
        user_ids=user_ids,
    )


def plan_inputs(
    inputs: Inputs,
    client: Client,
    *,
    allowed: Mapping[str, int] = MappingProxyType({}),
    now: Callable[[], str] = utc_now,
) -> Plan:
    """Read the server and make the plan; sends no procedure that writes.

    Where the mapping wants invalid rows to stop everything, errors raise SourceInvalid with all
    findings, but not errors about who one person is (`findings.stopping`): those of the input
    before the server is asked, those that only the server can show (an unknown project) after it.
    The ledger is read, never written; ConfigInvalid is raised where
    it cannot be used. `allowed` is what is allowed for this run beyond the limits, up to which
    number (`kanport.plan.guards.parse_allowed`).
    """
    _stop_at_errors(inputs, inputs.findings)
    plan, _ = plan_and_state(inputs, client, allowed=allowed, now=now)
    _stop_at_errors(inputs, plan.findings)
    return plan


def plan_and_state(
    inputs: Inputs,
    client: Client,
    *,
    allowed: Mapping[str, int] = MappingProxyType({}),
    now: Callable[[], str] = utc_now,
) -> tuple[Plan, CurrentState]:
    """Read the server, and make the plan whatever is wrong with rows; gives both.

    Sends no procedure that writes. Raises ConfigInvalid where the ledger cannot be used.
    """
    path = inputs.ledger
    memory = recall(path, client.url) if path is not None else NOTHING
    inputs = compared_with(inputs, memory, allowed)
    nameless = inputs.desired.unknown.nameless
    inputs, entries = compare_directories(inputs, memory.entries, allowed)
    users = inputs.mapping.spec.users
    steps = users.steps if users is not None else None
    may_remove = steps is not None and (steps.then == "remove" or steps.remove_after is not None)
    current = read_state(
        client,
        inputs.desired,
        memory,
        may_remove=may_remove,
        numbers=numbers_are_ids(inputs.mapping.spec),
        remembered=memory.projects_remembered() if inputs.mapping.spec.ends_by_absence else (),
    )
    at = now()

    def plan_for(inputs: Inputs) -> Plan:
        return make_plan(
            inputs.desired,
            current,
            inputs.mapping.spec,
            findings=inputs.findings,
            mapping_ref=inputs.mapping_ref,
            sources=inputs.source_refs,
            created_at=at,
            version=__version__,
            made_by=who_runs(),
            memory=memory,
            # What no ledger is to record, no plan has to hold.
            entries=entries if path is not None and entries else None,
            allowed=allowed,
        )

    plan = plan_for(inputs)
    leaving = {absence.username for absence in plan.absences if absence.state == "missing"}
    doubted = doubt_leavers(inputs, memory.entries, leaving, nameless) if leaving else inputs
    if doubted is not inputs:
        inputs, plan = doubted, plan_for(doubted)
    may_lose = (change.username for change in plan.changes if change.action in _MAY_LOSE)
    losing = {username for username in may_lose if username is not None}
    doubted = doubt_losses(inputs, entries, losing) if losing else inputs
    if doubted is not inputs:
        plan = plan_for(doubted)
    return plan, current


def _stop_at_errors(inputs: Inputs, findings: Iterable[Finding]) -> None:
    found = tuple(findings)
    count = len(list(stopping(found)))
    if count and inputs.aborts:
        raise SourceInvalid(
            f"{count} {'error' if count == 1 else 'errors'} in the source data; nothing is planned",
            findings=found,
            hint="correct the rows, or set invalid_rows: skip in the mapping to ignore them",
        )


def check_guards(plan: Plan) -> None:
    """Raise GuardTripped, with a line for each guard that stops the plan, where one does."""
    if plan.blocked_by:
        raise stopped_by(plan.blocked_by)


def stopped_by(guards: Sequence[GuardVerdict]) -> GuardTripped:
    """Return the error for a plan that these guards stop."""
    return GuardTripped(
        f"{counted(len(guards), 'safety check', 'safety checks')} stopped the plan;"
        " nothing was written",
        details=[
            f"{verdict.guard}: {verdict.message}" + (f" ({verdict.hint})" if verdict.hint else "")
            for verdict in guards
        ],
    )


def check_server(plan: Plan, client: Client) -> None:
    """Raise PlanStale where the plan is for another server: its ids mean other people there."""
    if plan.server.url != client.url:
        raise PlanStale(
            f"the plan was made for {plan.server.url}, not for {client.url}",
            hint="make a plan for this server, or name the other one with --url",
        )


def passwords_for(plan: Plan, mapping_path: Path | None = None) -> dict[str, SecretStr]:
    """Read the passwords that the plan takes from a source; the plan itself holds none.

    The mapping (`mapping_path`, else where the plan says) and the sources must be the very files
    that the plan was made from; otherwise PlanStale is raised. Raises ConfigInvalid where the
    mapping cannot be read.
    """
    wanted = [
        change.username
        for change in plan.changes
        if change.action is Action.USER_CREATE and isinstance(change.new.password, PasswordCell)
    ]
    if not wanted:
        return {}
    try:
        mapping = load_mapping(mapping_path or Path(plan.mapping.path))
    except ConfigInvalid as problem:
        if mapping_path is None and isinstance(problem.__cause__, FileNotFoundError):
            raise ConfigInvalid(
                problem.message,
                hint="new passwords are read by way of the mapping, and the plan names it as seen"
                " from where it was made: go there, or say with --mapping where it is",
                details=problem.details,
            ) from problem
        raise
    if mapping.sha256 != plan.mapping.sha256:
        raise PlanStale(
            f"the mapping {mapping.path} has changed since the plan was made",
            hint="make a new plan",
        )
    tables = read_tables(mapping)
    for source in plan.sources:
        if tables[source.name].sha256 != source.sha256:
            raise PlanStale(
                f"the source {source.name} ({source.path}) has changed since the plan was made",
                hint="make a new plan: new passwords are read from the source",
            )
    return read_passwords(mapping, tables, wanted)
