"""Whether a report is as it was made, and belongs to a plan or a run. Pure."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from kanport import __version__
from kanport.outcome import Run, Signature
from kanport.plan.model import Plan
from kanport.proof.stamp import Proof, has_place, read

Redraw = Callable[[Proof], bytes]
"""Makes a report anew from the plan or the run, in the way that its proof says."""


@dataclass(frozen=True, slots=True)
class Checked:
    """One thing that was looked at; `holds` is None where it could not be looked at."""

    what: str
    holds: bool | None
    why: str


@dataclass(frozen=True, slots=True)
class Checks:
    """All that was looked at, and the proof of the report where it has one."""

    proof: Proof | None
    checked: tuple[Checked, ...]

    @property
    def hold(self) -> bool:
        """Whether something holds and nothing fails."""
        found = {one.holds for one in self.checked}
        return True in found and False not in found


def check_report(
    content: bytes,
    *,
    sidecar: bytes | None = None,
    plan: Plan | None = None,
    run: Run | None = None,
    redraw: Redraw | None = None,
) -> Checks:
    """Look at a report: is it unchanged, does it belong to this plan, this run, and come out of it.

    `sidecar` is the file beside a report whose format has no place for a proof. `redraw` makes the
    report anew where that is possible.
    """
    proof, unchanged = _unchanged(content, sidecar)
    checked = [unchanged]
    if proof is not None:
        checked += [*_belongs_to_plan(proof, plan), *_belongs_to_run(proof, run)]
        if plan is not None:
            checked += [*_signature(proof, run), _made_again(content, proof, run, redraw)]
    return Checks(proof, tuple(checked))


def _unchanged(content: bytes, sidecar: bytes | None) -> tuple[Proof | None, Checked]:
    found = read(content)
    if found is not None:
        stamp, digest = found
        same = stamp.sha256 == digest
        why = "it has the digest that stands in it" if same else "it was changed after it was made"
        return stamp, Checked("unchanged", same, why)
    proof = Proof.from_json(sidecar.strip()) if sidecar is not None else None
    if proof is None or has_place(proof.report):
        why = "it carries no proof: it is no report of Kanport, or was changed at its end"
        return None, Checked("unchanged", False, why)
    same = hashlib.sha256(content).hexdigest() == proof.sha256
    why = "it has the digest that stands in the file beside it"
    return proof, Checked("unchanged", same, why if same else "it was changed after it was made")


def _belongs_to_plan(proof: Proof, plan: Plan | None) -> list[Checked]:
    if plan is None:
        return []
    same = proof.plan == plan.digest
    why = (
        f"it names the digest of this plan, {plan.digest}"
        if same
        else f"it is about the plan {proof.plan or '(none)'}, not about {plan.digest}"
    )
    return [Checked("plan", same, why)]


def _belongs_to_run(proof: Proof, run: Run | None) -> list[Checked]:
    if run is None:
        return []
    if not proof.run:
        why = "it tells a plan, and no run of it"
        return [Checked("run", None, why)]
    if proof.run != run.id:
        return [Checked("run", False, f"it is about the run {proof.run}, not about {run.id}")]
    if proof.journal != run.journal_sha256:
        why = (
            f"it was made of a journal with the digest {proof.journal}, and this one has"
            f" {run.journal_sha256}: the run was gone on with since, or the journal was changed"
        )
        return [Checked("run", False, why)]
    return [Checked("run", True, f"it names this run, and the digest of this journal ({run.id})")]


def _signature(proof: Proof, run: Run | None) -> list[Checked]:
    """Hold what a report says of a signature against what can be found out here."""
    if run is None or run.approved is None or not proof.run:
        return []
    found = run.approved.signature
    if found is Signature.MISMATCH:
        return [Checked("approval", False, "the approval in the journal is not the one signed")]
    if proof.signature == found:
        return [Checked("approval", found is Signature.VALID or None, str(found))]
    if found is Signature.UNCHECKED and proof.signature == Signature.VALID:
        why = "the report says that its signature is valid, and there is no key here to check that"
        return [Checked("approval", None, why)]
    if found is Signature.VALID and proof.signature == Signature.UNCHECKED:
        why = "its signature is valid; the report was made without the key"
        return [Checked("approval", True, why)]
    why = f"the report says: {proof.signature or 'nothing'}; the journal: {found}"
    return [Checked("approval", False, why)]


def _made_again(content: bytes, proof: Proof, run: Run | None, redraw: Redraw | None) -> Checked:
    if proof.kind not in ("plan", "run"):
        why = f"a {proof.kind} tells what was read at its time, and cannot be made again"
        return Checked("made again", None, why)
    if proof.kind == "run" and run is None:
        why = "it tells a run: give the journal to have it made again"
        return Checked("made again", None, why)
    if redraw is None or proof.kanport != __version__:
        why = (
            f"it was made by Kanport {proof.kanport}, and this is {__version__}, which may draw it"
            " in another way"
        )
        return Checked("made again", None, why)
    if redraw(proof) == content:
        return Checked("made again", True, "made anew, it is the same, byte for byte")
    return Checked("made again", False, "made anew, it is another one")
