"""The shape of a report in JSON: the contract `kanport-report/1`, whose keys are only ever added.

The parts of the view are written as they are; only what is called or nested otherwise in a report
has a type here. From these types pydantic writes a report, and the published JSON Schema.
"""

from functools import cache
from typing import Any, Final, Literal, NotRequired

from pydantic import TypeAdapter
from typing_extensions import TypedDict  # pydantic takes the one of typing from Python 3.12 only

from kanport.outcome import Status, VerifyStatus
from kanport.plan.model import GuardVerdict, PlanMapping, PlanServer, PlanSource
from kanport.report.parts import Count, FindingRow, Level, Moves, RiskRow, Sentence, Sum
from kanport.report.tables import RoleCount

FORMAT: Final = "kanport-report/1"


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


class TallyDict(TypedDict):
    """planned = done + already_so + failed + skipped + not_attempted."""

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
    """What became of one change; the reason where it was not done, with its code."""

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
    origin: list[dict[str, Any]]
    places: list[str]
    outcome: NotRequired[OutcomeDict]
    verdict: NotRequired[VerdictDict]


class AccessDict(TypedDict):
    """One person's role in one project, before and after, and the id of the change if there is one.

    `account` is how the account stands in the end: who is disabled keeps the role and cannot use
    it. Access may stay after a change where it may come through a group; `through` are the groups
    that give a role which moves with them.
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
    """How many people have access to a project, and with which role; it adds up."""

    project: str
    project_id: int | None
    before: int
    after: int
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

    The findings are numbered from 0 in the order of the report. `rows` is how many rows the source
    made of an entry of a directory.
    """

    source: str
    place: str
    rows: int
    fate: Literal[
        "led to changes",
        "led to changes that were not made",
        "left out",
        "led to no change",
        "read",
    ]
    changes: list[str]
    findings: list[int]


class PersonDict(TypedDict):
    """The ids of one person's changes."""

    username: str
    name: str
    changes: list[str]


class ThroughDict(TypedDict):
    """Somebody's role that changes because groups change."""

    username: str
    before: str | None
    after: str | None
    groups: list[str]
    maybe: bool


class FlowDict(TypedDict):
    """How many people have a role in a project: before + granted + gained - others = after.

    Others are `revoked`, `lost` and `removed`. `unsure` are those whose role in the end may be
    another, as it may come through a group.
    """

    before: int
    granted: int
    gained: int
    revoked: int
    lost: int
    removed: int
    after: int
    unsure: int
    through: list[ThroughDict]


class ProjectDict(TypedDict):
    """The ids of the changes of access to one project, with their numbers.

    `granted`, `changed` and `revoked` count memberships: in a run those that were made, in a plan
    all. `planned` counts what was planned, `groups_made` and `groups_planned` the access of groups.
    """

    project: str
    granted: int
    changed: int
    revoked: int
    created: int
    planned: Moves
    groups_made: Moves
    groups_planned: Moves
    people: FlowDict | None
    changes: list[str]


class GroupDict(TypedDict):
    """The ids of the changes of one group, its members and its access."""

    group: str
    changes: list[str]


class UndoneDict(TypedDict):
    """The ids of the changes left undone, or not as planned, in one way for one reason."""

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
    """A report of Kanport."""

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
    finding_kinds: list[FindingRow]
    findings: list[dict[str, Any]]
    next_steps: list[str]
    proof: NotRequired[ProofDict]


@cache
def adapter() -> TypeAdapter[ReportDict]:
    """Return what writes a report as plain values, and its schema."""
    return TypeAdapter(ReportDict)


def report_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a report."""
    schema = adapter().json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
