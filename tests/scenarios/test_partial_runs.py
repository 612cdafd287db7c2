"""A part of a plan, from the command line to the ledger: shown, applied, and then the rest."""

import json
from pathlib import Path

import pytest

from kanport.ledger import recall
from kanport.plan.change import Action
from kanport.sandbox import Sandbox, SandboxOptions
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
        assert "leaves out 2 changes" in " ".join(text.split())
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


GROUPS = """\
kanport: 1
sources:
  people: {type: csv, path: people.csv}
  teams: {type: csv, path: teams.csv}
users:
  from: people
  fields: {username: {from: Login}, name: {from: Name}}
groups:
  - {from: teams, name: {from: Team}, member: {from: Login}}
group_members_missing: remove
group_access:
  - list:
      Staff: {ALPHA: project-member, Beta board: project-viewer}
      New team: {ALPHA: project-manager}
memberships:
  - {from: people, username: {from: Login}, project: {from: Project}, role: project-member}
memberships_missing: revoke
limits: {revoke: 100}
ledger: l.db
"""


# How a server ends that gets the whole plan at once, which is the same for every part.
_WHOLE: list[str] = []


@pytest.mark.parametrize("kind", [*Action, "user:ann", "user:[a-c]*", "project:ALPHA", "user:n*"])
def test_any_part_with_groups_and_then_the_rest_lead_to_the_same_server(
    kanport: Kanport, server: Sandbox, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("people.csv").write_text(
        "Login,Name,Project\nann,Ann N,ALPHA\nbob,Bob,\nnew,New,ALPHA\nnil,Nil,Beta board\n",
        "utf-8",
    )
    Path("teams.csv").write_text("Team,Login\nStaff,bob\nStaff,new\nNew team,nil\n", "utf-8")
    Path("m.yaml").write_text(GROUPS, encoding="utf-8")
    if not _WHOLE:
        with Sandbox(SandboxOptions()) as other, monkeypatch.context() as patch:
            patch.setenv("KANPORT_URL", other.url)
            patch.setenv("KANPORT_TOKEN", other.token)
            _WHOLE.append(end_of(kanport, other, None))
        Path("l.db").unlink()
    assert end_of(kanport, server, kind) == _WHOLE[0]


def end_of(kanport: Kanport, server: Sandbox, only: str | None) -> str:
    """Apply a part, and then the rest twice; return what the server holds at the end."""
    store = server.store
    alpha = store.add_project("Alpha", identifier="ALPHA")
    store.add_project("Beta board")
    ann, cyd, _ = (store.add_user(name) for name in ("ann", "cyd", "bob"))
    staff = store.add_group("Staff")
    for user in (ann, cyd):
        store.add_group_member(staff, user)
    store.add_member(alpha, cyd, "project-viewer")
    store.add_group_access(alpha, staff, "project-viewer")
    name = "part" if only else "whole"
    for number, part in enumerate((("--only", only) if only else (), (), ())):
        file = f"{name}-{number}.json"
        assert kanport("plan", "m.yaml", "-o", file, *part).code == 0
        applied = kanport("apply", file, "--yes", "--discard-passwords")
        assert applied.code in (0, 3), applied
    assert kanport("export", "-o", f"{name}.yaml").code == 0
    return Path(f"{name}.yaml").read_text(encoding="utf-8")
