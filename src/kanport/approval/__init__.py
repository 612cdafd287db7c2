"""Approvals: that somebody looked at exactly this plan and wants it done, as a file of its own."""

from kanport.approval.check import approved_for, refusals, with_signature
from kanport.approval.file import load_approval, write_approval
from kanport.approval.key import approval_key
from kanport.approval.model import Approval, approve

__all__ = [
    "Approval",
    "approval_key",
    "approve",
    "approved_for",
    "load_approval",
    "refusals",
    "with_signature",
    "write_approval",
]
