"""Findings as they come up while rows are read."""

from kanport.facts import Fact, Param
from kanport.findings import Finding, finding, found, in_order
from kanport.messages import MASK
from kanport.names import as_written
from kanport.origin import Origin, in_place_order

SHOWN_MAX = 80
"""Characters of a value that a finding shows."""


def shown(text: str, *, masked: bool = False) -> str:
    """Give a value as a finding shows it: masked where it is secret, cut where it is long.

    >>> shown("hunter2", masked=True)
    '••••••'
    """
    if masked:
        return MASK
    text = as_written(text)
    return text if len(text) <= SHOWN_MAX else text[: SHOWN_MAX - 1] + "…"


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
        """Take down the finding of a code; see `kanport.findings.found`."""
        self._findings.append(
            found(code, origin, case=case, value=value, related=related, **params)
        )

    def take(self, of: Fact, origin: Origin, value: str | None = None) -> None:
        """Take down a fact as a finding."""
        self._findings.append(finding(of, origin, value=value))

    def took_default(self, what: str, value: str, default: str, origin: Origin) -> None:
        """Take down that a value was not in the table; told once for each value and column."""
        column = origin.column or ""
        self._defaults.setdefault((what, f"{origin.source}\0{column}", value, default), []).append(
            origin
        )

    def no_password(self, origin: Origin) -> None:
        """Take down that a password cell is empty; told once for each source."""
        self._no_password.setdefault(origin.source, []).append(origin)

    def unproven(self, what: str, origin: Origin, code: str, attribute: str) -> None:
        """Take down that a value may only be hidden; told once for each source and attribute."""
        self._unproven.setdefault((what, origin.source, code, attribute), []).append(origin)

    def findings(self) -> list[Finding]:
        """Give all findings in the order of their places."""
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
