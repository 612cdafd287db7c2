"""Approvals: a file that says that somebody looked at exactly this plan and wants it applied.

The model of the file, the key that signs it, reading and writing, and the check before `apply`.
"""

import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, SecretBytes, ValidationError

from kanport.errors import ConfigInvalid, GuardTripped, UsageError
from kanport.files import ArtifactKind, cannot_read, read_file, read_secret, write_file
from kanport.outcome import Approved, Signature
from kanport.plan.model import Plan, PlanApproval
from kanport.plan.plan_file import canonical

FORMAT: Literal["kanport-approval/1"] = "kanport-approval/1"


class Approval(BaseModel):
    """Who approved which plan, why, and until when (times in UTC, RFC 3339).

    `plan` is the digest of the plan, `changes` how many it holds, `recorded_by` the user and the
    machine that wrote the approval. `digest` is the SHA-256 of all fields but itself, `signature`
    and `others`; `signature` is an HMAC-SHA256 over the same bytes, where there was a key. `others`
    are the approvals of the same plan that were there before.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    format: Literal["kanport-approval/1"] = FORMAT
    plan: str
    server: str
    changes: int
    by: str
    note: str
    approved_at: str
    expires_at: str
    recorded_by: str
    kanport: str
    digest: str = ""
    signature: str | None = None
    others: "tuple[Approval, ...]" = ()

    @property
    def all(self) -> "tuple[Approval, ...]":
        """The approvals of the plan, this one last."""
        return (*self.others, self)

    def expected_digest(self) -> str:
        """Return the digest of the approval's content."""
        return hashlib.sha256(self._bound()).hexdigest()

    def expected_signature(self, key: SecretBytes) -> str:
        """Return the signature that a holder of the key gives it."""
        # The format keeps a signature from being taken for one of something else.
        message = f"{FORMAT}\n".encode() + self._bound()
        return hmac.new(key.get_secret_value(), message, hashlib.sha256).hexdigest()

    def signed_with(self, key: SecretBytes) -> bool:
        """Return whether a holder of this key signed just this."""
        given = (self.signature or "").encode("utf-8", "replace")
        return hmac.compare_digest(given, self.expected_signature(key).encode())

    def _bound(self) -> bytes:
        # `others` is not covered: each has a digest of its own, and approvals of earlier versions
        # have none.
        without = {"digest", "signature", "others"}
        return canonical(self.model_dump(mode="json", exclude=without))


def approve(
    plan: Plan,
    *,
    by: str,
    note: str,
    approved_at: str,
    expires_at: str,
    recorded_by: str,
    version: str,
    key: SecretBytes | None = None,
    others: Iterable[Approval] = (),
) -> Approval:
    """Return the approval of a plan, signed where there is a key; times in UTC (RFC 3339).

    `others` are approvals of the same plan; those that the same user recorded are replaced.
    """
    approval = Approval(
        plan=plan.digest,
        server=plan.server.url,
        changes=len(plan.changes),
        by=by,
        note=note,
        approved_at=approved_at,
        expires_at=expires_at,
        recorded_by=recorded_by,
        kanport=version,
        others=tuple(
            one.model_copy(update={"others": ()})
            for one in others
            if account(one.recorded_by) != account(recorded_by)
        ),
    )
    proof = {
        "digest": approval.expected_digest(),
        "signature": approval.expected_signature(key) if key is not None else None,
    }
    return approval.model_copy(update=proof)


def account(actor: str) -> str:
    """Return the account name of user@machine; approvals of one account count as one person.

    >>> account("Ann@build7")
    'ann'
    """
    return actor.rpartition("@")[0].casefold() or actor.casefold()


# --- the key that approvals are signed with: from a file that nobody else can read, or set directly

NAME, NAME_OF_FILE = "KANPORT_APPROVAL_KEY", "KANPORT_APPROVAL_KEY_FILE"
SHORTEST = 16
"""Characters; a shorter key could be found by trying."""


def approval_key(environ: Mapping[str, str]) -> SecretBytes | None:
    """Return the key that the environment names; None where it names none.

    Raises ConfigInvalid where both variables are set, the file can be reached by others, or the key
    is too short; no message holds any part of it.
    """
    text, named = environ.get(NAME), environ.get(NAME_OF_FILE)
    if text and named:
        raise ConfigInvalid(
            f"{NAME} and {NAME_OF_FILE} are both set, and only one can be meant",
            hint="unset one of them",
        )
    if named:
        return _key(read_secret(Path(named), "key"), f"the file {named}")
    return _key(text, NAME) if text else None


def _key(text: str, origin: str) -> SecretBytes:
    text = text.removesuffix("\n").removesuffix("\r")
    if len(text) < SHORTEST:
        raise ConfigInvalid(
            f"the key from {origin} has fewer than {SHORTEST} characters",
            hint="make one with, for example: openssl rand -hex 32",
        )
    return SecretBytes(text.encode("utf-8"))


# --- the approval as a file, beside the plan or wherever it is wanted -----------------------------

_MAX_BYTES = 1024 * 1024


def write_approval(path: Path, approval: Approval) -> None:
    """Write an approval to its file; raises UsageError where it cannot be written."""
    content: dict[str, Any] = approval.model_dump(mode="json", exclude_none=True)
    if not approval.others:
        del content["others"]
    write_file(
        path,
        json.dumps(content, ensure_ascii=False, indent=2) + "\n",
        mode=0o644,
        over=ArtifactKind.APPROVAL,
    )


def load_approval(path: Path) -> Approval:
    """Read an approval; whether it is valid is another question (`refusals`).

    Raises UsageError where there is none, or where the file is something else.
    """
    try:
        content = json.loads(read_file(path, most=_MAX_BYTES).decode("utf-8"))
    except OSError as problem:
        raise UsageError(cannot_read(path, problem, "approval")) from problem
    except (ValueError, RecursionError) as problem:
        raise UsageError(f"{path} is not an approval: it is not JSON") from problem
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise UsageError(f"{path} is not an approval of the format {FORMAT!r}")
    try:
        return Approval.model_validate(content)
    except ValidationError as problem:
        raise UsageError(
            f"{path} is not a valid approval",
            details=[
                f"{'.'.join(map(str, error['loc']))}: {error['msg']}"
                for error in problem.errors(include_url=False, include_input=False)[:10]
            ],
        ) from problem


# --- whether an approval is valid for a plan. Pure ------------------------------------------------


def refusals(
    approval: Approval, plan: Plan, *, now: str, key: SecretBytes | None = None
) -> list[str]:
    """Return why an approval is not valid for a plan at a time (UTC, RFC 3339); empty: it is valid.

    With a key it must be signed with that; without one, whoever can write the file can approve. The
    approvals beside it must be valid as well, and the plan may require several, or other people.
    """
    found = list(_refusals(approval, plan, now, key))
    for other in approval.others:
        found += [f"of {other.by!r}: {why}" for why in _refusals(other, plan, now, key)]
    if plan.approval is not None:
        found += (*by_planner(approval, plan), *_too_few(approval, plan.approval))
    return found


def _refusals(approval: Approval, plan: Plan, now: str, key: SecretBytes | None) -> Iterator[str]:
    if approval.digest != approval.expected_digest():
        yield "it was changed after it was made"
    if approval.plan != plan.digest:
        yield f"it is for another plan: digest {approval.plan[:12]}…, not {plan.digest[:12]}…"
    if approval.server != plan.server.url:
        yield f"it is for the server {approval.server}, not for {plan.server.url}"
    if (late := _expired(approval, now)) is not None:
        yield late
    if key is not None and approval.signature is None:
        yield "it is not signed, and a key is set: only its holders may approve"
    elif key is not None and not approval.signed_with(key):
        yield "it is not signed with the key that is set here"


def by_planner(approval: Approval, plan: Plan) -> Iterator[str]:
    """Yield which approvals are not valid because they are by the user who made the plan."""
    planner = plan.approval.planner if plan.approval is not None else None
    for one in approval.all if planner else ():
        if account(planner or "") in (account(one.recorded_by), one.by.casefold()):
            yield f"{one.by!r} ({one.recorded_by}) made the plan, so somebody else must approve it"


def _too_few(approval: Approval, rules: PlanApproval) -> Iterator[str]:
    accounts = {account(one.recorded_by) for one in approval.all}
    people = min(len(accounts), len({one.by.casefold() for one in approval.all}))
    if people < rules.approvers:
        yield (
            f"{people} of {rules.approvers} approvals are there (approvers in the mapping): each"
            " other approver runs kanport approve from an account of their own"
        )


def approved_for(
    approval: Approval, plan: Plan, *, now: str, key: SecretBytes | None = None
) -> Approved:
    """Return what a run records of an approval; raises GuardTripped where it is not valid."""
    found = refusals(approval, plan, now=now, key=key)
    if found:
        raise GuardTripped(
            f"the approval by {approval.by!r} is not valid for this plan; nothing was written",
            details=found,
        )
    document = approval.model_dump_json(
        exclude_none=True, exclude=None if approval.others else {"others"}
    )
    approved = Approved(
        by=approval.by,
        note=approval.note,
        approved_at=approval.approved_at,
        expires_at=approval.expires_at,
        digest=approval.digest,
        recorded_by=approval.recorded_by,
        signed=key is not None,
        document=document,
        others=tuple(one.by for one in approval.others),
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
    same = same and approved.others == tuple(one.by for one in approval.others)
    right = all(one.digest == one.expected_digest() for one in approval.all)
    right = right and {one.plan for one in approval.all} == {plan.digest}
    if not same or not bound or not right:
        return Signature.MISMATCH
    if any(one.signature is None for one in approval.all):
        return Signature.MISMATCH if approved.signed else Signature.NONE
    if key is None:
        return Signature.UNCHECKED
    signed = all(one.signed_with(key) for one in approval.all)
    return Signature.VALID if signed else Signature.MISMATCH


def _expired(approval: Approval, now: str) -> str | None:
    try:
        until = datetime.fromisoformat(approval.expires_at)
        late = datetime.fromisoformat(now) >= until
    except (TypeError, ValueError):
        return f"its expiry time {approval.expires_at!r} is not a time"
    return f"it expired at {approval.expires_at}" if late else None
