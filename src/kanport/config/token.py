"""The server's token: out of the place that is named first, by flag, environment or file."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from pydantic import SecretStr

from kanport.config.layers import Layers
from kanport.config.secrets import from_stdin, one_line, read_reference, where
from kanport.config.spec import TokenReference
from kanport.errors import ConfigInvalid
from kanport.files import read_secret


class Token(NamedTuple):
    """A token, and where it came from, in words for messages."""

    value: SecretStr
    origin: str


def find_token(layers: Layers, stdin: Callable[[], str] | None = None) -> Token:
    """Give the token that flags name, else the environment, else the configuration file.

    `stdin` reads standard input where the token may come from there. Raises ConfigInvalid for a
    file that others can reach, for two tokens in one layer, and for none at all; no message holds
    any part of a token.
    """
    environ = layers.environ
    path, piped = layers.flags.get("token_file"), layers.flags.get("token_stdin")
    if path and piped:
        raise ConfigInvalid("--token-file and --token-stdin are both given; only one can be meant.")
    if piped:
        if stdin is None:
            raise ConfigInvalid("The token cannot be read from standard input here.")
        return Token(
            one_line(from_stdin(stdin, "token"), "token", "standard input"),
            "standard input (--token-stdin)",
        )
    if path:
        return _from_file(Path(path), f"the file {os.fspath(path)} (--token-file)")
    if given := layers.flags.get("token"):
        place = "the token given to connect"
        return Token(one_line(given, "token", place), place)
    text, named = environ.get("KANPORT_TOKEN"), environ.get("KANPORT_TOKEN_FILE")
    if text and named:
        raise ConfigInvalid(
            "KANPORT_TOKEN and KANPORT_TOKEN_FILE are both set, and only one can be meant.",
            hint="Unset one of them, or name the file with --token-file, which beats both.",
        )
    if named:
        return _from_file(Path(named), f"the file {named} (KANPORT_TOKEN_FILE)")
    if text:
        return Token(one_line(text, "token", "KANPORT_TOKEN"), "KANPORT_TOKEN")
    return _configured(layers, stdin) or _refuse(layers)


def _configured(layers: Layers, stdin: Callable[[], str] | None) -> Token | None:
    placed = layers.file.values.get("token")
    if placed is None or layers.file.path is None:
        return None
    reference: TokenReference = placed.value
    value = read_reference(
        reference, "token", environ=layers.environ, base=layers.file.path.parent, stdin=stdin
    )
    return Token(value, f"{where(reference)} ({placed.origin})")


def _refuse(layers: Layers) -> Token:
    raise ConfigInvalid(
        "There is no token for the server.",
        hint="Kanboard shows it under Settings > API. Put it in a file that only you can read, and "
        "name that with KANPORT_TOKEN_FILE; or set KANPORT_TOKEN.",
        details=(
            "searched --token-file: not given",
            "searched --token-stdin: not given",
            "searched KANPORT_TOKEN: not set",
            "searched KANPORT_TOKEN_FILE: not set",
            *layers.file_lines("token"),
        ),
    )


def _from_file(path: Path, origin: str) -> Token:
    return Token(one_line(read_secret(path, "token"), "token", f"the file {path}"), origin)
