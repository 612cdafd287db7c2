"""Help explains each command in one sentence, its arguments, and with an example."""

import re
from pathlib import Path

import click
import pytest

from kanport.cli import COMMANDS, cli
from kanport.cli.options import Command

README = Path(__file__).parents[2] / "README.md"


def command(name: str) -> click.Command:
    found = cli.get_command(click.Context(cli), name)
    assert found is not None
    return found


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_begins_with_its_line_in_the_list(name: str) -> None:
    text = (command(name).help or "").partition("\n\n")[0].replace("\n", " ")
    assert " ".join(text.split()) == COMMANDS[name]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_has_an_example_and_explains_each_argument(name: str) -> None:
    found = command(name)
    assert "Example:" in (found.help or "")
    assert isinstance(found, Command | click.Group)
    text = found.get_help(click.Context(found))
    for parameter in found.params:
        assert isinstance(parameter, click.Argument) or parameter.help
    wanted = any(isinstance(parameter, click.Argument) for parameter in found.params)
    assert ("Arguments:" in text) is wanted


def test_the_readme_lists_each_command() -> None:
    listed = re.findall(r"^\| `kanport ([a-z-]+)", README.read_text("utf-8"), re.M)
    assert set(listed) == set(COMMANDS)
