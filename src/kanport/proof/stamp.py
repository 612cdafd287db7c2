"""The proof in a report: where each format has a place for it, how it is written and read. Pure.

The proof is JSON on one line. Its `sha256` is that of the whole file, taken while 64 zeros stand in
the place of the digest itself.
"""

import hashlib
import json
import re
import struct
from dataclasses import asdict, dataclass
from typing import Any

MARK = b'{"kanport_proof":1,'
_ZEROS = "0" * 64
_DIGEST = re.compile("[0-9a-f]{64}")
_UNSAFE = re.compile("[-<>&`]")


@dataclass(frozen=True, slots=True)
class Proof:
    """What a report says of itself.

    `report` is the name of its format, `table` the one table that it holds where it holds one, and
    `kind` what is told. `plan` is the digest of the plan, `journal` that of the journal of `run`;
    each is empty where there is none. `signature` is what the report says of that of the run's
    approval. `masked` is True where pseudonyms stand for names. `sha256` is the digest of the
    report.
    """

    report: str
    kind: str
    kanport: str
    plan: str = ""
    run: str = ""
    journal: str = ""
    masked: bool = False
    table: str | None = None
    next_steps: tuple[str, ...] = ()
    signature: str = ""
    sha256: str = _ZEROS

    def to_json(self) -> str:
        """Give the proof on one line, in which nothing is markup of any format."""
        parts: dict[str, Any] = {"kanport_proof": 1, **asdict(self)}
        line = json.dumps(parts, separators=(",", ":"))
        head, line = line[: len(MARK)], line[len(MARK) :]
        return head + _UNSAFE.sub(lambda found: f"\\u{ord(found[0]):04x}", line)

    @classmethod
    def from_json(cls, line: bytes) -> "Proof | None":
        """Read a proof back; None for what is none."""
        try:
            parts = json.loads(line)
            del parts["kanport_proof"]
            proof = cls(**{**parts, "next_steps": tuple(parts["next_steps"])})
        except (ValueError, KeyError, TypeError, RecursionError):
            return None
        return proof if proof.is_sound() else None

    def is_sound(self) -> bool:
        """Say whether everything in it is of its kind: anybody may have written it."""
        named = (self.report, self.kind, self.kanport, self.plan, self.run, self.journal)
        texts = (
            *named,
            self.signature,
            *self.next_steps,
            *([] if self.table is None else [self.table]),
        )
        return (
            all(isinstance(text, str) for text in texts)
            and isinstance(self.masked, bool)
            and isinstance(self.sha256, str)
            and _DIGEST.fullmatch(self.sha256) is not None
        )


# What stands before and behind the proof at the very end of a file, by format.
_PLACES: dict[str, tuple[bytes, bytes]] = {
    "text": (b"Proof: ", b"\n"),
    "markdown": (b"\n<!-- ", b" -->\n"),
    "html": (b"<!-- ", b" -->\n"),
    "json": (b',\n  "proof": ', b"\n}\n"),
    "xlsx": (b"", b""),
    "excel": (b"", b""),
}
_SHEETS = frozenset({"xlsx", "excel"})
_END_OF_ZIP = b"PK\x05\x06"


def has_place(report: str) -> bool:
    """Say whether a format has a place for a proof; the others need a file beside them.

    In a workbook it is the comment of its ZIP archive, which no program shows or minds.

    >>> has_place("html"), has_place("csv")
    (True, False)
    """
    return report in _PLACES


def stamped(content: bytes, proof: Proof) -> bytes:
    """Give a report with its proof at its end, in the place that its format has for one."""
    before, behind = _PLACES[proof.report]
    line = proof.to_json().encode("ascii")
    # A report of a large directory has a hundred megabytes, so it is not copied for each step.
    whole = bytearray(_with_comment_of(content, len(line)) if proof.report in _SHEETS else content)
    if proof.report == "json":
        del whole[-len(b"\n}\n") :]
    whole += before + line + behind
    digest = hashlib.sha256(whole).hexdigest().encode()
    place = whole.rindex(_ZEROS.encode())
    assert place > len(whole) - len(line) - len(behind)  # noqa: S101 - it is the line's last key
    whole[place : place + len(digest)] = digest
    return bytes(whole)


def read(content: bytes) -> tuple[Proof, str] | None:
    """Give the proof at the end of a report, and the digest that it must have; None without one."""
    start = content.rfind(MARK)
    if start < 0:
        return None
    for before, behind in dict.fromkeys(_PLACES.values()):
        end = len(content) - len(behind)
        fits = content.endswith(behind) and content[:start].endswith(before)
        proof = Proof.from_json(content[start:end]) if fits else None
        if proof is not None and _PLACES.get(proof.report) == (before, behind):
            given = proof.sha256.encode()
            head, found, tail = content.rpartition(given)
            if found:
                zeroed = head + _ZEROS.encode() + tail
                return proof, hashlib.sha256(zeroed).hexdigest()
    return None


def _with_comment_of(archive: bytes, length: int) -> bytes:
    """Give a ZIP archive whose end says that a comment of so many bytes follows."""
    end = archive.rfind(_END_OF_ZIP)
    if end < 0 or len(archive) - end != 22:
        raise ValueError("this is no ZIP archive without a comment")
    return archive[:-2] + struct.pack("<H", length)
