"""Settings in layers: a flag beats the environment, which beats the file, which beats the default.

One setting has one name everywhere: `--batch-size`, KANPORT_BATCH_SIZE and `batch_size`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

from kanport.config.file import NAME, NOTHING, Configuration

T = TypeVar("T")


@dataclass(frozen=True)
class Setting(Generic[T]):
    """One setting: its name, what its values mean, and what counts where nobody gives one.

    `read` gives the value for what was given, by whatever name it was; it raises ConfigInvalid.
    `default_is` says in words what is done without a value.
    """

    key: str
    read: Callable[[Any, str], T]
    default: T | None = None
    default_is: str = ""

    @property
    def flag(self) -> str:
        """The name on the command line."""
        return f"--{self.key.replace('_', '-')}"

    @property
    def variable(self) -> str:
        """The name in the environment."""
        return f"KANPORT_{self.key.upper()}"


class Sourced(NamedTuple, Generic[T]):
    """A value, and where it came from, in words for messages."""

    value: T
    origin: str


@dataclass(frozen=True)
class Layers:
    """What flags, environment and configuration file say; an empty text counts as not given."""

    flags: Mapping[str, Any]
    environ: Mapping[str, str]
    file: Configuration = field(default=NOTHING)

    def take(self, setting: Setting[T]) -> Sourced[T | None]:
        """Return a setting with its origin, or its default.

        Raise ConfigInvalid for an invalid value.
        """
        flag = self.flags.get(setting.key)
        # A switch that is not there comes as False.
        if flag is not None and flag is not False and flag != "":
            return Sourced(setting.read(flag, setting.flag), setting.flag)
        if text := self.environ.get(setting.variable):
            return Sourced(setting.read(text, setting.variable), setting.variable)
        if placed := self.file.values.get(setting.key):
            name = f"{setting.key} ({placed.origin})"
            return Sourced(setting.read(placed.value, name), placed.origin)
        return Sourced(setting.default, "default")

    def looked_at(self, *settings: Setting[Any]) -> tuple[str, ...]:
        """Return a line for each place that does not have the value."""
        return (
            *(f"searched {setting.flag}: not given" for setting in settings),
            *(f"searched {setting.variable}: not set" for setting in settings),
            *self.file_lines(settings[0].key),
        )

    def file_lines(self, key: str) -> tuple[str, ...]:
        """Return a line for each file that does not have the key."""
        file = self.file
        if file.path is None:
            return tuple(f"searched {place}" for place in file.looked_at)
        *before, last = file.looked_at or (str(file.path),)
        why = file.withheld.get(key, f"there is no {key}")
        where = f" in profile {file.profile} or outside" if file.profile else ""
        told = why if key in file.withheld else f"{why}{where}"
        return (*(f"searched {place}" for place in before), f"searched {last}: {told}")


__all__ = ["NAME", "Layers", "Setting", "Sourced"]
