"""A fact: a code of the catalogue with its parameters. Its wording is made when it is shown.

Code decides by code and parameters, never by the wording.
"""

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any, Union

from kanport import catalogue
from kanport.catalogue.kinds import Personal
from kanport.messages import MASK, fill
from kanport.records import dataclass

# A parameter is a plain value, several texts, or other facts that the wording includes.
Param = Union[str, int, float, bool, None, "Fact", tuple[Union[str, "Fact"], ...]]
# Returns what stands for a personal text: what it is, the text, and the parameter `field`, if any.
Pseudonym = Callable[[Personal, str, str], str]


@dataclass(frozen=True, slots=True)
class Fact:
    """One fact; make it with `fact`. `params` are in the order of their names.

    `case` picks one wording where a code has several.
    """

    code: str
    params: tuple[tuple[str, Param], ...] = ()
    case: str = ""

    def __str__(self) -> str:
        return self.text

    def __getitem__(self, name: str) -> Param:
        return dict(self.params)[name]

    @property
    def text(self) -> str:
        """What happened, as the catalogue words it."""
        return self._filled(catalogue.ALL[self.code].texts[self.case].message)

    @property
    def hint(self) -> str | None:
        """What to do about it; None where the catalogue has no advice."""
        return self._filled(catalogue.ALL[self.code].texts[self.case].hint) or None

    def _filled(self, template: str) -> str:
        if not self.params:
            return _plain(template)
        secret = catalogue.ALL[self.code].secret
        return fill(
            template, {name: MASK if name in secret else value for name, value in self.params}
        )

    def masked(self, pseudonym: Pseudonym) -> "Fact":
        """Return the fact with a pseudonym in place of each personal parameter."""
        personal = catalogue.ALL[self.code].personal
        field = str(dict(self.params).get("field", ""))
        params = tuple(
            (name, _masked(value, personal.get(name), field, pseudonym))
            for name, value in self.params
        )
        return Fact(self.code, params, self.case)

    def texts(self) -> Iterator[tuple[str, Personal | None, str]]:
        """Yield the texts among the parameters, at every depth: name, whether personal, text."""
        personal = catalogue.ALL[self.code].personal
        for name, value in self.params:
            for each in value if isinstance(value, tuple) else (value,):
                if isinstance(each, Fact):
                    yield from each.texts()
                elif isinstance(each, str):
                    yield name, personal.get(name), each

    def all(self) -> Iterator["Fact"]:
        """Yield the fact and those among its parameters, at every depth."""
        yield self
        for _, value in self.params:
            for each in value if isinstance(value, tuple) else (value,):
                if isinstance(each, Fact):
                    yield from each.all()

    def to_dict(self) -> dict[str, Any]:
        """Return code and parameters as JSON files hold them; parts that are not set are absent."""
        parts: dict[str, Any] = {"code": self.code}
        if self.case:
            parts["case"] = self.case
        if self.params:
            parts["params"] = {name: _to_json(value) for name, value in self.params}
        return parts

    @classmethod
    def from_dict(cls, parts: Mapping[str, Any]) -> "Fact":
        """Return the fact that `to_dict` wrote; raise KeyError for an unknown code or case."""
        code, case = parts["code"], parts.get("case", "")
        catalogue.ALL[code].texts[case]
        params = parts.get("params", {})
        return cls(code, tuple((name, _from_json(params[name])) for name in sorted(params)), case)


def fact(code: str, *, case: str = "", **params: Param) -> Fact:
    """Return a fact; raise KeyError for a code or case that the catalogue lacks.

    >>> fact("as-written", text="role differs").text
    'role differs'
    """
    if not params:
        return _bare(code, case)
    catalogue.ALL[code].texts[case]
    return Fact(code, tuple(sorted(params.items())), case)


@cache
def _bare(code: str, case: str) -> Fact:
    """Return a fact without parameters; half a million changes may have the same one."""
    catalogue.ALL[code].texts[case]
    return Fact(code, (), case)


@cache
def _plain(template: str) -> str:
    return fill(template, {})


def as_written(text: str) -> Fact:
    """Return a text of an earlier version as a fact."""
    return fact("as-written", text=text)


def _masked(value: Param, personal: Personal | None, field: str, pseudonym: Pseudonym) -> Param:
    match value:
        case Fact():
            return value.masked(pseudonym)
        case str() if personal is not None:
            return pseudonym(personal, value, field)
        case tuple():
            return tuple(_masked(each, personal, field, pseudonym) for each in value)  # type: ignore[misc]
        case _:
            return value


def _to_json(value: Param) -> Any:
    match value:
        case Fact():
            return value.to_dict()
        case tuple():
            return [_to_json(each) for each in value]
        case _:
            return value


def _from_json(value: Any) -> Param:
    match value:
        case {"code": _}:
            return Fact.from_dict(value)
        case list():
            return tuple(map(_from_json, value))  # type: ignore[arg-type]
        case _:
            return value  # type: ignore[no-any-return]
