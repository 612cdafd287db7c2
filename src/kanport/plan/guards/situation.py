"""What the guards look at: one value, so that all of them judge the same plan."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from kanport.mapping.spec import MappingFile
from kanport.memory import NOTHING, Memory
from kanport.model import CurrentState
from kanport.origin import Origin
from kanport.plan.guards.allowances import Allowances
from kanport.plan.model import Action, Change, PlanSource


@dataclass(frozen=True, slots=True)
class Usable:
    """What the sources gave that can be used.

    `numbers` counts it by kind (users, memberships, members of groups, access of groups) and
    source. `scope` are the ids of the projects in which others may lose access; `dropped_projects`
    and `dropped_groups` are the ids of those that no source names any more.
    """

    numbers: Mapping[tuple[str, str], int] = field(default_factory=dict)
    scope: frozenset[int] = frozenset()
    dropped_projects: frozenset[int] = frozenset()
    dropped_groups: frozenset[int] = frozenset()

    @classmethod
    def of(
        cls,
        kinds: Mapping[str, Iterable[Iterable[Origin]]],
        scope: Iterable[int],
        dropped_projects: frozenset[int] = frozenset(),
        dropped_groups: frozenset[int] = frozenset(),
    ) -> "Usable":
        """Count by kind and source; each thing is given by the places that it came from."""
        return cls(
            Counter(
                (kind, source)
                for kind, things in kinds.items()
                for places in things
                for source in {place.source for place in places}
            ),
            frozenset(scope),
            dropped_projects,
            dropped_groups,
        )


@dataclass(frozen=True, slots=True)
class Situation:
    """What a guard looks at.

    `memory` is what the ledger knows. `sources` are what the plan was made from, and `usable` what
    came of them; None stands for a plan that was not made from sources.
    """

    changes: tuple[Change, ...]
    current: CurrentState
    mapping: MappingFile
    memory: Memory = NOTHING
    sources: tuple[PlanSource, ...] = ()
    usable: Usable | None = None
    allowed: Allowances = field(default_factory=Allowances)

    def count(self, actions: Collection[Action]) -> int:
        """Count the changes with one of these actions."""
        return sum(change.action in actions for change in self.changes)
