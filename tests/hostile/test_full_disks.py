"""A disk that is full, or fills in the middle: never a bug, and the server is as the tally says."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kanport.sandbox import Sandbox
from tests.hostile.disk import PAGE, PEOPLE
from tests.nights.world import may_mount
from tests.support.command_line import Kanport
from tests.support.files import MAPPING, write_files

# From a disk that takes nothing to one that takes everything.
FREE_PAGES = (0, 1, 2, 3, 5, 8, 12, 17, 23, 30, 45, 70, 200)

WHY = ("No space left", "disk is full", "stale")


@pytest.mark.skipif(not may_mount() and not os.environ.get("CI"), reason="no disk can be mounted")
def test_on_a_full_disk_every_command_says_what_to_do_and_nothing_is_lost(
    server: Sandbox, tmp_path: Path
) -> None:
    server.store.add_project("Alpha", identifier="ALPHA")
    server.store.add_project("Beta board")
    command = ["unshare", "--mount", sys.executable, "-m", "tests.hostile.disk", str(tmp_path)]
    environ = {
        **os.environ,
        "KANPORT_URL": server.url,
        "KANPORT_TOKEN": server.token,
        "XDG_STATE_HOME": str(tmp_path / "state"),
        "XDG_CONFIG_HOME": str(tmp_path / "config"),
    }
    seen: set[tuple[str, int]] = set()
    with subprocess.Popen(
        [*command, *map(str, FREE_PAGES)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=environ,
        text=True,
    ) as worker:
        assert worker.stdin is not None
        assert worker.stdout is not None
        for line in worker.stdout:
            told = json.loads(line)
            what, code = told["command"][0], told["code"]
            seen.add((what, code))
            there = [name for name in server.store.snapshot().users if name != "admin"]
            assert not told["bug"], str(told)
            assert "bug in Kanport" not in told["err"], str(told)
            if what == "after":
                assert (code, len(there)) == (0, PEOPLE), str(told)
                assert len(server.store.snapshot().memberships) == PEOPLE
                clear(server)
            elif code != 0:
                assert code in (2, 3, 6, 7, 9), str(told)
                assert any(word in told["err"] for word in WHY), str(told)
                if what in ("plan", "report"):
                    assert Path(told["command"][3]).name not in told["files"], str(told)
                if what == "apply" and code != 3:
                    assert there == [], str(told)
                    assert "run.jsonl" not in told["files"], str(told)
            worker.stdin.write("\n")
            worker.stdin.flush()
    assert worker.returncode == 0
    assert {
        ("plan", 2),
        ("plan", 0),
        ("report", 2),
        ("report", 0),
        ("apply", 7),
        ("apply", 0),
    } <= seen
    assert {code for what, code in seen if what == "sync"} >= {0, 2, 3}


@pytest.mark.skipif(not may_mount() and not os.environ.get("CI"), reason="no disk can be mounted")
@pytest.mark.parametrize("free_pages", [0, 1, 3])
def test_where_no_room_is_left_for_a_password_nobody_is_created_with_it(
    kanport: Kanport, server: Sandbox, tmp_path: Path, free_pages: int
) -> None:
    server.store.add_project("Alpha", identifier="ALPHA")
    server.store.add_project("Beta board")
    people = "Login,Name,Mail,Role\n" + "".join(
        f"user{at:03d},User {at},user{at}@example.org,\n" for at in range(600)
    )
    mapping = MAPPING + "limits: {create: 1000}\n"
    write_files(
        tmp_path, mapping=mapping, people=people, grants="Login,Project,Access\nuser000,ALPHA,W\n"
    )
    planned = kanport("plan", "club.yaml", "-o", "plan.json")
    assert planned.code == 0, planned.out + planned.err
    (tmp_path / "disk").mkdir()
    script = f"""
    mount -t tmpfs -o size={(free_pages + 1) * PAGE} tmpfs disk || exit 99
    head -c {PAGE} /dev/zero > disk/filler || exit 99
    {sys.executable} -m kanport apply plan.json --yes --passwords-to disk/new.csv
    code=$?
    cp disk/new.csv kept.csv 2> /dev/null
    exit $code
    """
    ended = subprocess.run(
        ["unshare", "--mount", "sh", "-c", script], capture_output=True, text=True, check=False
    )
    there = {name for name in server.store.snapshot().users if name != "admin"}
    assert "bug in Kanport" not in ended.stderr, ended.stderr
    assert "No space left" in ended.stdout + ended.stderr
    kept = Path("kept.csv").read_text("utf-8").splitlines()[1:] if Path("kept.csv").exists() else []
    # A torn line would be taken for a password. A full disk may keep passwords of users of another
    # batch that was not sent any more; nobody is created without one.
    assert (
        there <= {row.partition(",")[0] for row in kept} <= {f"user{at:03d}" for at in range(600)}
    )
    if free_pages == 0:
        assert ended.returncode == 2
        assert not Path("plan.journal.jsonl").exists()
        assert kanport("apply", "plan.json", "--yes", "--passwords-to", "new.csv").code == 0
    else:
        assert ended.returncode == 3, ended.stderr
        assert 0 < len(there) < 600
        resumed = kanport("resume", "plan.journal.jsonl", "--yes", "--passwords-to", "more.csv")
        assert resumed.code == 0, resumed.err
        more = Path("more.csv").read_text("utf-8").splitlines()[1:]
        assert {row.partition(",")[0] for row in more} == {
            f"user{at:03d}" for at in range(600)
        } - there


def clear(server: Sandbox) -> None:
    """Put the server back to where it began."""
    server.store.change("DELETE FROM users WHERE username != ?", "admin")
