"""The password for a directory, taken from where the mapping points to."""

import os
import shlex
import stat
from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr

from kanport.errors import ConfigInvalid
from kanport.mapping.ldap import SecretReference

_MOST = 8192


def read_password(
    reference: SecretReference, *, base: Path, environ: Mapping[str, str]
) -> SecretStr:
    """Give the password that a reference points to; a file is relative to `base`.

    An empty one is refused: a simple bind with a name and no password succeeds as anonymous
    (RFC 4513, 5.1.2), and what anonymous may see is not all. Raises ConfigInvalid.
    """
    if reference.env is not None:
        origin = f"the environment variable {reference.env}"
        if reference.env not in environ:
            raise ConfigInvalid(f"The password for the directory is missing: {origin} is not set.")
        return _clean(environ[reference.env], origin)
    path = base / (reference.file or "")
    return _clean(_read(path), f"the file {path}")


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            mode = os.fstat(file.fileno()).st_mode
            if mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise ConfigInvalid(
                    f"The password file {path} can be read or changed by other users "
                    f"(mode {stat.S_IMODE(mode):04o}).",
                    hint=f"chmod 600 {shlex.quote(str(path))}",
                )
            content = file.read(_MOST + 1)
    except OSError as error:
        raise ConfigInvalid(
            f"The password file {path} cannot be read: {error.strerror or error}."
        ) from error
    if len(content) > _MOST:
        raise ConfigInvalid(f"The file {path} holds more than a password.")
    try:
        return content.decode("utf-8-sig").removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError:
        # Without its cause: that holds the bytes of the file.
        raise ConfigInvalid(f"The password file {path} is not text in UTF-8.") from None


def _clean(text: str, origin: str) -> SecretStr:
    if not text.strip():
        raise ConfigInvalid(
            f"The password from {origin} is empty.",
            hint="a directory takes an empty password for an anonymous login; for that, use "
            "bind: anonymous",
        )
    return SecretStr(text)
