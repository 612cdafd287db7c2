"""Reading rows from another Kanboard server, through its API. Nothing is written there."""

import hashlib
import json
from collections.abc import Mapping
from itertools import repeat
from pathlib import Path

import numpy as np
from pydantic import SecretStr

from kanport.coded import Coded, objects
from kanport.config import Settings, Timeouts, normalize_url
from kanport.errors import ConfigInvalid, Unreachable
from kanport.export.tables import Listing, listings, not_whole
from kanport.files import read_secret
from kanport.kanboard.client import Client
from kanport.kanboard.current import read_current
from kanport.mapping.ldap import SecretReference
from kanport.mapping.spec import KanboardSource
from kanport.network import LONGEST_EXCHANGE
from kanport.origin import Origin
from kanport.table import Table


class Servers:
    """The servers that the sources of one mapping name, each read once, so that all tables fit."""

    def __init__(self, request_timeout: float = LONGEST_EXCHANGE) -> None:
        self.request_timeout = request_timeout
        self._read: dict[str, Mapping[str, Listing] | Unreachable] = {}

    def tables(self, settings: Settings) -> Mapping[str, Listing]:
        """Give the tables of a server; raises Unreachable where it cannot be read, or not whole."""
        if settings.url not in self._read:
            try:
                self._read[settings.url] = _tables(settings)
            except Unreachable as problem:
                # The next source of this server would only wait as long for the same answer.
                self._read[settings.url] = problem
        found = self._read[settings.url]
        if isinstance(found, Unreachable):
            raise found
        return found


def read_kanboard(
    name: str,
    spec: KanboardSource,
    *,
    base: Path,
    environ: Mapping[str, str],
    servers: Servers,
) -> Table:
    """Give the rows of one table of a server; for what is raised, see `read_source`.

    The values are given as the server has them. ConfigInvalid is raised where address or token
    cannot be used.
    """
    settings = _settings(name, spec, base, environ, servers.request_timeout)
    listing = servers.tables(settings)[spec.read]
    origin = Origin(name, file=settings.url, sheet=spec.read)
    content = json.dumps([listing.columns, listing.rows], ensure_ascii=False).encode(
        "utf-8", "surrogatepass"
    )
    cells = zip(*listing.rows, strict=True) if listing.rows else repeat((), len(listing.columns))
    return Table.of_columns(
        {name: Coded.of(objects(c)) for name, c in zip(listing.columns, cells, strict=True)},
        source=name,
        kind=spec.type,
        path=settings.url,
        numbers=np.arange(1, len(listing.rows) + 1),
        origin=origin,
        sha256=hashlib.sha256(content).hexdigest(),
        size=len(content),
    )


def _tables(settings: Settings) -> Mapping[str, Listing]:
    with Client.open(settings, warn=lambda text: None) as client:
        state = read_current(
            client, choose_projects=lambda projects: [project.id for project in projects]
        )
    if (problem := not_whole(state)) is not None:
        raise Unreachable(
            problem,
            hint="a source is read whole or not at all; try again, or raise PHP's memory_limit",
        )
    return listings(state)


def _settings(
    name: str,
    spec: KanboardSource,
    base: Path,
    environ: Mapping[str, str],
    request_timeout: float,
) -> Settings:
    return Settings(
        url=normalize_url(spec.url, allow_http=spec.allow_http),
        token=_token(name, spec.token, base, environ),
        token_from=f"the source {name}",
        ca_file=base / spec.ca_file if spec.ca_file else None,
        allow_http=spec.allow_http,
        auth_header=spec.auth_header,
        timeouts=Timeouts(total=request_timeout),
    )


def _token(
    name: str, reference: SecretReference, base: Path, environ: Mapping[str, str]
) -> SecretStr:
    if reference.env is not None:
        where = f"the environment variable {reference.env}"
        text = environ.get(reference.env, "")
    else:
        path = base / (reference.file or "")
        where = f"the file {path}"
        text = read_secret(path, "token")
    if not text.strip():
        raise ConfigInvalid(f"The token of the source {name} is missing: {where} holds nothing.")
    return SecretStr(text.strip())
