"""Random passwords are never lost silently; whoever finishes a run gets the whole command."""

import json
import shlex
from pathlib import Path

import pytest

from kanport.sandbox import InjectedFault, Reply, Sandbox
from tests.scenarios.test_checks_when_it_counts import cut, unchained
from tests.support.command_line import Kanport
from tests.support.files import write_files
from tests.support.terminal import Terminal, last_lines


@pytest.fixture
def club(server: Sandbox, kanport: Kanport, tmp_path: Path) -> Path:
    """A plan that creates ada, bob and chloé with random passwords."""
    server.store.add_project("Alpha", identifier="ALPHA")
    server.store.add_project("Beta board")
    write_files(tmp_path)
    assert kanport("plan", "club.yaml", "-o", "plan.json").code == 0
    return tmp_path


def stop_after(server: Sandbox, users: int) -> None:
    """Let the server be lost for good after so many users were created."""
    made: list[int] = []

    def fault(names: tuple[str, ...]) -> InjectedFault | None:
        if len(made) >= 1:
            return InjectedFault(after=0, reply=Reply(401, "application/json", b""))
        if "createUser" in names:
            made.append(users)
            return InjectedFault(after=users, reply=Reply(401, "application/json", b""))
        return None

    server.fault = fault


def printed_command(text: str) -> list[str]:
    """Give the arguments of the last `kanport resume …` that was printed."""
    (*_, line) = [one for one in text.splitlines() if "kanport resume" in one]
    return shlex.split(line[line.index("kanport resume") :])[1:]


def passwords_in(path: Path) -> set[str]:
    return {line.split(",")[0] for line in path.read_text(encoding="utf-8").split()[1:]}


ENVIRON = {"KANPORT_STATE": "state"}


def environ(server: Sandbox) -> dict[str, str]:
    return {"KANPORT_URL": server.url, "KANPORT_TOKEN": server.token, **ENVIRON}


# --- interrupted, and finished with exactly what was printed -------------------------------------


@pytest.mark.parametrize("users", [0, 1, 2, 3])
def test_the_printed_command_finishes_the_run_and_keeps_every_password(
    server: Sandbox, kanport: Kanport, club: Path, users: int
) -> None:
    stop_after(server, users)
    stopped = kanport("apply", "plan.json", "--yes", "--passwords-to", "pw.csv")
    assert stopped.code == 7, stopped
    server.fault = None
    command = printed_command(stopped.err)
    assert "--passwords-to" in command
    done = kanport(*command)
    assert done.code == 0, done
    assert "the random passwords" not in done.err
    files = list(club.glob("pw*.csv"))
    assert len(files) == 2
    assert set().union(*map(passwords_in, files)) == {"ada", "bob", "chloé"}
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}


def test_after_a_kill_resume_asks_for_a_file_and_writes_nothing_without(
    server: Sandbox, kanport: Kanport, club: Path
) -> None:
    stop_after(server, 1)
    kanport("apply", "plan.json", "--yes", "--passwords-to", "pw.csv")
    server.fault = None
    server.forget_requests()
    for options in ((), ("--yes",), ("--yes", "--passwords-to", "pw.csv")):
        refused = kanport("resume", "plan.journal.jsonl", *options)
        assert refused.code == 2, refused
        assert not server.writes
        command = printed_command(refused.err)
        assert command == ["resume", "plan.journal.jsonl", "--passwords-to", "pw-2.csv"]
    assert kanport(*command).code == 0
    assert {"ada", "bob", "chloé"} <= set(server.store.snapshot().users)


def test_passwords_can_be_given_up_in_so_many_words(
    server: Sandbox, kanport: Kanport, club: Path
) -> None:
    stop_after(server, 1)
    kanport("apply", "plan.json", "--yes", "--passwords-to", "pw.csv")
    server.fault = None
    done = kanport("resume", "plan.journal.jsonl", "--yes", "--discard-passwords")
    assert done.code == 0, done
    assert not (club / "pw-2.csv").exists()


def test_a_rest_without_new_users_needs_no_file(
    server: Sandbox, kanport: Kanport, club: Path
) -> None:
    assert kanport("apply", "plan.json", "--yes", "--passwords-to", "pw.csv").code == 0
    journal = club / "plan.journal.jsonl"
    records = map(json.loads, journal.read_text(encoding="utf-8").splitlines())
    kept = [
        record
        for record in records
        if record["record"] in ("run", "outcome") and record.get("change", "c0001") <= "c0003"
    ]
    unchained(journal, kept)
    resumed = kanport("resume", journal, "--yes")
    assert resumed.code == 0, resumed
    assert "nobody has" not in resumed.err
    assert "pw.csv" in resumed.err


def test_a_second_interruption_still_knows_that_passwords_are_kept(
    server: Sandbox, kanport: Kanport, club: Path
) -> None:
    stop_after(server, 1)
    first = kanport("apply", "plan.json", "--yes", "--passwords-to", "pw.csv")
    stop_after(server, 1)
    second = kanport(*printed_command(first.err))
    assert second.code == 7, second
    server.fault = None
    command = printed_command(second.err)
    assert command[-1] == "pw-3.csv"
    assert kanport(*command).code == 0


# --- messages where passwords are lost ----------------------------------------------------------


def test_without_a_terminal_the_last_lines_say_whose_passwords_are_lost(
    kanport: Kanport, club: Path
) -> None:
    done = kanport("apply", "plan.json", "--yes")
    assert done.code == 0
    last = last_lines(done.err)
    for name in ("ada", "bob", "chloé"):
        assert name in last
    assert "--passwords-to" in last


@pytest.mark.parametrize("options", [("--passwords-to", "pw.csv"), ("--discard-passwords",)])
def test_nothing_is_told_where_none_is_lost(
    kanport: Kanport, club: Path, options: tuple[str, ...]
) -> None:
    assert "nobody has" not in kanport("apply", "plan.json", "--yes", *options).err


def test_a_run_without_new_users_says_nothing_of_passwords(kanport: Kanport, club: Path) -> None:
    kanport("apply", "plan.json", "--yes", "--discard-passwords")
    kanport("undo", "plan.journal.jsonl", "-o", "back.json")
    assert "password" not in kanport("apply", "back.json", "--yes").err


def test_sync_says_it_as_well(kanport: Kanport, club: Path) -> None:
    done = kanport("sync", "club.yaml")
    assert "ada, bob, chloé" in last_lines(done.out)
    assert "--passwords-to" in last_lines(done.out)


def test_on_a_terminal_apply_asks_where_they_go(server: Sandbox, club: Path) -> None:
    (club / "taken.csv").touch()
    with Terminal("apply", "plan.json", folder=club, environ=environ(server)) as terminal:
        terminal.wait_for("the passwords are lost")
        terminal.answer("taken.csv")
        terminal.wait_for("exists already")
        terminal.answer("new.csv")
        terminal.wait_for("Make ")
        terminal.answer("y")
        assert terminal.end() == 0, terminal.text
    assert passwords_in(club / "new.csv") == {"ada", "bob", "chloé"}


def test_on_a_terminal_they_can_be_given_up_and_that_is_told(server: Sandbox, club: Path) -> None:
    with Terminal("apply", "plan.json", folder=club, environ=environ(server)) as terminal:
        terminal.wait_for("the passwords are lost")
        terminal.answer("")
        terminal.wait_for("Make ")
        terminal.answer("y")
        assert terminal.end() == 0, terminal.text
    assert "the random passwords of 3 new users" in last_lines(terminal.text)


def test_apply_asks_again_for_a_passwords_file_in_an_impossible_place(
    server: Sandbox, club: Path
) -> None:
    with Terminal("apply", "plan.json", folder=club, environ=environ(server)) as terminal:
        terminal.wait_for("the passwords are lost")
        terminal.answer("no/such/folder/new.csv")
        terminal.wait_for("there is no folder")
        terminal.answer("new.csv")
        terminal.wait_for("Make ")
        terminal.answer("n")
        assert terminal.end() == 3, terminal.text
    assert not server.writes


# --- apply after a kill; resume of a finished run -------------------------------------------------


def test_apply_after_a_kill_prints_the_whole_command(
    server: Sandbox, kanport: Kanport, club: Path
) -> None:
    options = ("--passwords-to", "pw.csv", "--mapping", "club.yaml", "--rate", "500")
    assert kanport("apply", "plan.json", "--yes", *options, "--url", server.url).code == 0
    journal = club / "plan.journal.jsonl"
    cut(journal, ("run", "sent"))
    server.forget_requests()
    refused = kanport("apply", "plan.json", "--yes", *options, "--url", server.url)
    assert refused.code == 2, refused
    assert not server.requests
    assert "was cut off" in refused.err
    command = printed_command(refused.err)
    assert command[:2] == ["resume", "plan.journal.jsonl"]
    for option, value in zip(command[2::2], command[3::2], strict=True):
        assert (option, value) in {
            ("--passwords-to", "pw-2.csv"),
            ("--mapping", "club.yaml"),
            ("--rate", "500"),
            ("--url", server.url),
        }
    assert len(command) == 10
    assert kanport(*command, "--yes").code == 0


def test_the_command_survives_a_shell(server: Sandbox, kanport: Kanport, club: Path) -> None:
    odd = "it's plan.journal.jsonl"
    stop_after(server, 1)
    options = ("--journal", odd, "--passwords-to", "new pass words.csv")
    stopped = kanport("apply", "plan.json", "--yes", *options)
    server.fault = None
    command = printed_command(stopped.err)
    assert command == ["resume", odd, "--passwords-to", "new pass words-2.csv"]


def test_apply_of_a_plan_whose_run_is_finished_says_so(kanport: Kanport, club: Path) -> None:
    assert kanport("apply", "plan.json", "--yes").code == 0
    again = kanport("apply", "plan.json", "--yes")
    assert again.code == 2
    assert "nothing is left to do" in again.err


def test_apply_over_the_journal_of_another_plan_says_that_it_is_another(
    kanport: Kanport, club: Path
) -> None:
    assert kanport("apply", "plan.json", "--yes").code == 0
    kanport("undo", "plan.journal.jsonl", "-o", "back.json")
    refused = kanport("apply", "back.json", "--yes", "--journal", "plan.journal.jsonl")
    assert refused.code == 2
    assert "exists already" in refused.err
    assert "kanport resume" not in refused.err


def test_resume_of_a_finished_run_says_that_nothing_is_left_and_needs_no_server(
    server: Sandbox, kanport: Kanport, club: Path
) -> None:
    assert kanport("apply", "plan.json", "--yes", "--passwords-to", "pw.csv").code == 0
    journal = club / "plan.journal.jsonl"
    before = journal.read_bytes()
    (club / "club.yaml").unlink()
    server.stop()
    for options in ((), ("--yes",), ("-y",)):
        done = kanport("resume", journal, *options)
        assert done.code == 0, done
        assert "Nothing is left to do" in done.err
    assert journal.read_bytes() == before


def test_resume_on_a_terminal_asks_and_with_yes_does_not(
    server: Sandbox, kanport: Kanport, club: Path
) -> None:
    kanport("apply", "plan.json", "--yes", "--discard-passwords")
    journal = club / "plan.journal.jsonl"
    cut(journal)
    arguments = ("resume", journal, "--discard-passwords")
    with Terminal(*arguments, folder=club, environ=environ(server)) as terminal:
        terminal.wait_for("Finish the run")
        terminal.answer("n")
        assert terminal.end() != 0
    with Terminal(*arguments, "--yes", folder=club, environ=environ(server)) as terminal:
        assert terminal.end() == 0, terminal.text
    assert "Finish the run" not in terminal.text


def test_passwords_cannot_be_both_kept_and_discarded(kanport: Kanport, club: Path) -> None:
    options = ("--passwords-to", "pw.csv", "--discard-passwords")
    for command in ("apply", "plan.json"), ("sync", "club.yaml"), ("resume", "x.journal.jsonl"):
        told = kanport(*command, *options)
        assert told.code == 2 and "contradict each other" in told.err, command


def test_a_file_for_passwords_that_cannot_be_made_is_refused_before_the_run(
    server: Sandbox, kanport: Kanport, club: Path
) -> None:
    told = kanport("apply", "plan.json", "--yes", "--passwords-to", "nowhere/pw.csv")
    assert told.code == 2
    assert "there is no folder" in told.err and "nothing was written" in told.err
    assert "Hint: " in told.err
    assert not server.writes and not (club / "plan.journal.jsonl").exists()


def test_sync_refuses_a_file_with_passwords_before_the_run(
    server: Sandbox, kanport: Kanport, club: Path
) -> None:
    (club / "pw.csv").write_text("username,password\n", encoding="utf-8")
    told = kanport("sync", "club.yaml", "--passwords-to", "pw.csv")
    assert told.code == 2 and not server.writes
    assert "earlier run; nothing was written" in told.err
