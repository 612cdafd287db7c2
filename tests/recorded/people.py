"""Whom the generated sources list, and how lists spell them wrongly."""

import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

FIRST = (
    *("Ada", "Björn", "Chloé", "Dağhan", "Erik", "Françoise", "Grzegorz", "Hanna", "İpek"),
    *("José", "Krisztián", "Łukasz", "Max", "Noël", "Ödön", "Päivi", "Quentin", "Ruth", "Søren"),
    *("Theo", "Ute", "Vít", "Willem", "Xenia", "Yaël", "Zoë"),
)
LAST = (
    *("Lovelace", "Müller", "Groß", "Straße", "O'Neil", "van der Berg", "Ångström", "Nuñez"),
    *("Kowalska-Żak", "Weiß", "Ek", "D’Arcy", "Sæther", "Öztürk", "Ferreira", "Novák", "Total"),
    *("Berg", "Müller", "Jones"),
)
ROLES = ("app-user", "app-user", "app-user", "app-manager", "app-admin")
PROJECT_ROLES = ("project-viewer", "project-member", "project-member", "project-manager")
PROJECTS = (
    ("WEB", "Web site"),
    ("OPS", "Operations"),
    ("ERP", "ERP roll-out"),
    ("", "Über uns"),
    ("AUDIT", "Audit 2026"),
    ("", "3"),
    ("HR", "Personal & Löhne"),
    ("", "Straße"),
)
"""Identifiers and names, as servers have them and sources name them."""

GROUPS = ("Engineers", "kb-Tester", "Löhne", "Straße Süd", "ops", "Board")
CUSTOM = "release-manager"
"""A custom role of the project OPS."""

_PLAIN = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "ø": "o", "æ": "ae", "ł": "l", "ı": "i", "’": "'"}
)


@dataclass
class Person:
    """Somebody as they really are; a list may say otherwise."""

    number: int
    first: str
    last: str
    login: str
    role: str
    active: bool
    password: str
    grants: dict[int, str] = field(default_factory=dict)
    groups: list[int] = field(default_factory=list)

    @property
    def name(self) -> str:
        """First and last name."""
        return f"{self.first} {self.last}"

    @property
    def mail(self) -> str:
        """The email address."""
        return f"{self.login}@example.org"


def crowd(rng: Random, size: int) -> list[Person]:
    """Return so many people, each with a login of their own."""
    found: dict[str, Person] = {}
    while len(found) < size:
        first, last = rng.choice(FIRST), rng.choice(LAST)
        login = plain(f"{first}.{last}")
        if login in found:
            login += str(len(found))
        projects = rng.sample(range(len(PROJECTS)), rng.randrange(4))
        found[login] = Person(
            len(found) + 2,
            first,
            last,
            login,
            rng.choice(ROLES),
            rng.random() < 0.85,
            f"Pass-{rng.randrange(10**6)}",
            {at: rng.choice(PROJECT_ROLES) for at in projects},
            rng.sample(range(len(GROUPS)), rng.randrange(3)),
        )
    return list(found.values())


def plain(name: str) -> str:
    """Return a name as a login: small letters without marks.

    >>> plain("Björn.Groß")
    'bjoern.gross'
    """
    apart = unicodedata.normalize("NFKD", name.lower().translate(_PLAIN))
    return "".join(char for char in apart if char.isascii() and (char.isalnum() or char == "."))


# --- what goes wrong with a text ------------------------------------------------------------------

BLANKS = (" ", "  ", "\u00a0", "\u200b", "\t", "\u2003", "\ufeff")
CONTROLS = ("\x07", "\x1b", "\x85", "\u2028", "\t", "\ufeff", "\x7f")
CLEAR = "<clear>"


def spoiled(rng: Random, text: str) -> str:
    """Return a text as some list, program or person spells it."""
    return rng.choice(HARMLESS if rng.random() < 0.5 else HARMFUL)(rng, text)


Spoil = Callable[[Random, str], str]

HARMLESS: tuple[Spoil, ...] = (
    lambda rng, text: f"{rng.choice(BLANKS)}{text}{rng.choice(BLANKS)}",
    lambda rng, text: text.upper(),
    lambda rng, text: text.title(),
    lambda rng, text: unicodedata.normalize("NFD", text),
    lambda rng, text: text.replace("ss", "ß").replace("ue", "ü").replace("oe", "ö"),
    lambda rng, text: text.replace("ß", "ss").replace("ü", "ue").replace("Ö", "O"),
    lambda rng, text: f'="{text}"',
    lambda rng, text: text.replace(" ", rng.choice(("  ", "\u00a0", "\u2009"))),
    lambda rng, text: "",
)
HARMFUL: tuple[Spoil, ...] = (
    lambda rng, text: CLEAR,
    lambda rng, text: f"{text[:2]}{rng.choice(CONTROLS)}{text[2:]}",
    lambda rng, text: f"{text[:3]}\u00ad{text[3:]}",
    lambda rng, text: f"{text[:3]}\u200b{text[3:]}",
    lambda rng, text: text.replace("a", "а").replace("e", "е"),
    lambda rng, text: f"'{rng.randrange(10**6):06}",
    lambda rng, text: rng.choice(("1.23457E+11", "8,91E+05", "2-Jan", "Mar-26", "17.0", "5,00")),
    lambda rng, text: f"1{rng.randrange(10**13):014}000",
    lambda rng, text: rng.choice(("#N/A", "#BEZUG!", "#DIV/0!", "########", "Err:502")),
    lambda rng, text: text.replace("e", "\ufffd", 1),
    lambda rng, text: f"Ü{text}".encode().decode("cp1252", errors="replace"),
    lambda rng, text: text * 40,
    lambda rng, text: rng.choice(("?", "-", "n/a", "tbd", "@", "0", "x", "jsonrpc", "admin")),
    lambda rng, text: f"{text}\n{text[::-1]}",
    lambda rng, text: text.replace(".", " ").replace("@", "(at)"),
    lambda rng, text: f"{text};{text[:3]}",
    lambda rng, text: rng.choice(("project-manger", "Project-Member", "app-root", "RW ", "WEB2")),
)
