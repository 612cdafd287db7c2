"""The numbers of a report, each computed here and nowhere else."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from kanport.catalogue import FINDINGS
from kanport.facts import Fact
from kanport.findings import Finding, Severity
from kanport.outcome import NO_REASON, Status, Tally, Verified, VerifyStatus
from kanport.plan.change import Action
from kanport.plan.model import GuardVerdict, PlanSource
from kanport.report.parts import (
    ActionRow,
    Count,
    FindingRow,
    Line,
    RiskRow,
    Sum,
    UndoneRow,
    ViewKind,
)
from kanport.report.tables import Matrix
from kanport.report.words import (
    ACTIONS,
    CHANGE,
    FINDING,
    GROUP,
    GROUP_ACCESS,
    GROUP_MEMBER,
    GUARD,
    MEMBERSHIP,
    RISKS,
    ROW,
    SEVERITIES,
    SOURCE,
    UNDONE,
    USER,
    Noun,
)

# What is already as it should be, by the keys that a plan counts it under.
UNCHANGED: dict[str, Noun] = {
    "users": Noun(f"{USER.one} already as it should be", f"{USER.many} already as they should be"),
    "memberships": Noun(
        f"{MEMBERSHIP.one} already as it should be", f"{MEMBERSHIP.many} already as they should be"
    ),
    "groups": Noun(
        f"{GROUP.one} already as it should be", f"{GROUP.many} already as they should be"
    ),
    "group_members": Noun(
        f"{GROUP_MEMBER.one} already as it should be",
        f"{GROUP_MEMBER.many} already as they should be",
    ),
    "group_access": Noun(
        f"{GROUP_ACCESS.one} already as it should be",
        f"{GROUP_ACCESS.many} already as they should be",
    ),
}


def actions_in(lines: Iterable[Line]) -> Counter[Action]:
    """Count the changes by action."""
    return Counter(line.change.action for line in lines)


def summary_of(lines: Sequence[Line], kind: ViewKind) -> tuple[ActionRow, ...]:
    """Give the actions that occur, with what became of them or how many hold."""
    groups: dict[Action, list[Line]] = {action: [] for action in ACTIONS}
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


def _tally(lines: Sequence[Line], kind: ViewKind) -> Tally | Verified | None:
    if kind is ViewKind.RUN:
        return Tally.of(len(lines), (line.outcome for line in lines if line.outcome))
    if kind is ViewKind.VERIFICATION:
        return Verified.of(len(lines), (line.verdict for line in lines if line.verdict))
    return None


def risk_rows(lines: Iterable[Line]) -> tuple[RiskRow, ...]:
    """Count the changes by risk, the worst first; one change may carry several."""
    numbers = Counter(risk for line in lines for risk in set(line.change.risk))
    return tuple(
        RiskRow(risk, told(numbers[risk]), numbers[risk])
        for risk, told in RISKS.items()
        if numbers[risk]
    )


def severities_in(findings: Iterable[Finding]) -> Counter[Severity]:
    """Count the findings by severity."""
    return Counter(finding.severity for finding in findings)


def finding_rows(findings: Iterable[Finding]) -> tuple[FindingRow, ...]:
    """Count the findings by code, the worst and most frequent first."""
    numbers = Counter(finding.code for finding in findings)
    severities = list(Severity)
    rows = [
        FindingRow(code, Severity(FINDINGS[code].severity), FINDINGS[code].about, number)
        for code, number in numbers.items()
    ]
    return tuple(sorted(rows, key=lambda r: (severities.index(r.severity), -r.number, r.code)))


def row_of(finding: Finding) -> tuple[str, str | None, str | None, int | str] | None:
    """Give the row or entry that a finding is about, or None where it is about no single one."""
    place = finding.origin
    if place is None:
        return None
    row = place.row if place.row is not None else place.dn
    return None if row is None else (place.source, place.file, place.sheet, row)


def undone_in(lines: Iterable[Line]) -> tuple[UndoneRow, ...]:
    """Group what was not done, or is not as planned, by how and why, failures first."""
    groups: dict[tuple[Status | VerifyStatus, Fact], list[Line]] = {}
    for line in lines:
        if line.ending is not None and not line.ending.good:
            key = line.ending.word, line.ending.why or NO_REASON
            groups.setdefault(key, []).append(line)
    rows = [UndoneRow(status, why, tuple(group)) for (status, why), group in groups.items()]
    return tuple(sorted(rows, key=lambda row: UNDONE.index(row.status)))


def unchanged_counts(unchanged: Mapping[str, int]) -> tuple[Count, ...]:
    """Give the counts of what is already as it should be, users first."""
    known = list(UNCHANGED)
    keys = sorted(
        unchanged, key=lambda key: (known.index(key) if key in UNCHANGED else len(known), key)
    )
    return tuple(
        Count(
            f"unchanged_{key}", unchanged[key], UNCHANGED.get(key, Noun(key, key))(unchanged[key])
        )
        for key in keys
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
    lines: Sequence[Line],
    numbers: Mapping[Severity, int],
    guards: Sequence[GuardVerdict],
    tally: Tally | Verified | None,
) -> tuple[Sum, ...]:
    """Give the sums that stand at the end of every report: changes, outcomes, findings, guards."""
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
            words = Counter(line.ending.word for line in lines if line.ending is not None)
            every = VerifyStatus if isinstance(tally, Verified) else Status
            endings = tuple(Count(word.replace(" ", "_"), words[word], word) for word in every)
            sums.append(Sum(Count("planned", tally.planned, planned), endings))
    if kind is ViewKind.VERIFICATION:
        return tuple(sums)
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
    if matrix is None:
        return ()
    return (
        Sum(
            Count("access_before", matrix.before, f"{MEMBERSHIP(matrix.before)} before"),
            tuple(Count(total.role, total.before, total.role) for total in matrix.totals),
        ),
        Sum(
            Count("access_after", matrix.after, f"{MEMBERSHIP(matrix.after)} after"),
            tuple(Count(total.role, total.after, total.role) for total in matrix.totals),
        ),
    )
