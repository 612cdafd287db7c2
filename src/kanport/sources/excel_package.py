"""Checks of a workbook's zip archive before anything is unpacked."""

import io
import zipfile
from functools import partial

from kanport.facts import Fact, fact
from kanport.findings import Finding, finding, found
from kanport.origin import Origin

MAX_PARTS = 10_000
MAX_UNPACKED_BYTES = 1024 * 1024 * 1024
"""A million rows of twenty cells unpack to about this."""

MAX_SHARED_BYTES = 256 * 1024 * 1024
"""For each part that is held in memory as a whole: all but the sheets, which are streamed."""

MAX_RATIO = 200
"""Sheets pack to a tenth, sheets of nothing but formats to a fiftieth; bombs to a thousandth."""

RATIO_FROM_BYTES = 16 * 1024 * 1024
"""Smaller parts may pack as well as they like."""

_STRICT = b"http://purl.oclc.org/ooxml/spreadsheetml/main"


def package_problems(data: bytes, origin: Origin) -> list[Finding]:
    """Find what forbids opening a workbook: damage, passwords, parts that unpack to far too much.

    The sizes are those of the archive's directory; Python's zipfile unpacks no more than they say.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            problem = _problem_of(archive.infolist(), origin)
            if problem is None and _STRICT in workbook_xml(archive)[:4096]:
                problem = found("file-kind", origin, case="strict")
    except Exception as wrong:
        # zipfile raises many things for broken archives, from BadZipFile to struct.error.
        return [found("file-damaged", origin, case="archive", error=type(wrong).__name__)]
    return [problem] if problem else []


def workbook_xml(archive: zipfile.ZipFile) -> bytes:
    """Give the part that lists the sheets; nothing where it has an unusual name."""
    name = "xl/workbook.xml"
    return archive.read(name) if name in archive.namelist() else b""


def _problem_of(parts: list[zipfile.ZipInfo], origin: Origin) -> Finding | None:
    names = {part.filename for part in parts}
    if "[Content_Types].xml" not in names:
        return found("file-damaged", origin, case="content")
    # Names of parts do not depend on case, and some programs write backslashes.
    if len({name.replace("\\", "/").lower() for name in names}) < len(parts):
        return found("file-damaged", origin, case="twice")
    if any(part.flag_bits & 1 for part in parts):
        return found("file-kind", origin, case="encrypted")
    why = _too_large(parts)
    return finding(why, origin) if why is not None else None


def _too_large(parts: list[zipfile.ZipInfo]) -> Fact | None:
    too_large = partial(fact, "file-too-large")
    if len(parts) > MAX_PARTS:
        return too_large(case="parts", parts=len(parts))
    total = sum(part.file_size for part in parts)
    if total > MAX_UNPACKED_BYTES:
        return too_large(case="unpacked", size=total // 2**20)
    for part in parts:
        if part.file_size < RATIO_FROM_BYTES:
            continue
        if part.file_size > MAX_RATIO * max(part.compress_size, 1):
            return too_large(case="ratio", part=part.filename, most=MAX_RATIO)
        sheet = part.filename.startswith(("xl/worksheets/", "xl/media/"))
        if part.file_size > MAX_SHARED_BYTES and not sheet:
            return too_large(case="part", part=part.filename, size=part.file_size // 2**20)
    return None
