"""The lists about access: who is in which, and that all counts add up."""

from hypothesis import given
from hypothesis import strategies as st

from kanport.access.lists import AccessLists, NoAccount
from kanport.model import CurrentState, Project
from kanport.report.document import DataTable, as_csv, as_excel, as_html, as_markdown, as_text
from tests.support.snapshots import current, states, taken

NO_ACCOUNT = (NoAccount("zoe", "Zoe", True, ("crm",), created=True),)


def tables(lists: AccessLists) -> dict[str, DataTable]:
    """Return the lists by their keys."""
    return {table.key: table for table in lists.tables()}


def test_each_list_names_whom_it_is_about() -> None:
    state = current(
        roles={
            1: {1: "project-manager", 2: "Auditor", 4: "project-viewer"},
            2: {2: "project-member"},
        },
    )
    found = tables(AccessLists(taken(state)))
    assert {key: list(one.names) for key, one in found.items() if one.names} == {
        "administrators": ["admin"],
        "no-two-factor": ["ada"],
        "disabled-with-access": ["eve"],
        "no-access": ["bob"],
        "no-manager": ["Beta"],
        "one-person": ["Beta"],
        "custom-roles": ["ada"],
        "project-managers": ["admin"],
        "groups": ["Team"],
        "users": ["ada", "admin", "bob", "eve"],
    }


def test_closed_and_private_projects_need_no_manager() -> None:
    projects = (Project(1, "Alpha", active=False), Project(2, "Beta", private=True))
    found = tables(AccessLists(taken(current(projects=projects))))
    assert not found["no-manager"].rows
    assert not found["one-person"].rows


def test_a_disabled_manager_manages_no_project() -> None:
    state = current(roles={1: {4: "project-manager", 2: "project-member"}, 2: {}})
    assert list(tables(AccessLists(taken(state)))["no-manager"].names) == ["ALPHA", "Beta"]


def test_with_a_mapping_the_lists_compare_server_and_sources() -> None:
    snapshot = taken(current(), mapping="nightly.yaml", sources={2: ("crm", "hr"), 3: None})
    found = tables(AccessLists(snapshot, NO_ACCOUNT, "admin".__eq__))
    assert [(row[0], row[-1]) for row in found["orphans"].rows] == [
        ("admin", "none (protected)"),
        ("eve", "none"),
    ]
    assert list(found["unclear"].names) == ["bob"]
    assert list(found["no-account"].rows) == [("zoe", "Zoe", "active", "crm", "created")]
    assert next(row[-1] for row in found["users"].rows) == "crm, hr"


def test_where_access_comes_from_is_said_as_far_as_it_is_known() -> None:
    found = tables(AccessLists(taken(current())))
    assert [row[0:1] + row[3:] for row in found["through-groups"].rows] == [
        ("ada", "ALPHA", "project-member", "direct or through Team"),
        ("bob", "ALPHA", "project-viewer", "direct or through Team"),
    ]
    matrix = found["people-by-projects"]
    assert matrix.columns == ("User", "ALPHA", "Beta")
    assert list(matrix.rows) == [
        ("ada", "project-member (direct or through Team)", "project-member"),
        ("admin", "project-manager", None),
        ("bob", "project-viewer (direct or through Team)", None),
    ]


def test_the_table_of_all_access_says_that_it_also_lists_users_without_any() -> None:
    found = tables(AccessLists(taken(current(roles={}))))["access"]
    assert (found.number, len(found.rows)) == (0, 4)
    assert found.note == "0 memberships, and 4 users without one."


def test_projects_of_one_name_are_told_apart() -> None:
    projects = (Project(1, "Same"), Project(2, "Same"))
    snapshot = taken(current(projects=projects))
    assert dict(snapshot.labels) == {1: "Same (#1)", 2: "Same (#2)"}
    as_excel(AccessLists(snapshot).document())


def test_every_format_shows_the_same_lists() -> None:
    state = current(users=(*current().users[:1], *(u for u in current().users[1:])))
    document = AccessLists(taken(state), NO_ACCOUNT).document()
    for text in (as_text(document), as_markdown(document), as_html(document)):
        assert all(table.title in text for table in document.tables if table.rows)
        assert "4 users = 3 active + 1 disabled" in text.replace("`", "")
    assert (
        as_csv(document, "no-two-factor").splitlines()[1].startswith("ada,Ada,app-user,active,no")
    )


@given(state=states(), named=st.dictionaries(st.integers(1, 6), st.none() | st.just(("crm",))))
def test_counts_add_up_and_no_list_names_somebody_else(
    state: CurrentState, named: dict[int, tuple[str, ...] | None]
) -> None:
    snapshot = taken(state, mapping="a.yaml", sources=named)
    lists = AccessLists(snapshot, ())
    # A sum that is wrong cannot be made.
    assert len(list(lists.sums())) == 7
    found = tables(lists)
    names = {user.username for user in state.users}
    for table in found.values():
        if table.columns[0] == "User":
            assert {str(row[0]).removesuffix(" (disabled)") for row in table.rows} <= names
        assert all(len(row) == len(table.columns) for row in table.rows)
    roles = sum(bool(role) for members in state.roles.values() for role in members.values())
    assert len(snapshot.memberships) == roles
    cells = (cell for row in found["people-by-projects"].rows for cell in row[1:])
    assert sum(cell is not None for cell in cells) == roles
    assert sum(row[7] is not None for row in found["access"].rows) == roles
    orphans, unclear = set(found["orphans"].names), set(found.get("unclear", found["access"]).names)
    sourced = {user.username for user in snapshot.users if user.sources}
    assert orphans | unclear | sourced == names
    assert len(orphans) + len(unclear) + len(sourced) == len(names)
