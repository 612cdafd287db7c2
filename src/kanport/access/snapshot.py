"""A snapshot: who has which access on a server at one time, as a value and as a file.

It follows from the `CurrentState` that `kanport.kanboard.reader` reads, and contains no hash, token
or secret. The JSON is a contract, `kanport-snapshot/1`, bound by its digest; keys are only added.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from kanport import __version__
from kanport.errors import Unreachable, UsageError
from kanport.export import not_whole
from kanport.files import ArtifactKind, cannot_read, kind_of, made_for, read_file, write_file
from kanport.memory import NOTHING, LedgerState
from kanport.model import CurrentState
from kanport.plan.groups import ProjectKey
from kanport.plan.model import PlanPart, PlanServer
from kanport.plan.plan_file import canonical
from kanport.plan.projection import GroupProjection

FORMAT: Literal["kanport-snapshot/1"] = "kanport-snapshot/1"
# Half a million memberships have about this size.
_MAX_BYTES = 128 * 1024 * 1024


class SnapshotUser(PlanPart):
    """A user of the server.

    `two_factor` is None where the server does not say whether two-factor authentication is on.
    `sources` are the names of the mapping's sources that name the user. They are None without a
    mapping, and where a row or an entry that cannot be used may name the user.
    """

    id: int
    username: str
    name: str = ""
    email: str = ""
    role: str
    active: bool
    ldap: bool
    two_factor: bool | None = None
    sources: tuple[str, ...] | None = None


class SnapshotProject(PlanPart):
    """A project of the server; `owner_id` is None where the server names no owner."""

    id: int
    name: str
    identifier: str = ""
    active: bool
    private: bool
    owner_id: int | None = None

    @property
    def label(self) -> str:
        """Return what plans and reports call the project: its identifier, else its name."""
        return self.identifier or self.name


class SnapshotGroup(PlanPart):
    """A group of the server with the ids of its members."""

    id: int
    name: str
    external_id: str = ""
    members: tuple[int, ...] = ()


class SnapshotMembership(PlanPart):
    """The effective role of a user in a project.

    `direct` is True where the access is certainly direct, False where it certainly comes through a
    group, and None where nobody can know: Kanboard does not list the groups of a project.
    `through` are the ids of the groups that give access as well, or may.
    """

    user_id: int
    project_id: int
    role: str
    direct: bool | None
    through: tuple[int, ...] = ()


class Snapshot(PlanPart):
    """Everything that was read of a server.

    `taken_at` is in UTC (RFC 3339), `read_by` the user and the machine that read it, `kanport` the
    version. `mapping` is the path of the mapping that `sources` of users follow from. `digest` is
    the SHA-256 of everything but itself, in canonical JSON.
    """

    format: Literal["kanport-snapshot/1"] = FORMAT
    taken_at: str = Field(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
    read_by: str
    kanport: str
    server: PlanServer
    mapping: str | None = None
    users: tuple[SnapshotUser, ...]
    projects: tuple[SnapshotProject, ...]
    groups: tuple[SnapshotGroup, ...]
    memberships: tuple[SnapshotMembership, ...]
    digest: str = ""

    @model_validator(mode="after")
    def _names_only_what_it_has(self) -> Self:
        for name in ("users", "projects", "groups"):
            ids = [one.id for one in getattr(self, name)]
            if len(ids) != len(set(ids)):
                raise ValueError(f"{name}: an id occurs twice")
        users, groups = self.user_by_id.keys(), self.group_by_id.keys()
        pairs = {(one.user_id, one.project_id) for one in self.memberships}
        if len(pairs) != len(self.memberships):
            raise ValueError("memberships: a user has two roles in a project")
        named = {one.user_id for one in self.memberships}
        named.update(user_id for group in self.groups for user_id in group.members)
        if strangers := named - users:
            raise ValueError(f"user {min(strangers)} is not among the users")
        if strangers := {one.project_id for one in self.memberships} - self.project_by_id.keys():
            raise ValueError(f"project {min(strangers)} is not among the projects")
        if strangers := {group for one in self.memberships for group in one.through} - groups:
            raise ValueError(f"group {min(strangers)} is not among the groups")
        return self

    @cached_property
    def user_by_id(self) -> Mapping[int, SnapshotUser]:
        """Return the users by id."""
        return {user.id: user for user in self.users}

    @cached_property
    def project_by_id(self) -> Mapping[int, SnapshotProject]:
        """Return the projects by id."""
        return {project.id: project for project in self.projects}

    @cached_property
    def group_by_id(self) -> Mapping[int, SnapshotGroup]:
        """Return the groups by id."""
        return {group.id: group for group in self.groups}

    @cached_property
    def labels(self) -> Mapping[int, str]:
        """Return what each project is called, by id; with its id where several share a name."""
        shared = Counter(project.label for project in self.projects)
        return {
            one.id: one.label if shared[one.label] == 1 else f"{one.label} (#{one.id})"
            for one in self.projects
        }

    @cached_property
    def by_project(self) -> Mapping[int, tuple[SnapshotMembership, ...]]:
        """Return the memberships of each project that has some, by its id."""
        return _together(self.memberships, "project_id")

    @cached_property
    def by_user(self) -> Mapping[int, tuple[SnapshotMembership, ...]]:
        """Return the memberships of each user who has some, by their id."""
        return _together(self.memberships, "user_id")

    def expected_digest(self) -> str:
        """Return the digest of the snapshot's content."""
        content = self.model_dump(mode="json", exclude={"digest"})
        return hashlib.sha256(canonical(content)).hexdigest()


def _together(
    memberships: tuple[SnapshotMembership, ...], key: str
) -> dict[int, tuple[SnapshotMembership, ...]]:
    found: dict[int, list[SnapshotMembership]] = defaultdict(list)
    for one in memberships:
        found[getattr(one, key)].append(one)
    return {number: tuple(some) for number, some in found.items()}


def snapshot_of(
    current: CurrentState,
    *,
    taken_at: str,
    read_by: str,
    memory: LedgerState = NOTHING,
    mapping: str | None = None,
    sources: Mapping[int, tuple[str, ...] | None] | None = None,
) -> Snapshot:
    """Return the snapshot of a server of which everything was read.

    `memory` may say which groups have access to a project, and so where more of the access comes
    from. `sources` are the sources that name a user, by user id; None where that is open.
    Raises Unreachable where something could not be read: half a list would pass for a whole one.
    """
    if (problem := not_whole(current)) is not None:
        raise Unreachable(problem, hint="try again, and raise PHP's memory_limit on the server")
    users = tuple(
        SnapshotUser(
            id=user.id,
            username=user.username,
            name=user.name,
            email=user.email,
            role=user.role,
            active=user.active,
            ldap=user.ldap,
            two_factor=user.two_factor,
            sources=None if sources is None else sources.get(user.id, ()),
        )
        for user in current.users
    )
    snapshot = Snapshot(
        taken_at=taken_at,
        read_by=read_by,
        kanport=__version__,
        server=PlanServer(url=current.server.url, version=current.server.version),
        mapping=mapping,
        users=users,
        projects=tuple(
            SnapshotProject(
                id=project.id,
                name=project.name,
                identifier=project.identifier,
                active=project.active,
                private=project.private,
                owner_id=project.owner_id,
            )
            for project in current.projects
        ),
        groups=tuple(
            SnapshotGroup(
                id=group.id,
                name=group.name,
                external_id=group.external_id,
                members=tuple(sorted(group.members)),
            )
            for group in current.groups
        ),
        memberships=tuple(_memberships(current, memory)),
    )
    return snapshot.model_copy(update={"digest": snapshot.expected_digest()})


def _memberships(current: CurrentState, memory: LedgerState) -> Iterator[SnapshotMembership]:
    """Yield who has which role in what; a role that was stored empty gives no access."""
    projection = GroupProjection.of(current, memory, ())
    for project in current.projects:
        key = ProjectKey.of(project)
        for user_id, role in sorted(current.roles.get(project.id, {}).items()):
            if role:
                groups = projection.giving_now(user_id, key)
                yield SnapshotMembership(
                    user_id=user_id,
                    project_id=project.id,
                    role=role,
                    direct=projection.effective(user_id, key).direct,
                    through=tuple(group.id for group in groups if group.id is not None),
                )


# --- the snapshot as a file -----------------------------------------------------------------------


def dump_snapshot(snapshot: Snapshot) -> str:
    """Return the text of a snapshot's file: one line for each user, project and membership."""
    content = snapshot.model_dump(mode="json")
    parts = []
    for key, value in content.items():
        text = json.dumps(value, ensure_ascii=False)
        if isinstance(value, list) and value:
            lines = ",\n    ".join(json.dumps(one, ensure_ascii=False) for one in value)
            text = f"[\n    {lines}\n  ]"
        parts.append(f"  {json.dumps(key)}: {text}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def write_snapshot(path: Path, snapshot: Snapshot) -> None:
    """Write a snapshot to a file, for its owner alone; raise UsageError if that fails."""
    write_file(path, dump_snapshot(snapshot), secret=True, over=ArtifactKind.SNAPSHOT)


def is_snapshot(path: Path) -> bool:
    """Return whether a file says that it is a snapshot, of whatever version."""
    return kind_of(path) is ArtifactKind.SNAPSHOT


def load_snapshot(path: Path) -> Snapshot:
    """Read a snapshot from its file.

    Raises UsageError where the file cannot be read, is no snapshot, is of a format that this
    Kanport does not know, contains a value of another type, or was changed after it was made.
    """
    hint = "kanport state -o SNAPSHOT.json writes one"
    try:
        text = read_file(path, most=_MAX_BYTES).decode("utf-8")
        content: Any = json.loads(text)
    except OSError as problem:
        raise UsageError(cannot_read(path, problem, "snapshot"), hint=hint) from problem
    except (ValueError, RecursionError) as problem:
        raise UsageError(
            f"{path} is not a snapshot: it is not JSON, or it is cut off",
            hint=made_for(path) or hint,
        ) from problem
    form = content.get("format") if isinstance(content, dict) else None
    if not isinstance(form, str) or not form.startswith("kanport-snapshot/"):
        raise UsageError(f"{path} is not a snapshot", hint=made_for(path) or hint)
    if form != FORMAT:
        raise UsageError(
            f'{path} has the format "{form}", and this Kanport reads "{FORMAT}"',
            hint="use the version of Kanport that wrote the snapshot, or a newer one",
        )
    try:
        snapshot = Snapshot.model_validate_json(text, strict=True)
    except ValidationError as problem:
        raise UsageError(
            f"{path} is not a valid snapshot",
            hint=hint,
            details=[
                f"{'.'.join(map(str, error['loc'])) or 'snapshot'}: {error['msg']}"
                for error in problem.errors(include_url=False, include_input=False)[:10]
            ],
        ) from problem
    if snapshot.digest != snapshot.expected_digest():
        raise UsageError(
            f"the snapshot {path} was changed after it was made",
            hint="a snapshot counts only as it was taken; use an unchanged copy",
        )
    return snapshot
