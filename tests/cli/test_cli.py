"""Help explains each command in one sentence, its arguments, and with an example."""

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from kanport.cli import COMMANDS, cli
from kanport.cli.options import NEVER_SUGGESTED, Command

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
    text = found.help or ""
    examples = sum(line.strip().startswith("kanport ") for line in text.splitlines())
    assert ("Examples:" if examples > 1 else "Example:") in text
    assert isinstance(found, Command | click.Group)
    text = found.get_help(click.Context(found))
    for parameter in found.params:
        assert isinstance(parameter, click.Argument) or parameter.help
    wanted = any(isinstance(parameter, click.Argument) for parameter in found.params)
    assert ("Arguments:" in text) is wanted


def test_the_readme_lists_each_command() -> None:
    listed = re.findall(r"^\| `kanport ([a-z-]+)", README.read_text("utf-8"), re.M)
    assert set(listed) == set(COMMANDS)


# --- `kanport --help` answers at once: nothing heavy is imported for it ---------------------------


HEAVY = {
    "pandas",
    "openpyxl",
    "httpcore",
    "httpx",
    "pydantic",
    "rich",
    "ldap3",
    "regex",
    "ruamel",
    "sqlite3",
}


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], *([name, "--help"] for name in COMMANDS)]
)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    imported = _imported_by(*arguments)
    assert "click" in imported
    assert not imported & HEAVY


def test_a_mapping_without_a_directory_imports_no_ldap3(tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text("login\nann\n")
    (tmp_path / "mapping.yaml").write_text(
        "{kanport: 1, sources: {people: {type: csv, path: people.csv}},"
        " users: {from: people, fields: {username: {from: login}}}}"
    )
    imported = _imported_by("validate", str(tmp_path / "mapping.yaml"))
    assert "pandas" in imported
    assert "ldap3" not in imported


def _imported_by(*arguments: str) -> set[str]:
    code = (
        "import sys\n"
        "from kanport.cli import cli\n"
        f"cli({arguments!r}, standalone_mode=False)\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(eval(ended.stderr.splitlines()[-1]))  # noqa: S307 - our own list of names


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example(name: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "kanport", name, "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert re.search(r"Examples?:", ended.stdout)
    assert f"  kanport {name}" in ended.stdout or f"kanport --quiet {name}" in ended.stdout


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["plna", "x.yaml"], "No such command 'plna'. Did you mean 'plan'?"),
        (["plan", "x.yaml", "--batchsize", "3"], "Did you mean '--batch-size'?"),
    ],
)
def test_a_misspelled_command_or_option_says_what_was_meant(
    arguments: list[str], told: str
) -> None:
    ended = CliRunner().invoke(cli, arguments)
    assert ended.exit_code == 2
    assert told in ended.stderr


@pytest.mark.parametrize("option", ["--allow-htp", "--alow", "--allowhttp", "--discard-password"])
def test_no_option_is_suggested_that_lowers_security(option: str) -> None:
    for command in ("plan", "apply", "sync"):
        ended = CliRunner().invoke(cli, [command, "x", option])
        assert ended.exit_code == 2
        assert not [
            one for one in NEVER_SUGGESTED if f"'{one}'" in ended.stderr.replace(option, "")
        ]


@pytest.mark.parametrize(
    "arguments",
    [
        ["evidence", "run.jsonl", "-o", "run.zip", "--signers", "signers"],
        ["evidence", "--verify", "run.zip", "--sign", "key"],
        ["state", "--journal", "run.jsonl"],
    ],
)
def test_an_option_without_effect_is_refused(arguments: list[str]) -> None:
    assert CliRunner().invoke(cli, arguments).exit_code == 2


def test_a_package_of_evidence_does_not_go_to_stdout() -> None:
    told = CliRunner().invoke(cli, ["evidence", "run.jsonl", "-o", "-"])
    assert told.exit_code == 2
    assert "stdout" in told.output
    assert "`-` is stdout" not in command("evidence").get_help(click.Context(command("evidence")))


def test_the_commands_of_a_review_are_listed_in_the_order_of_use() -> None:
    found = command("review")
    assert isinstance(found, click.Group)
    assert found.list_commands(click.Context(found)) == ["start", "status", "collect", "close"]
