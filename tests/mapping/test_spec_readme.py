"""The page about the mapping file tells every key, and its examples work."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kanport.fields import USER_FIELDS
from kanport.mapping import load_mapping
from kanport.mapping.spec import MappingFile, mapping_schema
from kanport.mapping.transforms import NAMES
from kanport.mapping.yaml_file import read_yaml
from tests.support.mappings import write_mapping

README = Path(__file__).parents[2] / "mappings" / "README.md"
TEXT = README.read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```yaml\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def around(example: str) -> dict[str, Any]:
    """Give a mapping with the example at the place that its first line names."""
    mapping: dict[str, Any] = {
        "kanport": 1,
        "sources": {
            name: {"type": "csv", "path": "a.csv"} for name in ("people", "access", "hr", "phones")
        },
        "users": {
            "from": "people",
            "fields": {"username": {"from": "Login"}, "email": {"from": "Mail"}},
        },
    }
    part = mapping
    place = re.match(r"# in ([\w.]+)\n", example)
    for key in place[1].split(".") if place else ():
        part = part.setdefault(key, {})
    part.update(read_yaml(example).data)
    return mapping


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda text: text.splitlines()[0])
def test_each_example_is_a_part_of_a_good_mapping(
    example: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EXPORTS", "/srv/exports")
    MappingFile.model_validate(around(example), by_alias=True, by_name=False)


def test_the_first_example_is_a_whole_mapping(tmp_path: Path) -> None:
    assert load_mapping(write_mapping(tmp_path, EXAMPLES[0])).spec.name == "staff list"


def keys(part: Any) -> Iterator[str]:
    if isinstance(part, dict):
        yield from part.get("properties", {})
        for value in part.values():
            yield from keys(value)
    elif isinstance(part, list):
        for value in part:
            yield from keys(value)


# The JSON Schema says of each field of a user what it is.
FIELDS = {field.name for field in USER_FIELDS}


@pytest.mark.parametrize("key", sorted({*keys(mapping_schema()), *NAMES} - FIELDS))
def test_each_key_is_told(key: str) -> None:
    examples = "\n".join(EXAMPLES)

    assert f"`{key}`" in TEXT or re.search(rf"\b{re.escape(key)}: ", f"{examples}\n{TEXT}")


@pytest.mark.parametrize("path", sorted(README.parent.glob("*.yaml")), ids=lambda path: path.stem)
def test_each_shipped_mapping_is_told(path: Path) -> None:
    assert f"| `{path.name}` |" in TEXT
