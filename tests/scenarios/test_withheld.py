"""What is withheld, through the command line: with the rows that prevent it, in plan and report."""

import json
from pathlib import Path

import pytest

from kanport.sandbox import Sandbox
from tests.support.command_line import Kanport

MAPPING = """\
kanport: 1
sources:
  people: {type: csv, path: people.csv}
  access: {type: csv, path: access.csv}
users:
  from: people
  fields: {username: {from: Login}, email: {from: Mail}}
  missing: disable
  managed: {usernames: ["*"]}
memberships:
  - {from: access, username: {from: Login}, project: {from: Project}, role: project-member}
memberships_missing: revoke
invalid_rows: skip
protect: [admin, root]
limits: {disable: 9, revoke: 9, by_project: {revoke: 9}}
ledger: night.ledger
"""
PEOPLE = ["ada,ada@example.org", "bob,bob@example.org", "eve,eve@example.org"]


@pytest.fixture
def night(server: Sandbox, tmp_path: Path) -> Path:
    web = server.store.add_project("Web", identifier="WEB")
    for name in ("ada", "bob", "eve", "gus", "root"):
        server.store.add_member(web, server.store.add_user(name, email=f"{name}@example.org"))
    (tmp_path / "night.yaml").write_text(MAPPING, encoding="utf-8")
    return tmp_path


def write(folder: Path, people: list[str], access: list[str]) -> None:
    (folder / "people.csv").write_text("\n".join(["Login,Mail", *people, ""]), encoding="utf-8")
    (folder / "access.csv").write_text("\n".join(["Login,Project", *access, ""]), encoding="utf-8")


def planned(kanport: Kanport, folder: Path) -> tuple[set[str], dict[str, list[str]]]:
    """Return what a plan removes, and what it withholds with causes and rows."""
    kanport("plan", "night.yaml", "-o", "plan.json")
    plan = json.loads((folder / "plan.json").read_text(encoding="utf-8"))
    changes = {f"{one['action']} {one['subject'].get('username')}" for one in plan["changes"]}
    return changes, {
        f"{one['action']} {one['subject'].get('username')}": [
            " ".join(
                [because["why"]["code"], because["why"].get("case", "")]
                + [f"{place['file']}:{place['row']}" for place in because.get("origin", ())]
            ).strip()
            for because in one["because"]
        ]
        for one in plan["withheld"]
    }


def test_a_row_that_names_nobody_withholds_all_removals_and_is_named(
    night: Path, kanport: Kanport
) -> None:
    write(night, [*PEOPLE, ",nobody@example.org"], ["ada,WEB", "bob,WEB"])
    changes, withheld = planned(kanport, night)
    assert not any("gus" in one or "eve" in one for one in changes)
    assert withheld["user.disable gus"] == ["invalid-row any people.csv:5"]
    assert withheld["membership.revoke gus"] == ["invalid-row any people.csv:5"]
    assert withheld["membership.revoke eve"] == ["invalid-row any people.csv:5"]


def test_a_row_that_names_somebody_withholds_only_what_is_theirs(
    night: Path, kanport: Kanport
) -> None:
    write(night, [*PEOPLE, "gus,no address"], ["ada,WEB", "bob,WEB", "eve,NOWHERE"])
    changes, withheld = planned(kanport, night)
    assert changes == set()
    assert withheld["user.disable gus"] == ["invalid-row named people.csv:5"]
    assert withheld["membership.revoke gus"] == ["invalid-row named people.csv:5"]
    assert withheld["membership.revoke eve"] == ["invalid-row named access.csv:4"]
    assert "user.disable eve" not in withheld


def test_protection_withholds_and_is_no_doubt(night: Path, kanport: Kanport) -> None:
    write(night, PEOPLE, ["ada,WEB", "bob,WEB", "eve,WEB"])
    changes, withheld = planned(kanport, night)
    assert changes == {"user.disable gus", "membership.revoke gus"}
    assert withheld == {
        "user.disable admin": ["protected-account"],
        "user.disable root": ["protected-account"],
        "membership.revoke root": ["protected-account"],
    }
    told = kanport("plan", "night.yaml").out
    assert "does not" not in told


def test_waiting_withholds_with_the_run_that_missed_somebody_first(
    night: Path, kanport: Kanport
) -> None:
    steps = "missing: {then: disable, after: 3 runs, and: revoke}"
    text = MAPPING.replace("missing: disable", steps)
    (night / "night.yaml").write_text(text, encoding="utf-8")
    write(night, PEOPLE, ["ada,WEB", "bob,WEB", "eve,WEB"])
    assert kanport("sync", "night.yaml").code == 0
    changes, withheld = planned(kanport, night)
    assert changes == set()
    assert withheld["user.disable gus"] == ["waiting-period"]
    assert withheld["membership.revoke gus"] == ["waiting-period"]
    plan = json.loads((night / "plan.json").read_text(encoding="utf-8"))
    assert {
        one["subject"]["username"] for one in plan["withheld"] if one.get("since") is not None
    } == {"gus"}


def test_the_report_lists_them_and_masks_whom_they_name(night: Path, kanport: Kanport) -> None:
    write(night, [*PEOPLE, "gus,no address"], ["ada,WEB", "bob,WEB", "eve,WEB"])
    planned(kanport, night)
    assert kanport("report", "plan.json", "-o", "plain.json").code == 0
    assert kanport("report", "plan.json", "-o", "masked.json", "--mask").code == 0
    plain = json.loads((night / "plain.json").read_text(encoding="utf-8"))
    masked_text = (night / "masked.json").read_text(encoding="utf-8")
    plan = json.loads((night / "plan.json").read_text(encoding="utf-8"))
    assert [one["action"] for one in plain["withheld"]] == [
        one["action"] for one in plan["withheld"]
    ]
    assert "gus" not in masked_text
    assert len(json.loads(masked_text)["withheld"]) == len(plan["withheld"])


@pytest.mark.parametrize("role", ["RW", "RX", ""])
@pytest.mark.parametrize("typo", ["adda,WEB", "ada,WBE", "adda,WBE"])
def test_a_slip_of_the_pen_takes_access_from_nobody_whatever_else_its_row_has_wrong(
    night: Path, kanport: Kanport, typo: str, role: str
) -> None:
    table = "{from: Role, values: {RW: project-member}}"
    text = MAPPING.replace("role: project-member", f"role: {table}").replace("disable", "keep", 1)
    (night / "night.yaml").write_text(text, encoding="utf-8")
    rows = ["Login,Project,Role", f"{typo},{role}", *(f"{name},WEB,RW" for name in ("bob", "gus"))]
    write(night, [*PEOPLE, "gus,gus@example.org"], [])
    (night / "access.csv").write_text("\n".join([*rows, ""]), encoding="utf-8")
    changes, withheld = planned(kanport, night)
    assert not any("ada" in one for one in changes)
    assert withheld["membership.revoke ada"]
    # A row that names somebody says nothing of the access of others.
    assert ("membership.revoke eve" in changes) is typo.startswith("ada,")
