"""Which columns are read, which are secret, and what is said of missing ones."""

from pathlib import Path

import pytest

from kanport.errors import SourceInvalid
from kanport.mapping import load_mapping
from kanport.normalize import columns_used, normalize, secret_columns
from kanport.normalize.columns import columns_with_meaning
from tests.support.inputs import GRANTS, MATRIX, PEOPLE, a_table, mapping_of, normalize_tables

TWO = """
    sources:
      hr: {type: csv, path: hr.csv}
      it: {type: csv, path: it.csv}
      rest: {type: csv, path: rest.csv}
    users:
      from: [hr, it]
      fields:
        username: {from: {hr: Kürzel, it: Login}}
        name: {template: "{First} {Last}"}
        email: {from: Mail}
      password: {from: Secret}
    memberships:
      - from: rest
        username: {from: Who}
        matrix: {match: "^P: (?P<project>.+)$"}
"""


def missing(mapping: str, *tables: object) -> list[tuple[str | None, str]]:
    with pytest.raises(SourceInvalid) as stopped:
        normalize_tables(mapping, *tables)  # type: ignore[arg-type]
    assert {finding.code for finding in stopped.value.findings} == {"column-missing"}
    return [
        (finding.value, finding.origin.source)
        for finding in stopped.value.findings
        if finding.origin
    ]


def test_the_columns_that_may_be_read_are_known_beforehand() -> None:
    spec = mapping_of(TWO).spec
    assert columns_used(spec) == {
        "hr": {"Kürzel", "First", "Last", "Mail", "Secret"},
        "it": {"Login", "First", "Last", "Mail", "Secret"},
    }
    assert secret_columns(spec) == {"hr": {"Secret"}, "it": {"Secret"}, "rest": set()}


def test_columns_of_memberships_are_read_too() -> None:
    assert columns_used(mapping_of(GRANTS).spec) == {"grants": {"Login", "Project", "Access"}}
    assert columns_used(mapping_of(MATRIX).spec) == {"access": {"Login", "ALPHA", "BETA"}}


def test_a_column_is_the_same_however_its_accents_are_typed() -> None:
    decomposed = GRANTS.replace("from: Login", "from: Ku\u0308rzel")
    found = normalize_tables(
        decomposed, a_table("grants", "K\u00fcrzel|Project|Access", "ada|ALPHA|W")
    )
    assert len(found.desired.memberships) == 1


def test_all_missing_columns_of_all_sources_are_told_at_once() -> None:
    mapping = PEOPLE + GRANTS.replace("sources:", "").replace(
        "      grants: {type: csv, path: grants.csv}", ""
    )
    mapping = mapping.replace(
        "sources:", "sources:\n      grants: {type: csv, path: grants.csv}", 1
    )
    assert missing(
        mapping,
        a_table("staff", "Login|Name|Mail", "ada||"),
        a_table("grants", "Who|Project", "ada|ALPHA"),
    ) == [("Role", "staff"), ("Active", "staff"), ("Login", "grants"), ("Access", "grants")]


def test_a_missing_column_is_told_with_the_columns_that_are_there() -> None:
    with pytest.raises(SourceInvalid) as stopped:
        normalize_tables(PEOPLE, a_table("staff", "Login|Name|E-Mail|Role|Active"))
    assert str(stopped.value) == "1 column is missing"
    [finding] = stopped.value.findings
    assert finding.hint == (
        'did you mean "E-Mail"? The columns are "Login", "Name", "E-Mail", "Role" and "Active"'
    )
    assert [str(place) for place in finding.related] == ["map.yaml"]


def test_a_missing_column_is_told_with_the_line_of_the_mapping(tmp_path: Path) -> None:
    path = tmp_path / "map.yaml"
    path.write_text(
        "kanport: 1\nsources:\n  staff: {type: csv, path: staff.csv}\n"
        "users:\n  from: staff\n  fields:\n    username: {from: Login}\n    name: {from: Name}\n",
        encoding="utf-8",
    )
    with pytest.raises(SourceInvalid) as stopped:
        normalize(load_mapping(path), {"staff": a_table("staff", "Login", "ada")})
    [finding] = stopped.value.findings
    [place] = finding.related
    assert (place.file, place.row) == (str(path), 8)


def test_one_of_several_sources_must_have_a_column_and_all_the_username() -> None:
    rest = a_table("rest", "Who|P: Alpha", "ada|")
    hr = a_table("hr", "Kürzel|First|Last|Secret", "ada|||")
    it = a_table("it", "Login|Mail", "ada|")
    normalize_tables(TWO, hr, it, rest)
    assert missing(TWO, hr, a_table("it", "Mail", ""), rest) == [("Login", "it")]
    assert missing(TWO, hr, a_table("it", "Login", "ada"), rest) == [("Mail", "hr"), ("Mail", "it")]
    without_first = a_table("hr", "Kürzel|Last|Secret", "ada||")
    assert missing(TWO, without_first, it, rest) == [
        ("First", "hr"),
        ("First", "it"),
        ("Last", "it"),
    ]


def test_every_source_of_users_must_have_the_username() -> None:
    mapping = """
        sources:
          hr: {type: csv, path: hr.csv}
          it: {type: csv, path: it.csv}
        users: {from: [hr, it], fields: {username: {from: Login}}}
    """
    assert missing(mapping, a_table("hr", "Login", "ada"), a_table("it", "Id", "ada")) == [
        ("Login", "it")
    ]


def test_a_column_named_for_one_source_must_be_there() -> None:
    mapping = TWO.replace("email: {from: Mail}", "email: {from: {hr: Mail}}")
    rest = a_table("rest", "Who|P: Alpha", "ada|")
    hr = a_table("hr", "Kürzel|First|Last|Secret", "ada|||")
    assert missing(mapping, hr, a_table("it", "Login|Mail", "ada|"), rest) == [("Mail", "hr")]


def test_a_matrix_wants_each_of_its_columns() -> None:
    assert missing(MATRIX, a_table("access", "Login|ALPHA", "ada|")) == [("BETA", "access")]


def test_something_follows_from_empty_cells_of_all_but_fields_that_stay_as_they_are() -> None:
    mapping = mapping_of("""
        ledger: a.ledger
        sources:
          staff: {type: csv, path: staff.csv}
          grants: {type: csv, path: grants.csv}
        users:
          from: staff
          id: {from: Number}
          fields:
            username: {from: Login}
            name: {template: "{First} {Last}"}
            email: {from: Mail}
            role: {from: Role, default: app-user}
            active: {from: State, values: {"": true, gone: false}}
        memberships:
          - from: grants
            username: {from: Who}
            project: {from: What}
            role: {from: Access, values: {W: project-member}}
    """)
    found = columns_with_meaning(mapping.spec, "staff")
    assert {"First", "Last", "Role", "State"} <= found
    assert "Mail" not in found
    assert columns_with_meaning(mapping.spec, "grants") == {"Who", "What", "Access"}
    plain = mapping_of("""
        sources:
          staff: {type: csv, path: staff.csv}
        users:
          from: staff
          fields:
            username: {from: Login}
            role: {from: Role, values: {boss: app-manager}}
            active: {from: State, values: {gone: false}}
    """)
    assert columns_with_meaning(plain.spec, "staff") == frozenset()
