"""The whole way through the command line: from files to a changed server, and every way to stop."""

import json
from pathlib import Path

import pytest

from kanport.sandbox import Sandbox
from tests.support.command_line import Kanport
from tests.support.files import MAPPING, PEOPLE, write_files


@pytest.fixture
def club(server: Sandbox, tmp_path: Path) -> Path:
    """A server with two projects, and files that want three people in them."""
    store = server.store
    alpha = store.add_project("Alpha", identifier="ALPHA")
    store.add_project("Beta board")
    store.add_user("svc-backup", name="Backup")
    gone = store.add_user("gone", name="Gone Girl", email="gone@example.org")
    store.add_member(alpha, gone)
    store.add_user("robert", name="Bob Ross", email="bob@example.org")
    return write_files(tmp_path)


def test_plan_apply_plan_is_empty(server: Sandbox, kanport: Kanport, club: Path) -> None:
    planned = kanport("plan", club, "-o", "plan.json")
    assert planned.code == 0, planned
    assert not server.writes
    done = kanport("apply", "plan.json", "--yes")
    assert done.code == 0, done
    after = server.store.snapshot()
    assert set(after.users) == {"admin", "svc-backup", "gone", "ada", "bob", "chloé"}
    assert not after.users["gone"].is_active
    assert after.users["ada"].role == "app-manager"
    assert after.memberships == {
        ("ALPHA", "ada"): "project-manager",
        ("ALPHA", "bob"): "project-member",
        ("Beta board", "chloé"): "project-viewer",
    }
    again = kanport("plan", club, "--check")
    assert again.code == 0, again
    assert "Nothing to change" in again.out


def test_sync_does_it_in_one_and_is_quiet_the_second_time(
    server: Sandbox, kanport: Kanport, club: Path, tmp_path: Path
) -> None:
    first = kanport("sync", club, "--state", "state")
    assert first.code == 0, first
    assert "a second plan has no changes" in first.err
    kept = sorted(path.name for path in (tmp_path / "state").iterdir() if path.is_file())
    assert [name.rsplit(".", 2)[1] for name in kept] == ["journal", "plan"]
    server.forget_requests()
    second = kanport("--quiet", "sync", club, "--state", "state")
    assert (second.code, second.out, second.err) == (0, "", "")
    assert not server.writes
    assert sorted(path.name for path in (tmp_path / "state").iterdir() if path.is_file()) == kept


def test_a_sync_without_a_terminal_tells_what_changed_and_what_to_look_at(
    kanport: Kanport, club: Path, tmp_path: Path
) -> None:
    assert "ada" in kanport("sync", club).out
    assert kanport("sync", club, "--quiet", "--format", "json").out
    protecting = MAPPING.replace("[admin,", "[admin, ada,")
    write_files(tmp_path, mapping=protecting, people=PEOPLE.replace("Ada Lovelace", "Ada L."))
    warned = kanport("sync", club)
    assert warned.code == 0, warned
    assert "person-protected" in warned.out


def test_quiet_prints_nothing_but_what_went_wrong(
    kanport: Kanport, club: Path, tmp_path: Path
) -> None:
    for command in (["validate", club], ["plan", club], ["sync", club], ["plan", club]):
        quiet = kanport("--quiet", *command)
        assert (quiet.code, quiet.out, quiet.err) == (0, "", ""), command
    write_files(tmp_path, mapping=MAPPING + "limits: {create: 0}\n", people=PEOPLE + "eve,Eve,,\n")
    stopped = kanport("--quiet", "plan", club)
    assert (stopped.code, stopped.out) == (4, "")
    assert stopped.err.startswith("Error: limit-create stopped the plan: Limit exceeded: 1 user")
    assert stopped.err.count("\n") == 1


def test_a_plan_that_a_guard_stops_says_so_in_the_last_line_of_stderr_too(
    kanport: Kanport, club: Path, tmp_path: Path
) -> None:
    write_files(tmp_path, mapping=MAPPING + "limits: {create: 0}\n")
    stopped = kanport("plan", club)
    assert stopped.err.splitlines()[-1] == (
        "Error: limit-create stopped the plan: Limit exceeded: 2 users would be created, 0 allowed"
    )


def test_a_plan_with_random_passwords_says_how_to_keep_them(kanport: Kanport, club: Path) -> None:
    # It concerns the command that applies the plan, which only a saved plan has.
    assert "--passwords-to" not in kanport("plan", club).out
    steps = kanport("plan", club, "-o", "plan.json").out
    assert "kanport apply plan.json --passwords-to new-passwords.csv" in steps
    assert "Without --passwords-to, the random passwords of new users are lost." in steps
    kanport("sync", club)
    assert "--passwords-to" not in kanport("plan", club, "-o", "plan.json").out


def test_a_plan_that_a_guard_stops_is_not_offered_to_apply(
    kanport: Kanport, club: Path, tmp_path: Path
) -> None:
    write_files(tmp_path, mapping=MAPPING + "limits: {create: 0}\n")
    stopped = kanport("plan", club, "-o", "plan.json")
    assert stopped.code == 4, stopped
    assert "kanport apply" not in stopped.out


def test_pending_changes_make_a_check_exit_with_10(kanport: Kanport, club: Path) -> None:
    assert kanport("plan", club, "--check").code == 10


def test_the_plan_on_stdout_is_the_plan_in_the_file(kanport: Kanport, club: Path) -> None:
    shown = kanport("plan", club, "-o", "plan.json", "--format", "json")
    plan = json.loads(shown.out)
    assert plan == json.loads(Path("plan.json").read_text(encoding="utf-8"))
    assert plan["format"] == "kanport-plan/1"


def test_apply_gives_clean_json_with_a_tally_that_adds_up(kanport: Kanport, club: Path) -> None:
    kanport("plan", club, "-o", "plan.json")
    done = json.loads(kanport("apply", "plan.json", "--yes", "--format", "json").out)
    tally = done["tally"]
    assert tally["planned"] == tally["done"] == len(done["changes"])


def test_a_run_is_reported_from_its_journal(kanport: Kanport, club: Path) -> None:
    kanport("plan", club, "-o", "plan.json")
    kanport("apply", "plan.json", "--yes")
    told = kanport("report", "plan.journal.jsonl", "-o", "run.md", "-o", "run.json")
    assert told.code == 0, told
    assert "chloé" in Path("run.md").read_text(encoding="utf-8")
    assert json.loads(Path("run.json").read_text(encoding="utf-8"))["tally"]["failed"] == 0


def test_a_report_of_an_unknown_kind_is_wrong_usage(kanport: Kanport, club: Path) -> None:
    kanport("plan", club, "-o", "plan.json")
    refused = kanport("report", "plan.json", "-o", "plan.docx")
    assert refused.code == 2
    assert ".md" in refused.err


def test_a_plan_is_refused_where_the_server_has_moved(
    server: Sandbox, kanport: Kanport, club: Path
) -> None:
    kanport("plan", club, "-o", "plan.json")
    server.store.add_user("ada")
    server.forget_requests()
    refused = kanport("apply", "plan.json", "--yes")
    assert refused.code == 9, refused
    assert "ada" in refused.err
    assert not server.writes
    assert not Path("plan.journal.jsonl").exists()


def test_a_plan_for_another_server_is_refused(kanport: Kanport, club: Path) -> None:
    kanport("plan", club, "-o", "plan.json")
    refused = kanport("apply", "plan.json", "--yes", "--url", "http://127.0.0.1:9/jsonrpc.php")
    assert refused.code in (7, 9), refused


def test_a_plan_that_somebody_edited_is_refused(
    server: Sandbox, kanport: Kanport, club: Path
) -> None:
    kanport("plan", club, "-o", "plan.json")
    text = Path("plan.json").read_text(encoding="utf-8")
    Path("plan.json").write_text(text.replace("app-manager", "app-admin"), encoding="utf-8")
    server.forget_requests()
    refused = kanport("apply", "plan.json", "--yes")
    assert refused.code == 2, refused
    assert not server.requests


def test_without_a_terminal_apply_wants_to_be_told_yes(
    server: Sandbox, kanport: Kanport, club: Path
) -> None:
    kanport("plan", club, "-o", "plan.json")
    refused = kanport("apply", "plan.json")
    assert refused.code == 2
    assert "--yes" in refused.err
    assert not server.writes


def test_a_run_that_is_finished_is_resumed_without_a_trace(
    server: Sandbox, kanport: Kanport, club: Path
) -> None:
    kanport("plan", club, "-o", "plan.json")
    assert kanport("apply", "plan.json", "--yes").code == 0
    assert kanport("report", "plan.journal.jsonl", "-o", "run.html").code == 0
    journal = Path("plan.journal.jsonl").read_bytes()
    server.forget_requests()
    again = kanport("resume", "plan.journal.jsonl", "--passwords-to", "none.csv")
    assert again.code == 0, again
    assert "finished already" in again.err and "none.csv" not in again.err
    assert not server.writes
    assert Path("plan.journal.jsonl").read_bytes() == journal
    signed = kanport("verify-report", "run.html", "--journal", "plan.journal.jsonl")
    assert signed.code == 0, signed


def test_a_journal_that_is_there_is_refused_before_anything_is_asked_or_written(
    server: Sandbox, kanport: Kanport, club: Path
) -> None:
    kanport("plan", club, "-o", "plan.json")
    Path("plan.journal.jsonl").write_text("the record of a run", encoding="utf-8")
    server.forget_requests()
    refused = kanport("apply", "plan.json", "--passwords-to", "new.csv")
    assert refused.code == 2, refused
    assert "plan.journal.jsonl exists already" in refused.err
    assert "--journal" in refused.err
    assert not Path("new.csv").exists()
    assert not server.requests


def test_passwords_that_are_there_are_refused_before_anything_is_asked(
    server: Sandbox, kanport: Kanport, club: Path
) -> None:
    kanport("plan", club, "-o", "plan.json")
    Path("new.csv").write_text("username,password", encoding="utf-8")
    refused = kanport("apply", "plan.json", "--passwords-to", "new.csv")
    assert refused.code == 2, refused
    assert "new.csv exists already" in refused.err
    assert not Path("plan.journal.jsonl").exists()


def test_a_limit_stops_the_plan_before_the_first_write(
    server: Sandbox, kanport: Kanport, club: Path, tmp_path: Path
) -> None:
    write_files(tmp_path, mapping=MAPPING + "limits: {create: 1}\n")
    planned = kanport("plan", club, "-o", "plan.json")
    assert planned.code == 4, planned
    for refused in (kanport("apply", "plan.json", "--yes"), kanport("sync", club)):
        assert refused.code == 4, refused
        assert "create" in refused.err
    assert not server.writes


def test_invalid_rows_stop_everything_and_are_all_named(
    server: Sandbox, kanport: Kanport, club: Path, tmp_path: Path
) -> None:
    broken = PEOPLE + "dan,Dan,not-an-address,\neve,Eve,eve@example.org,boss\n"
    write_files(tmp_path, people=broken)
    for command in (["validate", club], ["plan", club], ["sync", club]):
        stopped = kanport(*command)
        assert stopped.code == 5, stopped
        assert "people.csv:5:3" in stopped.out
        assert "people.csv:6:4" in stopped.out
    assert not server.writes


def test_invalid_rows_can_be_skipped_and_whom_they_name_is_left_alone(
    server: Sandbox, kanport: Kanport, club: Path, tmp_path: Path
) -> None:
    broken = PEOPLE + "gone,Gone,not-an-address,\n"
    write_files(tmp_path, mapping=MAPPING + "invalid_rows: skip\n", people=broken)
    done = kanport("sync", club)
    assert done.code == 3, done
    after = server.store.snapshot()
    assert after.users["gone"].is_active
    assert "ada" in after.users


def test_projects_that_the_server_lacks_are_to_be_created_and_not_skipped(
    kanport: Kanport, tmp_path: Path
) -> None:
    write_files(tmp_path)
    told = kanport("plan", "club.yaml")
    assert told.code == 5
    assert "create the projects, or let Kanport create them: projects: create" in told.err
    assert "invalid_rows" not in told.err


def test_an_unknown_project_stops_everything(
    server: Sandbox, kanport: Kanport, club: Path, tmp_path: Path
) -> None:
    write_files(tmp_path, grants="Login,Project,Access\nada,ALPAH,M\n")
    stopped = kanport("plan", club)
    assert stopped.code == 5, stopped
    assert "ALPAH" in stopped.out
    assert "grants.csv:2:2" in stopped.out


def test_a_mapping_with_mistakes_shows_them_all(
    kanport: Kanport, club: Path, tmp_path: Path
) -> None:
    bad = MAPPING.replace("disable", "disabel").replace(" name: {from", " nmae: {from")
    write_files(tmp_path, mapping=bad)
    stopped = kanport("validate", club)
    assert stopped.code == 6, stopped
    assert 'club.yaml:15:5: unknown key "nmae"' in stopped.err
    assert "club.yaml:18:12: missing must be" in stopped.err
    assert stopped.err.count("hint:") == 2


@pytest.mark.parametrize("missing", ["people.csv", "club.yaml"])
def test_a_file_that_is_not_there_is_named(
    kanport: Kanport, club: Path, tmp_path: Path, missing: str
) -> None:
    (tmp_path / missing).unlink()
    stopped = kanport("validate", club)
    assert stopped.code == {"people.csv": 7, "club.yaml": 6}[missing], stopped
    assert missing in stopped.err


@pytest.mark.parametrize(
    ("people", "word"),
    [("", "empty"), ("Login,Name,Mail,Role\n", "no rows"), ("Login,Name\nada,Ada\n", "Mail")],
)
def test_a_source_of_the_wrong_form_says_so(
    kanport: Kanport, club: Path, tmp_path: Path, people: str, word: str
) -> None:
    write_files(tmp_path, people=people)
    stopped = kanport("validate", club)
    assert stopped.code == 5, stopped
    assert word in stopped.out + stopped.err


def test_a_wrong_token_is_said_once_and_not_tried_again(
    server: Sandbox, kanport: Kanport, club: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KANPORT_TOKEN", "wrong")
    stopped = kanport("plan", club)
    assert stopped.code == 7, stopped
    assert len(server.requests) == 1
    assert "token" in stopped.err
    assert "wrong" not in stopped.err.replace("wrong token", "")


def test_a_server_that_is_down_is_said(kanport: Kanport, club: Path) -> None:
    stopped = kanport("plan", club, "--url", "http://127.0.0.1:1")
    assert stopped.code == 7, stopped
    assert "127.0.0.1:1" in stopped.err


def test_without_a_server_every_place_that_was_looked_at_is_listed(
    kanport: Kanport, club: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KANPORT_URL")
    stopped = kanport("plan", club)
    assert stopped.code == 6, stopped
    assert "--url" in stopped.err
    assert "KANPORT_URL" in stopped.err


def test_a_bug_is_told_without_a_traceback(
    kanport: Kanport, club: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(path: Path) -> None:
        raise RuntimeError("sesame")

    monkeypatch.setattr("kanport.pipeline.inputs.load_mapping", broken)
    stopped = kanport("validate", club)
    assert stopped.code == 1
    assert "Traceback" not in stopped.err
    assert "sesame" not in stopped.err


def test_a_plan_without_changes_says_that_nothing_was_compared(
    kanport: Kanport, server: Sandbox, tmp_path: Path
) -> None:
    write_files(tmp_path)
    server.store.add_project("Alpha", identifier="ALPHA")
    server.store.add_project("Beta board")
    assert kanport("sync", "club.yaml").code == 0
    assert kanport("plan", "club.yaml", "-o", "plan.json").code == 0
    told = kanport("apply", "plan.json", "--yes")
    assert told.code == 0
    assert "did not compare it with the server" in told.err
