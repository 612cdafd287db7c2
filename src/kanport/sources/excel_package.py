"""Checks of a workbook's zip archive before anything is unpacked."""

import io
import zipfile

from kanport.findings import Finding
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
            parts = archive.infolist()
            found = _problem_of(parts, origin)
            if found is None and _STRICT in workbook_xml(archive)[:4096]:
                found = Finding(
                    "file-kind",
                    "the workbook is saved as Strict Open XML",
                    origin,
                    hint="save it as Excel Workbook (.xlsx), without Strict",
                )
    except Exception as problem:
        # zipfile raises many things for broken archives, from BadZipFile to struct.error.
        return [damaged(origin, f"its archive is broken ({type(problem).__name__})")]
    return [found] if found else []


def workbook_xml(archive: zipfile.ZipFile) -> bytes:
    """Give the part that lists the sheets; nothing where it has an unusual name."""
    name = "xl/workbook.xml"
    return archive.read(name) if name in archive.namelist() else b""


def damaged(origin: Origin, why: str) -> Finding:
    """Give the finding for a workbook that cannot be read to its end."""
    return Finding(
        "file-damaged",
        f"the workbook is damaged: {why}",
        origin,
        hint="open it in Excel or LibreOffice, save it anew, and copy it again",
    )


def _problem_of(parts: list[zipfile.ZipInfo], origin: Origin) -> Finding | None:
    names = {part.filename for part in parts}
    if "[Content_Types].xml" not in names:
        return damaged(origin, "the part [Content_Types].xml is missing")
    # Names of parts do not depend on case, and some programs write backslashes.
    if len({name.replace("\\", "/").lower() for name in names}) < len(parts):
        return damaged(origin, "a part is in it twice")
    if any(part.flag_bits & 1 for part in parts):
        return Finding(
            "file-kind",
            "the workbook's archive is protected by a password",
            origin,
            hint="open it with its password and save it without one",
        )
    too_large = _too_large(parts)
    if too_large is None:
        return None
    return Finding(
        "file-too-large",
        f"the workbook is not opened: {too_large}",
        origin,
        hint="a list of people is never so large; copy the rows into a new workbook",
    )


def _too_large(parts: list[zipfile.ZipInfo]) -> str | None:
    if len(parts) > MAX_PARTS:
        return f"it has {len(parts):,} parts"
    total = sum(part.file_size for part in parts)
    if total > MAX_UNPACKED_BYTES:
        return f"it unpacks to {total // 2**20:,} MiB"
    for part in parts:
        if part.file_size < RATIO_FROM_BYTES:
            continue
        if part.file_size > MAX_RATIO * max(part.compress_size, 1):
            return f"{part.filename} unpacks to more than {MAX_RATIO} times its size"
        sheet = part.filename.startswith(("xl/worksheets/", "xl/media/"))
        if part.file_size > MAX_SHARED_BYTES and not sheet:
            return f"{part.filename} unpacks to {part.file_size // 2**20:,} MiB"
    return None
