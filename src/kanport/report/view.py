"""The values that a report consists of, from one change to the whole `View`.

They are frozen, and sums that do not add up cannot be made. `make` computes them; the formats draw
them and count nothing themselves.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from enum import StrEnum
from typing import NamedTuple

from kanport.facts import Fact
from kanport.findings import Finding, Severity
from kanport.memory import OpenRemoval
from kanport.outcome import Approved, Outcome, Status, Tally, Verified, VerifyResult, VerifyStatus
from kanport.plan.change import Action, Change, Risk, called
from kanport.plan.model import (
    GuardVerdict,
    PlanBecause,
    PlanMapping,
    PlanServer,
    PlanSource,
    PlanUndone,
    PlanWithheld,
)
from kanport.plan.review import Review
from kanport.plan.withheld import DECIDED
from kanport.records import dataclass


class ViewKind(StrEnum):
    """What a report is about: the data, what would change, was changed, or is now."""

    VALIDATION = "validation"
    PLAN = "plan"
    RUN = "run"
    VERIFICATION = "verification"


class Level(StrEnum):
    """The weight of a sentence: fine, a note, needs attention, or stops the plan or the run."""

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
        """The number and its words, such as `3 users created`."""
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
class Ending:
    """What became of a change, or whether it holds: a status, why or what instead, good or not."""

    status: Status | VerifyStatus
    why: Fact | None
    good: bool

    @property
    def word(self) -> str:
        """What reports call the status."""
        return self.status.word

    @property
    def reason(self) -> str | None:
        """The wording of `why`; of an unchanged thing, that nothing was left to do."""
        if self.why is not None:
            return self.why.text
        return ALREADY if self.status is Status.ALREADY else None


ALREADY = "the server already had the planned state"


@dataclass(frozen=True, slots=True)
class ChangeView:
    """One change as a report shows it. `places` are the rows or cells that asked for it.

    Of many places, there are the first and how many more. `reviews` says why the change needs
    review, most severe first; `risks` are their wordings and what else to know. `target` is the
    project or the group whose access it grants, changes or revokes. It is empty if the change is
    only about `who`. `undoes` are the changes of a run that it undoes.

    A run has an outcome, a verification a verdict, a plan neither. `login` is the username of
    somebody whom the plan calls by a new one that they did not get, `group` the name of a group
    that the plan renames.
    """

    change: Change
    symbol: str
    verb: str
    target: str
    differences: tuple[Difference, ...]
    risks: tuple[str, ...]
    places: tuple[str, ...]
    outcome: Outcome | None = None
    verdict: VerifyResult | None = None
    login: str | None = None
    reviews: tuple[Review, ...] = ()
    undoes: tuple["ChangeView", ...] = ()
    group: str | None = None

    @property
    def is_removal(self) -> bool:
        """Whether the change revokes or lowers access, and needs no review for anything else."""
        return not self.reviews and Risk.ACCESS_LOST in self.change.risk

    @property
    def username(self) -> str | None:
        """What the user is called when the change comes; None where it is about no user.

        The plan's name, but for a user whose rename failed before.
        """
        return self.change.username if self.login is None else self.login

    @property
    def in_place(self) -> bool:
        """Whether the change counts: in a plan each one, else those that were made or hold."""
        return self.ending is None or self.ending.good

    @property
    def who(self) -> str:
        """Whom the change is about: a user, else a group, else a project."""
        if self.username is not None:
            return self.username
        group, project = self.group or self.change.group, self.change.project
        return group if group is not None else project or ""

    @property
    def ending(self) -> Ending | None:
        """What became of the change, in a run and in a verification; None in a plan."""
        if self.outcome is not None:
            good = self.outcome.status in (Status.DONE, Status.ALREADY)
            return Ending(self.outcome.status, self.outcome.why, good)
        if self.verdict is not None:
            so = self.verdict.standing is VerifyStatus.MATCH
            return Ending(self.verdict.standing, self.verdict.actual, so)
        return None

    @property
    def status(self) -> Status | None:
        """What became of the change, in a run."""
        return self.outcome.status if self.outcome else None


class Account(StrEnum):
    """How somebody's account stands in the end."""

    ACTIVE = "active"
    DISABLED = "disabled"
    REMOVED = "removed"
    ABSENT = "not there"


@dataclass(frozen=True, slots=True)
class AccessRow:
    """One person's role in one project, before and after; None where there is or will be none.

    `line` is the change of it, and None for a role that none is about. `moves` is True where it is
    groups that make it what it is in the end, and not this change, and `maybe` where it may be
    another role, as not all is known of groups; `either` where they may have one in the end and
    may have none. `through` are the groups that give it then, or may. Somebody whose account is
    disabled keeps the role, and cannot use it.
    """

    person: str
    name: str
    project: str
    project_id: int | None
    before: str | None
    after: str | None
    account: Account
    line: ChangeView | None = None
    maybe: bool = False
    through: tuple[str, ...] = ()
    moves: bool = False
    either: bool = False

    @property
    def change_id(self) -> str | None:
        """The id of the change."""
        return self.line.change.id if self.line is not None else None

    @property
    def reason(self) -> str:
        """Why it changes, or that it does not."""
        if not self.moves:
            return "stays as it is" if self.line is None else self.line.change.reason
        return f"through {', '.join(self.through)}" if self.through else "a group of theirs changes"


@dataclass(frozen=True, slots=True)
class RoleCount:
    """How many users have a role, before and after."""

    role: str
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class MatrixRow:
    """How many people have which role in a project; a row that does not add up cannot be made.

    `unsure` is how many of those after may have none, and `more` how many others may have one.
    """

    project: str
    project_id: int | None
    before: int
    after: int
    cells: tuple[RoleCount, ...]
    unsure: int = 0
    more: int = 0

    def __post_init__(self) -> None:
        _check(self, self.cells)

    @property
    def least(self) -> int:
        """How many people have a role after, at least."""
        return self.after - self.unsure

    @property
    def most(self) -> int:
        """How many people have a role after, at most."""
        return self.after + self.more


@dataclass(frozen=True, slots=True)
class Matrix:
    """Projects by roles, each with how many people have it, before and after; it adds up.

    Every row has a cell for each role, in the same order. `totals` are over all projects, so that a
    person counts once for each project.
    """

    roles: tuple[str, ...]
    rows: tuple[MatrixRow, ...]
    totals: tuple[RoleCount, ...]
    before: int
    after: int

    def __post_init__(self) -> None:
        _check(self, self.totals)
        _check(self, self.rows)
        for number, total in enumerate(self.totals):
            _check(total, [row.cells[number] for row in self.rows])


def _check(
    total: RoleCount | MatrixRow | Matrix, parts: Iterable[RoleCount] | Iterable[MatrixRow]
) -> None:
    counted = [(part.before, part.after) for part in parts]
    if (total.before, total.after) != (sum(b for b, _ in counted), sum(a for _, a in counted)):
        raise AssertionError(f"the access does not add up: {total}")


class RowResult(StrEnum):
    """What became of a row of the input."""

    CHANGED = "led to changes"
    NOT_MADE = "led to changes that were not made"
    SKIPPED = "skipped"
    LEFT_OUT = "left out"
    NOTHING = "led to no change"
    READ = "read"


class InputRow(NamedTuple):
    """One row of a file, or one entry of a directory, and what became of it.

    `times` is how many rows the source made of it: one for a file, and for an entry of a directory
    one for each group that it is in, where the mapping reads groups.
    """

    source: str
    place: str
    fate: RowResult
    times: int = 1
    lines: Sequence[ChangeView] = ()
    findings: Sequence[Finding] = ()


@dataclass(frozen=True, slots=True)
class PersonView:
    """All changes of one user; `name` is empty where nothing gives it.

    `username` is what they are called in the end, `earlier` what they were called before.
    """

    username: str
    name: str
    lines: tuple[ChangeView, ...]
    earlier: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Moves:
    """How many roles in a project are granted, changed and revoked."""

    granted: int = 0
    changed: int = 0
    revoked: int = 0

    @property
    def all(self) -> int:
        """Their sum."""
        return self.granted + self.changed + self.revoked


@dataclass(frozen=True, slots=True)
class Flow:
    """How the number of people with a role in a project changes; one that is wrong is refused.

    `granted` and `revoked` are those who gain their first role, or lose their last one, by a change
    of their membership; `gained` and `lost` because groups change; `removed` with their account.
    `unsure` are those whose role in the end may be another, as it may come through a group, and
    `least` and `most` how many people have a role in the end then. `through` are the people whose
    role changes because groups change, or who may get one so.
    """

    before: int
    granted: int
    gained: int
    revoked: int
    lost: int
    removed: int
    after: int
    unsure: int = 0
    through: tuple[AccessRow, ...] = ()
    least: int = -1
    most: int = -1

    def __post_init__(self) -> None:
        for name in ("least", "most"):
            if getattr(self, name) < 0:
                object.__setattr__(self, name, self.after)
        if not self.least <= self.after <= self.most:
            raise AssertionError(f"the access to a project is out of its range: {self}")
        gone = self.revoked + self.lost + self.removed
        if self.before + self.granted + self.gained - gone != self.after:
            raise AssertionError(f"the access to a project does not add up: {self}")


@dataclass(frozen=True, slots=True)
class ProjectAccess:
    """All changes of the access to one project.

    `planned` and `made` count changes of memberships, `groups_planned` and `groups_made` those of
    the access of groups; in a plan, all count as made. `unchanged` and `groups_unchanged` are how
    many of the made ones the server had before the run. `created` is 1 where the project itself is
    created. `flow` is None where the plan does not hold the access that stays.
    """

    project: str
    planned: Moves
    made: Moves
    groups_planned: Moves
    groups_made: Moves
    lines: tuple[ChangeView, ...]
    created: int = 0
    flow: Flow | None = None
    unchanged: int = 0
    groups_unchanged: int = 0


@dataclass(frozen=True, slots=True)
class GroupChanges:
    """Everything that happens to one group, its members and its access."""

    group: str
    lines: tuple[ChangeView, ...]


@dataclass(frozen=True, slots=True)
class ActionRow:
    """How many changes there are of one action and what became of them, or how many hold."""

    action: Action
    symbol: str
    label: str
    planned: int
    tally: Tally | Verified | None = None


@dataclass(frozen=True, slots=True)
class RiskRow:
    """How many changes need review for one reason; a change may need it for several."""

    risk: Review
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
class FindingGroup:
    """Findings of one code and case about one value; `text` says what is wrong with it."""

    code: str
    severity: Severity
    text: str
    value: str | None
    hint: str | None
    number: int
    places: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class UndoneRow:
    """How many changes were left undone, or are not as planned, in one way for one reason."""

    status: Status | VerifyStatus
    why: Fact
    lines: tuple[ChangeView, ...]

    @property
    def reason(self) -> str:
        """The wording of `why`."""
        return self.why.text


@dataclass(frozen=True, slots=True)
class OpenView:
    """A removal that an earlier run should have made and that is still open; its age in days."""

    removal: OpenRemoval
    days: int

    @property
    def target(self) -> str:
        """The project or group that the removal is about; empty for an account."""
        removal = self.removal
        return removal.project or (removal.group if removal.username else "")

    @property
    def who(self) -> str:
        """Whose access or account should be gone: a user, else a group."""
        return self.removal.username or self.removal.group


@dataclass(frozen=True, slots=True)
class WithheldView:
    """A removal that Kanport does not make, and the rows and entries that prevent it."""

    withheld: PlanWithheld
    line: ChangeView

    @property
    def change(self) -> Change:
        """What Kanport does not do."""
        return self.withheld.change

    @property
    def because(self) -> tuple[PlanBecause, ...]:
        """Everything that prevents it."""
        return self.withheld.because

    @property
    def since(self) -> str | None:
        """The first run (UTC, RFC 3339) that missed the user, as far as the ledger knows."""
        return self.withheld.since

    @property
    def who(self) -> str:
        """Whose access or account would end: a user, else a group."""
        change = self.change
        return called(change) or self.line.group or change.group or change.project or ""

    @property
    def places(self) -> tuple[str, ...]:
        """The rows and entries that prevent it, and how many more there are."""
        named = dict.fromkeys(str(place) for one in self.because for place in one.origin)
        more = sum(one.more for one in self.because)
        return (*named, *([f"and {more} more"] if more else ()))

    @property
    def is_open(self) -> bool:
        """Whether the input leaves it open; else the mapping excludes it or a user waits."""
        return not {one.why.code for one in self.because} <= DECIDED


@dataclass(frozen=True, slots=True)
class RunFacts:
    """Which run it is, when it was (UTC, RFC 3339), and why it stopped early if it did.

    `by` is the user and the machine that began it, `approved` the approval that it had, and
    `journal_sha256` the digest of its journal, in which each record holds the digest of the one
    before (`journal_chained`), but for journals of earlier versions.
    """

    id: str
    started_at: str
    finished_at: str | None
    stopped: Fact | None = None
    by: str = ""
    approved: Approved | None = None
    journal_sha256: str = ""
    journal_chained: bool = True


@dataclass(frozen=True, slots=True)
class Facts:
    """What the report is about: server, mapping, sources, versions and digests.

    `verified_at` is when the server was looked at (UTC, RFC 3339), in a verification; `made_by` is
    the user and the machine that made the plan, `allowed` what `--allow` let it do for one run.
    `undoes` is the run that the plan takes back, `review` the name of the access review whose
    decisions it carries out.
    """

    mapping: PlanMapping
    sources: tuple[PlanSource, ...]
    server: PlanServer | None = None
    created_at: str = ""
    kanport: str = ""
    digest: str = ""
    run: RunFacts | None = None
    verified_at: str = ""
    made_by: str = ""
    allowed: Mapping[str, int] = field(default_factory=dict)
    undoes: PlanUndone | None = None
    review: str = ""


@dataclass(frozen=True, slots=True)
class View:
    """One report, whole: all that any format shows.

    `lines` are the changes in the plan's order; `people`, `projects`, `groups`, `risky` and
    `undone` are the same lines grouped; `others` are those about nobody in particular, and
    `removals` those that only revoke or lower access. `sums` and
    `counts` are what stands at the end of each format. `access` is every role in the projects that
    the plan read, before and after, and `matrix` their numbers; where a plan does not tell what
    stays, `access` has the changes only, and there is no matrix.
    `rows` is what became of each row of the input, empty where a plan does not tell its rows.
    `open` are the removals that are open since an earlier run, the oldest first.
    `verdict` is the headline in short. `steps` are what to do now, and the last of them
    are `next_steps`: if possible commands, which only the command knows that makes the report.
    """

    kind: ViewKind
    title: str
    level: Level
    headline: str
    verdict: str
    sentences: tuple[Sentence, ...]
    facts: Facts
    summary: tuple[ActionRow, ...]
    lines: tuple[ChangeView, ...]
    people: tuple[PersonView, ...]
    projects: tuple[ProjectAccess, ...]
    risks: tuple[RiskRow, ...]
    risky: tuple[ChangeView, ...]
    guards: tuple[GuardVerdict, ...]
    findings: tuple[Finding, ...]
    finding_rows: tuple[FindingRow, ...]
    tally: Tally | None
    undone: tuple[UndoneRow, ...]
    sums: tuple[Sum, ...]
    counts: tuple[Count, ...]
    next_steps: tuple[str, ...]
    steps: tuple[str, ...]
    verified: Verified | None = None
    access: tuple[AccessRow, ...] = ()
    matrix: Matrix | None = None
    rows: Sequence[InputRow] = ()
    groups: tuple[GroupChanges, ...] = ()
    withheld: tuple[WithheldView, ...] = ()
    open: tuple[OpenView, ...] = ()

    @property
    def removals(self) -> tuple[ChangeView, ...]:
        """The changes that revoke or lower access, and need no review for anything else.

        A verification says nothing of review.
        """
        return tuple(line for line in self.lines if line.is_removal and line.verdict is None)

    @property
    def others(self) -> tuple[ChangeView, ...]:
        """The changes that are about a group or a project, and about no person."""
        return tuple(line for line in self.lines if line.change.username is None)

    @property
    def numbers(self) -> Tally | Verified | None:
        """What became of all changes, or how many hold; None where nothing was done or read."""
        return self.tally or self.verified
