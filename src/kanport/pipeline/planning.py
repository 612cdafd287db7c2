"""Directories compared with what the last good run recorded of them. Pure.

- An attribute that somebody had then and that is gone now may only be hidden. Some servers prove
  that it is absent (`kanport.sources.ldap.proof`); of the others, it is unknown.
- A referral that was not there then may hide everybody who was below it.
- Another server may have older data than the one that answered then.
"""

import shlex
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from types import MappingProxyType

from pydantic import SecretStr

from kanport import __version__
from kanport.errors import ConfigInvalid, GuardTripped, PlanStale, SourceInvalid
from kanport.findings import Finding, errors_in, found, stopping
from kanport.kanboard.client import Client
from kanport.kanboard.reader import read_current
from kanport.ledger import recall
from kanport.mapping import load_mapping
from kanport.memory import NOTHING, DirectoryMemory, LedgerState, SourceMemory
from kanport.messages import counted
from kanport.model import CurrentState, DesiredState, PasswordCell, Project
from kanport.normalize.users import read_passwords
from kanport.origin import Origin
from kanport.pipeline.directories import compare_directories, doubt_leavers, doubt_losses
from kanport.pipeline.inputs import Inputs, inputs_of, read_tables
from kanport.pipeline.state_dir import current_actor, utc_now
from kanport.plan.change import Action
from kanport.plan.guards.allowances import allow_key
from kanport.plan.guards.separation import projects_of_separation
from kanport.plan.make import make_plan
from kanport.plan.matching import numbers_are_ids, people_wanted, private_projects, projects_wanted
from kanport.plan.model import GuardVerdict, Plan
from kanport.plan.partial import Only
from kanport.table import ACTIVE, LOST, DirectoryInfo, Odd, Row, Table, entry_key


def doubt_by_last_run(inputs: Inputs, memory: LedgerState, allowed: Mapping[str, int]) -> Inputs:
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


def _why_older(now: DirectoryInfo, rows: int, good: SourceMemory | None) -> str:
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


# --- from inputs and a server to a plan, and whether a plan may be carried out --------------------

_MAY_LOSE = (Action.MEMBERSHIP_REVOKE, Action.MEMBERSHIP_CHANGE, Action.GROUP_MEMBER_REMOVE)


def read_state(
    client: Client,
    desired: DesiredState,
    memory: LedgerState = NOTHING,
    *,
    may_remove: bool = False,
    numbers: bool = True,
    remembered: Collection[int] = (),
    beside: Callable[[Iterable[Project]], frozenset[int]] = lambda projects: frozenset(),
) -> CurrentState:
    """Read from the server what a plan for this desired state needs to know.

    `memory` is what the ledger knows of the server. Where the server cannot list its users, those
    that the desired state names are read by name and by id. With `may_remove` the members of
    all private projects are read as well: these go with a member who is removed. `numbers` is what
    `numbers_are_ids` says of the mapping. `remembered` are the ids of projects to read although
    nothing in the desired state may name them, and `beside` chooses more of all.
    """
    usernames, user_ids = people_wanted(desired, memory.identities)
    return read_current(
        client,
        choose_projects=lambda projects: (
            projects_wanted(desired, projects, numbers=numbers)
            | (private_projects(projects) if may_remove else frozenset())
            | {p.id for p in projects if p.id in remembered and not p.private}
            | beside(projects)
        ),
        usernames=usernames,
        user_ids=user_ids,
    )


def all_ids(projects: Iterable[Project]) -> frozenset[int]:
    """Return the ids of all projects."""
    return frozenset(project.id for project in projects)


def is_refused(inputs: Inputs, findings: Iterable[Finding]) -> bool:
    """Return whether the mapping lets these findings stop everything."""
    return inputs.aborts and any(stopping(findings))


def plan_inputs(
    inputs: Inputs,
    client: Client,
    *,
    allowed: Mapping[str, int] = MappingProxyType({}),
    only: Only | None = None,
    now: Callable[[], str] = utc_now,
) -> Plan:
    """Read the server and make the plan; sends no procedure that writes.

    Where the mapping wants invalid rows to stop everything, errors raise SourceInvalid with all
    findings, but not errors about who one person is (`findings.stopping`): those of the input
    before the server is asked, those that only the server can show (an unknown project) after it.
    The ledger is read, never written; ConfigInvalid is raised where
    it cannot be used. `allowed` is what is allowed for this run beyond the limits, up to which
    number (`kanport.plan.guards.parse_allowed`), `only` what the plan is reduced to.
    """
    _stop_at_errors(inputs, inputs.findings)
    plan, _ = plan_and_state(inputs, client, allowed=allowed, only=only, now=now)
    _stop_at_errors(inputs, plan.findings)
    return plan


def plan_and_state(
    inputs: Inputs,
    client: Client,
    *,
    allowed: Mapping[str, int] = MappingProxyType({}),
    only: Only | None = None,
    every_project: bool = False,
    now: Callable[[], str] = utc_now,
) -> tuple[Plan, CurrentState]:
    """Read the server, and make the plan whatever is wrong with rows; return both.

    With `every_project`, also read the members of projects that the plan does not need. Send no
    procedure that writes. Raise ConfigInvalid where the ledger cannot be used.
    """
    path = inputs.ledger
    memory = recall(path, client.url) if path is not None else NOTHING
    inputs = doubt_by_last_run(inputs, memory, allowed)
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
        beside=all_ids if every_project else partial(projects_of_separation, inputs.mapping.spec),
    )
    at = now()

    def plan_for(inputs: Inputs, only: Only | None = None) -> Plan:
        return make_plan(
            inputs.desired,
            current,
            inputs.mapping.spec,
            findings=inputs.findings,
            mapping_ref=inputs.mapping_ref,
            sources=inputs.source_refs,
            created_at=at,
            version=__version__,
            made_by=current_actor(),
            memory=memory,
            # What no ledger is to record, no plan has to hold.
            entries=entries if path is not None and entries else None,
            allowed=allowed,
            only=only,
        )

    plan = plan_for(inputs)
    leaving = {absence.username for absence in plan.absences if absence.state == "missing"}
    doubted = doubt_leavers(inputs, memory.entries, leaving, nameless) if leaving else inputs
    if doubted is not inputs:
        inputs, plan = doubted, plan_for(doubted)
    may_lose = (change.username for change in plan.changes if change.action in _MAY_LOSE)
    losing = {username for username in may_lose if username is not None}
    doubted = doubt_losses(inputs, entries, losing) if losing else inputs
    # What is in doubt follows from the whole plan.
    if doubted is not inputs or only is not None:
        plan = plan_for(doubted, only)
    return plan, current


def _stop_at_errors(inputs: Inputs, findings: Iterable[Finding]) -> None:
    found = tuple(findings)
    if is_refused(inputs, found):
        # The number is that of the report, which counts errors that alone would not stop.
        errors = list(errors_in(found))
        hint = "correct the rows, or set invalid_rows: skip in the mapping to ignore them"
        if all(one.code == "project-unknown" and one.case != "id" for one in errors):
            hint = (
                "create the projects, or let Kanport create them: projects: create in the mapping"
            )
        raise SourceInvalid(
            f"{counted(len(errors), 'error', 'errors')} in the source data; nothing is planned",
            findings=found,
            hint=hint,
        )


def check_guards(plan: Plan, *, saved: bool = True, so: str = "nothing was written") -> None:
    """Raise GuardTripped, with a line for each guard that stops the plan, where one does.

    A `saved` plan cannot be overridden any more, so the hint is the command that makes a new one.
    `so` is what follows from it.
    """
    if not plan.blocked_by:
        return
    hint = None
    if saved and plan.undoes is not None:
        if all(verdict.guard == "limit-remove" for verdict in plan.blocked_by):
            line = made_again(plan, "--remove-created", "NUMBER")
            hint = f"if this is correct, make the plan again: {line}"
    elif saved and plan.overriding is not None:
        pairs = [
            ("--allow", f"{key}={n}") for key, n in {**plan.allowed, **plan.overriding}.items()
        ]
        line = made_again(plan, *chain(*pairs))
        hint = f"if this is correct, make the plan again: {line}"
    raise stopped_by(plan.blocked_by, hint, so=so)


def made_again(plan: Plan, *options: str) -> str:
    """Return the command that makes a plan again: that of its mapping, its review or its undo."""
    if plan.undoes is not None:
        line = ["kanport", "undo", "JOURNAL"]
    elif plan.review is not None:
        line = ["kanport", "review", "collect", plan.review.folder]
    else:
        line = ["kanport", "plan", plan.mapping.path]
        for part in plan.partial.only if plan.partial is not None else ():
            line += ["--only", part]
    text = shlex.join([*line, "-o", "PLAN.json", *options])
    if plan.undoes is not None:
        text += f" (JOURNAL: the one of the run {plan.undoes.run})"
    return text


def stopped_by(
    guards: Sequence[GuardVerdict], hint: str | None = None, *, so: str = "nothing was written"
) -> GuardTripped:
    """Return the error for a plan that these guards stop; `so` is what follows from it."""
    return GuardTripped(
        f"{counted(len(guards), 'safety check', 'safety checks')} stopped the plan; {so}",
        details=[
            f"{verdict.guard}: {verdict.message}" + (f" ({verdict.hint})" if verdict.hint else "")
            for verdict in guards
        ],
        hint=hint,
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
    again = f"make a new plan: kanport plan {plan.mapping.path} -o PLAN.json"
    if mapping.sha256 != plan.mapping.sha256:
        raise PlanStale(
            f"the mapping {mapping.path} has changed since the plan was made",
            hint=again,
        )
    tables = read_tables(mapping)
    for source in plan.sources:
        if tables[source.name].sha256 != source.sha256:
            raise PlanStale(
                f"the source {source.name} ({source.path}) has changed since the plan was made",
                hint=f"new passwords are read from the source; {again}",
            )
    return read_passwords(mapping, tables, wanted)
