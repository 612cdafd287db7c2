"""What a report is made of: frozen values in which every number has been computed once.

Renderers draw these and count nothing themselves, so no two formats can disagree.
"""

from dataclasses import dataclass
from enum import StrEnum

from kanport.findings import Finding, Severity
from kanport.outcome import Outcome, Status, Tally
from kanport.plan.model import (
    Action,
    Change,
    GuardVerdict,
    PlanMapping,
    PlanServer,
    PlanSource,
    Risk,
)


class ViewKind(StrEnum):
    """What is told: what the data are like, what would change, or what was changed."""

    VALIDATION = "validation"
    PLAN = "plan"
    RUN = "run"


class Level(StrEnum):
    """How a sentence is meant: all is well, worth knowing, look at it, or it stops here."""

    GOOD = "good"
    NOTE = "note"
    LOOK = "look"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Sentence:
    """One of the few sentences at the top, which a reader in a hurry takes away."""

    level: Level
    text: str


@dataclass(frozen=True, slots=True)
class Count:
    """A number with a stable key, and the words that go with just this number."""

    key: str
    number: int
    label: str

    @property
    def text(self) -> str:
        """The number and its words, such as `3 people created`."""
        return f"{self.number} {self.label}"


@dataclass(frozen=True, slots=True)
class Sum:
    """A total with the parts that it is made of; a sum that is wrong cannot be made."""

    total: Count
    parts: tuple[Count, ...]

    def __post_init__(self) -> None:
        if self.total.number != sum(part.number for part in self.parts):
            raise AssertionError(f"the counts do not add up: {self}")

    @property
    def text(self) -> str:
        """The sum as an equation, such as `3 findings = 1 error + 2 warnings + 0 notes`."""
        parts = " + ".join(part.text for part in self.parts)
        return f"{self.total.text} = {parts}" if parts else self.total.text


@dataclass(frozen=True, slots=True)
class Difference:
    """One field of a change; None where there is or will be nothing."""

    field: str
    label: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class Line:
    """One change as it is told. `places` are the rows or cells that asked for it."""

    change: Change
    symbol: str
    verb: str
    target: str
    differences: tuple[Difference, ...]
    risks: tuple[str, ...]
    places: tuple[str, ...]
    outcome: Outcome | None = None

    @property
    def status(self) -> Status | None:
        """What became of the change, in a run."""
        return self.outcome.status if self.outcome else None


@dataclass(frozen=True, slots=True)
class Person:
    """Everything that happens to one person; `name` is empty where the changes don't tell it."""

    username: str
    name: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class ProjectAccess:
    """Everything that happens to the access to one project."""

    project: str
    granted: int
    changed: int
    revoked: int
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class ActionRow:
    """How many changes there are of one action and, in a run, what became of them."""

    action: Action
    symbol: str
    label: str
    planned: int
    tally: Tally | None = None


@dataclass(frozen=True, slots=True)
class RiskRow:
    """How many changes carry one risk; a change may carry several."""

    risk: Risk
    label: str
    number: int


@dataclass(frozen=True, slots=True)
class FindingRow:
    """How many findings there are of one code."""

    code: str
    severity: Severity
    about: str
    number: int


@dataclass(frozen=True, slots=True)
class UndoneRow:
    """How many changes were left undone in one way for one reason."""

    status: Status
    reason: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class RunFacts:
    """Which run is told, when it was (UTC, RFC 3339), and why it stopped early if it did."""

    id: str
    started_at: str
    finished_at: str | None
    stopped: str | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What the report is about: server, mapping, sources, versions and digests."""

    mapping: PlanMapping
    sources: tuple[PlanSource, ...]
    server: PlanServer | None = None
    created_at: str = ""
    kanport: str = ""
    digest: str = ""
    run: RunFacts | None = None


@dataclass(frozen=True, slots=True)
class View:
    """One report, whole: all that any format shows.

    `lines` are the changes in the plan's order; `people`, `projects`, `risky` and `undone` are the
    same lines grouped. `sums` and `counts` are what stands at the end of each format.
    """

    kind: ViewKind
    title: str
    level: Level
    headline: str
    sentences: tuple[Sentence, ...]
    facts: Facts
    summary: tuple[ActionRow, ...]
    lines: tuple[Line, ...]
    people: tuple[Person, ...]
    projects: tuple[ProjectAccess, ...]
    risks: tuple[RiskRow, ...]
    risky: tuple[Line, ...]
    guards: tuple[GuardVerdict, ...]
    findings: tuple[Finding, ...]
    finding_rows: tuple[FindingRow, ...]
    tally: Tally | None
    undone: tuple[UndoneRow, ...]
    sums: tuple[Sum, ...]
    counts: tuple[Count, ...]
    next_steps: tuple[str, ...]
