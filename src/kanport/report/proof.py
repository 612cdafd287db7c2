"""The proof in a report: what it was made of, and a digest that shows later changes.

The proof is JSON on one line at the end of the file, or in a file beside it (`has_place`). Its
`sha256` is the digest of the whole file with 64 zeros in the place of the digest. Whoever has the
plan or the journal can check more: that exactly this report comes out of it, byte for byte.
"""

import hashlib
import json
import re
import struct
from collections.abc import Callable
from dataclasses import asdict, replace
from hashlib import sha256
from pathlib import Path
from typing import Any

from kanport import __version__
from kanport.files import write_file
from kanport.outcome import Run, Signature
from kanport.plan.model import Plan
from kanport.records import dataclass
from kanport.report import Format, drawn
from kanport.report.view import View

MARK = b'{"kanport_proof":1,'
_ZEROS = "0" * 64
_DIGEST = re.compile("[0-9a-f]{64}")
_UNSAFE = re.compile("[-<>&`]")


@dataclass(frozen=True, slots=True)
class Proof:
    """What a report says of itself.

    `report` is the name of its format, `table` the one table that it holds where it holds one, and
    `kind` the kind of the view. `plan` is the digest of the plan, `journal` that of the journal of
    `run`; each is empty where there is none. `signature` is what the report says of that of the
    run's approval. `masked` is True where pseudonyms stand for names. `sha256` is the digest of
    the report.
    """

    report: str
    kind: str
    kanport: str
    plan: str = ""
    run: str = ""
    journal: str = ""
    masked: bool = False
    table: str | None = None
    next_steps: tuple[str, ...] = ()
    signature: str = ""
    sha256: str = _ZEROS

    def to_json(self) -> str:
        """Return the proof on one line, in which nothing is markup of any format."""
        parts: dict[str, Any] = {"kanport_proof": 1, **asdict(self)}
        line = json.dumps(parts, separators=(",", ":"))
        head, line = line[: len(MARK)], line[len(MARK) :]
        return head + _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", line)

    @classmethod
    def from_json(cls, line: bytes) -> "Proof | None":
        """Read a proof back; None for what is none."""
        try:
            parts = json.loads(line)
            del parts["kanport_proof"]
            proof = cls(**{**parts, "next_steps": tuple(parts["next_steps"])})
        except (ValueError, KeyError, TypeError, RecursionError):
            return None
        return proof if proof.is_sound() else None

    def is_sound(self) -> bool:
        """Return whether everything in it is of its kind: anybody may have written it."""
        named = (self.report, self.kind, self.kanport, self.plan, self.run, self.journal)
        texts = (
            *named,
            self.signature,
            *self.next_steps,
            *([] if self.table is None else [self.table]),
        )
        return (
            all(isinstance(text, str) for text in texts)
            and isinstance(self.masked, bool)
            and isinstance(self.sha256, str)
            and _DIGEST.fullmatch(self.sha256) is not None
        )


# What stands before and behind the proof at the very end of a file, by format.
_PLACES: dict[str, tuple[bytes, bytes]] = {
    "text": (b"Proof: ", b"\n"),
    "markdown": (b"\n<!-- ", b" -->\n"),
    "html": (b"<!-- ", b" -->\n"),
    "pdf": (b"%", b"\n"),
    "json": (b',\n  "proof": ', b"\n}\n"),
    "xlsx": (b"", b""),
    "excel": (b"", b""),
}
_SHEETS = frozenset({"xlsx", "excel"})
_END_OF_ZIP = b"PK\x05\x06"


def has_place(report: str) -> bool:
    """Return whether a format has a place for a proof; the others need a file beside them.

    In a workbook it is the comment of its ZIP archive, which no program shows or minds.

    >>> has_place("html"), has_place("csv")
    (True, False)
    """
    return report in _PLACES


def stamped(content: bytes, proof: Proof) -> bytes:
    """Return a report with its proof at its end, in the place that its format has for one."""
    before, behind = _PLACES[proof.report]
    line = proof.to_json().encode("ascii")
    # A report of a large directory has a hundred megabytes, so it is not copied for each step.
    whole = bytearray(_with_comment_of(content, len(line)) if proof.report in _SHEETS else content)
    if proof.report == "json":
        del whole[-len(b"\n}\n") :]
    whole += before + line + behind
    digest = hashlib.sha256(whole).hexdigest().encode()
    place = whole.rindex(_ZEROS.encode())
    assert place > len(whole) - len(line) - len(behind)  # noqa: S101 - it is the line's last key
    whole[place : place + len(digest)] = digest
    return bytes(whole)


def read(content: bytes) -> tuple[Proof, str] | None:
    """Return the proof at the end of a report and the digest it must have; None without one."""
    start = content.rfind(MARK)
    if start < 0:
        return None
    for before, behind in dict.fromkeys(_PLACES.values()):
        end = len(content) - len(behind)
        fits = content.endswith(behind) and content[:start].endswith(before)
        proof = Proof.from_json(content[start:end]) if fits else None
        if proof is not None and _PLACES.get(proof.report) == (before, behind):
            given = proof.sha256.encode()
            head, found, tail = content.rpartition(given)
            if found:
                zeroed = head + _ZEROS.encode() + tail
                return proof, hashlib.sha256(zeroed).hexdigest()
    return None


def _with_comment_of(archive: bytes, length: int) -> bytes:
    """Return a ZIP archive whose end says that a comment of so many bytes follows."""
    end = archive.rfind(_END_OF_ZIP)
    if end < 0 or len(archive) - end != 22:
        raise ValueError("this is not a ZIP archive without a comment")
    return archive[:-2] + struct.pack("<H", length)


# --- a report as the bytes of a file, with its proof ----------------------------------------------


def drawn_with_proof(
    view: View, form: Format, *, table: str | None = None, masked: bool = False
) -> tuple[bytes, Proof]:
    """Draw a report for a file, and return its proof too.

    Where the format has a place for the proof (`has_place`), it is in the report; otherwise the
    digest in it is that of the whole file, and the proof belongs into a file beside it (`beside`).
    Raises as `drawn`.
    """
    content = drawn(view, form, table=table)
    whole = content.encode("utf-8") if isinstance(content, str) else content
    del content  # It can be large, and the bytes are made of it twice more.
    proof = proof_of(view, form, table=table, masked=masked)
    if has_place(form.name):
        return stamped(whole, proof), proof
    return whole, replace(proof, sha256=sha256(whole).hexdigest())


def proof_of(view: View, form: Format, *, table: str | None = None, masked: bool = False) -> Proof:
    """Return what a report says of itself, but for its own digest."""
    run = view.facts.run
    return Proof(
        report=form.name,
        kind=view.kind.value,
        kanport=__version__,
        plan=view.facts.digest,
        run=run.id if run else "",
        journal=run.journal_sha256 if run else "",
        masked=masked,
        table=table if form.tabular else None,
        next_steps=view.next_steps,
        signature=str(run.approved.signature) if run and run.approved else "",
    )


def write_report(
    path: Path, view: View, form: Format, *, table: str | None = None, masked: bool = False
) -> None:
    """Write a report to a file, and its proof beside it where the format has no place for one.

    Raises UsageError where one of them cannot be written, or as `drawn`.
    """
    content, proof = drawn_with_proof(view, form, table=table, masked=masked)
    write_file(path, content)
    if not has_place(form.name) and path.is_file():
        write_file(beside(path), f"{proof.to_json()}\n")


def beside(path: Path) -> Path:
    """Return where the proof of a report is that has no place for it in itself.

    >>> str(beside(Path("changes.csv")))
    'changes.csv.proof.json'
    """
    return path.with_name(f"{path.name}.proof.json")


# --- whether a report is as it was made, and belongs to a plan or a run. Pure ---------------------

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
    sidecar_name: str = "",
    plan: Plan | None = None,
    run: Run | None = None,
    redraw: Redraw | None = None,
) -> Checks:
    """Check whether a report is unchanged, belongs to this plan or run, and comes out of it again.

    `sidecar` is the file beside a report whose format has no place for a proof; `sidecar_name` is
    the name that it should have, empty for other formats. `redraw` makes the report anew where that
    is possible.
    """
    proof, unchanged = _unchanged(content, sidecar, sidecar_name)
    checked = [unchanged]
    if proof is not None:
        checked += [*_belongs_to_plan(proof, plan), *_belongs_to_run(proof, run)]
        if plan is not None:
            checked += [*_signature(proof, run), _rendered_again(content, proof, run, redraw)]
    return Checks(proof, tuple(checked))


def _unchanged(
    content: bytes, sidecar: bytes | None, sidecar_name: str
) -> tuple[Proof | None, Checked]:
    found = read(content)
    if found is not None:
        stamp, digest = found
        same = stamp.sha256 == digest
        why = "its digest matches" if same else "it was changed after it was made"
        return stamp, Checked("unchanged", same, why)
    proof = Proof.from_json(sidecar.strip()) if sidecar is not None else None
    if proof is None or has_place(proof.report):
        if sidecar is None and sidecar_name:
            why = f"{sidecar_name} is missing: Kanport writes the digest of such a report there"
        elif sidecar_name:
            why = f"{sidecar_name} holds no digest of Kanport, or was changed"
        else:
            why = "it has no digest: it is not a report of Kanport, or its end was changed"
        return None, Checked("unchanged", False, why)
    same = hashlib.sha256(content).hexdigest() == proof.sha256
    why = "the digest in the file beside it matches"
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
        why = "it is the report of a plan, not of a run"
        return [Checked("run", None, why)]
    if proof.run != run.id:
        return [Checked("run", False, f"it is about the run {proof.run}, not about {run.id}")]
    if proof.journal != run.journal_sha256:
        why = (
            f"it was made from a journal with the digest {proof.journal}, and this one has"
            f" {run.journal_sha256}: the run went on since, or the journal was changed"
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


def _rendered_again(
    content: bytes, proof: Proof, run: Run | None, redraw: Redraw | None
) -> Checked:
    if proof.kind not in ("plan", "run"):
        why = f"a {proof.kind} shows what Kanport read then, so Kanport cannot render it again"
        return Checked("rendered again", None, why)
    if proof.kind == "run" and run is None:
        why = "it is the report of a run: name the journal with --journal"
        return Checked("rendered again", None, why)
    if redraw is None or proof.kanport != __version__:
        why = (
            f"Kanport {proof.kanport} wrote it, and this is Kanport {__version__}, which may render"
            " it differently"
        )
        return Checked("rendered again", None, why)
    if redraw(proof) == content:
        return Checked("rendered again", True, "identical, byte for byte")
    return Checked("rendered again", False, "not identical")
