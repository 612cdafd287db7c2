"""The sample directory is what its comments say."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.ldap.ldif import GROUPS
from tests.support.ldap.reading import read, sorted_codes, spec
from tests.support.ldap.slapd import SUFFIX, Slapd

SAMPLE = Path(__file__).parents[2] / "samples" / "ldap" / "example.ldif"


@pytest.fixture(scope="module")
def slapd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    folder = tmp_path_factory.mktemp("sample") / "slapd"
    with Slapd(folder, SAMPLE.read_text()) as running:
        yield running


def test_the_people_of_the_sample(slapd: Slapd) -> None:
    table = read(
        spec(slapd.url, base=SUFFIX, active=["shadowExpire"], id="entryUUID"),
        *("uid", "mail", "active", "id", "cn"),
    )
    rows = {str(row.values["uid"]): row for row in table.rows}
    assert len(rows) == 61
    assert {uid for uid, row in rows.items() if row.values["active"] == "false"} == {
        "gottfried",
        "zhores",
    }
    assert rows["tim"].values["mail"] == ("tim@example.org", "timbl@example.net")
    assert rows["jorg"].values["cn"] == "Jörg Groß"


def test_the_groups_of_the_sample(slapd: Slapd) -> None:
    groups = {"base": GROUPS, "filter": "(cn=kb-*)", "ignore": ["cn=nobody"]}
    table = read(spec(slapd.url, groups=groups), "uid", "group.cn")
    found: dict[str, set[str]] = {}
    for row in table.rows:
        found.setdefault(str(row.values["group.cn"]), set()).add(str(row.values["uid"]))
    assert found["kb-apollo-member"] >= {"ada", "emmy", "max", "jorg", "thorbjorg"}
    assert len(found["kb-apollo-member"]) == 14
    assert found["kb-borealis-member"] >= {"leslie", "lynn", "peter"}
    assert "kb-archive-viewer" not in found
    assert len(table.scopes) == 10 and not any(scope.open for scope in table.scopes)
    assert sorted_codes(table) == ["member-no-person"]
