"""How much is tried at random: KANPORT_TESTS=thorough tries far more than every change needs."""

import os

THOROUGH = os.environ.get("KANPORT_TESTS") == "thorough"


def examples(usual: int, thorough: int) -> int:
    """Give how many examples to try."""
    return thorough if THOROUGH else usual
