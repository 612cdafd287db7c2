"""Render a report as JSON, for programs: the contract `kanport-report/1`.

Its keys are only ever added. The parts of the view are written as they are; only what is called or
nested otherwise in a report has a type here. From these types pydantic writes a report, and the
published JSON Schema.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from json.encoder import encode_basestring
from typing import Any, Final, Literal, NotRequired, cast

from pydantic import TypeAdapter
from typing_extensions import TypedDict  # pydantic takes the one of typing from Python 3.12 only

from kanport.facts import Fact
from kanport.outcome import Status, Tally, Verified, VerifyStatus
from kanport.plan.change import values_of
from kanport.plan.model import (
    GuardVerdict,
    PlanMapping,
    PlanServer,
    PlanSource,
    PlanUndone,
    withheld_in_file,
)
from kanport.report.changes import runs_of
from kanport.report.escape import json_safe
from kanport.report.view import (
    AccessRow,
    ChangeView,
    Count,
    Facts,
    FindingRow,
    Flow,
    InputRow,
    Level,
    Matrix,
    Moves,
    ProjectAccess,
    RiskRow,
    RoleCount,
    Sentence,
    Sum,
    View,
)

FORMAT: Final = "kanport-report/1"
_ENCODE = json.JSONEncoder(ensure_ascii=False).encode
_PLACE = "\0place"


# --- what is called or nested otherwise than in the view ------------------------------------------


class RunDict(TypedDict):
    """Which run it was, when (UTC), why it stopped early if it did, by whom, and as approved."""

    id: str
    started_at: str
    finished_at: str | None
    stopped: str | None
    stopped_code: str | None
    stopped_params: dict[str, Any]
    by: str
    journal_sha256: str
    journal_chained: bool
    approved: dict[str, Any] | None


class FactsDict(TypedDict):
    """What the report is about; sizes in bytes, digests SHA-256 in hex."""

    server: PlanServer | None
    mapping: PlanMapping
    sources: list[PlanSource]
    created_at: str
    kanport: str
    digest: str
    run: RunDict | None
    verified_at: str
    made_by: str
    allowed: dict[str, int]
    undoes: PlanUndone | None


class TallyDict(TypedDict):
    """planned = done + already_so + failed + skipped + not_attempted.

    Reports call `already_so` unchanged, and `not_attempted` not started.
    """

    planned: int
    done: int
    already_so: int
    failed: int
    skipped: int
    not_attempted: int


class VerifiedDict(TypedDict):
    """planned = as_planned + not_as_planned."""

    planned: int
    as_planned: int
    not_as_planned: int


class ActionDict(TypedDict):
    """How many changes of one action there are, and what became of them or how many hold."""

    action: str
    label: str
    planned: int
    tally: NotRequired[TallyDict]
    verified: NotRequired[VerifiedDict]


class OutcomeDict(TypedDict):
    """What became of one change; the reason where it was not made, with its code."""

    status: Status
    reason: str | None
    code: str | None
    params: dict[str, Any]


class VerdictDict(TypedDict):
    """Whether the server is as one change wanted it; what is there instead where not."""

    standing: VerifyStatus
    instead: str | None
    code: str | None
    params: dict[str, Any]


class ChangeDict(TypedDict):
    """One change as the plan holds it, with its places as text, its outcome or its verdict."""

    id: str
    action: str
    symbol: str
    username: str
    project: str | None
    group: str | None
    user_id: int | None
    project_id: int | None
    group_id: int | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    reason: str
    why: dict[str, Any] | None
    risk: list[str]
    review: list[str]
    origin: list[dict[str, Any]]
    places: list[str]
    outcome: NotRequired[OutcomeDict]
    verdict: NotRequired[VerdictDict]


class AccessDict(TypedDict):
    """One user's role in one project, before and after, and the id of the change if there is one.

    `account` is the state of the account in the end; a disabled user keeps the role and cannot use
    it. Access may remain after a change where it may come through a group; `through` are the groups
    that give a role which changes with them.
    """

    username: str
    name: str
    project: str
    project_id: int | None
    before: str | None
    after: str | None
    account: Literal["active", "disabled", "removed", "not there"]
    change: str | None
    maybe_through_group: bool
    through: list[str]


class MatrixRowDict(TypedDict):
    """How many users have access to a project, and with which role; it adds up.

    `least` and `most` are the range in which the number after lies.
    """

    project: str
    project_id: int | None
    before: int
    after: int
    least: int
    most: int
    roles: list[RoleCount]


class MatrixDict(TypedDict):
    """Projects by roles, before and after, with the totals of the rows and of the columns."""

    roles: list[str]
    projects: list[MatrixRowDict]
    totals: list[RoleCount]
    before: int
    after: int


class RowDict(TypedDict):
    """What became of a row of the input: the ids of its changes, the numbers of its findings.

    A row is `skipped` where Kanport does not use the user, project or group that it names, and
    `left out` where it has an error. The findings are numbered from 0 in the order of the report.
    `rows` is how many rows the source made of an entry of a directory.
    """

    source: str
    place: str
    rows: int
    fate: Literal[
        "led to changes",
        "led to changes that were not made",
        "skipped",
        "left out",
        "led to no change",
        "read",
    ]
    changes: list[str]
    findings: list[int]


class PersonDict(TypedDict):
    """The ids of one user's changes."""

    username: str
    name: str
    changes: list[str]


class ThroughDict(TypedDict):
    """A user's role that changes because groups change."""

    username: str
    before: str | None
    after: str | None
    groups: list[str]
    maybe: bool


class FlowDict(TypedDict):
    """How many users have a role in a project: before + granted + gained - others = after.

    Others are `revoked`, `lost` and `removed`. `unsure` are those whose role in the end may be
    another, as it may come through a group; so `after` lies between `least` and `most`.
    """

    before: int
    granted: int
    gained: int
    revoked: int
    lost: int
    removed: int
    after: int
    least: int
    most: int
    unsure: int
    through: list[ThroughDict]


class ProjectDict(TypedDict):
    """The ids of the changes of access to one project, with their numbers.

    `granted`, `changed` and `revoked` count memberships: in a run those that are in place, in a
    plan all. `unchanged` are those of them that the server had before the run. `planned` counts
    what was planned; `groups_made`, `groups_unchanged` and `groups_planned` the access of groups.
    """

    project: str
    granted: int
    changed: int
    revoked: int
    created: int
    planned: Moves
    groups_made: Moves
    groups_planned: Moves
    unchanged: int
    groups_unchanged: int
    people: FlowDict | None
    changes: list[str]


class GroupDict(TypedDict):
    """The ids of the changes of one group, its members and its access."""

    group: str
    changes: list[str]


class UndoneDict(TypedDict):
    """The ids of the changes that were not made, or are not as planned, for one reason.

    They have nothing to do with `kanport undo`.
    """

    status: Status | VerifyStatus
    reason: str
    code: str
    params: dict[str, Any]
    number: int
    changes: list[str]


class ProofDict(TypedDict):
    """What binds a report to its plan and its run; see `kanport verify-report`.

    `plan`, `journal` and `sha256` are SHA-256 digests in hex, the last one that of the report,
    taken while zeros stand in its place.
    """

    kanport_proof: Literal[1]
    report: str
    kind: str
    kanport: str
    plan: str
    run: str
    journal: str
    masked: bool
    table: str | None
    next_steps: list[str]
    sha256: str


class ReportDict(TypedDict):
    """A report of Kanport, with keys that reports for people call otherwise.

    `undone` are the changes that were not made. `guards` are the safety checks: in `sums`,
    `tripped` counts those that stopped the plan, `lifted` those that `--allow` overrode. `risks`
    and `risky` say which changes need review, `removals` which others revoke or lower access.
    `people` are users.
    """

    format: Literal["kanport-report/1"]
    kind: Literal["validation", "plan", "run", "verification"]
    title: str
    level: Level
    headline: str
    sentences: list[Sentence]
    facts: FactsDict
    summary: list[ActionDict]
    tally: TallyDict | None
    verified: VerifiedDict | None
    sums: list[Sum]
    counts: list[Count]
    risks: list[RiskRow]
    risky: list[str]
    removals: list[str]
    people: list[PersonDict]
    projects: list[ProjectDict]
    groups: list[GroupDict]
    changes: list[ChangeDict]
    access: list[AccessDict]
    matrix: MatrixDict | None
    rows: list[RowDict]
    undone: list[UndoneDict]
    guards: list[GuardVerdict]
    withheld: list[dict[str, Any]]
    open: NotRequired[list[dict[str, Any]]]
    finding_kinds: list[FindingRow]
    findings: list[dict[str, Any]]
    next_steps: list[str]
    proof: NotRequired[ProofDict]


# --- writing --------------------------------------------------------------------------------------


def render(view: View) -> str:
    """Return a report as JSON text that ends with a line break; the same view gives the same bytes.

    Each item of a list stands on a line of its own, so that two reports can be compared with any
    tool. Names are as they are; only what is unsafe to show on a terminal is escaped.
    """
    # A list of a university has half a million rows without a change or a finding.
    return json_safe("".join(_pieces(as_dict(replace(view, rows=())), view)))


def _pieces(parts: dict[str, Any], view: View) -> Iterator[str]:
    before = "{\n"
    for key, value in parts.items():
        yield f'{before}  "{key}": '
        before = ",\n"
        if key == "rows" and view.rows:
            yield _list(_rows(view))
        elif isinstance(value, list) and value:
            yield _list(map(_ENCODE, value))
        else:
            yield _ENCODE(value)
    yield "\n}\n"


def _list(items: Iterable[str]) -> str:
    return "[\n    " + ",\n    ".join(items) + "\n  ]"


def _rows(view: View) -> Iterator[str]:
    """Return each row as JSON; those without changes and findings differ in their number alone."""
    numbers = {id(finding): number for number, finding in enumerate(view.findings)}
    for one in runs_of(view.rows):
        if isinstance(one, InputRow):
            yield _ENCODE(_row(one, numbers))
            continue
        plain = _ENCODE(_row(one.like._replace(place=_PLACE), numbers))
        before, after = plain.split(_ENCODE(_PLACE)[1:-1])
        before += encode_basestring(one.start)[1:-1]
        yield from (f"{before}{number}{after}" for number in one.numbers)


def as_dict(view: View) -> dict[str, Any]:
    """Return a report as plain values, in the order in which they are written."""
    # The long lists are plain values already, which need no second look.
    numbers = {id(finding): number for number, finding in enumerate(view.findings)}
    report: dict[str, Any] = _adapter().dump_python(_report(view), mode="json")
    return report | {
        "changes": [_change(line) for line in view.lines],
        "access": [_access(row) for row in view.access],
        "rows": [_row(row, numbers) for row in view.rows],
        "findings": [finding.to_dict() for finding in view.findings],
    }


def _report(view: View) -> ReportDict:
    report: ReportDict = {
        "format": FORMAT,
        "kind": view.kind.value,
        "title": view.title,
        "level": view.level,
        "headline": view.headline,
        "sentences": list(view.sentences),
        "facts": _facts(view.facts),
        "summary": [_action(row.action, row.label, row.planned, row.tally) for row in view.summary],
        "tally": _tally(view.tally) if view.tally else None,
        "verified": _verified(view.verified) if view.verified else None,
        "sums": list(view.sums),
        "counts": list(view.counts),
        "risks": list(view.risks),
        "risky": _ids(view.risky),
        "removals": _ids(view.removals),
        "people": [
            {"username": person.username, "name": person.name, "changes": _ids(person.lines)}
            for person in view.people
        ],
        "projects": [_project(access) for access in view.projects],
        "groups": [{"group": group.group, "changes": _ids(group.lines)} for group in view.groups],
        "changes": [],
        "access": [],
        "matrix": _matrix(view.matrix) if view.matrix else None,
        "rows": [],
        "undone": [
            {
                "status": row.status,
                "reason": row.reason,
                "code": row.why.code,
                "params": _params(row.why),
                "number": len(row.lines),
                "changes": _ids(row.lines),
            }
            for row in view.undone
        ],
        "guards": list(view.guards),
        "withheld": [withheld_in_file(one.withheld) for one in view.withheld],
        "finding_kinds": list(view.finding_rows),
        "findings": [],
        "next_steps": list(view.steps),
    }
    if view.open:
        report["open"] = [one.removal._asdict() | {"days": one.days} for one in view.open]
    return report


def _project(access: ProjectAccess) -> ProjectDict:
    return {
        "project": access.project,
        "granted": access.made.granted,
        "changed": access.made.changed,
        "revoked": access.made.revoked,
        "created": access.created,
        "planned": access.planned,
        "groups_made": access.groups_made,
        "groups_planned": access.groups_planned,
        "unchanged": access.unchanged,
        "groups_unchanged": access.groups_unchanged,
        "people": None if access.flow is None else _flow(access.flow),
        "changes": _ids(access.lines),
    }


def _flow(flow: Flow) -> FlowDict:
    return {
        "before": flow.before,
        "granted": flow.granted,
        "gained": flow.gained,
        "revoked": flow.revoked,
        "lost": flow.lost,
        "removed": flow.removed,
        "after": flow.after,
        "least": flow.least,
        "most": flow.most,
        "unsure": flow.unsure,
        "through": [
            {
                "username": row.person,
                "before": row.before,
                "after": row.after,
                "groups": list(row.through),
                "maybe": row.maybe,
            }
            for row in flow.through
        ],
    }


def _facts(facts: Facts) -> FactsDict:
    run = facts.run
    return {
        "server": facts.server,
        "mapping": facts.mapping,
        "sources": list(facts.sources),
        "created_at": facts.created_at,
        "kanport": facts.kanport,
        "digest": facts.digest,
        "run": {
            "id": run.id,
            "started_at": run.started_at,
            "finished_at": run.finished_at,
            "stopped": _text(run.stopped),
            "stopped_code": _code(run.stopped),
            "stopped_params": _params(run.stopped),
            "by": run.by,
            "journal_sha256": run.journal_sha256,
            "journal_chained": run.journal_chained,
            "approved": run.approved.to_dict() if run.approved else None,
        }
        if run
        else None,
        "verified_at": facts.verified_at,
        "made_by": facts.made_by,
        "allowed": dict(facts.allowed),
        "undoes": facts.undoes,
    }


def _action(action: str, label: str, planned: int, tally: Tally | Verified | None) -> ActionDict:
    row: ActionDict = {"action": str(action), "label": label, "planned": planned}
    if isinstance(tally, Tally):
        row["tally"] = _tally(tally)
    elif tally is not None:
        row["verified"] = _verified(tally)
    return row


def _tally(tally: Tally) -> TallyDict:
    return cast("TallyDict", tally.to_dict())


def _verified(verified: Verified) -> VerifiedDict:
    return cast("VerifiedDict", verified.to_dict())


def _text(why: Fact | None) -> str | None:
    return None if why is None else why.text


def _code(why: Fact | None) -> str | None:
    return None if why is None else why.code


def _params(why: Fact | None) -> dict[str, Any]:
    return {} if why is None else why.to_dict().get("params", {})


def _ids(lines: tuple[ChangeView, ...]) -> list[str]:
    return [line.change.id for line in lines]


def _access(row: AccessRow) -> AccessDict:
    return {
        "username": row.person,
        "name": row.name,
        "project": row.project,
        "project_id": row.project_id,
        "before": row.before,
        "after": row.after,
        "account": row.account.value,
        "change": row.change_id,
        "maybe_through_group": row.maybe,
        "through": list(row.through),
    }


def _matrix(matrix: Matrix) -> MatrixDict:
    return {
        "roles": list(matrix.roles),
        "projects": [
            {
                "project": row.project,
                "project_id": row.project_id,
                "before": row.before,
                "after": row.after,
                "least": row.least,
                "most": row.most,
                "roles": list(row.cells),
            }
            for row in matrix.rows
        ],
        "totals": list(matrix.totals),
        "before": matrix.before,
        "after": matrix.after,
    }


def _row(row: InputRow, numbers: Mapping[int, int]) -> RowDict:
    return {
        "source": row.source,
        "place": row.place,
        "rows": row.times,
        "fate": row.fate.value,
        "changes": [line.change.id for line in row.lines],
        "findings": [numbers[id(finding)] for finding in row.findings] if row.findings else [],
    }


def _change(line: ChangeView) -> ChangeDict:
    change = line.change
    row: ChangeDict = {
        "id": change.id,
        "action": change.action.value,
        "symbol": line.symbol,
        "username": change.username or "",
        "project": change.project,
        "group": change.group,
        "user_id": change.user_id,
        "project_id": change.project_id,
        "group_id": change.group_id,
        "before": values_of(change.before),
        "after": values_of(change.after),
        "reason": change.reason,
        "why": None if change.why is None else change.why.to_dict(),
        "risk": [risk.value for risk in change.risk],
        "review": [review.value for review in line.reviews],
        "origin": [origin.to_dict() for origin in change.origin],
        "places": list(line.places),
    }
    if line.outcome is not None:
        why = line.outcome.why
        row["outcome"] = {
            "status": line.outcome.status,
            "reason": _text(why),
            "code": _code(why),
            "params": _params(why),
        }
    if line.verdict is not None:
        actual = line.verdict.actual
        row["verdict"] = {
            "standing": line.verdict.standing,
            "instead": _text(actual),
            "code": _code(actual),
            "params": _params(actual),
        }
    return row


@cache
def _adapter() -> TypeAdapter[ReportDict]:
    """Return what writes a report as plain values, and its schema."""
    return TypeAdapter(ReportDict)


def report_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a report."""
    schema = _adapter().json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
