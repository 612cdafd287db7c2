"""Values are dataclasses that are quick to make, both the classes and what is made of them."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    import dataclasses

    def dataclass(
        cls: type | None = None, /, *, frozen: bool = False, eq: bool = True, **options: Any
    ) -> Any:
        """Return a class as a dataclass, or the decorator; `frozen` is for the type checker only.

        That finds each line that would change a value. Python would set each field of a frozen one
        through `object.__setattr__`, three times as slow as an assignment, of which there are
        millions, and would compile two more methods for each of two hundred classes.
        """
        return dataclasses.dataclass(cls, eq=eq, unsafe_hash=frozen and eq, **options)


@contextmanager
def rarely_collected() -> Iterator[None]:
    """Make Python look for cycles of garbage less often.

    A run makes many small values that all live to its end. Looking through them again and again
    takes up to 40% of the time of a large plan, and a fifth of the CPU of a large run.
    """
    before = gc.get_threshold()
    gc.set_threshold(200_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*before)


__all__ = ["dataclass", "rarely_collected"]
