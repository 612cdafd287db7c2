"""What stops a plan that was made from a broken export."""

from typing import Any

import pytest

from kanport.memory import DirectoryMemory, GoodRun, LedgerState, SourceMemory
from kanport.model import DesiredGroup, DesiredState, Given, Group, User
from kanport.plan.model import GuardVerdict, Plan
from tests.support.planning import (
    a_mapping,
    a_server,
    a_state,
    desired_membership,
    desired_user,
    plan_for,
)

ANN = User(2, "ann")
MISSING = {"missing": "disable", "managed": {"usernames": ["*"]}}


def last_good(rows: int = 1, *columns: str) -> LedgerState:
    source = SourceMemory(rows, frozenset(columns))
    return LedgerState(last_good=GoodRun("r1", "2026-11-20T02:00:00Z", {"people": source}))


def of(plan: Plan, guard: str) -> GuardVerdict | None:
    found = [verdict for verdict in plan.guards if verdict.guard == guard]
    assert len(found) < 2
    return found[0] if found else None


def trips(plan: Plan, guard: str) -> bool:
    verdict = of(plan, guard)
    return verdict is not None and verdict.tripped


# --- nothing in it --------------------------------------------------------------------------------


def test_rows_of_which_none_can_be_used_stop_a_plan_that_others_could_lose_by() -> None:
    plan = plan_for(
        a_state(desired_membership("ann", "ALPHA")),
        a_server(ANN),
        a_mapping(users=MISSING, limits={"disable": 9}),
        source={"rows": 40},
    )
    verdict = of(plan, "source-empty")
    assert verdict is not None
    assert verdict.tripped
    assert verdict.message == (
        'The source "people" provides no users: Kanport read 40 rows and could use none;'
        " 1 change of this plan removes access"
    )
    assert "--allow empty:people=1 overrides this check for one run" in (verdict.hint or "")


def test_a_list_that_gives_nothing_to_anybody_stops_also_a_plan_that_takes_nothing() -> None:
    assert trips(plan_for(a_state(), a_server(ANN)), "source-empty")


def test_people_without_memberships_are_no_empty_source_where_nothing_is_revoked() -> None:
    assert of(plan_for(a_state(desired_user("ann")), a_server(ANN)), "source-empty") is None


def test_a_list_without_memberships_does_not_empty_the_projects_that_it_names() -> None:
    server = a_server(ANN, roles={1: {2: "project-member"}})
    mapping = a_mapping(memberships_missing="revoke", limits={"revoke": 9})
    wanted = a_state(desired_user("ann"), named=["ALPHA"])
    assert trips(plan_for(wanted, server, mapping), "source-empty")
    assert not trips(plan_for(wanted, a_server(ANN), mapping), "source-empty")
    assert not trips(plan_for(wanted, server, mapping, allowed={"empty:people": 1}), "source-empty")
    assert trips(plan_for(wanted, server, mapping, allowed={"empty:people": 0}), "source-empty")


def test_groups_that_are_there_without_members_are_nothing_to_stop_for() -> None:
    mapping = a_mapping(users=None, memberships_missing="revoke")
    plan = plan_for(a_state(named=["ALPHA"]), a_server(), mapping, source={"rows": 0})
    assert of(plan, "source-empty") is None


# --- less in it than before -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "allowed"), [(1, 2), (3, 2), (6, 2), (7, 3), (10, 3), (11, 4), (10_000, 3000)]
)
def test_a_source_may_lose_three_tenths_of_its_rows_or_two(before: int, allowed: int) -> None:
    for lost, stops in ((allowed, False), (allowed + 1, True)):
        if lost <= before:
            source = {"rows": before - lost}
            plan = plan_for(
                a_state(desired_user("ann")), a_server(ANN), memory=last_good(before), source=source
            )
            assert trips(plan, "source-shrunk") is stops


@pytest.mark.parametrize(
    ("limit", "stops"),
    [(40, False), (39, True), ("40%", False), ("39%", True), ({"max": 50, "share": 20}, True)],
)
def test_a_mapping_says_how_much_a_source_may_shrink(limit: Any, stops: bool) -> None:
    mapping = a_mapping(limits={"shrink": limit})
    plan = plan_for(
        a_state(desired_user("ann")),
        a_server(ANN),
        mapping,
        memory=last_good(100),
        source={"rows": 60},
    )
    assert trips(plan, "source-shrunk") is stops


@pytest.mark.parametrize(("limit", "stops"), [("5%", False), ("0%", True), (0, True)])
def test_a_small_source_may_lose_one_row_under_any_share(limit: Any, stops: bool) -> None:
    mapping = a_mapping(limits={"shrink": limit})
    plan = plan_for(
        a_state(desired_user("ann")),
        a_server(ANN),
        mapping,
        memory=last_good(8),
        source={"rows": 7},
    )
    assert trips(plan, "source-shrunk") is stops


def test_a_source_that_shrank_is_told_with_both_numbers_and_let_pass_by_name() -> None:
    def made(**allowed: int) -> GuardVerdict:
        keys = {name.replace("_", ":"): number for name, number in allowed.items()}
        memory, source = last_good(1000), {"rows": 600}
        plan = plan_for(
            a_state(desired_user("ann")), a_server(ANN), memory=memory, source=source, allowed=keys
        )
        verdict = of(plan, "source-shrunk")
        assert verdict is not None
        return verdict

    assert made().message == (
        'The source "people" has 600 rows, 1000 in the last good run: 400 rows fewer, 300 allowed'
        " (default: 30% of 1000 rows, rounded up, at least 2)"
    )
    assert "--allow shrink:people=400 overrides this check for one run" in (made().hint or "")
    assert made(shrink_people=399).tripped
    assert made(shrink_other=400).tripped
    assert made(shrink_people=400).lifted


def test_a_source_that_grew_or_is_new_or_was_never_seen_is_nothing_to_stop_for() -> None:
    for memory in (last_good(9), LedgerState(), LedgerState(last_good=GoodRun("r", "t", {}))):
        plan = plan_for(
            a_state(desired_user("ann")), a_server(ANN), memory=memory, source={"rows": 12}
        )
        assert of(plan, "source-shrunk") is None


# --- a column less --------------------------------------------------------------------------------


def with_columns(before: set[str], now: set[str], **parts: Any) -> Plan:
    return plan_for(
        a_state(desired_user("ann")),
        a_server(ANN),
        a_mapping(**parts.pop("mapping", {})),
        memory=last_good(1, *before),
        source={"columns": tuple(sorted(now))},
        **parts,
    )


def test_a_column_that_held_something_and_holds_nothing_any_more_stops_the_plan() -> None:
    verdict = of(with_columns({"username", "email", "name"}, {"username"}), "columns-gone")
    assert verdict is not None
    assert verdict.tripped
    assert verdict.message == (
        'The source "people" has no values in "email" and "name" any more; the last good run found'
        " some"
    )
    assert "--allow columns:people=2 overrides this check for one run" in (verdict.hint or "")


def test_a_column_that_the_mapping_does_not_read_is_nobodys_business() -> None:
    assert of(with_columns({"username", "notes"}, {"username"}), "columns-gone") is None


def test_a_column_that_is_new_stops_nothing() -> None:
    assert of(with_columns({"username"}, {"username", "email"}), "columns-gone") is None


def test_so_many_columns_may_be_gone_as_are_allowed_for_this_run() -> None:
    gone = {"username", "email", "name"}, {"username"}
    assert trips(with_columns(*gone, allowed={"columns:people": 1}), "columns-gone")
    verdict = of(with_columns(*gone, allowed={"columns:people": 2}), "columns-gone")
    assert verdict is not None
    assert verdict.lifted


def test_any_column_may_be_read_where_a_pattern_says_which() -> None:
    matrix = {"from": "people", "username": {"from": "username"}}
    mapping = {"memberships": [{**matrix, "matrix": {"match": "^(?P<project>.+)$"}}]}
    assert trips(with_columns({"WEB"}, {"username"}, mapping=mapping), "columns-gone")


def test_groups_do_not_lose_all_of_their_members_to_a_list_that_names_none() -> None:
    groups = {"from": "people", "name": {"from": "group"}, "member": {"from": "username"}}
    mapping = a_mapping(users=None, memberships=[], groups=[groups], group_members_missing="remove")
    server = a_server(ANN, groups=(Group(7, "team", members=frozenset({2})),))
    named = DesiredState(groups=(DesiredGroup(Given("team"), members_listed=True),))
    plan = plan_for(named, server, mapping)
    assert [str(change.action) for change in plan.changes] == ["group_member.remove"]
    assert trips(plan, "source-empty")
    assert not trips(plan_for(named, server, mapping, allowed={"empty:people": 1}), "source-empty")


# --- how old it is --------------------------------------------------------------------------------


def from_directory(
    older: str, *users: User, then: DirectoryMemory | None, state: DesiredState, **parts: Any
) -> Plan:
    """Plan from a directory whose data is older than those of the last good run, or may be."""
    source = SourceMemory(9, frozenset(), then)
    good = GoodRun("r1", "2026-11-20T02:00:00Z", {"people": source})
    directory = {"server": "ldap2", "first": "ldap1", "older": older, "newest": "2026-11-19"}
    return plan_for(
        state,
        a_server(ANN, *users),
        a_mapping(users=MISSING, protect=["admin"], limits={"disable": 9, "shrink": "100%"}),
        memory=LedgerState(last_good=good),
        source={"type": "ldap", "rows": 8, "directory": directory},
        **parts,
    )


THEN = DirectoryMemory(server="ldap1", newest="2026-11-20")
NEW, LESS = a_state(desired_user("ann"), desired_user("eve", 3)), a_state(desired_user("ann"))
BOB = User(3, "bob")


@pytest.mark.parametrize(
    ("older", "then", "case"),
    [
        ("rows", THEN, "rows"),
        ("newest", THEN, "newest"),
        ("marks", THEN, "marks"),
        ("unknown", None, "unknown"),
    ],
)
def test_data_that_are_older_take_nothing_away(
    older: str, then: DirectoryMemory | None, case: str
) -> None:
    plan = from_directory(older, BOB, then=then, state=LESS)
    assert [str(one.action) for one in plan.changes] == ["user.disable"]
    verdict = of(plan, "source-stale")
    assert verdict is not None and verdict.why is not None
    assert verdict.tripped
    assert verdict.why.case.endswith(case)
    allowed = from_directory(older, BOB, then=then, state=LESS, allowed={"stale:people": 1})
    assert not trips(allowed, "source-stale")


@pytest.mark.parametrize(("older", "stops"), [("rows", True), ("unknown", False), ("", False)])
def test_data_that_may_be_older_create_somebody_all_the_same(older: str, stops: bool) -> None:
    plan = from_directory(older, then=THEN if older == "rows" else None, state=NEW)
    assert [str(one.action) for one in plan.changes] == ["user.create"]
    assert trips(plan, "source-stale") is stops


def test_data_that_may_be_older_enable_nobody() -> None:
    off = User(3, "bob", active=False)
    state = a_state(desired_user("ann"), desired_user("bob", 3, active=True))
    plan = from_directory("unknown", off, then=None, state=state)
    assert [str(one.action) for one in plan.changes] == ["user.enable"]
    assert trips(plan, "source-stale")
    assert not trips(from_directory("", off, then=THEN, state=state), "source-stale")


def test_older_data_that_change_nothing_stop_nothing() -> None:
    assert of(from_directory("rows", then=THEN, state=LESS), "source-stale") is None
