"""How many changes count in each project."""

from kanport.model import User
from kanport.plan.guards.context import SourceUsage
from kanport.plan.guards.counting import counted_in_projects
from tests.support.changes import a_change
from tests.support.planning import a_server


def test_a_leaver_counts_in_every_project_but_those_that_no_source_names() -> None:
    role = {2: "project-member"}
    server = a_server(User(2, "ann"), roles={1: role, 2: role})
    leaver = a_change("user.disable", username="ann", user_id=2)
    usage = SourceUsage(dropped_projects=frozenset({1}))
    counted = counted_in_projects([leaver], server, usable=usage)
    assert [number for way, number in counted if way == "disable"] == [2]
