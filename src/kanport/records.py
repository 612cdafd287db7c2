"""Values of which there are half a million: dataclasses that are quick to make.

A frozen dataclass sets each field through `object.__setattr__`, which takes three times as long as
an assignment. A `record` is frozen for the type checker only, which finds each line that would
change one; otherwise it is a dataclass, equal and hashed by its fields.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dataclasses import dataclass as record
else:
    from dataclasses import dataclass

    def record(*, frozen: bool, **options: Any) -> Any:
        """Return the decorator for a record; the options are those of `dataclass`."""
        return dataclass(**options, unsafe_hash=frozen)


__all__ = ["record"]
