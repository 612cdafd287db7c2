"""The server's token: from a file that nobody else can read, or from the environment."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from pydantic import SecretStr

from kanport.errors import ConfigInvalid
from kanport.files import read_secret


class Token(NamedTuple):
    """A token, and where it came from, in words for messages."""

    value: SecretStr
    origin: str


def find_token(path: str | os.PathLike[str] | None, environ: Mapping[str, str]) -> Token:
    """Give the token out of the file named by the flag, else as the environment says.

    Raises ConfigInvalid for a file that others can reach, for two tokens in the environment, and
    for none at all; no message holds any part of a token.
    """
    if path:
        return _from_file(Path(path), f"the file {os.fspath(path)}")
    text, named = environ.get("KANPORT_TOKEN"), environ.get("KANPORT_TOKEN_FILE")
    if text and named:
        raise ConfigInvalid(
            "KANPORT_TOKEN and KANPORT_TOKEN_FILE are both set, and only one can be meant.",
            hint="Unset one of them, or name the file with --token-file, which beats both.",
        )
    if named:
        return _from_file(Path(named), f"the file {named} (KANPORT_TOKEN_FILE)")
    if text:
        return Token(_clean_token(text, "KANPORT_TOKEN"), "KANPORT_TOKEN")
    raise ConfigInvalid(
        "There is no token for the server.",
        hint="Kanboard shows it under Settings > API. Put it in a file that only you can read, and "
        "name that with KANPORT_TOKEN_FILE; or set KANPORT_TOKEN.",
        details=(
            "looked at --token-file: not given",
            "looked at KANPORT_TOKEN: not set",
            "looked at KANPORT_TOKEN_FILE: not set",
        ),
    )


def _from_file(path: Path, origin: str) -> Token:
    return Token(_clean_token(read_secret(path, "token"), f"the file {path}"), origin)


def _clean_token(text: str, origin: str) -> SecretStr:
    text = text.removesuffix("\n").removesuffix("\r")
    if not text.strip():
        raise ConfigInvalid(f"The token from {origin} is empty.")
    if not text.isprintable():
        raise ConfigInvalid(
            f"The token from {origin} holds line breaks or control characters.",
            hint="It must be one line with nothing but the token.",
        )
    return SecretStr(text)
