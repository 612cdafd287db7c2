"""A review: who decides about which access, until when, of which snapshot.

The file `review.json` is beside the workbooks and the snapshot. What is to be decided follows from
these two, so a workbook that somebody changed cannot ask for anything else. The JSON is a contract,
`kanport-review/1`; keys are only added.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from kanport.access.snapshot import (
    Snapshot,
    SnapshotMembership,
    SnapshotProject,
    SnapshotUser,
    load_snapshot,
)
from kanport.errors import UsageError
from kanport.facts import Fact, fact
from kanport.files import cannot_read, read_file, write_file
from kanport.mapping.spec import MappingFile
from kanport.model import AppRole, CurrentState, Project, ProjectRole, ServerInfo, User
from kanport.names import compare_key
from kanport.plan.guards.separation import violations
from kanport.plan.model import PlanPart, PlanServer
from kanport.plan.plan_file import canonical
from kanport.plan.roles import project_rank
from kanport.records import dataclass

FORMAT: Literal["kanport-review/1"] = "kanport-review/1"
REVIEW_FILE, SNAPSHOT_FILE, RESULT_FILE = "review.json", "snapshot.json", "result.json"
_MAX_BYTES = 64 * 1024 * 1024


class Decision(StrEnum):
    """What a reviewer can decide about somebody's access to a project."""

    KEEP = "keep"
    REVOKE = "revoke"
    CHANGE = "change role"
    UNSURE = "don't know"


class ReviewWorkbook(PlanPart):
    """The workbook of one reviewer; `file` is its name in the folder, `rows` their number."""

    reviewer: str
    file: str
    rows: int


class Campaign(PlanPart):
    """A review of the access on one server, as a snapshot shows it.

    `until` is the last day (UTC), `snapshot` the digest, `reviewers` who decides in each project by
    its id, `otherwise` who decides where nobody else can. Nobody decides about themselves, unless
    `about_self` allows it. `mapping` is the path of the mapping whose rules hold, from the folder
    of the review. `digest` is the SHA-256 of everything but itself, in canonical JSON.
    """

    format: Literal["kanport-review/1"] = FORMAT
    name: str
    created_at: str
    made_by: str
    kanport: str
    until: str = Field(pattern=r"^\d{4}-\d\d-\d\d$")
    server: PlanServer
    mapping: str | None = None
    snapshot: str
    reviewers: dict[int, tuple[str, ...]]
    otherwise: str | None = None
    about_self: bool = False
    workbooks: tuple[ReviewWorkbook, ...] = ()
    digest: str = ""

    def expected_digest(self) -> str:
        """Return the digest of the review's content."""
        return hashlib.sha256(
            canonical(self.model_dump(mode="json", exclude={"digest"}))
        ).hexdigest()

    def sealed(self) -> "Campaign":
        """Return the review with its digest."""
        return self.model_copy(update={"digest": self.expected_digest()})


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """One access to decide about, and who may decide.

    `key` names it in the workbooks. `advice` is what a reviewer should know of it.
    """

    key: str
    user: SnapshotUser
    project: SnapshotProject
    membership: SnapshotMembership
    reviewers: tuple[str, ...]
    advice: tuple[Fact, ...] = ()


def rows_of(
    review: Campaign, snapshot: Snapshot, mapping: MappingFile | None = None
) -> tuple[ReviewRow, ...]:
    """Return everything to decide about, by project and username; `mapping` gives more advice."""
    broken: dict[int, list[Fact]] = {}
    if mapping is not None:
        for one in violations(mapping, current_of(snapshot), at=review.created_at):
            for user in snapshot.users:
                if user.username == one.username and one.exception is None:
                    why = fact("review-advice", case="separation", rule=one.rule.label)
                    broken.setdefault(user.id, []).append(why)
    rows = []
    for project_id, reviewers in review.reviewers.items():
        for membership in snapshot.by_project.get(project_id, ()):
            user = snapshot.user_by_id[membership.user_id]
            able = [one for one in reviewers if review.about_self or not _same(one, user.username)]
            if not able and review.otherwise and not _same(review.otherwise, user.username):
                able = [review.otherwise]
            rows.append(
                ReviewRow(
                    _key(review, membership),
                    user,
                    snapshot.project_by_id[project_id],
                    membership,
                    tuple(able),
                    (*_advice(user, membership), *broken.get(user.id, ())),
                )
            )
    return tuple(sorted(rows, key=_order))


def _same(one: str, other: str) -> bool:
    return compare_key(one) == compare_key(other)


def _order(row: ReviewRow) -> tuple[str, int, str, int]:
    return (
        compare_key(row.project.label),
        row.project.id,
        compare_key(row.user.username),
        row.user.id,
    )


def _key(review: Campaign, membership: SnapshotMembership) -> str:
    """Return a key that holds in this review only, so that rows of another one are refused."""
    parts = (review.snapshot, review.created_at, membership.user_id, membership.project_id)
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:12]


def _advice(user: SnapshotUser, membership: SnapshotMembership) -> Iterable[Fact]:
    if not user.active:
        yield fact("review-advice", case="disabled")
    if user.sources == ():
        yield fact("review-advice", case="orphan")
    if user.role == AppRole.ADMIN:
        yield fact("review-advice", case="administrator")
    if project_rank(membership.role) >= project_rank(ProjectRole.MANAGER):
        yield fact("review-advice", case="privileged", role=membership.role)


def current_of(snapshot: Snapshot) -> CurrentState:
    """Return a snapshot as the current state that plans are compared with."""
    roles: dict[int, dict[int, str]] = {project.id: {} for project in snapshot.projects}
    for one in snapshot.memberships:
        roles[one.project_id][one.user_id] = one.role
    return CurrentState(
        ServerInfo(snapshot.server.url, snapshot.server.version),
        tuple(
            User(one.id, one.username, one.name, one.email, one.role, one.active, one.ldap)
            for one in snapshot.users
        ),
        tuple(
            Project(one.id, one.name, one.identifier, one.active, one.private, one.owner_id)
            for one in snapshot.projects
        ),
        (),
        roles,
    )


def managers_of(snapshot: Snapshot, project: SnapshotProject) -> tuple[str, ...]:
    """Return the usernames of the active managers of a project, directly or through groups."""
    users = (
        snapshot.user_by_id[one.user_id]
        for one in snapshot.by_project.get(project.id, ())
        if one.role == ProjectRole.MANAGER
    )
    return tuple(sorted({user.username for user in users if user.active}))


def owner_of(snapshot: Snapshot, project: SnapshotProject) -> tuple[str, ...]:
    """Return the username of the owner of a project, if an active user owns it."""
    owner = snapshot.user_by_id.get(project.owner_id or 0)
    return (owner.username,) if owner is not None and owner.active else ()


# --- the review as a file -------------------------------------------------------------------------


def write_review(folder: Path, review: Campaign) -> None:
    """Write a review to its folder; raise UsageError where that fails."""
    text = json.dumps(review.model_dump(mode="json"), ensure_ascii=False, indent=2)
    write_file(folder / REVIEW_FILE, f"{text}\n")


def load_review(folder: Path) -> tuple[Campaign, Snapshot]:
    """Read a review and its snapshot from a folder.

    Raises UsageError where one of them is missing, was changed, or does not belong to the other.
    """
    path = folder / REVIEW_FILE
    hint = "kanport review start -o FOLDER makes one"
    try:
        content: Any = json.loads(read_file(path, most=_MAX_BYTES).decode("utf-8"))
        review = Campaign.model_validate(content)
    except OSError as problem:
        raise UsageError(cannot_read(path, problem, "review"), hint=hint) from problem
    except (ValidationError, ValueError, RecursionError) as problem:
        raise UsageError(f"{path} is not a valid review", hint=hint) from problem
    if review.digest != review.expected_digest():
        raise UsageError(f"{path} was changed after the review was started", hint=hint)
    snapshot = load_snapshot(folder / SNAPSHOT_FILE)
    if snapshot.digest != review.snapshot:
        raise UsageError(
            f"{folder / SNAPSHOT_FILE} is not the snapshot that the review was started with"
        )
    return review, snapshot


def by_reviewer(rows: Iterable[ReviewRow]) -> Mapping[str, list[ReviewRow]]:
    """Return the rows of each reviewer, in the order of their logins."""
    found: dict[str, list[ReviewRow]] = {}
    for row in rows:
        for reviewer in row.reviewers:
            found.setdefault(reviewer, []).append(row)
    return dict(sorted(found.items()))
