"""The use cases from Python: what they return, report and raise, and that they never print."""

from collections.abc import Iterator
from pathlib import Path

import pytest

import kanport
from kanport.api import (
    Application,
    Ended,
    Notice,
    PlanMade,
    Progress,
    RemainingChanges,
    RunEnded,
    Settled,
    SourcesRead,
    Stage,
    Started,
    load,
    save,
)
from kanport.outcome import Status
from kanport.sandbox import Sandbox
from tests.support.files import MAPPING, PEOPLE, write_files


@pytest.fixture(autouse=True)
def _quiet(capfd: pytest.CaptureFixture[str]) -> Iterator[None]:
    yield
    said = capfd.readouterr()
    assert (said.out, said.err) == ("", "")


@pytest.fixture
def club(server: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A mapping that wants three people in two projects, and a server that has the projects."""
    for name in ("KANPORT_URL", "KANPORT_TOKEN", "KANPORT_TOKEN_FILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("KANPORT_STATE", str(tmp_path / "state"))
    server.store.add_project("Alpha", identifier="ALPHA")
    server.store.add_project("Beta board")
    write_files(tmp_path)
    return tmp_path / "club.yaml"


@pytest.fixture
def open_server(server: Sandbox) -> Iterator[kanport.Client]:
    with kanport.connect(server.url, token=server.token) as connection:
        yield connection


def stop_at_once() -> bool:
    return True


def test_reading_gives_what_the_sources_ask_for_and_what_is_wrong(club: Path) -> None:
    write_files(club.parent, people=PEOPLE + "dan,Dan,no-address,\n")
    inputs = kanport.read(club)
    assert len(inputs.desired.users) == 3
    errors = [finding.code for finding in inputs.findings if finding.severity == "error"]
    assert errors == ["email-invalid"]
    assert inputs.exit_code is kanport.Exit.SOURCE
    assert "people.csv:5" in kanport.render(inputs)


def test_a_plan_is_carried_out_verified_and_taken_back(
    club: Path, open_server: kanport.Client, server: Sandbox
) -> None:
    plan = kanport.plan(kanport.read(club), open_server)
    assert plan.exit_code is kanport.Exit.OK
    assert not plan.blocked_by
    journal = club.parent / "run.jsonl"
    result = kanport.apply(plan, open_server, journal=journal)
    assert result.exit_code is kanport.Exit.OK
    assert result.tally.done == len(result.changes) == len(result.outcomes) == 6
    assert result.lost_passwords == ("ada", "bob", "chloé")
    assert {"ada", "bob", "chloé"} <= set(server.store.snapshot().users)
    assert kanport.verify(plan, open_server).exit_code is kanport.Exit.OK
    back = kanport.undo(journal, open_server)
    undone = kanport.apply(back, open_server)
    assert undone.journal is not None
    assert undone.journal.parent == club.parent / "state"
    verification = kanport.verify(journal, open_server)
    assert verification.run is not None
    assert verification.exit_code is kanport.Exit.PARTIAL
    assert len(verification.mismatches) == 6


def test_a_plan_of_a_file_has_its_journal_beside_it(
    club: Path, open_server: kanport.Client
) -> None:
    path = club.parent / "plan.json"
    save(kanport.plan(kanport.read(club), open_server), path)
    result = kanport.apply(path, open_server, passwords_to=club.parent / "new.csv")
    assert result.journal == club.parent / "plan.journal.jsonl"
    assert result.lost_passwords == ()
    assert load(path) == result.plan
    recorded = load(result.journal)
    assert isinstance(recorded, kanport.Result)
    assert recorded.outcomes == result.outcomes
    assert recorded.lost_passwords == ()
    with pytest.raises(kanport.UsageError, match="nothing is left to do"):
        kanport.apply(path, open_server)


def test_the_nightly_run_in_one_call(club: Path, server: Sandbox) -> None:
    events: list[Progress] = []
    result = kanport.sync(club, url=server.url, token=server.token, progress=events.append)
    assert result.exit_code is kanport.Exit.OK
    assert result.needed == ()
    assert result.plan_file is not None
    assert result.plan_file.exists()
    assert result.journal is not None
    assert result.journal.exists()
    kinds = [event.stage if isinstance(event, Started) else type(event) for event in events]
    settled = [event for event in events if isinstance(event, Settled)]
    assert [one.outcome.status for one in settled] == [Status.DONE] * 6
    assert [kind for kind in kinds if kind is not Settled] == [
        *(Stage.SOURCES, Ended, SourcesRead, Stage.SERVER, Ended, PlanMade),
        *(Stage.CHANGES, Ended, RunEnded, Stage.VERIFICATION, Ended, RemainingChanges),
    ]
    again = kanport.sync(club, url=server.url, token=server.token)
    assert (again.run, again.journal, again.exit_code) == (None, None, kanport.Exit.OK)
    assert again.tally.planned == 0


def test_a_guard_stops_the_nightly_run_before_the_first_write(club: Path, server: Sandbox) -> None:
    write_files(club.parent, mapping=MAPPING + "limits: {create: 2}\n")
    before = server.store.snapshot()
    with pytest.raises(kanport.GuardTripped) as stopped:
        kanport.sync(club, url=server.url, token=server.token)
    assert stopped.value.exit_code is kanport.Exit.GUARD
    assert stopped.value.details[0].startswith("limit-create")
    assert server.store.snapshot() == before
    result = kanport.sync(club, url=server.url, token=server.token, allow={"create": 3})
    assert result.exit_code is kanport.Exit.OK


def test_what_is_allowed_must_mean_something(club: Path, server: Sandbox) -> None:
    with pytest.raises(kanport.UsageError):
        kanport.sync(club, url=server.url, token=server.token, allow={"everything": 3})
    assert not server.requests


def test_a_run_that_is_stopped_is_resumed(club: Path, open_server: kanport.Client) -> None:
    plan = kanport.plan(kanport.read(club), open_server)
    journal = club.parent / "run.jsonl"
    stopped = kanport.apply(plan, open_server, journal=journal, should_stop=stop_at_once)
    assert stopped.exit_code is kanport.Exit.INTERRUPTED
    assert stopped.tally.not_attempted == 6
    with pytest.raises(kanport.UsageError, match="was cut off: 0 of its 6"):
        kanport.apply(plan, open_server, journal=journal)
    finished = kanport.resume(journal, open_server)
    assert finished.exit_code is kanport.Exit.OK
    assert kanport.resume(journal, open_server).outcomes == finished.outcomes


def test_a_run_that_was_cut_off_is_settled_and_reported_as_a_notice(
    club: Path, server: Sandbox
) -> None:
    stopped = kanport.sync(club, url=server.url, token=server.token, should_stop=stop_at_once)
    assert stopped.run is not None
    assert stopped.journal is not None
    lines = stopped.journal.read_text().splitlines(keepends=True)
    stopped.journal.write_text("".join(lines[:-1]))
    events: list[Progress] = []
    result = kanport.sync(club, url=server.url, token=server.token, progress=events.append)
    assert result.exit_code is kanport.Exit.OK
    (notice,) = result.notices
    assert (notice.code, notice["run"], notice["planned"]) == ("run-settled", stopped.run.id, 6)
    assert Notice(notice) in events


def test_an_extract_is_rendered_and_never_applied(club: Path, open_server: kanport.Client) -> None:
    plan = kanport.plan(kanport.read(club), open_server)
    users = plan.only(lambda change: change.action.startswith("user."))
    assert users.summary == {"user.create": 3}
    page = club.parent / "users.html"
    kanport.render(users, page)
    assert "Ada Lovelace" in page.read_text("utf-8")
    assert "ALPHA" not in kanport.render(users, format="csv", table="changes")
    with pytest.raises(kanport.UsageError, match="was changed"):
        kanport.apply(users, open_server)


def test_a_plan_that_somebody_edited_is_refused(club: Path, open_server: kanport.Client) -> None:
    plan = kanport.plan(kanport.read(club), open_server)
    edited = plan.model_copy(update={"changes": plan.changes[:1]})
    with pytest.raises(kanport.UsageError, match="was changed"):
        kanport.apply(edited, open_server)


@pytest.mark.parametrize("form", ["text", "markdown", "json", "html", "csv", "junit", "sarif"])
def test_every_value_is_rendered(club: Path, open_server: kanport.Client, form: str) -> None:
    inputs = kanport.read(club)
    plan = kanport.plan(inputs, open_server)
    result = kanport.apply(plan, open_server)
    for what in (inputs, plan, result, kanport.verify(plan, open_server)):
        assert kanport.render(what, format=form)
        assert "Lovelace" not in kanport.render(what, format=form, mask=True)


def test_a_format_that_is_none_and_one_without_text_are_refused(club: Path) -> None:
    inputs = kanport.read(club)
    with pytest.raises(kanport.UsageError, match='"docx" is not a format'):
        kanport.render(inputs, format="docx")
    with pytest.raises(kanport.UsageError, match="needs a file"):
        kanport.render(inputs, format="excel")


def test_two_runs_at_once_are_refused(club: Path, open_server: kanport.Client) -> None:
    plan = kanport.plan(kanport.read(club), open_server)
    application = Application(plan)
    with application.on(open_server), pytest.raises(kanport.LockHeld):
        kanport.sync(club, server=open_server)


def test_a_server_without_a_token_is_refused_before_anything_is_sent(server: Sandbox) -> None:
    with pytest.raises(kanport.ConfigInvalid):
        kanport.connect(server.url)
    assert not server.requests


def test_a_plan_that_needs_an_approval_is_refused_without_one(
    club: Path, open_server: kanport.Client
) -> None:
    plan = kanport.plan(kanport.read(club), open_server)
    with pytest.raises(kanport.GuardTripped, match="not approved"):
        kanport.apply(plan, open_server, require_approval=True)


def test_a_connection_that_only_reads_carries_nothing_out_and_leaves_no_journal(
    club: Path, server: Sandbox
) -> None:
    journal = club.parent / "run.jsonl"
    with kanport.connect(server.url, token=server.token, read_only=True) as reading:
        plan = kanport.plan(kanport.read(club), reading)
        with pytest.raises(kanport.UsageError):
            kanport.apply(plan, reading, journal=journal)
    assert not journal.exists()


def test_a_closed_connection_sends_nothing(club: Path, server: Sandbox) -> None:
    with kanport.connect(server.url, token=server.token) as connection:
        plan = kanport.plan(kanport.read(club), connection)
    before = server.store.snapshot()
    with pytest.raises(kanport.UsageError):
        kanport.apply(plan, connection)
    assert server.store.snapshot() == before


@pytest.mark.parametrize(
    "wrong",
    [
        {"connections": 0},
        {"connections": -2},
        {"rate": 0},
        {"batch_size": -1},
        {"max_errors": -1},
        {"retries": -1},
        {"pause": -0.5},
    ],
    ids=str,
)
def test_options_that_no_run_can_work_with_are_refused_at_once(wrong: dict[str, float]) -> None:
    with pytest.raises(kanport.UsageError, match=next(iter(wrong))):
        kanport.Options(**wrong)  # type: ignore[arg-type]


def test_all_options_that_are_wrong_are_named_at_once() -> None:
    with pytest.raises(kanport.UsageError, match=r"connections.*rate"):
        kanport.Options(connections=0, rate=0)


def test_a_table_that_is_none_is_refused(club: Path) -> None:
    with pytest.raises(kanport.UsageError, match="nope"):
        kanport.render(kanport.read(club), format="csv", table="nope")


def test_a_token_that_cannot_be_one_is_named_as_it_was_given(server: Sandbox) -> None:
    with pytest.raises(kanport.ConfigInvalid) as refused:
        kanport.connect(server.url, token="two\nlines")
    assert "KANPORT_TOKEN" not in str(refused.value)
