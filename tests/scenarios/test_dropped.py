"""What sources drop, through the command line: last rows of files, groups, and groups of LDAP."""

from pathlib import Path

import pytest

from kanport.sandbox import Sandbox
from tests.support.command_line import Kanport

MAPPING = """\
kanport: 1
sources:
  people: {type: csv, path: people.csv}
  access: {type: csv, path: access.csv}
  members: {type: csv, path: members.csv}
  doors: {type: csv, path: doors.csv}
users: {from: people, fields: {username: {from: Login}}}
memberships:
  - {from: access, username: {from: Login}, project: {from: Project}, role: project-member}
memberships_missing: revoke
groups:
  - {from: members, name: {from: Group}, member: {from: Login}}
group_access:
  - {from: doors, group: {from: Group}, project: {from: Project}, role: project-viewer}
ledger: night.ledger
protect: [admin]
"""
FILES = {
    "people": "Login\nada\nbob\neve\n",
    "access": "Login,Project\nada,WEB\nbob,ERP\n",
    "members": "Group,Login\nTeam,ada\nTeam,eve\nOther,bob\n",
    "doors": "Group,Project\nTeam,LAB\nOther,ERP\n",
}


@pytest.fixture
def night(server: Sandbox, kanport: Kanport, tmp_path: Path) -> Path:
    for name in ("WEB", "ERP", "LAB"):
        server.store.add_project(name.title(), identifier=name)
    write(tmp_path)
    done = kanport("sync", "night.yaml")
    assert done.code == 0, done
    assert kanport("sync", "night.yaml").out == ""
    return tmp_path


def write(folder: Path, *lines: str, **files: str) -> None:
    (folder / "night.yaml").write_text("\n".join([MAPPING, *lines, ""]), encoding="utf-8")
    for name, text in {**FILES, **files}.items():
        (folder / f"{name}.csv").write_text(text, encoding="utf-8")


def test_the_last_row_of_a_project_is_told_every_night_until_somebody_decides(
    night: Path, server: Sandbox, kanport: Kanport
) -> None:
    write(night, access="Login,Project\nbob,ERP\n")
    for _ in range(2):
        done = kanport("sync", "night.yaml")
        assert done.code == 0, done
        assert 'no source lists members of the project "WEB" any more' in done.out
        assert '1 user keeps access: "ada"' in done.out
    explained = kanport("explain", "night.yaml", "--project", "WEB")
    assert 'no source lists members of the project "WEB" any more' in explained.out
    write(night, "projects_missing: keep", access="Login,Project\nbob,ERP\n")
    assert kanport("sync", "night.yaml").out == ""
    write(night, "projects_missing: revoke", access="Login,Project\nbob,ERP\n")
    assert kanport("sync", "night.yaml").code == 0
    memberships = server.store.snapshot().memberships
    assert ("WEB", "ada") not in memberships and ("ERP", "bob") in memberships
    assert kanport("sync", "night.yaml").out == ""


def test_a_limit_stops_it_and_allow_lets_it_pass(
    night: Path, server: Sandbox, kanport: Kanport
) -> None:
    lines = ("projects_missing: revoke", "limits: {dropped: 0}")
    write(night, *lines, access="Login,Project\nbob,ERP\n")
    stopped = kanport("sync", "night.yaml")
    assert stopped.code == 4 and "--allow dropped=1" in stopped.err, stopped
    assert ("WEB", "ada") in server.store.snapshot().memberships
    done = kanport("sync", "night.yaml", "--allow", "dropped=1")
    assert done.code == 0, done
    wrong = kanport("plan", "night.yaml", "--allow", "dropped:WEB=1")
    assert wrong.code == 2 and "dropped=NUMBER" in wrong.err


def test_a_bad_row_proves_nothing(night: Path, server: Sandbox, kanport: Kanport) -> None:
    lines = ("projects_missing: revoke", "invalid_rows: skip")
    write(night, *lines, access="Login,Project\nbob,ERP\nada,WEEB\n")
    done = kanport("sync", "night.yaml")
    assert done.code == 3, done
    assert ("WEB", "ada") in server.store.snapshot().memberships
    assert '"ada" in "WEB"' in done.out


@pytest.mark.parametrize("lines", [(), ("group_members_missing: remove",)])
def test_a_group_that_no_row_names_any_more_is_told_every_night(
    night: Path, server: Sandbox, kanport: Kanport, lines: tuple[str, ...]
) -> None:
    write(
        night,
        *lines,
        members="Group,Login\nOther,bob\n",
        doors="Group,Project\nOther,ERP\n",
    )
    for _ in range(2):
        done = kanport("sync", "night.yaml")
        assert done.code == 0, done
        assert 'no source names the group "Team" any more; 2 users remain members' in done.out
    write(
        night,
        *lines,
        "groups_missing: keep",
        "projects_missing: keep",
        members="Group,Login\nOther,bob\n",
        doors="Group,Project\nOther,ERP\n",
    )
    assert kanport("sync", "night.yaml").out == ""


def test_a_group_that_is_dropped_loses_what_kanport_gave_it_where_the_mapping_says_so(
    night: Path, server: Sandbox, kanport: Kanport
) -> None:
    snapshot = server.store.snapshot()
    server.store.add_user("zoe")
    zoe = server.store.snapshot().users["zoe"].id
    (team,) = [group.id for name, group in snapshot.groups.items() if name == "Team"]
    server.store.add_group_member(team, zoe)
    write(
        night,
        "groups_missing: revoke",
        members="Group,Login\nOther,bob\n",
        doors="Group,Project\nOther,ERP\n",
    )
    planned = kanport("plan", "night.yaml")
    assert "no source names the group any more" in planned.out, planned
    done = kanport("sync", "night.yaml")
    assert done.code == 0, done
    after = server.store.snapshot()
    assert set(after.groups["Team"].members) == {"zoe"}, "whom Kanport did not put there stays"
    assert set(after.groups["Other"].members) == {"bob"}
    assert ("LAB", "Team") not in after.group_access
    assert kanport("sync", "night.yaml").out == ""


def test_the_access_of_a_group_to_a_project_that_nothing_names_any_more(
    night: Path, server: Sandbox, kanport: Kanport
) -> None:
    doors = "Group,Project\nOther,ERP\n"
    write(night, doors=doors)
    told = kanport("sync", "night.yaml")
    assert told.code == 0 and 'project "LAB" any more' in told.out, told
    assert "Team" in told.out
    write(night, "projects_missing: revoke", doors=doors)
    done = kanport("sync", "night.yaml")
    assert done.code == 0, done
    after = server.store.snapshot()
    assert ("LAB", "Team") not in after.group_access and ("ERP", "Other") in after.group_access
    assert set(after.groups["Team"].members) == {"ada", "eve"}
    assert kanport("sync", "night.yaml").out == ""


def test_a_source_that_is_not_there_proves_nothing(
    night: Path, server: Sandbox, kanport: Kanport
) -> None:
    write(night, "projects_missing: revoke", "groups_missing: revoke")
    for name in ("access", "members"):
        (night / f"{name}.csv").unlink()
        assert kanport("sync", "night.yaml").code == 7
    (night / "access.csv").write_text("Login,Project\n", encoding="utf-8")
    assert kanport("sync", "night.yaml").code in (5, 7)
    assert ("WEB", "ada") in server.store.snapshot().memberships


def test_quiet_keeps_the_warnings_of_every_night(night: Path, kanport: Kanport) -> None:
    write(night, access="Login,Project\nbob,ERP\n")
    for _ in range(2):
        done = kanport("sync", "night.yaml", "--quiet")
        assert (done.code, done.out) == (0, "")
        assert 'Warning: no source lists members of the project "WEB" any more' in done.err
    write(night, "projects_missing: keep", access="Login,Project\nbob,ERP\n")
    done = kanport("sync", "night.yaml", "--quiet")
    assert (done.code, done.out, done.err) == (0, "", "")
