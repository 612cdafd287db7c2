"""What is made of the recorded inputs is what was made of them when they were recorded.

A difference that is wanted is recorded anew with `python -m tests.recorded`; its size in the file
that holds the recordings says nothing of what changed, so look at what this test shows before.
"""

from itertools import islice

import pytest

from tests.recorded.cases import CASES
from tests.recorded.store import MOST, differences, load, record

BLOCK = 10


@pytest.mark.parametrize("first", range(0, CASES, BLOCK))
def test_what_is_made_of_the_inputs_is_what_was_recorded(first: int) -> None:
    told: list[str] = []
    for number in range(first, first + BLOCK):
        before, now = load()[number], record(number)
        if before == now:
            continue
        lines = list(islice(differences(before, now), MOST + 1))
        told.append(f"case {number} (python -m tests.recorded {number} writes its files):")
        told += [f"  {line}" for line in lines[:MOST]]
        told += ["  and more"] if len(lines) > MOST else []
    assert not told, "\n".join(told)


def test_every_case_is_recorded() -> None:
    assert len(load()) == CASES
