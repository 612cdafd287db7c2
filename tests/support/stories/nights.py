"""Stories of nights, safety checks and identities, each on a server and in a folder of its own.

A story makes what it needs, calls commands, and takes down what they did. What it asserts is no
more than that it is the story that it is meant to be: everything else is compared.
"""

from collections.abc import Mapping
from datetime import date

import openpyxl

from tests.scenarios.test_swaps import MAPPING as SWAPPED
from tests.support.files import GRANTS, MAPPING, PEOPLE
from tests.support.stories.scene import Scene, story

TEAM = """\
kanport: 1
name: team
ledger: team.ledger
sources:
  people: {type: csv, path: people.csv}
users:
  from: people
  fields:
    username: {from: Login}
    email: {from: Mail}
    role: {from: Role, values: {A: app-admin, U: app-user}}
  missing: disable
  managed: {usernames: ["*"]}
memberships:
  - from: people
    username: {from: Login}
    project: {from: Project}
    role: project-member
memberships_missing: revoke
protect: [admin]
"""
NAMES = [f"u{number:02}" for number in range(2, 11)]


# --- what a night is ------------------------------------------------------------------------------


@story
def a_first_import(scene: Scene) -> None:
    scene.club()
    scene("validate", "club.yaml")
    assert scene("plan", "club.yaml", "-o", "plan.json") == 0
    assert scene("plan", "club.yaml", "--check") == 10
    assert scene("verify", "plan.json") == 3
    assert scene("apply", "plan.json", "--yes", "--passwords-to", "new.csv") == 0
    assert scene("verify", "plan.json") == 0
    assert scene("resume", "plan.journal.jsonl") == 0
    assert scene("plan", "club.yaml", "--check") == 0


@story
def nights_of_changes(scene: Scene) -> None:
    scene.club()
    assert scene("sync", "club.yaml", "--status", "status.json") == 0
    assert scene("sync", "club.yaml", "--status", "status.json") == 0
    scene.later()
    scene.write(
        people=PEOPLE.replace("Ada Lovelace", "Ada King").replace("bob@", "b.ross@"),
        grants=GRANTS.replace("ada,ALPHA,M", "ada,ALPHA,R").replace("bob,ALPHA", "bob,Beta board"),
    )
    assert scene("sync", "club.yaml", "--status", "status.json") == 0
    scene.later()
    scene.write(mapping=MAPPING.replace("[admin,", "[admin, ada,"), people=PEOPLE)
    scene("sync", "club.yaml", "--status", "status.json")


@story
def rows_that_stop_everything(scene: Scene) -> None:
    scene.club(
        people=PEOPLE + "dan,Dan,not-an-address,\neve,Eve,eve@example.org,boss\nada,Again,,\n,No,,",
        grants=GRANTS + "ada,NOWHERE,M\nbob,ALPHA,Q\n",
    )
    for command in ("validate", "plan", "sync"):
        assert scene(command, "club.yaml") == 5
    for who in ("dan", "eve", "ada"):
        scene("explain", "club.yaml", who)
    scene("explain", "club.yaml", "--project", "NOWHERE")
    scene("validate", "club.yaml", "--mask", "-o", "masked.json", "-o", "found.csv")
    scene("validate", "club.yaml", "-o", "found.sarif", "--format", "json")


@story
def rows_that_are_skipped(scene: Scene) -> None:
    scene.club(
        mapping=MAPPING + "invalid_rows: skip\n",
        people=PEOPLE + "gone,Gone,not-an-address,\neve,Eve,eve@example.org,boss\nada,Again,,\n",
        grants=GRANTS + "ada,NOWHERE,M\nbob,ALPHA,Q\n",
    )
    scene("validate", "club.yaml")
    scene("plan", "club.yaml", "-o", "plan.json")
    for who in ("gone", "eve", "ada"):
        scene("explain", "club.yaml", who)
    assert scene("apply", "plan.json", "--yes") == 3
    scene("report", "plan.journal.jsonl", "--mask", "-o", "masked.json")
    assert scene("sync", "club.yaml") == 3


# --- guards ---------------------------------------------------------------------------------------


def team(scene: Scene, *, more: str = "", names: list[str] | None = None, **cells: str) -> None:
    """Put a team on the server, where it is not, and write its list and its mapping."""
    if "ALPHA" not in scene.store.snapshot().projects:
        alpha = scene.store.add_project("Alpha", identifier="ALPHA")
        for name in NAMES:
            user = scene.store.add_user(name, email=f"{name}@example.org")
            scene.store.add_member(alpha, user)
    rows = [
        f"{name},{cells.get('mail', name + '@example.org')},{cells.get(name, 'U')},ALPHA"
        for name in (NAMES if names is None else names)
    ]
    scene.write(people="\n".join(["Login,Mail,Role,Project", *rows, ""]), mapping=TEAM + more)


@story
def limits_that_are_overridden(scene: Scene) -> None:
    team(scene, names=["u02"])
    allow = ["--allow=disable=8", "--allow=revoke=8", "--allow=revoke:ALPHA=8"]
    assert scene("sync", "club.yaml") == 4
    assert scene("plan", "club.yaml", "-o", "stopped.json") == 4
    assert scene("apply", "stopped.json", "--yes") == 4
    assert scene("plan", "club.yaml", "--allow=disable=7") == 4
    for left in range(3):
        assert scene("plan", "club.yaml", *allow[:left]) == 4
    assert scene("plan", "club.yaml", "--allow", "force=1") == 2
    assert scene("plan", "club.yaml", "--allow", "last-admin=1") == 2
    assert scene("sync", "club.yaml", *allow) == 0


@story
def limits_of_each_class(scene: Scene) -> None:
    team(scene, names=[*NAMES, "new", "newer"], more="limits: {create: 1, grant: 1}\n")
    assert scene("plan", "club.yaml") == 4
    assert scene("plan", "club.yaml", "--allow=create=2", "--allow=grant=1") == 4
    assert scene("plan", "club.yaml", "--allow=create=2", "--allow=grant=2") == 0
    more = "limits: {update: 1, raise: 0, lower: 0}\nallow_admins: [u02]\n"
    team(scene, names=NAMES, mail="same", more=more, u02="A")
    scene("plan", "club.yaml")
    team(scene, names=NAMES, more=more.replace("1", "0"), u02="A")
    assert scene("plan", "club.yaml") == 4
    assert scene("sync", "club.yaml", "--allow=update=1", "--allow=raise=1") == 0
    team(scene, more=more)
    assert scene("sync", "club.yaml") == 4
    assert scene("sync", "club.yaml", "--allow=lower=1", "--allow=update=1") == 0


@story
def checks_that_are_firm(scene: Scene) -> None:
    team(scene, u02="A")
    assert scene("sync", "club.yaml") == 4  # allow-admins
    scene.store.add_user("root", role="app-admin")
    team(scene, more="min_admins: 2\n")
    assert scene("sync", "club.yaml") == 4  # min-admins
    team(scene, names=[])
    scene("sync", "club.yaml")  # source-empty
    remove = TEAM.replace("missing: disable", "missing: remove")
    team(scene, names=NAMES[:-1])
    scene.write(mapping=remove)
    scene("sync", "club.yaml")  # remove-unconfirmed
    ids = {name: user.id for name, user in scene.store.snapshot().users.items()}
    diary = scene.store.add_project("Diary", private=True, owner_id=ids["u03"])
    scene.store.add_member(diary, ids["u03"], "project-manager")
    scene.store.add_member(diary, ids["u10"])
    scene.write(mapping=remove + "limits: {remove: 2, disable: 9, revoke: 9, lower: 9}\n")
    assert scene("sync", "club.yaml") == 4  # private-projects
    scene("explain", "club.yaml", "u10")
    scene.write(
        mapping=TEAM.replace("[admin]", "[u02]") + "allow_admins: [u03]\nlimits: {disable: 50%}\n"
    )
    scene("plan", "club.yaml")


@story
def sources_that_shrink(scene: Scene) -> None:
    team(scene)
    assert scene("sync", "club.yaml") == 0
    keep = TEAM.replace("missing: disable", "missing: keep").replace(
        "memberships_missing: revoke\n", ""
    )
    team(scene, names=NAMES[:5])
    scene.write(mapping=keep)
    assert scene("sync", "club.yaml") == 4  # source-shrunk
    assert scene("sync", "club.yaml", "--allow=shrink:people=4") == 0
    team(scene, mail="")
    assert scene("sync", "club.yaml") == 4  # columns-gone
    assert scene("sync", "club.yaml", "--allow=columns:people=1") == 0
    team(scene, names=[])
    scene("sync", "club.yaml")


# --- who is who -----------------------------------------------------------------------------------

BY_ID = "id: {from: Number}\n  find_by: [username]"
BY_EMAIL = "find_by: [username, email]"


def numbered(scene: Scene, logins: Mapping[str, str], members: str) -> None:
    rows = [f"{number},{login},N {number},p{number}@x.org" for number, login in logins.items()]
    grants = [f"{who},ALPHA" for who in members.split()]
    scene.write(
        people="\n".join(["Number,Login,Name,Mail", *rows, ""]),
        grants="\n".join(["Login,Project", *grants, ""]),
    )


@story
def logins_that_are_passed_on(scene: Scene) -> None:
    scene.store.add_project("Alpha", identifier="ALPHA")
    scene.write(mapping=SWAPPED.format(who=BY_ID) + "ledger: p.ledger\n")
    numbered(scene, {"1": "ada", "2": "bob", "3": "cy", "4": "leo"}, "ada leo")
    assert scene("sync", "club.yaml") == 0
    numbered(scene, {"1": "bob", "2": "cy", "3": "ada"}, "bob")
    assert scene("plan", "club.yaml", "-o", "plan.json") == 0
    for who in ("ada", "bob", "2", "leo"):
        scene("explain", "club.yaml", who)
    assert scene("apply", "plan.json", "--yes") == 0
    assert scene("verify", "plan.json") == 0
    assert scene("plan", "club.yaml", "--check") == 0
    assert scene("undo", "plan.journal.jsonl", "-o", "back.json") == 0
    assert scene("apply", "back.json", "--yes") == 0
    numbered(scene, {"1": "ada", "2": "bob", "9": "cy", "4": "leo"}, "ada leo")
    scene("sync", "club.yaml")
    numbered(scene, {"1": "ada", "2": "bob", "01": "cy"}, "ada leo")
    scene.write(people="Number,Login,Name,Mail\n1,ada,N,a@x.org\n1,bob,M,b@x.org\n3,cy,N 3,\n")
    scene("sync", "club.yaml")


@story
def people_found_by_their_address(scene: Scene) -> None:
    scene.store.add_project("Alpha", identifier="ALPHA")
    scene.write(mapping=SWAPPED.format(who=BY_EMAIL))
    for number, login in enumerate(("ada", "bob", "cy"), start=1):
        scene.store.add_user(login, name=f"N {number}", email=f"p{number}@x.org")
    numbered(scene, {"1": "ada.l", "2": "bob", "3": "cyrus"}, "ada.l")
    assert scene("sync", "club.yaml") == 0
    scene.store.add_user("twin", email="p1@x.org")
    numbered(scene, {"1": "ada", "2": "bob.r", "3": "cyrus"}, "ada")
    scene("plan", "club.yaml", "-o", "plan.json")
    scene("explain", "club.yaml", "ada")
    scene("explain", "club.yaml", "p2@x.org")
    scene("sync", "club.yaml")


# --- odd sources ----------------------------------------------------------------------------------

SHEET = """\
kanport: 1
sources:
  people: {type: excel, path: people.xlsx}
  grants: {type: csv, path: grants.csv}
users:
  from: people
  fields:
    username: {from: Login, transform: [trim, lower]}
    name: {from: Name}
    email: {from: Mail}
    active: {from: Active}
memberships:
  - {from: grants, username: {from: Login}, project: {from: Project}, role: project-member}
invalid_rows: INVALID
protect: [admin]
"""


@story
def cells_and_rows_that_are_odd(scene: Scene) -> None:
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    for row in (
        ["Login", "Name", "Mail", "Active", "Login", None],
        ["ada", "Ada", "ada@example.org", "yes", None, "more"],
        ["bob", date(2026, 3, 1), "bob@example.org", "maybe", None, None],
        ["cy", 12.5, "ada@example.org", True, None, None],
        [7, "=1+1", "seven@example.org", "no", None, None],
        ["eve\u200b", "x" * 300, "eve@" + "e" * 300 + ".org", "yes", None, None],
        ["аdmin", "Müller", "MÃ¼ller@example.org", "yes", None, None],
        ["#N/A", "None", "none@example.org", "yes", None, None],
        ["ada ", "Ada again", "ada@example.org", "yes", None, None],
        ["Login", "Name", "Mail", "Active", None, None],
    ):
        sheet.append(row)
    sheet.merge_cells("B2:B3")
    sheet.row_dimensions[4].hidden = True
    book.save(scene.folder / "people.xlsx")
    scene.store.add_project("Alpha", identifier="ALPHA")
    scene.store.add_project("Closed", identifier="CLOSED", active=False)
    scene.store.add_project("Twin")
    scene.store.add_project("Twin")
    grants = (
        "Login,Project,\nada,ALPHA,x\nada,ALPHA\nbob,CLOSED,,,\ncy,Twin\n,ALPHA\nnobody,ALPHA\n"
    )
    for invalid in ("abort", "skip"):
        scene.write(mapping=SHEET.replace("INVALID", invalid), grants=grants)
        scene("validate", "club.yaml")
        scene("validate", "club.yaml", "--mask", "-o", f"{invalid}.sarif")
        sheet.delete_cols(5, 2)
        book.save(scene.folder / "people.xlsx")
        scene.write(grants=grants.replace(",\n", "\n", 1))
        scene("plan", "club.yaml", "-o", "plan.json")
        scene("explain", "club.yaml", "ada")
        scene("explain", "club.yaml", "--project", "Twin")
    (scene.folder / "grants.csv").write_bytes("Login;Project\nmüller;ALPHA\n".encode("latin-1"))
    scene("validate", "club.yaml")
    (scene.folder / "people.xlsx").write_bytes(b"PK\x03\x04 no workbook")
    scene("validate", "club.yaml")
