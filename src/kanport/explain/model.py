"""What an explanation is made from, and what it consists of."""

from collections.abc import Mapping
from dataclasses import dataclass

from kanport.findings import Finding
from kanport.mapping import LoadedMapping
from kanport.memory import NOTHING, LedgerState
from kanport.model import (
    CurrentState,
    DesiredRelation,
    DesiredState,
    DesiredUser,
    Project,
    ProjectIndex,
    User,
)
from kanport.normalize.trace import Trace
from kanport.origin import Origin
from kanport.plan.change import Change
from kanport.plan.matching import numbers_are_ids
from kanport.plan.model import Plan
from kanport.table import Table


@dataclass(frozen=True, slots=True)
class Known:
    """The mapping, the rows, what they ask for, and what the server has.

    Without a server `plan` and `current` are None. `findings` are those of the input.
    """

    mapping: LoadedMapping
    tables: Mapping[str, Table]
    desired: DesiredState
    findings: tuple[Finding, ...]
    plan: Plan | None = None
    current: CurrentState | None = None
    memory: LedgerState = NOTHING

    @property
    def project_index(self) -> ProjectIndex[Project]:
        """The projects of the server, by whatever the sources may call them; none without one."""
        index = ProjectIndex.of(()) if self.current is None else self.current.project_index
        return index.with_numbers(numbers_are_ids(self.mapping.spec))

    @property
    def all_findings(self) -> tuple[Finding, ...]:
        """What was found: by the plan, which has those of the input too, or of the input alone."""
        return self.plan.findings if self.plan is not None else self.findings


@dataclass(frozen=True, slots=True)
class ExplainedRow:
    """A row and how it was read.

    `part` is the place of the mapping that reads it, `traces` how each rule did, by name.
    `password` is the place of a password, which is never shown. `findings` are about this row.
    """

    part: str
    source: str
    origin: Origin
    traces: tuple[tuple[str, Trace], ...]
    password: Origin | None = None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Access:
    """One role in one project: who wants it from where, and who has it."""

    username: str
    project: str
    wanted: str | None = None
    origins: tuple[Origin, ...] = ()
    held: str | None = None


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything about one person, or one project.

    `asked` is what was asked for. `wanted` is the person as the sources want them, `user` as the
    server has them, `groups` the groups that they are in there. `reasons` say in sentences why
    something changes or nothing does. `offline` is True where no server was asked.
    """

    kind: str
    asked: str
    found: tuple[str, ...]
    rows: tuple[ExplainedRow, ...]
    wanted: DesiredUser | None
    memberships: tuple[DesiredRelation, ...]
    user: User | None
    access: tuple[Access, ...]
    groups: tuple[str, ...]
    changes: tuple[Change, ...]
    findings: tuple[Finding, ...]
    reasons: tuple[str, ...]
    offline: bool
