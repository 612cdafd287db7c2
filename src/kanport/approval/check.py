"""Whether an approval holds for a plan. Pure."""

from dataclasses import replace
from datetime import datetime

from pydantic import SecretBytes, ValidationError

from kanport.approval.model import Approval
from kanport.errors import GuardTripped
from kanport.outcome import Approved, Signature
from kanport.plan.model import Plan


def refusals(
    approval: Approval, plan: Plan, *, now: str, key: SecretBytes | None = None
) -> list[str]:
    """Say why an approval does not hold for a plan at a time (UTC, RFC 3339); empty: it holds.

    With a key it must be signed with that; without one, whoever can write the file can approve.
    """
    found = []
    if approval.digest != approval.right_digest():
        found.append("it was changed after it was made")
    if approval.plan != plan.digest:
        found.append(
            f"it is for another plan: digest {approval.plan[:12]}…, not {plan.digest[:12]}…"
        )
    if approval.server != plan.server.url:
        found.append(f"it is for the server {approval.server}, not for {plan.server.url}")
    if (late := _expired(approval, now)) is not None:
        found.append(late)
    if key is not None and approval.signature is None:
        found.append("it is not signed, and a key is set: only its holders may approve")
    elif key is not None and not approval.signed_with(key):
        found.append("it is not signed with the key that is set here")
    return found


def approved_for(
    approval: Approval, plan: Plan, *, now: str, key: SecretBytes | None = None
) -> Approved:
    """Give what a run records of an approval; raises GuardTripped where it does not hold."""
    found = refusals(approval, plan, now=now, key=key)
    if found:
        raise GuardTripped(
            f"the approval by {approval.by!r} does not hold for this plan; nothing was written",
            details=found,
            hint="look at the plan, then: kanport approve PLAN.json --by NAME --note TEXT",
        )
    approved = Approved(
        by=approval.by,
        note=approval.note,
        approved_at=approval.approved_at,
        expires_at=approval.expires_at,
        digest=approval.digest,
        recorded_by=approval.recorded_by,
        signed=key is not None,
        document=approval.model_dump_json(exclude_none=True),
    )
    return with_signature(approved, plan, key)


def with_signature(approved: Approved, plan: Plan, key: SecretBytes | None) -> Approved:
    """Return what a journal says of an approval, with what is known of its signature.

    It does not match where what stands in the journal is not what was signed, or not for this plan.
    """
    return replace(approved, signature=_signature(approved, plan, key))


def _signature(approved: Approved, plan: Plan, key: SecretBytes | None) -> Signature:
    if not approved.document:
        return Signature.NOT_KEPT if approved.signed else Signature.NONE
    try:
        approval = Approval.model_validate_json(approved.document)
    except ValidationError:
        return Signature.MISMATCH
    names = ("by", "note", "approved_at", "expires_at", "digest", "recorded_by")
    same = all(getattr(approval, name) == getattr(approved, name) for name in names)
    bound = (approval.plan, approval.server) == (plan.digest, plan.server.url)
    if not same or not bound or approval.digest != approval.right_digest():
        return Signature.MISMATCH
    if approval.signature is None:
        return Signature.MISMATCH if approved.signed else Signature.NONE
    if key is None:
        return Signature.UNCHECKED
    return Signature.VALID if approval.signed_with(key) else Signature.MISMATCH


def _expired(approval: Approval, now: str) -> str | None:
    try:
        until = datetime.fromisoformat(approval.expires_at)
        late = datetime.fromisoformat(now) >= until
    except (TypeError, ValueError):
        return f"it says {approval.expires_at!r} where the time of its end belongs"
    return f"it ended on {approval.expires_at}" if late else None
