"""Values are dataclasses that are quick to make, both the classes and what is made of them."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass
else:
    import dataclasses

    def dataclass(cls: type | None = None, /, **options: Any) -> Any:
        """Return a class as a dataclass, or the decorator; `frozen` is for the type checker only.

        That finds each line that would change a value. Python would set each field of a frozen one
        through `object.__setattr__`, three times as slow as an assignment, of which there are
        millions. And it would compile three more methods for each of two hundred classes, a tenth
        of what starting takes: two that refuse changes, and one that shows a value.
        """
        if cls is None:
            return lambda decorated: dataclass(decorated, **options)
        frozen, eq = options.pop("frozen", False), options.get("eq", True)
        own = "__repr__" in vars(cls)
        made = dataclasses.dataclass(cls, unsafe_hash=frozen and eq, repr=False, **options)
        if not own:
            made.__repr__ = _shown
        return made

    def _shown(value: Any) -> str:
        parts = (one for one in dataclasses.fields(value) if one.repr)
        texts = (f"{one.name}={getattr(value, one.name)!r}" for one in parts)
        return f"{type(value).__qualname__}({', '.join(texts)})"


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
