"""Servers, desired states and mappings for the tests of plans, as short as they can be written."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from kanport.findings import Finding
from kanport.mapping.spec import MappingFile
from kanport.memory import LedgerState
from kanport.model import (
    CurrentState,
    DesiredRelation,
    DesiredState,
    DesiredUser,
    Given,
    Group,
    Identity,
    Project,
    ServerInfo,
    Unknown,
    User,
)
from kanport.origin import Origin
from kanport.plan.change import Change, values_of
from kanport.plan.make import make_plan
from kanport.plan.model import Plan, PlanMapping, PlanSource
from kanport.plan.partial import parse_only
from kanport.relations import About

SERVER = ServerInfo("http://kanboard.test/jsonrpc.php", "1.2.53")
ADMIN = User(1, "admin", name="Ada Min", role="app-admin")
ALPHA = Project(1, "Alpha project", "ALPHA")
BETA = Project(2, "Beta project", "BETA")


def a_mapping(**parts: Any) -> MappingFile:
    """Make a mapping for people and memberships who may all be administrators; parts take over.

    `users` is added to.
    """
    names = ("username", "name", "email", "role", "active")
    users = {"from": "people", "fields": {name: {"from": name} for name in names}}
    memberships = {
        "from": "people",
        "username": {"from": "username"},
        "project": {"from": "project"},
        "role": {"from": "access"},
    }
    given = parts.pop("users", {})
    return MappingFile.model_validate(
        {
            "kanport": 1,
            "sources": {"people": {"type": "csv", "path": "people.csv"}},
            "memberships": [memberships],
            "allow_admins": ["*"],
            **({"users": {**users, **given}} if given is not None else {}),
            **parts,
        }
    )


def cell(column: str, row: int) -> Origin:
    """Name a cell of people.csv."""
    return Origin("people", file="people.csv", row=row, column=column)


a_membership = partial(DesiredRelation, About.MEMBERSHIP)
a_member = partial(DesiredRelation, About.GROUP_MEMBER)
an_access = partial(DesiredRelation, About.GROUP_ACCESS)


def desired_user(username: str, row: int = 2, **fields: Any) -> DesiredUser:
    """Want a person as this row describes them."""
    given: dict[str, Any] = {
        name: value if name == "password" else Given(value, (cell(name, row),))
        for name, value in fields.items()
    }
    rows = (Origin("people", file="people.csv", row=row),)
    return DesiredUser(Given(username, (cell("username", row),)), rows=rows, **given)


def desired_membership(
    username: str, project: str, role: str = "project-member", row: int = 2
) -> Any:
    """Want a membership as this row describes it."""
    return a_membership(
        Given(username, (cell("username", row),)),
        Given(project, (cell("project", row),)),
        Given(role, (cell("access", row),)),
    )


def a_state(
    *wanted: DesiredUser | DesiredRelation, unknown: Unknown | None = None, named: Any = ()
) -> DesiredState:
    """Make a desired state; the projects of its memberships are named, and those in `named`."""
    memberships = tuple(item for item in wanted if isinstance(item, DesiredRelation))
    texts = dict.fromkeys([*(m.target.value for m in memberships), *named])
    return DesiredState(
        users=tuple(item for item in wanted if isinstance(item, DesiredUser)),
        memberships=memberships,
        projects_named=tuple(Given(text) for text in texts),
        unknown=unknown or Unknown(),
    )


def a_server(
    *users: User,
    projects: tuple[Project, ...] = (ALPHA, BETA),
    groups: tuple[Group, ...] = (),
    roles: Mapping[int, Mapping[int, str]] | None = None,
    complete: bool = True,
) -> CurrentState:
    """Make a current state with an administrator (#1) and these users."""
    return CurrentState(
        SERVER,
        (ADMIN, *users),
        projects,
        groups,
        {project.id: dict((roles or {}).get(project.id, {})) for project in projects},
        complete,
    )


def plan_for(
    desired: DesiredState,
    current: CurrentState,
    mapping: MappingFile | None = None,
    findings: Iterable[Finding] = (),
    known: Iterable[Identity] = (),
    memory: LedgerState | None = None,
    allowed: Mapping[str, int] | None = None,
    source: Mapping[str, Any] | None = None,
    now: str = "2026-11-21T02:00:00Z",
    only: Iterable[str] = (),
) -> Plan:
    """Make a plan with everything around it fixed; `known` is whom the ledger knows.

    `memory` is all that the ledger knows, instead. `source` says what is otherwise of people.csv.
    """
    return make_plan(
        desired,
        current,
        mapping or a_mapping(),
        findings=findings,
        mapping_ref=PlanMapping(path="people.yaml", sha256="0" * 64),
        sources=(
            PlanSource(
                **{
                    "name": "people",
                    "type": "csv",
                    "path": "people.csv",
                    "sha256": "1" * 64,
                    "size": 9,
                    "rows": 1,
                    **(source or {}),
                }
            ),
        ),
        created_at=now,
        version="1.0",
        memory=memory or LedgerState(identities={identity.id: identity for identity in known}),
        allowed=allowed or {},
        only=parse_only(only),
    )


def lines_of(changes: Plan | Iterable[Change]) -> list[str]:
    """Say each change in a line: action, username, project, before and after."""
    some = changes.changes if isinstance(changes, Plan) else changes
    return [
        " ".join(
            str(part)
            for part in (
                change.action,
                change.username,
                change.project,
                values_of(change.before),
                "->" if change.before and change.after else None,
                values_of(change.after),
            )
            if part is not None
        )
        for change in some
    ]


def stopping_guards(plan: Plan) -> list[str]:
    """Give the names of the guards that stop the plan."""
    return [verdict.guard for verdict in plan.guards if verdict.tripped]
