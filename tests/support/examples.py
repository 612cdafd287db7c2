"""How much is tried at random: KANPORT_TESTS=thorough tries far more than every change needs."""

import os
import random
from collections.abc import Sequence

THOROUGH = os.environ.get("KANPORT_TESTS") == "thorough"


def examples(usual: int, thorough: int) -> int:
    """Give how many examples to try."""
    return thorough if THOROUGH else usual


def every(step: int, numbers: Sequence[int]) -> Sequence[int]:
    """Return every second or third and so on, from a random one on; thorough, return all."""
    return numbers if THOROUGH else numbers[random.randrange(step) :: step]
