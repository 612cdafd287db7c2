"""What is told of groups with external ids."""

from kanport.checks.groups import external_ids
from kanport.mapping.spec import MappingFile
from kanport.model import DesiredGroup, DesiredState, Given

MAPPING = MappingFile.model_validate(
    {
        "kanport": 1,
        "sources": {"teams": {"type": "csv", "path": "teams.csv"}},
        "groups": [{"from": "teams", "name": {"from": "Team"}}],
    }
)


def told(**ids: str) -> list[tuple[str, str]]:
    groups = [DesiredGroup(Given(name), Given(one)) for name, one in ids.items()]
    findings = external_ids(DesiredState(groups=tuple(groups)), MAPPING)
    return [(finding.code, finding.message.split(")")[0]) for finding in findings]


def test_an_id_that_is_no_dn_is_a_warning_and_a_dn_a_note() -> None:
    assert told(Engineers="eng-1", Testers="cn=testers,dc=example,dc=org") == [
        ("group-login", "1 group (Engineers"),
        ("group-synced", "1 group (Testers"),
    ]


def test_groups_that_only_kanport_fills_need_no_word() -> None:
    assert told(Engineers="") == []
    groups = (DesiredGroup(Given("Testers")),)
    assert list(external_ids(DesiredState(groups=groups), MAPPING)) == []
