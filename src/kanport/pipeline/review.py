"""Access reviews: start one, see how far it is, make its plan, and close it with its result."""

import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Literal

from kanport import __version__
from kanport.access.snapshot import Snapshot, SnapshotProject, write_snapshot
from kanport.apply.journal import load_journal
from kanport.campaign.decisions import (
    Decided,
    all_as_decided,
    decided,
    results,
    review_plan,
    source_of,
)
from kanport.campaign.documents import (
    result_data,
    result_document,
    status_data,
    status_document,
)
from kanport.campaign.model import (
    RESULT_FILE,
    REVIEW_FILE,
    SNAPSHOT_FILE,
    Campaign,
    ReviewRow,
    ReviewWorkbook,
    by_reviewer,
    load_review,
    managers_of,
    owner_of,
    rows_of,
    write_review,
)
from kanport.campaign.workbooks import read_answers, unknown_files, workbook_of
from kanport.errors import Exit, KanportError, PlanStale, SourceInvalid, UsageError
from kanport.files import write_file
from kanport.findings import Finding, errors_in, found
from kanport.kanboard.client import Client
from kanport.kanboard.reader import read_current
from kanport.ledger import recall
from kanport.mapping import LoadedMapping, load_mapping
from kanport.mapping.sources import CsvSource, ExcelSource
from kanport.mapping.spec import Limits, MappingFile
from kanport.memory import NOTHING
from kanport.messages import counted, quoted
from kanport.model import CurrentState
from kanport.names import compare_key
from kanport.origin import Origin, first_place
from kanport.pipeline.access import read_access
from kanport.pipeline.inputs import Inputs, read_inputs
from kanport.pipeline.reports import ShortReport
from kanport.pipeline.results import OnProgress, Reporter, Stage, ignore
from kanport.pipeline.state_dir import current_actor, ledger_of_mapping, utc_now
from kanport.plan.matching import name_matcher
from kanport.plan.model import Plan, PlanMapping
from kanport.records import dataclass
from kanport.sources import SourceContext, read_source

DAYS = 14
"""Days that reviewers have, unless the review says otherwise."""

By = Literal["manager", "owner"]


@dataclass(frozen=True, slots=True)
class StartedReview:
    """A review that was started, and what nobody reviews.

    `unassigned` are rows that nobody may decide about, `left_out` the private and closed projects.
    """

    review: Campaign
    folder: Path
    rows: tuple[ReviewRow, ...]
    unassigned: tuple[ReviewRow, ...]
    left_out: tuple[str, ...]


def start_review(
    server: Client,
    folder: Path,
    *,
    inputs: Inputs | None = None,
    by: By = "manager",
    reviewers: Path | None = None,
    otherwise: str | None = None,
    projects: Iterable[str] = (),
    until: str | None = None,
    name: str | None = None,
    about_self: bool = False,
    progress: OnProgress = ignore,
) -> StartedReview:
    """Write a workbook for each reviewer into a new folder, with the snapshot that they are of.

    `by` says who reviews a project: its managers or its owner; `reviewers` is a list with the
    columns project and reviewer instead. `otherwise` reviews what nobody else may. `inputs` tell
    who is in no source, and which rules hold. Raises UsageError for a folder that has files, for
    reviewers who are not on the server, if nobody is to decide anything, and Unreachable.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} exists already, and is not empty", hint="name a new folder")
    # So exact that no two reviews have the same keys of rows.
    now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    until = until or (datetime.now(UTC) + timedelta(days=DAYS)).strftime("%Y-%m-%d")
    if until < now[:10]:
        raise UsageError(f"the review would end on {until}, which is in the past")
    with Reporter(progress).stage(Stage.SERVER):
        snapshot = read_access(server, inputs).snapshot
    chosen, left_out = _projects(snapshot, tuple(projects))
    listed = _listed(reviewers) if reviewers is not None else None
    who = {"manager": managers_of, "owner": owner_of}[by]
    assigned = {
        project.id: who(snapshot, project) if listed is None else listed(project)
        for project in chosen
    }
    logins = _logins(
        snapshot, (*(one for some in assigned.values() for one in some), otherwise or "")
    )
    review = Campaign(
        name=name or f"{folder.resolve().name}",
        created_at=now,
        made_by=current_actor(),
        kanport=__version__,
        until=until,
        server=snapshot.server,
        mapping=os.path.relpath(inputs.mapping.path, folder) if inputs is not None else None,
        snapshot=snapshot.digest,
        # Two spellings of a username are one reviewer, with one workbook.
        reviewers={
            at: tuple(dict.fromkeys(logins[one] for one in some)) for at, some in assigned.items()
        },
        otherwise=logins[otherwise] if otherwise else None,
        about_self=about_self,
    )
    rows = rows_of(review, snapshot, inputs.mapping.spec if inputs is not None else None)
    theirs = by_reviewer(rows)
    if not theirs:
        raise _nobody(rows, by if listed is None else None)
    names = _file_names(theirs)
    review = review.model_copy(
        update={
            "workbooks": tuple(
                ReviewWorkbook(reviewer=one, file=names[one], rows=len(some))
                for one, some in theirs.items()
            )
        }
    ).sealed()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_snapshot(folder / SNAPSHOT_FILE, snapshot)
    for one, some in theirs.items():
        write_file(folder / names[one], workbook_of(review, snapshot, one, some))
    # Last of all: without it, the folder is no review.
    write_review(folder, review)
    unassigned = tuple(row for row in rows if not row.reviewers)
    return StartedReview(review, folder, rows, unassigned, left_out)


def _nobody(rows: Sequence[ReviewRow], by: By | None) -> UsageError:
    """Return the error for a review without a workbook; `by` is None with a list of reviewers."""
    if not rows:
        return UsageError(
            "there is no membership to review", hint="private and closed projects are left out"
        )
    if by is None:
        return UsageError(
            "the list of reviewers names nobody who may decide",
            hint="correct the list, or name somebody with --otherwise LOGIN",
        )
    other = {"owner": "--by manager", "manager": "--by owner"}[by]
    return UsageError(
        f"no project has an active {by} who may decide, so there is nobody to ask",
        hint=f"use {other}, --reviewers LIST or --otherwise LOGIN",
    )


def _read(server: Client) -> CurrentState:
    return read_current(
        server, choose_projects=lambda projects: [project.id for project in projects]
    )


def _projects(
    snapshot: Snapshot, patterns: tuple[str, ...]
) -> tuple[list[SnapshotProject], tuple[str, ...]]:
    """Return the projects to review, and the labels of those that are private or closed."""
    wanted = name_matcher(patterns) if patterns else lambda name: True
    named = [one for one in snapshot.projects if wanted(one.identifier) or wanted(one.name)]
    if not named:
        raise UsageError("no project matches --project", hint="use identifiers, names or patterns")
    chosen = [one for one in named if one.active and not one.private]
    return chosen, tuple(one.label for one in named if one not in chosen)


def _listed(path: Path) -> Callable[[SnapshotProject], tuple[str, ...]]:
    """Return the reviewers of a project by a list with the columns project and reviewer."""
    excel = path.suffix.lower() in (".xlsx", ".xlsm")
    spec = (
        ExcelSource(type="excel", path=path.name)
        if excel
        else CsvSource(type="csv", path=path.name)
    )
    table = read_source("", spec, SourceContext(path.parent))
    columns = {column.casefold(): column for column in table.columns}
    if missing := [name for name in ("project", "reviewer") if name not in columns]:
        raise UsageError(
            f"{path} has no column {' and no column '.join(missing)}",
            hint="it needs the columns project and reviewer",
        )
    found: dict[str, list[str]] = {}
    for row in table.rows:
        project, reviewer = (str(row.values[columns[name]]) for name in ("project", "reviewer"))
        if project and reviewer:
            found.setdefault(compare_key(project), []).append(reviewer)

    def reviewers_of(project: SnapshotProject) -> tuple[str, ...]:
        for text in (project.identifier, project.name):
            if text and (some := found.get(compare_key(text))):
                return tuple(dict.fromkeys(some))
        return ()

    return reviewers_of


def _logins(snapshot: Snapshot, logins: Iterable[str]) -> dict[str, str]:
    """Return usernames as the server writes them; raise UsageError for one that is not active."""
    active = {user.username for user in snapshot.users if user.active}
    known = {compare_key(one): one for one in active} | {one: one for one in active}
    found = {one: known.get(one) or known.get(compare_key(one), "") for one in logins if one}
    unknown = sorted(one for one, username in found.items() if not username)
    if unknown:
        raise UsageError(
            f"{counted(len(unknown), 'reviewer is not', 'reviewers are not')} active on the server",
            details=unknown,
            hint="name reviewers by their username",
        )
    return found


def _file_names(theirs: Mapping[str, Sequence[ReviewRow]]) -> dict[str, str]:
    """Return a file name for each reviewer, of their projects, that every file system keeps apart.

    It does not name the reviewer: masked reports keep the names of files.
    """
    names: dict[str, str] = {}
    taken: set[str] = set()
    for reviewer, rows in theirs.items():
        labels = list(dict.fromkeys(row.project.label for row in rows))
        more = [f"and-{len(labels) - 2}-more"] if len(labels) > 2 else []
        stem = re.sub(r"[^A-Za-z0-9._-]+", "-", "-".join((*labels[:2], *more)))[:80].strip(".-")
        name, number = stem or "review", 1
        while name.casefold() in taken:
            number += 1
            name = f"{stem or 'review'}-{number}"
        taken.add(name.casefold())
        names[reviewer] = f"{name}.xlsx"
    return names


# --- reading a review -----------------------------------------------------------------------------


def _decided(folder: Path) -> tuple[Campaign, Decided]:
    review, snapshot = load_review(folder)
    rows = rows_of(review, snapshot)
    every = {row.key: row for row in rows}
    theirs = by_reviewer(rows)
    answers = (
        read_answers(folder, one.file, one.reviewer, theirs.get(one.reviewer, []), every)
        for one in review.workbooks
    )
    return review, decided(rows, answers, unknown_files(folder, review))


@dataclass(frozen=True, slots=True)
class ReviewStatus:
    """How far a review is; `exit_code` is 3 while anything is open or wrong."""

    report: ShortReport
    exit_code: Exit


def review_status(folder: Path, *, today: str | None = None) -> ReviewStatus:
    """Return what is decided, open and overdue, by workbook; needs no server.

    Raises UsageError for a folder that is no review.
    """
    review, read = _decided(folder)
    data = status_data(review, read, today or utc_now()[:10])
    report = ShortReport(status_document(review, read, data), lambda: data)
    return ReviewStatus(report, Exit.OK if read.complete else Exit.PARTIAL)


# --- the plan -------------------------------------------------------------------------------------


def collect_review(
    folder: Path,
    server: Client,
    *,
    mapping: Path | None = None,
    allowed: Mapping[str, int] = MappingProxyType({}),
    skip_invalid: bool = False,
    progress: OnProgress = ignore,
) -> Plan:
    """Read all workbooks and the server, and return the plan of what was decided.

    The rules of the mapping hold (`mapping`, else the one that the review was started with). Raises
    SourceInvalid with everything that is wrong in the workbooks or has changed on the server since,
    unless `skip_invalid` leaves these rows open; PlanStale for another server, and Unreachable.
    """
    review, answers = _decided(folder)
    _check_server(review, server)
    loaded = _mapping(review, mapping, folder)
    ledger = ledger_of_mapping(loaded.spec, loaded.path, None) if loaded is not None else None
    if not skip_invalid:
        _stop_at_errors(answers.findings)
    with Reporter(progress).stage(Stage.SERVER):
        current = _read(server)
    asked, unread = _asked(loaded.path, current) if loaded is not None else ({}, ())
    answers = replace(answers, findings=(*answers.findings, *unread))
    path = loaded.path if loaded is not None else folder / REVIEW_FILE
    sha256 = loaded.sha256 if loaded is not None else hashlib.sha256(path.read_bytes()).hexdigest()
    named = (
        source_of(one, os.path.relpath(folder / one.file, path.parent)) for one in answers.workbooks
    )
    plan = review_plan(
        review,
        answers,
        current,
        loaded.spec if loaded is not None else _no_mapping(),
        folder=str(folder),
        # The ledger is of what the sources say, and reviewers are none of them.
        mapping_ref=PlanMapping(
            path=str(path), name=f"review {quoted(review.name)}", sha256=sha256
        ),
        sources=tuple(sorted((one for one in named if one), key=lambda one: one.name)),
        created_at=utc_now(),
        made_by=current_actor(),
        memory=recall(ledger, server.url) if ledger is not None else NOTHING,
        allowed=allowed,
        asked=asked,
    )
    if not skip_invalid:
        _stop_at_errors(plan.findings)
    return plan


def _asked(
    mapping: Path, current: CurrentState
) -> tuple[dict[tuple[int, int], tuple[str, Origin | None]], tuple[Finding, ...]]:
    """Return the roles that the sources ask for, as far as they are clear; say if they are not."""
    try:
        desired = read_inputs(mapping).desired
    except KanportError as problem:
        return {}, (found("review-sources-unread", why=problem.why),)
    asked = {}
    for one in desired.memberships:
        users = current.people.fitting(one.holder.value)
        projects = current.project_index.fitting(one.target.value)
        if len(users) == len(projects) == 1:
            asked[users[0].id, projects[0].id] = one.role.value, first_place(one.cells)
    return asked, ()


def _check_server(review: Campaign, server: Client) -> None:
    if review.server.url != server.url:
        raise PlanStale(
            f"the review is of {review.server.url}, not of {server.url}",
            hint="name that server with --url",
        )


def _mapping(review: Campaign, path: Path | None, folder: Path) -> LoadedMapping | None:
    if path is None and review.mapping is not None:
        path = Path(os.path.normpath(folder / review.mapping))
    return load_mapping(path) if path is not None else None


def _no_mapping() -> MappingFile:
    return MappingFile.model_construct(kanport=1, sources={}, limits=Limits())


def _stop_at_errors(findings: Iterable[Finding]) -> None:
    listed = tuple(findings)
    if count := len(list(errors_in(listed))):
        raise SourceInvalid(
            f"{counted(count, 'error', 'errors')} in the review; nothing is planned",
            findings=listed,
            hint="correct the workbooks, or use --skip-invalid to leave these rows open",
        )


# --- the end --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ReviewResult:
    """What came of a review; `exit_code` is 3 where anything is open or not as decided."""

    report: ShortReport
    exit_code: Exit


def close_review(
    folder: Path,
    server: Client,
    *,
    journals: Iterable[Path] = (),
    progress: OnProgress = ignore,
) -> ReviewResult:
    """Compare all decisions with the server, and write the result into the folder.

    `journals` are the runs that carried the decisions out; the result names them and who approved
    them. Raises UsageError for journals of other plans, PlanStale and Unreachable.
    """
    review, read = _decided(folder)
    _check_server(review, server)
    runs = [_run_of(path, review) for path in journals]
    with Reporter(progress).stage(Stage.SERVER):
        current = _read(server)
    rows = results(read, current)
    data = result_data(review, read, rows, runs, closed_at=utc_now(), closed_by=current_actor())
    document = result_document(review, read, rows, runs)
    text = json.dumps(data, ensure_ascii=False, indent=2)
    write_file(folder / RESULT_FILE, f"{text}\n")
    report = ShortReport(document, lambda: data)
    return ReviewResult(report, Exit.OK if all_as_decided(rows) else Exit.PARTIAL)


def _run_of(path: Path, review: Campaign) -> dict[str, str]:
    recorded = load_journal(path)
    if recorded.plan.review is None or recorded.plan.review.digest != review.digest:
        raise UsageError(f"{path} belongs to a different plan, not to the plan of this review")
    approved = recorded.run.approved
    return {
        "run": recorded.run.id,
        "plan": recorded.plan.digest,
        "journal": recorded.run.journal_sha256,
        "approved": f"approved by {approved.names}" if approved is not None else "not approved",
    }
