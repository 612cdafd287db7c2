"""What a report says of access is what a server has, before and after, also through groups."""

from hypothesis import given

from kanport.plan.change import Action
from kanport.report.make import of_plan, of_run
from tests.scenarios.test_groups import (
    PROJECTS,
    TRIED,
    World,
    applied,
    effective,
    opened,
    planned,
    worlds,
)


@TRIED
@given(worlds())
def test_the_access_of_a_report_is_that_of_the_server(world: World) -> None:
    with opened(world) as (server, client, path):
        plan = planned(path, client)
        before = effective(server.store.snapshot())
        run = applied(plan, client, path)
        after = effective(server.store.snapshot())
        read = {access.project for access in plan.access or ()}
        # Nobody can know beforehand that a group which somebody joins had access all along.
        joined = {c.username for c in plan.changes if c.action is Action.GROUP_MEMBER_ADD}
        assert read <= set(PROJECTS)
        for view in (of_plan(plan), of_run(plan, run)):
            rows = {(row.project, row.person): row for row in view.access}
            assert len(rows) == len(view.access)
            for project in read:
                for who in {*before[project], *after[project]}:
                    if (project, who) not in rows:
                        assert who in joined and who not in before[project]
                        continue
                    row = rows[project, who]
                    assert row.before == before[project].get(who)
                    if not row.maybe and who not in joined:
                        assert row.after == (after[project].get(who) or None), (project, who, row)
        told = sum(row.after is not None for row in view.access)
        assert view.matrix is not None and view.matrix.after == told
