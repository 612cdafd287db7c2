"""Any nights at all: nobody goes too early, nobody unknown, nobody who is not managed."""

import tempfile
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from kanport.model import Unknown, User
from kanport.plan.change import Action
from kanport.plan.model import Plan
from tests.support.examples import examples
from tests.support.ledger_nights import Nights
from tests.support.model_server import Kanboard
from tests.support.planning import (
    ADMIN,
    ALPHA,
    BETA,
    a_mapping,
    a_state,
    desired_membership,
    desired_user,
)

NAMES = ("ada", "bob", "cyd", "dee")
# Who is on the server before Kanport comes; cyd and dee are created by it.
BEFORE = {5: User(5, "ada"), 6: User(6, "bob"), 7: User(7, "by-hand")}
RUNS, DAYS, REMOVE_DAYS = 3, 5, 9

ROWS = st.sampled_from(("named", "named", "gone", "gone", "gone", "unknown"))
NIGHT = st.fixed_dictionaries(
    {
        "days": st.sampled_from((0, 1, 1, 1, 2, 4)),
        "rows": st.fixed_dictionaries(dict.fromkeys(NAMES, ROWS)),
        "everybody": st.booleans().map(lambda no: False) | st.booleans(),
        "hand": st.none() | st.tuples(st.sampled_from((*NAMES, "by-hand")), st.booleans()),
        "lost": st.integers(0, 7).map(lambda number: number == 0),
        "dry": st.integers(0, 4).map(lambda number: number == 0),
        "again": st.integers(0, 5).map(lambda number: number == 0),
    }
)
STEPS = st.fixed_dictionaries(
    {"then": st.just("disable")},
    optional={
        "after": st.just(f"{RUNS} runs"),
        "and": st.just("revoke"),
        "remove_after": st.just(f"{REMOVE_DAYS} days"),
    },
).flatmap(
    lambda steps: st.sampled_from(
        [steps, {**steps, "or": f"{DAYS} days"}] if "after" in steps else [steps]
    )
)


@dataclass
class Truth:
    """What really happened, kept by other means than the ledger."""

    missed: dict[str, list[datetime]] = field(default_factory=dict)
    disabled: dict[str, datetime] = field(default_factory=dict)
    made: set[str] = field(default_factory=set)
    granted: set[str] = field(default_factory=set)

    def forget(self) -> None:
        """Lose the ledger."""
        for kept in (self.missed, self.disabled, self.made, self.granted):
            kept.clear()


def desired(night: dict[str, Any]) -> Any:
    named = [name for name in NAMES if night["rows"][name] == "named"]
    unknown = Unknown(
        frozenset(name for name in NAMES if night["rows"][name] == "unknown"), night["everybody"]
    )
    wanted = [
        item
        for row, name in enumerate(named, start=2)
        for item in (desired_user(name, row), desired_membership(name, "ALPHA", row=row))
    ]
    return a_state(*wanted, named=["ALPHA"], unknown=unknown)


def may_go(truth: Truth, username: str, steps: dict[str, Any], now: datetime) -> bool:
    """Whether somebody has been missing for long enough, this run included."""
    if "after" not in steps:
        return True
    nights = truth.missed.get(username, [])
    first = min(nights, default=now)
    runs = len({*nights, now})
    return runs >= RUNS or ("or" in steps and now - first >= timedelta(days=DAYS))


def check(plan: Plan, night: dict[str, Any], truth: Truth, steps: Any, world: Nights) -> None:
    rows, ledger_only = night["rows"], world.mapping.users and world.mapping.users.managed
    for change in plan.changes:
        who = change.username or ""
        gone = rows.get(who, "gone") == "gone" and not night["everybody"]
        if change.action in (Action.USER_DISABLE, Action.USER_REMOVE, Action.MEMBERSHIP_REVOKE):
            assert gone, f"{who} is named or unknown, and loses something"
            assert who not in ("admin", "by-hand") or ledger_only != "ledger"
            assert may_go(truth, who, steps, world.now), f"{who} goes too early"
            if ledger_only == "ledger":
                assert who in truth.made, f"{who} is not managed"
        if change.action is Action.MEMBERSHIP_REVOKE:
            assert world.mapping.memberships_managed == "all" or who in truth.granted
        if change.action is Action.USER_REMOVE:
            assert "remove_after" in steps
            assert world.now - truth.disabled[who] >= timedelta(days=REMOVE_DAYS)
        if change.action is Action.USER_ENABLE:
            assert rows[who] == "named" and who in truth.disabled, f"{who} was disabled by hand"


def learn(plan: Plan, night: dict[str, Any], truth: Truth, now: datetime) -> None:
    for name, row in night["rows"].items():
        if row == "named":
            truth.missed.pop(name, None)
        elif row == "gone" and not night["everybody"]:
            truth.missed.setdefault(name, []).append(now)
    if not night["everybody"]:
        truth.missed.setdefault("by-hand", []).append(now)
    for change in plan.changes:
        match change.action:
            case Action.USER_CREATE:
                truth.made.add(change.username)
            case Action.USER_DISABLE:
                truth.disabled[change.username] = now
            case Action.USER_ENABLE:
                truth.disabled.pop(change.username, None)
            case Action.USER_REMOVE:
                truth.made.discard(change.username)
                truth.granted.discard(change.username)
                truth.disabled.pop(change.username, None)
                truth.missed.pop(change.username, None)
            case Action.MEMBERSHIP_GRANT:
                truth.granted.add(change.holder)
            case Action.MEMBERSHIP_REVOKE:
                truth.granted.discard(change.username)
            case _:
                pass


@settings(max_examples=examples(60, 1000), deadline=None)
@given(
    nights=st.lists(NIGHT, min_size=1, max_size=14),
    steps=STEPS,
    managed=st.sampled_from(("ledger", {"usernames": ["*"]})),
    memberships=st.sampled_from(("keep", "revoke")),
    grants=st.sampled_from(("all", "ledger")),
)
def test_nobody_loses_anything_too_early_or_for_want_of_evidence(
    nights: list[dict[str, Any]], steps: dict[str, Any], managed: Any, memberships: str, grants: str
) -> None:
    mapping = a_mapping(
        users={"missing": steps, "managed": managed},
        ledger="people.ledger",
        memberships_missing=memberships,
        memberships_managed=grants,
        protect=["admin"],
        limits={"disable": "100%", "revoke": "100%", "remove": 100},
    )
    with tempfile.TemporaryDirectory() as folder:
        world = Nights(Path(folder) / "people.ledger", mapping)
        world.now = datetime(2026, 1, 1, 2, tzinfo=UTC)
        world.server = Kanboard(
            {1: ADMIN, **BEFORE}, (ALPHA, BETA), direct={(1, 7): "project-member"}
        )
        truth = Truth()
        last: Plan | None = None
        for night in nights:
            if night["lost"]:
                world.path.unlink(missing_ok=True)
                truth.forget()
                last = None
            if night["hand"] is not None:
                by_hand(world, truth, *night["hand"])
            if night["again"] and last is not None and not last.changes:
                world.run(last)
            world.now += timedelta(days=night["days"], seconds=1)
            plan = world.plan(desired(night))
            check(plan, night, truth, steps, world)
            if night["dry"]:
                continue
            world.run(plan)
            learn(plan, night, truth, world.now)
            again = world.plan(desired(night))
            assert again.changes == (), "the same run, so nothing is left to do"
            last = plan


def by_hand(world: Nights, truth: Truth, username: str, active: bool) -> None:
    found = [user for user in world.server.users.values() if user.username == username]
    for user in found:
        if user.active != active:
            changed = replace(user, active=active)
            world.server = replace(world.server, users={**world.server.users, user.id: changed})
            if active:
                truth.disabled.pop(username, None)
