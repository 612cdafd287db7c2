"""From the bytes of a CSV file to its text: the encoding is known or refused, never guessed."""

import codecs
import re
import unicodedata
from dataclasses import replace
from itertools import islice, pairwise

from kanport.findings import Finding, found
from kanport.origin import Origin
from kanport.records import dataclass

_LINES = 10
_MARKS: tuple[tuple[bytes, str, str], ...] = (
    # UTF-32 comes first: its mark begins with the one of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32-le", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32-be", "UTF-32"),
    (codecs.BOM_UTF8, "utf-8", "UTF-8 with a byte order mark"),
    (codecs.BOM_UTF16_LE, "utf-16-le", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16-be", "UTF-16"),
)
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f]")


@dataclass(frozen=True, slots=True)
class Decoded:
    """The text of a file, without its byte order mark, and how it was read."""

    text: str
    encoding: str
    doubts: tuple[Finding, ...] = ()
    codec: str = "utf-8"
    mark: bytes = b""

    def encode(self, text: str) -> bytes:
        """Return other text as the file holds its own; letters that it cannot hold become "?"."""
        return self.mark + text.encode(self.codec, "replace")


def decode(data: bytes, declared: str | None, origin: Origin) -> Decoded | list[Finding]:
    """Return the text of a file, or the findings that say why it cannot be had.

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
    decoded = _strictly(data, declared, declared, 0, origin)
    if isinstance(decoded, Decoded):
        return replace(decoded, doubts=_doubt(data, declared, origin))
    return decoded


def _strictly(
    data: bytes, encoding: str, called: str, start: int, origin: Origin
) -> Decoded | list[Finding]:
    body = memoryview(data)[start:]
    try:
        text = codecs.decode(body, encoding)
    except UnicodeDecodeError as problem:
        line = _line_of(bytes(body[: problem.start]).decode(encoding, errors="replace"))
        return [found("file-encoding", origin.at(row=line), case="declared", encoding=called)]
    whole = Decoded(text, called, codec=encoding, mark=bytes(data[:start]))
    return _without_nul(data, whole, origin)


def _without_nul(data: bytes, decoded: Decoded, origin: Origin) -> Decoded | list[Finding]:
    place = decoded.text.find("\0")
    if place < 0:
        return decoded
    wide = _wide(data)
    line = origin.at(row=_line_of(decoded.text[:place]))
    return [found("file-encoding", line, case="utf-16" if wide else "nul", encoding=wide)]


def _wide(data: bytes) -> str | None:
    """Return the UTF-16 that a text without a byte order mark looks like; None where it is none."""
    even, odd = data[0:4000:2].count(0), data[1:4000:2].count(0)
    if max(even, odd) <= len(data[:4000]) // 4:
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _not_utf8(data: bytes, problem: UnicodeDecodeError, origin: Origin) -> list[Finding]:
    """Return where bytes are not UTF-8, and what they probably are."""
    guesses = _guesses(data)
    lines = _bad_lines(data)
    right = sum(1 for line in _lines_of(data) if not line.isascii()) - len(lines)
    mixed = right > 0 and (right >= len(lines) or not guesses)
    case = "mixed" if mixed else ("unknown", "guess", "guesses")[min(len(guesses), 2)]
    findings = [
        found(
            "file-encoding",
            origin.at(row=line),
            case=case,
            byte=data[start],
            position=position,
            guesses=() if mixed else tuple(guesses),
        )
        for line, position, start in (lines[:_LINES] if mixed else lines[:1])
    ]
    if more := len(lines) - len(findings):
        findings.append(found("file-encoding", origin, case="more", count=more))
    return findings


def _bad_lines(data: bytes) -> list[tuple[int, int, int]]:
    """Return line and position (both from 1) and offset of the first bad byte of each bad line."""
    found = []
    offset = 0
    for number, line in enumerate(_lines_of(data), 1):
        if not line.isascii():
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as problem:
                found.append((number, problem.start + 1, offset + problem.start))
        offset += len(line)
    return found


def _lines_of(data: bytes) -> list[bytes]:
    return re.split(rb"(?<=\n)|(?<=\r)(?!\n)", data)


def _line_of(before: str) -> int:
    return len(re.findall(r"\r\n|\r|\n", before)) + 1


# --- which encoding it looks like -----------------------------------------------------------------

_LATIN = ("cp1252", "mac_roman", "cp850", "cp1250", "iso8859_2", "cp852", "mac_latin2", "cp1254")
_OTHERS = ("cp1257", "cp1251", "koi8_r", "cp866", "mac_cyrillic", "cp1253", "mac_greek")
_EAST = ("shift_jis", "gbk", "euc_kr", "big5")
_ALPHABETS: tuple[tuple[str, float], ...] = (
    # The letters beyond a to z of a language, and how much a word of them speaks for an encoding:
    # more for those of many lists, less where an alphabet is large, so that it fits by chance.
    ("äöüß", 1.0),
    ("éèêçàâôœ", 1.0),
    ("éíóáúñ", 1.0),
    ("æøå", 0.88),
    ("åäöé", 0.95),
    ("ãõáéíóúâêôàç", 0.9),
    ("àèéìòù", 0.9),
    ("éëïóèü", 0.9),
    ("ëïîûùüÿæéèç", 0.9),
    ("ąćęłńóśźż", 0.9),
    ("áčďéěíňóřšťúůýž", 0.8),
    ("áäčďéíĺľňóôŕšťúýž", 0.78),
    ("čćđšž", 0.85),
    ("áéíóöőúüű", 0.9),
    ("ăâîșțşţ", 0.8),
    ("çğıöşüi̇", 0.9),
    ("äöõüšž", 0.7),
    ("ąčęėįšųūž", 0.8),
    ("āčēģīķļņšūž", 0.8),
    ("áðéíóúýþæö", 0.75),
    ("абвгдежзийклмнопрстуфхцчшщъыьэюяё", 1.0),
    ("абвгґдеєжзиіїйклмнопрстуфхцчшщьюя", 0.95),
    ("абвгдђежзијклљмнњопрстћуфхцчџш", 0.8),
    ("αβγδεζηθικλμνξοπρστυφχψωςάέήίόύώϊϋΐΰ", 0.95),
)
_OF_LANGUAGE = tuple((frozenset(letters), weight) for letters, weight in _ALPHABETS)
_AT_EDGES = frozenset("“”„«»‘’‚‹›–—…€°§·©®™ªº№\u00a0")
_INSIDE = frozenset("’‘·–—")
_RARE = frozenset({"mac_latin2", "mac_greek", "mac_cyrillic", "cp1257"})
_VOWELS = frozenset("аеёиоуыэюяіїє")
_WORD = re.compile(r"[^\s;,|\t\"]*[^\x00-\x7f\s][^\s;,|\t\"]*")
_MOST_WORDS = 2_000
_MOST_BYTES = 4 * 1024 * 1024
_GOOD, _NEAR, _LESS, _CLEARLY = 0.5, 0.05, 0.85, 0.3


def _guesses(data: bytes) -> list[str]:
    """Return the old encodings in which the bytes give words that people write, the best first.

    There are several where they are equally good and give different texts, and none where no
    encoding makes sense.

    >>> _guesses("Jörg Müller, Renée".encode("cp1252"))
    ['cp1252']
    >>> _guesses("Jörg Müller".encode("cp850")), _guesses("Renée Äpfel".encode("mac_roman"))
    (['cp850'], ['mac_roman'])
    """
    if b"\0" in data:
        return [wide] if (wide := _wide(data)) is not None else []
    sample = _sample(data)
    scores: dict[str, tuple[float, list[str]]] = {}
    for encoding in (*_LATIN, *_OTHERS, *_EAST):
        judged = _judged(sample, encoding)
        if judged is not None:
            scores[encoding] = judged
    best = max((score for score, _ in scores.values()), default=0.0)
    found: dict[tuple[str, ...], str] = {}
    for encoding, (score, words) in sorted(scores.items(), key=lambda item: -item[1][0]):
        if score >= max(_GOOD, best - _NEAR):
            found.setdefault(tuple(words), encoding)
    return list(found.values())[:3]


def _judged(sample: bytes, encoding: str) -> tuple[float, list[str]] | None:
    """Return how plausible the words are that an encoding gives, on average, and the words."""
    try:
        found = _WORD.finditer(sample.decode(encoding))
    except UnicodeDecodeError:
        return None
    words = [match.group() for match in islice(found, _MOST_WORDS)]
    judge = _eastern if encoding in _EAST else _plausible
    rare = _LESS if encoding in _RARE else 1.0
    return (sum(map(judge, words)) / len(words) * rare, words) if words else None


def _doubt(data: bytes, declared: str, origin: Origin) -> tuple[Finding, ...]:
    """Return a warning where another encoding gives clearly better words than the declared one."""
    if data.isascii() or codecs.lookup(declared).name.startswith("utf"):
        return ()
    sample = _sample(data)
    guesses = _guesses(data)
    judged = _judged(sample, declared)
    better = _judged(sample, guesses[0]) if guesses else None
    if judged is None or better is None or better[0] - judged[0] < _CLEARLY:
        return ()
    return (found("encoding-doubtful", origin, declared=declared, guess=guesses[0]),)


def _sample(data: bytes) -> bytes:
    """Return the lines that have letters beyond a to z, of the beginning of a large file."""
    if len(data) > _MOST_BYTES:
        data = data[: data.rfind(b"\n", 0, _MOST_BYTES) + 1]
    return b"\n".join(line for line in re.split(rb"[\r\n]+", data) if not line.isascii())


def _plausible(word: str) -> float:
    """Return how plausible a word is that has letters beyond a to z, from 0 to 1."""
    letters = [char for char in word if char.isalpha()]
    beyond = "".join(char for char in letters if not char.isascii()).lower()
    for number, char in enumerate(word):
        if char.isascii() or char.isalpha():
            continue
        between = word[:number].strip("'\"(") and word[number + 1 :].strip("'\").:")
        opening = number == 0 and char in "“„«‘‚‹–—…" and len(word) > 1
        if char not in (_INSIDE if between else _AT_EDGES):
            return 0.0
        if number == 0 and len(word) > 1 and letters and not (opening or char in "§№©·\u00a0"):
            return 0.0
    if not beyond:
        return 0.5
    if "ς" in beyond[:-1] or (
        len(beyond) > 2 and "а" <= beyond[0] <= "я" and _VOWELS.isdisjoint(beyond)
    ):
        return 0.1
    latin = any(char.isascii() for char in letters) or _is_latin(beyond[0])
    if any(_is_latin(char) != latin for char in letters):
        return 0.0
    if latin and len(letters) > 2 and len(beyond) == len(letters):
        # "Èâàí": a word in another alphabet.
        return 0.1
    if re.search(r"[^\W\d_A-ZÀ-ÖØ-Þ][^\x00-\x7f]", word) and any(
        before.islower() and char.isupper() for before, char in pairwise(word) if not char.isascii()
    ):
        # "RenŽe"
        return 0.0
    ascii_case = [char for char in letters if char.isascii()]
    if len(ascii_case) > 1 and all(map(str.isupper, ascii_case)) and _has_lower(letters):
        return 0.1
    weight = max((w for alphabet, w in _OF_LANGUAGE if alphabet.issuperset(beyond)), default=0.1)
    return weight * (0.9 if word[0].islower() and not word[0].isascii() else 1.0)


def _eastern(word: str) -> float:
    """Return how plausible a word is in Japanese, Chinese or Korean."""
    letters = [char for char in word if char.isalpha()]
    if not letters or any(ord(char) < 0x1100 for char in letters):
        return 0.0 if letters else 0.5
    if any("\uff61" <= char <= "\uff9f" for char in letters):
        # Katakana of half width: any byte of an old encoding is one.
        return 0.2
    if any("\u3040" <= char <= "\u30ff" for char in letters):
        return 0.95
    if all("\uac00" <= char <= "\ud7a3" for char in letters):
        return 0.95
    return 0.9 if all(_is_common_hanzi(char) for char in letters) else 0.4


def _is_common_hanzi(char: str) -> bool:
    try:
        return 0xB0 <= char.encode("gb2312")[0] <= 0xD7
    except UnicodeEncodeError:
        return False


def _is_latin(char: str) -> bool:
    return char.isascii() or unicodedata.name(char, "").startswith("LATIN")


def _has_lower(letters: list[str]) -> bool:
    return any(char.islower() and char not in "ßªº" for char in letters if not char.isascii())
