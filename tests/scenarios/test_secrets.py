"""No secret leaves memory: not one of the server's, not one that was sent to it."""

import logging
from pathlib import Path

import pytest

from kanport.sandbox import Sandbox, SandboxOptions
from tests.support.command_line import Kanport
from tests.support.files import MAPPING, write_files

PASSWORD_OF_A_CELL = "correct horse, 'battery' staple"
PEOPLE = f"""\
Login,Name,Mail,Role,Password
ada,Ada Lovelace,ada@example.org,lead,"{PASSWORD_OF_A_CELL}"
bob,Bob Ross,bob@example.org,,
chloé,Chloé Dupont,chloe@example.org,,5h0r7
"""
GRANTS = "Login,Project,Access\nada,ALPHA,M\n"


def secrets_of(server: Sandbox) -> set[str]:
    """Give every hash and token that the server holds."""
    rows = server.store.rows(
        "SELECT password, twofactor_secret, api_access_token, token FROM users"
    )
    return {value for row in rows for value in row if value}


@pytest.mark.parametrize("dialect", ["sqlite", "mariadb", "postgres"])
def test_no_file_and_no_output_of_a_run_holds_a_secret(
    tmp_path: Path,
    kanport: Kanport,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    dialect: str,
) -> None:
    caplog.set_level(logging.DEBUG)
    with Sandbox(SandboxOptions(dialect=dialect, token="the-application-token")) as server:  # type: ignore[arg-type]
        monkeypatch.setenv("KANPORT_URL", server.url)
        monkeypatch.setenv("KANPORT_TOKEN", server.token)
        alpha = server.store.add_project("Alpha", identifier="ALPHA")
        gone = server.store.add_user("gone", password="secret of gone", email="g@example.org")
        server.store.add_member(alpha, gone)
        server.store.change(
            "UPDATE users SET twofactor_secret = 'TWOFACTOR' || id,"
            " api_access_token = 'APITOKEN' || id, token = 'FEEDTOKEN' || id"
        )
        secrets = secrets_of(server)
        mapping = MAPPING.replace("  missing:", "  password: {from: Password}\n  missing:")
        club = write_files(tmp_path, mapping=mapping, people=PEOPLE, grants=GRANTS)

        printed = [kanport("validate", club), kanport("plan", club)]
        assert printed[0].code == 5
        assert "5h0r7" not in printed[0].out + printed[0].err
        people = PEOPLE.replace("5h0r7", "")
        write_files(tmp_path, mapping=mapping, people=people, grants=GRANTS)
        arguments = ["--passwords-to", "new-passwords.csv"]
        for form in ("text", "json", "markdown", "html"):
            printed.append(kanport("plan", club, "-o", "plan.json", "--format", form))
        printed.append(kanport("apply", "plan.json", "--yes", *arguments))
        printed.append(kanport("report", "plan.journal.jsonl", "-o", "run.md", "-o", "run.json"))
        printed.append(kanport("report", "plan.journal.jsonl", "-o", "run.html"))
        assert [result.code for result in printed[2:]] == [0] * 7, printed

        secrets |= secrets_of(server)
        assert len(secrets) == 5 + 3 * 2
    passwords = (tmp_path / "new-passwords.csv").read_text(encoding="utf-8").split()[1:]
    sent = {line.partition(",")[2] for line in passwords} | {PASSWORD_OF_A_CELL}
    assert len(sent) == 3
    secrets |= sent | {"secret of gone", "the-application-token"}

    texts = {"output": "".join(result.out + result.err for result in printed), "log": caplog.text}
    left = {path for path in tmp_path.rglob("*") if path.is_file()}
    for path in left - {tmp_path / "people.csv", tmp_path / "new-passwords.csv"}:
        texts[path.name] = path.read_bytes().decode(errors="replace")
    assert {"plan.json", "plan.journal.jsonl", "run.md", "run.json"} <= set(texts)
    for name, text in texts.items():
        for secret in secrets:
            assert secret not in text, f"a secret is in {name}"


def test_a_password_that_changed_after_the_plan_makes_it_stale(
    server: Sandbox, kanport: Kanport, tmp_path: Path
) -> None:
    server.store.add_project("Alpha", identifier="ALPHA")
    mapping = MAPPING.replace("  missing:", "  password: {from: Password}\n  missing:")
    people = PEOPLE.replace("5h0r7", "")
    club = write_files(tmp_path, mapping=mapping, people=people, grants=GRANTS)
    kanport("plan", club, "-o", "plan.json")
    changed = people.replace("correct horse", "another horse")
    write_files(tmp_path, mapping=mapping, people=changed, grants=GRANTS)
    refused = kanport("apply", "plan.json", "--yes")
    assert refused.code == 9, refused
    assert not server.writes


def test_passwords_need_the_mapping_and_a_hint_says_how_to_name_it_from_elsewhere(
    server: Sandbox, kanport: Kanport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.store.add_project("Alpha", identifier="ALPHA")
    mapping = MAPPING.replace("  missing:", "  password: {from: Password}\n  missing:")
    write_files(tmp_path, mapping=mapping, people=PEOPLE.replace("5h0r7", ""), grants=GRANTS)
    kanport("plan", "club.yaml", "-o", "plan.json")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    refused = kanport("apply", "../plan.json", "--yes")
    assert refused.code == 6, refused
    assert "--mapping" in refused.err
    assert not server.writes
    done = kanport("apply", "../plan.json", "--yes", "--mapping", "../club.yaml")
    assert done.code == 0, done
