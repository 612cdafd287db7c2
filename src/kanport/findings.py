"""What a person must know about the input: findings, and the catalogue of their codes."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from kanport import catalogue
from kanport.facts import Fact, Param, Pseudonym, fact
from kanport.messages import fields_of
from kanport.origin import Origin


class Severity(StrEnum):
    """How much a finding matters: an error makes its row invalid, the others do not."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to know about the input, with its place and what to do about it.

    `value` is what stood there; it is None where there is none and masked where it is secret.
    `related` names other places that belong to it, such as the first of two duplicates. `params`
    are the facts, in the order of their names; `case` picks one wording where a code has several.
    Make one with `found`, which words it as the catalogue says.
    """

    code: str
    message: str
    origin: Origin | None = None
    value: str | None = None
    hint: str | None = None
    related: tuple[Origin, ...] = ()
    case: str = ""
    params: tuple[tuple[str, Param], ...] = ()

    def __post_init__(self) -> None:
        if self.code not in catalogue.FINDINGS:
            raise KeyError(f"finding code {self.code!r} is not in the catalogue")

    @property
    def severity(self) -> Severity:
        """The severity that the catalogue gives to the code."""
        return Severity(catalogue.FINDINGS[self.code].severity)

    @property
    def fact(self) -> Fact:
        """The code with its parameters; without any in a finding of an earlier version."""
        return Fact(self.code, self.params, self.case)

    def to_dict(self) -> dict[str, Any]:
        """Return the finding as the plan file holds it; parts that are not set are left out."""
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
        parts |= self.fact.to_dict()
        return parts

    def masked(self, pseudonym: Pseudonym) -> "Finding":
        """Return the finding worded anew with a pseudonym for each personal parameter.

        A finding without parameters, as earlier versions wrote them, is worded by what its code is
        about, since nobody knows what its message says of whom.
        """
        kind = catalogue.FINDINGS[self.code]
        wording = kind.texts.get(self.case)
        shown = {name for template in wording or () for name in fields_of(template)}
        masked = self.fact.masked(pseudonym)
        if wording is None or not shown <= {name for name, _ in self.params}:
            return replace(self, message=kind.about, hint=None, params=masked.params)
        return replace(self, message=masked.text, hint=masked.hint, params=masked.params)

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
            case=parts.get("case", ""),
            params=Fact.from_dict(parts).params if "params" in parts else (),
        )


def found(
    code: str,
    origin: Origin | None = None,
    *,
    case: str = "",
    value: str | None = None,
    related: Iterable[Origin] = (),
    **params: Param,
) -> Finding:
    """Return a finding of the catalogue; `params` are what its wording and programs need to know.

    Raises KeyError where the code has no such case, or its wording shows what is not given.

    >>> found("protected-named", username="admin").message
    '"admin" is protected, so Kanport does not change this account'
    """
    return finding(fact(code, case=case, **params), origin, value=value, related=related)


def finding(
    of: Fact,
    origin: Origin | None = None,
    *,
    value: str | None = None,
    related: Iterable[Origin] = (),
) -> Finding:
    """Return the finding of a fact whose code is in the catalogue of findings."""
    return Finding(of.code, of.text, origin, value, of.hint, tuple(related), of.case, of.params)


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
        finding.case,
        repr(finding.params),
        finding.value or "",
    )


def in_order(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings in the order of their places, each once, whatever order they came in."""
    return sorted(dict.fromkeys(findings), key=_order)


def errors_in(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Return the findings that make their row invalid."""
    return (finding for finding in findings if finding.severity is Severity.ERROR)


UNCLEAR = frozenset(
    {
        *("identity-changed", "rename-unclear", "person-ambiguous"),
        *("id-shared", "id-differs", "user-clash"),
    }
)
"""Errors of which nothing is wrong but who somebody is.

They keep back the people whom they name, and nobody else: the rest of the run goes on, whatever
`invalid_rows` says.
"""


def stopping(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Return the errors that stop everything where the mapping lets invalid rows do so."""
    return (finding for finding in errors_in(findings) if finding.code not in UNCLEAR)
