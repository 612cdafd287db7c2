"""`kanport state` on the command line."""

import json
from pathlib import Path

import pytest

from kanport.sandbox import Sandbox
from tests.support.command_line import Kanport


@pytest.fixture
def filled(server: Sandbox, club: Path) -> Sandbox:
    with server.store.transaction():
        ada = server.store.add_user("ada", twofactor_activated=1)
        server.store.add_user("stray", role="app-admin")
        server.store.add_member(1, ada, "project-manager")
    return server


def test_state_needs_no_mapping(filled: Sandbox, kanport: Kanport) -> None:
    ended = kanport("state")
    assert ended.code == 0
    assert "3 users = 3 active + 0 disabled" in ended.out
    assert "In no source" not in ended.out


def test_state_with_a_mapping_says_who_is_in_no_source(
    filled: Sandbox, kanport: Kanport, club: Path
) -> None:
    ended = kanport("state", str(club), "--table", "orphans", "--format", "csv")
    assert ended.code == 0
    assert [line.split(",")[0] for line in ended.out.splitlines()] == ["User", "admin", "stray"]


def test_a_snapshot_is_rendered_again_without_a_server(
    filled: Sandbox, kanport: Kanport, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = kanport("state", "-o", "now.json", "-o", "now.html", "-o", "-", "--format", "json")
    assert ended.code == 0
    assert json.loads(ended.out) == json.loads(Path("now.json").read_text())
    monkeypatch.delenv("KANPORT_URL")
    again = kanport("state", "now.json", "-o", "again.html")
    assert again.code == 0
    assert Path("again.html").read_bytes() == Path("now.html").read_bytes()


def test_an_unknown_list_is_an_error_in_every_format(filled: Sandbox, kanport: Kanport) -> None:
    for options in ([], ["--format", "csv"], ["-o", "x.csv"], ["-o", "x.html"], ["-o", "x.json"]):
        ended = kanport("state", "--table", "nothing", *options)
        assert (ended.code, ended.out) == (2, "")
        assert "no-two-factor" in ended.err
    assert not list(Path().glob("x.*"))


@pytest.mark.parametrize("name", ["orphans", "unclear", "open", "no-account", "separation"])
def test_a_list_of_the_mapping_is_not_called_unknown_without_one(
    filled: Sandbox, kanport: Kanport, name: str
) -> None:
    ended = kanport("state", "--table", name)
    assert ended.code == 2
    assert f'the list "{name}" needs a mapping' in ended.err


@pytest.mark.parametrize("name", ["orphans", "unclear", "open", "no-account"])
def test_a_list_of_the_mapping_can_be_empty(
    filled: Sandbox, kanport: Kanport, club: Path, name: str
) -> None:
    assert kanport("state", str(club), "--table", name, "-o", f"{name}.csv").code == 0


def test_a_comparison_is_not_called_a_snapshot(filled: Sandbox, kanport: Kanport) -> None:
    assert "Wrote old.json: snapshot" in kanport("state", "-o", "old.json").err
    ended = kanport("state", "--compare", "old.json", "-o", "new.json")
    assert "Wrote new.json: comparison of two snapshots" in ended.err
    for wrong in (["old.json", "new.json"], ["new.json"]):
        refused = kanport("state", "--compare", *wrong)
        assert refused.code != 0
        assert "this is a comparison" in refused.err


def test_a_snapshot_is_not_lost_by_another_file(filled: Sandbox, kanport: Kanport) -> None:
    assert kanport("state", "-o", "now.json").code == 0
    # A new snapshot takes the place of an old one; a plan or a report does not.
    assert kanport("state", "-o", "now.json").code == 0
    assert kanport("state", "now.json", "-o", "now.json").code == 2
    plan = Path("plan.json")
    plan.write_text('{"format": "kanport-plan/1"}')
    assert kanport("state", "-o", "plan.json").code == 2


def test_a_summary_has_the_counts_and_no_list(filled: Sandbox, kanport: Kanport) -> None:
    told = kanport("state", "--summary").out
    assert "3 users = 3 active + 0 disabled" in told
    assert "Administrators: 1" not in told
    assert len(told.splitlines()) < 10
