"""Make the `View` of a plan, a run, a validation or a verification.

Every number of a report is computed here: `changes` groups the changes, `access` compares roles
before and after, `sentences` words the result.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from pathlib import PurePath

from kanport.catalogue import FINDINGS
from kanport.facts import Fact
from kanport.findings import Finding, Severity, errors_in, in_order
from kanport.messages import quoted
from kanport.origin import row_places
from kanport.outcome import (
    NO_REASON,
    NOT_REACHED,
    Outcome,
    Run,
    Status,
    Tally,
    Verified,
    VerifyResult,
    VerifyStatus,
)
from kanport.plan.change import Action
from kanport.plan.model import GuardVerdict, Plan, PlanMapping, PlanSource
from kanport.plan.open_removals import carried_by
from kanport.plan.review import Review, reviews_of
from kanport.report.access import ProjectLabels, access_of, matrix_of
from kanport.report.changes import (
    NO_ROWS,
    InputRows,
    by_group,
    by_person,
    by_project,
    change_views,
    group_names,
    input_rows,
    leaves_access,
    risky_of,
    sum_of_rows,
    with_undone,
    withheld_views,
)
from kanport.report.effective import with_groups
from kanport.report.escape import escape_control
from kanport.report.sentences import (
    ACTIONS,
    CHANGE,
    FINDING,
    GROUP,
    GROUP_ACCESS,
    GROUP_MEMBER,
    GUARD,
    LEFT_PRIVILEGE,
    MEMBERSHIP,
    PROJECT,
    READ,
    REMOVAL,
    REVIEWS,
    ROW,
    SEVERITIES,
    SOURCE,
    UNDONE,
    USER,
    Noun,
    finding_sentences,
    guard_sentences,
    last_steps,
    open_sentences,
    places_in_short,
    plan_headline,
    risk_sentences,
    run_headline,
    some_of,
    stop_sentences,
    validation_headline,
    verdict_text,
    verification_headline,
    what_to_do,
    withheld_sentences,
)
from kanport.report.view import (
    AccessRow,
    ActionRow,
    ChangeView,
    Count,
    Facts,
    FindingGroup,
    FindingRow,
    Level,
    Matrix,
    OpenView,
    ProjectAccess,
    RiskRow,
    RowResult,
    RunFacts,
    Sentence,
    Sum,
    UndoneRow,
    View,
    ViewKind,
    WithheldView,
)


def of_validation(
    mapping_ref: PlanMapping,
    sources: tuple[PlanSource, ...],
    findings: Iterable[Finding],
    *,
    users: int,
    memberships: int,
    group_members: int = 0,
    group_access: int = 0,
    version: str = "",
    created_at: str = "",
    next_steps: tuple[str, ...] = (),
) -> View:
    """Return the view of the checked data.

    The numbers are how many could be read; `version` is Kanport's and `created_at` in UTC (RFC
    3339), both left out of the report where empty.
    """
    read = {"users": users, "memberships": memberships}
    groups = {"group_members": group_members, "group_access": group_access}
    read |= {key: number for key, number in groups.items() if number}
    ordered = tuple(in_order(findings))
    numbers = severities_in(ordered)
    rows = input_rows(sources, (), ordered, planned=False)
    bad_rows = bad_rows_in(ordered, rows)
    return _view(
        ViewKind.VALIDATION,
        facts=Facts(mapping_ref, sources, kanport=version, created_at=created_at),
        headline=validation_headline(numbers, read=read, bad_rows=bad_rows, sources=len(sources)),
        findings=ordered,
        counts=(
            *(Count(key, number, f"{READ[key](number)} read") for key, number in read.items()),
            Count("invalid_rows", bad_rows, f"{ROW(bad_rows)} with errors"),
        ),
        rows=rows,
        next_steps=next_steps,
    )


def of_plan(plan: Plan, *, next_steps: tuple[str, ...] = ()) -> View:
    """Return the view of what would change."""
    lines = _lines(plan)
    withheld = withheld_views(plan.withheld or (), group_names(lines))
    findings = tuple(in_order(plan.findings))
    access = access_of(plan, lines)
    return _view(
        ViewKind.PLAN,
        facts=_facts(plan),
        headline=plan_headline(
            actions_in(lines),
            plan.unchanged,
            sum(one.is_open for one in withheld),
            plan.guards,
            sum(plan.partial.left_out.values()) if plan.partial is not None else 0,
        ),
        lines=lines,
        names=_names(plan),
        guards=plan.guards,
        withheld=withheld,
        still_open=_still_open(plan, None),
        findings=findings,
        counts=unchanged_counts(plan),
        access=access,
        projects=_projects(plan, lines, access),
        matrix=matrix_of(plan, access),
        rows=input_rows(plan.sources, lines, findings, planned=True),
        next_steps=next_steps,
    )


def of_run(plan: Plan, run: Run, *, next_steps: tuple[str, ...] = ()) -> View:
    """Return the view of what was changed.

    A change without an outcome was not started. Raises ValueError for an outcome of a change
    that the plan does not hold, or for two outcomes of one change.
    """
    outcomes = _outcomes_of(plan, run)
    lines = _lines(plan, outcomes)
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
        withheld=withheld_views(plan.withheld or (), group_names(lines)),
        still_open=_still_open(plan, run),
        findings=findings,
        tally=tally,
        stopped=run.stopped,
        counts=unchanged_counts(plan),
        access=access,
        projects=_projects(plan, lines, access),
        matrix=matrix_of(plan, access),
        rows=input_rows(plan.sources, lines, findings, planned=True),
        next_steps=next_steps,
    )


def of_verification(
    plan: Plan,
    verdicts: Iterable[VerifyResult],
    *,
    run: Run | None = None,
    looked_at: str = "",
    next_steps: tuple[str, ...] = (),
) -> View:
    """Return the view of whether the server is as a plan wanted it.

    There is a verdict for each change. `run` is the one whose journal the plan was taken from,
    `looked_at` when the server was read, in UTC (RFC 3339). The access after is what follows from
    the changes that hold. Raises KeyError where a change has no verdict.
    """
    of = {verdict.change_id: verdict for verdict in verdicts}
    lines = _lines(plan, verdicts={change.id: of[change.id] for change in plan.changes})
    access = access_of(plan, lines)
    verified = Verified.of(len(lines), of.values())
    facts = _facts(plan, None if run is None else _run_facts(run))
    return _view(
        ViewKind.VERIFICATION,
        facts=replace(facts, verified_at=looked_at),
        headline=verification_headline(verified),
        lines=lines,
        names=_names(plan),
        guards=plan.guards,
        withheld=withheld_views(plan.withheld or (), group_names(lines)),
        findings=tuple(in_order(plan.findings)),
        verified=verified,
        access=access,
        projects=_projects(plan, lines, access),
        matrix=matrix_of(plan, access),
        counts=unchanged_counts(plan),
        next_steps=next_steps,
    )


def _lines(
    plan: Plan,
    outcomes: Mapping[str, Outcome] | None = None,
    verdicts: Mapping[str, VerifyResult] | None = None,
) -> tuple[ChangeView, ...]:
    lines = change_views(plan.changes, outcomes or {}, verdicts or {}, reviews_of(plan))
    return with_undone(with_groups(plan, lines), plan.undoes)


def _projects(
    plan: Plan, lines: Sequence[ChangeView], access: Sequence[AccessRow]
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
        undoes=plan.undoes,
        review=plan.review.name if plan.review is not None else "",
    )


def _view(
    kind: ViewKind,
    *,
    facts: Facts,
    headline: str,
    findings: tuple[Finding, ...],
    counts: tuple[Count, ...],
    next_steps: tuple[str, ...],
    lines: tuple[ChangeView, ...] = (),
    guards: tuple[GuardVerdict, ...] = (),
    withheld: tuple[WithheldView, ...] = (),
    still_open: tuple[OpenView, ...] = (),
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
    removals = sum(line.is_removal for line in lines)
    numbers = severities_in(findings)
    sentences = (
        *stop_sentences(stopped),
        *guard_sentences(guards, {} if tally or verified else actions_in(lines)),
        *withheld_sentences(withheld),
        *open_sentences(still_open),
        *(risk_sentences(len(risky), len(lines), risks, removals) if verified is None else ()),
        *finding_sentences(
            numbers, planned=kind is not ViewKind.VALIDATION, undo=facts.undoes is not None
        ),
    )
    touched = (
        Count("people", len(people), f"{USER(len(people))} touched"),
        Count("projects", len(projects), f"{PROJECT(len(projects))} touched"),
        *((Count("groups", len(groups), f"{GROUP(len(groups))} touched"),) if groups else ()),
        *((Count("risky", len(risky), f"{_TO_REVIEW(len(risky))}"),) if verified is None else ()),
        *((Count("removals", removals, _REMOVING(removals)),) if verified is None else ()),
        *((Count("withheld", len(withheld), _WITHHELD(len(withheld))),) if withheld else ()),
    )
    undone = undone_in(lines)
    commands = next_steps or last_steps(undone)
    return View(
        kind=kind,
        title=f"Kanport {kind}: {_title_of(facts)}",
        level=_level(sentences, guards, tally or verified, stopped=stopped),
        headline=headline,
        verdict=verdict_text(
            kind,
            headline,
            len(lines),
            tally,
            guards,
            stopped=stopped,
            errors=numbers[Severity.ERROR],
            bad_rows=bad_rows_in(findings, rows),
        ),
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
        undone=undone,
        sums=(
            *sums_of(kind, lines, numbers, guards, tally or verified),
            *access_sums(matrix),
            *sum_of_rows(rows, planned=kind is not ViewKind.VALIDATION),
        ),
        counts=(
            *(touched if kind is not ViewKind.VALIDATION else ()),
            *counts,
            *source_counts(facts.sources),
        ),
        next_steps=commands,
        steps=tuple(what_to_do(guards, undone, commands)),
        verified=verified,
        access=access,
        matrix=matrix,
        rows=rows,
        groups=groups,
        withheld=withheld,
        open=still_open,
    )


def _title_of(facts: Facts) -> str:
    if facts.review:
        return f"access review {quoted(facts.review)}"
    return facts.mapping.name or PurePath(facts.mapping.path).name


def _still_open(plan: Plan, run: Run | None) -> tuple[OpenView, ...]:
    """Return what earlier runs should have removed and is still there."""
    now = datetime.fromisoformat((run and run.finished_at) or plan.created_at)
    return tuple(
        OpenView(one, max((now - datetime.fromisoformat(one.since)).days, 0))
        for one in carried_by(plan, run)
    )


def _level(
    sentences: Sequence[Sentence],
    guards: Sequence[GuardVerdict],
    tally: Tally | Verified | None,
    *,
    stopped: Fact | None,
) -> Level:
    if tally is not None:
        return Level.GOOD if tally.complete and stopped is None else Level.STOP
    if any(guard.tripped for guard in guards):
        return Level.STOP
    levels = {sentence.level for sentence in sentences}
    return next((level for level in (Level.STOP, Level.LOOK) if level in levels), Level.GOOD)


# --- the numbers of a report, each computed here and nowhere else ---------------------------------

_SAME = {"users": "whose account is unchanged", "groups": "whose name and id are unchanged"}
# What is unchanged, by the keys that a plan counts it under: nouns and words for a plan. Users and
# groups count also if their access changes.
UNCHANGED: dict[str, tuple[Noun, str]] = {
    key: (noun, _SAME.get(key, "unchanged"))
    for key, noun in (
        ("users", USER),
        ("memberships", MEMBERSHIP),
        ("groups", GROUP),
        ("group_members", GROUP_MEMBER),
        ("group_access", GROUP_ACCESS),
    )
}
_TO_REVIEW = Noun("change needs review", "changes need review")
_REMOVING = Noun("other change revokes or lowers access", "other changes revoke or lower access")
_WITHHELD = Noun(f"{REMOVAL.one} withheld", f"{REMOVAL.many} withheld")


def actions_in(lines: Iterable[ChangeView]) -> Counter[Action]:
    """Count the changes by action."""
    return Counter(line.change.action for line in lines)


def summary_of(lines: Sequence[ChangeView], kind: ViewKind) -> tuple[ActionRow, ...]:
    """Return the actions that occur, with what became of them or how many hold."""
    groups: dict[Action, list[ChangeView]] = {action: [] for action in ACTIONS}
    for line in lines:
        groups[line.change.action].append(line)
    return tuple(
        ActionRow(
            action=action,
            symbol=wording.symbol,
            label=wording.label(len(groups[action])),
            planned=len(groups[action]),
            tally=_tally(groups[action], kind),
        )
        for action, wording in ACTIONS.items()
        if groups[action]
    )


def _tally(lines: Sequence[ChangeView], kind: ViewKind) -> Tally | Verified | None:
    if kind is ViewKind.RUN:
        return Tally.of(len(lines), (line.outcome for line in lines if line.outcome))
    if kind is ViewKind.VERIFICATION:
        return Verified.of(len(lines), (line.verdict for line in lines if line.verdict))
    return None


def risk_rows(lines: Iterable[ChangeView]) -> tuple[RiskRow, ...]:
    """Count the changes by why they need review; one may have several reasons."""
    lines = [line for line in lines if line.reviews]
    numbers = Counter(review for line in lines for review in line.reviews)
    words = dict(REVIEWS)
    if any(leaves_access(line.change) for line in lines):
        words[Review.PRIVILEGE_GRANTED] = LEFT_PRIVILEGE
    return tuple(
        RiskRow(review, words[review](numbers[review]), numbers[review])
        for review in Review
        if numbers[review]
    )


def severities_in(findings: Iterable[Finding]) -> Counter[Severity]:
    """Count the findings by severity."""
    return Counter(finding.severity for finding in findings)


def bad_rows_in(findings: Iterable[Finding], rows: InputRows) -> int:
    """Count the rows and entries that are left out because of errors.

    Where the rows could not be read, the places of the errors are all that is known.
    """
    if rows:
        return rows.fates[RowResult.LEFT_OUT]
    return len(row_places(place for finding in errors_in(findings) for place in finding.places))


def finding_rows(findings: Iterable[Finding]) -> tuple[FindingRow, ...]:
    """Count the findings by code, accepted ones apart, the worst and most frequent first."""
    numbers = Counter((finding.code, finding.severity) for finding in findings)
    severities = list(Severity)
    rows = [
        FindingRow(code, severity, FINDINGS[code].about, number)
        for (code, severity), number in numbers.items()
    ]
    return tuple(sorted(rows, key=lambda r: (severities.index(r.severity), -r.number, r.code)))


def finding_groups(
    findings: Iterable[Finding], *, exactly: bool = False
) -> tuple[FindingGroup, ...]:
    """Return the findings with those as one that say the same of the same value, the worst first.

    Where they word it differently, the title of the code says what is wrong, or (`exactly`) they
    are not one.
    """
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for finding in findings:
        params = finding.params if exactly else None
        key = (finding.code, finding.case, finding.value, finding.accepted, params)
        groups.setdefault(key, []).append(finding)
    severities = list(Severity)
    made = [_finding_group(group) for group in groups.values()]
    return tuple(sorted(made, key=lambda one: (severities.index(one.severity), -one.number)))


def _finding_group(findings: Sequence[Finding]) -> FindingGroup:
    first = findings[0]
    # Findings of an earlier version have no parameters, and may word it differently.
    same = len(findings) == 1 or (first.is_whole and len({f.params for f in findings}) == 1)
    text = first.message if same else FINDINGS[first.code].about
    if not same and first.accepted is not None:
        text = f"{text.rstrip('.')} ({first.accepted.text})"
    places = places_in_short(finding.origin for finding in findings if finding.origin is not None)
    return FindingGroup(
        first.code, first.severity, text, first.value, first.hint, len(findings), tuple(places)
    )


def group_wording(group: FindingGroup) -> str:
    """Return what is wrong, with the value if the text does not contain it."""
    if group.value is None or group.value in group.text:
        return group.text
    return f"{group.text.rstrip('.')}: {quoted(group.value)}"


def finding_lines(findings: Iterable[Finding], *, with_hints: bool = True) -> Iterator[str]:
    """Yield a line for each group of findings that begins with its places, and its hint."""
    for group in finding_groups(findings, exactly=True):
        places = f"{some_of(group.places)}  " if group.places else ""
        number = f" × {group.number}" if group.number > 1 else ""
        yield escape_control(
            f"{places}{group.severity}{number}  {group.code}  {group_wording(group)}"
        )
        if group.hint and with_hints:
            yield f"    hint: {escape_control(group.hint)}"


def undone_in(lines: Iterable[ChangeView]) -> tuple[UndoneRow, ...]:
    """Group what was not done, or is not as planned, by how and why, failures first."""
    groups: dict[tuple[Status | VerifyStatus, Fact], list[ChangeView]] = {}
    for line in lines:
        if line.ending is not None and not line.ending.good:
            key = line.ending.status, line.ending.why or NO_REASON
            groups.setdefault(key, []).append(line)
    rows = [UndoneRow(status, why, tuple(group)) for (status, why), group in groups.items()]
    return tuple(sorted(rows, key=lambda row: UNDONE.index(row.status)))


def unchanged_counts(plan: Plan) -> tuple[Count, ...]:
    """Return the counts of what is unchanged, users first; of an undo, what it need not undo."""
    unchanged, undo = plan.unchanged, plan.undoes is not None
    known = list(UNCHANGED)
    keys = sorted(
        unchanged, key=lambda key: (known.index(key) if key in UNCHANGED else len(known), key)
    )
    return tuple(
        Count(
            f"unchanged_{key}",
            unchanged[key],
            f"{noun(unchanged[key])} {'with nothing to undo' if undo else words}",
        )
        for key in keys
        for noun, words in [UNCHANGED.get(key, (Noun(key, key), "unchanged"))]
    )


def source_counts(sources: Sequence[PlanSource]) -> tuple[Count, ...]:
    """Count the sources and the rows in them."""
    rows = sum(source.rows for source in sources)
    return (
        Count("sources", len(sources), f"{SOURCE(len(sources))} read"),
        Count("source_rows", rows, f"{ROW(rows)} in {'it' if len(sources) == 1 else 'them'}"),
    )


def sums_of(
    kind: ViewKind,
    lines: Sequence[ChangeView],
    numbers: Mapping[Severity, int],
    guards: Sequence[GuardVerdict],
    tally: Tally | Verified | None,
) -> tuple[Sum, ...]:
    """Return the sums at the end of every report: changes, outcomes, findings, guards."""
    sums = []
    if kind is not ViewKind.VALIDATION:
        planned = f"{CHANGE(len(lines))} planned"
        actions = actions_in(lines)
        parts = tuple(
            Count(action, actions[action], wording.label(actions[action]))
            for action, wording in ACTIONS.items()
            if actions[action]
        )
        sums.append(Sum(Count("changes", len(lines), planned), parts))
        if tally is not None:
            statuses = Counter(line.ending.status for line in lines if line.ending is not None)
            every = VerifyStatus if isinstance(tally, Verified) else Status
            endings = tuple(
                Count(one.value.replace(" ", "_"), statuses[one], one.word) for one in every
            )
            sums.append(Sum(Count("planned", tally.planned, planned), endings))
    total = sum(numbers.values())
    severities = tuple(Count(s, numbers[s], noun(numbers[s])) for s, noun in SEVERITIES.items())
    sums.append(Sum(Count("findings", total, FINDING(total)), severities))
    if guards:
        tripped = sum(guard.tripped for guard in guards)
        lifted = sum(guard.lifted for guard in guards)
        verdicts = (
            Count("passed", len(guards) - tripped - lifted, "passed"),
            *((Count("lifted", lifted, "overridden"),) if lifted else ()),
            Count("tripped", tripped, "stopped"),
        )
        sums.append(Sum(Count("guards", len(guards), GUARD(len(guards))), verdicts))
    return tuple(sums)


def access_sums(matrix: Matrix | None) -> tuple[Sum, ...]:
    """Add up the roles in the projects that were read, before and after."""
    if matrix is None or not matrix.rows:
        return ()
    read = " (direct or through a group) in the projects read"
    least, most = (sum(getattr(row, end) for row in matrix.rows) for end in ("least", "most"))
    # The sum and its parts count a role that may come through a group as the reports show it.
    unsure = "" if least == most else ", at least" if least == matrix.after else ", some uncertain"
    return (
        Sum(
            Count("access_before", matrix.before, f"{MEMBERSHIP(matrix.before)}{read}, before"),
            tuple(Count(total.role, total.before, total.role) for total in matrix.totals),
        ),
        Sum(
            Count("access_after", matrix.after, f"{MEMBERSHIP(matrix.after)}{read}, after{unsure}"),
            tuple(Count(total.role, total.after, total.role) for total in matrix.totals),
        ),
    )
