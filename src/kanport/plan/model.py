"""The plan: the ordered changes with the findings, as the plan file holds them.

The JSON is a contract: `kanport-plan/1`. Keys are only ever added.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    PlainSerializer,
    WithJsonSchema,
)
from pydantic_core import core_schema

from kanport.catalogue import FINDINGS
from kanport.errors import Exit
from kanport.facts import Fact, Pseudonym
from kanport.findings import Finding, errors_in
from kanport.mapping.controls import ApprovalRules, Separation
from kanport.mapping.spec import Limits
from kanport.origin import Origin
from kanport.plan.change import (
    Action,
    Change,
    GroupChange,
    GroupSide,
    ProjectChange,
    ProjectSide,
    RelationChange,
    Risk,
    RoleSide,
    UserChange,
    UserSide,
    called,
)
from kanport.records import dataclass
from kanport.relations import RELATIONS, About

FORMAT = "kanport-plan/1"


def _finding(value: Any) -> Any:
    """Read a finding of a file; its severity comes from the catalogue, not from the file."""
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


class PlanPart(BaseModel):
    """A part of the plan file; unknown keys are refused, nothing changes after it is made."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class PlanBecause(PlanPart):
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


@dataclass(frozen=True, slots=True)
class PlanWithheld:
    """A removal that Kanport does not make, and everything that prevents it.

    `since` is the run (UTC, RFC 3339) that was the first to miss the user; None where the ledger
    knows of none. `change` has no id, and no reason: `because` says it all.
    """

    change: Change
    because: tuple[PlanBecause, ...] = ()
    since: str | None = None


# --- changes as the plan file holds them ----------------------------------------------------------


class _Subject(PlanPart):
    """Whom or what a change is about, as the server names it (or is to name it).

    A change of a user has `username`, of a membership `username` and `project`; of a group `group`,
    of its members `group` and `username`, of its access `group` and `project`.
    """

    model_config = ConfigDict(title="Subject")

    username: str | None = None
    project: str | None = None
    group: str | None = None


class _PartsInFile(PlanPart):
    """What changes and withheld removals have in common.

    `before` and `after` hold only what the change is about: for `user.update` the fields that
    differ, for a membership `role`. `before` is None for what does not exist yet, `after` for what
    is to be gone. `user_id`, `project_id` and `group_id` are None where they are known after apply,
    and where the change is not about such a thing.
    """

    action: Action
    subject: _Subject
    user_id: int | None = None
    project_id: int | None = None
    group_id: int | None = None
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None

    def change(self, **parts: Any) -> Change:
        """Return the change; raise ValueError where the parts do not belong to its action."""
        username, group, project = self.subject.username, self.subject.group, self.subject.project
        parts |= {"action": self.action}
        match self.action.about:
            case About.USER:
                return UserChange(
                    username=_there("username", username),
                    user_id=self.user_id,
                    before=None if self.before is None else UserSide.of(self.before),
                    after=None if self.after is None else UserSide.of(self.after),
                    **parts,
                )
            case About.GROUP:
                return GroupChange(
                    group=_there("group", group),
                    group_id=self.group_id,
                    before=None if self.before is None else GroupSide.of(self.before),
                    after=None if self.after is None else GroupSide.of(self.after),
                    **parts,
                )
            case About.PROJECT:
                return ProjectChange(
                    project=_there("project", project),
                    username=username,
                    user_id=self.user_id,
                    after=ProjectSide.of(self.after or {}),
                    **parts,
                )
            case about:
                for end in RELATIONS[about].ends:
                    _there(end.named_by, getattr(self.subject, end.named_by))
                return RelationChange(
                    username=username,
                    user_id=self.user_id,
                    group=group,
                    group_id=self.group_id,
                    project=project,
                    project_id=self.project_id,
                    before=None if self.before is None else RoleSide.of(self.before),
                    after=None if self.after is None else RoleSide.of(self.after),
                    **parts,
                )


def _there(name: str, value: str | None) -> str:
    if value is None:
        raise ValueError(f"the subject has no {name}")
    return value


class _ChangeInFile(_PartsInFile):
    """One thing to do.

    `reason` is the wording of `why`, which plans of earlier versions do not have.
    """

    model_config = ConfigDict(title="Change")

    id: str = Field(pattern=r"^c\d{4,}$")
    reason: str
    why: PlanFact | None = None
    risk: tuple[Risk, ...] = ()
    origin: tuple[PlanOrigin, ...] = ()

    def read(self) -> Change:
        """Return the change that it holds."""
        worded = self.why is not None and self.why.text == self.reason
        return self.change(
            id=self.id,
            why=self.why,
            wording=None if worded else self.reason,
            risk=self.risk,
            origin=self.origin,
        )


class _RemovalInFile(_PartsInFile):
    """A removal that Kanport does not make, and everything that prevents it.

    The username is `#` and the id of a user who could not be read. `since` is the run (UTC, RFC
    3339) that was the first to miss the user; None where the ledger knows of none.
    """

    model_config = ConfigDict(title="PlanWithheld")

    since: str | None = None
    because: tuple[PlanBecause, ...] = ()

    def read(self) -> PlanWithheld:
        """Return the withheld removal that it holds."""
        change = self.change()
        if isinstance(change, RelationChange) and change.username == f"#{change.user_id}":
            change = replace(change, username=None)
        return PlanWithheld(change, self.because, self.since)


def change_in_file(change: Change) -> dict[str, Any]:
    """Return a change as the plan file holds it; parts that are not set are absent."""
    parts: dict[str, Any] = {"id": change.id}
    _put_ends(change, parts)
    parts["reason"] = change.reason
    if change.why is not None:
        parts["why"] = change.why.to_dict()
    parts["risk"] = list(map(str, change.risk)) if change.risk else []
    parts["origin"] = [origin.to_dict() for origin in change.origin] if change.origin else []
    return parts


def withheld_in_file(withheld: PlanWithheld) -> dict[str, Any]:
    """Return a withheld removal as the plan file holds it; parts that are not set are absent."""
    parts: dict[str, Any] = {}
    _put_ends(withheld.change, parts)
    if withheld.since is not None:
        parts["since"] = withheld.since
    parts["because"] = [one.model_dump(mode="json", exclude_none=True) for one in withheld.because]
    return parts


def _put_ends(change: Change, parts: dict[str, Any]) -> None:
    subject: dict[str, str] = {}
    # As plain texts, whose values pydantic need not look up.
    parts["action"], parts["subject"] = str(change.action), subject
    if (username := called(change)) is not None:
        subject["username"] = username
    if change.project is not None:
        subject["project"] = change.project
    if change.group is not None:
        subject["group"] = change.group
    if change.user_id is not None:
        parts["user_id"] = change.user_id
    if change.project_id is not None:
        parts["project_id"] = change.project_id
    if change.group_id is not None:
        parts["group_id"] = change.group_id
    if change.before is not None:
        parts["before"] = change.before.values
    if change.after is not None:
        parts["after"] = change.after.values


class _InFile:
    """Has pydantic read and write values of a type as the plan file holds them."""

    def __init__(
        self,
        form: type[_ChangeInFile | _RemovalInFile],
        own: Any,
        write: Callable[[Any], dict[str, Any]],
    ) -> None:
        self.form, self.own, self.write = form, own, write

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        def read(value: Any, validate: core_schema.ValidatorFunctionWrapHandler) -> Any:
            return value if isinstance(value, self.own) else validate(value).read()

        return core_schema.no_info_wrap_validator_function(
            read,
            handler.generate_schema(self.form),
            serialization=core_schema.plain_serializer_function_ser_schema(
                self.write, return_schema=core_schema.dict_schema()
            ),
        )


PlanChange = Annotated[Change, _InFile(_ChangeInFile, Change, change_in_file)]
PlanRemoval = Annotated[PlanWithheld, _InFile(_RemovalInFile, PlanWithheld, withheld_in_file)]


# --- what a plan was made from and what it is to be remembered for --------------------------------


class PlanServer(PlanPart):
    """The server that the plan was made for."""

    url: str
    version: str = ""


class PlanMapping(PlanPart):
    """The mapping that the plan was made with; `path` as it was given.

    `ledger` is the path of its ledger, relative to the mapping.
    """

    path: str
    name: str | None = None
    sha256: str
    ledger: str | None = None


class PlanIdentity(PlanPart):
    """Whom a stable id means once the plan is carried out; recorded in the ledger.

    `user_id` is None for somebody whom the plan creates.
    """

    id: str
    username: str
    user_id: int | None = None


class PlanEntry(PlanPart):
    """An entry of a directory that somebody's access depends on; recorded in the ledger.

    `username` is that of a person; `projects` and `groups` are what the members of a group are in
    because of it.
    """

    source: str
    dn: str
    username: str | None = None
    projects: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


class PlanAbsence(PlanPart):
    """What the sources say of somebody's absence; recorded in the ledger.

    missing: they are provably in no source. back: the ledger has them as missing, and a source
    names them again. enabled: the ledger has them as disabled by Kanport, and they are enabled, so
    somebody did that by hand. `active` is whether they were enabled when the plan was made.
    """

    user_id: int
    username: str
    state: Literal["missing", "back", "enabled"]
    active: bool


class PlanNamed(PlanPart):
    """What of the server the sources name, by id; recorded in the ledger.

    `gone_projects` and `gone_groups` are the ids of what the ledger knows and the server lacks.
    """

    projects: dict[int, str] = {}
    groups: dict[int, str] = {}
    gone_projects: tuple[int, ...] = ()
    gone_groups: tuple[int, ...] = ()


class PlanRows(PlanPart):
    """Which rows of a file or a sheet were read, as spans such as `2-48,50`, or which entries.

    `entries` says for each entry of a directory how many rows were made of it.
    """

    file: str | None = None
    sheet: str | None = None
    rows: str | None = Field(
        None, pattern=r"^[0-9]{1,9}(-[0-9]{1,9})?(,[0-9]{1,9}(-[0-9]{1,9})?)*$"
    )
    entries: dict[str, int] | None = None


class PlanDirectory(PlanPart):
    """What a directory provided besides its rows; the ledger keeps it of the last good run.

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


class PlanFile(PlanPart):
    """One of several files that a source was read from, as of `PlanSource`."""

    path: str
    sha256: str
    size: int
    modified_at: str | None = None


class PlanSource(PlanPart):
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
    files: tuple[PlanFile, ...] | None = Field(
        None, description="The files, if path is a pattern; sha256 then follows from theirs."
    )
    directory: PlanDirectory | None = None


class PlanUndone(PlanPart):
    """The run that a plan undoes: its sources, and the changes that the plan's changes name.

    `made_by` is the user and the machine that made the plan of the run, `by` who began the run.
    """

    run: str
    started_at: str
    by: str = ""
    made_by: str = ""
    digest: str = Field("", description="The digest of the plan of the run.")
    sources: tuple[PlanSource, ...] = ()
    changes: tuple[PlanChange, ...] = ()


class PlanReview(PlanPart):
    """The access review whose decisions a plan carries out.

    `digest` is that of the review, `snapshot` of the access that reviewers decided about; `folder`
    is where the review was.
    """

    name: str
    folder: str
    digest: str
    snapshot: str


class PlanMove(PlanPart):
    """Somebody's role in a project that becomes another one because their groups change.

    `before` and `after` are None for no access, `through` are the groups that give it then. `sure`
    is False where they may have a direct role as well, or where a group's role is not known.
    `user_id` is None for somebody whom the plan creates, and in plans of earlier versions.
    """

    username: str
    user_id: int | None = None
    before: str | None = None
    after: str | None = None
    through: tuple[str, ...] = ()
    sure: bool = True


class PlanGiver(PlanPart):
    """A group that gives access to a project before the plan is carried out, or may give it.

    `role` is None where it is not known, nor whether the group gives any.
    """

    group_id: int
    group: str
    role: str | None = None


class PlanBasis(PlanPart):
    """What somebody's access to a project depends on before the plan is carried out.

    `role` is the role that the server lists, None for none. `direct` is True where a direct role is
    certain, False where it is certain that there is none, and None where either may be. `groups`
    are the ids of the groups that they are in and that give access, or may, before or after.
    """

    username: str
    user_id: int
    role: str | None = None
    direct: bool | None = None
    groups: tuple[int, ...] = ()


class PlanAccess(PlanPart):
    """Who has which role in a project whose members were read, beside what changes.

    `kept` are the roles, by username, that the plan leaves as they are; `removed` are those that go
    with accounts that the plan removes, `moved` those that move with groups, and `held` those that
    people have, through groups, to whom a change grants a direct one. Other roles may be direct or
    come through a group. `project_id` is None for a project that the plan creates. `basis` is of
    those whose access depends on changes of groups, also should some of these fail, and `givers`
    are the groups that it depends on; missing where none does, and in plans of earlier versions.
    """

    project: str
    project_id: int | None = None
    kept: dict[str, str] = {}
    removed: dict[str, str] = {}
    moved: tuple[PlanMove, ...] = ()
    held: dict[str, str] = {}
    basis: tuple[PlanBasis, ...] | None = None
    givers: tuple[PlanGiver, ...] | None = None


class PlanPartial(PlanPart):
    """That a plan is a part of the whole one: what was selected, and what that leaves out.

    `only` are the selections as typed. `needed` are the ids of changes that no selection names and
    that others need; `left_out` says how many changes of each action the plan lacks.
    """

    only: tuple[str, ...]
    needed: tuple[str, ...] = ()
    left_out: dict[str, int] = {}


class PlanPerson(PlanPart):
    """A user whom the plan names: username and name on the server, and whether it is disabled."""

    username: str
    name: str | None = None
    disabled: bool | None = None


class GuardVerdict(PlanPart):
    """The result of a safety check; `guard` is its name.

    `tripped` is True where it stops the plan before the first write, `lifted` where `--allow`
    overrides it for this run; else it passed. `message` and `hint` are the wording of `why`, whose
    code is the guard's name; verdicts of earlier versions have none.
    """

    guard: str
    tripped: bool
    message: str
    hint: str | None = None
    lifted: bool = False
    why: PlanFact | None = None

    @classmethod
    def of(cls, why: Fact) -> Self:
        """Return the verdict of a fact, whose case says whether it stops the plan."""
        standing = why.case.partition("-")[0]
        return cls(
            guard=why.code,
            tripped=standing in ("stopped", "exceeded"),
            message=why.text,
            hint=why.hint,
            lifted=standing == "overridden",
            why=why,
        )

    @property
    def standing(self) -> Literal["stopped", "overridden", "passed"]:
        """What came of the guard, in a word."""
        return "stopped" if self.tripped else "overridden" if self.lifted else "passed"

    @property
    def override(self) -> str:
        """What --allow needs to override the guard, such as disable=40; empty for a firm one."""
        params = dict(self.why.params) if self.why is not None else {}
        return str(params.get("option", ""))

    def masked(self, pseudonym: Pseudonym) -> Self:
        """Return the verdict with a pseudonym in place of each personal parameter of `why`."""
        if self.why is None:
            return self
        why = self.why.masked(pseudonym)
        return self.model_copy(update={"message": why.text, "hint": why.hint, "why": why})


def blocking(verdicts: Iterable[GuardVerdict]) -> tuple[GuardVerdict, ...]:
    """Return the verdicts that stop a plan or a change; nothing else decides that."""
    return tuple(verdict for verdict in verdicts if verdict.tripped)


class PlanOpen(PlanPart):
    """A removal that an earlier run should have made, and that is still not made.

    `why` says what prevented it last; `since` is when the first plan was made that should have made
    it (UTC, RFC 3339). An id is 0, and a name empty, where the removal is about no such thing.
    """

    action: str
    user_id: int = 0
    group_id: int = 0
    project_id: int = 0
    username: str = ""
    group: str = ""
    project: str = ""
    why: Literal["failed", "withheld", "through-group"]
    since: str


class PlanApproval(PlanPart):
    """Who must approve the plan before `apply` carries it out, as the mapping says.

    `planner` is the user and the machine that made it, where that user cannot approve it.
    """

    approvers: int = Field(1, ge=1)
    planner: str | None = None

    @classmethod
    def of(cls, rules: ApprovalRules | None, planner: str | None) -> Self | None:
        """Return what the rules of a mapping require of a plan that somebody made."""
        if rules is None:
            return None
        other = rules.by_other_than_planner
        return cls(approvers=rules.approvers, planner=(planner or "") if other else None)


class Plan(PlanPart):
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
        {}, description="How many users and memberships need no change."
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
    separation: tuple[Separation, ...] | None = Field(
        None, description="Roles that one user must not have together, checked again by apply."
    )
    custom_roles: dict[str, tuple[str, ...]] | None = Field(
        None, description="Custom roles by project, as far as separation needs them."
    )
    approval: PlanApproval | None = Field(
        None, description="Who must approve the plan; missing where apply needs no approval."
    )
    changes: tuple[PlanChange, ...] = ()
    findings: tuple[PlanFinding, ...] = ()
    withheld: tuple[PlanRemoval, ...] | None = Field(
        None,
        description="All removals that are not made, and why; missing where a plan does not tell.",
    )
    open: tuple[PlanOpen, ...] | None = Field(
        None, description="Removals that earlier runs should have made and that are still open."
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
    undoes: PlanUndone | None = Field(
        None, description="The run that this plan undoes; missing in other plans."
    )
    review: PlanReview | None = Field(
        None, description="The access review that decided it; missing in other plans."
    )
    named: PlanNamed | None = Field(
        None, description="What the sources name; missing where the mapping keeps no ledger."
    )
    partial: PlanPartial | None = Field(
        None, description="What the plan leaves out; missing in whole plans."
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

    @property
    def overriding(self) -> dict[str, int] | None:
        """What --allow needs so that nothing stops the plan; None where a check is firm."""
        options = [verdict.override for verdict in self.blocked_by]
        pairs = [option.rpartition("=") for option in options]
        return None if "" in options else {key: int(number) for key, _, number in pairs}

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
