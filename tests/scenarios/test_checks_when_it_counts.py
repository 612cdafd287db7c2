"""What makes a plan right is checked when it counts: after the question, on resume, in between."""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from kanport.apply.journal import load_journal
from kanport.config.file import Layers
from kanport.config.settings import settings_of
from kanport.kanboard.client import Client
from kanport.outcome import Status
from kanport.pipeline.run import Execution, apply_plan
from kanport.plan.change import Action, Change, Risk
from kanport.plan.model import Plan, PlanMapping
from kanport.plan.plan_file import load_plan, plan_digest, write_plan
from kanport.sandbox import Sandbox
from tests.support.changes import new_user, nth_change, plan_of
from tests.support.command_line import Kanport
from tests.support.terminal import Terminal

MAPPING = """\
kanport: 1
name: team
sources: {{people: {{type: csv, path: people.csv}}}}
users:
  from: people
  fields:
    username: {{from: Login}}
    role: {{from: Role, values: {{A: app-admin, U: app-user}}}}
  missing: {missing}
  managed: {{usernames: ["*"]}}
allow_admins: ["*"]
min_admins: {min_admins}
protect: [{protect}]
limits: {{{limits}}}
"""


class Team:
    """A server with administrators and users, and a list of who stays."""

    def __init__(self, server: Sandbox, kanport: Kanport, folder: Path) -> None:
        self.server, self.kanport, self.folder = server, kanport, folder
        self.ids = {"admin": 1}
        self.ids |= {name: server.store.add_user(name) for name in ("ann", "bob", "cat", "dan")}
        for name in ("root1", "root2"):
            self.ids[name] = server.store.add_user(name, role="app-admin")
        self.environ = {"KANPORT_URL": server.url, "KANPORT_TOKEN": server.token}

    def plan(self, *rows: str, **parts: Any) -> Path:
        """Write the list and the mapping, and make the plan."""
        self.write(**parts)
        text = "\n".join(["Login,Role", *rows])
        (self.folder / "people.csv").write_text(f"{text}\n", encoding="utf-8")
        made = self.kanport("plan", "team.yaml", "-o", "plan.json")
        assert made.code == 0, made
        return self.folder / "plan.json"

    def write(self, **parts: Any) -> None:
        parts = {"missing": "disable", "min_admins": 1, "protect": "", "limits": "", **parts}
        if not parts["limits"]:
            parts["limits"] = "disable: 9, remove: 9, lower: 9"
        (self.folder / "team.yaml").write_text(MAPPING.format(**parts), encoding="utf-8")

    def disable(self, *names: str) -> None:
        for name in names:
            self.set_active(self.ids[name], active=False)

    def set_active(self, user_id: int, *, active: bool) -> None:
        values = f"is_active = {int(active)} WHERE id = {user_id}"
        self.server.store.change(f"UPDATE users SET {values}")  # noqa: S608

    def active(self) -> set[str]:
        users = self.server.store.snapshot().users.values()
        return {user.username for user in users if user.is_active}


@pytest.fixture
def team(server: Sandbox, kanport: Kanport, tmp_path: Path) -> Team:
    return Team(server, kanport, tmp_path)


ALL = ("admin,A", "ann,U", "bob,U", "cat,U", "dan,U", "root1,A", "root2,A")


def without(*names: str) -> list[str]:
    return [row for row in ALL if row.split(",")[0] not in names]


# --- while the question stands --------------------------------------------------------------------


def others_are_disabled(team: Team) -> None:
    team.disable("admin", "root1")


def the_account_is_protected(team: Team) -> None:
    team.write(protect="root2")


def half_of_the_users_go(team: Team) -> None:
    team.disable("ann", "bob", "cat")


@pytest.mark.parametrize(
    ("meanwhile", "limits", "code", "words"),
    [
        (others_are_disabled, "disable: 9", 9, "No active administrator would remain"),
        (the_account_is_protected, "disable: 9", 4, 'would change: "root2"'),
        (half_of_the_users_go, "disable: {max: 9, share: 30}", 4, "limit-disable"),
    ],
)
def test_what_changes_while_the_question_stands_stops_the_plan(
    team: Team, meanwhile: Callable[[Team], None], limits: str, code: int, words: str
) -> None:
    # Two of seven leave, an administrator and a user.
    gone = ("root2", "dan") if "share" in limits else ("root2",)
    team.plan(*without(*gone), limits=limits)
    with Terminal("apply", "plan.json", folder=team.folder, environ=team.environ) as terminal:
        terminal.wait_for("Make ")
        meanwhile(team)
        before = team.server.store.snapshot()
        team.server.forget_requests()
        terminal.answer("y")
        assert terminal.end() == code, terminal.text
    assert words in terminal.text
    assert not team.server.writes
    assert team.server.store.snapshot() == before


def test_an_approval_that_ends_while_the_question_stands_counts_no_more(team: Team) -> None:
    team.plan(*without("dan"))
    approved = team.kanport("approve", "plan.json", "--by", "Ada", "--note", "n")
    assert approved.code == 0
    arguments = ("apply", "plan.json", "--require-approval")
    with Terminal(*arguments, folder=team.folder, environ=team.environ) as terminal:
        terminal.wait_for("Make ")
        (team.folder / "plan.approval.json").unlink()
        terminal.answer("y")
        assert terminal.end() == 4, terminal.text
    assert not team.server.writes


def test_a_question_during_which_nothing_happens_is_carried_out(team: Team) -> None:
    team.plan(*without("root2"))
    with Terminal("apply", "plan.json", folder=team.folder, environ=team.environ) as terminal:
        terminal.wait_for("Make ")
        terminal.answer("y")
        assert terminal.end() == 0, terminal.text
    assert "root2" not in team.active()


@pytest.mark.parametrize("answer", ["n", "no", ""])
def test_whoever_answers_no_is_told_so_and_of_no_journal(team: Team, answer: str) -> None:
    team.plan(*without("dan"))
    before = team.server.store.snapshot()
    with Terminal("apply", "plan.json", folder=team.folder, environ=team.environ) as terminal:
        terminal.wait_for("Make ")
        terminal.answer(answer)
        assert terminal.end() == 3, terminal.text
    assert terminal.text.rstrip().endswith("You answered no; Kanport changed nothing.")
    assert "journal" not in terminal.text
    assert "Error" not in terminal.text
    assert team.server.store.snapshot() == before
    assert not (team.folder / "plan.journal.jsonl").exists()


# --- right before --------------------------------------------------------------------------------


def carry_out(server: Sandbox, folder: Path, *changes: Change, **parts: Any) -> dict[str, Any]:
    """Apply changes, and return what became of each."""
    settings = settings_of(Layers({"url": server.url}, {"KANPORT_TOKEN": server.token}))
    with Client.open(settings, sleep=lambda seconds: None) as client:
        mapping = PlanMapping(path=str(folder / "none.yaml"), sha256="0" * 64)
        plan = plan_of(*changes, url=client.url).model_copy(update={"mapping": mapping, **parts})
        plan = plan.model_copy(update={"digest": plan_digest(plan)})
        run = apply_plan(plan, client, Execution(folder / "run.jsonl"), run_id="r")
    return {one.change_id: (one.status, one.reason or "") for one in run.outcomes}


def on_first(server: Sandbox, procedure: str, happen: Callable[[], None]) -> None:
    """Let something happen when a procedure is called for the first time."""
    seen: list[str] = []

    def fault(names: tuple[str, ...]) -> None:
        if procedure in names and not seen:
            seen.append(procedure)
            happen()

    server.fault = fault


def disabled(number: int, team: Team, name: str, **parts: Any) -> Change:
    risk = (Risk.ADMIN_LOST,) if name.startswith(("root", "admin")) else ()
    return nth_change(
        number,
        Action.USER_DISABLE,
        name,
        user_id=team.ids[name],
        before={"active": True},
        after={"active": False},
        risk=risk,
        **parts,
    )


def demoted(number: int, team: Team, name: str) -> Change:
    return nth_change(
        number,
        Action.USER_UPDATE,
        name,
        user_id=team.ids[name],
        before={"role": "app-admin"},
        after={"role": "app-user"},
        risk=(Risk.ADMIN_LOST,),
    )


def removed(number: int, team: Team, name: str) -> Change:
    return nth_change(
        number, Action.USER_REMOVE, name, user_id=team.ids[name], before={"username": name}
    )


@pytest.mark.parametrize("lose", [disabled, demoted, removed], ids=["disable", "demote", "remove"])
def test_the_last_administrator_stays_though_the_others_go_during_the_run(
    team: Team, tmp_path: Path, lose: Callable[[int, Team, str], Change]
) -> None:
    # The run begins with a leaver; at that moment somebody disables the other administrators.
    on_first(team.server, "disableUser", lambda: team.disable("admin", "root2"))
    told = carry_out(team.server, tmp_path, disabled(1, team, "dan"), lose(2, team, "root1"))
    assert told["c0001"][0] is Status.DONE, "a real leaver is out"
    assert told["c0002"][0] is Status.SKIPPED
    assert "No active administrator would remain" in told["c0002"][1]
    assert "root1" in team.active()
    assert team.server.store.snapshot().users["root1"].role == "app-admin"


def test_as_many_administrators_stay_as_the_plan_says(team: Team, tmp_path: Path) -> None:
    on_first(team.server, "disableUser", lambda: team.disable("root2"))
    told = carry_out(
        team.server, tmp_path, disabled(1, team, "dan"), disabled(2, team, "root1"), min_admins=2
    )
    assert told["c0002"][0] is Status.SKIPPED
    assert "1 active administrator would remain, 2 needed" in told["c0002"][1]


def test_of_two_administrators_who_leave_none_goes_where_nobody_else_is_left(
    team: Team, tmp_path: Path
) -> None:
    on_first(team.server, "disableUser", lambda: team.disable("admin"))
    changes = [disabled(1, team, "dan"), disabled(2, team, "root1"), disabled(3, team, "root2")]
    told = carry_out(team.server, tmp_path, *changes)
    assert {told["c0002"][0], told["c0003"][0]} & {Status.SKIPPED}
    assert {"root1", "root2"} & team.active()


def join_private_project(team: Team, owner: str, *guests: str) -> None:
    store = team.server.store
    project = store.add_project(f"Diary of {owner}", private=True)
    for name in (owner, *guests):
        store.add_member(project, team.ids[name])


def test_a_private_project_that_became_somebody_elses_does_not_go_with_a_removed_user(
    team: Team, tmp_path: Path
) -> None:
    # While the first one is removed, the second one becomes a guest in somebody's diary.
    on_first(team.server, "removeUser", lambda: join_private_project(team, "cat", "bob"))
    changes = [removed(1, team, "ann"), removed(2, team, "bob"), removed(3, team, "dan")]
    told = carry_out(team.server, tmp_path, *changes)
    assert [told[f"c000{n}"][0] for n in (1, 2, 3)] == [Status.DONE, Status.SKIPPED, Status.DONE]
    assert "Diary of cat" in told["c0002"][1]
    assert "Diary of cat" in team.server.store.snapshot().projects
    assert "bob" in team.server.store.snapshot().users


def test_projects_of_those_who_all_go_are_no_obstacle(team: Team, tmp_path: Path) -> None:
    join_private_project(team, "ann", "bob")
    told = carry_out(team.server, tmp_path, removed(1, team, "ann"), removed(2, team, "bob"))
    assert {status for status, _ in told.values()} == {Status.DONE}


def test_a_user_with_another_name_by_now_is_not_removed(team: Team, tmp_path: Path) -> None:
    def rename() -> None:
        team.server.store.change("UPDATE users SET username = 'zoe' WHERE username = 'bob'")

    on_first(team.server, "removeUser", rename)
    told = carry_out(team.server, tmp_path, removed(1, team, "ann"), removed(2, team, "bob"))
    assert told["c0002"][0] is Status.SKIPPED
    assert '"zoe"' in told["c0002"][1]
    assert "zoe" in team.server.store.snapshot().users


def test_a_protected_account_is_not_removed_though_an_old_plan_asks_for_it(
    team: Team, tmp_path: Path
) -> None:
    told = carry_out(team.server, tmp_path, removed(1, team, "bob"), protect=("bob",))
    assert told["c0001"][0] is Status.SKIPPED
    assert "bob" in team.server.store.snapshot().users


def test_several_removals_are_all_made_where_nothing_happens(team: Team, tmp_path: Path) -> None:
    changes = [removed(n, team, name) for n, name in enumerate(("ann", "bob", "cat", "dan"), 1)]
    told = carry_out(team.server, tmp_path, *changes)
    assert {status for status, _ in told.values()} == {Status.DONE}


# --- on resume ------------------------------------------------------------------------------------


def cut(journal: Path, keep: tuple[str, ...] = ("run",)) -> None:
    """Leave of a journal only these records, unchained as those of earlier versions are."""
    records = map(json.loads, journal.read_text(encoding="utf-8").splitlines())
    unchained(journal, [record for record in records if record["record"] in keep])


def unchained(journal: Path, records: Iterable[dict[str, Any]]) -> None:
    """Write a journal of these records without a chain."""
    lines = ({k: v for k, v in record.items() if k != "previous"} for record in records)
    journal.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")


def begun(team: Team, *gone: str, **parts: Any) -> Path:
    """Make a journal of a run that was killed before its first batch."""
    team.plan(*without(*gone), **parts)
    before = team.server.store.snapshot()
    assert team.kanport("apply", "plan.json", "--yes").code == 0
    journal = team.folder / "plan.journal.jsonl"
    cut(journal)
    for user in before.users.values():
        team.set_active(user.id, active=user.is_active)
    assert team.server.store.snapshot() == before
    team.server.forget_requests()
    return journal


def held(team: Team, code: int, *arguments: object) -> str:
    """Run a command that must write nothing; return what it said."""
    before = team.server.store.snapshot()
    team.server.forget_requests()
    said = team.kanport(*arguments)
    assert said.code == code, said
    assert not team.server.writes
    assert team.server.store.snapshot() == before
    return said.err


@pytest.mark.parametrize(
    ("meanwhile", "limits", "words"),
    [
        (others_are_disabled, "disable: 9", "last-admin"),
        (the_account_is_protected, "disable: 9", "protected"),
        (half_of_the_users_go, "disable: {max: 9, share: 30}", "limit-disable"),
    ],
)
def test_resume_holds_the_rest_against_the_guards_as_things_are_now(
    team: Team, meanwhile: Callable[[Team], None], limits: str, words: str
) -> None:
    gone = ("root2", "dan") if "share" in limits else ("root2",)
    journal = begun(team, *gone, limits=limits)
    meanwhile(team)
    assert words in held(team, 4, "resume", journal, "--yes")


def test_resume_removes_nobody_with_a_project_that_became_somebody_elses(team: Team) -> None:
    team.plan(*without("dan"), missing="remove")
    plan = load_plan(team.folder / "plan.json")
    settings = settings_of(Layers({"url": team.server.url}, {"KANPORT_TOKEN": team.server.token}))
    journal = team.folder / "run.jsonl"
    with Client.open(settings) as client:
        apply_plan(plan, client, Execution(journal, should_stop=lambda: True), run_id="r")
    join_private_project(team, "cat", "dan")
    assert "private-projects" in held(team, 4, "resume", journal, "--yes")


def test_resume_goes_on_where_the_rest_is_still_right(team: Team) -> None:
    journal = begun(team, "root2", "dan")
    assert team.kanport("resume", journal, "--yes").code == 0
    assert not {"root2", "dan"} & team.active()


def test_resume_counts_what_the_run_did_before_it_was_killed_for_nothing_twice(team: Team) -> None:
    # 2 of 7 are 28%; after both are disabled, 2 of 5 would be more than 30%.
    team.plan(*without("cat", "dan"), limits="disable: {max: 9, share: 30}")
    assert team.kanport("apply", "plan.json", "--yes").code == 0
    journal = team.folder / "plan.journal.jsonl"
    cut(journal, ("run", "sent"))
    resumed = team.kanport("resume", journal, "--yes")
    assert resumed.code == 0, resumed


def test_resume_touches_nobody_who_has_the_id_but_not_the_name(team: Team) -> None:
    journal = begun(team, "dan", "cat")
    team.server.store.change("UPDATE users SET username = 'zoe' WHERE username = 'dan'")
    resumed = team.kanport("resume", journal, "--yes")
    assert resumed.code == 3, resumed
    assert {"zoe"} <= team.active()
    assert "cat" not in team.active()


# --- resume knows no shortcut (19) ----------------------------------------------------------------


def journal_around(plan: Plan, path: Path, **parts: Any) -> Path:
    """Write the journal of a run that never began."""
    first: dict[str, Any] = {
        "record": "run",
        "at": "2026-11-27T00:00:00Z",
        "format": "kanport-journal/1",
    }
    first |= {"run": "r", "kanport": "0", "plan": plan.model_dump(mode="json", exclude_none=True)}
    path.write_text(json.dumps({**first, **parts}) + "\n", encoding="utf-8")
    return path


def test_a_journal_around_a_plan_that_a_guard_stops_is_refused_as_by_apply(team: Team) -> None:
    team.write(limits="disable: 0")
    (team.folder / "people.csv").write_text(
        "\n".join(["Login,Role", *without("dan")]) + "\n", encoding="utf-8"
    )
    team.kanport("plan", "team.yaml", "-o", "plan.json")
    refused = held(team, 4, "apply", "plan.json", "--yes")
    journal = journal_around(load_plan(team.folder / "plan.json"), team.folder / "x.jsonl")
    assert held(team, 4, "resume", journal, "--yes") == refused
    assert held(team, 4, "resume", journal) == refused


def test_a_journal_around_a_plan_without_its_approval_is_refused_as_by_apply(team: Team) -> None:
    team.plan(*without("dan"))
    journal = journal_around(load_plan(team.folder / "plan.json"), team.folder / "x.jsonl")
    held(team, 4, "apply", "plan.json", "--yes", "--require-approval")
    held(team, 4, "resume", journal, "--yes", "--require-approval")
    held(team, 4, "resume", journal, "--yes", "--approval", "other.json")
    team.kanport("approve", "plan.json", "--by", "Ada", "--note", "n")
    done = team.kanport("resume", journal, "--yes", "--approval", "plan.approval.json")
    assert done.code == 0, done
    assert "dan" not in team.active()


def test_an_approval_that_a_run_needed_is_needed_by_resume_without_being_asked_for(
    team: Team,
) -> None:
    team.plan(*without("dan"))
    team.kanport("approve", "plan.json", "--by", "Ada", "--note", "n")
    settings = settings_of(Layers({"url": team.server.url}, {"KANPORT_TOKEN": team.server.token}))
    journal = team.folder / "plan.journal.jsonl"
    done = team.kanport("apply", "plan.json", "--yes", "--require-approval")
    assert done.code == 0, done
    cut(journal)
    team.server.store.change("UPDATE users SET is_active = 1 WHERE username = 'dan'")
    approval = team.folder / "plan.approval.json"
    approval.rename(team.folder / "elsewhere.json")
    assert "approval" in held(team, 4, "resume", journal, "--yes")
    (team.folder / "elsewhere.json").rename(approval)
    with Client.open(settings):
        assert team.kanport("resume", journal, "--yes").code == 0
    assert "dan" not in team.active()


def test_an_approval_of_another_plan_is_none(team: Team) -> None:
    team.plan(*without("cat"))
    team.kanport("approve", "plan.json", "--by", "Ada", "--note", "n")
    (team.folder / "plan.approval.json").rename(team.folder / "cat.json")
    (team.folder / "plan.json").unlink()
    team.plan(*without("dan"))
    journal = journal_around(load_plan(team.folder / "plan.json"), team.folder / "x.jsonl")
    assert "another plan" in held(team, 4, "resume", journal, "--approval", "cat.json")


def test_a_plan_tampered_with_inside_its_journal_is_refused(team: Team) -> None:
    team.plan(*without("dan"))
    plan = load_plan(team.folder / "plan.json")
    other = plan.model_copy(update={"guards": ()})
    journal = journal_around(other, team.folder / "x.jsonl")
    held(team, 2, "resume", journal, "--yes")
    assert load_journal(journal_around(plan, journal)).plan == plan


def test_a_plan_of_new_administrators_made_before_limits_were_recorded_is_still_read(
    team: Team, tmp_path: Path
) -> None:
    old = plan_of(new_user(1, "eve"), url=team.server.url)
    assert old.limits is None
    write_plan(tmp_path / "old.json", old)
    assert "limits" not in (tmp_path / "old.json").read_text(encoding="utf-8")
    assert load_plan(tmp_path / "old.json") == old
