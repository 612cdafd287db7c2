"""The single points at which code is changed."""

import ast
from pathlib import Path

import pytest

from tests.mutants.points import mutants_of


def changed(body: str) -> set[str]:
    source = f"def f(a, b):\n    {body}\n".encode()
    results = {mutant.applied(source).decode() for mutant in mutants_of("f.py", source)}
    return {result.split("\n", 1)[1].strip() for result in results}


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("return a == b", {"return (a != b)", "return None"}),
        ("return a and b", {"return ((a) or (b))", "return (a)", "return (b)", "return None"}),
        ("return not a", {"return bool(a)", "return None"}),
        ("a.append(b)", {"pass"}),
        ("a = b if a else 1", {"a = (1 if a else b)", "a = b if a else 2"}),
        ("a = any(b)", {"a = all(b)"}),
        ("a = True", {"a = False"}),
        ("c: int | str = 1", {"c: int | str = 2"}),
        ("a = 'ü' in b", {"a = ('ü' not in b)"}),
        ("a = f'{b} and not True'", set()),
    ],
)
def test_each_decision_of_a_statement_is_changed_once_and_no_wording(
    body: str, wanted: set[str]
) -> None:
    assert changed(body) == wanted


def test_what_is_changed_is_still_python() -> None:
    code = Path(ast.__file__).read_bytes()
    for mutant in list(mutants_of("ast.py", code))[::50]:
        ast.parse(mutant.applied(code))
