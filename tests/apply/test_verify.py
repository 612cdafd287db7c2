"""Whether the server is as a plan was to end, judged by the end and not by each step."""

from collections.abc import Sequence
from typing import Any

from kanport.apply.verify import verify
from kanport.facts import Fact, fact
from kanport.kanboard.rpc import Call
from kanport.plan.change import Action, Change
from tests.support.changes import grant, new_user, nth_change, plan_of

ROW = {"id": 2, "username": "ada", "name": "", "email": "", "role": "app-user", "is_active": 1}


class Server:
    """Answers from two tables, and counts what it is asked."""

    def __init__(
        self, *rows: dict[str, Any], roles: dict[tuple[int, int], str] | None = None
    ) -> None:
        self.rows = rows
        self.roles = roles or {}
        self.asked: list[Call] = []

    def read(self, calls: Sequence[Call]) -> list[Any]:
        self.asked.extend(calls)
        return [self._answer(call) for call in calls]

    def _answer(self, call: Call) -> Any:
        match call.method:
            case "getUser":
                return next((r for r in self.rows if r["id"] == call.params["user_id"]), None)
            case "getUserByName":
                return next(
                    (r for r in self.rows if r["username"] == call.params["username"]), None
                )
            case "getProjectUserRole":
                return self.roles.get((call.params["project_id"], call.params["user_id"]), "")
        raise AssertionError(call)


def on_ada(number: int, action: Action, after: dict[str, Any] | None) -> Change:
    return nth_change(number, action, "ada", user_id=2, before={}, after=after)


def wrong(server: Server, *changes: Change) -> dict[str, Fact | None]:
    """Give what is not as planned, and what is there instead."""
    verdicts = verify(plan_of(*changes), server)
    assert [verdict.change_id for verdict in verdicts] == [one.id for one in changes]
    return {v.change_id: v.actual for v in verdicts if v.standing == "not as planned"}


def test_what_is_not_as_planned_is_named_with_what_is_there() -> None:
    changes = (
        on_ada(1, Action.USER_UPDATE, {"name": "Ada", "role": "app-user"}),
        grant(2, "ada", 7, user_id=2),
        grant(3, "ada", 8, user_id=2),
        nth_change(4, Action.USER_REMOVE, "gone", user_id=9),
    )
    server = Server(ROW, roles={(7, 2): "project-viewer", (8, 2): "project-member"})
    assert wrong(server, *changes) == {
        "c0001": fact("field-now", case="name", name=""),
        "c0002": fact("role-now", role="project-viewer"),
    }


def test_new_users_are_found_by_name_and_their_access_by_their_id() -> None:
    changes = (new_user(1, "ada"), grant(2, "ada", 7), new_user(3, "bob"), grant(4, "bob", 7))
    server = Server(ROW, roles={(7, 2): "project-member"})
    assert wrong(server, *changes) == {
        "c0003": fact("not-there", case="user"),
        "c0004": fact("missing", case="user", username="bob"),
    }


def test_a_new_user_who_was_disabled_is_not_as_planned() -> None:
    assert wrong(Server({**ROW, "is_active": 0}), new_user(1, "ada")) == {
        "c0001": fact("field-now", case="disabled")
    }


def test_a_later_change_of_the_plan_supersedes_an_earlier_one() -> None:
    server = Server({**ROW, "username": "lovelace", "name": "Ada"})
    changes = (
        on_ada(1, Action.USER_RENAME, {"username": "ada"}),
        on_ada(2, Action.USER_UPDATE, {"name": "A"}),
        on_ada(3, Action.USER_RENAME, {"username": "lovelace"}),
        on_ada(4, Action.USER_UPDATE, {"name": "Ada"}),
    )
    assert wrong(server, *changes) == {}


def test_of_somebody_whom_the_plan_removes_nothing_else_is_expected() -> None:
    changes = (
        on_ada(1, Action.USER_DISABLE, {"active": False}),
        grant(2, "ada", 7, user_id=2),
        on_ada(3, Action.USER_REMOVE, None),
    )
    assert wrong(Server(), *changes) == {}
    still = Server(ROW, roles={(7, 2): "project-member"})
    assert set(wrong(still, *changes)) == {"c0001", "c0002", "c0003"}


def test_a_username_that_was_freed_and_given_again_is_told_apart() -> None:
    changes = (
        nth_change(1, Action.USER_RENAME, "ada", user_id=2, after={"username": "lovelace"}),
        new_user(2, "ada"),
        grant(3, "ada", 7),
        grant(4, "lovelace", 7, user_id=2, role="project-viewer"),
    )
    server = Server(
        {**ROW, "username": "lovelace"},
        {**ROW, "id": 3},
        roles={(7, 3): "project-member", (7, 2): "project-viewer"},
    )
    assert wrong(server, *changes) == {}


def test_a_thing_is_read_once_however_many_changes_are_about_it() -> None:
    server = Server(ROW)
    wrong(
        server,
        on_ada(1, Action.USER_UPDATE, {"name": ""}),
        on_ada(2, Action.USER_ENABLE, {"active": True}),
    )
    assert len(server.asked) == 1
