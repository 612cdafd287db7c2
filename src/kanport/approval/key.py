"""The key that approvals are signed with: from a file that nobody else can read, or set directly.

Whoever approves and whoever applies hold the same key, so it proves that an approval came from one
of them, and not from which.
"""

from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretBytes

from kanport.errors import ConfigInvalid
from kanport.files import read_secret

NAME, NAME_OF_FILE = "KANPORT_APPROVAL_KEY", "KANPORT_APPROVAL_KEY_FILE"
SHORTEST = 16
"""Characters; a shorter key could be found by trying."""


def approval_key(environ: Mapping[str, str]) -> SecretBytes | None:
    """Give the key that the environment names; None where it names none.

    Raises ConfigInvalid where both variables are set, the file can be reached by others, or the key
    is too short; no message holds any part of it.
    """
    text, named = environ.get(NAME), environ.get(NAME_OF_FILE)
    if text and named:
        raise ConfigInvalid(
            f"{NAME} and {NAME_OF_FILE} are both set, and only one can be meant.",
            hint="Unset one of them.",
        )
    if named:
        return _key(read_secret(Path(named), "key"), f"the file {named}")
    return _key(text, NAME) if text else None


def _key(text: str, origin: str) -> SecretBytes:
    text = text.removesuffix("\n").removesuffix("\r")
    if len(text) < SHORTEST:
        raise ConfigInvalid(
            f"The key from {origin} has fewer than {SHORTEST} characters.",
            hint="Make one with, for example: openssl rand -hex 32",
        )
    return SecretBytes(text.encode("utf-8"))
