"""From a real slapd through the command line to a changed server, night after night."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from kanport.sandbox import Sandbox
from tests.support.command_line import Kanport
from tests.support.ldap.slapd import Slapd

ROOT = Path(__file__).parents[2]
LDIF = (ROOT / "samples" / "ldap" / "example.ldif").read_text(encoding="utf-8")
MAPPING = (ROOT / "mappings" / "openldap.yaml").read_text(encoding="utf-8")
PASSWORD = "kanport-demo"
ADMIN = (
    "dn: cn=admin,dc=example,dc=org\nobjectClass: organizationalRole\n"
    "objectClass: simpleSecurityObject\ncn: admin\nuserPassword: slapd-geheim\n"
)
PEOPLE = "ou=people,dc=example,dc=org"


@pytest.fixture
def directory(tmp_path: Path) -> Iterator[Slapd]:
    with Slapd(tmp_path / "slapd", f"{LDIF}\n{ADMIN}") as slapd:
        yield slapd


@pytest.fixture
def mapping(
    directory: Slapd, server: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    for name in ("APOLLO", "ARCHIVE", "BOREALIS", "ZEPHYR"):
        server.store.add_project(name.title(), identifier=name)
    monkeypatch.setenv("LDAP_PASSWORD", PASSWORD)
    return written(tmp_path, directory)


def written(folder: Path, directory: Slapd, *changes: tuple[str, str]) -> Path:
    text = MAPPING.replace("ldap://127.0.0.1:3389", directory.url)
    for old, new in (("{disable: 5%, revoke: 10%}", "{disable: 50%, revoke: 50%}"), *changes):
        assert old in text
        text = text.replace(old, new)
    path = folder / "nightly.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_sample_directory_comes_into_kanboard(
    server: Sandbox, kanport: Kanport, mapping: Path
) -> None:
    done = kanport("sync", mapping)
    assert done.code == 0, done
    after = server.store.snapshot()
    assert {"ada", "thorbjorg", "max"} < set(after.users)
    # Disabled in the directory, so never made.
    assert not {"gottfried", "zhores"} & set(after.users)
    assert after.memberships["APOLLO", "ada"] == "project-manager"
    assert after.memberships["APOLLO", "thorbjorg"] == "project-member"
    assert not [who for project, who in after.memberships if project == "ARCHIVE"]
    assert kanport("plan", mapping, "--check").code == 0


def test_a_leaver_is_disabled_and_loses_the_project(
    server: Sandbox, directory: Slapd, kanport: Kanport, mapping: Path
) -> None:
    assert kanport("sync", mapping).code == 0
    directory.modify(
        f"dn: cn=kb-borealis-member,ou=groups,dc=example,dc=org\nchangetype: modify\n"
        f"delete: member\nmember: uid=elif,{PEOPLE}\n\n"
        f"dn: uid=elif,{PEOPLE}\nchangetype: delete\n"
    )
    assert kanport("sync", mapping).code == 0
    after = server.store.snapshot()
    assert not after.users["elif"].is_active
    assert ("BOREALIS", "elif") not in after.memberships


def test_a_changed_login_is_a_rename_and_not_a_leaver_and_a_joiner(
    server: Sandbox, directory: Slapd, kanport: Kanport, mapping: Path
) -> None:
    assert kanport("sync", mapping).code == 0
    before = server.store.snapshot()
    directory.modify(
        f"dn: uid=elif,{PEOPLE}\nchangetype: modrdn\nnewrdn: uid=elif.married\ndeleteoldrdn: 1\n\n"
        f"dn: uid=elif.married,{PEOPLE}\nchangetype: modify\nreplace: mail\n"
        "mail: elif.married@example.org\n\n"
        "dn: cn=kb-borealis-member,ou=groups,dc=example,dc=org\nchangetype: modify\n"
        f"delete: member\nmember: uid=elif,{PEOPLE}\n-\nadd: member\n"
        f"member: uid=elif.married,{PEOPLE}\n"
    )
    done = kanport("sync", mapping)
    assert done.code == 0, done
    after = server.store.snapshot()
    assert "elif" not in after.users
    assert after.users["elif.married"].id == before.users["elif"].id
    assert after.users["elif.married"].is_active
    assert after.memberships["BOREALIS", "elif.married"] == before.memberships["BOREALIS", "elif"]
    assert len(after.users) == len(before.users)
    assert kanport("plan", mapping, "--check").code == 0


def test_a_search_that_the_server_cuts_stops_everything(
    server: Sandbox, directory: Slapd, kanport: Kanport, mapping: Path, tmp_path: Path
) -> None:
    assert kanport("sync", mapping).code == 0
    limit = ["sizelimit size.soft=20 size.hard=20 size.prtotal=20"]
    with Slapd(tmp_path / "cut", f"{LDIF}\n{ADMIN}", settings=limit) as cut:
        server.forget_requests()
        stopped = kanport("sync", written(tmp_path, cut))
    assert stopped.code == 7, stopped
    assert "limit" in stopped.err
    assert not server.requests


def test_a_directory_that_is_down_stops_everything(
    server: Sandbox, directory: Slapd, kanport: Kanport, mapping: Path
) -> None:
    assert kanport("sync", mapping).code == 0
    directory.stop()
    server.forget_requests()
    stopped = kanport("sync", mapping)
    assert stopped.code == 7, stopped
    assert not server.requests


def test_of_a_group_that_is_gone_nobody_loses_anything(
    server: Sandbox, directory: Slapd, kanport: Kanport, mapping: Path, tmp_path: Path
) -> None:
    names = ("      ignore:", "      names: [kb-apollo-member, kb-borealis-member]\n      ignore:")
    skip = ("protect:", "invalid_rows: skip\nprotect:")
    assert kanport("sync", mapping).code == 0
    before = server.store.snapshot().memberships
    directory.modify(
        "dn: cn=kb-apollo-member,ou=groups,dc=example,dc=org\nchangetype: delete\n\n"
        "dn: cn=kb-borealis-member,ou=groups,dc=example,dc=org\nchangetype: modify\n"
        f"delete: member\nmember: uid=elif,{PEOPLE}\n"
    )
    assert kanport("sync", written(tmp_path, directory, names)).code == 5
    assert server.store.snapshot().memberships == before
    skipping = written(tmp_path, directory, names, skip)
    assert kanport("sync", skipping).code == 4, "most of the rows of the last good run are gone"
    done = kanport("sync", skipping, "--allow", "shrink:access=35")
    assert done.code == 3, done
    after = server.store.snapshot().memberships
    assert {pair for pair in before if pair[0] == "APOLLO"} <= set(after)
    assert ("BOREALIS", "elif") not in after


def test_the_log_of_a_whole_run_tells_nothing_that_the_mapping_does_not_name(
    server: Sandbox, directory: Slapd, kanport: Kanport, mapping: Path, tmp_path: Path
) -> None:
    directory.modify(
        f"dn: uid=ada,{PEOPLE}\nchangetype: modify\nadd: telephoneNumber\n"
        "telephoneNumber: +49 30 1234567\n-\nadd: userPassword\nuserPassword: ada-geheim\n"
    )
    done = kanport("sync", mapping, "-vv", "--state", tmp_path / "kept")
    assert done.code == 0, done
    assert "kanport.sources.ldap" in done.err
    kept = "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "kept").glob("*.json*"))
    for text in (done.out, done.err, kept):
        for secret in (PASSWORD, "ada-geheim", "1234567", "telephoneNumber", server.token):
            assert secret not in text


@pytest.mark.parametrize("rule", ["", "projects_missing: revoke\n"])
def test_a_project_all_of_whose_groups_are_gone_does_not_keep_its_access_silently(
    server: Sandbox, directory: Slapd, kanport: Kanport, mapping: Path, rule: str
) -> None:
    mapping.write_text(mapping.read_text(encoding="utf-8") + rule, encoding="utf-8")
    assert kanport("sync", mapping).code == 0
    before = server.store.snapshot().memberships
    zephyr = sorted(who for project, who in before if project == "ZEPHYR")
    assert zephyr
    groups = [line for line in LDIF.splitlines() if line.startswith("dn: cn=kb-zephyr-")]
    directory.modify("\n\n".join(f"{dn}\nchangetype: delete" for dn in groups) + "\n")
    for _ in range(2):
        done = kanport("sync", mapping)
        assert done.code == 0, done
        left = sorted(
            who for project, who in server.store.snapshot().memberships if project == "ZEPHYR"
        )
        assert left == ([] if rule else zephyr)
        told = 'no source lists members of the project "ZEPHYR" any more' in done.out
        assert told is not bool(rule), done
    others = {place: role for place, role in before.items() if place[0] != "ZEPHYR"}
    after = server.store.snapshot().memberships
    assert {place: role for place, role in after.items() if place[0] != "ZEPHYR"} == others


def test_a_project_whose_groups_an_acl_hides_is_not_dropped(
    server: Sandbox, directory: Slapd, kanport: Kanport, mapping: Path
) -> None:
    rule = "projects_missing: revoke\n"
    mapping.write_text(mapping.read_text(encoding="utf-8") + rule, encoding="utf-8")
    assert kanport("sync", mapping).code == 0
    before = server.store.snapshot().memberships
    assert any(project == "ZEPHYR" for project, _ in before)
    directory.serve(
        'access to dn.regex="^cn=kb-zephyr-[a-z]+,ou=groups,dc=example,dc=org$" by * none',
        "access to attrs=userPassword by anonymous auth by * none",
        "access to * by * read",
    )
    done = kanport("sync", mapping)
    assert server.store.snapshot().memberships == before, done
    assert done.code == 0 and "ZEPHYR" in done.out, done
