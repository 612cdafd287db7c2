"""A file's bytes, read once: what is hashed is what is parsed, even if the file changes."""

import difflib
import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from kanport.errors import SourceInvalid, Unreachable
from kanport.files import read_dated
from kanport.findings import Finding, found
from kanport.origin import Origin

MAX_FILE_BYTES = 256 * 1024 * 1024
"""No list of people is larger; a million rows of ten columns have some 100 MB."""


@dataclass(frozen=True, slots=True)
class FileBytes:
    """All bytes of a file with their SHA-256; `origin` names the file as messages show it.

    `modified_at` is when the file was changed last (UTC, RFC 3339), as the file system says.
    """

    data: bytes
    sha256: str
    origin: Origin
    modified_at: str = ""


def read_bytes(source: str, path: str, base: Path) -> FileBytes:
    """Read a whole file; `path` is relative to `base`.

    Raises Unreachable where it is missing or cannot be read, SourceInvalid where it is too large.
    """
    file = base / path
    origin = Origin(source, file=_shown(file))
    try:
        data, modified_at = read_dated(file, most=MAX_FILE_BYTES + 1)
    except (OSError, ValueError) as problem:
        raise _unreachable(source, file, problem) from problem
    if len(data) > MAX_FILE_BYTES:
        raise refused([found("file-too-large", origin, limit=MAX_FILE_BYTES // 2**20)], origin)
    return FileBytes(data, hashlib.sha256(data).hexdigest(), origin, modified_at)


def refused(findings: list[Finding], origin: Origin) -> SourceInvalid:
    """Give the error for a file whose form is broken, with all that is wrong with it."""
    count = "" if len(findings) == 1 else f": {len(findings)} findings"
    return SourceInvalid(f"{origin.file} cannot be used{count}", findings=findings)


def _shown(file: Path) -> str:
    """Give the path relative to the working folder if it lies within it."""
    try:
        whole = os.path.abspath(file)  # noqa: PTH100 - resolve() would follow links
        here = Path.cwd()
    except FileNotFoundError:
        # The working folder has been removed.
        return str(file)
    inside = Path(whole).is_relative_to(here)
    return str(Path(whole).relative_to(here)) if inside else str(whole)


def _unreachable(source: str, file: Path, problem: Exception) -> Unreachable:
    shown = _shown(file) if isinstance(problem, OSError) else repr(str(file))
    said = f'the file {shown} of the source "{source}"'
    match problem:
        case FileNotFoundError() | NotADirectoryError():
            return Unreachable(f"{said} does not exist", hint=_missing_hint(file))
        case IsADirectoryError():
            return Unreachable(f"{said} is a folder", hint="name a file in it")
        case PermissionError():
            return Unreachable(f"{said} may not be read", hint="check its permissions")
        case OSError(strerror=why):
            return Unreachable(f"{said} cannot be read: {why}")
    return Unreachable(f"{said} cannot be read: its path is not one", hint="check `path`")


def _missing_hint(file: Path) -> str:
    if file.name == "-":
        return "stdin cannot be a source; name a file"
    if not file.parent.is_dir():
        return f"there is no folder {_shown(file.parent)}; a path is relative to the mapping"
    there = [other.name for other in file.parent.iterdir() if other.is_file()]
    close = difflib.get_close_matches(file.name, there, n=1)
    return f'did you mean "{close[0]}"?' if close else "a path is relative to the mapping"
