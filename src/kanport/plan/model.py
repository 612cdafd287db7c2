"""The plan: the ordered changes with the findings, as the plan file holds them.

The JSON is a contract: `kanport-plan/1`. Keys are only ever added.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal, NamedTuple, Protocol, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

from kanport.catalogue import FINDINGS
from kanport.errors import Exit
from kanport.facts import Fact, Pseudonym
from kanport.findings import Finding, errors_in
from kanport.mapping.limit_spec import Limits
from kanport.origin import Origin

FORMAT = "kanport-plan/1"
# What `after.password` says of a new user whom Kanboard itself makes from its own LDAP.
LDAP = "ldap"


class About(StrEnum):
    """What a change is about."""

    USER = "user"
    MEMBERSHIP = "membership"
    GROUP = "group"
    GROUP_MEMBER = "group_member"
    GROUP_ACCESS = "group_access"
    PROJECT = "project"


class Relation(NamedTuple):
    """Who or what has a role, or a place without one, and where."""

    holder: About
    target: About


RELATIONS: Mapping[About, Relation] = {
    About.MEMBERSHIP: Relation(About.USER, About.PROJECT),
    About.GROUP_MEMBER: Relation(About.USER, About.GROUP),
    About.GROUP_ACCESS: Relation(About.GROUP, About.PROJECT),
}
GROUPS_AND_PROJECTS = frozenset(About) - {About.USER, About.MEMBERSHIP}


class Action(StrEnum):
    """What a change does."""

    USER_CREATE = "user.create"
    USER_UPDATE = "user.update"
    USER_RENAME = "user.rename"
    USER_ENABLE = "user.enable"
    USER_DISABLE = "user.disable"
    USER_REMOVE = "user.remove"
    MEMBERSHIP_GRANT = "membership.grant"
    MEMBERSHIP_CHANGE = "membership.change"
    MEMBERSHIP_REVOKE = "membership.revoke"
    GROUP_CREATE = "group.create"
    GROUP_UPDATE = "group.update"
    GROUP_REMOVE = "group.remove"
    GROUP_MEMBER_ADD = "group_member.add"
    GROUP_MEMBER_REMOVE = "group_member.remove"
    GROUP_ACCESS_GRANT = "group_access.grant"
    GROUP_ACCESS_CHANGE = "group_access.change"
    GROUP_ACCESS_REVOKE = "group_access.revoke"
    PROJECT_CREATE = "project.create"

    @property
    def about(self) -> About:
        """What such a change is about."""
        return _ABOUT[self]


_ABOUT = {action: About(action.value.partition(".")[0]) for action in Action}


class Risk(StrEnum):
    """Why a change deserves a second look."""

    PRIVILEGE_RAISED = "privilege-raised"
    ADMIN_GRANTED = "admin-granted"
    ADMIN_LOST = "admin-lost"
    LOGIN_CHANGED = "login-changed"
    ACCESS_LOST = "access-lost"
    DELETES_DATA = "deletes-data"
    MAYBE_THROUGH_GROUP = "maybe-through-group"


def _finding(value: Any) -> Any:
    """Take the file's form of a finding: its severity is the catalogue's and not read back."""
    if not isinstance(value, dict):
        return value
    if value.get("code") not in FINDINGS:
        raise ValueError(f"no finding has the code {value.get('code')!r}")
    parts = {key: part for key, part in value.items() if key != "severity"}
    if "params" in parts:
        parts["params"] = Fact.from_dict(parts).params
    return parts


def _limits(limits: Limits) -> dict[str, Any]:
    return limits.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_defaults=True)


PlanLimits = Annotated[Limits, PlainSerializer(_limits, return_type=dict[str, Any])]
PlanOrigin = Annotated[Origin, PlainSerializer(Origin.to_dict, return_type=dict[str, Any])]
PlanFact = Annotated[
    Fact,
    BeforeValidator(lambda value: Fact.from_dict(value) if isinstance(value, dict) else value),
    PlainSerializer(Fact.to_dict, return_type=dict[str, Any]),
    WithJsonSchema(
        {
            "type": "object",
            "description": "A code of Kanport's catalogue with its parameters.",
            "properties": {
                "code": {"type": "string"},
                "case": {"type": "string"},
                "params": {"type": "object"},
            },
            "required": ["code"],
            "additionalProperties": False,
        }
    ),
]
PlanFinding = Annotated[
    Finding,
    BeforeValidator(_finding),
    PlainSerializer(Finding.to_dict, return_type=dict[str, Any]),
]


class Part(BaseModel):
    """A part of the plan file; unknown keys are refused, nothing changes after it is made."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Subject(Part):
    """Whom or what a change is about, as the server names it (or is to name it).

    A change of a user has `username`, of a membership `username` and `project`; of a group `group`,
    of its members `group` and `username`, of its access `group` and `project`.
    """

    username: str | None = None
    project: str | None = None
    group: str | None = None


class Side:
    """What a change says of its subject on one side: what it finds, or what it leads to.

    `values` are by name, as in the plan file; there are none where there is nothing on this side.
    """

    __slots__ = ("values",)

    def __init__(self, values: Mapping[str, Any] | None) -> None:
        self.values: Mapping[str, Any] = values or {}

    def __getitem__(self, name: str) -> str:
        """Return a text that must be there; raises KeyError where it is not."""
        return str(self.values[name])

    def _text(self, name: str) -> str | None:
        value = self.values.get(name)
        return value if isinstance(value, str) else None

    @property
    def username(self) -> str | None:
        """The username, of a user who is created, renamed or removed."""
        return self._text("username")

    @property
    def role(self) -> str | None:
        """The role: of a user, in a project, or of a group in a project."""
        return self._text("role")

    @property
    def name(self) -> str | None:
        """The name of a person, a group or a project."""
        return self._text("name")

    @property
    def identifier(self) -> str | None:
        """The identifier of a project."""
        return self._text("identifier")

    @property
    def owner(self) -> str | None:
        """The username of the owner of a project."""
        return self._text("owner")

    @property
    def fields(self) -> Mapping[str, str | bool]:
        """The fields of a user, without where the password comes from."""
        return {name: value for name, value in self.values.items() if name != "password"}

    @property
    def random_password(self) -> bool:
        """Whether a new user gets a random password."""
        return self._text("password") == "random"

    @property
    def ldap_password(self) -> bool:
        """Whether Kanboard makes a new user from its own LDAP."""
        return self._text("password") == LDAP

    @property
    def cell_password(self) -> bool:
        """Whether the password of a new user stands in a cell of a source."""
        return isinstance(self.values.get("password"), Mapping)


class _Change(Protocol):
    @property
    def action(self) -> Action: ...
    @property
    def username(self) -> str: ...
    @property
    def before(self) -> Mapping[str, Any] | None: ...
    @property
    def after(self) -> Mapping[str, Any] | None: ...


class TwoSides:
    """What a change and its draft have in common: two sides that are there even if empty."""

    __slots__ = ()

    @property
    def about(self: _Change) -> About:
        """What the change is about."""
        return self.action.about

    @property
    def old(self: _Change) -> Side:
        """What the change finds."""
        return Side(self.before)

    @property
    def new(self: _Change) -> Side:
        """What the change leads to."""
        return Side(self.after)

    @property
    def new_username(self: _Change) -> str:
        """The username that the user has after the change."""
        new = Side(self.after).username
        # An empty username is one, too.
        return self.username if new is None else new


class Change(Part, TwoSides):
    """One thing to do.

    `before` and `after` hold only what the change is about: for `user.update` the fields that
    differ, for a membership `role`; code reads them through `old` and `new`. `before` is None for
    what does not exist yet, `after` for what is to be gone. `user_id`, `project_id` and `group_id`
    are None where they are known after apply, and where the change is not about such a thing.
    `reason` is the wording of `why`, which plans of earlier versions do not have.
    """

    id: str = Field(pattern=r"^c\d{4,}$")
    action: Action
    subject: Subject
    user_id: int | None = None
    project_id: int | None = None
    group_id: int | None = None
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    reason: str
    why: PlanFact | None = None
    risk: tuple[Risk, ...] = ()
    origin: tuple[PlanOrigin, ...] = ()

    @property
    def username(self) -> str:
        """The user that it is about; empty for a change that is about no user."""
        return self.subject.username or ""


class PlanBecause(Part):
    """What prevents a removal: the fact, and the rows and entries that it follows from.

    `message` is the wording of `why`, `more` how many places there are beyond those in `origin`.
    """

    message: str
    why: PlanFact
    origin: tuple[PlanOrigin, ...] = ()
    more: int = 0

    def masked(self, pseudonym: Pseudonym, place: Callable[[Origin], Origin]) -> Self:
        """Return the same with pseudonyms in the fact and masked places."""
        why = self.why.masked(pseudonym)
        origin = tuple(map(place, self.origin))
        return self.model_copy(update={"message": why.text, "why": why, "origin": origin})


class PlanWithheld(Part):
    """A removal that Kanport does not make, and everything that prevents it.

    The fields are those of a change. The username is `#` and the id of a user who could not be
    read. `since` is the run (UTC, RFC 3339) that was the first to miss the user; None where the
    ledger knows of none.
    """

    action: Action
    subject: Subject
    user_id: int | None = None
    project_id: int | None = None
    group_id: int | None = None
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    since: str | None = None
    because: tuple[PlanBecause, ...] = ()


class PlanServer(Part):
    """The server that the plan was made for."""

    url: str
    version: str = ""


class PlanMapping(Part):
    """The mapping that the plan was made with; `path` as it was given.

    `ledger` is the path of its ledger, relative to the mapping.
    """

    path: str
    name: str | None = None
    sha256: str
    ledger: str | None = None


class PlanIdentity(Part):
    """Whom a stable id means once the plan is carried out; recorded in the ledger.

    `user_id` is None for somebody whom the plan creates.
    """

    id: str
    username: str
    user_id: int | None = None


class PlanEntry(Part):
    """An entry of a directory that somebody's access depends on; recorded in the ledger.

    `username` is that of a person; `projects` and `groups` are what the members of a group are in
    because of it.
    """

    source: str
    dn: str
    username: str | None = None
    projects: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


class PlanAbsence(Part):
    """What the sources say of somebody's absence; recorded in the ledger.

    missing: they are provably in no source. back: the ledger has them as missing, and a source
    names them again. enabled: the ledger has them as disabled by Kanport, and they are enabled, so
    somebody did that by hand. `active` is whether they were enabled when the plan was made.
    """

    user_id: int
    username: str
    state: Literal["missing", "back", "enabled"]
    active: bool


class PlanNamed(Part):
    """What of the server the sources name, by id; recorded in the ledger.

    `gone_projects` and `gone_groups` are the ids of what the ledger knows and the server lacks.
    """

    projects: dict[int, str] = {}
    groups: dict[int, str] = {}
    gone_projects: tuple[int, ...] = ()
    gone_groups: tuple[int, ...] = ()


class PlanRows(Part):
    """Which rows of a file or a sheet were read, as spans such as `2-48,50`, or which entries.

    `entries` says for each entry of a directory how many rows were made of it.
    """

    file: str | None = None
    sheet: str | None = None
    rows: str | None = Field(
        None, pattern=r"^[0-9]{1,9}(-[0-9]{1,9})?(,[0-9]{1,9}(-[0-9]{1,9})?)*$"
    )
    entries: dict[str, int] | None = None


class PlanDirectory(Part):
    """What a directory told besides its rows; the ledger keeps it of the last good run.

    `asked` are the attributes that decide a computed column (`active`), `seen` those of them that
    some entry has, `proven` those that every entry without them provably lacks. `had` are the
    entries (hashes) that have an attribute, where the server cannot prove that others lack it.
    `sure` is False where the source is in doubt, so that the run does not count as a good one.
    """

    asked: tuple[str, ...] = ()
    seen: tuple[str, ...] = ()
    proven: tuple[str, ...] = ()
    referrals: tuple[str, ...] = ()
    server: str = ""
    first: str = Field("", description="The server that the mapping names first.")
    marks: dict[str, str] = Field({}, description="How new the data of the server are.")
    newest: str = Field("", description="The latest change of an entry that was read.")
    older: str = Field("", description="Why the data may be older than in the last good run.")
    had: dict[str, tuple[str, ...]] = {}
    sure: bool = True


class PlanSource(Part):
    """A source that the plan was made from; `path` relative to the mapping, `size` in bytes.

    `columns` are those columns or attributes that held anything. `modified_at` is when a file was
    changed last (UTC, RFC 3339), as its file system said.
    """

    name: str
    type: str
    path: str
    sha256: str
    size: int
    rows: int
    columns: tuple[str, ...] = ()
    modified_at: str | None = None
    read: tuple[PlanRows, ...] = Field((), description="Which rows these are.")
    directory: PlanDirectory | None = None


class PlanMove(Part):
    """Somebody's role in a project that becomes another one because their groups change.

    `before` and `after` are None for no access, `through` are the groups that give it then. `sure`
    is False where they may have a direct role as well, or where a group's role is not known.
    """

    username: str
    before: str | None = None
    after: str | None = None
    through: tuple[str, ...] = ()
    sure: bool = True


class PlanAccess(Part):
    """Who has which role in a project whose members were read, beside what changes.

    `kept` are the roles, by username, that the plan leaves as they are; `removed` are those that go
    with accounts that the plan removes, `moved` those that move with groups, and `held` those that
    people have, through groups, to whom a change grants a direct one. Other roles may be direct or
    come through a group. `project_id` is None for a project that the plan creates.
    """

    project: str
    project_id: int | None = None
    kept: dict[str, str] = {}
    removed: dict[str, str] = {}
    moved: tuple[PlanMove, ...] = ()
    held: dict[str, str] = {}


class PlanPerson(Part):
    """What the server calls somebody of whom the plan speaks, and whether they are disabled."""

    username: str
    name: str | None = None
    disabled: bool | None = None


class GuardVerdict(Part):
    """What a guard says of the plan; a tripped one stops the plan before the first write.

    `lifted` is True for one that `--allow` overrides for this run. `message` and
    `hint` are the wording of `why`, whose code is the guard's name; verdicts of earlier versions
    have none.
    """

    guard: str
    tripped: bool
    message: str
    hint: str | None = None
    lifted: bool = False
    why: PlanFact | None = None

    @classmethod
    def of(cls, why: Fact, *, tripped: bool = False, lifted: bool = False) -> Self:
        """Return the verdict that a fact of the catalogue words."""
        return cls(
            guard=why.code, tripped=tripped, message=why.text, hint=why.hint, lifted=lifted, why=why
        )

    @property
    def standing(self) -> Literal["stopped", "overridden", "passed"]:
        """What came of the guard, in a word."""
        return "stopped" if self.tripped else "overridden" if self.lifted else "passed"

    def masked(self, pseudonym: Pseudonym) -> Self:
        """Return the verdict with a pseudonym in place of each personal parameter of `why`."""
        if self.why is None:
            return self
        why = self.why.masked(pseudonym)
        return self.model_copy(update={"message": why.text, "hint": why.hint, "why": why})


def blocking(verdicts: Iterable[GuardVerdict]) -> tuple[GuardVerdict, ...]:
    """Return the verdicts that stop a plan or a change; nothing else decides that."""
    return tuple(verdict for verdict in verdicts if verdict.tripped)


class Plan(Part):
    """The ordered changes with the findings, bound to the server and the inputs.

    `created_at` is in UTC (RFC 3339), `made_by` is the user and the machine that made it, as its
    system names them. `digest` is the SHA-256 of the plan without these two and itself: what is to
    be done is the same whoever planned it, and whenever; see `kanport.plan.plan_file`.
    """

    format: Literal["kanport-plan/1"] = "kanport-plan/1"
    created_at: str
    made_by: str | None = None
    kanport: str = Field(description="The version of Kanport that made the plan.")
    server: PlanServer
    mapping: PlanMapping
    sources: tuple[PlanSource, ...] = ()
    summary: dict[str, int] = Field({}, description="How many changes there are of each action.")
    unchanged: dict[str, int] = Field(
        {}, description="How many users and memberships are already as they should be."
    )
    guards: tuple[GuardVerdict, ...] = ()
    allowed: dict[str, int] = Field(
        {}, description="What was allowed for this run beyond the limits, and up to which number."
    )
    min_admins: int = Field(
        1, description="So many active administrators stay, also by the time it is carried out."
    )
    protect: tuple[str, ...] | None = Field(
        None, description="Names or patterns of accounts that are never touched."
    )
    limits: PlanLimits | None = Field(
        None,
        description="The limits of the mapping, which are checked again before the first write;"
        " missing where a plan is not held to them.",
    )
    changes: tuple[Change, ...] = ()
    findings: tuple[PlanFinding, ...] = ()
    withheld: tuple[PlanWithheld, ...] | None = Field(
        None,
        description="All removals that are not made, and why; missing where a plan does not tell.",
    )
    identities: tuple[PlanIdentity, ...] = ()
    absences: tuple[PlanAbsence, ...] = ()
    entries: tuple[PlanEntry, ...] | None = Field(
        None, description="What is known of directories; missing where nothing is to be recorded."
    )
    access: tuple[PlanAccess, ...] | None = Field(
        None, description="The access that stays as it is; missing where a plan does not tell it."
    )
    people: tuple[PlanPerson, ...] = ()
    named: PlanNamed | None = Field(
        None, description="What the sources name; missing where the mapping keeps no ledger."
    )
    digest: str = ""

    @property
    def blocked_by(self) -> tuple[GuardVerdict, ...]:
        """The verdicts that stop the plan before the first write; empty where it may run."""
        return blocking(self.guards)

    @property
    def exit_code(self) -> Exit:
        """The exit code of the command line: a guard that stops the plan, then skipped rows."""
        if self.blocked_by:
            return Exit.GUARD
        return Exit.PARTIAL if any(errors_in(self.findings)) else Exit.OK

    def only(self, wanted: Callable[[Change], bool]) -> Self:
        """Return an extract with the changes for which `wanted` is true, for reports.

        `apply` refuses an extract: what it leaves out may be what the rest depends on.
        """
        changes = tuple(filter(wanted, self.changes))
        summary = Counter(str(change.action) for change in changes)
        return self.model_copy(
            update={
                "changes": changes,
                "summary": {name: summary[name] for name in self.summary if name in summary},
                # Access before and after is the sum of all changes.
                "access": None,
                "digest": "",
            }
        )
