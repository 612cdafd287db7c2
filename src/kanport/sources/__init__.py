"""Where rows come from: one reader for each type of source, loaded when it is first needed."""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from kanport.mapping.spec import CsvSource, ExcelSource, KanboardSource, Source, YamlSource
from kanport.network import LONGEST_EXCHANGE

if TYPE_CHECKING:
    from kanport.sources.kanboard_server import Servers
    from kanport.table import Table


def read_source(
    name: str,
    spec: Source,
    *,
    base: Path,
    secret_columns: frozenset[str],
    columns_used: frozenset[str] | None,
    environ: Mapping[str, str] | None = None,
    now: datetime | None = None,
    servers: "Servers | None" = None,
    request_timeout: float = LONGEST_EXCHANGE,
) -> "Table":
    """Give the rows of one source, clean, each value with its place.

    `base` is the folder that paths are relative to. Cells of `secret_columns` are left exactly as
    they are and are never shown. `columns_used` are the columns that the mapping may read; None
    stands for all of them. `environ` is where passwords by reference are looked up (by default the
    environment), `now` when accounts of a directory are judged to be expired. `servers` are the
    Kanboard servers that were read already, shared among the sources of a mapping.
    `request_timeout` is how many seconds one exchange with a directory or a server may take in all.
    What is wrong with single cells is marked in the rows (`Row.odd`).

    Raises Unreachable where the source cannot be read at all, or not to its end, and SourceInvalid,
    with all findings, where its form is broken, so that no row of it can be trusted.
    """
    # pandas, openpyxl and ldap3 take their time to load.
    if isinstance(spec, CsvSource):
        from kanport.sources.csv_file import read_csv

        return read_csv(
            name, spec, base=base, secret_columns=secret_columns, columns_used=columns_used
        )
    if isinstance(spec, ExcelSource):
        from kanport.sources.excel_file import read_excel

        return read_excel(
            name, spec, base=base, secret_columns=secret_columns, columns_used=columns_used
        )
    if isinstance(spec, YamlSource):
        from kanport.sources.yaml_rows import read_yaml_rows

        return read_yaml_rows(
            name, spec, base=base, secret_columns=secret_columns, columns_used=columns_used
        )
    if isinstance(spec, KanboardSource):
        from kanport.sources.kanboard_server import Servers, read_kanboard

        return read_kanboard(
            name,
            spec,
            base=base,
            environ=os.environ if environ is None else environ,
            servers=servers or Servers(request_timeout),
        )
    from kanport.sources.ldap import read_ldap

    return read_ldap(
        name,
        spec,
        base=base,
        attributes_used=columns_used,
        secret_columns=secret_columns,
        environ=os.environ if environ is None else environ,
        now=now or datetime.now(UTC),
        request_timeout=request_timeout,
    )
