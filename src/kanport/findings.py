"""What a person must know about the input: findings, and the catalogue of their codes."""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, replace
from enum import StrEnum
from typing import Any

from kanport import catalogue
from kanport.facts import Fact, Param, Pseudonym, fact
from kanport.messages import fields_of
from kanport.origin import Origin
from kanport.records import dataclass


class Severity(StrEnum):
    """How much a finding matters: an error makes its row invalid, the others do not."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Acceptance:
    """Why somebody accepted a finding, and until which day (ISO, inclusive)."""

    reason: str
    until: str

    @property
    def text(self) -> str:
        """What the message of an accepted finding ends with; a masked one has no reason."""
        case = "" if self.reason else "masked"
        return fact("accepted", case=case, until=self.until, reason=self.reason).text


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing to know about the input, with its place and what to do about it.

    `value` is what stood there; it is None where there is none and masked where it is secret.
    `related` names other places that belong to it, such as the first of two duplicates. `params`
    are the facts, in the order of their names; `case` picks one wording where a code has several.
    `accepted` is set if the mapping accepts the finding, which is a note then. Make a finding with
    `found`, which words it as the catalogue says.
    """

    code: str
    message: str
    origin: Origin | None = None
    value: str | None = None
    hint: str | None = None
    related: tuple[Origin, ...] = ()
    case: str = ""
    params: tuple[tuple[str, Param], ...] = ()
    accepted: Acceptance | None = None

    def __post_init__(self) -> None:
        if self.code not in catalogue.FINDINGS:
            raise KeyError(f"finding code {self.code!r} is not in the catalogue")

    @property
    def severity(self) -> Severity:
        """The severity that the catalogue gives to the code; a note if the finding is accepted."""
        if self.accepted is not None:
            return Severity.INFO
        return Severity(catalogue.FINDINGS[self.code].severity)

    @property
    def places(self) -> tuple[Origin, ...]:
        """Every place that the finding is about: its own, and the related ones."""
        return self.related if self.origin is None else (self.origin, *self.related)

    @property
    def fact(self) -> Fact:
        """The code with its parameters; without any in a finding of an earlier version."""
        return Fact(self.code, self.params, self.case)

    @property
    def is_whole(self) -> bool:
        """Whether the parameters say all that the wording shows; not so in earlier versions."""
        wording = catalogue.FINDINGS[self.code].texts.get(self.case)
        shown = {name for template in wording or () for name in fields_of(template)}
        return wording is not None and shown <= {name for name, _ in self.params}

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
        if self.accepted is not None:
            parts["accepted"] = asdict(self.accepted)
        return parts

    def accepted_as(self, acceptance: Acceptance) -> "Finding":
        """Return the finding as an accepted one: it says so, and nothing is to be fixed."""
        message = f"{self.message} ({acceptance.text})"
        return replace(self, message=message, hint=None, accepted=acceptance)

    def masked(self, pseudonym: Pseudonym) -> "Finding":
        """Return the finding worded anew with a pseudonym for each personal parameter.

        A finding without parameters, as earlier versions wrote them, is worded by what its code is
        about, since nobody knows what its message says of whom.
        """
        masked = self.fact.masked(pseudonym)
        if not self.is_whole:
            about = catalogue.FINDINGS[self.code].about
            made = replace(self, message=about, hint=None, params=masked.params)
        else:
            made = replace(self, message=masked.text, hint=masked.hint, params=masked.params)
        if self.accepted is None:
            return made
        # A reason is free text, which may name anybody.
        return made.accepted_as(replace(self.accepted, reason=""))

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
            accepted=Acceptance(**parts["accepted"]) if "accepted" in parts else None,
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
_STOPS_NOTHING = UNCLEAR | {"acceptance-ended"}


def stopping(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Return the errors that stop everything where the mapping lets invalid rows do so."""
    return (finding for finding in errors_in(findings) if finding.code not in _STOPS_NOTHING)
