"""What the tests of mappings share: writing one, and what is said of it."""

from pathlib import Path

import pytest

from kanport.errors import ConfigInvalid
from kanport.mapping import load_mapping

GOOD = """\
kanport: 1
sources:
  staff: {type: csv, path: a.csv}
  phones: {type: excel, path: b.xlsx}
users:
  from: staff
  fields:
    username: {from: Login}
"""

MEMBERSHIP = (
    GOOD
    + """\
memberships:
  - from: staff
    username: {from: Login}
"""
)


def write_mapping(folder: Path, text: str | bytes) -> Path:
    """Write a mapping and give its path."""
    path = folder / "mapping.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def mistakes_in(folder: Path, text: str | bytes) -> list[str]:
    """Give what is said of a wrong mapping: a line for each mistake, with its hint after a bar."""
    path = write_mapping(folder, text)
    with pytest.raises(ConfigInvalid) as raised:
        load_mapping(path)
    assert raised.value.message.startswith(f"the mapping {path} has ")
    return [_short(detail, path) for detail in raised.value.details]


def _short(detail: str, path: Path) -> str:
    lines = detail.splitlines()
    assert lines[0].startswith(f"{path}:")
    hint = lines[-1].partition("    hint: ")[2]
    return lines[0].removeprefix(f"{path}:") + (f" | {hint}" if hint else "")
