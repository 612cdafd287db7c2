"""Whether the server is still as the plan found it."""

from dataclasses import replace

from kanport.facts import as_written
from kanport.model import CurrentState, Project, User
from kanport.plan.change import Action, UserChange, UserSide
from kanport.plan.model import Plan
from kanport.plan.order import in_plan_order
from kanport.plan.staleness import differences
from tests.support.planning import (
    ALPHA,
    BETA,
    SERVER,
    a_mapping,
    a_server,
    a_state,
    desired_membership,
    desired_user,
    plan_for,
)

ANN = User(2, "ann", name="Ann", email="ann@x.org")
BOB = User(3, "bob")
CARL = User(4, "carl")


def _the_plan() -> tuple[Plan, CurrentState]:
    """Make a plan with a change of every kind that `before` matters for."""
    roles = {1: {2: "project-member", 3: "project-viewer"}}
    server = a_server(ANN, BOB, CARL, roles=roles)
    mapping = a_mapping(
        users={"find_by": ["username", "email"]}, memberships_missing="revoke", protect=["admin"]
    )
    wanted = a_state(
        desired_user("ann.b", email="ann@x.org", role="app-manager"),
        desired_user("bob", 3, active=False),
        desired_user("eve", 4),
        desired_membership("ann.b", "ALPHA", "project-manager"),
        desired_membership("eve", "ALPHA", row=4),
        desired_membership("carl", "BETA", row=5),
    )
    plan = plan_for(wanted, server, mapping)
    assert len(plan.changes) == 8
    return plan, server


def _but(server: CurrentState, user: User) -> CurrentState:
    users = {old.id: old for old in server.users} | {user.id: user}
    return replace(server, users=tuple(users.values()))


def _with_roles(server: CurrentState, **roles: dict[int, str]) -> CurrentState:
    return replace(server, roles={1: roles.get("alpha", {}), 2: roles.get("beta", {})})


def test_a_server_that_has_not_moved_is_as_the_plan_says() -> None:
    plan, server = _the_plan()
    assert differences(plan, server) == []


def test_what_is_no_longer_so_is_said_in_a_line_each() -> None:
    plan, server = _the_plan()
    alpha = {2: "project-member", 3: "project-viewer"}
    cases = {
        'user "ann" (#2) is no longer on the server': replace(
            server, users=tuple(user for user in server.users if user.id != 2)
        ),
        'user #2 is now called "anna", not "ann"': _but(server, replace(ANN, username="anna")),
        'the role of user "ann" is now "app-admin", not "app-user"': _but(
            server, replace(ANN, role="app-admin")
        ),
        'user "bob" is disabled now': _but(server, replace(BOB, active=False)),
        'the plan creates user "EVE", who exists already (#9)': _but(server, User(9, "EVE")),
        'user #9 has the username "Ann.B" now': _but(server, User(9, "Ann.B")),
        '"ann.b" is now project-viewer in project "ALPHA", not project-member': (
            _with_roles(server, alpha=alpha | {2: "project-viewer"})
        ),
        '"bob" is no longer in project "ALPHA", where the role was project-viewer': (
            _with_roles(server, alpha={2: "project-member"})
        ),
        '"carl" is already in project "BETA", as project-member': _with_roles(
            server, alpha=alpha, beta={4: "project-member"}
        ),
        'project "BETA" (#2) is no longer on the server': replace(server, projects=(ALPHA,)),
        'project #2 is now called "GAMMA", not "BETA"': replace(
            server, projects=(ALPHA, Project(2, BETA.name, "GAMMA"))
        ),
        'Kanport could not read the members of project "BETA"': replace(server, roles={1: alpha}),
    }
    for line, moved in cases.items():
        assert [each.text for each in differences(plan, moved)] == [line]


def test_a_username_that_the_plan_itself_frees_first_is_not_taken() -> None:
    plan, _ = _the_plan()
    renames = in_plan_order(
        UserChange(
            action=Action.USER_RENAME,
            username=old,
            user_id=number,
            why=as_written("a test"),
            before=UserSide({"username": old}),
            after=UserSide({"username": new}),
        )
        for number, old, new in ((2, "ann", "bob"), (3, "bob", "rob"))
    )
    chain = plan.model_copy(update={"changes": renames})
    assert differences(chain, a_server(ANN, BOB)) == []


def test_a_plan_for_another_server_is_refused() -> None:
    plan, server = _the_plan()
    other = replace(server, server=replace(SERVER, url="http://other.test/jsonrpc.php"))
    assert [each.text for each in differences(plan, other)] == [
        "the plan is for the server http://kanboard.test/jsonrpc.php,"
        " but this is http://other.test/jsonrpc.php"
    ]


def test_a_plan_that_would_by_now_take_the_last_administrator_is_refused() -> None:
    root = User(2, "root", role="app-admin")
    plan = plan_for(a_state(desired_user("admin", active=False)), a_server(root))
    (line,) = differences(plan, a_server(replace(root, active=False)))
    assert "No active administrator would remain" in line.text


def test_a_field_that_the_plan_does_not_change_may_move() -> None:
    plan, server = _the_plan()
    moved = _but(server, replace(CARL, name="new", email="new@x.org"))
    assert differences(plan, moved) == []
