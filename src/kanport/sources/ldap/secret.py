"""The password for a directory, taken from where the mapping points to."""

from collections.abc import Mapping
from pathlib import Path

from pydantic import SecretStr

from kanport.errors import ConfigInvalid
from kanport.files import read_secret
from kanport.mapping.ldap import SecretReference


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
    text = read_secret(path, "password").removesuffix("\n").removesuffix("\r")
    return _clean(text, f"the file {path}")


def _clean(text: str, origin: str) -> SecretStr:
    if not text.strip():
        raise ConfigInvalid(
            f"The password from {origin} is empty.",
            hint="a directory takes an empty password for an anonymous login; for that, use "
            "bind: anonymous",
        )
    return SecretStr(text)
