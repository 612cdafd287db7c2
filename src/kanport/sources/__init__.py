"""Sources: the first step of the pipeline. A reader for each type of source returns a `Table`.

The reader of the type `csv` is `read_csv` in `kanport.sources.csv`, and so on; it gets the name and
the description of the source and its context. Its module is loaded when it is first needed, because
pandas, openpyxl and ldap3 take their time to load.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import field
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kanport.mapping.sources import FileSource, Source
from kanport.network import LONGEST_EXCHANGE
from kanport.records import dataclass

if TYPE_CHECKING:
    from kanport.table import Table


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
    module = import_module(f"kanport.sources.{spec.type}")
    reader: Callable[[str, Source, SourceContext], Table] = getattr(module, f"read_{spec.type}")
    if isinstance(spec, FileSource) and spec.files is not None:
        from kanport.sources.file import files_of
        from kanport.sources.raw_table import joined

        paths = files_of(name, spec, context.base)
        tables = [reader(name, spec.model_copy(update={"path": p}), context) for p in paths]
        table = joined(name, spec, tables, context.base) if spec.files == "all" else tables[0]
    else:
        table = reader(name, spec, context)
    if spec.only_rows is None and spec.skip_rows is None:
        return table
    from kanport.sources.row_filter import select_rows

    return select_rows(table, spec)
