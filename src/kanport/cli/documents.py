"""Write comparisons and explanations to stdout or to files, in their formats."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from kanport.cli.output import Output
from kanport.errors import UsageError
from kanport.report.document import as_markdown, as_text

if TYPE_CHECKING:
    from kanport.api import Paper

_BY_ENDING = {
    ".txt": "text",
    ".md": "markdown",
    ".markdown": "markdown",
    ".json": "json",
    ".html": "html",
    ".htm": "html",
}


def show_document(output: Output, paper: "Paper", paths: Iterable[Path] = ()) -> None:
    """Write a short report to files by their extensions, or print it in the chosen format.

    Raise UsageError for a format that it does not have.
    """
    from kanport.files import write_file

    files = [(path, _format_of(path)) for path in paths]
    for path, form in files:
        write_file(path, _drawn(paper, form))
        output.note(f"The report is in {path}.")
    if not files:
        output.data(_drawn(paper, output.form))


def _format_of(path: Path) -> str:
    form = _BY_ENDING.get(path.suffix.lower())
    if form is None:
        raise UsageError(
            f"{path}: Kanport cannot write this as {path.suffix or 'a file without an extension'}",
            hint=f"use one of {', '.join(_BY_ENDING)}",
        )
    return form


def _drawn(paper: "Paper", form: str) -> str:
    if form == "text":
        return as_text(paper.document)
    if form == "markdown":
        return as_markdown(paper.document)
    if form == "json":
        from kanport.report.escape import json_safe

        return json_safe(json.dumps(paper.data(), ensure_ascii=False, indent=2)) + "\n"
    if form == "html":
        from kanport.report.document import as_html

        return as_html(paper.document)
    raise UsageError(
        f"the format {form} is not available here", hint="use text, markdown, json or html"
    )
