"""Secrets by reference: out of the environment, a file, the keyring or standard input."""

from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic import SecretStr

from kanport.config.spec import Keyring, Reference, TokenReference
from kanport.errors import ConfigInvalid
from kanport.files import LONGEST_SECRET, at_home, read_secret


def where(reference: Reference) -> str:
    """Say in words where a secret is to be found; nothing is read.

    >>> where(Reference(env="SMTP_PASSWORD"))
    'the environment variable SMTP_PASSWORD'
    """
    if reference.env is not None:
        return f"the environment variable {reference.env}"
    if reference.file is not None:
        return f"the file {reference.file}"
    if reference.keyring is not None:
        return f"the keyring entry {reference.keyring.service}/{reference.keyring.username}"
    return "standard input"


def read_reference(
    reference: Reference,
    what: str,
    *,
    environ: Mapping[str, str],
    base: Path,
    stdin: Callable[[], str] | None = None,
) -> SecretStr:
    """Give the secret (`what`: token, password) that a reference points to, without its line end.

    A file is relative to `base`, and refused where others can read it. Raises ConfigInvalid; no
    message holds any part of a secret.
    """
    origin = where(reference)
    if reference.env is not None:
        text = environ.get(reference.env)
        if text is None:
            raise ConfigInvalid(f"There is no {what}: {origin} is not set.")
    elif reference.file is not None:
        text = read_secret(base / at_home(reference.file), what)
    elif reference.keyring is not None:
        text = _from_keyring(reference.keyring, what)
    elif isinstance(reference, TokenReference) and stdin is not None:
        text = from_stdin(stdin, what)
    else:
        raise ConfigInvalid(f"The {what} cannot be read from standard input here.")
    return one_line(text, what, origin)


def from_stdin(read: Callable[[], str], what: str) -> str:
    """Give what standard input has; raises ConfigInvalid where it is too much."""
    try:
        text = read()
    except (OSError, UnicodeDecodeError, ValueError):
        raise ConfigInvalid(f"The {what} cannot be read from standard input.") from None
    if len(text) > LONGEST_SECRET:
        raise ConfigInvalid(f"Standard input holds more than a {what}.")
    return text


def one_line(text: str, what: str, origin: str) -> SecretStr:
    """Give a secret without the end of its line; raises ConfigInvalid where it is none."""
    text = text.removesuffix("\n").removesuffix("\r")
    if not text.strip():
        raise ConfigInvalid(f"The {what} from {origin} is empty.")
    if not text.isprintable():
        raise ConfigInvalid(
            f"The {what} from {origin} holds line breaks or control characters.",
            hint=f"It must be one line with nothing but the {what}.",
        )
    return SecretStr(text)


def _from_keyring(entry: Keyring, what: str) -> str:
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        raise ConfigInvalid(
            f"The {what} is to come from the keyring, and Kanport was installed without that.",
            hint='pip install "kanport[keyring]", or name a file or a variable instead',
        ) from None
    name = f"{entry.service}/{entry.username}"
    try:
        text = keyring.get_password(entry.service, entry.username)
    except KeyringError as problem:
        raise ConfigInvalid(
            f"The keyring entry {name} cannot be read: {type(problem).__name__}.",
            hint="a keyring belongs to somebody who is logged in; at night, name a file instead",
        ) from None
    if text is None:
        raise ConfigInvalid(
            f"There is no {what}: the keyring has no entry {name}.",
            hint=f"keyring set {entry.service} {entry.username}",
        )
    return str(text)
