"""A plan, a run, a validation or a verification as a report; and the formats, by name and ending.

`make` turns each of them into a `View`, which holds every number and every sentence. Each format
only draws the view, so no two formats can disagree. A format is imported when it is drawn: whoever
wants text does not wait for the workbook libraries.
"""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, cast

from kanport.records import dataclass

if TYPE_CHECKING:
    from kanport.report.view import View


@dataclass(frozen=True, slots=True)
class Format:
    """One way to draw a report.

    `draws` names the module and its function, which takes a view and gives text or bytes; the same
    view gives the same bytes. `tabular` is True where the function also takes `table`, the name of
    the one table that the file holds. `binary` is True where it is nothing for a terminal.
    """

    name: str
    endings: tuple[str, ...]
    draws: str
    tabular: bool = False
    binary: bool = False


FORMATS: dict[str, Format] = {
    one.name: one
    for one in (
        Format("text", (".txt",), "text:drawn"),
        Format("markdown", (".md", ".markdown"), "markdown:render"),
        Format("json", (".json",), "json_file:render"),
        Format("excel", (".xlsx",), "excel:render", binary=True),
        Format("csv", (".csv",), "tables:render", tabular=True),
        Format("junit", (".xml",), "ci:junit"),
        Format("sarif", (".sarif",), "ci:sarif"),
        Format("github", (), "ci:github"),
        Format("html", (".html", ".htm"), "html:render"),
        Format("pdf", (".pdf",), "pdf:render", binary=True),
    )
}
ON_STDOUT = tuple(one.name for one in FORMATS.values() if not one.binary)
_BY_ENDING = {ending: one for one in FORMATS.values() for ending in one.endings}


def format_of(path: Path) -> Format:
    """Return the format of a report from the file's ending; raises UsageError for others."""
    if (form := _BY_ENDING.get(path.suffix.lower())) is not None:
        return form
    from kanport.errors import UsageError

    raise UsageError(
        f"{path}: a report cannot be written as {path.suffix or 'a file without an ending'}",
        hint=f"use one of {', '.join(_BY_ENDING)}",
    )


def drawn(view: "View", form: Format, *, table: str | None = None) -> str | bytes:
    """Draw a report; `table` is for formats that hold one table only, and is left to them if None.

    A text is for files in UTF-8, or for a stream that knows its own encoding. Raises UsageError
    where the report has no such table.
    """
    module, function = form.draws.split(":")
    draw = cast(
        "Callable[..., str | bytes]",
        getattr(import_module(f"kanport.report.{module}"), function),
    )
    chosen = {"table": table} if form.tabular and table is not None else {}
    return draw(view, **chosen)
