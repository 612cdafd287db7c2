"""Another Kanboard as a source: read through its API, whole or not at all, and never written to."""

import hashlib
import json
from collections.abc import Mapping
from itertools import repeat
from pathlib import Path

import numpy as np
from pydantic import SecretStr

from kanport.coded import Coded, objects
from kanport.config.address import normalize_url
from kanport.config.settings import Settings, Timeouts
from kanport.errors import ConfigInvalid, Unreachable
from kanport.export import Listing, listings, not_whole
from kanport.files import read_secret
from kanport.kanboard.client import Client
from kanport.kanboard.reader import read_current
from kanport.mapping.base import SecretReference
from kanport.mapping.sources import KanboardSource
from kanport.origin import Origin
from kanport.sources import SourceContext
from kanport.table import Table


def read_kanboard(name: str, spec: KanboardSource, context: SourceContext) -> Table:
    """Return the rows of one table of a server, with the values that the server has.

    Raises as `read_source`, and ConfigInvalid where address or token cannot be used.
    """
    settings = _settings(name, spec, context)
    listing = _tables(settings, context.servers)[spec.read]
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


def _tables(
    settings: Settings, servers: dict[str, Mapping[str, Listing] | Unreachable]
) -> Mapping[str, Listing]:
    """Return the tables of a server, which is read once, so that all of them fit."""
    if settings.url not in servers:
        try:
            servers[settings.url] = _read(settings)
        except Unreachable as problem:
            # The next source of this server would only wait as long for the same answer.
            servers[settings.url] = problem
    found = servers[settings.url]
    if isinstance(found, Unreachable):
        raise found
    return found


def _read(settings: Settings) -> Mapping[str, Listing]:
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


def _settings(name: str, spec: KanboardSource, context: SourceContext) -> Settings:
    return Settings(
        url=normalize_url(spec.url, allow_http=spec.allow_http),
        token=_token(name, spec.token, context.base, context.environ),
        token_from=f"the source {name}",
        ca_file=context.base / spec.ca_file if spec.ca_file else None,
        allow_http=spec.allow_http,
        auth_header=spec.auth_header,
        timeouts=Timeouts(total=context.request_timeout),
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
        raise ConfigInvalid(
            f"the token of the source {name} is missing: {where} holds nothing",
            hint="put the token there, or name another place in the mapping",
        )
    return SecretStr(text.strip())
