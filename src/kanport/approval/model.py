"""The approval: bound to a plan by its digest, to a server and to a time. Pure.

The JSON is a contract: `kanport-approval/1`. Keys are only ever added.
"""

import hashlib
import hmac
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, SecretBytes

from kanport.plan.model import Plan
from kanport.plan.plan_file import canonical

FORMAT: Literal["kanport-approval/1"] = "kanport-approval/1"


class Approval(BaseModel):
    """Who approved which plan, why, and until when (times in UTC, RFC 3339).

    `plan` is the digest of the plan, `changes` how many it holds, `recorded_by` the user and the
    machine that wrote the approval. `digest` is the SHA-256 of all that but itself and `signature`;
    `signature` is an HMAC-SHA256 over the same bytes, where there was a key.
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

    def right_digest(self) -> str:
        """Give the digest that the approval must have."""
        return hashlib.sha256(self._bound()).hexdigest()

    def right_signature(self, key: SecretBytes) -> str:
        """Give the signature that a holder of the key gives it."""
        # The format keeps a signature from being taken for one of something else.
        message = f"{FORMAT}\n".encode() + self._bound()
        return hmac.new(key.get_secret_value(), message, hashlib.sha256).hexdigest()

    def signed_with(self, key: SecretBytes) -> bool:
        """Say whether a holder of this key signed just this."""
        given = (self.signature or "").encode("utf-8", "replace")
        return hmac.compare_digest(given, self.right_signature(key).encode())

    def _bound(self) -> bytes:
        content: dict[str, Any] = self.model_dump(mode="json", exclude={"digest", "signature"})
        return canonical(content)


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
) -> Approval:
    """Give the approval of a plan, signed where there is a key; times in UTC (RFC 3339)."""
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
    )
    proof = {
        "digest": approval.right_digest(),
        "signature": approval.right_signature(key) if key is not None else None,
    }
    return approval.model_copy(update=proof)
