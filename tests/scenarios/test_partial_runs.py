"""A part of a plan, from the command line to the ledger: shown, applied, and then the rest."""

import json
from pathlib import Path

from kanport.ledger import recall
from kanport.sandbox import Sandbox
from tests.support.command_line import Kanport


def test_a_part_says_so_everywhere_is_applied_and_leaves_the_rest(
    server: Sandbox, kanport: Kanport, club: Path
) -> None:
    files = ("part.json", "part.html", "part.md", "part.txt")
    made = kanport(
        "plan", club, "--only", "project:alpha", *(x for file in files for x in ("-o", file))
    )
    assert made.code == 0, made
    for text in (made.out, *(Path(file).read_text(encoding="utf-8") for file in files)):
        assert "the plan is partial" in text
    part = json.loads(Path("part.json").read_text(encoding="utf-8"))
    assert part["partial"]["only"] == ["project:alpha"]
    assert part["partial"]["left_out"]
    whole = json.loads(kanport("plan", club, "--format", "json").out)
    assert all(change in whole["changes"] for change in part["changes"])
    assert len(part["changes"]) < len(whole["changes"])

    masked = kanport("plan", club, "--only", "user:ada", "--mask").out
    assert "--only user:masked-" in masked
    assert "user:ada" not in masked

    assert kanport("apply", "part.json", "--yes", "--discard-passwords").code == 0
    rest = json.loads(kanport("plan", club, "--format", "json").out)
    assert len(rest["changes"]) == len(whole["changes"]) - len(part["changes"])
    assert kanport("plan", club, "--only", "project:alpha", "--check").code == 0


def test_a_partial_sync_is_verified_and_is_no_good_run(
    server: Sandbox, kanport: Kanport, club: Path
) -> None:
    club.write_text(club.read_text(encoding="utf-8") + "ledger: l.db\n", encoding="utf-8")
    ran = kanport("sync", club, "--only", "user:ada", "--discard-passwords")
    assert ran.code == 0, ran
    assert recall(Path("l.db"), server.url).last_good is None
    assert kanport("sync", club, "--discard-passwords").code == 0
    assert recall(Path("l.db"), server.url).last_good is not None


def test_a_selection_that_means_nothing_is_wrong_usage(kanport: Kanport, club: Path) -> None:
    for only, meant in (("user.creat", "user.create"), ("project:ALHPA", "project:ALPHA")):
        refused = kanport("plan", club, "--only", only)
        assert refused.code == 2
        assert f"did you mean {meant}?" in " ".join(refused.err.split())
