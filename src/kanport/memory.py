"""What is remembered between runs, as values; the ledger keeps them. Pure, no I/O.

What is remembered never proves anything by itself: it is only ever believed where the server
agrees, and without it nothing is taken away.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from kanport.model import Identity


@dataclass(frozen=True, slots=True)
class SourceMemory:
    """What a source looked like in the last good run: its rows, and its columns or attributes."""

    rows: int
    columns: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class GoodRun:
    """The last run that ended with nothing left to do; `finished_at` in UTC (RFC 3339)."""

    run_id: str
    finished_at: str
    sources: Mapping[str, SourceMemory] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Absence:
    """Since when somebody is provably in no source.

    `since` is the time of the first run that missed them (UTC, RFC 3339), `runs` how many runs in a
    row did. `disabled_at` is when Kanport disabled them for it; None where it did not.
    """

    since: str
    runs: int
    disabled_at: str | None = None


@dataclass(frozen=True, slots=True)
class Memory:
    """What the ledger of a mapping knows of one server.

    `identities` is whom each stable id meant when last seen. `users` are the ids of the users that
    Kanport created or was told to adopt, `grants` the pairs of user id and project id of the
    memberships that it granted or was told to adopt. `absent` is by user id. `through_group` are
    pairs of user id and project id where access was found to come through a group, with the role
    that it gave: a change there cannot take effect, and is not planned again. `group_access` is the
    role that Kanport gave a group, by group id and project id: the server cannot list it.
    """

    identities: Mapping[str, Identity] = field(default_factory=dict)
    users: frozenset[int] = frozenset()
    grants: frozenset[tuple[int, int]] = frozenset()
    absent: Mapping[int, Absence] = field(default_factory=dict)
    last_good: GoodRun | None = None
    through_group: Mapping[tuple[int, int], str] = field(default_factory=dict)
    group_access: Mapping[tuple[int, int], str] = field(default_factory=dict)


NOTHING = Memory()
