"""How many changes count in each project."""

from dataclasses import replace

from kanport.model import User
from kanport.plan.change import Action, Change, RelationChange, role_side
from kanport.plan.guards.context import SourceUsage
from kanport.plan.guards.counting import ACCESS, counted, counted_in_projects
from tests.support.changes import a_change
from tests.support.planning import a_server


def test_a_leaver_counts_in_every_project_but_those_that_no_source_names() -> None:
    role = {2: "project-member"}
    server = a_server(User(2, "ann"), roles={1: role, 2: role})
    leaver = a_change("user.disable", username="ann", user_id=2)
    usage = SourceUsage(dropped_projects=frozenset({1}))
    found = counted_in_projects([leaver], server, usable=usage)
    assert [number for way, number in found if way == "disable"] == [2]


def changed(username: str, project_id: int, before: str, after: str) -> Change:
    """Make a change of a role, whose sides it shares with others, as those of a plan do."""
    change = a_change(
        Action.MEMBERSHIP_CHANGE, username=username, user_id=2, project="P", project_id=project_id
    )
    assert isinstance(change, RelationChange)
    return replace(change, before=role_side(before), after=role_side(after))


def test_what_raises_and_lowers_counts_in_the_project_where_it_happens() -> None:
    viewer, member = "project-viewer", "project-member"
    server = a_server(User(2, "ann"), roles={1: {2: viewer}, 2: {2: viewer}})
    changes = [
        *(changed(f"up{number}", 1, viewer, member) for number in range(3)),
        *(changed(f"up{number}", 2, viewer, member) for number in range(2)),
        changed("down", 2, member, viewer),
    ]
    expected = {("raise", 1): 3, ("raise", 2): 2, ("lower", 2): 1}
    found = counted_in_projects(changes, server)
    assert {key: number for key, number in found.items() if key[0] != "update"} == expected
    over_all = counted(changes, server)
    assert (over_all["raise", ACCESS], over_all["lower", ACCESS]) == (5, 1)
