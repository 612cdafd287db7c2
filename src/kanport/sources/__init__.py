"""Sources: the first step of the pipeline. A reader for each type of source returns a `Table`.

A new type needs its reader and its line in `READERS`. The module of a reader is loaded when it is
first needed, because pandas, openpyxl and ldap3 take their time to load.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from kanport.mapping.sources import Source
from kanport.network import LONGEST_EXCHANGE

if TYPE_CHECKING:
    from kanport.table import Table

# The module and function that reads each type, called with the name and the description of the
# source, and what there is around it.
READERS = {
    "csv": "kanport.sources.csv:read_csv",
    "excel": "kanport.sources.excel:read_excel",
    "yaml": "kanport.sources.yaml:read_yaml_rows",
    "kanboard": "kanport.sources.kanboard:read_kanboard",
    "ldap": "kanport.sources.ldap:read_ldap",
}


@dataclass(frozen=True)
class SourceContext:
    """What a reader needs beside the description of its source.

    `base` is the folder that paths are relative to. Cells of `secret_columns` are left exactly as
    they are and are never shown. `columns_used` are the columns that the mapping may read; None
    stands for all of them. `environ` is where passwords by reference are looked up, `now` when
    accounts of a directory are judged to be expired. `servers` holds what sources of the same
    mapping have read of Kanboard servers. `request_timeout` is how many seconds one exchange
    with a directory or a server may take in all.
    """

    base: Path
    secret_columns: frozenset[str] = frozenset()
    columns_used: frozenset[str] | None = None
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    servers: dict[str, Any] = field(default_factory=dict)
    request_timeout: float = LONGEST_EXCHANGE


def read_source(name: str, spec: Source, context: SourceContext) -> "Table":
    """Return the rows of one source, clean, each value with its place.

    What is wrong with single cells is marked in the rows (`Row.odd`). Raises Unreachable where the
    source cannot be read at all, or not to its end, and SourceInvalid, with all findings, where its
    form is broken, so that no row of it can be trusted.
    """
    module, function = READERS[spec.type].split(":")
    reader = cast(
        "Callable[[str, Source, SourceContext], Table]", getattr(import_module(module), function)
    )
    return reader(name, spec, context)
