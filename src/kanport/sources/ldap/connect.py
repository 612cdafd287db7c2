"""Open a directory as a mapping says: its servers in turn, the password, TLS, the login."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pydantic import SecretStr

from kanport.errors import ConfigInvalid, Unreachable
from kanport.events import log_event
from kanport.files import read_secret
from kanport.mapping.base import SecretReference
from kanport.mapping.ldap import LdapSource
from kanport.network import LONGEST_EXCHANGE
from kanport.sources.ldap.connection import Connection, Login, Most
from kanport.sources.ldap.sockets import LoginRefused, make_context

# --- the password ---------------------------------------------------------------------------------


def read_password(
    reference: SecretReference, *, base: Path, environ: Mapping[str, str]
) -> SecretStr:
    """Return the password that a reference points to; a file is relative to `base`.

    An empty one is refused: a simple bind with a name and no password succeeds as anonymous
    (RFC 4513, 5.1.2), and what anonymous may see is not all. Raises ConfigInvalid.
    """
    if reference.env is not None:
        origin = f"the environment variable {reference.env}"
        if reference.env not in environ:
            raise ConfigInvalid(
                f"the password for the directory is missing: {origin} is not set",
                hint=f"export {reference.env}=…, or name a file in the mapping:"
                " bind_password: {file: PATH}",
            )
        return _clean(environ[reference.env], origin)
    path = base / (reference.file or "")
    text = read_secret(path, "password").removesuffix("\n").removesuffix("\r")
    return _clean(text, f"the file {path}")


def _clean(text: str, origin: str) -> SecretStr:
    if not text.strip():
        raise ConfigInvalid(
            f"the password from {origin} is empty",
            hint="a directory takes an empty password for an anonymous login; for that, use "
            "bind: anonymous",
        )
    return SecretStr(text)


# --- the servers ----------------------------------------------------------------------------------


logger = logging.getLogger(__name__)


@contextmanager
def connected(
    name: str,
    spec: LdapSource,
    *,
    base: Path,
    environ: Mapping[str, str],
    request_timeout: float = LONGEST_EXCHANGE,
) -> Iterator[tuple[Connection, list[str]]]:
    """Yield a connection to the first server that answers, and why those before it did not.

    Once it is there, it stays: nothing is ever read partly from one server and partly from
    another. Raises Unreachable where none lets us in, at once where one refuses name and password;
    ConfigInvalid where the mapping asks for what cannot be.
    """
    password = (
        read_password(spec.bind_password, base=base, environ=environ)
        if spec.bind_password is not None and spec.method == "simple"
        else None
    )
    login = Login(spec.method, spec.bind_dn, password)
    secure = spec.start_tls or any(url.startswith("ldaps:") for url in spec.urls)
    context = make_context(spec, base) if secure else None
    failures: list[str] = []
    hints: list[str] = []
    for url in spec.urls:
        try:
            connection = Connection(
                url,
                login,
                context=context,
                start_tls=spec.start_tls,
                connect_timeout=spec.connect_timeout,
                timeout=spec.timeout,
                request_timeout=request_timeout,
                most=Most(spec.max_entries, spec.max_entry_bytes, spec.max_bytes),
            )
        except LoginRefused as refused:
            log_event(logger, "directory.refused", str(refused), source=name, url=url)
            failures.append(f"{url}: {refused}")
            if refused.hint:
                hints.append(refused.hint)
            if refused.final:
                break
            continue
        log_event(
            logger,
            "directory.connected",
            source=name,
            url=url,
            tls=connection.encryption or "none",
            login=spec.method,
            dn=spec.bind_dn,
        )
        with connection:
            yield connection, failures
        return
    raise Unreachable(
        f'the directory of the source "{name}" could not be opened',
        hint=hints[0] if hints else None,
        details=failures,
    )
