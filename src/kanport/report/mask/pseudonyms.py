"""Which pseudonym stands for which login, name, address and other text."""

import hashlib
import hmac
from collections.abc import Iterable
from typing import NamedTuple

from kanport.catalogue import Personal
from kanport.names import compare_key

DOMAIN = "masked.invalid"  # a name that nobody can ever have (RFC 2606)


class Somebody(NamedTuple):
    """Somebody's login, with the names and the addresses that are said to be theirs."""

    login: str
    names: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()


class Pseudonyms:
    """Gives the same pseudonym for the same text, and others for others.

    People are numbered in an order that follows from the key alone, so that neither the alphabet
    nor the plan shows who is who. What is met later is numbered as it comes up.
    """

    def __init__(self, key: bytes, people: Iterable[Somebody]) -> None:
        def rank(login: str) -> bytes:
            return hmac.digest(key, login.encode("utf-8", "surrogatepass"), hashlib.sha256)

        self._known: dict[str, str] = {}
        self._logins: dict[str, str] = {}
        self._others: dict[tuple[str, str], str] = {}
        gathered: dict[str, list[Somebody]] = {}
        for somebody in people:
            gathered.setdefault(compare_key(somebody.login), []).append(somebody)
        for number, login in enumerate(sorted(gathered, key=rank), start=1):
            told = f"masked-{number:04}"
            self._logins[login] = told
            for somebody in gathered[login]:
                self._known[somebody.login] = told
                for address in somebody.addresses:
                    self._known.setdefault(address, f"{told}@{DOMAIN}")
                for name in somebody.names:
                    self._known.setdefault(name, f"Masked {number:04}")
        self._next = len(gathered)

    def of(self, text: str) -> str | None:
        """Give the pseudonym of a text that is known as somebody's; None for any other."""
        return self._known.get(text) or self._logins.get(compare_key(text))

    def login(self, text: str) -> str:
        """Give the pseudonym of a login; the number of a user whose name was not read stays."""
        if not text or (text.startswith("#") and text[1:].isdecimal()):
            return text
        return self.of(text) or self._new(text, "masked-{:04}")

    def name(self, text: str) -> str:
        """Give the pseudonym of a person's name."""
        return text and (self._known.get(text) or self._new(text, "Masked {:04}"))

    def address(self, text: str) -> str:
        """Give the pseudonym of an e-mail address."""
        return text and (self._known.get(text) or self._new(text, "masked-{:04}@" + DOMAIN))

    def entry(self, text: str) -> str:
        """Give the pseudonym of an entry of a directory."""
        return self._new(text, "masked-entry-{:04}")

    def other(self, text: str) -> str:
        """Give the pseudonym of a text of which nobody knows what it is."""
        return self.of(text) or self._new(text, "masked-value-{:04}")

    def for_parameter(self, kind: Personal, text: str) -> str:
        """Return the pseudonym of a personal parameter of a fact."""
        match kind:
            case Personal.LOGIN:
                return self.login(text)
            case Personal.NAME:
                return self.name(text)
            case Personal.EMAIL:
                return self.address(text)
            case Personal.ENTRY:
                return self.entry(text)
            case Personal.VALUE | Personal.PROSE:
                return self.other(text)

    def _new(self, text: str, shape: str) -> str:
        told = self._others.get((shape, text))
        if told is None:
            self._next += 1
            told = self._others[shape, text] = shape.format(self._next)
        return told
