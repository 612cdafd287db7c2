"""A source file as bytes: read once, so that what is hashed is what is parsed.

The first step of every file reader. What is not the kind of file that the mapping says (a workbook
that is called .csv, a web page) is refused with the kind that it is.
"""

import difflib
import errno
import hashlib
import io
import os
import sys
import zipfile
from enum import StrEnum
from glob import glob, has_magic
from pathlib import Path

from kanport.errors import SourceInvalid, Unreachable
from kanport.files import read_dated
from kanport.findings import Finding, found
from kanport.mapping.sources import FileSource
from kanport.origin import Origin
from kanport.records import dataclass

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
    """Read a whole file; `path` is relative to `base`, and `-` is standard input.

    `source` is empty for a file that a command names.
    Raises Unreachable where it is missing or cannot be read, SourceInvalid where it is too large.
    """
    file = base / path
    origin = Origin(source, file="stdin" if path == "-" else shown_path(file))
    try:
        data, modified_at = (
            (_stdin(), "") if path == "-" else read_dated(file, most=MAX_FILE_BYTES + 1)
        )
    except (OSError, ValueError) as problem:
        raise _unreachable(source, file, problem) from problem
    if len(data) > MAX_FILE_BYTES:
        raise refused([found("file-too-large", origin, limit=MAX_FILE_BYTES // 2**20)], origin)
    return FileBytes(data, hashlib.sha256(data).hexdigest(), origin, modified_at)


def files_of(source: str, spec: FileSource, base: Path) -> tuple[str, ...]:
    """Return the paths of the files that a source names; raise Unreachable where there are none.

    Hidden files, and those by which Excel locks a workbook, fit no pattern.
    """
    if spec.files is None:
        return (spec.path,)
    there = [
        path
        for path in sorted(glob(spec.path, root_dir=base))  # noqa: PTH207 - absolute ones too
        if (base / path).is_file() and not Path(path).name.startswith("~$")
    ]
    if not there:
        raise Unreachable(
            f'no file fits {shown_path(base / spec.path)} of the source "{source}"',
            hint="a path is relative to the mapping",
        )
    if spec.files == "all":
        return tuple(there)
    return (max(there, key=lambda path: ((base / path).stat().st_mtime_ns, path)),)


# What was read of standard input, which can be read once: the stream and its bytes.
_READ: list[tuple[object, bytes]] = []


def _stdin() -> bytes:
    stream = sys.stdin
    if not _READ or _READ[0][0] is not stream:
        if stream is None or stream.isatty():
            raise OSError(errno.ENOTTY, "standard input is a terminal; pipe a file into Kanport")
        _READ[:] = [(stream, stream.buffer.read(MAX_FILE_BYTES + 1))]
    return _READ[0][1]


def refused(findings: list[Finding], origin: Origin) -> SourceInvalid:
    """Return the error for a file whose form is broken, with all that is wrong with it."""
    count = "" if len(findings) == 1 else f": {len(findings)} findings"
    return SourceInvalid(f"{origin.file} cannot be used{count}", findings=findings)


def shown_path(file: Path) -> str:
    """Return the path relative to the working folder if it lies within it."""
    try:
        whole = os.path.abspath(file)  # noqa: PTH100 - resolve() would follow links
        here = Path.cwd()
    except FileNotFoundError:
        # The working folder has been removed.
        return str(file)
    inside = Path(whole).is_relative_to(here)
    return str(Path(whole).relative_to(here)) if inside else str(whole)


def _unreachable(source: str, file: Path, problem: Exception) -> Unreachable:
    shown = shown_path(file) if isinstance(problem, OSError) else repr(str(file))
    # A file that a command names belongs to no source.
    said = f'the file {shown} of the source "{source}"' if source else f"the file {shown}"
    match problem:
        case FileNotFoundError() | NotADirectoryError():
            return Unreachable(f"{said} does not exist", hint=_missing_hint(source, file))
        case IsADirectoryError():
            return Unreachable(f"{said} is a folder", hint="name a file in it")
        case PermissionError():
            return Unreachable(f"{said} may not be read", hint="check its permissions")
        case OSError(strerror=why):
            return Unreachable(f"{said} cannot be read: {why}")
    hint = 'check "path" in the mapping' if source else ""
    return Unreachable(f"{said} cannot be read: the path is not valid", hint=hint)


def _missing_hint(source: str, file: Path) -> str:
    relative = "a path is relative to the mapping" if source else ""
    if source and has_magic(file.name):
        return "to read several files by a pattern, add files: newest or files: all"
    if not file.parent.is_dir():
        return "; ".join(filter(None, (f"there is no folder {shown_path(file.parent)}", relative)))
    there = [other.name for other in file.parent.iterdir() if other.is_file()]
    close = difflib.get_close_matches(file.name, there, n=1)
    return f'did you mean "{close[0]}"?' if close else relative


# --- what a file really is, told from its first bytes and, for an archive, from its list of parts -


class FileKind(StrEnum):
    """The kinds of file that Kanport recognizes; the value says what it is in plain words."""

    TEXT = "a text file"
    XLSX = "an Excel workbook (.xlsx)"
    XLSM = "an Excel workbook with macros (.xlsm)"
    XLSB = "an Excel workbook in the binary form (.xlsb)"
    XLS = "an old Excel workbook (.xls)"
    ENCRYPTED = "an Office file that is protected by a password"
    OLE = "an old Office file"
    ODS = "an OpenDocument spreadsheet (.ods)"
    OFFICE = "an Office file, but no workbook"
    ZIP = "a zip archive"
    ARCHIVE = "a packed file"
    HTML = "a web page (HTML)"
    XML = "an XML file"
    JSON = "a JSON file"
    PDF = "a PDF file"
    RTF = "a text document (RTF)"
    PICTURE = "a picture"
    DATABASE = "an SQLite database"
    PARQUET = "a Parquet file"


_OPENINGS: tuple[tuple[bytes, FileKind], ...] = (
    (b"%PDF", FileKind.PDF),
    (b"{\\rtf", FileKind.RTF),
    (b"SQLite format 3\0", FileKind.DATABASE),
    (b"PAR1", FileKind.PARQUET),
    (b"\x89PNG", FileKind.PICTURE),
    (b"\xff\xd8\xff", FileKind.PICTURE),
    (b"GIF8", FileKind.PICTURE),
    (b"\x1f\x8b", FileKind.ARCHIVE),
    (b"BZh", FileKind.ARCHIVE),
    (b"\xfd7zXZ\0", FileKind.ARCHIVE),
    (b"7z\xbc\xaf\x27\x1c", FileKind.ARCHIVE),
    (b"Rar!", FileKind.ARCHIVE),
    (b"\x28\xb5\x2f\xfd", FileKind.ARCHIVE),
)
_MARKUP: tuple[tuple[str, FileKind], ...] = (
    ("<?xml", FileKind.XML),
    ("<!doctype html", FileKind.HTML),
    ("<html", FileKind.HTML),
    ("<head", FileKind.HTML),
    ("<body", FileKind.HTML),
    ("<meta", FileKind.HTML),
    ("<style", FileKind.HTML),
    ("<table", FileKind.HTML),
    ("<!--", FileKind.HTML),
    ('{"', FileKind.JSON),
    ("[{", FileKind.JSON),
)
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ODS_TYPE = b"application/vnd.oasis.opendocument.spreadsheet"


def kind_of(data: bytes) -> FileKind:
    r"""Return what kind of file these bytes are; what is nothing else is text.

    >>> kind_of(b"%PDF-1.7\n").name
    'PDF'
    >>> kind_of(b"username,name\n").name
    'TEXT'
    """
    if data.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _kind_of_archive(data)
    if data.startswith(_OLE):
        return _kind_of_ole(data)
    found = next((kind for opening, kind in _OPENINGS if data.startswith(opening)), None)
    return found or _kind_of_text(data[:2048])


def wrong_kind(kind: FileKind, *, wanted: str, origin: Origin) -> Finding:
    """Return the finding for a file of another kind than the mapping says (`csv` or `excel`)."""
    if kind in _TYPES:
        case = "type"
    elif kind is FileKind.ENCRYPTED:
        case = "protected"
    elif kind in (
        FileKind.XLSM,
        FileKind.XLSB,
        FileKind.XLS,
        FileKind.ODS,
        FileKind.HTML,
        FileKind.XML,
    ):
        case = "save-csv" if wanted == "csv" else "save-excel"
    else:
        case = "other"
    right = _TYPES.get(kind, "")
    return found("file-kind", origin, case=case, kind=str(kind), wanted=wanted, right=right)


_TYPES = {FileKind.XLSX: "excel", FileKind.TEXT: "csv"}


def _kind_of_ole(data: bytes) -> FileKind:
    # The names of streams stand in the directory of an OLE file as UTF-16.
    if "EncryptedPackage".encode("utf-16-le") in data:
        return FileKind.ENCRYPTED
    if any(name.encode("utf-16-le") in data for name in ("Workbook", "Book\0")):
        return FileKind.XLS
    return FileKind.OLE


def _kind_of_archive(data: bytes) -> FileKind:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = set(archive.namelist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError):
        # Half a workbook is still rather a workbook; the parts say their names in the open.
        return FileKind.XLSX if b"xl/" in data or b"[Content_Types].xml" in data else FileKind.ZIP
    if "xl/vbaProject.bin" in names:
        return FileKind.XLSM
    if "xl/workbook.bin" in names:
        return FileKind.XLSB
    if any(name.startswith("xl/") for name in names):
        return FileKind.XLSX
    if "mimetype" in names and _ODS_TYPE in data[:200]:
        return FileKind.ODS
    if names & {"[Content_Types].xml", "mimetype"}:
        return FileKind.OFFICE
    return FileKind.ZIP


def _kind_of_text(opening: bytes) -> FileKind:
    if opening.startswith((b"\xff\xfe", b"\xfe\xff")):
        text = opening.decode("utf-16", errors="replace")
    else:
        text = opening.removeprefix(b"\xef\xbb\xbf").decode("latin-1")
    start = text.lstrip().casefold()
    return next((kind for mark, kind in _MARKUP if start.startswith(mark)), FileKind.TEXT)
