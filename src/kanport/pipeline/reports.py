"""What reports are made of, and whether a report is as it was made.

What only one command needs is imported there: `kanport plan` of a few rows waits for imports.
"""

import os
import shlex
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kanport import __version__
from kanport.errors import UsageError
from kanport.files import ArtifactKind, cannot_read, kind_of, open_regular, read_file
from kanport.findings import Finding
from kanport.kanboard.client import Client
from kanport.ledger import recall
from kanport.memory import NOTHING
from kanport.model import DesiredState
from kanport.outcome import Run, Signature
from kanport.pipeline.inputs import Inputs
from kanport.pipeline.planning import plan_and_state
from kanport.pipeline.results import OnProgress, Reporter, Result, Stage, Verification, ignore
from kanport.plan.model import Plan, PlanMapping
from kanport.plan.plan_file import load_plan
from kanport.records import dataclass
from kanport.report import FORMATS
from kanport.report import make as views
from kanport.report.view import View

if TYPE_CHECKING:
    from kanport.report.document import Document
    from kanport.report.proof import Checks, Proof, Redraw

Reported = Inputs | Plan | Result | Verification


def load_plan_or_journal(path: Path) -> tuple[Plan, Run | None]:
    """Load a plan, or the plan and the run of a journal.

    Checks the signature of an approval if the environment has the key. Raises UsageError if the
    file is neither, and ConfigInvalid if the key cannot be used.
    """
    try:
        with open_regular(path) as file:
            head = file.readline(200)
    except OSError as problem:
        raise UsageError(cannot_read(path, problem)) from problem
    if b'"kanport-journal/' not in head:
        return load_plan(path), None
    from kanport.apply.journal import load_journal
    from kanport.approval import approval_key, with_signature

    recorded = load_journal(path)
    run = recorded.run
    if run.approved is not None:
        approved = with_signature(run.approved, recorded.plan, approval_key(os.environ))
        run = replace(run, approved=approved)
    return recorded.plan, run


def view_of(what: Reported, *, mask: bool = False, next_steps: tuple[str, ...] = ()) -> View:
    """Return the view that every format is drawn from; `next_steps` are shown at its end."""
    if isinstance(what, Inputs):
        return view_of_findings(what.findings, what.mapping.path, inputs=what, mask=mask)
    plan, run = (what, None) if isinstance(what, Plan) else (what.plan, what.run)
    masked = None
    if mask:
        from kanport.report.mask import Mask

        masked = Mask(plan)
        plan, run = masked.plan, run and masked.run(run)
    if isinstance(what, Verification):
        verdicts = what.verdicts if masked is None else masked.verdicts(what.verdicts)
        return views.of_verification(plan, verdicts, run=run, looked_at=what.verified_at)
    if run is None:
        return views.of_plan(plan, next_steps=next_steps)
    return views.of_run(plan, run, next_steps=next_steps)


def view_of_findings(
    findings: Iterable[Finding], mapping: Path, *, inputs: Inputs | None, mask: bool = False
) -> View:
    """Return the view of findings about a mapping's data; `inputs` is None if it cannot be read."""
    sources = inputs.source_refs if inputs is not None else ()
    desired = inputs.desired if inputs is not None else DesiredState()
    if mask:
        from kanport.report.mask import masked_findings

        sources, findings = masked_findings(sources, findings)
    return views.of_validation(
        inputs.mapping_ref if inputs is not None else PlanMapping(path=str(mapping), sha256=""),
        sources,
        findings,
        users=len(desired.users),
        memberships=len(desired.memberships),
        group_members=len(desired.group_members),
        group_access=len(desired.group_access),
        version=__version__,
    )


@dataclass(frozen=True, slots=True)
class ShortReport:
    """A short report: as a document for people, and for programs as plain values, or as JSON.

    `kind` is what its JSON is where that is a file of Kanport's own, which may replace another one;
    `json_is` names it to the user.
    """

    document: "Document"
    data: Callable[[], dict[str, Any] | str]
    kind: ArtifactKind | None = None
    json_is: str = "report"


def compare_files(old_path: Path, new_path: Path) -> tuple[ShortReport, tuple[Plan, Plan]]:
    """Compare two plans, or the plans of two journals; raise UsageError for other files."""
    from kanport.plan.compare import compare
    from kanport.report import compare as comparison

    (old, old_run), (new, new_run) = map(load_plan_or_journal, (old_path, new_path))
    compared = compare(old, new)
    report = ShortReport(
        comparison.document_of(compared, old_run=old_run, new_run=new_run),
        lambda: comparison.as_dict(compared, old_run=old_run, new_run=new_run),
    )
    return report, (old, new)


def explain(
    inputs: Inputs,
    server: Client | None = None,
    *,
    who: str = "",
    project: str | None = None,
    progress: OnProgress = ignore,
) -> ShortReport:
    """Explain a user (`who`), or a project: rows, rules, what changes and why, or why nothing does.

    Without a server, only what the sources ask for is explained. Raises UsageError where nothing
    and nobody is called so, and as `kanport.api.plan`.
    """
    from kanport.explain import Known, explain_person, explain_project
    from kanport.explain.notes import as_dict, document_of

    plan, current, memory = None, None, NOTHING
    if server is not None:
        with Reporter(progress).stage(Stage.SERVER):
            plan, current = plan_and_state(inputs, server)
            if inputs.ledger is not None:
                memory = recall(inputs.ledger, server.url)
    known = Known(
        inputs.mapping, inputs.tables, inputs.desired, inputs.findings, plan, current, memory
    )
    story = explain_person(known, who) if project is None else explain_project(known, project)
    return ShortReport(document_of(story), lambda: as_dict(story))


# --- is a report as it was made -------------------------------------------------------------------

_MAX_BYTES = 512 * 1024 * 1024
# What people take for a report of it, and the command that makes one.
_REPORTED = {
    ArtifactKind.PLAN: ("kanport", "report"),
    ArtifactKind.JOURNAL: ("kanport", "report"),
    ArtifactKind.SNAPSHOT: ("kanport", "state"),
}


def check_report_file(
    path: Path, *, plan_path: Path | None = None, journal_path: Path | None = None
) -> "Checks":
    """Check whether a report is as it was made, and belongs to a plan or a run.

    With a plan or a journal, the report is made once more and compared byte for byte. Raises
    UsageError for files that cannot be read or do not belong together.
    """
    from kanport.report.proof import beside, check_report, has_place

    plan, run = _belonging(plan_path, journal_path)
    if (kind := kind_of(path)) in _REPORTED:
        raise UsageError(
            f"{path} is {kind.value}, not a report",
            hint=f"{shlex.join(_REPORTED[kind])} {shlex.quote(str(path))} -o report.html makes one",
        )
    try:
        content = read_file(path, most=_MAX_BYTES)
        sidecar = read_file(beside(path), most=_MAX_BYTES) if beside(path).exists() else None
    except OSError as problem:
        raise UsageError(cannot_read(path, problem)) from problem
    redraw = _redraw(plan, run) if plan is not None else None
    ending = path.suffix.lower()
    apart = any(ending in form.endings and not has_place(form.name) for form in FORMATS.values())
    return check_report(
        content,
        sidecar=sidecar,
        sidecar_name=beside(path).name if apart else "",
        plan=plan,
        run=run,
        redraw=redraw,
    )


def _belonging(plan_path: Path | None, journal_path: Path | None) -> tuple[Plan | None, Run | None]:
    plan = load_plan(plan_path) if plan_path is not None else None
    if journal_path is None:
        return plan, None
    found, run = load_plan_or_journal(journal_path)
    if run is None:
        raise UsageError(f"{journal_path} is a plan, not a journal", hint="name it with --plan")
    if plan is not None and plan.digest != found.digest:
        raise UsageError(
            f"{journal_path} belongs to a different plan, not to {plan_path}",
            hint="give the two that belong together, or one of them",
        )
    return plan or found, run


def _redraw(plan: Plan, run: Run | None) -> "Redraw":
    from kanport.report.proof import drawn_with_proof

    def redraw(proof: "Proof") -> bytes:
        form = FORMATS.get(proof.report)
        if form is None:
            return b""
        what: Plan | Result = plan
        if proof.kind == "run" and run is not None:
            # Whoever made the report may have had the key, and whoever checks it may not.
            what = Result(plan, _with_signature(run, proof.signature))
        view = view_of(what, mask=proof.masked, next_steps=proof.next_steps)
        return drawn_with_proof(view, form, table=proof.table, masked=proof.masked)[0]

    return redraw


def _with_signature(run: Run, signature: str) -> Run:
    if run.approved is None or signature not in set(Signature):
        return run
    return replace(run, approved=replace(run.approved, signature=Signature(signature)))
