"""The JSON Schema takes what Kanport takes, and helps an editor."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from click.testing import CliRunner

from kanport.cli import cli
from kanport.errors import ConfigInvalid
from kanport.mapping import load_mapping
from kanport.mapping.spec import mapping_schema, schema_text
from kanport.mapping.yaml_file import read_yaml
from tests.support.mappings import GOOD, MEMBERSHIP, write_mapping

MAPPINGS = Path(__file__).parents[2] / "mappings"
SHIPPED = MAPPINGS / "kanport-mapping.schema.json"


def refusals(text: str) -> list[str]:
    validator = jsonschema.Draft7Validator(mapping_schema())
    return [error.json_path for error in validator.iter_errors(read_yaml(text).data)]


@pytest.mark.parametrize("path", sorted(MAPPINGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_mapping_fits(path: Path) -> None:
    assert refusals(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "text",
    [
        GOOD,
        GOOD.replace("from: staff", "from: [staff, phones]"),
        GOOD + "    name: {from: {staff: A}}\n",
        GOOD + "    name: {from: A, transform: [trim, {before: x}, {zero_pad: 4}]}\n",
        GOOD + "    active: {from: A, values: {1: true, no: false}, default: true}\n",
        GOOD + "  password: random\n",
        GOOD + "  password: ldap\n",
        GOOD + "  password: {from: Initial}\n",
        GOOD + "limits: {create: 500, disable: 5%, revoke: 2.5 %, remove: {max: 3, share: 1}}\n",
        MEMBERSHIP + "    project: {from: P, split: ';'}\n    role: project-member\n",
        MEMBERSHIP + "    project: {from: P, split: [';', '|']}\n    role: {from: R}\n",
        MEMBERSHIP + "    matrix: {columns: [A, B]}\n",
        MEMBERSHIP + "    matrix: {columns: {A: WEB}, values: {R: project-viewer}}\n",
        MEMBERSHIP + "    matrix: {match: '^(?P<project>.+) access$'}\n",
    ],
)
def test_what_kanport_takes_the_schema_takes(tmp_path: Path, text: str) -> None:
    load_mapping(write_mapping(tmp_path, text))

    assert refusals(text) == []


@pytest.mark.parametrize(
    ("text", "place"),
    [
        (GOOD + "nmae: x\n", "$"),
        (GOOD.replace("kanport: 1", "kanport: 2"), "$.kanport"),
        (GOOD.replace("type: csv", "type: cvs"), "$.sources.staff"),
        (GOOD.replace("path: a.csv", "path: a.csv, sheet: x"), "$.sources.staff"),
        (GOOD + "    name: {form: A}\n", "$.users.fields.name"),
        (GOOD + "    name: {from: A, transform: [trm]}\n", "$.users.fields.name.transform[0]"),
        (GOOD + "    name: {from: A, transform: [{before: 3}]}\n",
         "$.users.fields.name.transform[0]"),
        (GOOD + "  missing: disabled\n", "$.users.missing"),
        (GOOD + "  password: secret\n", "$.users.password"),
        (GOOD + "protect: admin\n", "$.protect"),
        (GOOD + "limits: {create: many}\n", "$.limits.create"),
        (GOOD + "limits: {create: -1}\n", "$.limits.create"),
        (GOOD + "limits: {create: {}}\n", "$.limits.create"),
        (GOOD + "name:\n", "$.name"),
    ],
)  # fmt: skip
def test_what_the_schema_refuses_kanport_refuses_too(tmp_path: Path, text: str, place: str) -> None:
    assert refusals(text) == [place]
    with pytest.raises(ConfigInvalid):
        load_mapping(write_mapping(tmp_path, text))


def _parts(schema: Any, path: str = "$") -> Iterator[tuple[str, Any]]:
    if isinstance(schema, dict):
        yield path, schema
        for key, value in schema.items():
            yield from _parts(value, f"{path}.{key}")
    elif isinstance(schema, list):
        for number, value in enumerate(schema):
            yield from _parts(value, f"{path}[{number}]")


def test_every_key_says_what_it_is_for() -> None:
    silent = [
        f"{path}.{key}"
        for path, part in _parts(mapping_schema())
        for key, about in part.get("properties", {}).items()
        if not about.get("description")
    ]

    assert silent == []


def test_the_schema_keeps_to_what_editors_read() -> None:
    schema = mapping_schema()

    jsonschema.Draft7Validator.check_schema(schema)
    assert schema["$schema"] == "http://json-schema.org/draft-07/schema#"
    assert (schema["$id"], schema["title"]) == ("urn:kanport:schema:mapping:1", "Kanport mapping")
    for path, part in _parts(schema):
        assert not {"$defs", "prefixItems"} & part.keys(), path
        assert "$ref" not in part or len(part) == 1, f"{path}: what stands beside $ref is ignored"
        assert part.get("type") != "null", f"{path}: a key without a value is a mistake"


def test_the_shipped_schema_is_up_to_date() -> None:
    assert SHIPPED.read_text(encoding="utf-8") == schema_text(), "run make schema"


@pytest.mark.parametrize("path", sorted(MAPPINGS.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_mapping_tells_editors_its_schema(path: Path) -> None:
    first, *_ = path.read_text(encoding="utf-8").splitlines()

    assert first == f"# yaml-language-server: $schema={SHIPPED.name}"


def test_the_command_prints_the_schema_and_nothing_else() -> None:
    ended = CliRunner().invoke(cli, ["schema"])

    assert (ended.exit_code, ended.stderr) == (0, "")
    assert ended.stdout == schema_text()


def test_the_command_prints_the_schema_of_the_plan() -> None:
    ended = CliRunner().invoke(cli, ["schema", "--plan"])

    assert (ended.exit_code, ended.stderr) == (0, "")
    assert "kanport-plan/1" in json.dumps(json.loads(ended.stdout))
