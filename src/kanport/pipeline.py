"""Read, validate, plan and apply as plain functions, for the command line and for Python callers.

Nothing here prints, asks or exits. What stops a run is raised (`kanport.errors`), what is wrong
with single rows comes back as findings.
"""

import os
import re
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import SecretStr

from kanport import __version__
from kanport.apply.engine import Engine, Options
from kanport.apply.journal import Journal, Recorded, load_journal
from kanport.apply.passwords import Passwords
from kanport.apply.undo import people_to_read, projects_to_read, undo_plan
from kanport.apply.verify import verify
from kanport.checks import check
from kanport.errors import (
    ConfigInvalid,
    GuardTripped,
    PlanStale,
    SourceInvalid,
    Unreachable,
    UsageError,
)
from kanport.findings import Finding, errors_in, in_order
from kanport.kanboard.client import Client
from kanport.kanboard.current import read_current
from kanport.ledger import known_people, remember_people
from kanport.mapping import LoadedMapping, load_mapping
from kanport.model import CurrentState, DesiredState, Identity
from kanport.normalize import columns_used, normalize, secret_columns
from kanport.normalize.columns import refuse_missing
from kanport.normalize.passwords import read_passwords
from kanport.outcome import Outcome, Run, Verdict
from kanport.plan.identities import identities_after
from kanport.plan.make import make_plan
from kanport.plan.match import people_wanted, projects_wanted
from kanport.plan.model import Action, Plan, PlanMapping, PlanSource
from kanport.plan.plan_file import load_plan
from kanport.plan.stale import differences, people_of
from kanport.sources import read_source
from kanport.table import Table


def utc_now() -> str:
    """Give the time in UTC as the plan and the journal hold it (RFC 3339, seconds)."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class Inputs:
    """The mapping, the rows of its sources, and what the two together ask for."""

    mapping: LoadedMapping
    tables: Mapping[str, Table]
    desired: DesiredState
    findings: tuple[Finding, ...]

    @property
    def mapping_ref(self) -> PlanMapping:
        """The mapping as a plan names it."""
        spec = self.mapping.spec
        return PlanMapping(
            path=str(self.mapping.path),
            name=spec.name,
            sha256=self.mapping.sha256,
            ledger=spec.ledger,
        )

    @property
    def source_refs(self) -> tuple[PlanSource, ...]:
        """The sources as a plan names them."""
        return tuple(
            PlanSource(
                name=name,
                type=table.kind,
                path=table.path,
                sha256=table.sha256,
                size=table.size,
                rows=len(table.rows),
            )
            for name, table in sorted(self.tables.items())
        )

    @property
    def ledger(self) -> Path | None:
        """Where the ledger is, if the mapping reads stable ids."""
        spec = self.mapping.spec
        if spec.ledger is None or spec.users is None or spec.users.id is None:
            return None
        return self.mapping.path.parent / spec.ledger

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that were read: the mapping, its sources, and the ledger if there is one."""
        sources = self.mapping.spec.sources.values()
        paths = [getattr(source, "path", None) for source in sources]
        read = [self.mapping.path.parent / path for path in paths if path is not None]
        ledger = self.ledger
        return (self.mapping.path, *read, *([ledger] if ledger is not None else []))

    @property
    def aborts(self) -> bool:
        """Whether invalid rows stop everything, as the mapping wants it by default."""
        return self.mapping.spec.invalid_rows == "abort"


def read_inputs(mapping_path: Path) -> Inputs:
    """Read a mapping and all its sources, and find out what they ask for.

    Raises ConfigInvalid for the mapping, Unreachable for a source that cannot be read at all, and
    SourceInvalid, with the findings of all sources, for sources whose form is broken. Invalid rows
    raise nothing: they are in `findings`.
    """
    mapping = load_mapping(mapping_path)
    tables = read_tables(mapping)
    normalized = normalize(mapping, tables)
    findings = in_order(
        [
            *(finding for table in tables.values() for finding in table.findings),
            *normalized.findings,
            *check(normalized.desired, mapping.spec),
        ]
    )
    return Inputs(mapping, tables, normalized.desired, tuple(findings))


def read_tables(mapping: LoadedMapping) -> dict[str, Table]:
    """Read all sources of a mapping, whatever is the matter with one; raises as `read_inputs`."""
    used, secret = columns_used(mapping.spec), secret_columns(mapping.spec)
    tables: dict[str, Table] = {}
    broken: list[SourceInvalid] = []
    unread: list[Unreachable] = []
    for name, spec in mapping.spec.sources.items():
        try:
            tables[name] = read_source(
                name,
                spec,
                base=mapping.path.parent,
                secret_columns=secret.get(name, frozenset()),
                columns_used=used.get(name),
            )
        except SourceInvalid as problem:
            broken.append(problem)
        except Unreachable as problem:
            unread.append(problem)
    if unread or broken:
        try:
            refuse_missing(mapping, tables)
        except SourceInvalid as problem:
            broken.append(problem)
    if unread:
        raise _unread(unread, broken)
    if broken:
        raise _broken(broken)
    return tables


def _broken(problems: Sequence[SourceInvalid]) -> SourceInvalid:
    if len(problems) == 1:
        return problems[0]
    findings = [finding for problem in problems for finding in problem.findings]
    sources = {finding.origin.source for finding in findings if finding.origin is not None}
    return SourceInvalid(f"{len(sources)} sources cannot be used", findings=in_order(findings))


def _unread(problems: Sequence[Unreachable], broken: Sequence[SourceInvalid]) -> Unreachable:
    findings = in_order(finding for problem in broken for finding in problem.findings)
    if len(problems) == 1:
        (problem,) = problems
        problem.findings = tuple(findings)
        return problem
    details: list[str] = []
    for problem in problems:
        details += [problem.message, *(f"  {detail}" for detail in problem.details)]
        details += [f"  hint: {problem.hint}"] if problem.hint else []
    return Unreachable(
        f"{len(problems)} sources cannot be read", details=details, findings=findings
    )


def read_state(
    client: Client, desired: DesiredState, known: Mapping[str, Identity] | None = None
) -> CurrentState:
    """Read from the server what a plan for this desired state needs to know.

    `known` is whom the ledger knows by stable id. Where the server cannot list its users, those
    whom the desired state speaks of are read by name and by id.
    """
    usernames, user_ids = people_wanted(desired, known or {})
    return read_current(
        client,
        choose_projects=lambda projects: projects_wanted(desired, projects),
        usernames=usernames,
        user_ids=user_ids,
    )


def plan_inputs(inputs: Inputs, client: Client, *, now: Callable[[], str] = utc_now) -> Plan:
    """Read the server and make the plan; sends no procedure that writes.

    Where the mapping wants invalid rows to stop everything, errors raise SourceInvalid with all
    findings: those of the input before the server is asked, those that only the server can show
    (an unknown project) after it. The ledger is read, never written; ConfigInvalid is raised where
    it cannot be used.
    """
    _stop_at_errors(inputs, inputs.findings)
    path = inputs.ledger
    known = known_people(path, client.url) if path is not None else {}
    current = read_state(client, inputs.desired, known)
    plan = make_plan(
        inputs.desired,
        current,
        inputs.mapping.spec,
        findings=inputs.findings,
        mapping_ref=inputs.mapping_ref,
        sources=inputs.source_refs,
        created_at=now(),
        version=__version__,
        known=known,
    )
    _stop_at_errors(inputs, plan.findings)
    return plan


def _stop_at_errors(inputs: Inputs, findings: Iterable[Finding]) -> None:
    found = tuple(findings)
    count = len(list(errors_in(found)))
    if count and inputs.aborts:
        raise SourceInvalid(
            f"{count} {'error' if count == 1 else 'errors'} in the source data; nothing is planned",
            findings=found,
            hint="mend the rows, or set invalid_rows: skip in the mapping to go on without them",
        )


def check_guards(plan: Plan) -> None:
    """Raise GuardTripped, with a line for each guard that trips, where one does."""
    tripped = [verdict for verdict in plan.guards if verdict.tripped]
    if tripped:
        raise GuardTripped(
            f"{len(tripped)} {'guard' if len(tripped) == 1 else 'guards'} stopped the plan;"
            " nothing was written",
            details=[
                f"{verdict.guard}: {verdict.message}"
                + (f" ({verdict.hint})" if verdict.hint else "")
                for verdict in tripped
            ],
        )


def check_server(plan: Plan, client: Client) -> None:
    """Raise PlanStale where the plan is for another server: its ids mean other people there."""
    if plan.server.url != client.url:
        raise PlanStale(
            f"the plan was made for {plan.server.url}, not for {client.url}",
            hint="make a plan for this server, or name the other one with --url",
        )


def check_fresh(plan: Plan, client: Client) -> None:
    """Raise PlanStale, with the differences, where the server is not as the plan says."""
    check_server(plan, client)
    touched = frozenset(
        change.project_id for change in plan.changes if change.project_id is not None
    )
    usernames, user_ids = people_of(plan)
    current = read_current(
        client,
        choose_projects=lambda projects: touched & {project.id for project in projects},
        with_groups=False,
        usernames=usernames,
        user_ids=user_ids,
    )
    moved = differences(plan, current)
    if moved:
        raise PlanStale(
            "the server has changed since the plan was made; nothing was written",
            details=moved,
            hint="make a new plan",
        )


def passwords_for(plan: Plan, mapping_path: Path | None = None) -> dict[str, SecretStr]:
    """Read the passwords that the plan takes from a source; the plan itself holds none.

    The mapping (`mapping_path`, else where the plan says) and the sources must be the very files
    that the plan was made from; otherwise PlanStale is raised. Raises ConfigInvalid where the
    mapping cannot be read.
    """
    wanted = [
        change.subject.username
        for change in plan.changes
        if change.action is Action.USER_CREATE
        and isinstance((change.after or {}).get("password"), dict)
    ]
    if not wanted:
        return {}
    try:
        mapping = load_mapping(mapping_path or Path(plan.mapping.path))
    except ConfigInvalid as problem:
        if mapping_path is None and isinstance(problem.__cause__, FileNotFoundError):
            problem.hint = (
                "new passwords are read by way of the mapping, and the plan names it as seen from"
                " where it was made: go there, or say with --mapping where it is"
            )
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


def apply_plan(
    plan: Plan,
    client: Client,
    *,
    journal_path: Path,
    run_id: str,
    given_passwords: Mapping[str, SecretStr] | None = None,
    passwords_to: Path | None = None,
    options: Options | None = None,
    now: Callable[[], str] = utc_now,
    on_outcome: Callable[[Outcome], None] = lambda outcome: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Run:
    """Carry out a plan whose guards hold and which is fresh, and give what became of it.

    The journal is written as it goes; random passwords go to `passwords_to` where that is given.
    """
    with Journal(journal_path, now=now) as journal:
        engine = Engine(
            client,
            journal,
            passwords=Passwords(given_passwords, file=passwords_to),
            options=options,
            on_outcome=on_outcome,
            should_stop=should_stop,
        )
        return engine.run(plan, run_id=run_id, version=__version__)


def resume_run(
    recorded: Recorded,
    client: Client,
    *,
    journal_path: Path,
    given_passwords: Mapping[str, SecretStr] | None = None,
    passwords_to: Path | None = None,
    options: Options | None = None,
    now: Callable[[], str] = utc_now,
    on_outcome: Callable[[Outcome], None] = lambda outcome: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Run:
    """Finish a run that was cut off, and give what became of all of its plan.

    Raises PlanStale where the journal is of another server.
    """
    check_server(recorded.plan, client)
    with Journal(journal_path, now=now, resume=True) as journal:
        engine = Engine(
            client,
            journal,
            passwords=Passwords(given_passwords, file=passwords_to),
            options=options,
            on_outcome=on_outcome,
            should_stop=should_stop,
        )
        return engine.resume(recorded)


def protected_now(plan: Plan, mapping_path: Path | None = None) -> tuple[str, ...] | None:
    """Give the patterns of accounts that the mapping of a plan protects now.

    The mapping is read from `mapping_path`, else from where the plan says; None stands for one that
    cannot be read there. Raises ConfigInvalid where the one of `mapping_path` cannot.
    """
    try:
        return load_mapping(mapping_path or Path(plan.mapping.path)).spec.protect
    except ConfigInvalid:
        if mapping_path is not None:
            raise
        return None


def plan_undo(
    recorded: Recorded,
    client: Client,
    *,
    protect: Iterable[str] = (),
    remove_at_most: int | None = None,
    now: Callable[[], str] = utc_now,
) -> Plan:
    """Read the server and make the plan that takes a run back; see `kanport.apply.undo`.

    Sends no procedure that writes. Raises PlanStale where the run was on another server.
    """
    check_server(recorded.plan, client)
    usernames, user_ids = people_to_read(recorded)
    current = read_current(
        client,
        choose_projects=lambda projects: projects_to_read(
            recorded.plan, projects, removing=remove_at_most is not None
        ),
        usernames=usernames,
        user_ids=user_ids,
    )
    return undo_plan(
        recorded,
        current,
        protect=protect,
        remove_at_most=remove_at_most,
        created_at=now(),
        version=__version__,
    )


def verify_plan(plan: Plan, client: Client) -> tuple[Verdict, ...]:
    """Say of each change of a plan whether the server is as the plan wants it; only reads.

    Raises PlanStale where the plan is for another server.
    """
    check_server(plan, client)
    return verify(plan, client)


def remember(
    plan: Plan,
    run: Run | None,
    *,
    mapping_path: Path | None = None,
    now: Callable[[], str] = utc_now,
) -> None:
    """Record in the ledger whom the stable ids of a plan mean, after a run of it or without one.

    The ledger lies where the plan says, beside the mapping (`mapping_path`, else where the plan
    says). Nothing is done where the plan has no stable ids. Raises ConfigInvalid where the ledger
    cannot be written; what the run did stays done.
    """
    people = identities_after(plan, run)
    if plan.mapping.ledger is None or not people:
        return
    folder = (mapping_path or Path(plan.mapping.path)).parent
    remember_people(folder / plan.mapping.ledger, plan.server.url, people, now=now())


def new_run_id() -> str:
    """Give a run a name of its own that sorts by time."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(3)}"


def state_stem(state: Path | None, plan: Plan) -> Path:
    """Give the path, without ending, under which `sync` keeps plan and journal of one run.

    The folder (`state`, else `kanport` in the user's state folder) is made where it is missing;
    raises UsageError where it cannot be.
    """
    folder = state or _user_state_folder()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as problem:
        raise UsageError(
            f"the state folder {folder} cannot be made: {problem.strerror}",
            hint="name another with --state or KANPORT_STATE",
        ) from problem
    name = re.sub(r"[^\w.-]+", "-", plan.mapping.name or Path(plan.mapping.path).stem)
    return folder / f"{name}-{new_run_id()}"


def _user_state_folder() -> Path:
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

    Raises UsageError where the file is neither.
    """
    try:
        with path.open("rb") as file:
            head = file.readline(200)
    except OSError as problem:
        raise UsageError(f"{path} cannot be read: {problem.strerror}") from problem
    if b'"kanport-journal/' not in head:
        return load_plan(path), None
    recorded = load_journal(path)
    return recorded.plan, recorded.run
