"""The file of all recordings, and how two recordings differ."""

import json
import lzma
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from tests.recorded.cases import CASES, case
from tests.recorded.recording import recorded

FILE = Path(__file__).with_name("recorded.json.xz")
MOST = 12
"""So many differences of one case are shown."""


def record(number: int) -> dict[str, Any]:
    """Return what is made of a case now, as it comes out of a file."""
    with TemporaryDirectory() as folder:
        made: dict[str, Any] = json.loads(json.dumps(recorded(case(number), Path(folder))))
    return made


def record_all() -> list[dict[str, Any]]:
    """Return what is made of all cases now."""
    return [record(number) for number in range(CASES)]


def save(recordings: list[dict[str, Any]]) -> None:
    """Write all recordings; equal ones give equal bytes."""
    text = json.dumps(recordings, ensure_ascii=True, separators=(",", ":"))
    FILE.write_bytes(lzma.compress(text.encode(), preset=9 | lzma.PRESET_EXTREME))


@cache
def load() -> list[dict[str, Any]]:
    """Read all recordings."""
    recordings: list[dict[str, Any]] = json.loads(lzma.decompress(FILE.read_bytes()))
    return recordings


def differences(before: Any, now: Any, at: str = "") -> Iterator[str]:
    """Yield a line for each place in which two recordings differ, both sides in short.

    >>> list(differences({"a": [1, 2]}, {"a": [1, 3, 4], "b": 5}))
    ['.a[1]: 2 -> 3', '.a[2]: nothing -> 4', '.b: nothing -> 5']
    """
    if before == now:
        return
    if isinstance(before, dict) and isinstance(now, dict):
        for key in dict.fromkeys((*before, *now)):
            yield from _pair(before.get(key, _NOTHING), now.get(key, _NOTHING), f"{at}.{key}")
    elif isinstance(before, list) and isinstance(now, list):
        for number in range(max(len(before), len(now))):
            old = before[number] if number < len(before) else _NOTHING
            new = now[number] if number < len(now) else _NOTHING
            yield from _pair(old, new, f"{at}[{number}]")
    else:
        yield f"{at}: {_short(before)} -> {_short(now)}"


_NOTHING = object()


def _pair(before: Any, now: Any, at: str) -> Iterator[str]:
    if before is _NOTHING or now is _NOTHING:
        yield f"{at}: {_short(before)} -> {_short(now)}"
    else:
        yield from differences(before, now, at)


def _short(value: Any) -> str:
    if value is _NOTHING:
        return "nothing"
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 300 else f"{text[:300]}…"
