"""Runs commands on a disk that gets fuller each time; `python -m tests.hostile.disk FOLDER URL`.

It wants a mount namespace of its own (`unshare --mount`), in which it puts a small tmpfs over a
folder. For each number of free pages it runs the commands of `ROUND` in turn and prints, as one
line of JSON, how each ended; then it makes room and runs those of `AFTER`.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

from click.testing import CliRunner

from kanport.cli import cli
from tests.support.files import MAPPING, write_files

PAGE = os.sysconf("SC_PAGE_SIZE")
SIZE = 4 * 1024 * 1024
PEOPLE = 40
ROUND = (
    ("plan", "club.yaml", "-o", "disk/plan.json"),
    ("report", "plan.json", "-o", "disk/plan.html"),
    ("apply", "plan.json", "--yes", "--journal", "disk/run.jsonl"),
    ("sync", "club.yaml", "--state", "disk/state", "--status", "disk/s.json", "--prometheus",
     "disk/s.prom"),
)  # fmt: skip


def main(folder: Path, free_pages: list[int]) -> None:
    """Run all rounds on a tmpfs over `folder / "disk"`."""
    os.chdir(folder)
    disk = folder / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", disk], check=True)
    people = "Login,Name,Mail,Role\n" + "".join(
        f"user{at},User {at},user{at}@example.org,\n" for at in range(PEOPLE)
    )
    grants = "Login,Project,Access\n" + "".join(f"user{at},ALPHA,W\n" for at in range(PEOPLE))
    mapping = MAPPING + "ledger: disk/club.ledger\nlimits: {create: 500, grant: 500}\n"
    write_files(folder, mapping=mapping, people=people, grants=grants)
    kanport("plan", "club.yaml", "-o", "plan.json")
    for pages in free_pages:
        for path in list(disk.iterdir()):
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        room = shutil.disk_usage(disk).free - pages * PAGE
        (disk / "filler").write_bytes(b"x" * room)
        for command in ROUND:
            told = kanport(*command)
            left = sorted(path.name for path in disk.iterdir() if path.name != "filler")
            say({"pages": pages, "command": command, **told, "files": left})
        (disk / "filler").unlink()
        say({"pages": pages, "command": ["after"], **kanport("sync", "club.yaml")})


def kanport(*command: str) -> dict[str, object]:
    """Run a command, and return how it ended."""
    ended = CliRunner().invoke(cli, command)
    bug = ended.exception is not None and not isinstance(ended.exception, SystemExit)
    return {
        "code": ended.exit_code,
        "bug": repr(ended.exception) if bug else "",
        "err": ended.stderr,
    }


def say(told: dict[str, object]) -> None:
    """Print one line of JSON, and wait until it was taken note of."""
    sys.stdout.write(json.dumps(told) + "\n")
    sys.stdout.flush()
    sys.stdin.readline()


if __name__ == "__main__":
    main(Path(sys.argv[1]), [int(pages) for pages in sys.argv[2:]])
