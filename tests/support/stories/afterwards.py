"""Stories of leavers and groups over many nights, of undoing, explaining, reporting and moving."""

import shutil
from pathlib import Path

from kanport.sandbox import LdapUser, Sandbox, SandboxOptions
from tests.scenarios.test_dropped import FILES
from tests.scenarios.test_dropped import MAPPING as DROPPED
from tests.scenarios.test_leavers_and_adoption import MAPPING as LEAVING
from tests.scenarios.test_withheld import MAPPING as WITHHELD
from tests.support import moving
from tests.support.files import GRANTS, MAPPING, PEOPLE
from tests.support.proxy import RECORDED_TOKEN, RECORDED_URL, proxy_to
from tests.support.stories.scene import Scene, story

RECORDED = Path(__file__).parents[2] / "versions" / "v0_1_0"
REAL = {"ada", "Ada", "Lovelace", "Ross", "chloé", "Dupont", "robert", "dan"}
FORMATS = ("html", "md", "csv", "txt", "xlsx")


# --- nights ---------------------------------------------------------------------------------------


@story
def leavers_who_wait(scene: Scene) -> None:
    scene.store.add_project("Alpha", identifier="ALPHA")
    both, one = "username,project\nada,ALPHA\nbob,ALPHA\n", "username,project\nbob,ALPHA\n"
    scene.write(mapping=LEAVING, people=both)
    assert scene("sync", "club.yaml") == 0
    scene.write(people=one)
    for _ in range(3):
        scene.later()
        assert scene("sync", "club.yaml") == 0
        scene("explain", "club.yaml", "ada")
    assert not scene.store.snapshot().users["ada"].is_active
    scene.later(3)
    scene.write(people=both)
    assert scene("sync", "club.yaml") == 0
    scene.write(people=one)
    for days in (1, 8, 29, 2):
        scene.later(days)
        assert scene("sync", "club.yaml") == 0
    assert "ada" not in scene.store.snapshot().users


@story
def removals_that_are_withheld(scene: Scene) -> None:
    web = scene.store.add_project("Web", identifier="WEB")
    for name in ("ada", "bob", "eve", "gus", "root"):
        scene.store.add_member(web, scene.store.add_user(name, email=f"{name}@example.org"))
    people = "Login,Mail\nada,ada@example.org\nbob,bob@example.org\neve,eve@example.org\n"
    access = "Login,Project\nada,WEB\nbob,WEB\n"
    for more, rows in (
        (",nobody@example.org\n", access),
        ("gus,no address\n", access + "eve,NOWHERE\n"),
        ("", access + "eve,WEB\n"),
    ):
        scene.write(mapping=WITHHELD, people=people + more, access=rows)
        scene("plan", "club.yaml", "-o", "plan.json")
        scene("explain", "club.yaml", "gus")
        scene("report", "plan.json", "--mask", "-o", "masked.json")
    steps = "missing: {then: disable, after: 3 runs, and: revoke}"
    scene.write(mapping=WITHHELD.replace("missing: disable", steps))
    assert scene("sync", "club.yaml") == 0
    assert scene("sync", "club.yaml") == 0


@story
def groups_that_are_dropped(scene: Scene) -> None:
    for name in ("WEB", "ERP", "LAB"):
        scene.store.add_project(name.title(), identifier=name)
    scene.write(mapping=DROPPED, **FILES)
    assert scene("sync", "club.yaml") == 0
    fewer = {
        "access": "Login,Project\nbob,ERP\n",
        "members": "Group,Login\nOther,bob\n",
        "doors": "Group,Project\nOther,ERP\n",
    }
    scene.write(**fewer)
    assert scene("sync", "club.yaml") == 0
    scene("explain", "club.yaml", "--project", "WEB")
    more = "projects_missing: revoke\ngroups_missing: revoke\nlimits: {dropped: 0}\n"
    scene.write(mapping=DROPPED + more)
    assert scene("sync", "club.yaml") == 4
    assert scene("plan", "club.yaml", "--allow", "dropped:WEB=1") == 2
    assert scene("sync", "club.yaml", "--allow", "dropped=9") == 0
    scene.write(doors=fewer["doors"] + "Nobody,ERP\nOther,NOWHERE\n")
    scene("plan", "club.yaml")


GROUPS = """\
kanport: 1
ledger: groups.ledger
sources:
  grants: {type: csv, path: grants.csv}
  teams: {type: csv, path: teams.csv}
  access: {type: csv, path: access.csv}
memberships:
  - {from: grants, username: {from: Login}, project: {from: Project}, role: {from: Role}}
memberships_missing: revoke
groups:
  - {from: teams, name: {from: Group}, member: {from: Login}}
groups_missing: remove
groups_managed: ["*"]
group_members_missing: remove
group_access:
  - {from: access, group: {from: Group}, project: {from: Project}, role: {from: Role}}
group_access_missing: revoke
custom_roles: {ALPHA: [Tester]}
limits: {revoke: 1000, lower: 1000, projects: {}}
"""


@story
def roles_that_come_through_groups(scene: Scene) -> None:
    alpha = scene.store.add_project("Alpha", identifier="ALPHA")
    ids = {name: scene.store.add_user(name) for name in ("ada", "bob", "eve")}
    old = scene.store.add_group("Old")
    scene.store.add_group_member(old, ids["eve"])
    scene.store.add_group_access(alpha, old, "project-manager")
    scene.store.add_member(alpha, ids["bob"])
    scene.store.add_custom_role(alpha, "Tester")
    scene.write(
        mapping=GROUPS,
        grants="Login,Project,Role\nada,ALPHA,Tester\n",
        teams="Group,Login\nTeam,ada\nTeam,bob\n",
        access="Group,Project,Role\nTeam,ALPHA,project-viewer\n",
    )
    scene("plan", "club.yaml", "-o", "plan.json")
    scene("apply", "plan.json", "--yes")
    scene("verify", "plan.json")
    scene("plan", "club.yaml")
    scene("explain", "club.yaml", "bob")
    scene.write(
        grants="Login,Project,Role\neve,ALPHA,project-viewer\n",
        access="Group,Project,Role\nTeam,ALPHA,project-manager\n",
    )
    scene("sync", "club.yaml")
    scene("sync", "club.yaml")
    scene("undo", "plan.journal.jsonl", "-o", "back.json", "--remove-created", "9")
    scene("apply", "back.json", "--yes")


PROJECTS = """
projects:
  - from: projects
    name: {from: Name}
    identifier: {from: Code}
    owner: {from: Owner}
    private: {from: Private}
"""


@story
def projects_that_are_created(scene: Scene) -> None:
    with_projects = MAPPING.replace(
        "sources:", "sources:\n  projects: {type: csv, path: projects.csv}"
    )
    scene.club(
        mapping=with_projects + PROJECTS,
        projects="Name,Code,Owner,Private\nGamma,GAMMA,ada,false\nAlpha,OTHER,,false\nDelta,DELTA,"
        "nobody,false\nSecret,,bob,true\n",
        grants=GRANTS + "bob,GAMMA,W\n",
    )
    scene("plan", "club.yaml", "-o", "plan.json")
    scene.write(projects="Name,Code,Owner,Private\nGamma,GAMMA,ada,false\n")
    scene("plan", "club.yaml", "-o", "plan.json")
    scene("apply", "plan.json", "--yes")
    scene("explain", "club.yaml", "--project", "GAMMA")
    scene("undo", "plan.journal.jsonl", "-o", "back.json", "--remove-created", "5")
    scene("apply", "back.json", "--yes")


# --- after a run ----------------------------------------------------------------------------------


@story
def plans_that_are_stale(scene: Scene) -> None:
    scene.club()
    scene("plan", "club.yaml", "-o", "plan.json")
    assert scene("apply", "plan.json") == 2
    store = scene.store
    for sql, undone in (
        ("UPDATE users SET username = 'rob' WHERE username = 'robert'", "rob"),
        ("UPDATE users SET is_active = 0 WHERE username = 'gone'", ""),
        ("UPDATE projects SET name = 'Betas' WHERE name = 'Beta board'", ""),
        ("DELETE FROM project_has_users", ""),
    ):
        before = store.snapshot()
        store.change(sql)
        assert scene("apply", "plan.json", "--yes") in (0, 9)
        assert (before == store.snapshot()) is False
        if undone:
            store.change("UPDATE users SET username = 'robert' WHERE username = ?", undone)
    text = (scene.folder / "plan.json").read_text("utf-8")
    (scene.folder / "edited.json").write_text(text.replace("app-manager", "app-admin"), "utf-8")
    assert scene("apply", "edited.json", "--yes") == 2
    scene.patch.setenv("KANPORT_URL", "http://127.0.0.1:1")
    scene("apply", "plan.json", "--yes")


def applied(scene: Scene) -> None:
    scene.club()
    assert scene("plan", "club.yaml", "-o", "plan.json") == 0
    assert scene("apply", "plan.json", "--yes") == 0


@story
def runs_that_are_taken_back(scene: Scene) -> None:
    applied(scene)
    run = "plan.journal.jsonl"
    assert scene("undo", run, "-o", "few.json", "--remove-created", "1") == 4
    assert scene("apply", "few.json", "--yes") == 4
    users = scene.store.snapshot().users
    secret = scene.store.add_project("Somebody else's", private=True)
    scene.store.add_member(secret, users["ada"].id)
    assert scene("undo", run, "-o", "back.json", "--remove-created", "2") == 3
    scene("apply", "back.json", "--yes")
    scene("verify", "plan.json")
    scene("undo", run, "-o", "more.json", "--remove-created", "2")
    scene("undo", "back.journal.jsonl", "-o", "again.json")


@story
def runs_that_others_changed_since(scene: Scene) -> None:
    applied(scene)
    change = scene.store.change
    change("UPDATE project_has_users SET role = 'project-viewer'")
    change("UPDATE users SET username = 'robin' WHERE username = 'bob'")
    change("UPDATE users SET is_active = 0, name = 'X' WHERE username = 'ada'")
    scene("verify", "plan.journal.jsonl")
    scene("verify", "plan.json", "--mask")
    scene.write(mapping=MAPPING.replace("[admin,", "[admin, gone,"))
    assert scene("undo", "plan.journal.jsonl", "-o", "back.json") == 3
    scene("apply", "back.json", "--yes")
    (scene.folder / "club.yaml").unlink()
    scene("undo", "plan.journal.jsonl")
    scene("undo", "plan.journal.jsonl", "--mapping", "club.yaml")
    scene("undo", "people.csv")


@story
def people_and_projects_explained(scene: Scene) -> None:
    scene.club(
        mapping=MAPPING + "invalid_rows: skip\n",
        people=PEOPLE + "gone,Gone,no,\nsvc-backup,B,b@example.org,\n",
        grants=GRANTS + "gone,ALPHA,W\nnobody,ALPHA,R\nada,NOWHERE,R\n",
    )
    for who in ("ada", "bob@example.org", "robert", "gone", "svc-backup", "nobody", "zoe", "admin"):
        scene("explain", "club.yaml", who)
    scene("explain", "club.yaml", "ada", "--offline")
    for project in ("ALPHA", "Beta board", "NOWHERE", "#1", "GONE"):
        scene("explain", "club.yaml", "--project", project)


@story
def reports_that_are_masked(scene: Scene) -> None:
    scene.club(
        mapping=MAPPING + "invalid_rows: skip\n",
        people=PEOPLE + "dan,Dan,Lovelace at home,\n",
        grants=GRANTS + "robert,NOWHERE,R\n",
    )
    scene("plan", "club.yaml", "-o", "plan.json")
    scene("plan", "club.yaml", "--mask", "--format", "markdown")
    scene("apply", "plan.json", "--yes")
    for of in ("plan.json", "plan.journal.jsonl"):
        files = [f"{of}.{form}" for form in FORMATS]
        options = [f"--output={name}" for name in (*files, f"{of}.masked.json")]
        assert scene("report", of, "--mask", *options) == 0
        for name in files:
            scene.hidden(name, REAL)
        for table in ("findings", "access", "rows"):
            scene("report", of, "--mask", "--table", table, "-o", f"{of}.{table}.csv")
        for form in ("junit", "sarif", "github"):
            scene("report", of, "--mask", "--format", form)
    scene("verify", "plan.json", "--mask")
    scene("report", "plan.json", "-o", "plain.json", "-o", "plain.csv")


@story
def plans_compared(scene: Scene) -> None:
    scene.club()
    scene("plan", "club.yaml", "-o", "old.json")
    scene.write(
        people=PEOPLE.replace("Ada Lovelace", "Ada King") + "dan,Dan,dan@example.org,\n",
        grants="Login,Project,Access\nada,ALPHA,W\n",
    )
    scene("plan", "club.yaml", "-o", "new.json")
    scene("report", "--compare", "old.json", "new.json", "-o", "compared.json")
    scene("apply", "new.json", "--yes")
    scene("report", "--compare", "new.json", "new.journal.jsonl")


@story
def approved_plans(scene: Scene) -> None:
    scene.club()
    scene("plan", "club.yaml", "-o", "plan.json")
    assert scene("apply", "plan.json", "--yes", "--require-approval") == 4
    scene("approve", "plan.json", "--by", "Ada", "--note", "Ticket 4711")
    assert scene("apply", "plan.json", "--yes", "--require-approval") == 0
    scene("report", "plan.journal.jsonl", "--mask")


@story
def what_is_there_is_adopted(scene: Scene) -> None:
    alpha = scene.store.add_project("Alpha", identifier="ALPHA")
    for name in ("ada", "ext-1", "zoe"):
        scene.store.add_member(alpha, scene.store.add_user(name))
    scene.write(mapping=LEAVING, people="username,project\nada,ALPHA\nbob,ALPHA\nadmin,ALPHA\n")
    scene("adopt", "club.yaml")
    assert scene("adopt", "club.yaml", "--yes") == 0
    assert scene("adopt", "club.yaml", "--users", "EXT-*", "--yes") == 0
    assert scene("adopt", "club.yaml", "--memberships", "alpha", "--yes") == 0
    scene("adopt", "club.yaml", "--memberships", "none", "--yes")
    scene.write(people="username,project\nbob,ALPHA\n")
    for _ in range(3):
        scene.later()
        assert scene("sync", "club.yaml") == 0
    assert not scene.store.snapshot().users["ada"].is_active


@story
def a_server_that_is_moved(scene: Scene) -> None:
    size = moving.Size(users=14, groups=4, projects=8, people_in_a_group=4, people_in_a_project=4)
    with Sandbox(SandboxOptions(token="of the old one")) as old:
        scene.patch.setenv("OLD", old.token)
        moving.fill(old, size)
        scene.write(mapping=moving.mapping_from(old, size))
        scene("plan", "club.yaml", "-o", "plan.json")
        scene("apply", "plan.json", "--yes")
    scene("verify", "plan.json")
    assert scene("export", "-o", "out", "--mapping", "out.yaml") == 0
    scene("plan", "out.yaml", "--check")
    scene("undo", "plan.journal.jsonl", "-o", "back.json")


@story
def passwords_by_ldap(scene: Scene) -> None:
    scene.club(mapping=MAPPING.replace("  missing: disable", "  password: ldap\n  missing: keep"))
    scene("plan", "club.yaml", "-o", "plan.json")
    scene("apply", "plan.json", "--yes")
    scene("doctor", "club.yaml")
    options = SandboxOptions(ldap_users=[LdapUser("ada", "Ada Lovelace", "ada@example.org")])
    with Sandbox(options) as server:
        scene.move_to(server)
        server.store.add_project("Alpha", identifier="ALPHA")
        server.store.add_project("Beta board")
        scene("sync", "club.yaml")


@story
def what_cannot_be_reached_or_is_set_up_wrongly(scene: Scene) -> None:
    scene.club()
    scene("doctor", "club.yaml")
    (scene.folder / "people.csv").unlink()
    for command in ("validate", "plan", "sync", "doctor"):
        scene(command, "club.yaml")
    scene.write(people="Login,Name\nada,Ada\n")
    scene("validate", "club.yaml")
    scene.write(people="")
    scene("validate", "club.yaml")
    scene.write(mapping=MAPPING.replace("disable", "disabel"))
    scene("validate", "club.yaml")
    scene("plan", "none.yaml")
    directory = "{type: ldap, url: 'ldap://127.0.0.1:1', allow_plaintext: true, base: 'dc=example'}"
    scene.write(
        mapping=f"kanport: 1\nsources: {{people: {directory}}}\n"
        "users: {from: people, fields: {username: {from: uid}}}\n"
    )
    for command in ("validate", "plan", "doctor"):
        scene(command, "club.yaml")
    scene.club_files()
    scene.patch.setenv("KANPORT_URL", "http://127.0.0.1:1")
    for command in ("plan", "doctor"):
        scene(command, "club.yaml")
    scene.patch.delenv("KANPORT_URL")
    scene("plan", "club.yaml")


# --- earlier versions -----------------------------------------------------------------------------


def recorded(scene: Scene, moment: str, *commands: tuple[str, ...]) -> None:
    """Call commands on what version 0.1.0 wrote, as it was at a moment."""
    for path in RECORDED.iterdir():
        shutil.copy(path, scene.folder / path.name)
    for name in ("server.sqlite", "club.ledger"):
        shutil.copy(RECORDED / f"{moment}.{name}", scene.folder / name)
    store = scene.folder / "server.sqlite"
    with (
        Sandbox(SandboxOptions(token=RECORDED_TOKEN, store=store)) as server,
        proxy_to(server.url) as proxy,
    ):
        scene.move_to(server)
        scene.patch.setenv("KANPORT_URL", RECORDED_URL)
        scene.patch.setenv("KANPORT_ALLOW_HTTP", "1")
        scene.patch.setenv("http_proxy", proxy)
        for command in commands:
            scene(*command)


@story
def plans_of_an_earlier_version(scene: Scene) -> None:
    recorded(
        scene,
        "before",
        ("apply", "plan.json", "--yes", "--require-approval", "--journal", "new.jsonl"),
        ("verify", "plan.json"),
        ("report", "plan.json", "--mask", "-o", "masked.json"),
        ("plan", "club.yaml", "--check"),
        ("undo", "new.jsonl", "-o", "back.json"),
    )


@story
def journals_of_an_earlier_version(scene: Scene) -> None:
    recorded(
        scene,
        "after",
        ("verify", "plan.journal.jsonl"),
        ("report", "plan.journal.jsonl"),
        ("report", "plan.journal.jsonl", "--mask", "-o", "masked.json"),
        ("report", "--compare", "first.json", "plan.journal.jsonl"),
        ("undo", "plan.journal.jsonl", "-o", "back.json", "--remove-created", "9"),
        ("apply", "back.json", "--yes"),
        ("resume", "plan.journal.jsonl"),
    )


@story
def a_run_of_an_earlier_version_that_was_cut_off(scene: Scene) -> None:
    recorded(
        scene,
        "cut",
        ("report", "cut.journal.jsonl"),
        ("undo", "cut.journal.jsonl"),
        ("resume", "cut.journal.jsonl"),
        ("plan", "club.yaml", "--check"),
    )
