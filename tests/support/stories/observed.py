"""What is left of outputs when wordings are taken out, and what differs each time."""

import csv
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# Texts of the catalogue, sentences made of them, and what follows from these.
WORDINGS = {
    *("message", "hint", "reason", "stopped", "actual", "headline", "sentences", "label", "about"),
    *(
        "instead",
        "first_findings",
        "text",
        "details",
        "reasons",
        "answers",
        "next_steps",
        "title",
        "lines",
        "notes",
    ),
}
# Columns of tables that hold such texts.
WORDED = re.compile(r"reason|message|hint|about|happened|what to do|result|explanation", re.I)
# What differs each time: digests of texts, moments, durations, processes and secrets.
EACH_TIME = {"digest", "chain", "previous", "sha256", "seconds", "process", "password", "run", "ts"}
_PATTERNS = (
    (re.compile(r"\d{8}T\d{6}Z-[0-9a-f]{6}"), "RUN"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?"), "TIME"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "DIGEST"),
    (re.compile(r"[\w-]+\.lock$"), "LOCK"),
    (re.compile(r"127\.0\.0\.1:\d+"), "SERVER"),
    (re.compile(r"\(process \d+ on [^)]*\)"), "PROCESS"),
    (re.compile(r"after \d+(\.\d+)? (s|seconds)"), "after N s"),
)


def steady(text: str) -> str:
    """Return a text without what differs each time."""
    for pattern, name in _PATTERNS:
        text = pattern.sub(name, text)
    return text


def without_words(value: Any) -> Any:
    """Return JSON without wordings; of a list of texts, how many there are.

    >>> without_words({"code": "x", "message": "X", "details": ["a", "b"]})
    {'code': 'x', 'details': 2}
    """
    match value:
        case {"code": "as-written"}:
            # Its parameter is a wording.
            return "as-written"
        case dict():
            return {
                steady(key): inner if key == "params" and inner is None else _inside(key, inner)
                for key, inner in value.items()
                if key not in EACH_TIME and (key not in WORDINGS or isinstance(inner, list))
            }
        case list():
            return [without_words(each) for each in value]
        case str():
            return steady(value)
        case _:
            return value


def _inside(key: str, inner: Any) -> Any:
    if key in WORDINGS and isinstance(inner, list):
        return len(inner)
    if key == "params" and isinstance(inner, dict):
        # Parameters are data, whatever they are called.
        return {name: without_words(each) for name, each in inner.items()}
    return without_words(inner)


def document(text: str) -> Any:
    """Return what JSON, or lines of JSON, say beside wordings; None for another text."""
    try:
        return without_words(json.loads(text))
    except ValueError:
        pass
    try:
        return [without_words(json.loads(line)) for line in text.splitlines()] or None
    except ValueError:
        return None


def table(text: str) -> list[list[str]]:
    """Return a CSV table without its columns of wordings and of passwords."""
    rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff")), delimiter=_delimiter(text)))
    kept = [
        at
        for at, name in enumerate(rows[0] if rows else [])
        if not WORDED.search(name) and name.lower() not in EACH_TIME
    ]
    return [[steady(row[at]) for at in kept if at < len(row)] for row in rows]


def _delimiter(text: str) -> str:
    header = text.partition("\n")[0]
    return ";" if header.count(";") > header.count(",") else ","


def files(folder: Path) -> Iterator[tuple[str, Any]]:
    """Yield what the files of a folder hold beside wordings, by name."""
    named = [(steady(path.relative_to(folder).as_posix()), path) for path in folder.rglob("*")]
    # Those whose names have a moment in them are in the order in which they were written.
    for name, path in sorted(named, key=lambda each: (each[0], each[1].stat().st_mtime_ns)):
        match path.suffix if path.is_file() else "":
            case ".json" | ".jsonl" | ".sarif":
                yield name, document(path.read_text("utf-8"))
            case ".csv":
                yield name, table(path.read_text("utf-8", "replace"))
            case _:
                yield name, None


def differences(one: Any, other: Any, at: str = "") -> Iterator[str]:
    """Yield where two observations differ, and what each of them is there.

    >>> list(differences({"a": [1, 2]}, {"a": [1, 3]}))
    ['a.1: 2, 3']
    """
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        for key, inner in one.items():
            yield from differences(inner, other[key], f"{at}.{key}".lstrip("."))
    elif isinstance(one, list | tuple) and isinstance(other, list | tuple):
        if len(one) != len(other):
            yield f"{at}: {len(one)} of them, {len(other)}"
        for number, (inner, its) in enumerate(zip(one, other, strict=False)):
            yield from differences(inner, its, f"{at}.{number}".lstrip("."))
    elif one != other:
        yield f"{at}: {one!r}, {other!r}"
