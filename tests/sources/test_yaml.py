"""At its exact limit a YAML file is read, and with one more of the same it is refused."""

from pathlib import Path

import pytest

from kanport.sources import yaml
from tests.support.sources import (
    read_yaml,
    the_finding,
)

THREE = "- {Login: ada, Name: Ada}\n" * 3


def test_a_yaml_file_may_hold_so_many_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The list, its rows, and two values in each.
    monkeypatch.setattr(yaml, "MAX_VALUES", 10)
    assert len(read_yaml(tmp_path, THREE).rows) == 3
    monkeypatch.setattr(yaml, "MAX_VALUES", 9)
    the_finding(lambda: read_yaml(tmp_path, THREE), "file-damaged")


def test_a_yaml_file_grows_by_aliases_only_so_far(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "- &a {Login: ada}\n" + "- *a\n" * 9
    needed = 1 + 2 * 10
    monkeypatch.setattr(yaml, "SPARE_VALUES", needed - len(text))
    assert len(read_yaml(tmp_path, text).rows) == 10
    monkeypatch.setattr(yaml, "SPARE_VALUES", needed - len(text) - 1)
    the_finding(lambda: read_yaml(tmp_path, text), "file-damaged")
