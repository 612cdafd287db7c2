"""Proof that a report belongs to a plan or a run, and that nobody changed it since.

A report carries a digest of itself, which shows a change by anybody who does not take the trouble
to compute it anew. Whoever has the plan or the journal can show more: that just this report comes
out of it, byte for byte.
"""

from kanport.proof.check import Checked, Checks, check_report
from kanport.proof.drawing import beside, drawn_with_proof, has_place, write_report
from kanport.proof.stamp import Proof

__all__ = [
    "Checked",
    "Checks",
    "Proof",
    "beside",
    "check_report",
    "drawn_with_proof",
    "has_place",
    "write_report",
]
