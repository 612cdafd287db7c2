"""A report as the bytes of a file, with its proof."""

from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from kanport import __version__
from kanport.files import write_file
from kanport.proof.stamp import Proof, has_place, stamped
from kanport.report.formats import Format, drawn
from kanport.report.view import View

__all__ = ["beside", "drawn_with_proof", "has_place", "proof_of", "write_report"]


def drawn_with_proof(
    view: View, form: Format, *, table: str | None = None, masked: bool = False
) -> tuple[bytes, Proof]:
    """Draw a report for a file, and give its proof too.

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
    """Give what a report says of itself, but for its own digest."""
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
    """Give where the proof of a report is that has no place for it in itself.

    >>> str(beside(Path("changes.csv")))
    'changes.csv.proof.json'
    """
    return path.with_name(f"{path.name}.proof.json")
