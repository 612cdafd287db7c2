"""Plans, journals, approvals and ledgers of earlier versions: read, resumed, undone, verified."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from kanport.sandbox import Sandbox, SandboxOptions
from kanport.sandbox.store import StoreSnapshot
from tests.support.command_line import Kanport
from tests.support.proxy import RECORDED_TOKEN, RECORDED_URL, proxy_to
from tests.versions.record import KEY

VERSIONS = sorted(path for path in Path(__file__).parent.glob("v*") if path.is_dir())
Serve = Callable[[str], Sandbox]


@pytest.fixture(params=VERSIONS, ids=lambda path: path.name)
def serve(
    request: pytest.FixtureRequest, kanport: Kanport, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Serve]:
    """Serve the recorded server as it was at a moment, with all that was written until then.

    The working folder holds the files.
    """
    for path in request.param.iterdir():
        shutil.copy2(path, Path.cwd() / path.name)
    monkeypatch.setenv("KANPORT_URL", RECORDED_URL)
    monkeypatch.setenv("KANPORT_TOKEN", RECORDED_TOKEN)
    monkeypatch.setenv("KANPORT_ALLOW_HTTP", "1")
    with ExitStack() as stack:

        def at(moment: str) -> Sandbox:
            for name in ("server.sqlite", "club.ledger"):
                shutil.copy2(f"{moment}.{name}", name)
            options = SandboxOptions(token=RECORDED_TOKEN, store=Path("server.sqlite").absolute())
            sandbox = stack.enter_context(Sandbox(options))
            monkeypatch.setenv("http_proxy", stack.enter_context(proxy_to(sandbox.url)))
            return sandbox

        yield at


def pending(kanport: Kanport) -> list[tuple[str, str | None, str | None]]:
    """Plan the mapping, and return what would change."""
    ended = kanport("plan", "club.yaml", "--format", "json")
    assert ended.code == 0, ended.err
    changes = json.loads(ended.out)["changes"]
    return [
        (each["action"], each["subject"].get("username"), each["subject"].get("project"))
        for each in changes
    ]


def wanted(snapshot: StoreSnapshot) -> StoreSnapshot:
    """Check that a server is as the recorded plan wants it, and return its state."""
    assert snapshot.users["robert"].id == 3
    assert not snapshot.users["dan"].is_active
    assert snapshot.users["chloé"].email == "chloe.dupont@example.org"
    assert snapshot.memberships["BETA", "hal"] == "project-member"
    assert ("ALPHA", "dan") not in snapshot.memberships
    assert snapshot.groups["Helpers"].members == {"fay", "gus"}
    assert snapshot.group_access["BETA", "Helpers"] == "project-viewer"
    return snapshot


def test_an_approved_plan_is_carried_out_and_leaves_nothing_to_do(
    serve: Serve, kanport: Kanport
) -> None:
    server = serve("before")
    ended = kanport("apply", "plan.json", "--yes", "--require-approval", "--journal", "j.jsonl")
    assert ended.code == 0, ended.err
    assert "Grace Hopper" in ended.out
    wanted(server.store.snapshot())
    assert pending(kanport) == []


def test_a_signed_approval_is_taken_with_its_key_only(
    serve: Serve, kanport: Kanport, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve("before")
    before = server.store.snapshot()
    monkeypatch.setenv("KANPORT_APPROVAL_KEY", KEY[::-1])
    ended = kanport("apply", "signed.json", "--yes", "--require-approval")
    assert ended.code != 0
    assert server.store.snapshot() == before
    monkeypatch.setenv("KANPORT_APPROVAL_KEY", KEY)
    ended = kanport("apply", "signed.json", "--yes", "--require-approval")
    assert ended.code == 0, ended.err
    wanted(server.store.snapshot())


def test_a_run_that_was_cut_off_is_finished(serve: Serve, kanport: Kanport) -> None:
    server = serve("cut")
    ended = kanport("resume", "cut.journal.jsonl")
    assert ended.code == 0, ended.err
    wanted(server.store.snapshot())
    assert pending(kanport) == []


def test_the_ledger_still_knows_whom_kanport_renamed_and_disabled(
    serve: Serve, kanport: Kanport
) -> None:
    server = serve("after")
    assert pending(kanport) == [("membership.grant", "hal", "BETA")]
    people = Path("people.csv").read_text(encoding="utf-8")
    Path("people.csv").write_text(
        people.replace("2,robert", "2,bobby") + "4,dan,Dan Brown,dan@example.org,\n",
        encoding="utf-8",
    )
    Path("grants.csv").write_text(
        Path("grants.csv").read_text(encoding="utf-8").replace("robert", "bobby"), encoding="utf-8"
    )
    assert ("user.rename", "robert", None) in pending(kanport)
    assert ("user.enable", "dan", None) in pending(kanport)
    assert server.writes.total() == 0


def test_verify_finds_what_failed(serve: Serve, kanport: Kanport) -> None:
    serve("after")
    for of in ("plan.json", "plan.journal.jsonl"):
        ended = kanport("verify", of, "--format", "json")
        assert ended.code == 3, ended.err
        counted = json.loads(ended.out)
        assert counted["verified"] == {"planned": 18, "as_planned": 17, "not_as_planned": 1}


def test_a_finished_run_is_undone(serve: Serve, kanport: Kanport) -> None:
    before = serve("before").store.snapshot()
    server = serve("after")
    ended = kanport("undo", "plan.journal.jsonl", "-o", "back.json")
    assert ended.code == 0, ended.err
    ended = kanport("apply", "back.json", "--yes")
    assert ended.code == 0, ended.err
    after = server.store.snapshot()
    made = {"gus", "hal"}
    assert {name for name in after.users if name not in made} == set(before.users)
    assert not any(after.users[name].is_active for name in made)
    # What fay had through a group is a direct membership now; the role is the one that she had.
    direct = {**before.memberships, ("BETA", "fay"): "project-member"}
    assert {pair: role for pair, role in after.memberships.items() if pair[1] not in made} == direct
    assert after.group_access == before.group_access
    for name, group in before.groups.items():
        assert after.groups[name].members - made == group.members


@pytest.mark.parametrize("ending", ["html", "json", "md", "xlsx", "csv", "txt"])
@pytest.mark.parametrize(
    "of", ["plan.json", "plan.journal.jsonl", "cut.journal.jsonl", "first.journal.jsonl"]
)
def test_reports_are_made_of_them(serve: Serve, kanport: Kanport, of: str, ending: str) -> None:
    serve("after")
    ended = kanport("report", of, "-o", f"report.{ending}")
    assert ended.code == 0, ended.err
    assert Path(f"report.{ending}").stat().st_size > 200


def test_a_run_with_a_failure_is_told_with_its_failure(serve: Serve, kanport: Kanport) -> None:
    serve("after")
    assert kanport("report", "plan.journal.jsonl", "-o", "report.json").code == 0
    report = json.loads(Path("report.json").read_text(encoding="utf-8"))
    failed = [each for each in report["changes"] if each["outcome"]["status"] == "failed"]
    assert [(each["username"], each["project"]) for each in failed] == [("hal", "BETA")]
