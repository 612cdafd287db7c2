"""A disk that is full, or fills in the middle: never a bug, and the server is as the tally says."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from kanport.sandbox import Sandbox
from tests.hostile.disk import PEOPLE
from tests.nights.world import may_mount

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


def clear(server: Sandbox) -> None:
    """Put the server back to where it began."""
    server.store.change("DELETE FROM users WHERE username != ?", "admin")
