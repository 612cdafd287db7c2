"""What a person must know about the input: findings, and the catalogue of their codes."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from kanport.finding_codes import CATALOGUE
from kanport.origin import Origin

MASK = "••••••"


class Severity(StrEnum):
    """How much a finding matters: an error makes its row invalid, the others do not."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to know about the input, with its place and what to do about it.

    `value` is what stood there; it is None where there is none and masked where it is secret.
    `related` names other places that belong to it, such as the first of two duplicates.
    """

    code: str
    message: str
    origin: Origin | None = None
    value: str | None = None
    hint: str | None = None
    related: tuple[Origin, ...] = ()

    def __post_init__(self) -> None:
        if self.code not in CATALOGUE:
            raise KeyError(f"finding code {self.code!r} is not in the catalogue")

    @property
    def severity(self) -> Severity:
        """The severity that the catalogue gives to the code."""
        return Severity(CATALOGUE[self.code].severity)

    def to_dict(self) -> dict[str, Any]:
        """Give the finding as the plan file holds it; parts that are not set are left out."""
        parts: dict[str, Any] = {
            "code": self.code,
            "severity": str(self.severity),
            "message": self.message,
        }
        if self.origin is not None:
            parts["origin"] = self.origin.to_dict()
        if self.value is not None:
            parts["value"] = self.value
        if self.hint is not None:
            parts["hint"] = self.hint
        if self.related:
            parts["related"] = [origin.to_dict() for origin in self.related]
        return parts

    @classmethod
    def from_dict(cls, parts: dict[str, Any]) -> "Finding":
        """Read back what `to_dict` gave."""
        origin = parts.get("origin")
        return cls(
            code=parts["code"],
            message=parts["message"],
            origin=Origin.from_dict(origin) if origin else None,
            value=parts.get("value"),
            hint=parts.get("hint"),
            related=tuple(Origin.from_dict(other) for other in parts.get("related", ())),
        )


def _order(finding: Finding) -> tuple[Any, ...]:
    origin = finding.origin or Origin()
    return (
        origin.source,
        origin.file or "",
        origin.sheet or "",
        origin.dn or "",
        origin.row or 0,
        origin.position or 0,
        finding.code,
        finding.message,
    )


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Give the findings in the order of their places, each once, whatever order they came in."""
    return sorted(dict.fromkeys(findings), key=_order)


def errors_in(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Give the findings that make their row invalid."""
    return (finding for finding in findings if finding.severity is Severity.ERROR)
