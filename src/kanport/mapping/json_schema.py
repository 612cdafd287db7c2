"""The JSON Schema of the mapping, for completion and checks in editors.

Editors with yaml-language-server read draft-07, so the schema keeps to it: nothing beside a $ref,
no prefixItems, `definitions` instead of `$defs`.
"""

import json
from typing import Any

from kanport.mapping.limit_spec import SHARE
from kanport.mapping.spec import MappingFile
from kanport.mapping.transforms import SCHEMA

ID = "urn:kanport:schema:mapping:1"


def mapping_schema() -> dict[str, Any]:
    """Give the JSON Schema (draft-07) of a mapping file."""
    made = MappingFile.model_json_schema(by_alias=True, mode="validation")
    definitions = {name: _tidy(part) for name, part in made.pop("$defs", {}).items()}
    definitions["Limit"] = _short_forms_too(definitions["Limit"])
    definitions["Transform"] = SCHEMA
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": ID,
        "title": "Kanport mapping",
        **{key: value for key, value in _tidy(made).items() if key != "title"},
        "definitions": dict(sorted(definitions.items())),
    }


def schema_text() -> str:
    """Give the schema as the text of its file."""
    return json.dumps(mapping_schema(), indent=2, ensure_ascii=False) + "\n"


def _tidy(part: Any) -> Any:
    if isinstance(part, list):
        return [_tidy(item) for item in part]
    if not isinstance(part, dict):
        return part
    if part == SCHEMA:
        return {"$ref": "#/definitions/Transform"}
    tidied = {key: _tidy(value) for key, value in part.items() if not _is_noise(key, value)}
    if "properties" in part:
        # Keys of a mapping may be called title or default; they are no annotations.
        tidied["properties"] = {key: _tidy(value) for key, value in part["properties"].items()}
    return _ref_alone(_one_choice(tidied))


def _is_noise(key: str, value: Any) -> bool:
    # Defaults are written into the file by some editors; tables of them would be a nuisance.
    return (key == "title" and isinstance(value, str)) or (
        key == "default" and (value is None or isinstance(value, list | dict))
    )


def _short_forms_too(limit: dict[str, Any]) -> dict[str, Any]:
    about = limit.pop("description")
    return {
        "description": f"{about} Write 40, 5% or {{max: 40, share: 5}}.",
        "anyOf": [
            {"type": "integer", "minimum": 0},
            {"type": "string", "pattern": f"^{SHARE}$"},
            {**limit, "minProperties": 1},
        ],
    }


def _one_choice(part: dict[str, Any]) -> dict[str, Any]:
    """Leave out null: in a file, a key without a value is a mistake."""
    choices = part.get("anyOf")
    if not isinstance(choices, list):
        return part
    left = [choice for choice in choices if choice != {"type": "null"}]
    rest = {key: value for key, value in part.items() if key != "anyOf"}
    if len(left) == 1 and not set(left[0]) & set(rest):
        return {**left[0], **rest}
    return {**rest, "anyOf": left}


def _ref_alone(part: dict[str, Any]) -> dict[str, Any]:
    """Put a $ref into an allOf: in draft-07 all that stands beside it is ignored."""
    reference = part.get("$ref")
    if not isinstance(reference, str):
        return part
    target = {"$ref": reference.replace("#/$defs/", "#/definitions/")}
    rest = {key: value for key, value in part.items() if key != "$ref"}
    return {**rest, "allOf": [target]} if rest else target
