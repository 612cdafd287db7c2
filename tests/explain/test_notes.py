"""An explanation in words: names come out as text, and each step of a rule is shown."""

from hypothesis import given, settings
from hypothesis import strategies as st

from kanport.explain import explain_person
from kanport.explain.notes import document_of
from kanport.report.document import as_html, as_markdown, as_text
from kanport.report.escape import escape_control
from tests.support.explanations import grants_table, known_of
from tests.support.inputs import a_table, mapping_of


@settings(max_examples=60)
@given(
    st.text(min_size=1, max_size=12).filter(lambda text: "|" not in text),
    st.text(max_size=12).filter(lambda text: "|" not in text),
)
def test_hostile_names_come_out_as_text(login: str, name: str) -> None:
    known = known_of(
        a_table("staff", "Login|Name|Mail|Role|Secret", [login, name, "", "", ""]), grants_table()
    )
    document = document_of(explain_person(known, login))
    for drawn in (as_text(document), as_markdown(document), as_html(document)):
        assert drawn == "\n".join(map(escape_control, drawn.split("\n")))
    assert "<script" not in as_html(document)


def test_the_groups_of_a_directory_entry_are_told_one_by_one() -> None:
    mapping = mapping_of(
        """
        sources:
          people: {type: csv, path: people.csv}
        memberships:
          - from: people
            username: {from: uid}
            project:
              from: memberOf
              each: true
              match: "^cn=kb-(?P<project>[^,]+)-(?P<role>[^,-]+),"
            role: {part: role, values: {members: project-member, heads: project-manager}}
        """
    )
    groups = ("cn=kb-ALPHA-members,ou=g", "cn=printers,ou=g", "cn=kb-BETA-heads,ou=g")
    table = a_table("people", "uid|memberOf", ["ada", groups])
    text = as_text(document_of(explain_person(known_of(table, mapping=mapping), "ada")))
    pattern = "match ^cn=kb-(?P<project>[^,]+)-(?P<role>[^,-]+),"
    assert f"cn=kb-ALPHA-members,ou=g → {pattern} → ALPHA" in text
    assert f"cn=printers,ou=g → {pattern} → (nothing)" in text
    assert "heads → values → project-manager" in text
    assert "BETA: sources: project-manager, server: no access" in text
