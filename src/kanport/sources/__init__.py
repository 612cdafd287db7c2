"""Where rows come from: one reader for each type of source, loaded when it is first needed."""

from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path

from kanport.mapping.spec import Source
from kanport.table import Table

_READERS: Mapping[str, tuple[str, str]] = {
    "csv": ("kanport.sources.csv_file", "read_csv"),
    "excel": ("kanport.sources.excel_file", "read_excel"),
}
"""Module and function by the type of a source: pandas and openpyxl take their time to load."""


def read_source(
    name: str,
    spec: Source,
    *,
    base: Path,
    secret_columns: frozenset[str],
    columns_used: frozenset[str] | None,
) -> Table:
    """Give the rows of one source, clean, each value with its place.

    `base` is the folder that paths are relative to. Cells of `secret_columns` are left exactly as
    they are and are never shown. `columns_used` are the columns that the mapping may read; None
    stands for all of them. What is wrong with single cells is marked in the rows (`Row.odd`).

    Raises Unreachable where the source cannot be read at all, and SourceInvalid, with all findings,
    where its form is broken, so that no row of it can be trusted.
    """
    module, function = _READERS[spec.type]
    reader: Callable[..., Table] = getattr(import_module(module), function)
    return reader(name, spec, base=base, secret_columns=secret_columns, columns_used=columns_used)
