"""report --compare as a user calls it."""

import json
from pathlib import Path

from kanport.sandbox import Sandbox
from tests.support.command_line import Kanport
from tests.support.files import write_files


def test_last_nights_source_and_what_was_done_of_it(
    kanport: Kanport, server: Sandbox, tmp_path: Path
) -> None:
    for name, identifier in (("Alpha", "ALPHA"), ("Beta board", "")):
        server.store.add_project(name, identifier=identifier)
    write_files(tmp_path)
    assert kanport("plan", "club.yaml", "-o", "old.json").code == 0
    (tmp_path / "grants.csv").write_text("Login,Project,Access\nada,ALPHA,W\n", "utf-8")
    assert kanport("plan", "club.yaml", "-o", "new.json").code == 0

    told = kanport("report", "--compare", "old.json", "new.json")
    assert told.code == 0, told
    assert "source grants: 3 rows before, 1 now" in told.out
    assert "grant bob access to ALPHA" in told.out

    data = json.loads(kanport("report", "--compare", "old.json", "new.json", "--format=json").out)
    assert data["format"] == "kanport-comparison/1"
    assert len(data["gone"]) == 2 and len(data["altered"]) == 1 and not data["added"]

    written = kanport(
        "report", "--compare", "old.json", "new.json", "-o", "a.html", "-o", "a.md", "-o", "a.json"
    )
    assert written.code == 0, written
    assert (tmp_path / "a.html").read_text("utf-8").startswith("<!DOCTYPE html>")
    assert json.loads((tmp_path / "a.json").read_text("utf-8")) == data
    assert kanport("report", "--compare", "old.json", "new.json", "-o", "a.xls").code == 2

    assert kanport("apply", "new.json", "--yes").code == 0
    done = kanport("report", "--compare", "new.json", "new.journal.jsonl")
    assert "4 planned = 4 done" in done.out, done


def test_a_table_is_for_csv_only(kanport: Kanport) -> None:
    refused = kanport("report", "a.json", "--table", "findings", "-o", "a.html")
    assert refused.code == 2 and "--table works only with CSV" in refused.err
    assert not Path("a.html").exists()


def test_a_comparison_has_no_tables(kanport: Kanport) -> None:
    ended = kanport("report", "--compare", "a.json", "b.json", "--table", "findings")
    assert ended.code == 2
    assert "--table does not work with --compare" in ended.err
