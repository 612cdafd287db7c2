"""`kanport --help` answers at once: nothing heavy is imported for it."""

import subprocess
import sys

import pytest

from kanport.cli import COMMANDS

HEAVY = {"pandas", "openpyxl", "httpx", "pydantic", "rich", "ldap3", "regex", "ruamel", "sqlite3"}


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], *([name, "--help"] for name in COMMANDS)]
)
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    code = (
        "import sys\n"
        "from kanport.cli import cli\n"
        f"cli({arguments!r}, standalone_mode=False)\n"
        "print(sorted({name.partition('.')[0] for name in sys.modules}), file=sys.stderr)\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    imported = set(eval(ended.stderr.splitlines()[-1]))  # noqa: S307 - our own list of names
    assert "click" in imported
    assert not imported & HEAVY


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_an_example(name: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "kanport", name, "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Example:" in ended.stdout
    assert f"  kanport {name}" in ended.stdout or f"kanport --quiet {name}" in ended.stdout
