"""`kanport schema` gives the schema of each kind of file that Kanport reads or writes."""

import json

import pytest
from jsonschema import Draft202012Validator

from tests.support.command_line import Kanport


@pytest.mark.parametrize(
    ("options", "word"),
    [([], "sources"), (["--plan"], "kanport-plan/1"), (["--report"], "kanport-report/1")],
)
def test_each_schema_is_one_and_is_that_of_its_file(
    kanport: Kanport, options: list[str], word: str
) -> None:
    told = kanport("schema", *options)
    assert told.code == 0, told
    schema = json.loads(told.out)
    Draft202012Validator.check_schema(schema)
    assert word in json.dumps(schema)
