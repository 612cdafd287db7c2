"""The architecture page names what is there: rooms, layers, and the functions of its walks."""

import importlib
import pkgutil
import re
import tomllib
from pathlib import Path

import pytest

import kanport

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "src" / "README.md").read_text("utf-8")
ROOMS = {name for _, name, _ in pkgutil.iter_modules(kanport.__path__)} - {"__main__"}
# `plan.guards.judge`, but not `kanport.toml`.
DOTTED = sorted(
    {name for name in re.findall(r"`([a-z_]+(?:\.\w+)+)`", PAGE) if name.partition(".")[0] in ROOMS}
)


def test_each_room_has_a_row() -> None:
    table = PAGE.partition("## Packages")[2].partition("## Direction")[0]
    named = {
        name
        for row in re.findall(r"^\| (`.*?) \|", table, re.M)
        for name in re.findall(r"`(\w+)`", row)
    }
    assert named == ROOMS


def test_the_layers_are_those_of_the_import_contract() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
    layers = "\n".join(contracts["contracts"][0]["layers"])
    assert f"```\n{layers}\n```" in PAGE


def test_the_walks_name_functions() -> None:
    assert len(DOTTED) > 20


@pytest.mark.parametrize("name", DOTTED)
def test_what_a_walk_names_exists(name: str) -> None:
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(["kanport", *parts[:length]]))
        except ModuleNotFoundError:
            continue
        for attribute in parts[length:]:
            found = getattr(found, attribute)
        return
    pytest.fail(f"{name} is no module")
