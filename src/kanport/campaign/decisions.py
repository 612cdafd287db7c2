"""What all reviewers decided, the plan that follows from it, and what became of it. Pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from enum import StrEnum
from pathlib import PurePath
from types import MappingProxyType
from typing import Any, NamedTuple

from kanport import __version__
from kanport.access.snapshot import SnapshotProject
from kanport.campaign.model import Campaign, Decision, ReviewRow
from kanport.campaign.workbooks import Answer, Answers
from kanport.facts import fact
from kanport.findings import Finding, Severity, found, in_order
from kanport.frames import HeldRelations, uncollected
from kanport.mapping.spec import MappingFile
from kanport.memory import NOTHING, LedgerState
from kanport.model import CurrentState, Project, User
from kanport.origin import Origin
from kanport.plan.change import Action, Change, ChangesByAction, Risk
from kanport.plan.groups import ProjectKey
from kanport.plan.guards import Allowances, GuardContext
from kanport.plan.guards.limits import names_without_meaning
from kanport.plan.guards.separation import separation_findings
from kanport.plan.make import plan_of
from kanport.plan.matching import name_matcher
from kanport.plan.model import Plan, PlanMapping, PlanReview, PlanSource
from kanport.plan.naming import protected_finding
from kanport.plan.order import in_plan_order
from kanport.plan.projection import GroupProjection, indirect_changes
from kanport.plan.relations import relation_change
from kanport.plan.roles import access_risks
from kanport.plan.unchanged_access import unchanged_access
from kanport.records import dataclass


@dataclass(frozen=True, slots=True)
class Decided:
    """The decisions of all reviewers: one for each row, or none; `findings` say what is wrong."""

    rows: tuple[ReviewRow, ...]
    answers: Mapping[str, Answer]
    workbooks: tuple[Answers, ...]
    findings: tuple[Finding, ...]

    @property
    def open(self) -> tuple[ReviewRow, ...]:
        """The rows that nobody has decided; "don't know" decides nothing."""
        answers = self.answers
        return tuple(
            row
            for row in self.rows
            if row.key not in answers or answers[row.key].decision is Decision.UNSURE
        )

    @property
    def errors(self) -> int:
        """The number of errors in the workbooks."""
        return sum(one.severity is Severity.ERROR for one in self.findings)

    @property
    def complete(self) -> bool:
        """Whether every row is decided and nothing in the workbooks is wrong."""
        return not self.open and not self.errors

    @property
    def unassigned(self) -> tuple[ReviewRow, ...]:
        """The rows that nobody may decide about."""
        return tuple(row for row in self.rows if not row.reviewers)


def decided(
    rows: Sequence[ReviewRow], workbooks: Iterable[Answers], beside: Iterable[Finding] = ()
) -> Decided:
    """Put the answers of all workbooks together; different answers to one row are an error.

    A row that is wrong in one workbook has no decision, whatever the others say of it.
    """
    read = tuple(workbooks)
    answers: dict[str, Answer] = {}
    no_decision = {key for one in read for key in one.wrong}
    findings = [*beside, *(one for answers_of in read for one in answers_of.findings)]
    for answer in (answer for one in read for answer in one.given):
        first = answers.setdefault(answer.row.key, answer)
        if first.decision is Decision.UNSURE:
            answers[answer.row.key] = answer
        elif answer.decision is not Decision.UNSURE and _word(first) != _word(answer):
            no_decision.add(answer.row.key)
            findings.append(_conflict(first, answer))
    for key in no_decision:
        answers.pop(key, None)
    return Decided(tuple(rows), answers, read, tuple(in_order(findings)))


def _word(answer: Answer) -> str:
    return f"{answer.decision} ({answer.role})" if answer.role else str(answer.decision)


def _conflict(first: Answer, second: Answer) -> Finding:
    return found(
        "review-conflict",
        second.origin,
        related=(first.origin,),
        username=first.row.user.username,
        project=first.row.project.label,
        reviewer=first.reviewer,
        decision=_word(first),
        other=second.reviewer,
        otherwise=_word(second),
    )


_NOTHING_ASKED: Mapping[tuple[int, int], tuple[str, Origin | None]] = MappingProxyType({})

# --- the plan -------------------------------------------------------------------------------------


@uncollected()
def review_plan(
    review: Campaign,
    decided: Decided,
    current: CurrentState,
    mapping: MappingFile,
    *,
    folder: str,
    mapping_ref: PlanMapping,
    sources: tuple[PlanSource, ...],
    created_at: str,
    made_by: str,
    memory: LedgerState = NOTHING,
    allowed: Mapping[str, int],
    asked: Mapping[tuple[int, int], tuple[str, Origin | None]] = _NOTHING_ASKED,
) -> Plan:
    """Return the plan that does what the reviewers decided, with the cells as origins.

    `asked` are the roles that the sources of the mapping ask for, by the ids of user and project,
    each with its place: the next plan would grant them again.

    The server is compared with what they decided about: what has changed since is an error and
    stays as it is. The rules of the mapping hold as for every plan.
    """
    parts = _Parts(decided, current, mapping, memory, asked)
    made, findings = parts.made()
    changes = in_plan_order(made, (user.username for user in current.users))
    by_action = ChangesByAction(changes)
    held = HeldRelations.of(current.roles)
    projection = GroupProjection.of(current, memory, changes)
    beside = unchanged_access(
        by_action, current, held, indirect_changes(changes, current, projection)
    )
    context = GuardContext(
        by_action,
        current,
        mapping,
        memory=memory,
        allowed=Allowances(allowed),
        access=beside,
        at=created_at,
    )
    # A change is about a row that is as it was; the others have moved, and are findings.
    still = sum(
        current.role(row.user.id, row.project.id) == row.membership.role for row in decided.rows
    )
    open_rows = found("review-open", count=len(decided.open)) if decided.open else None
    return plan_of(
        context,
        made_by=made_by,
        version=__version__,
        mapping_ref=mapping_ref,
        sources=sources,
        unchanged={"memberships": still - len(changes)},
        findings=in_order(
            (
                *decided.findings,
                *findings,
                *_reviewers_gone(decided, current),
                *separation_findings(context),
                *names_without_meaning(mapping, allowed, current),
                *([open_rows] if open_rows is not None else []),
            )
        ),
        review=PlanReview(
            name=review.name, folder=folder, digest=review.digest, snapshot=review.snapshot
        ),
    )


def _reviewers_gone(decided: Decided, current: CurrentState) -> Iterator[Finding]:
    active = {user.username for user in current.users if user.active}
    for one in decided.workbooks:
        if one.given and one.table is not None and one.reviewer not in active:
            yield found(
                "review-reviewer-gone",
                one.table.whole,
                reviewer=one.reviewer,
                count=len(one.given),
            )


class _Parts:
    """The changes and the findings that follow from decisions, one at a time."""

    def __init__(
        self,
        decided: Decided,
        current: CurrentState,
        mapping: MappingFile,
        memory: LedgerState,
        asked: Mapping[tuple[int, int], tuple[str, Origin | None]],
    ) -> None:
        self._decided, self._current, self._asked = decided, current, asked
        self._protected = name_matcher(mapping.protect)
        self._projection = GroupProjection.of(current, memory, ())
        self._findings: list[Finding] = []

    def made(self) -> tuple[list[Change], list[Finding]]:
        """Return the changes, and what is to be said."""
        changes: list[Change] = []
        for row in self._decided.rows:
            answer = self._decided.answers.get(row.key)
            if answer is None or answer.decision is Decision.UNSURE:
                continue
            there = self._unmoved(answer)
            if there is not None and answer.decision is not Decision.KEEP:
                changes += self._change(answer, *there)
        return changes, self._findings

    def _unmoved(self, answer: Answer) -> tuple[User, Project] | None:
        """Return user and project if the server has what was decided about; report the rest."""
        row = answer.row
        names: dict[str, Any] = {"username": row.user.username, "project": row.project.label}
        user = self._current.people.by_id.get(row.user.id)
        project = self._current.project_index.by_id.get(row.project.id)
        now = self._current.role(row.user.id, row.project.id) or None
        ended = answer.decision is Decision.REVOKE and now is None
        changed = answer.decision is Decision.CHANGE and now == answer.role
        case = None
        if project is None or not _same_project(row.project, project):
            case = "project"
        elif user is None or user.username != row.user.username:
            case = "user"
        if case is None and (ended or changed):
            self._findings.append(
                found("review-settled", answer.origin, reviewer=answer.reviewer, **names)
            )
            return None
        if case is None and now != row.membership.role:
            case = "gone" if now is None else "role"
            names |= {"now": now, "role": row.membership.role}
        if case is not None or user is None or project is None:
            value = row.user.username
            self._findings.append(
                found("review-moved", answer.origin, case=case or "user", value=value, **names)
            )
            return None
        return user, project

    def _change(self, answer: Answer, user: User, project: Project) -> Iterator[Change]:
        if self._protected(user.username):
            self._findings.append(protected_finding(user.username, answer.origin))
            return
        effective = self._projection.effective(user.id, ProjectKey.of(project))
        names: dict[str, Any] = {"username": user.username, "project": project.label}
        if effective.direct is False and answer.decision is Decision.REVOKE:
            self._findings.append(
                found(
                    "review-through-group",
                    answer.origin,
                    value=user.username,
                    groups=effective.through,
                    decision=str(answer.decision),
                    **names,
                )
            )
            return
        revokes = answer.decision is Decision.REVOKE
        through = effective.through if effective.direct is None else ()
        after = effective.at_least if revokes else answer.role
        if through:
            self._findings.append(
                found(
                    "access-through-group",
                    answer.origin,
                    case="revoke" if revokes else "change",
                    value=user.username,
                    count=len(through),
                    groups=through,
                    **names,
                )
            )
        role, place = self._asked.get((user.id, project.id), (None, None))
        if role is not None and role != (None if revokes else answer.role):
            self._findings.append(
                found(
                    "review-asked",
                    answer.origin,
                    value=user.username,
                    related=[place] if place is not None else [],
                    role=role,
                    **names,
                )
            )
        before = answer.row.membership.role
        why = fact(
            "reviewed",
            case="comment" if answer.comment else "",
            reviewer=answer.reviewer,
            decision=_word(answer),
            **({"comment": answer.comment} if answer.comment else {}),
        )
        yield relation_change(
            Action.MEMBERSHIP_REVOKE if revokes else Action.MEMBERSHIP_CHANGE,
            user,
            project,
            before=before,
            after=after,
            why=why,
            risk=access_risks(before, after) | ({Risk.MAYBE_THROUGH_GROUP} if through else set()),
            origin=(answer.origin,),
        )


def _same_project(before: SnapshotProject, now: Project) -> bool:
    """Return whether a project is that of the snapshot: a name or the identifier stayed.

    A server may give the id of a project that was removed to the next one.
    """
    return before.name == now.name or before.identifier == now.identifier != ""


def source_of(answers: Answers, path: str) -> PlanSource | None:
    """Return a workbook as a plan names its sources; None for one that could not be read."""
    if answers.table is None:
        return None
    return PlanSource(
        name=PurePath(answers.file).stem,
        type="excel",
        path=path,
        sha256=answers.table.sha256,
        size=answers.table.size,
        rows=len(answers.table.rows),
        modified_at=answers.table.modified_at or None,
    )


# --- what became of it ----------------------------------------------------------------------------


class Became(StrEnum):
    """What became of the access that a row is about."""

    KEPT = "kept"
    REVOKED = "revoked, verified"
    CHANGED = "role changed, verified"
    NOT_DONE = "decided, but not done"
    DRIFTED = "another role now, not as decided"
    OPEN = "open"


class DecisionResult(NamedTuple):
    """A row with what was decided, and what the server has now."""

    row: ReviewRow
    answer: Answer | None
    became: Became
    now: str | None


def results(decided: Decided, current: CurrentState) -> tuple[DecisionResult, ...]:
    """Compare every row with what the server has now."""
    return tuple(_result(row, decided.answers.get(row.key), current) for row in decided.rows)


def all_as_decided(rows: Iterable[DecisionResult]) -> bool:
    """Return whether every row is decided, and the server has what was decided."""
    return {one.became for one in rows} <= {Became.KEPT, Became.REVOKED, Became.CHANGED}


def _result(row: ReviewRow, answer: Answer | None, current: CurrentState) -> DecisionResult:
    now = current.role(row.user.id, row.project.id) or None
    before = row.membership.role
    if answer is None or answer.decision is Decision.UNSURE:
        return DecisionResult(row, answer, Became.OPEN, now)
    wanted, done = {
        Decision.KEEP: (before, Became.KEPT),
        Decision.REVOKE: (None, Became.REVOKED),
        Decision.CHANGE: (answer.role, Became.CHANGED),
    }[answer.decision]
    if now == wanted:
        return DecisionResult(row, answer, done, now)
    return DecisionResult(row, answer, Became.NOT_DONE if now == before else Became.DRIFTED, now)
