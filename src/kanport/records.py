"""Values of which there are half a million: dataclasses that are quick to make.

A frozen dataclass sets each field through `object.__setattr__`, which takes three times as long as
an assignment. A `record` is frozen for the type checker only, which finds each line that would
change one; otherwise it is a dataclass, equal and hashed by its fields.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as record
else:
    from dataclasses import dataclass

    def record(*, frozen: bool, **options: Any) -> Any:
        """Return the decorator for a record; the options are those of `dataclass`."""
        return dataclass(**options, unsafe_hash=frozen)


@contextmanager
def rarely_collected() -> Iterator[None]:
    """Let Python look for cycles of garbage less often.

    A run makes many small values that all live to its end. Looking through them again and again
    takes up to 40% of the time of a large plan, and a fifth of the CPU of a large run.
    """
    before = gc.get_threshold()
    gc.set_threshold(200_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)


__all__ = ["rarely_collected", "record"]
