"""Rules over everything that the sources want together."""

from kanport.checks import check, external_ids
from kanport.findings import Finding
from kanport.mapping.spec import MappingFile
from kanport.model import DesiredGroup, DesiredState, Given, Unknown
from tests.support.inputs import a_table, mapping_of, normalize_tables

MAPPING = """
    sources:
      staff: {type: csv, path: staff.csv}
      grants: {type: csv, path: grants.csv}
    users:
      from: staff
      fields:
        username: {from: L}
        email: {from: M}
        role: {from: R}
    memberships:
      - {from: grants, username: {from: L}, project: {from: P}, role: project-member}
    protect: [admin, "SVC-*"]
"""


def findings(
    people: list[str], grants: tuple[str, ...] = (), mapping: str = MAPPING
) -> list[Finding]:
    desired = normalize_tables(
        mapping, a_table("staff", "L|M|R", *people), a_table("grants", "L|P", *grants)
    ).desired
    return check(desired, mapping_of(mapping).spec)


def test_people_with_one_address_are_told_together() -> None:
    [finding] = findings(["ada|a@example.org|", "bob|A@Example.org|", "cy|c@example.org|", "di||"])
    assert finding.code == "email-shared"
    assert str(finding.origin) == "staff.csv:2:2"
    assert [str(place) for place in finding.related] == ["staff.csv:3:2"]
    assert '"ada" and "bob"' in finding.message


def test_cleared_addresses_are_not_shared() -> None:
    assert findings(["ada|<clear>|", "bob|<clear>|"]) == []


def test_where_people_are_found_by_address_the_hint_says_what_sharing_means() -> None:
    by_email = MAPPING.replace("      fields:", "      find_by: [username, email]\n      fields:")
    [finding] = findings(["ada|a@example.org|", "bob|a@example.org|"], mapping=by_email)
    assert finding.case == "found-by-email"


def test_protected_accounts_that_a_source_names_are_told() -> None:
    found = findings(["Admin||", "svc-backup||", "ada||"])
    assert [(finding.code, finding.value) for finding in found] == [
        ("protected-named", "Admin"),
        ("protected-named", "svc-backup"),
    ]


def test_nobody_becomes_administrator_unseen() -> None:
    [finding] = findings(["ada||app-admin", "bob||app-user"])
    assert (finding.code, str(finding.origin)) == ("admin-wanted", "staff.csv:2:3")


def test_memberships_of_people_in_no_row_of_users_are_told_once_each() -> None:
    [finding] = findings(["ada||"], ("ADA|ALPHA", "eve|ALPHA", "eve|BETA"))
    assert (finding.code, finding.value) == ("person-unlisted", "eve")
    assert "2 memberships" in finding.message
    assert [str(place) for place in finding.related] == ["grants.csv:4:1"]


def test_users_whom_an_unusable_row_may_name_count_as_listed() -> None:
    desired = normalize_tables(
        MAPPING, a_table("staff", "L|M|R", "ada||"), a_table("grants", "L|P", "eve|ALPHA")
    ).desired
    unknown = DesiredState(
        desired.users, desired.memberships, desired.projects_named, Unknown(frozenset({"eve"}))
    )
    assert check(unknown, mapping_of(MAPPING).spec) == []


def test_without_users_in_the_mapping_every_member_counts_as_listed() -> None:
    mapping = """
        sources:
          grants: {type: csv, path: grants.csv}
        memberships:
          - {from: grants, username: {from: L}, project: {from: P}, role: project-member}
    """
    desired = normalize_tables(mapping, a_table("grants", "L|P", "eve|ALPHA")).desired
    assert check(desired, mapping_of(mapping).spec) == []


# --- groups -------------------------------------------------------------------------------------

GROUPS_MAPPING = MappingFile.model_validate(
    {
        "kanport": 1,
        "sources": {"teams": {"type": "csv", "path": "teams.csv"}},
        "groups": [{"from": "teams", "name": {"from": "Team"}}],
    }
)


def codes_of(**ids: str) -> list[tuple[str, str]]:
    groups = [DesiredGroup(Given(name), Given(one)) for name, one in ids.items()]
    findings = external_ids(DesiredState(groups=tuple(groups)), GROUPS_MAPPING)
    return [(finding.code, finding.message.split(")")[0]) for finding in findings]


def test_an_id_that_is_no_dn_is_a_warning_and_a_dn_a_note() -> None:
    assert codes_of(Engineers="eng-1", Testers="cn=testers,dc=example,dc=org") == [
        ("group-login", "1 group (Engineers"),
        ("group-synced", "1 group (Testers"),
    ]


def test_groups_that_only_kanport_fills_need_no_word() -> None:
    assert codes_of(Engineers="") == []
    groups = (DesiredGroup(Given("Testers")),)
    assert list(external_ids(DesiredState(groups=groups), GROUPS_MAPPING)) == []
