"""Brings 2,000 new people with 20,000 memberships into a live Kanboard, in one plan and one apply.

`python -m tests.bench.large` does so through the command line. It must end without an error and
with nothing done twice, and the next plan must be empty. The server of KANPORT_LIVE_URL and
KANPORT_LIVE_TOKEN is filled and should be thrown away afterwards.
"""

import csv
import json
import os
import secrets
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

from kanport.config.file import Layers
from kanport.config.settings import settings_of
from kanport.kanboard.client import Client
from kanport.kanboard.reader import read_current
from kanport.kanboard.rpc import Call

PEOPLE = 2000
PROJECTS = 50
EACH = 10
TAG = secrets.token_hex(3)
MAPPING = """\
kanport: 1
name: large
sources:
  people: {type: csv, path: people.csv}
  access: {type: csv, path: access.csv}
users:
  from: people
  fields:
    username: {from: login}
    name: {from: name}
    email: {from: mail}
  password: random
memberships:
  - from: access
    username: {from: login}
    project: {from: project}
    role: project-member
limits: {create: 3000, grant: 30000}
"""


def main() -> None:
    """Bring them in, and check how it ended."""
    url, token = os.environ["KANPORT_LIVE_URL"], os.environ["KANPORT_LIVE_TOKEN"]
    with TemporaryDirectory() as name:
        folder = Path(name)
        _write_sources(folder)
        with Client.open(settings_of(Layers({"url": url}, {"KANPORT_TOKEN": token}))) as client:
            made = client.batch(
                [
                    Call("createProject", {"name": f"{TAG} {at}", "identifier": f"{TAG}{at}"})
                    for at in range(PROJECTS)
                ]
            )
            assert len(made) == PROJECTS
        _kanport(folder, "plan", "large.yaml", "-o", "plan.json")
        begun = time.perf_counter()
        told = _kanport(folder, "apply", "plan.json", "--yes", "--format", "json")
        seconds = time.perf_counter() - begun
        tally = json.loads(told)["tally"]
        assert tally["done"] == tally["planned"] == PEOPLE * (1 + EACH), tally
        again = _kanport(folder, "plan", "large.yaml", "--check")
        assert "Nothing to change" in again, again
        with Client.open(settings_of(Layers({"url": url}, {"KANPORT_TOKEN": token}))) as client:
            there = read_current(
                client,
                choose_projects=lambda all_: [
                    one.id for one in all_ if one.name.startswith(f"{TAG} ")
                ],
            )
        people = Counter(user.username for user in there.users if user.username.startswith(TAG))
        assert len(people) == PEOPLE, len(people)
        assert set(people.values()) == {1}, "somebody is there twice"
        assert sum(map(len, there.roles.values())) == PEOPLE * EACH
    sys.stdout.write(
        f"{PEOPLE} new users and {PEOPLE * EACH} memberships in {seconds:.0f} s:"
        " no error, nothing twice, and nothing left to do\n"
    )


def _write_sources(folder: Path) -> None:
    (folder / "large.yaml").write_text(MAPPING, encoding="utf-8")
    with (folder / "people.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["login", "name", "mail"])
        for at in range(PEOPLE):
            rows.writerow([f"{TAG}-{at}", f"Person {at}", f"{TAG}-{at}@example.org"])
    with (folder / "access.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["login", "project"])
        for at in range(PEOPLE):
            rows.writerows([f"{TAG}-{at}", f"{TAG}{(at + way) % PROJECTS}"] for way in range(EACH))


def _kanport(folder: Path, *arguments: str) -> str:
    environ = {
        **os.environ,
        "KANPORT_URL": os.environ["KANPORT_LIVE_URL"],
        "KANPORT_TOKEN": os.environ["KANPORT_LIVE_TOKEN"],
    }
    command = [sys.executable, "-m", "kanport", *arguments]
    ended = subprocess.run(
        command, cwd=folder, env=environ, capture_output=True, text=True, check=False
    )
    if ended.returncode:
        raise SystemExit(f"{' '.join(arguments)} ended with {ended.returncode}:\n{ended.stderr}")
    return ended.stdout


if __name__ == "__main__":
    main()
