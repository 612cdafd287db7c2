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
    """What the sources gave that can be used, by source and by number of the item that asks for it.

    `people` counts the users by source. `access` counts the memberships by the source of the cells
    that ask for them. `scope` are the ids of the projects in which others may lose access.
    """

    people: Mapping[str, int] = field(default_factory=dict)
    access: Mapping[str, int] = field(default_factory=dict)
    scope: frozenset[int] = frozenset()

    @classmethod
    def of(
        cls,
        people: Iterable[Iterable[Origin]],
        access: Iterable[Iterable[Origin]],
        scope: Iterable[int],
    ) -> "Usable":
        """Count by source; each person and each membership is given by the places it came from."""
        return cls(_by_source(people), _by_source(access), frozenset(scope))


def _by_source(things: Iterable[Iterable[Origin]]) -> Counter[str]:
    return Counter(source for places in things for source in {place.source for place in places})


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
