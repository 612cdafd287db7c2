"""Findings as they come up while rows are read."""

from dataclasses import replace
from typing import NamedTuple, Self

from kanport.facts import Fact, Param, fact
from kanport.findings import Finding, finding, found, in_order
from kanport.messages import MASK
from kanport.names import as_written
from kanport.origin import Origin, in_place_order

Place = str | Origin | None
"""Where in a row a value comes from: a column, a place of its own, or None for the whole row."""

SHOWN_MAX = 80
"""Characters of a value that a finding shows."""


def shown(text: str, *, masked: bool = False) -> str:
    """Return a value as a finding shows it: masked where it is secret, cut where it is long.

    >>> shown("hunter2", masked=True)
    '••••••'
    """
    if masked:
        return MASK
    text = as_written(text)
    return text if len(text) <= SHOWN_MAX else text[: SHOWN_MAX - 1] + "…"


class Remark(NamedTuple):
    """What there is to say of a value in every row that has it; `place` is where in the row.

    It is a finding without its origin, or `gathered`: what puts several rows into one finding.
    """

    place: Place
    finding: Finding | None
    gathered: tuple[str, ...] = ()

    @classmethod
    def of(cls, said: Fact, place: Place, value: str | None = None) -> Self:
        """Return the remark that a fact makes."""
        return cls(place, finding(said, value=value))


def remark(
    code: str, place: Place, *, case: str = "", value: str | None = None, **params: Param
) -> Remark:
    """Return the remark of a code; see `kanport.findings.found`."""
    return Remark.of(fact(code, case=case, **params), place, value)


def defaulted(what: str, place: Place, value: str, default: str) -> Remark:
    """Return the remark that a value was not in the table; made once for each value and column."""
    return Remark(place, None, ("default", what, value, default))


def unproven(what: str, place: Place, code: str, attribute: str) -> Remark:
    """Return the remark that a value may only be hidden; made once for each attribute."""
    return Remark(place, None, ("unproven", what, code, attribute))


def without_password(place: Place) -> Remark:
    """Return the remark that a password cell is empty; made once for each source."""
    return Remark(place, None, ("password",))


class Notes:
    """Takes down findings; those that would repeat themselves cell by cell are put together."""

    def __init__(self) -> None:
        self._findings: list[Finding] = []
        self._defaults: dict[tuple[str, str, str, str], list[Origin]] = {}
        self._no_password: dict[str, list[Origin]] = {}
        self._unproven: dict[tuple[str, str, str, str], list[Origin]] = {}

    def add(
        self,
        code: str,
        origin: Origin | None = None,
        *,
        case: str = "",
        value: str | None = None,
        related: tuple[Origin, ...] = (),
        **params: Param,
    ) -> None:
        """Add the finding of a code; see `kanport.findings.found`."""
        self._findings.append(
            found(code, origin, case=case, value=value, related=related, **params)
        )

    def take(self, of: Fact, origin: Origin, value: str | None = None) -> None:
        """Add a fact as a finding."""
        self._findings.append(finding(of, origin, value=value))

    def remark(self, said: Remark, origin: Origin) -> None:
        """Add the findings about the value at a place."""
        if said.finding is not None:
            self._findings.append(replace(said.finding, origin=origin))
        elif said.gathered[0] == "default":
            _, what, value, default = said.gathered
            key = what, f"{origin.source}\0{origin.column or ''}", value, default
            self._defaults.setdefault(key, []).append(origin)
        elif said.gathered[0] == "password":
            self._no_password.setdefault(origin.source, []).append(origin)
        else:
            _, what, code, attribute = said.gathered
            self._unproven.setdefault((what, origin.source, code, attribute), []).append(origin)

    def findings(self) -> list[Finding]:
        """Return all findings in the order of their places."""
        gathered = list(self._findings)
        for (what, _, value, default), origins in self._defaults.items():
            places = in_place_order(origins)
            gathered.append(
                found(
                    "value-took-default",
                    places[0],
                    value=value,
                    text=value,
                    what=what,
                    default=default,
                    count=len(places),
                )
            )
        for origins in self._no_password.values():
            places = in_place_order(origins)
            gathered.append(found("password-empty", places[0], count=len(places)))
        for (what, source, code, attribute), origins in self._unproven.items():
            places = in_place_order(origins)
            entries = tuple(dict.fromkeys(place.dn or "" for place in places))
            gathered.append(
                found(
                    code,
                    places[0],
                    related=places[1:],
                    attribute=attribute,
                    count=len(entries),
                    entries=entries,
                    what=what,
                    source=source,
                )
            )
        return in_order(gathered)
