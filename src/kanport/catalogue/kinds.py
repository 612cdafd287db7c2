"""The shape of a catalogue entry: severity, title, wordings, and which parameters are personal."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import NamedTuple


class Personal(StrEnum):
    """What a personal parameter is, which decides the shape of its pseudonym."""

    LOGIN = "login"
    NAME = "name"
    EMAIL = "email"
    ENTRY = "entry"  # the DN of a directory entry
    VALUE = "value"  # a cell or an attribute that can contain anything
    FIELD = "field"  # a value of the field of a user that the parameter `field` names
    PATH = "path"  # the path of a file, whose folders can have a person's name


class Text(NamedTuple):
    """A wording: templates (`kanport.messages`) for what is wrong and how to fix it."""

    message: str
    hint: str = ""


class CatalogueEntry(NamedTuple):
    """One entry of the catalogue.

    `severity` is error, warning or info for a finding, and empty for other facts. `about` is the
    title. `texts` has a wording for each case; most codes have one case, "". `personal` names the
    parameters that identify or describe a person, which a masked report replaces; `secret` those
    that no report shows.
    """

    severity: str
    about: str
    texts: Mapping[str, Text] = MappingProxyType({})
    personal: Mapping[str, Personal] = MappingProxyType({})
    secret: frozenset[str] = frozenset()


def one(message: str, hint: str = "") -> Mapping[str, Text]:
    """Return the wordings of a code that has one case."""
    return {"": Text(message, hint)}


# For a code with more occurrences in a source than Kanport shows.
MORE = {"more": Text("{count:,} more {count:place has|places have} the same problem")}
