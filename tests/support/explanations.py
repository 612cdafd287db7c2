"""A list, a server and a plan to explain."""

from kanport.explain import Explanation, Known
from kanport.mapping import LoadedMapping
from kanport.model import CurrentState, Project, ServerInfo, User
from kanport.plan.make import make_plan
from kanport.plan.model import PlanMapping
from kanport.table import Table
from tests.support.inputs import a_table, mapping_of, normalize_tables

STAFF = """
    sources:
      staff: {{type: csv, path: staff.csv}}
      grants: {{type: csv, path: grants.csv}}
    users:
      from: staff
      fields:
        username: {{from: Login, transform: [trim, lower]}}
        name: {{from: Name}}
        email: {{from: Mail}}
        role: {{from: Role, values: {{boss: app-admin}}, default: app-user}}
      password: {{from: Secret}}
      missing: {missing}
      managed: {{usernames: [{managed}]}}
    memberships:
      - from: grants
        username: {{from: Login}}
        project: {{from: Project}}
        role: {{from: Access, values: {{R: project-viewer, W: project-member}}}}
    memberships_missing: {memberships_missing}
    invalid_rows: skip
    protect: [admin, "svc-*"]
    limits: {{remove: 10, disable: 10, revoke: 10}}
"""
ADMIN = User(1, "admin", role="app-admin")
ADA = User(2, "ada", "Ada Lovelace", "ada@example.org")
BOB = User(3, "bob", "Bob Ross")
SVC = User(4, "svc-backup")
ALPHA = Project(1, "Alpha", "ALPHA")


def staff_table(*lines: str) -> Table:
    """Return the table of users."""
    return a_table("staff", "Login|Name|Mail|Role|Secret", *lines)


def grants_table(*lines: str) -> Table:
    """Return the table of memberships."""
    return a_table("grants", "Login|Project|Access", *lines)


def known_of(
    *sources: Table,
    mapping: LoadedMapping | None = None,
    users: tuple[User, ...] = (ADMIN, ADA, BOB, SVC),
    roles: dict[int, str] | None = None,
    **options: str,
) -> Known:
    """Return what an explanation is made from; `options` are values of the mapping."""
    chosen = {"missing": "keep", "managed": '"*"', "memberships_missing": "keep", **options}
    loaded = mapping or mapping_of(STAFF.format(**chosen))
    normalized = normalize_tables(loaded, *sources)
    current = CurrentState(
        ServerInfo("https://kanboard.example.org/jsonrpc.php", "1.2.53"),
        users=users,
        projects=(ALPHA, Project(2, "Beta", "BETA")),
        roles={1: roles or {}, 2: {}},
    )
    plan = make_plan(
        normalized.desired,
        current,
        loaded.spec,
        findings=normalized.findings,
        mapping_ref=PlanMapping(path="map.yaml", sha256=""),
        sources=(),
        created_at="2026-11-03T22:16:00Z",
        version="1",
    )
    by_name = {table.source: table for table in sources}
    return Known(loaded, by_name, normalized.desired, tuple(normalized.findings), plan, current)


def why(told: Explanation) -> str:
    """Return all reasons of an explanation as one text."""
    return " ".join(told.reasons)


ROWS = (staff_table("ADA|Ada King|ada@example.org|boss|hunter2"), grants_table("ada|ALPHA|W"))
