"""The samples, planned, applied and planned again, against a live Kanboard."""

import importlib
import json
from pathlib import Path

import pytest

from kanport.config.file import Layers
from kanport.config.settings import settings_of
from kanport.kanboard.client import Client
from kanport.kanboard.reader import read_current
from tests.support.command_line import Kanport

ROOT = Path(__file__).parents[2]
MAPPING = ROOT / "mappings" / "memberships-csv.yaml"

pytestmark = pytest.mark.live


@pytest.fixture
def filled(live: tuple[str, str], kanport: Kanport, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the people, projects and groups of the demo on the live server; nobody may be there."""
    url, token = live
    settings = settings_of(Layers({"url": url}, {"KANPORT_TOKEN": token}))
    with Client.open(settings) as client:
        there = read_current(client, choose_projects=lambda projects: [])
    users = [user.username for user in there.users]
    content = json.loads((ROOT / "samples" / "demo-server.json").read_text(encoding="utf-8"))
    wanted = {project["identifier"] for project in content["projects"]}
    taken = wanted & {project.identifier for project in there.projects}
    if users != ["admin"] or taken:
        pytest.fail(f"the server at {url} must be freshly installed: somebody is there already")
    monkeypatch.syspath_prepend(str(ROOT / "samples"))
    importlib.import_module("demo").fill(url, token)
    monkeypatch.setenv("KANPORT_URL", url)
    monkeypatch.setenv("KANPORT_TOKEN", token)


def test_the_samples_are_planned_and_applied_and_then_nothing_is_left(
    filled: None, kanport: Kanport
) -> None:
    planned = kanport("plan", MAPPING, "-o", "plan.json")
    assert planned.code == 0, planned
    plan = json.loads(Path("plan.json").read_text(encoding="utf-8"))
    assert plan["summary"].keys() >= {"user.create", "user.disable", "membership.revoke"}
    done = kanport("apply", "plan.json", "--yes", "--format", "json")
    assert done.code == 0, done
    tally = json.loads(done.out)["tally"]
    assert tally["done"] == tally["planned"] == len(plan["changes"])
    again = kanport("plan", MAPPING, "--check")
    assert again.code == 0, again
    assert "Nothing to change" in again.out
    assert kanport("verify", "plan.json").code == 0
    quiet = kanport("--quiet", "sync", MAPPING)
    assert (quiet.code, quiet.out, quiet.err) == (0, "", "")
