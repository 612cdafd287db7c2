"""The samples are what the demo and the docs say of them: clean, or wrong in known places."""

import json
import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from kanport.checks import check
from kanport.findings import Finding, Severity, in_order
from kanport.mapping import LoadedMapping, load_mapping
from kanport.model import CurrentState, DesiredState, Group, Project, ServerInfo, User
from kanport.normalize import columns_used, normalize, secret_columns
from kanport.plan.make import make_plan
from kanport.plan.model import Plan, PlanMapping
from kanport.sources import SourceContext, read_source

ROOT = Path(__file__).parents[2]
MAPPINGS = sorted((ROOT / "mappings").glob("*.yaml"))
# Mappings of directories are tried where directories are: tests/ldap.
OF_FILES = [
    path
    for path in MAPPINGS
    if not {"type: ldap", "type: kanboard"} & set(re.findall(r"type: \w+", path.read_text("utf-8")))
]
SERVER: Mapping[str, Any] = json.loads((ROOT / "samples" / "demo-server.json").read_text("utf-8"))


def read(name: str) -> tuple[LoadedMapping, DesiredState, list[Finding]]:
    mapping = load_mapping(ROOT / "mappings" / f"{name}.yaml")
    used, secret = columns_used(mapping.spec), secret_columns(mapping.spec)
    tables = {
        source: read_source(
            source, spec, SourceContext(mapping.path.parent, secret[source], used.get(source))
        )
        for source, spec in mapping.spec.sources.items()
    }
    made = normalize(mapping, tables)
    of_files = [finding for table in tables.values() for finding in table.findings]
    findings = [*of_files, *made.findings, *check(made.desired, mapping.spec)]
    return mapping, made.desired, in_order(findings)


def demo_server() -> CurrentState:
    users = tuple(
        User(number, one["username"], one["name"], one["email"], one["role"], one["active"])
        for number, one in enumerate(SERVER["users"], 1)
    )
    projects = tuple(
        Project(number, one["name"], one["identifier"])
        for number, one in enumerate(SERVER["projects"], 1)
    )
    user_ids = {user.username: user.id for user in users}
    project_ids = {project.identifier: project.id for project in projects}
    roles: dict[int, dict[int, str]] = {project.id: {} for project in projects}
    for one in SERVER["memberships"]:
        roles[project_ids[one["project"]]][user_ids[one["username"]]] = one["role"]
    groups = tuple(
        Group(number, one["name"], members=frozenset(user_ids[name] for name in one["members"]))
        for number, one in enumerate(SERVER["groups"], 1)
    )
    server = ServerInfo("http://127.0.0.1/jsonrpc.php", "1.2.53")
    return CurrentState(server, users, projects, groups, roles)


def planned(name: str) -> Plan:
    mapping, desired, findings = read(name)
    return make_plan(
        desired,
        demo_server(),
        mapping.spec,
        findings=findings,
        mapping_ref=PlanMapping(path=str(mapping.path), sha256=mapping.sha256),
        sources=(),
        created_at="2026-11-21T00:00:00Z",
        version="0",
    )


CLEAN = [path.stem for path in OF_FILES if path.stem != "staff-matrix-excel"]


@pytest.mark.parametrize("name", CLEAN)
def test_clean_samples_have_no_mistakes(name: str) -> None:
    _, desired, findings = read(name)

    assert desired.users or desired.groups
    assert [finding for finding in findings if finding.severity is Severity.ERROR] == []


@pytest.mark.parametrize("name", CLEAN)
def test_no_guard_stops_the_plan_of_a_clean_sample(name: str) -> None:
    plan = planned(name)

    assert plan.changes
    assert [guard.message for guard in plan.guards if guard.tripped] == []


def test_the_clean_list_shows_all_that_can_happen_and_leaves_most_as_it_is() -> None:
    plan = planned("memberships-csv")

    assert plan.summary == {
        "user.create": 9,
        "user.update": 6,
        "user.rename": 1,
        "user.enable": 1,
        "user.disable": 4,
        "membership.grant": 24,
        "membership.change": 5,
        "membership.revoke": 8,
    }
    assert plan.unchanged == {"users": 26, "memberships": 81}
    assert not {change.username for change in plan.changes} & {
        "admin",
        "svc-ci",
        "svc-backup",
    }


def test_the_list_of_groups_changes_groups_alone() -> None:
    plan = planned("groups-csv")

    assert plan.summary == {
        "group.create": 1,
        "group_member.add": 4,
        "group_member.remove": 1,
        "group_access.grant": 4,
    }
    assert plan.unchanged["group_members"] == 7


def test_the_messy_list_has_the_mistakes_of_real_ones() -> None:
    _, _, findings = read("staff-matrix-excel")

    told = Counter(finding.code for finding in findings if finding.severity is Severity.ERROR)
    assert told == {
        "cell-control": 1,
        "cell-date": 1,
        "cell-error": 1,
        "cell-formula": 1,
        "email-invalid": 2,
        "membership-conflict": 1,
        "user-clash": 1,
        "user-duplicate": 1,
        "username-empty": 1,
        "value-not-boolean": 1,
        "value-not-in-table": 2,
    }
    warned = {finding.code for finding in findings if finding.severity is Severity.WARNING}
    assert warned >= {"cell-number", "username-odd", "email-shared"}
    assert all("Phone" not in str(finding.origin) for finding in findings)


def test_the_messy_list_can_be_planned_without_its_mistaken_rows() -> None:
    plan = planned("staff-matrix-excel")

    assert plan.summary["user.create"] > 0
    assert not [
        action for action in plan.summary if action in ("user.disable", "membership.revoke")
    ]


def test_surnames_that_look_like_nothing_are_people() -> None:
    _, desired, _ = read("memberships-csv")

    names = {user.name.value for user in desired.users if user.name is not None}
    assert {"Peter None", "Christopher Null", "Li Na", "David True"} <= names


def test_what_the_demo_server_holds_fits_together() -> None:
    usernames = [user["username"] for user in SERVER["users"]]
    identifiers = [project["identifier"] for project in SERVER["projects"]]
    pairs = [(one["username"], one["project"]) for one in SERVER["memberships"]]

    assert (len(usernames), len(identifiers), len(SERVER["groups"])) == (40, 8, 2)
    assert len(set(usernames)) == len(usernames) and len(set(pairs)) == len(pairs)
    assert all(re.fullmatch("[A-Z0-9]+", identifier) for identifier in identifiers)
    assert {project for _, project in pairs} <= set(identifiers)
    assert {name for name, _ in pairs} <= set(usernames)
    assert {name for group in SERVER["groups"] for name in group["members"]} <= set(usernames)


@pytest.mark.parametrize(
    "path", sorted((ROOT / "samples").glob("*.[cj]s*")), ids=lambda path: path.name
)
def test_no_sample_holds_an_address_that_could_be_somebodys(path: Path) -> None:
    content = path.read_bytes().decode("utf-8", "replace")

    for domain in re.findall(r"[\w.]+@([\w.-]+)", content):
        assert domain.endswith((".example", ".example.org"))
