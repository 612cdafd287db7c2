"""A member of a group is the entry at its DN, and a leaver is one whatever groups list."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kanport.sandbox import Sandbox
from tests.support.command_line import Kanport
from tests.support.ldap.ldif import GROUPS, PEOPLE, dn, entry, group, line, person, tree
from tests.support.ldap.slapd import ADMIN, PASSWORD, SUFFIX, Slapd

PARTNERS = f"ou=partners,{SUFFIX}"
ALUMNI = f"ou=alumni,{SUFFIX}"

Write = Callable[..., Path]


def unit(dn: str) -> str:
    return entry(dn, objectClass="organizationalUnit", ou=dn.partition("=")[2].partition(",")[0])


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Slapd]:
    entries = tree(
        unit(PARTNERS),
        unit(ALUMNI),
        person("ada"),
        person("bob"),
        person("p01", cn="Pia Inside"),
        person("p01", f"uid=p01,{PARTNERS}", cn="Pat Partner"),
        person("p02", f"uid=p02,{PARTNERS}"),
        person("cyd", cn="Cyd New"),
        person("cyd", f"uid=cyd,{ALUMNI}", cn="Cyd Gone"),
        group("kb-web-managers", dn("ada"), f"uid=p01,{PARTNERS}", f"uid=cyd,{ALUMNI}"),
        group("kb-erp-members", dn("bob"), f"uid=p02,{PARTNERS}"),
        entry(
            f"cn=kb-ops-members,{GROUPS}",
            objectClass="posixGroup",
            cn="kb-ops-members",
            gidNumber="2000",
            memberUid=["bob", "p01", "p02"],
        ),
    )
    with Slapd(tmp_path / "slapd", entries) as slapd:
        yield slapd


SOURCE = f"""\
    type: ldap
    url: URL
    allow_plaintext: true
    bind_dn: "{ADMIN}"
    bind_password: {{env: LDAP_PASSWORD}}
    base: "{PEOPLE}"
    filter: (objectClass=inetOrgPerson)
"""
USERS = """\
users:
  from: people
  fields:
    username: {from: uid}
    name: {from: cn}
  missing: disable
  managed: {usernames: ["*"]}
"""


@pytest.fixture
def write(
    directory: Slapd, server: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Write:
    for name in ("WEB", "ERP", "OPS"):
        server.store.add_project(name.title(), identifier=name)
    monkeypatch.setenv("LDAP_PASSWORD", PASSWORD)

    def written(
        *, people: str = SOURCE, users: str = USERS, outside: str = "", members: str = "member"
    ) -> Path:
        text = (
            "kanport: 1\nname: nightly\nsources:\n"
            + (f"  people:\n{people}" if "people" in users else "")
            + f"  access:\n{SOURCE}    groups:\n      base: {GROUPS}\n"
            f"      filter: (cn=kb-*)\n      members: {members}\n{outside}"
            f"{users}memberships:\n  - from: access\n    username: {{from: uid}}\n"
            '    project: {from: group.cn, match: "^kb-(?P<project>.+)-(?P<level>[a-z]+)$"}\n'
            "    role: {part: level, values: {members: project-member,"
            " managers: project-manager}}\n"
            "memberships_missing: revoke\nprotect: [admin]\n"
            "limits: {disable: 90%, revoke: 90%}\n"
        )
        path = tmp_path / "nightly.yaml"
        path.write_text(text.replace("URL", directory.url), encoding="utf-8")
        return path

    return written


def granted(server: Sandbox, project: str) -> dict[str, str]:
    return {
        who: role
        for (where, who), role in server.store.snapshot().memberships.items()
        if where == project
    }


def active(server: Sandbox) -> set[str]:
    users = server.store.snapshot().users
    return {name for name, user in users.items() if user.is_active} - {"admin"}


def replace(group: str, *members: str) -> str:
    lines = "".join(f"{line('member', member)}\n" for member in members)
    return f"dn: cn={group},{GROUPS}\nchangetype: modify\nreplace: member\n{lines}"


def move(uid: str, base: str) -> str:
    return (
        f"dn: {dn(uid)}\nchangetype: modrdn\nnewrdn: uid={uid}\ndeleteoldrdn: 1\n"
        f"newsuperior: {base}\n"
    )


@pytest.mark.parametrize("outside", ["", "      outside: fetch\n"])
def test_a_member_is_the_entry_and_not_somebody_else_with_the_same_login(
    server: Sandbox, kanport: Kanport, write: Write, outside: str
) -> None:
    done = kanport("sync", write(outside=outside))
    assert done.code == 0, done
    assert granted(server, "WEB") == {"ada": "project-manager"}
    assert granted(server, "ERP") == {"bob": "project-member"}
    assert active(server) == {"ada", "bob", "p01", "cyd"}
    for text in (f"uid=p01,{PARTNERS}", dn("p01"), f"uid=cyd,{ALUMNI}", dn("cyd")):
        assert text in done.out + done.err
    again = kanport("plan", write(outside=outside), "--check")
    assert again.code == 0, again


def test_only_reporting_members_outside_grants_them_nothing_either(
    server: Sandbox, kanport: Kanport, write: Write
) -> None:
    assert kanport("sync", write(outside="      outside: report\n")).code == 0
    assert granted(server, "WEB") == {"ada": "project-manager"}


def test_a_role_that_somebody_has_by_another_entrys_name_is_revoked(
    server: Sandbox, kanport: Kanport, write: Write
) -> None:
    mapping = write()
    assert kanport("sync", mapping).code == 0
    store = server.store
    users = store.snapshot().users
    web = next(one.id for one in store.snapshot().projects.values() if one.identifier == "WEB")
    store.add_member(web, users["p01"].id, "project-manager")
    assert kanport("sync", mapping).code == 0
    assert granted(server, "WEB") == {"ada": "project-manager"}


def test_a_group_that_lists_logins_means_whoever_has_them(
    server: Sandbox, kanport: Kanport, write: Write
) -> None:
    done = kanport("sync", write(members="memberUid"))
    assert done.code == 0, done
    assert granted(server, "OPS") == {"bob": "project-member", "p01": "project-member"}


def test_one_directory_by_two_addresses_is_still_one(
    server: Sandbox, directory: Slapd, kanport: Kanport, write: Write
) -> None:
    people = SOURCE.replace("URL", f"ldap://localhost:{directory.port}")
    done = kanport("sync", write(people=people))
    assert done.code == 0, done
    assert granted(server, "WEB") == {"ada": "project-manager"}


def test_users_from_a_file_get_nothing_by_the_name_of_an_entry_outside(
    server: Sandbox, kanport: Kanport, write: Write, tmp_path: Path
) -> None:
    (tmp_path / "people.csv").write_text("uid,cn\nada,A\nbob,B\np01,P\np02,Q\ncyd,C\n")
    done = kanport("sync", write(people="    type: csv\n    path: people.csv\n"))
    assert done.code == 0, done
    # p01 and cyd are others below the base; of p02, nothing but the login says who it is.
    assert granted(server, "WEB") == {"ada": "project-manager"}
    assert granted(server, "ERP") == {"bob": "project-member"}
    assert f"uid=p02,{PARTNERS}" in done.out + done.err


def test_what_may_be_somebody_is_not_revoked_either(
    server: Sandbox, kanport: Kanport, write: Write, tmp_path: Path
) -> None:
    (tmp_path / "people.csv").write_text("uid,cn\nada,A\nbob,B\np02,Q\n")
    mapping = write(people="    type: csv\n    path: people.csv\n")
    assert kanport("sync", mapping).code == 0
    store = server.store
    erp = next(one.id for one in store.snapshot().projects.values() if one.identifier == "ERP")
    store.add_member(erp, store.snapshot().users["p02"].id, "project-member")
    assert kanport("sync", mapping).code == 0
    assert granted(server, "ERP") == {"bob": "project-member", "p02": "project-member"}


def test_two_entries_of_one_login_are_two_people_with_a_finding(
    server: Sandbox, kanport: Kanport, write: Write
) -> None:
    people = SOURCE.replace(f'"{PEOPLE}"', f'["{PEOPLE}", "{PARTNERS}"]')
    users = USERS.replace("    name: {from: cn}\n", "")
    done = kanport("sync", write(people=people, users=users))
    assert done.code == 5, done
    assert f"uid=p01,{PARTNERS}" in done.err + done.out and dn("p01") in done.err + done.out
    assert not active(server)


def test_two_sources_of_one_directory_do_not_merge_two_entries(
    server: Sandbox, kanport: Kanport, write: Write
) -> None:
    partners = SOURCE.replace(PEOPLE, PARTNERS)
    people = f"{SOURCE}  partners:\n{partners}"
    users = USERS.replace("from: people\n", "from: [people, partners]\n")
    done = kanport("sync", write(people=people, users=users))
    assert done.code == 5, done
    assert "login-shared" in kanport("validate", "nightly.yaml", "--format", "json").out


def test_a_stable_id_of_the_mapping_makes_two_entries_one_person(
    server: Sandbox, directory: Slapd, kanport: Kanport, write: Write
) -> None:
    directory.modify(
        "\n".join(
            f"dn: {one}\nchangetype: modify\nadd: employeeNumber\nemployeeNumber: {number}\n"
            for number, one in enumerate(
                (dn("ada"), dn("bob"), dn("p01"), dn("cyd"), f"uid=p02,{PARTNERS}"), 1
            )
        )
    )
    directory.modify(
        f"dn: uid=p01,{PARTNERS}\nchangetype: modify\nadd: employeeNumber\nemployeeNumber: 3\n"
    )
    partners = SOURCE.replace(PEOPLE, PARTNERS)
    users = USERS.replace(
        "from: people\n", "from: [people, partners]\n  id: {from: employeeNumber}\n"
    )
    mapping = write(people=f"{SOURCE}  partners:\n{partners}", users=users)
    mapping.write_text(mapping.read_text() + "ledger: nightly.ledger\n")
    done = kanport("sync", mapping)
    assert done.code == 0, done
    assert granted(server, "WEB") == {"ada": "project-manager", "p01": "project-manager"}


# --- leavers --------------------------------------------------------------------------------------


def test_whoever_moved_out_of_the_base_is_a_leaver_whatever_groups_list(
    server: Sandbox, directory: Slapd, kanport: Kanport, write: Write
) -> None:
    mapping = write()
    assert kanport("sync", mapping).code == 0
    directory.modify(move("ada", ALUMNI))
    directory.modify(
        "\n".join(
            [
                replace("kb-web-managers", f"uid=ada,{ALUMNI}", dn("p01")),
                replace("kb-erp-members", f"uid=ada,{ALUMNI}", dn("bob")),
            ]
        )
    )
    done = kanport("sync", mapping)
    assert done.code == 0, done
    assert active(server) == {"bob", "p01", "cyd"}
    assert granted(server, "WEB") == {"p01": "project-manager"}
    assert granted(server, "ERP") == {"bob": "project-member"}
    assert f"uid=ada,{ALUMNI}" in done.out + done.err
    again = kanport("plan", mapping, "--check")
    assert again.code == 0, again


def test_whoever_the_filter_of_people_leaves_out_is_a_leaver_too(
    server: Sandbox, directory: Slapd, kanport: Kanport, write: Write
) -> None:
    mapping = write(
        people=SOURCE.replace("inetOrgPerson)", "inetOrgPerson)(!(title=left)))").replace(
            "filter: (", "filter: (&("
        )
    )
    assert kanport("sync", mapping).code == 0
    directory.modify(f"dn: {dn('bob')}\nchangetype: modify\nadd: title\ntitle: left\n")
    directory.modify(replace("kb-web-managers", dn("ada"), dn("bob")))
    done = kanport("sync", mapping)
    assert done.code == 0, done
    assert active(server) == {"ada", "p01", "cyd"}
    assert granted(server, "WEB") == {"ada": "project-manager"}
    assert not granted(server, "ERP")
    assert kanport("plan", mapping, "--check").code == 0


def test_a_wider_base_of_groups_keeps_no_leaver(
    server: Sandbox, directory: Slapd, kanport: Kanport, write: Write
) -> None:
    mapping = write()
    text = mapping.read_text()
    head, _, tail = text.partition("  access:\n")
    mapping.write_text(f"{head}  access:\n{tail.replace(PEOPLE, SUFFIX, 1)}")
    assert kanport("sync", mapping).code == 0
    directory.modify(move("bob", ALUMNI))
    directory.modify(replace("kb-erp-members", f"uid=bob,{ALUMNI}"))
    assert kanport("sync", mapping).code == 0
    assert active(server) == {"ada", "p01", "cyd"}
    assert not granted(server, "ERP")


def test_access_of_leavers_waits_where_the_mapping_waits(
    server: Sandbox, directory: Slapd, kanport: Kanport, write: Write
) -> None:
    users = USERS.replace(
        "missing: disable", "missing: {after: 2 runs, then: disable, and: revoke}"
    )
    mapping = write(users=users)
    mapping.write_text(mapping.read_text() + "ledger: nightly.ledger\n")
    assert kanport("sync", mapping).code == 0
    directory.modify(move("ada", ALUMNI))
    directory.modify(
        replace("kb-web-managers", f"uid=ada,{ALUMNI}")
        + "\n"
        + replace("kb-erp-members", dn("bob"), f"uid=ada,{ALUMNI}")
    )
    assert kanport("sync", mapping).code == 0
    assert "ada" in active(server)
    assert granted(server, "WEB") == {"ada": "project-manager"}
    assert "ada" not in granted(server, "ERP"), "nothing new for a leaver"


@pytest.mark.parametrize("listed", [False, True], ids=["no users", "users of a file"])
def test_a_locked_member_outside_is_no_reason_for_access(
    server: Sandbox,
    directory: Slapd,
    kanport: Kanport,
    write: Write,
    tmp_path: Path,
    *,
    listed: bool,
) -> None:
    for name in ("ada", "bob", "p02"):
        server.store.add_user(name)
    (tmp_path / "people.csv").write_text("uid,cn\nada,A\nbob,B\np02,P\n")
    mapping = write(people="    type: csv\n    path: people.csv\n", users=USERS if listed else "")
    directory.modify(
        f"dn: uid=p02,{PARTNERS}\nchangetype: modify\nadd: objectClass\n"
        "objectClass: shadowAccount\n-\nadd: shadowExpire\nshadowExpire: 1\n"
    )
    erp = next(
        one.id for one in server.store.snapshot().projects.values() if one.identifier == "ERP"
    )
    server.store.add_member(erp, server.store.snapshot().users["p02"].id, "project-member")
    done = kanport("sync", mapping)
    assert done.code == 0, done
    assert granted(server, "ERP") == {"bob": "project-member"}


def test_without_users_a_member_outside_counts_unless_the_name_is_taken(
    server: Sandbox, kanport: Kanport, write: Write
) -> None:
    for name in ("ada", "bob", "p01", "p02", "cyd"):
        server.store.add_user(name)
    done = kanport("sync", write(users=""))
    assert done.code == 0, done
    assert granted(server, "WEB") == {"ada": "project-manager"}
    assert granted(server, "ERP") == {"bob": "project-member", "p02": "project-member"}


# --- groups of Kanboard ---------------------------------------------------------------------------


def test_kanboards_groups_hold_entries_and_not_logins(
    server: Sandbox, directory: Slapd, kanport: Kanport, write: Write
) -> None:
    mapping = write()
    text = mapping.read_text()
    head, _, _ = text.partition("memberships:\n")
    mapping.write_text(
        head + "groups:\n  - from: access\n    name: {from: group.cn}\n    member: {from: uid}\n"
        "group_members_missing: remove\nprotect: [admin]\nlimits: {disable: 90%}\n"
    )
    done = kanport("sync", mapping)
    assert done.code == 0, done
    groups = {name: set(one.members) for name, one in server.store.snapshot().groups.items()}
    assert groups["kb-web-managers"] == {"ada"}
    assert groups["kb-erp-members"] == {"bob"}
    directory.modify(move("ada", ALUMNI))
    directory.modify(replace("kb-web-managers", f"uid=ada,{ALUMNI}"))
    assert kanport("sync", mapping).code == 0
    groups = {name: set(one.members) for name, one in server.store.snapshot().groups.items()}
    assert not groups["kb-web-managers"]
    assert "ada" not in active(server)


# --- group names that look alike ------------------------------------------------------------------


@pytest.fixture
def alike(directory: Slapd) -> Slapd:
    directory.add(
        group("kb-weiß-members", dn("ada")),
        group("kb-weiss-members", dn("bob")),
        group("kb-weiß-managers", dn("p01"), dn("bob")),
    )
    return directory


def test_groups_that_look_alike_mean_the_projects_of_their_exact_names(
    server: Sandbox, kanport: Kanport, write: Write, alike: Slapd
) -> None:
    server.store.add_project("weiß")
    server.store.add_project("weiss")
    done = kanport("sync", write())
    assert done.code == 0, done
    assert granted(server, "weiß") == {
        "ada": "project-member",
        "p01": "project-manager",
        "bob": "project-manager",
    }
    assert granted(server, "weiss") == {"bob": "project-member"}
    alike.modify(replace("kb-weiss-members", dn("ada")))
    assert kanport("sync", write()).code == 0
    assert granted(server, "weiss") == {"ada": "project-member"}
    assert granted(server, "weiß")["bob"] == "project-manager"


def test_a_group_does_not_get_the_project_of_one_that_looks_alike(
    server: Sandbox, kanport: Kanport, write: Write, alike: Slapd
) -> None:
    server.store.add_project("weiss")
    done = kanport("sync", write())
    assert done.code == 5, done
    assert "weiß" in done.out and not granted(server, "weiss")


def test_groups_that_look_alike_get_projects_of_their_own(
    server: Sandbox, kanport: Kanport, write: Write, alike: Slapd
) -> None:
    mapping = write()
    mapping.write_text(mapping.read_text() + "projects: create\n")
    done = kanport("sync", mapping)
    assert done.code == 0, done
    assert granted(server, "weiss") == {"bob": "project-member"}
    assert set(granted(server, "weiß")) == {"ada", "p01", "bob"}
    assert kanport("plan", mapping, "--check").code == 0


def test_a_table_means_the_group_that_it_names(
    server: Sandbox, kanport: Kanport, write: Write, alike: Slapd
) -> None:
    mapping = write()
    text = mapping.read_text()
    head, _, _ = text.partition("    project:")
    mapping.write_text(
        head + "    project: {from: group.cn, values: {KB-Weiss-Members: WEB}, default: ERP}\n"
        "    role: project-member\nprotect: [admin]\n"
    )
    done = kanport("sync", mapping)
    assert done.code == 0, done
    assert granted(server, "WEB") == {"bob": "project-member"}


def test_groups_that_kanboard_cannot_tell_apart_are_refused(
    server: Sandbox, kanport: Kanport, write: Write, alike: Slapd
) -> None:
    mapping = write()
    head, _, _ = mapping.read_text().partition("memberships:\n")
    mapping.write_text(
        head + "groups:\n  - from: access\n    name: {from: group.cn}\n    member: {from: uid}\n"
        "protect: [admin]\n"
    )
    done = kanport("sync", mapping)
    assert done.code == 5, done
    assert "kb-weiß-members" in done.out and "kb-weiss-members" in done.out
    assert not server.store.snapshot().groups
