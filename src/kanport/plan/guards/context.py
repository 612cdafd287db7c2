"""What the guards look at: one value, so that all of them judge the same plan."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import field
from functools import cached_property

from kanport.mapping.spec import MappingFile
from kanport.memory import NOTHING, LedgerState
from kanport.model import CurrentState
from kanport.origin import Origin
from kanport.plan.change import Change, ChangesByAction
from kanport.plan.guards.allowances import Allowances
from kanport.plan.model import PlanAccess, PlanSource
from kanport.records import dataclass
from kanport.relations import RELATIONS


@dataclass(frozen=True, slots=True)
class SourceUsage:
    """What of the sources can be used.

    `given` are the kinds (users, memberships, members of groups, access of groups) with the
    sources that gave any. `scope` are the ids of the projects in which others may lose access;
    `dropped_projects` and `dropped_groups` are the ids of those that no source names any more.
    """

    given: frozenset[tuple[str, str]] = frozenset()
    scope: frozenset[int] = frozenset()
    dropped_projects: frozenset[int] = frozenset()
    dropped_groups: frozenset[int] = frozenset()

    @classmethod
    def of(
        cls,
        kinds: Mapping[str, Iterable[Iterable[Origin]]],
        mapping: MappingFile,
        scope: Iterable[int],
        dropped_projects: frozenset[int] = frozenset(),
        dropped_groups: frozenset[int] = frozenset(),
    ) -> "SourceUsage":
        """Return what each source gives for a plan; `kinds` are the places of things by kind.

        A hundred thousand things need not be looked at to know that there are any.
        """
        return cls(
            frozenset(
                (kind, source)
                for kind, sources in sources_by_kind(mapping).items()
                for source in _first(kinds[kind], sources)
            ),
            frozenset(scope),
            dropped_projects,
            dropped_groups,
        )


def sources_by_kind(mapping: MappingFile) -> Mapping[str, tuple[str, ...]]:
    """Return the sources that are to give something of each kind."""
    return {
        "users": mapping.users.sources if mapping.users is not None else (),
        **{
            kind.called: tuple(
                rule.from_
                for rule in getattr(mapping, kind.rules)
                # Rows of groups may name no members.
                if rule.from_ and getattr(rule, "member", True)
            )
            for kind in RELATIONS.values()
        },
    }


def _first(things: Iterable[Iterable[Origin]], sources: Iterable[str]) -> Iterator[str]:
    left = set(sources)
    for places in things if left else ():
        if found := left.intersection(place.source for place in places):
            yield from found
            left -= found
            if not left:
                return


@dataclass(frozen=True)
class GuardContext:
    """What a guard looks at.

    `memory` is what the ledger knows. `sources` are what the plan was made from, and `usable` what
    came of them; None stands for a plan that was not made from sources. `access` is what moves with
    groups beside the changes, `at` the time of the plan (UTC, RFC 3339).
    """

    changes: Collection[Change]
    current: CurrentState
    mapping: MappingFile
    memory: LedgerState = NOTHING
    sources: tuple[PlanSource, ...] = ()
    usable: SourceUsage | None = None
    allowed: Allowances = field(default_factory=Allowances)
    access: tuple[PlanAccess, ...] = ()
    at: str = ""

    @cached_property
    def by_action(self) -> ChangesByAction:
        """The changes by their action, grouped once for all guards."""
        return ChangesByAction.of(self.changes)
