"""From the bytes of a CSV file to its text: the encoding is known or refused, never guessed."""

import codecs
import re
import unicodedata
from dataclasses import dataclass

from kanport.findings import Finding
from kanport.origin import Origin

_LINES = 10
_MARKS: tuple[tuple[bytes, str, str], ...] = (
    # UTF-32 comes first: its mark begins with the one of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32-le", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32-be", "UTF-32"),
    (codecs.BOM_UTF8, "utf-8", "UTF-8 with a byte order mark"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
)
_GUESSES = ("cp1252", "cp850", "mac_roman")
_EXPECTED = frozenset("€–—‘’“”„…«»°§´·½²³¿¡")
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f]")


@dataclass(frozen=True, slots=True)
class Decoded:
    """The text of a file, without its byte order mark, and how it was read."""

    text: str
    encoding: str


def decode(data: bytes, declared: str | None, origin: Origin) -> Decoded | list[Finding]:
    """Give the text of a file, or the findings that say why it cannot be had.

    A byte order mark decides; without one the file is UTF-8 if it is valid UTF-8, else what the
    mapping declares. There is no fallback: an encoding such as cp1252 fits any file, and would
    make two wrong letters of every ü.
    """
    for mark, encoding, called in _MARKS:
        if data.startswith(mark):
            return _strictly(data, encoding, called, len(mark), origin)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as problem:
        if declared is None:
            return _not_utf8(data, problem, origin)
    else:
        # Encodings such as UTF-16 without a mark or ISO-2022-JP hide in valid UTF-8.
        if declared is None or not _CONTROLS.search(text):
            return _without_nul(data, Decoded(text, "UTF-8"), origin)
    return _strictly(data, declared, declared, 0, origin)


def _strictly(
    data: bytes, encoding: str, called: str, start: int, origin: Origin
) -> Decoded | list[Finding]:
    body = memoryview(data)[start:]
    try:
        text = codecs.decode(body, encoding)
    except UnicodeDecodeError as problem:
        line = _line_of(bytes(body[: problem.start]).decode(encoding, errors="replace"))
        return [
            Finding(
                "file-encoding",
                f"this line is not {called}, as which the file is read",
                origin.at(row=line),
                hint="export the file again as CSV UTF-8",
            )
        ]
    return _without_nul(data, Decoded(text, called), origin)


def _without_nul(data: bytes, decoded: Decoded, origin: Origin) -> Decoded | list[Finding]:
    place = decoded.text.find("\0")
    if place < 0:
        return decoded
    even, odd = data[0:4000:2].count(0), data[1:4000:2].count(0)
    wide = None
    if max(even, odd) > len(data[:4000]) // 4:
        wide = "utf-16-le" if odd > even else "utf-16-be"
    return [
        Finding(
            "file-encoding",
            "the file holds NUL characters, which no text does"
            + ("; it looks like UTF-16 without a byte order mark" if wide else ""),
            origin.at(row=_line_of(decoded.text[:place])),
            hint=f"say `encoding: {wide}` in the mapping"
            if wide
            else "export the file again as CSV UTF-8",
        )
    ]


def _not_utf8(data: bytes, problem: UnicodeDecodeError, origin: Origin) -> list[Finding]:
    """Say where bytes are not UTF-8, and what they probably are."""
    guess = _guess(data)
    lines = _bad_lines(data)
    mixed = any(char >= "\x80" for char in data.decode("utf-8", errors="ignore"))
    if mixed:
        hint = "the rest of the file is UTF-8: mend these lines, or export the file again"
    elif guess:
        hint = f"it looks like {guess}: say `encoding: {guess}` in the mapping, or save it as UTF-8"
    else:
        hint = "save it as CSV UTF-8, or say its `encoding` in the mapping"
    findings = [
        Finding(
            "file-encoding",
            f"the file is not UTF-8: byte 0x{data[start]:02X} at position {position} of the line",
            origin.at(row=line),
            hint=hint,
        )
        for line, position, start in (lines[:_LINES] if mixed else lines[:1])
    ]
    more = len(lines) - len(findings)
    if more:
        findings.append(Finding("file-encoding", f"and {more:,} more lines like this", origin))
    return findings


def _bad_lines(data: bytes) -> list[tuple[int, int, int]]:
    """Give line, position in it (both from 1) and offset of the first bad byte of each bad line."""
    found = []
    offset = 0
    for number, line in enumerate(re.split(rb"(?<=\n)|(?<=\r)(?!\n)", data), 1):
        if not line.isascii():
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as problem:
                found.append((number, problem.start + 1, offset + problem.start))
        offset += len(line)
    return found


def _line_of(before: str) -> int:
    return len(re.findall(r"\r\n|\r|\n", before)) + 1


def _guess(data: bytes) -> str | None:
    """Give the old encoding in which the bytes make the most sense, if they do in one.

    >>> _guess("Jörg Müller, Łódź".encode("cp1252", errors="ignore"))
    'cp1252'
    >>> _guess("Jörg Müller".encode("cp850"))
    'cp850'
    """
    if b"\0" in data:
        return None
    high = bytes(byte for byte in data if byte >= 0x80)
    best: tuple[float, str] | None = None
    for encoding in _GUESSES:
        try:
            chars = high.decode(encoding)
        except UnicodeDecodeError:
            continue
        score = sum(map(_plausible, chars)) / len(chars)
        if score > 0.9 and (best is None or score > best[0]):
            best = (score, encoding)
    return best[1] if best else None


def _plausible(char: str) -> bool:
    # The letters of western Europe, most of which are lower case in names.
    if char in _EXPECTED:
        return True
    return char.isalpha() and "LATIN" in unicodedata.name(char, "") and char not in "ŠšŸÝýþÞðÐƒˆ"
