"""Every removal that doubt, protection or waiting prevents is withheld, and nothing else is."""

from collections import Counter
from dataclasses import replace
from typing import Any

from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from kanport.mapping.spec import MappingFile
from kanport.memory import Absence, LedgerState
from kanport.model import Blocker, CurrentState, DesiredGroup, DesiredState, Given, Unknown
from kanport.names import compare_key
from kanport.origin import Origin
from kanport.plan.change import Action, Change, called
from kanport.plan.model import Plan
from kanport.relations import About
from tests.plan.test_make import TIDY_NAMES, desires, servers
from tests.support.examples import examples
from tests.support.model_server import Kanboard
from tests.support.planning import a_mapping, a_member, plan_for

REMOVALS = frozenset(
    {
        Action.USER_DISABLE,
        Action.USER_REMOVE,
        Action.MEMBERSHIP_REVOKE,
        Action.GROUP_MEMBER_REMOVE,
        Action.GROUP_REMOVE,
        Action.GROUP_ACCESS_REVOKE,
    }
)
KEYS = st.sampled_from(sorted({compare_key(name) for name in TIDY_NAMES}))
TEXTS = st.sampled_from(("alpha", "beta", "2", "4"))
NOW = "2026-11-21T02:00:00Z"


@st.composite
def unknowns(draw: st.DrawFn) -> Unknown:
    """Draw what rows that cannot be used leave open, each thing with its row."""
    rows = iter(range(100, 200))

    def place() -> Origin:
        return Origin("people", file="people.csv", row=next(rows))

    people = draw(st.frozensets(KEYS, max_size=2))
    everybody = draw(st.integers(0, 5)) == 0
    pairs = draw(st.frozensets(st.tuples(st.none() | KEYS, st.none() | TEXTS), max_size=2))
    groups = st.none() | st.sampled_from(("group 1", "group 2"))
    members = draw(st.frozensets(st.tuples(st.none() | KEYS, groups), max_size=2))
    return Unknown(
        people,
        everybody,
        pairs,
        group_members=members,
        because=frozenset(
            [
                *(Blocker("row", key, place()) for key in sorted(people)),
                *([Blocker("row", None, place())] if everybody else []),
                *(Blocker("row", who, place(), About.MEMBERSHIP, what) for who, what in pairs),
                *(Blocker("row", who, place(), About.GROUP_MEMBER, what) for who, what in members),
            ]
        ),
    )


@st.composite
def mappings(draw: st.DrawFn) -> MappingFile:
    """Draw mappings in which much may end by absence, at once or step by step."""
    steps: list[Any] = ["keep", "disable", "remove"]
    steps += [{"then": "disable", "after": "2 runs"}, {"then": "remove", "after": "3 runs"}]
    steps += [{"then": "disable", "and": "revoke"}]
    steps += [{"then": "disable", "after": "2 runs", "and": "revoke", "remove_after": "9 days"}]
    missing = draw(st.sampled_from(steps))
    patterns = st.lists(st.sampled_from(("*", "a*", "bob", "svc-*", "[bc]*")), min_size=1)
    groups = {"from": "people", "name": {"from": "group"}, "member": {"from": "username"}}
    return a_mapping(
        users={"missing": missing, "managed": {"usernames": draw(patterns)}},
        memberships_missing=draw(st.sampled_from(("keep", "revoke"))),
        groups=[groups],
        group_members_missing=draw(st.sampled_from(("keep", "remove"))),
        protect=draw(st.sampled_from(((), ("admin", "svc-*"), ("ann",)))),
        limits={"remove": 100},
        ledger="people.ledger",
    )


@st.composite
def memories(draw: st.DrawFn, server: Kanboard) -> LedgerState:
    """Draw a ledger that misses some users for some time."""
    some = [
        Absence(
            user.username,
            "2026-11-18T02:00:00Z",
            draw(st.integers(1, 3)),
            draw(st.sampled_from((None, "2026-11-01T02:00:00Z", "2026-11-19T02:00:00Z"))),
        )
        for user in server.users.values()
    ]
    ids = list(server.users)
    kept = draw(st.frozensets(st.sampled_from(ids))) if ids else frozenset()
    return LedgerState(
        absent={number: one for number, one in zip(ids, some, strict=True) if number in kept},
        counted_at="2026-11-20T02:00:00Z",
    )


def grouped(desired: DesiredState, current: CurrentState, draw: Any) -> DesiredState:
    """Return the desired state with the groups of the server, and some members for each."""
    names = [user.username.value for user in desired.users]
    members = []
    for row, group in enumerate(current.groups, start=2):
        for name in draw(st.lists(st.sampled_from(names), unique=True)) if names else ():
            place = Origin("people", file="people.csv", row=row)
            members.append(a_member(Given(name, (place,)), Given(group.name)))
    return replace(
        desired,
        groups=tuple(
            DesiredGroup(Given(group.name), members_listed=True) for group in current.groups
        ),
        group_members=tuple(members),
    )


def removals(plan: Plan) -> Counter[tuple[Any, ...]]:
    return Counter(
        _key(change)
        for change in plan.changes
        if change.action in REMOVALS and change.user_id is not None
    )


def _key(one: Change) -> tuple[Any, ...]:
    return one.action, called(one), one.project, one.group, one.user_id


def withheld(plan: Plan) -> Counter[tuple[Any, ...]]:
    assert plan.withheld is not None
    return Counter(_key(one.change) for one in plan.withheld if one.change.action in REMOVALS)


@st.composite
def inputs(draw: st.DrawFn, with_groups: bool) -> tuple[Any, ...]:
    server = draw(servers())
    if not with_groups:
        server = replace(server, groups=(), attached={})
    desired = replace(draw(desires()), unknown=Unknown())
    names = {compare_key(name) for name in TIDY_NAMES}
    if any(compare_key(user.username.value) not in names for user in desired.users):
        desired = replace(desired, users=())
    current = server.seen()
    if with_groups:
        desired = grouped(desired, current, draw)
    return current, desired, draw(unknowns()), draw(mappings()), draw(memories(server))


def strangers(current: CurrentState, desired: DesiredState) -> set[str]:
    """Return the names in memberships that are nobody's, by compare key."""
    known = {compare_key(user.username) for user in current.users}
    known |= {compare_key(user.username.value) for user in desired.users}
    return {compare_key(one.holder.value) for one in desired.memberships} - known


@given(inputs(with_groups=False))
@settings(max_examples=examples(80, 1000))
def test_what_the_input_without_doubt_would_remove_is_removed_or_withheld(
    given_: tuple[Any, ...],
) -> None:
    current, desired, unknown, mapping, memory = given_
    # A membership of nobody may be of anybody; an invalid row of that name says whose it is.
    assume(not unknown.people & strangers(current, desired))
    sure = plan_for(desired, current, mapping, memory=memory, now=NOW)
    unsure = plan_for(replace(desired, unknown=unknown), current, mapping, memory=memory, now=NOW)
    before, after = removals(sure) + withheld(sure), removals(unsure) + withheld(unsure)
    event(f"more withheld: {withheld(unsure) > withheld(sure)}")
    assert before == after
    assert removals(unsure) <= removals(sure)


@given(inputs(with_groups=True))
@settings(max_examples=examples(80, 1000))
def test_the_same_holds_of_users_and_members_of_groups(given_: tuple[Any, ...]) -> None:
    # What ends in a project depends on which groups change, and so does not compare.
    current, desired, unknown, mapping, memory = given_
    sure = plan_for(desired, current, mapping, memory=memory, now=NOW)
    unsure = plan_for(replace(desired, unknown=unknown), current, mapping, memory=memory, now=NOW)

    def beside_projects(of: Counter[tuple[Any, ...]]) -> Counter[tuple[Any, ...]]:
        return Counter({key: n for key, n in of.items() if key[0] is not Action.MEMBERSHIP_REVOKE})

    before = beside_projects(removals(sure) + withheld(sure))
    after = beside_projects(removals(unsure) + withheld(unsure))
    event(f"more withheld: {withheld(unsure) > withheld(sure)}")
    assert before == after


@given(inputs(with_groups=True))
@settings(max_examples=examples(60, 1000))
def test_every_withheld_removal_says_why_and_names_rows_that_leave_it_open(
    given_: tuple[Any, ...],
) -> None:
    current, desired, unknown, mapping, memory = given_
    desired = replace(desired, unknown=unknown)
    plan = plan_for(desired, current, mapping, memory=memory, now=NOW)
    rows = {one.origin for one in unknown.because}
    changes = {_key(change) for change in plan.changes}
    assert plan.withheld is not None
    for one in plan.withheld:
        assert one.because
        assert _key(one.change) not in changes
        for because in one.because:
            assert because.message == because.why.text
            if because.why.code == "invalid-row":
                assert because.origin
                # Rows below 100 are those of the list, which may name what is unknown.
                assert {place for place in because.origin if (place.row or 0) >= 100} <= rows
    again = Plan.model_validate_json(plan.model_dump_json(exclude_none=True))
    assert again.withheld == plan.withheld
