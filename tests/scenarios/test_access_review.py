"""An access review from its start to its evidence, with workbooks filled in as people do that."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from openpyxl import load_workbook
from openpyxl.worksheet.worksheet import Worksheet

from kanport.pipeline.evidence_check import check
from kanport.report.document import LINES
from kanport.sandbox import Sandbox
from tests.support.command_line import Kanport
from tests.support.terminal import Terminal

PROJECTS = [f"P{number:02d}" for number in range(1, 16)]
MAPPING = """\
kanport: 1
name: staff
sources:
  people: {type: csv, path: people.csv}
users:
  from: people
  fields: {username: {from: Login}}
protect: [boss]
limits: {revoke: 50%, lower: 50%, by_project: {revoke: 100%, lower: 100%}}
separation:
  - {name: books, roles: ["P01:project-member", "P02:project-member"]}
approval: {by_other_than_planner: true}
"""

Fill = Callable[[Worksheet, dict[str, int], dict[str, int]], None]


@pytest.fixture
def office(server: Sandbox, tmp_path: Path) -> Path:
    """Fifteen projects with a manager each and four members, one of whom comes through a group."""
    store = server.store
    with store.transaction():
        staff = [store.add_user(f"user{number:02d}") for number in range(1, 31)]
        gone = store.add_user("gone", active=False)
        boss = store.add_user("boss")
        group = store.add_group("Interns")
        intern = store.add_user("intern")
        store.add_group_member(group, intern)
        for number, name in enumerate(PROJECTS):
            project = store.add_project(f"Project {name}", identifier=name)
            manager = store.add_user(f"lead{number + 1:02d}", name=f"Lead {number + 1}")
            store.add_member(project, manager, "project-manager")
            for member in (staff[number], staff[number + 15], staff[number - 1]):
                store.add_member(project, member)
            if number == 0:
                store.add_member(project, gone)
                store.add_member(project, boss)
                store.add_group_access(project, group, "project-viewer")
        store.add_project("Somebody's own", private=True)
    listed = "".join(f"user{number:02d}\n" for number in range(1, 31))
    (tmp_path / "people.csv").write_text(f"Login\n{listed}boss\nintern\n", "utf-8")
    (tmp_path / "staff.yaml").write_text(MAPPING, "utf-8")
    return tmp_path / "review"


def edit(path: Path, fill: Fill) -> None:
    """Open a workbook, change it, and save it as openpyxl does."""
    book = load_workbook(path)
    sheet = book["Review"]
    columns = {str(cell.value): number for number, cell in enumerate(sheet[1], 1)}
    rows = {str(row[2].value): number for number, row in enumerate(sheet.iter_rows(min_row=2), 2)}
    fill(sheet, columns, rows)
    book.save(path)


def decide(path: Path, **decisions: str | tuple[str, ...]) -> None:
    """Write decisions by username; those without one are kept."""

    def fill(sheet: Worksheet, columns: dict[str, int], rows: dict[str, int]) -> None:
        for username, row in rows.items():
            given = decisions.get(username, "keep")
            parts = (given,) if isinstance(given, str) else given
            for column, value in zip(("Decision", "New role", "Comment"), parts, strict=False):
                sheet.cell(row, columns[column], value)

    edit(path, fill)


def write(path: Path, username: str, column: str, value: str) -> None:
    def fill(sheet: Worksheet, columns: dict[str, int], rows: dict[str, int]) -> None:
        sheet.cell(rows[username], columns[column], value)

    edit(path, fill)


def sort_downwards(path: Path) -> None:
    """Sort the rows the other way round, as somebody does who has removed the protection."""

    def fill(sheet: Worksheet, columns: dict[str, int], rows: dict[str, int]) -> None:
        values = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=2)]
        for row, some in zip(sheet.iter_rows(min_row=2), reversed(values), strict=True):
            for cell, value in zip(row, some, strict=True):
                cell.value = value

    edit(path, fill)


def delete_row(path: Path, username: str) -> None:
    edit(path, lambda sheet, columns, rows: sheet.delete_rows(rows[username]))


def as_somebody_else(monkeypatch: pytest.MonkeyPatch, who: str) -> None:
    monkeypatch.setattr("kanport.pipeline.apply.current_actor", lambda: f"{who}@desk")


def test_the_whole_review(
    server: Sandbox,
    kanport: Kanport,
    office: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    state = kanport("state", "staff.yaml", "-o", "before.json", "-o", "access.md")
    assert state.code == 0, state
    lists = (tmp_path / "access.md").read_text("utf-8")
    assert "Roles that must be separate" in lists and "P01:project-member" in lists
    started = kanport("review", "start", "staff.yaml", "-o", "review", "--until", "2099-12-31")
    assert started.code == 0, started
    assert len(list(office.glob("*.xlsx"))) == 15
    assert f"{Path('review') / 'P01.xlsx'}: lead01, 6 rows" in started.out
    assert "Not reviewed: 1 private or closed project." in started.err
    # Nobody but the managers themselves could decide about them.
    assert "15 rows have no reviewer" in started.err
    sheet = load_workbook(office / "P01.xlsx")["Review"]
    advice = {row[2]: row[6] for row in sheet.iter_rows(min_row=2, values_only=True)}
    assert advice["gone"] == "the account is disabled; in no source"
    assert advice["user01"] == 'breaks the rule "books"'
    assert sheet.protection.sheet and not sheet["H2"].protection.locked
    assert sheet["C2"].protection.locked

    decide(
        office / "P01.xlsx",
        gone="Revoke ",
        user01=("revoke", "", "left the team"),
        intern="revoke",
        boss="REVOKE",
    )
    decide(office / "P02.xlsx", user02=(" Change  Role", "project-viewer"), user01="don’t know")
    decide(office / "P03.xlsx", user03="revoke")
    sort_downwards(office / "P03.xlsx")
    decide(office / "P04.xlsx")
    delete_row(office / "P04.xlsx", "user04")
    decide(office / "P05.xlsx", user05="revokee")
    decide(office / "P06.xlsx", user06="revoke")
    write(office / "P06.xlsx", "user06", "Username", "user07")
    for number in range(7, 13):
        decide(office / f"P{number:02d}.xlsx")
    status = kanport("review", "status", "review", "--format", "json")
    assert status.code == 3
    told = json.loads(status.out)
    assert (told["rows"], told["unassigned"], told["errors"]) == (63, 15, 2)
    # Three workbooks of three rows, one deleted, one unsure, two with errors, and the managers.
    assert told["open"] == 9 + 1 + 1 + 2 + 15 and not told["overdue"]

    refused = kanport("review", "collect", "review", "-o", "plan.json")
    assert refused.code == 5
    assert "P05.xlsx#Review!H3" in refused.err and "did you mean revoke?" in refused.err
    assert "P06.xlsx#Review!C3" in refused.err and 'from "user06" to ' in refused.err
    assert not (tmp_path / "plan.json").exists()

    write(office / "P05.xlsx", "user05", "Decision", "revoke")
    write(office / "P06.xlsx", "user07", "Username", "user06")
    collected = kanport("review", "collect", "review", "-o", "plan.json", "-o", "plan.html")
    assert collected.code == 0, collected
    plan = json.loads((tmp_path / "plan.json").read_text("utf-8"))
    done = {(one["action"], one["subject"]["username"]): one for one in plan["changes"]}
    assert set(done) == {
        *(("membership.revoke", f"user{number:02d}") for number in (1, 3, 5, 6)),
        ("membership.revoke", "gone"),
        # Kanboard does not tell that this one comes through a group: it is tried and read back.
        ("membership.revoke", "intern"),
        ("membership.change", "user02"),
    }
    change = done["membership.revoke", "user01"]
    assert change["reason"] == "lead01 decided in the review: revoke (left the team)"
    (origin,) = change["origin"]
    assert (origin["file"], origin["column"]) == ("review/P01.xlsx", "Decision")
    codes = {one["code"] for one in plan["findings"]}
    assert {"review-rows-missing", "review-open", "access-through-group"} <= codes
    assert "person-protected" in codes

    masked = kanport("report", "plan.json", "--mask").out
    assert not any(text in masked for text in ("lead01", "user01", "left the team"))
    own = kanport("approve", "plan.json", "--by", "Ada", "--note", "Review")
    assert own.code == 4 and "somebody else must approve it" in own.err
    assert kanport("apply", "plan.json", "--yes").code == 4
    as_somebody_else(monkeypatch, "ada")
    assert kanport("approve", "plan.json", "--by", "Ada", "--note", "Review").code == 0
    applied = kanport("apply", "plan.json", "--yes")
    assert applied.code == 3, applied
    assert "Interns" in applied.out
    assert ("P01", "gone") not in server.store.snapshot().memberships
    assert server.store.snapshot().memberships["P02", "user02"] == "project-viewer"
    assert ("P04", "user04") in server.store.snapshot().memberships

    closed = kanport("review", "close", "review", "plan.journal.jsonl", "-o", "result.html")
    assert closed.code == 3, closed
    result = json.loads((office / "result.json").read_text("utf-8"))
    assert result["totals"]["revoked, verified"] == 5
    assert result["totals"]["role changed, verified"] == 1
    assert result["totals"]["decided, but not done"] == 2
    assert result["totals"]["open"] == 9 + 1 + 1 + 15
    assert result["runs"][0]["approved"] == "approved by Ada"

    assert kanport("state", "staff.yaml", "-o", "after.json").code == 0
    packed = kanport(
        *("evidence", "plan.journal.jsonl", "-o", "run.zip", "--sources"),
        *("--before", "before.json", "--after", "after.json"),
        *("--attach", office / "result.json"),
    )
    assert packed.code == 0, packed
    assert check(tmp_path / "run.zip").checks.hold
    with zipfile.ZipFile(tmp_path / "run.zip") as archive:
        names = archive.namelist()
    assert "sources/P01-P01.xlsx" in names and "attachments/result.json" in names


def test_a_status_on_a_terminal_is_a_summary_that_leads_to_all_of_it(
    server: Sandbox, kanport: Kanport, office: Path, tmp_path: Path
) -> None:
    assert kanport("review", "start", "staff.yaml", "-o", "review").code == 0
    environ = {"KANPORT_URL": server.url, "KANPORT_TOKEN": server.token}

    def printed(*arguments: str) -> list[str]:
        with Terminal("review", *arguments, folder=tmp_path, environ=environ) as terminal:
            assert terminal.end() == 3
        return terminal.text.splitlines()

    for command in ("status", "close"):
        lines = printed(command, "review")
        assert len(lines) <= LINES
        assert f"All details: kanport review {command} review --full" in lines[-1]
        assert len(printed(command, "review", "--full")) > 60
        assert len(printed(command, "review", "--summary")) <= 5


def test_a_review_warns_of_sources_that_still_ask_for_the_access(
    server: Sandbox, kanport: Kanport, tmp_path: Path
) -> None:
    store = server.store
    alpha = store.add_project("Alpha", identifier="ALPHA")
    for username, role in (("lea", "project-manager"), ("eve", "project-member")):
        store.add_member(alpha, store.add_user(username), role)
    mapping = tmp_path / "access.yaml"
    mapping.write_text(
        "kanport: 1\nname: access\nsources: {list: {type: csv, path: list.csv}}\n"
        "memberships:\n  - {from: list, username: {from: Login}, project: {from: Project},"
        " role: project-member}\n",
        "utf-8",
    )
    (tmp_path / "list.csv").write_text("Login,Project\neve,alpha\n", "utf-8")
    started = kanport("review", "start", mapping, "-o", "review", "--name", "autumn")
    assert started.code == 0, started
    decide(tmp_path / "review" / "ALPHA.xlsx", eve="revoke")
    collected = kanport("review", "collect", "review", "-o", "plan.json", "--format", "json")
    assert collected.code == 0, collected
    plan = json.loads((tmp_path / "plan.json").read_text("utf-8"))
    assert (plan["review"]["name"], plan["mapping"]["name"]) == ("autumn", 'review "autumn"')
    (finding,) = (one for one in plan["findings"] if one["code"] == "review-asked")
    assert finding["related"][0]["file"] == "list.csv"
    (tmp_path / "list.csv").unlink()
    again = kanport("review", "collect", "review", "--format", "json")
    assert "review-sources-unread" in again.out and again.code == 0


def test_a_review_finds_its_mapping_from_every_folder(
    server: Sandbox, kanport: Kanport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = server.store
    alpha = store.add_project("Alpha", identifier="ALPHA")
    for username, role in (("lea", "project-manager"), ("eve", "project-member")):
        store.add_member(alpha, store.add_user(username), role)
    (tmp_path / "people.csv").write_text("Login\nlea\neve\n", "utf-8")
    text = MAPPING.partition("separation:")[0].replace("boss", "eve")
    (tmp_path / "staff.yaml").write_text(text, "utf-8")
    assert kanport("review", "start", "staff.yaml", "-o", "reviews/autumn").code == 0
    decide(tmp_path / "reviews" / "autumn" / "ALPHA.xlsx", eve="revoke")
    monkeypatch.chdir(tmp_path / "reviews")
    collected = kanport("review", "collect", "autumn", "-o", "plan.json")
    assert collected.code == 0, collected
    plan = json.loads((tmp_path / "reviews" / "plan.json").read_text("utf-8"))
    assert plan["mapping"]["path"] == str(Path("..", "staff.yaml")) and not plan["changes"]
    assert "person-protected" in {one["code"] for one in plan["findings"]}


def test_a_workbook_of_a_review_that_started_just_before_is_refused(
    server: Sandbox, kanport: Kanport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = server.store
    alpha = store.add_project("Alpha", identifier="ALPHA")
    for username, role in (("lea", "project-manager"), ("eve", "project-member")):
        store.add_member(alpha, store.add_user(username), role)
    for module in ("access", "review"):
        monkeypatch.setattr(f"kanport.pipeline.{module}.utc_now", lambda: "2026-11-28T10:00:00Z")
    for name in ("one", "other"):
        assert kanport("review", "start", "-o", name).code == 0
    decide(tmp_path / "one" / "ALPHA.xlsx", eve="revoke")
    (tmp_path / "other" / "ALPHA.xlsx").write_bytes((tmp_path / "one" / "ALPHA.xlsx").read_bytes())
    refused = kanport("review", "collect", "other", "-o", "plan.json")
    assert refused.code == 5 and "this row is none of the review" in refused.err, refused


def test_a_review_without_a_mapping_names_itself_after_a_run(
    server: Sandbox, kanport: Kanport, tmp_path: Path
) -> None:
    store = server.store
    alpha = store.add_project("Alpha", identifier="ALPHA")
    group = store.add_group("Staff")
    for username, role in (("lea", "project-manager"), ("eve", "project-member")):
        store.add_member(alpha, store.add_user(username), role)
    intern = store.add_user("intern")
    store.add_group_member(group, intern)
    store.add_group_access(alpha, group)
    assert kanport("review", "start", "-o", "review").code == 0
    decide(tmp_path / "review" / "ALPHA.xlsx", intern="revoke")
    assert kanport("review", "collect", "review", "-o", "plan.json").code == 0
    applied = kanport("apply", "plan.json", "--yes")
    assert applied.code == 3
    assert "kanport review collect review -o plan-2.json" in applied.out + applied.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--otherwise", "nobody"), "1 reviewer is not active on the server"),
        (("--until", "2020-01-01"), "which is in the past"),
        (("--project", "NONE*"), "no project matches"),
        (("--until", "yesterday"), "'yesterday' is not a date such as 2026-12-31"),
        (("--reviewers", "list.csv"), "no column reviewer"),
    ],
)
def test_what_cannot_be_started_leaves_no_folder(
    server: Sandbox, kanport: Kanport, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    server.store.add_project("Alpha", identifier="ALPHA")
    (tmp_path / "list.csv").write_text("Project,Owner\nALPHA,lea\n", "utf-8")
    refused = kanport("review", "start", "-o", "review", *arguments)
    assert refused.code == 2 and said in refused.err, refused
    assert not (tmp_path / "review").exists()


@pytest.mark.parametrize("by", ["owner", "manager"])
def test_a_review_that_nobody_would_answer_is_refused(
    server: Sandbox, kanport: Kanport, tmp_path: Path, by: str
) -> None:
    alone = kanport("review", "start", "-o", "review", "--by", by)
    assert alone.code == 2 and "no project matches" in alone.err, alone
    alpha = server.store.add_project("Alpha", identifier="ALPHA")
    empty = kanport("review", "start", "-o", "review", "--by", by)
    assert empty.code == 2 and "there is no membership to review" in empty.err, empty
    server.store.add_member(alpha, server.store.add_user("eve"))
    nobody = kanport("review", "start", "-o", "review", "--by", by)
    assert nobody.code == 2 and f"no project has an active {by}" in nobody.err, nobody
    assert not (tmp_path / "review").exists()
    found = kanport("review", "start", "-o", "review", "--by", by, "--otherwise", "admin")
    assert found.code == 0, found


def test_a_list_says_who_reviews_what(server: Sandbox, kanport: Kanport, tmp_path: Path) -> None:
    store = server.store
    eve, _, _ = (store.add_user(name) for name in ("eve", "bob", "lea"))
    for name in ("ALPHA", "BETA"):
        store.add_member(store.add_project(name.title(), identifier=name), eve)
    (tmp_path / "list.csv").write_text(
        "Project,Reviewer\nalpha,lea\nALPHA,LEA\nBeta,bob\n", "utf-8"
    )
    started = kanport("review", "start", "-o", "review", "--reviewers", "list.csv")
    assert started.code == 0, started
    assert sorted(path.name for path in (tmp_path / "review").glob("*.xlsx")) == [
        "ALPHA.xlsx",
        "BETA.xlsx",
    ]
    again = kanport("review", "start", "-o", "review")
    assert again.code == 2 and "not empty" in again.err


def test_the_sample_is_what_its_page_says(kanport: Kanport) -> None:
    sample = Path(__file__).parents[2] / "samples" / "review"
    shown = kanport("review", "status", sample)
    assert shown.code == 3
    assert "7 of 13 rows decided, 6 open" in shown.out
    assert "3 rows have several reviewers; the decision of one is enough." in shown.out
    assert (
        "AUDIT-FIN.xlsx#Review!H6 | error | revokee | this is not a decision | did you mean revoke?"
    ) in shown.out
    page = (sample / "README.md").read_text("utf-8")
    assert all(path.name in page for path in sample.iterdir() if path.suffix != ".md")
