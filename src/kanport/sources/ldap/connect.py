"""Open a directory as a mapping says: its servers in turn, TLS, the login."""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from kanport.errors import Unreachable
from kanport.events import tell
from kanport.mapping.ldap import LdapSource
from kanport.network import LONGEST_EXCHANGE
from kanport.sources.ldap.connection import Connection, Login, Most
from kanport.sources.ldap.secret import read_password
from kanport.sources.ldap.sockets import Refused
from kanport.sources.ldap.tls import make_context

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
    """Give a connection to the first server that answers, and why those before it did not.

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
        except Refused as refused:
            tell(logger, "directory.refused", str(refused), source=name, url=url)
            failures.append(f"{url}: {refused}")
            if refused.hint:
                hints.append(refused.hint)
            if refused.final:
                break
            continue
        tell(
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
