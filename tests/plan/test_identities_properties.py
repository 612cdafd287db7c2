"""What holds of every plan with stable ids, whatever the ledger says and whoever is renamed."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st

from kanport.findings import Finding
from kanport.mapping.spec import MappingFile
from kanport.model import DesiredState, DesiredUser, Given, Identity, Unknown
from kanport.names import compare_key
from kanport.outcome import Outcome, Run, Status
from kanport.plan.change import Action, Risk
from kanport.plan.ledger_update import identities_after
from kanport.plan.model import Plan
from kanport.plan.staleness import differences
from tests.plan.test_make import LOSING, _as_it_is, _through_group, desires, servers
from tests.support.changes import before_of
from tests.support.examples import examples
from tests.support.model_server import Kanboard, apply_plan
from tests.support.planning import a_mapping, cell, plan_for, stopping_guards

MAPPINGS = st.builds(
    lambda by_email, missing, revoke, protect: a_mapping(
        users={
            "id": {"from": "number"},
            "find_by": ["username", "email"] if by_email else ["username"],
            "missing": missing,
            "managed": {"usernames": ["*"]},
        },
        ledger="people.ledger",
        memberships_missing="revoke" if revoke else "keep",
        protect=protect,
        limits={"remove": 100},
    ),
    st.booleans(),
    st.sampled_from(("keep", "disable", "remove")),
    st.booleans(),
    st.sampled_from(((), ("admin", "svc-*"))),
)


@st.composite
def ledgers(draw: st.DrawFn, server: Kanboard) -> tuple[Identity, ...]:
    """Draw a ledger that knows some users, some of them wrongly."""
    known = []
    numbers = draw(st.permutations(sorted(server.users))) if server.users else []
    for number, user in server.users.items():
        what = draw(st.sampled_from(("right", "right", "right", "unknown", "gone", "conflicting")))
        if what == "unknown":
            continue
        name = "somebody" if what == "conflicting" else user.username
        at = number + 100 if what == "gone" else number
        known.append(Identity(f"id-{numbers.index(number)}", at, name))
    return tuple(known)


@dataclass(frozen=True)
class World:
    server: Kanboard
    desired: DesiredState
    mapping: MappingFile
    ledger: tuple[Identity, ...]

    def plan(self) -> Plan:
        return plan_for(self.desired, self.server.seen(), self.mapping, known=self.ledger)

    def after(self, plan: Plan) -> "World":
        server = apply_plan(self.server, plan)[-1]
        return replace(self, server=server, ledger=recorded(self.ledger, plan, server))


def recorded(ledger: Iterable[Identity], plan: Plan, server: Kanboard) -> tuple[Identity, ...]:
    """Give the ledger after a run that did all of the plan."""
    ids = {user.username: number for number, user in server.users.items()}
    outcomes = tuple(Outcome(change.id, Status.DONE) for change in plan.changes)
    new = {
        change.id: ids[change.username]
        for change in plan.changes
        if change.action is Action.USER_CREATE
    }
    people = identities_after(plan, Run("r", "", "", outcomes, user_ids=new))
    for identity in people:
        assert server.users[identity.user_id].username == identity.username
    seen = {identity.user_id for identity in people}
    known = {identity.id: identity for identity in ledger if identity.user_id not in seen}
    return tuple({**known, **{identity.id: identity for identity in people}}.values())


@st.composite
def worlds(draw: st.DrawFn) -> World:
    server = draw(servers())
    desired = draw(desires())
    ids = draw(st.permutations([f"id-{number}" for number in range(10)]))
    # Rows that name one person are one person by the time that a plan is made.
    people = {user.key: user for user in reversed(desired.users)}.values()
    users = tuple(
        replace(user, stable_id=Given(stable_id, (cell("number", row),)))
        if draw(st.integers(0, 5))
        else user
        for row, (user, stable_id) in enumerate(zip(people, ids, strict=False), start=2)
    )
    return World(server, replace(desired, users=users), draw(MAPPINGS), draw(ledgers(server)))


def _old_name_in_doubt(world: World, plan: Plan) -> bool:
    """Tell whether a row has the old username of somebody who is renamed.

    Once they have the new one, the row is nobody's, and what they kept is decided without it.
    """
    old = {
        compare_key(str(before_of(change)["username"]))
        for change in plan.changes
        if change.action is Action.USER_RENAME
    }
    if any(finding.code == "rename-unclear" for finding in plan.findings):
        # Whom a shared address leaves unclear may be clear once the others have changed theirs.
        return True
    kept = any(finding.code == "row-skipped" for finding in plan.findings)
    # Where others are called so by then, a row of unknown meaning is taken to mean one of them.
    others = {compare_key(user.username) for user in world.after(plan).server.users.values()}
    unknown = world.desired.unknown.people | {who for who, _ in world.desired.unknown.memberships}
    removed = {change.username for change in plan.changes if change.action is Action.USER_REMOVE}
    if any(
        finding.code == "identity-changed"
        and finding.case == "username-taken"
        and not removed.isdisjoint(text for _, _, text in finding.fact.texts())
        for finding in plan.findings
    ):
        # Somebody waits for the username of a leaver, which is free only when that one is gone.
        return True
    return bool(old) and (
        kept
        or any(membership.key[0] in old for membership in world.desired.memberships)
        or any(user.key in old for user in world.desired.users)
        or bool(old & unknown & others)
    )


@given(worlds())
@settings(max_examples=examples(70, 2000))
def test_after_applying_a_plan_with_ids_the_next_plan_is_empty(world: World) -> None:
    plan = world.plan()
    again = world.after(plan).plan()
    left = {(change.user_id, change.project_id) for change in again.changes}
    assert left <= _through_group(plan) or _old_name_in_doubt(world, plan)


@given(worlds())
@settings(max_examples=examples(70, 2000))
def test_also_where_the_ledger_was_not_written_after_the_run(world: World) -> None:
    plan = world.plan()
    again = replace(world.after(plan), ledger=world.ledger).plan()
    left = {(change.user_id, change.project_id) for change in again.changes}
    assert left <= _through_group(plan) or _old_name_in_doubt(world, plan)


@given(worlds())
@settings(max_examples=examples(70, 2000))
def test_no_account_passes_to_a_person_with_another_id(world: World) -> None:
    plan = world.plan()
    users = world.server.users
    owners = {
        identity.user_id: identity.id
        for identity in world.ledger
        if identity.user_id in users
        and compare_key(users[identity.user_id].username) == compare_key(identity.username)
    }
    for identity in plan.identities:
        if identity.user_id in owners:
            assert owners[identity.user_id] == identity.id
    told = [identity.user_id for identity in plan.identities if identity.user_id is not None]
    assert len(told) == len(set(told))


@given(worlds())
def test_a_plan_with_ids_is_not_stale_on_its_server(world: World) -> None:
    plan = world.plan()
    if not {"last-admin", "private-projects"} & set(stopping_guards(plan)):
        assert differences(plan, world.server.seen()) == []


@given(worlds(), st.randoms(use_true_random=False))
def test_a_plan_with_ids_does_not_depend_on_any_order(world: World, dice: Random) -> None:
    users, ledger = list(world.desired.users), list(world.ledger)
    dice.shuffle(users)
    dice.shuffle(ledger)
    other = replace(world, desired=replace(world.desired, users=tuple(users)), ledger=tuple(ledger))
    assert other.plan().digest == world.plan().digest


@st.composite
def renamings(draw: st.DrawFn) -> tuple[World, dict[int, str]]:
    """Draw a server as the sources want it, but with some usernames changed, all known by id."""
    server = draw(servers())
    taken = {compare_key(user.username) for user in server.users.values()}
    fresh = [
        name for name in ("new-a", "new-b", "zoë", "ann", "eve") if compare_key(name) not in taken
    ]
    # A tidy server: names that compare the same are another story.
    if len(taken) < len(server.users):
        server = replace(server, users={}, direct={}, attached={}, groups=())
    old = [user.username for user in server.users.values()]
    names = list(draw(st.permutations([*old, *fresh])))
    wish = {number: (names.pop() if draw(st.booleans()) else None) for number in server.users}
    # Whoever keeps a name keeps it from the others.
    kept = {server.users[number].username for number, name in wish.items() if name is None}
    wanted = {
        number: server.users[number].username if name is None or name in kept else name
        for number, name in wish.items()
    }
    if len(set(wanted.values())) < len(wanted):
        wanted = {number: user.username for number, user in server.users.items()}
    state = _as_it_is(server)
    by_old = {user.username: wanted[number] for number, user in server.users.items()}
    number_of = {user.username: number for number, user in server.users.items()}
    users = tuple(
        replace(
            user,
            username=replace(user.username, value=by_old[user.username.value]),
            stable_id=Given(f"id-{number_of[user.username.value]}", user.username.origins),
        )
        for user in state.users
    )
    memberships = tuple(
        replace(one, holder=replace(one.holder, value=by_old[one.holder.value]))
        for one in state.memberships
    )
    ledger = tuple(
        Identity(f"id-{number}", number, user.username) for number, user in server.users.items()
    )
    desired = replace(state, users=users, memberships=memberships)
    return World(server, desired, draw(MAPPINGS), ledger), wanted


@given(renamings())
@settings(max_examples=examples(70, 2000))
def test_a_rename_keeps_the_number_and_the_access(drawn: tuple[World, dict[int, str]]) -> None:
    world, wanted = drawn
    plan = world.plan()
    assert {str(change.action) for change in plan.changes} <= {"user.rename"}
    after = world.after(plan).server
    assert after.direct == world.server.direct
    stuck = {finding.code for finding in plan.findings} & {
        "rename-unclear",
        "identity-changed",
        "person-protected",
    }
    if not stuck:
        assert {number: user.username for number, user in after.users.items()} == wanted


def _losing(plan: Plan) -> list[str]:
    return [
        f"{change.action} {change.username}"
        for change in plan.changes
        if change.action in LOSING or Risk.ACCESS_LOST in change.risk
    ]


@given(renamings(), st.data())
@settings(max_examples=examples(70, 2000))
def test_a_row_under_a_new_username_that_cannot_be_used_takes_nothing_from_anybody(
    drawn: tuple[World, dict[int, str]], data: st.DataObject
) -> None:
    world, _ = drawn
    assert _losing(world.plan()) == []
    findings: list[Finding] = []
    users: list[DesiredUser] = []
    unknown = Unknown()
    for user in world.desired.users:
        what = data.draw(st.sampled_from(("good", "good", "error", "gone", "unreadable")))
        assert user.stable_id is not None
        if what in ("good", "error"):
            users.append(user)
        if what == "error":
            findings.append(Finding("name-too-long", "too long", origin=user.rows[0]))
        elif what == "gone":
            unknown = replace(
                unknown,
                people=unknown.people | {user.key},
                memberships=unknown.memberships | {(user.key, None)},
                ids=unknown.ids | {(user.key, user.stable_id.value)},
            )
        elif what == "unreadable":
            unknown = replace(unknown, everybody=True)
    left_out = unknown.people
    memberships = tuple(one for one in world.desired.memberships if one.key[0] not in left_out)
    broken = replace(world.desired, users=tuple(users), memberships=memberships, unknown=unknown)
    plan = plan_for(broken, world.server.seen(), world.mapping, findings, world.ledger)
    assert _losing(plan) == []
