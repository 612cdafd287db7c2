"""Of two sources, the first one counts: what the second one says is open while the first may."""

from typing import Any

import pytest

from kanport.model import Unknown, User
from kanport.plan.model import Plan
from tests.support.planning import a_mapping, a_server, a_state, desired_user, plan_for

SOURCES = {"people": {"type": "csv", "path": "a.csv"}, "hr": {"type": "csv", "path": "b.csv"}}


def planned(user: User, *sources: str, unknown: Unknown, **says: Any) -> Plan:
    mapping = a_mapping(sources=SOURCES, users={"from": sources})
    desired = a_state(desired_user("ann", **says), unknown=unknown)
    return plan_for(desired, a_server(user), mapping)


@pytest.mark.parametrize(
    ("user", "says"),
    [
        (User(2, "ann", role="app-admin"), {"role": "app-user"}),
        (User(2, "ann"), {"role": "app-manager"}),
        (User(2, "ann"), {"active": False}),
        (User(2, "ann", active=False), {"active": True}),
    ],
)
def test_a_row_that_names_nobody_leaves_open_what_another_source_decides(
    user: User, says: dict[str, Any]
) -> None:
    anybody = Unknown(everybody=True)
    plan = planned(user, "hr", "people", unknown=anybody, **says)
    assert plan.changes == ()
    assert [(one.code, one.case) for one in plan.findings] == [("row-skipped", "overruled")]
    lowers = says in ({"role": "app-user"}, {"active": False})
    assert len(plan.withheld or ()) == lowers
    # A source has one row of a user, and what comes after it does not overrule it.
    for sources, unknown in (
        (["people"], anybody),
        (["people", "hr"], anybody),
        (["hr", "people"], Unknown()),
    ):
        assert len(planned(user, *sources, unknown=unknown, **says).changes) == 1


def test_what_decides_nothing_is_changed_all_the_same() -> None:
    plan = planned(User(2, "ann"), "hr", "people", unknown=Unknown(everybody=True), name="Ann")
    assert [str(one.action) for one in plan.changes] == ["user.update"]
