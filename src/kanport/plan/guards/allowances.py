"""What was allowed for one run: which guard `--allow` overrides, and up to which number."""

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import field

from kanport.catalogue import GUARDS
from kanport.facts import Param, fact
from kanport.plan.model import GuardVerdict
from kanport.records import dataclass

CLASSES = ("create", "grant", "update", "raise", "lower", "disable", "remove", "revoke", "dropped")
"""The classes of changes that have a limit, as a mapping and `--allow` call them."""

OF_PLAN = ("separation",)
"""What can be allowed besides, and counts over all projects."""

OF_SOURCES = ("empty", "shrink", "columns", "stale", "referrals")
"""What can be allowed of a source by name."""

FIRM = frozenset(
    guard
    for guard, kind in GUARDS.items()
    if any(case.startswith("stopped") for case in kind.texts)
    and not any(case.startswith("overridden") for case in kind.texts)
)
"""The guards that have no number to override them with."""


class NotAllowable(ValueError):
    """An `--allow` that means nothing; the message says what does."""


@dataclass(frozen=True, slots=True)
class Allowances:
    """Numbers by what they allow: a class, a class in a project, or something of a source."""

    numbers: Mapping[str, int] = field(default_factory=dict)

    def most(self, name: str, of: str | None = None) -> int | None:
        """Return up to which number a guard is overridden, of a source (`of`); None: it is not."""
        return self.numbers.get(allow_key(name, of))

    def of(self, name: str) -> tuple[tuple[str, int], ...]:
        """Return the projects for which a class has a number of its own, as they were called."""
        keys = (key.partition(":") for key in self.numbers)
        return tuple(
            (whose, self.numbers[f"{what}:{whose}"])
            for what, colon, whose in keys
            if colon and what == name
        )


def allow_key(name: str, of: str | None = None) -> str:
    """Return how `--allow` calls a guard that it overrides."""
    return name if of is None else f"{name}:{of}"


def over_limit(
    guard: str,
    key: str,
    number: int,
    allow: int | None,
    variant: str = "",
    **params: Param,
) -> GuardVerdict:
    """Return the verdict on a plan that a guard stops, unless `--allow` permits the number.

    `key` is how `--allow` calls the guard, `allow` the number that it permits for this run. The
    catalogue words the cases stopped, exceeded and overridden, each with the `variant` behind it.
    """
    overridden = allow is not None and number <= allow
    case = "stopped" if allow is None else "overridden" if overridden else "exceeded"
    why = fact(
        guard,
        case=f"{case}-{variant}" if variant else case,
        option=f"{key}={number}",
        allow=allow,
        **params,
    )
    return GuardVerdict.of(why)


def parse_allowed(texts: Iterable[str]) -> dict[str, int]:
    """Return the numbers by what they allow, in order; raises NotAllowable.

    >>> parse_allowed(["revoke:WEB=8", "disable=40"])
    {'disable': 40, 'revoke:WEB': 8}
    """
    allowed: dict[str, int] = {}
    for text in texts:
        key, number = _parse(text)
        if key in allowed:
            raise NotAllowable(f"{key} is allowed twice")
        allowed[key] = number
    return dict(sorted(allowed.items()))


def _parse(text: str) -> tuple[str, int]:
    key, equals, number = text.rpartition("=")
    key, number = key.strip(), number.strip()
    if not equals:
        key, number = text.strip(), ""
    what, colon, whose = key.partition(":")
    _refuse_unknown(what, text)
    if what in ("dropped", *OF_PLAN) and colon:
        raise NotAllowable(f"{text!r}: {what} counts over all projects: {what}=NUMBER")
    if what in OF_SOURCES and not (colon and whose):
        raise NotAllowable(f"{text!r}: name the source: {what}:SOURCE=NUMBER")
    if colon and not whose:
        raise NotAllowable(f"{text!r}: name the project: {what}:PROJECT=NUMBER")
    # No count is longer, and Python refuses to read numbers of thousands of digits.
    if not (number.isascii() and number.isdigit() and len(number) < 19):
        raise NotAllowable(f"{text!r}: give a number, such as {key}=40")
    return key, int(number)


def _refuse_unknown(what: str, text: str) -> None:
    known = (*CLASSES, *OF_SOURCES, *OF_PLAN)
    if what in known:
        return
    if what in FIRM:
        raise NotAllowable(f"{text!r}: --allow cannot override {what}; its hint says what to do")
    close = difflib.get_close_matches(what.removeprefix("limit-"), known, n=1)
    meant = f"did you mean {close[0]}? " if close else ""
    raise NotAllowable(
        f"{text!r}: unknown check; {meant}use one of {', '.join(CLASSES)}, each also in one project"
        " (revoke:WEB=8), " + ", ".join((*(f"{name}:SOURCE" for name in OF_SOURCES), *OF_PLAN))
    )


def allowed_words(allowed: Mapping[str, int]) -> list[str]:
    """Return what was allowed for a run, for people; empty where nothing was.

    >>> allowed_words({"disable": 40, "revoke:WEB": 8, "shrink:people": 400})
    ['disable up to 40', 'revoke in WEB up to 8', 'people with up to 400 rows fewer']
    """
    words = []
    for key, number in allowed.items():
        what, _, whose = key.partition(":")
        if what == "shrink":
            words.append(f"{whose} with up to {number} rows fewer")
        elif what == "empty":
            words.append(f"{whose} without use, and up to {number} lost by it")
        elif what == "columns":
            words.append(f"{whose} with up to {number} columns fewer")
        elif what == "stale":
            words.append(f"{whose} from a server with older data, for up to {number} changes")
        elif what == "referrals":
            words.append(f"{whose} with up to {number} referrals more")
        elif whose:
            words.append(f"{what} in {whose} up to {number}")
        else:
            words.append(f"{what} up to {number}")
    return words
