"""A report of any kind as one view: every number is computed here, and only here."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import PurePath

from kanport.facts import Fact
from kanport.findings import Finding, errors_in, in_order
from kanport.outcome import NOT_REACHED, Outcome, Run, Status, Tally, Verdict, Verified
from kanport.plan.model import GuardVerdict, Plan, PlanMapping, PlanSource, PlanWithheld
from kanport.report.access import ProjectLabels, access_of, matrix_of
from kanport.report.counts import (
    access_sums,
    actions_in,
    finding_rows,
    risk_rows,
    row_of,
    severities_in,
    source_counts,
    summary_of,
    sums_of,
    unchanged_counts,
    undone_in,
)
from kanport.report.input_rows import NO_ROWS, InputRows, input_rows, sum_of_rows
from kanport.report.lines import by_group, by_person, by_project, lines_of, risky_of
from kanport.report.parts import (
    Count,
    Facts,
    Level,
    Line,
    ProjectAccess,
    RunFacts,
    Sentence,
    View,
    ViewKind,
)
from kanport.report.sentences import (
    finding_sentences,
    guard_sentences,
    plan_headline,
    risk_sentences,
    run_headline,
    stop_sentences,
    validation_headline,
    verification_headline,
)
from kanport.report.tables import AccessRow, Matrix
from kanport.report.words import CHANGE, GROUP, MEMBERSHIP, PERSON, PROJECT, ROW, USER

__all__ = ["View", "ViewKind", "of_plan", "of_run", "of_validation", "of_verification"]


def of_validation(
    mapping_ref: PlanMapping,
    sources: tuple[PlanSource, ...],
    findings: Iterable[Finding],
    *,
    users: int,
    memberships: int,
    version: str = "",
    created_at: str = "",
    next_steps: tuple[str, ...] = (),
) -> View:
    """Give the view of what the data are like.

    `users` and `memberships` are how many could be read; `version` is Kanport's and `created_at`
    in UTC (RFC 3339), both left out of the report where empty.
    """
    ordered = tuple(in_order(findings))
    numbers = severities_in(ordered)
    bad_rows = len({row_of(finding) for finding in errors_in(ordered)} - {None})
    return _view(
        ViewKind.VALIDATION,
        facts=Facts(mapping_ref, sources, kanport=version, created_at=created_at),
        headline=validation_headline(
            numbers,
            users=users,
            memberships=memberships,
            bad_rows=bad_rows,
            sources=len(sources),
        ),
        findings=ordered,
        counts=(
            Count("users", users, f"{USER(users)} read"),
            Count("memberships", memberships, f"{MEMBERSHIP(memberships)} read"),
            Count("invalid_rows", bad_rows, f"{ROW(bad_rows)} with errors"),
        ),
        rows=input_rows(sources, (), ordered, planned=False),
        next_steps=next_steps,
    )


def of_plan(plan: Plan, *, next_steps: tuple[str, ...] = ()) -> View:
    """Give the view of what would change."""
    lines = lines_of(plan.changes)
    findings = tuple(in_order(plan.findings))
    access = access_of(plan, lines)
    return _view(
        ViewKind.PLAN,
        facts=_facts(plan),
        headline=plan_headline(actions_in(lines), plan.unchanged),
        lines=lines,
        names=_names(plan),
        guards=plan.guards,
        withheld=plan.withheld or (),
        findings=findings,
        counts=unchanged_counts(plan.unchanged),
        access=access,
        projects=_projects(plan, lines, access),
        matrix=matrix_of(plan, access),
        rows=input_rows(plan.sources, lines, findings, planned=True),
        next_steps=next_steps,
    )


def of_run(plan: Plan, run: Run, *, next_steps: tuple[str, ...] = ()) -> View:
    """Give the view of what was changed.

    A change without an outcome was not attempted. Raises ValueError for an outcome of a change
    that the plan does not hold, or for two outcomes of one change.
    """
    outcomes = _outcomes_of(plan, run)
    lines = lines_of(plan.changes, outcomes)
    tally = Tally.of(len(lines), outcomes.values())
    done = actions_in(line for line in lines if line.status is Status.DONE)
    facts = _facts(plan, _run_facts(run))
    findings = tuple(in_order(plan.findings))
    access = access_of(plan, lines)
    return _view(
        ViewKind.RUN,
        facts=facts,
        headline=run_headline(done, tally, stopped=run.stopped),
        lines=lines,
        names=_names(plan),
        guards=plan.guards,
        withheld=plan.withheld or (),
        findings=findings,
        tally=tally,
        stopped=run.stopped,
        counts=unchanged_counts(plan.unchanged),
        access=access,
        projects=_projects(plan, lines, access),
        matrix=matrix_of(plan, access),
        rows=input_rows(plan.sources, lines, findings, planned=True),
        next_steps=next_steps,
    )


def of_verification(
    plan: Plan,
    verdicts: Iterable[Verdict],
    *,
    run: Run | None = None,
    looked_at: str = "",
    next_steps: tuple[str, ...] = (),
) -> View:
    """Give the view of whether the server is as a plan wanted it.

    There is a verdict for each change. `run` is the one whose journal the plan was taken from,
    `looked_at` when the server was read, in UTC (RFC 3339). The findings and guards of the plan
    are left to its own report. Raises KeyError where a change has no verdict.
    """
    of = {verdict.change_id: verdict for verdict in verdicts}
    lines = lines_of(plan.changes, verdicts={change.id: of[change.id] for change in plan.changes})
    verified = Verified.of(len(lines), of.values())
    facts = _facts(plan, None if run is None else _run_facts(run))
    return _view(
        ViewKind.VERIFICATION,
        facts=replace(facts, verified_at=looked_at),
        headline=verification_headline(verified),
        lines=lines,
        names=_names(plan),
        findings=(),
        verified=verified,
        projects=by_project(lines, ProjectLabels(plan)),
        counts=(),
        next_steps=next_steps,
    )


def _projects(
    plan: Plan, lines: Sequence[Line], access: Sequence[AccessRow]
) -> tuple[ProjectAccess, ...]:
    return by_project(lines, ProjectLabels(plan), None if plan.access is None else access)


def _run_facts(run: Run) -> RunFacts:
    return RunFacts(
        run.id,
        run.started_at,
        run.finished_at,
        run.stopped,
        by=run.by,
        approved=run.approved,
        journal_sha256=run.journal_sha256,
        journal_chained=run.journal_chained,
    )


def _outcomes_of(plan: Plan, run: Run) -> dict[str, Outcome]:
    outcomes = {
        change.id: Outcome(change.id, Status.NOT_ATTEMPTED, NOT_REACHED) for change in plan.changes
    }
    seen = [outcome.change_id for outcome in run.outcomes]
    if not set(seen) <= set(outcomes) or len(seen) != len(set(seen)):
        raise ValueError(f"the outcomes of run {run.id} do not belong to this plan")
    return outcomes | {outcome.change_id: outcome for outcome in run.outcomes}


def _names(plan: Plan) -> dict[str, str]:
    return {person.username: person.name for person in plan.people if person.name}


def _facts(plan: Plan, run: RunFacts | None = None) -> Facts:
    return Facts(
        mapping=plan.mapping,
        sources=plan.sources,
        server=plan.server,
        created_at=plan.created_at,
        kanport=plan.kanport,
        digest=plan.digest,
        run=run,
        made_by=plan.made_by or "",
        allowed=plan.allowed,
    )


def _view(
    kind: ViewKind,
    *,
    facts: Facts,
    headline: str,
    findings: tuple[Finding, ...],
    counts: tuple[Count, ...],
    next_steps: tuple[str, ...],
    lines: tuple[Line, ...] = (),
    guards: tuple[GuardVerdict, ...] = (),
    withheld: tuple[PlanWithheld, ...] = (),
    tally: Tally | None = None,
    verified: Verified | None = None,
    stopped: Fact | None = None,
    access: tuple[AccessRow, ...] = (),
    matrix: Matrix | None = None,
    rows: InputRows = NO_ROWS,
    projects: tuple[ProjectAccess, ...] = (),
    names: Mapping[str, str] | None = None,
) -> View:
    people = by_person(lines, names or {})
    groups = by_group(lines)
    # Whether a change was dangerous is a question to ask before and while it is made.
    risky, risks = ((), ()) if verified is not None else (risky_of(lines), risk_rows(lines))
    numbers = severities_in(findings)
    sentences = (
        *stop_sentences(stopped),
        *guard_sentences(guards),
        *(risk_sentences(len(risky), len(lines), risks) if verified is None else ()),
        *finding_sentences(numbers, planned=kind is not ViewKind.VALIDATION),
    )
    touched = (
        Count("people", len(people), f"{PERSON(len(people))} touched"),
        Count("projects", len(projects), f"{PROJECT(len(projects))} touched"),
        *((Count("groups", len(groups), f"{GROUP(len(groups))} touched"),) if groups else ()),
        *(
            (Count("risky", len(risky), f"{CHANGE(len(risky))} to look at twice"),)
            if verified is None
            else ()
        ),
    )
    return View(
        kind=kind,
        title=f"Kanport {kind}: {facts.mapping.name or PurePath(facts.mapping.path).name}",
        level=_level(sentences, tally or verified, stopped=stopped),
        headline=headline,
        sentences=sentences,
        facts=facts,
        summary=summary_of(lines, kind),
        lines=lines,
        people=people,
        projects=projects,
        risks=risks,
        risky=risky,
        guards=guards,
        findings=findings,
        finding_rows=finding_rows(findings),
        tally=tally,
        undone=undone_in(lines),
        sums=(
            *sums_of(kind, lines, numbers, guards, tally or verified),
            *access_sums(matrix),
            *sum_of_rows(rows, planned=kind is not ViewKind.VALIDATION),
        ),
        counts=(
            *(touched if kind is not ViewKind.VALIDATION else ()),
            *counts,
            *(source_counts(facts.sources) if verified is None else ()),
        ),
        next_steps=next_steps,
        verified=verified,
        access=access,
        matrix=matrix,
        rows=rows,
        groups=groups,
        withheld=withheld,
    )


def _level(
    sentences: Sequence[Sentence], tally: Tally | Verified | None, *, stopped: Fact | None
) -> Level:
    if tally is not None:
        return Level.GOOD if tally.complete and stopped is None else Level.STOP
    levels = {sentence.level for sentence in sentences}
    return next((level for level in (Level.STOP, Level.LOOK) if level in levels), Level.GOOD)
