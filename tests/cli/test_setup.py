"""`kanport schema` gives the schema of each kind of file that Kanport reads or writes."""

import json
from pathlib import Path

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


def test_two_schemas_at_once_are_refused(kanport: Kanport) -> None:
    told = kanport("schema", "--plan", "--report")
    assert told.code == 2 and "--plan and --report contradict each other" in told.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["list.csv", "--encoding", "foo"], 'there is no encoding "foo"'),
        (["list.csv", "--encoding", ""], "encoding must not be empty"),
        (["book.xlsx", "--sheet", ""], "sheet must not be empty"),
        (["--ldap", "ldaps://127.0.0.1:1", "--base", ""], "base must not be empty"),
        (["--ldap", "ldaps://127.0.0.1:99999", "--base", "o=x"], "a port that cannot be"),
        (["${NOT_SET}.csv"], 'the environment variable "NOT_SET" is not set'),
    ],
)
def test_a_mistake_in_an_option_of_init_is_no_bug(
    kanport: Kanport, tmp_path: Path, options: list[str], words: str
) -> None:
    (tmp_path / "list.csv").write_bytes(b"Username;Name\r\nj\xf6rg;J\r\n")
    told = kanport("init", *options)
    assert told.code == 2 and words in told.err
    assert not (tmp_path / "mapping.yaml").exists()


def test_the_choice_of_delimiters_is_shown_as_it_is_typed(kanport: Kanport) -> None:
    assert r"is none of , ; \t |" in kanport("init", "list.csv", "--delimiter", "xx").err


def test_a_server_is_named_by_https_or_http(kanport: Kanport) -> None:
    told = kanport("state", "--url", "ftp://x")
    assert told.code == 6 and "it must begin with https://, or http:// for this machine" in told.err
