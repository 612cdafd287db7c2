"""The public names of `kanport`: all of them documented, typed, and cheap to import."""

import inspect
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import kanport
from kanport import errors

FUNCTIONS = ("read", "connect", "plan", "apply", "sync", "resume", "undo", "verify", "render")
VALUES = ("Client", "Inputs", "Options", "Plan", "Result", "Verification", "__version__")
ERRORS = (
    *("KanportError", "UsageError", "GuardTripped", "SourceInvalid", "ConfigInvalid"),
    *("Unreachable", "LockHeld", "PlanStale", "Exit"),
)


def test_the_public_names_are_these() -> None:
    assert sorted(kanport.__all__) == sorted((*FUNCTIONS, *VALUES, *ERRORS))
    assert set(kanport.__all__) <= set(dir(kanport))
    for name in kanport.__all__:
        assert getattr(kanport, name) is not None


def test_another_name_is_no_attribute() -> None:
    with pytest.raises(AttributeError, match="no attribute 'aply'"):
        kanport.aply  # type: ignore[attr-defined]  # noqa: B018
    assert not hasattr(kanport, "alone")


@pytest.mark.parametrize("name", ["plan", "apply"])
def test_a_function_keeps_its_name_from_the_package_of_the_same_name(name: str) -> None:
    package = __import__(f"kanport.{name}.model" if name == "plan" else "kanport.apply.executor")
    assert package is kanport
    assert isinstance(sys.modules[f"kanport.{name}"], ModuleType)
    assert inspect.isfunction(getattr(kanport, name))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_documents_each_argument_and_error(name: str) -> None:
    function = getattr(kanport, name)
    doc = inspect.getdoc(function) or ""
    signature = inspect.signature(function)
    arguments = doc.partition("Args:")[2].partition("Raises:")[0]
    for parameter in signature.parameters.values():
        assert parameter.annotation is not inspect.Parameter.empty
        assert re.search(rf"^    {parameter.name}: ", arguments, re.M), parameter.name
    assert signature.return_annotation is not inspect.Signature.empty
    raised = re.findall(r"^    (\w+): ", doc.partition("Raises:")[2], re.M)
    assert raised
    for one in raised:
        assert issubclass(getattr(errors, one), kanport.KanportError), one
        assert one in kanport.__all__


def test_every_error_has_its_exit_code() -> None:
    codes = {name: getattr(kanport, name).exit_code for name in ERRORS if name != "Exit"}
    del codes["KanportError"]
    assert len(set(codes.values())) == len(codes)


def test_the_guide_says_the_exit_code_of_every_error() -> None:
    text = (Path(__file__).parents[1] / "samples" / "python" / "README.md").read_text("utf-8")
    said = dict(re.findall(r"`(\w+)`\s(\d+)[,.]", text.partition("Every error is a")[2]))
    codes = {name: str(int(getattr(kanport, name).exit_code)) for name in ERRORS if name != "Exit"}
    del codes["KanportError"]
    assert said == codes


def test_importing_kanport_loads_nothing_heavy() -> None:
    code = (
        "import sys, kanport\n"
        "assert kanport.__version__\n"
        "print([name for name in sys.modules if name.startswith('kanport.') or name in"
        " ('pandas', 'pydantic', 'httpx', 'click', 'openpyxl', 'rich')])\n"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"
