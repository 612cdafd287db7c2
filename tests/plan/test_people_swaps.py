"""People who pass their usernames on to one another, and one unclear person among clear ones."""

from collections.abc import Iterable

import pytest

from kanport.findings import UNCLEAR, stopping
from kanport.model import CurrentState, DesiredState, DesiredUser, Identity, Unknown, User
from kanport.names import is_temporary_username
from kanport.outcome import Outcome, Run, Status
from kanport.plan.ledger_update import identities_after, ledger_update
from kanport.plan.model import Plan
from kanport.plan.staleness import differences
from tests.support.changes import after_of
from tests.support.findings import codes
from tests.support.planning import (
    a_mapping,
    a_server,
    a_state,
    desired_membership,
    desired_user,
    lines_of,
    plan_for,
    stopping_guards,
)

USERS = {"missing": "disable", "managed": {"usernames": ["*"]}}
BY_ID = a_mapping(users={**USERS, "id": {"from": "n"}}, ledger="l", protect=["admin"])
BY_EMAIL = a_mapping(
    users={**USERS, "find_by": ["username", "email"]},
    protect=["admin"],
    memberships_missing="revoke",
)
ADA = User(5, "ada", name="Ada L", email="ada@x.org")
BOB = User(6, "bob", name="Bob R", email="bob@x.org")
CY = User(7, "cy", name="Cy T", email="cy@x.org")
KNOWN = [Identity("a", 5, "ada"), Identity("b", 6, "bob"), Identity("c", 7, "cy")]
OF = {"a": ADA, "b": BOB, "c": CY}


def rows(*names: tuple[str, str], with_name: bool = True) -> list[DesiredUser]:
    """Want the person of each id under a username, with their name and address."""
    return [
        desired_user(
            username,
            row,
            stable_id=stable_id,
            email=OF[stable_id].email,
            **({"name": OF[stable_id].name} if with_name else {}),
        )
        for row, (stable_id, username) in enumerate(names, 2)
    ]


def without_ids(people: Iterable[DesiredUser]) -> list[DesiredUser]:
    return [DesiredUser(one.username, one.name, one.email, rows=one.rows) for one in people]


def final(plan: Plan, *users: User) -> dict[int, str]:
    """Return the usernames after the renames, each of which has to be free in its turn."""
    names = {user.id: user.username for user in users}
    for change in plan.changes:
        if change.action == "user.rename":
            number, new = change.user_id or 0, str(after_of(change)["username"])
            assert names[number] == change.username
            assert new not in names.values()
            names[number] = new
    return names


CASES = {
    "swap": [("a", "bob"), ("b", "ada"), ("c", "cy")],
    "three in a circle": [("a", "bob"), ("b", "cy"), ("c", "ada")],
    "a chain": [("a", "bob"), ("b", "cy"), ("c", "new")],
    "a chain to a swap": [("a", "bob"), ("b", "ada"), ("c", "cy2")],
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("way", ["id", "email"])
def test_everybody_keeps_their_account_under_the_new_username(case: str, way: str) -> None:
    wanted = rows(*CASES[case])
    server = a_server(ADA, BOB, CY)
    if way == "id":
        plan = plan_for(a_state(*wanted), server, BY_ID, known=KNOWN)
    else:
        plan = plan_for(a_state(*without_ids(wanted)), server, BY_EMAIL)
    assert final(plan, ADA, BOB, CY) == {
        OF[stable_id].id: username for stable_id, username in CASES[case]
    }
    assert {change.action for change in plan.changes} == {"user.rename"}
    assert codes(plan) == []
    assert differences(plan, server) == []


@pytest.mark.parametrize("way", ["id", "email"])
@pytest.mark.parametrize("steps", [0, 1, 2, 3])
def test_a_swap_that_was_cut_off_is_finished_by_the_next_plan(way: str, steps: int) -> None:
    wanted = rows(("a", "bob"), ("b", "ada"))
    desired = a_state(*(wanted if way == "id" else without_ids(wanted)))
    mapping, known = (BY_ID, KNOWN) if way == "id" else (BY_EMAIL, [])
    plan = plan_for(desired, a_server(ADA, BOB), mapping, known=known)
    names = {5: "ada", 6: "bob"}
    for change in plan.changes[:steps]:
        names[change.user_id or 0] = str(after_of(change)["username"])
    left = [
        User(number, name, OF[who].name, OF[who].email)
        for (number, name), who in zip(names.items(), "ab", strict=True)
    ]
    again = plan_for(desired, a_server(*left), mapping, known=known)
    assert final(again, *left) == {5: "bob", 6: "ada"}
    assert codes(again) == []
    if way == "id":
        # What the ledger learned of the run that was cut off leads to the same.
        statuses = [Status.DONE] * steps + [Status.NOT_ATTEMPTED] * (3 - steps)
        outcomes = tuple(Outcome(c.id, s) for c, s in zip(plan.changes, statuses, strict=True))
        run = Run("r", "", None, outcomes)
        learned = identities_after(plan, run)
        assert {one.user_id: one.username for one in learned} == names
        assert ledger_update(plan, run).renamed == {
            number: name for number, name in names.items() if name != OF["ab"[number - 5]].username
        }
        assert final(plan_for(desired, a_server(*left), mapping, known=learned), *left) == {
            5: "bob",
            6: "ada",
        }


def test_of_a_swap_whose_first_half_failed_the_ledger_learns_nothing() -> None:
    plan = plan_for(
        a_state(*rows(("a", "bob"), ("b", "ada"))), a_server(ADA, BOB), BY_ID, known=KNOWN
    )
    failed = tuple(Outcome(change.id, Status.FAILED) for change in plan.changes)
    run = Run("r", "", None, failed)
    assert {one.user_id: one.username for one in identities_after(plan, run)} == {
        5: "ada",
        6: "bob",
    }
    assert ledger_update(plan, run).renamed == {}


def test_whoever_is_left_under_a_temporary_username_is_named_every_night() -> None:
    left = User(5, "kanport-rename-5", email="ada@x.org")
    keep = a_mapping(protect=["admin"])
    for server in (a_server(left, BOB), a_server(left, BOB, complete=False)):
        plan = plan_for(a_state(desired_user("bob")), server, keep)
        assert (plan.changes, codes(plan)) == ((), ["username-temporary"])
        assert '"kanport-rename-5" (#5)' in plan.findings[0].message
    # It is a leaver like any other, whatever usernames are managed.
    narrow = a_mapping(users={"missing": "disable", "managed": {"usernames": ["a*"]}})
    plan = plan_for(a_state(desired_user("bob")), a_server(left, BOB), narrow)
    assert [(c.action, c.user_id) for c in plan.changes] == [
        ("user.disable", 1),
        ("user.disable", 5),
    ]
    # Somebody who just happens to have such a name is not meant.
    other = a_server(User(5, "kanport-rename-6"), BOB)
    assert codes(plan_for(a_state(desired_user("bob")), other, keep)) == []


def test_the_temporary_username_is_free_on_the_server_and_in_the_sources() -> None:
    squatter = User(9, "Kanport-Rename-5", email="s@x.org")
    wanted = [
        *rows(("a", "bob"), ("b", "ada")),
        desired_user("kanport-rename-5-2", 9, stable_id="z"),
    ]
    plan = plan_for(a_state(*wanted), a_server(ADA, BOB, squatter), BY_ID, known=KNOWN)
    (aside, *_) = [c for c in plan.changes if c.action == "user.rename"]
    assert after_of(aside) == {"username": "kanport-rename-5-3"}
    assert is_temporary_username("kanport-rename-5-3", 5)


def test_a_swap_is_two_users_to_a_limit_and_no_new_administrator_by_a_temporary_name() -> None:
    ada = User(5, "ada", name="Ada L", email="ada@x.org", role="app-admin")
    wanted = a_state(*rows(("a", "bob"), ("b", "ada")))
    parts = {"users": {**USERS, "id": {"from": "n"}}, "ledger": "l", "protect": ["admin"]}
    mapping = a_mapping(**parts, allow_admins=["bob"], limits={"update": 2})
    assert stopping_guards(plan_for(wanted, a_server(ada, BOB), mapping, known=KNOWN)) == []
    stricter = a_mapping(**parts, allow_admins=["ada"], limits={"update": 1})
    plan = plan_for(wanted, a_server(ada, BOB), stricter, known=KNOWN)
    assert sorted(stopping_guards(plan)) == ["allow-admins", "limit-update"]
    assert "kanport-rename" not in str(plan.guards)


def test_access_follows_the_person_and_not_the_login() -> None:
    """Ada is in ALPHA and called bob from now on; the rows name people by their new logins."""
    wanted = [*without_ids(rows(("a", "bob"), ("b", "ada")))]
    server = a_server(ADA, BOB, roles={1: {5: "project-member"}, 2: {6: "project-viewer"}})
    desired = a_state(
        *wanted,
        desired_membership("bob", "ALPHA"),
        desired_membership("ada", "BETA", "project-viewer"),
    )
    plan = plan_for(desired, server, BY_EMAIL)
    assert {change.action for change in plan.changes} == {"user.rename"}
    swapped = a_state(
        *wanted,
        desired_membership("ada", "ALPHA"),
        desired_membership("bob", "BETA", "project-viewer"),
    )
    plan = plan_for(swapped, server, BY_EMAIL)
    access_changes = [
        (str(c.action), c.user_id, c.project_id) for c in plan.changes if c.project_id is not None
    ]
    assert sorted(access_changes) == [
        ("membership.grant", 5, 2),
        ("membership.grant", 6, 1),
        ("membership.revoke", 5, 1),
        ("membership.revoke", 6, 2),
    ]


# --- where the address and the username point at two people ---------------------------------------


def test_without_a_name_nobody_can_tell_a_swap_of_logins_from_one_of_addresses() -> None:
    wanted = without_ids(rows(("a", "bob"), ("b", "ada"), with_name=False))
    plan = plan_for(a_state(*wanted), a_server(ADA, BOB, CY), BY_EMAIL)
    assert [(c.action, c.username) for c in plan.changes] == [("user.disable", "cy")]
    assert {code for code in codes(plan) if code in UNCLEAR} == {"rename-unclear"}
    assert list(stopping(plan.findings)) == []


def test_a_name_tells_a_swap_of_addresses_from_one_of_logins() -> None:
    wanted = a_state(
        desired_user("ada", 2, name="Ada L", email="bob@x.org"),
        desired_user("bob", 3, name="Bob R", email="ada@x.org"),
    )
    plan = plan_for(wanted, a_server(ADA, BOB), BY_EMAIL)
    assert {c.action for c in plan.changes} == {"user.update"}


def test_a_shared_address_is_nobodys_proof() -> None:
    team = User(6, "bob", name="Bob R", email="team@x.org")
    wanted = a_state(
        desired_user("ada", 2, name="Ada L", email="team@x.org"),
        desired_user("bob", 3, name="Bob R", email="team@x.org"),
    )
    plan = plan_for(wanted, a_server(ADA, team), BY_EMAIL)
    assert lines_of(plan) == ["user.update ada {'email': 'ada@x.org'} -> {'email': 'team@x.org'}"]


def test_a_rename_by_address_to_a_username_that_is_kept_is_withheld_from_both() -> None:
    """Ada is to be called bob, and Bob, who is protected, keeps that username."""
    mapping = a_mapping(users={**USERS, "find_by": ["username", "email"]}, protect=["admin", "bob"])
    wanted = without_ids(rows(("a", "bob"), ("b", "ada")))
    plan = plan_for(a_state(*wanted), a_server(ADA, BOB, CY), mapping)
    assert [(c.action, c.username) for c in plan.changes] == [("user.disable", "cy")]


# --- a username that somebody new has, while its owner is called otherwise -----------------------

NEW = desired_user("ada", 9, name="Ann New", email="ann@x.org")


@pytest.mark.parametrize(
    "moves",
    [
        [("a", "ada2")],
        [("a", "bob"), ("b", "bob2"), ("c", "cy")],
        [("a", "cy"), ("b", "bob"), ("c", "cy2")],
        [("a", "bob"), ("b", "cy"), ("c", "cy2")],
    ],
)
def test_somebody_new_with_the_username_of_whoever_is_renamed_gets_an_account_of_their_own(
    moves: list[tuple[str, str]],
) -> None:
    wanted = a_state(NEW, *without_ids(rows(*moves)))
    plan = plan_for(wanted, a_server(ADA, BOB, CY), BY_EMAIL)
    names = final(plan, ADA, BOB, CY)
    assert {one: names[OF[one].id] for one, _ in moves} == dict(moves)
    created = [c for c in plan.changes if c.action == "user.create"]
    assert [c.username for c in created] == ["ada"]
    assert not [c for c in plan.changes if c.action == "user.update"]


def test_whose_account_it_is_that_somebody_new_is_called_by_is_open_without_names() -> None:
    nameless = desired_user("ada", 9, email="ann@x.org")
    for new, with_name in (
        (nameless, False),
        (desired_user("ada", 9, name="Ada L", email="n@x.org"), True),
    ):
        wanted = a_state(new, *without_ids(rows(("a", "ada2"), with_name=with_name)))
        plan = plan_for(wanted, a_server(ADA, BOB), BY_EMAIL)
        assert [(c.action, c.username) for c in plan.changes] == [("user.disable", "bob")]
        unclear = [one for one in plan.findings if one.code == "rename-unclear"]
        assert len(unclear) == 2
        assert {one.case for one in unclear} == {"reused-username", "still-named"}
        assert list(stopping(plan.findings)) == []


def test_an_address_that_moves_on_to_somebody_new_moves_no_account() -> None:
    wanted = a_state(
        desired_user("ada", 2, name="Ada L", email="ada.l@x.org"),
        desired_user("eve", 3, name="Eve", email="ada@x.org"),
    )
    plan = plan_for(wanted, a_server(ADA), BY_EMAIL)
    assert {(c.action, c.username) for c in plan.changes} == {
        ("user.update", "ada"),
        ("user.create", "eve"),
    }


# --- one unclear person ---------------------------------------------------------------------------

LEAVER = User(20, "leaver", name="Leo", email="leo@x.org")
JOINER = desired_user("joiner", 30, name="Joy", email="joy@x.org")


def _unclear_cases() -> dict[str, tuple[object, DesiredState, CurrentState, list[Identity]]]:
    joiner = desired_user("joiner", 30, name="Joy", email="joy@x.org", stable_id="j")
    twins = (ADA, User(8, "ADA", email="ada2@x.org"))
    return {
        "a login that was given to somebody new": (
            BY_ID,
            a_state(
                joiner, desired_user("ada", 3, stable_id="new"), desired_membership("ada", "ALPHA")
            ),
            a_server(ADA, LEAVER),
            KNOWN,
        ),
        "an account that was renamed by hand": (
            BY_ID,
            a_state(joiner, desired_user("ada.l", 3, stable_id="a")),
            a_server(User(5, "ada2"), LEAVER),
            KNOWN,
        ),
        "a new login that somebody keeps": (
            BY_ID,
            a_state(joiner, desired_user("bob", 3, stable_id="a")),
            a_server(ADA, BOB, LEAVER),
            KNOWN[:1],
        ),
        "an address that two users have": (
            BY_EMAIL,
            a_state(JOINER, desired_user("new", 3, email="ada@x.org")),
            a_server(ADA, User(8, "ada3", email="ADA@x.org"), LEAVER),
            [],
        ),
        "an address that two rows have": (
            BY_EMAIL,
            a_state(
                JOINER,
                desired_user("new", 3, email="ada@x.org"),
                desired_user("new2", 4, email="ada@x.org"),
            ),
            a_server(ADA, LEAVER),
            [],
        ),
        "a username that fits two users": (
            BY_EMAIL,
            a_state(JOINER, desired_user("Ada", 3, email="other@x.org")),
            a_server(*twins, LEAVER),
            [],
        ),
        "a username of one and an address of another": (
            BY_EMAIL,
            a_state(JOINER, desired_user("ada", 3, email="bob@x.org")),
            a_server(ADA, BOB, LEAVER),
            [],
        ),
    }


@pytest.mark.parametrize("case", _unclear_cases())
def test_one_unclear_person_keeps_back_themselves_alone(case: str) -> None:
    """The leaver is out the same night and the joiner gets in; nobody in doubt is touched."""
    mapping, desired, server, known = _unclear_cases()[case]
    plan = plan_for(desired, server, mapping, known=known)  # type: ignore[arg-type]
    assert [(c.action, c.username) for c in plan.changes] == [
        ("user.disable", "leaver"),
        ("user.create", "joiner"),
    ]
    errors = [finding for finding in plan.findings if finding.severity == "error"]
    assert errors and {finding.code for finding in errors} <= UNCLEAR
    assert list(stopping(plan.findings)) == []
    assert all(finding.value or finding.params for finding in errors)


def test_a_source_of_unclear_people_alone_is_not_empty() -> None:
    """The list has one person, of whom it is open who she is, and the leaver goes all the same."""
    wanted = a_state(desired_user("ada", 3, stable_id="new"), desired_membership("ada", "ALPHA"))
    plan = plan_for(wanted, a_server(ADA, LEAVER), BY_ID, known=KNOWN)
    assert stopping_guards(plan) == []
    assert [(c.action, c.username) for c in plan.changes] == [("user.disable", "leaver")]


def test_whose_login_somebody_known_has_now_is_a_leaver_like_any_other() -> None:
    """Ada has Bob's login, and no row gives Bob's id: he is out, and she waits for the login."""
    wanted = a_state(desired_user("bob", 2, stable_id="a"), desired_membership("bob", "ALPHA"))
    server = a_server(ADA, BOB, roles={1: {6: "project-member"}})
    plan = plan_for(wanted, server, BY_ID, known=KNOWN)
    assert [(c.action, c.username) for c in plan.changes] == [("user.disable", "bob")]
    assert "identity-changed" in codes(plan)
    # Where the row could be his, under an id that the ledger does not know, nobody is touched.
    new = a_state(desired_user("bob", 2, stable_id="z"), desired_user("ada", 3, stable_id="a"))
    assert plan_for(new, server, BY_ID, known=KNOWN).changes == ()
    # Nor where a row that cannot be used gives his id, or anybody's.
    for unknown in (
        Unknown(people=frozenset({"robert"}), ids=frozenset({("robert", "b")})),
        Unknown(everybody=True),
        # Nor where his entry is merely hidden, or a row of his name cannot be read.
        Unknown(hidden=frozenset({"bob"})),
        Unknown(people=frozenset({"bob"})),
    ):
        open_ = a_state(desired_user("bob", 2, stable_id="a"), unknown=unknown)
        assert plan_for(open_, server, BY_ID, known=KNOWN).changes == ()
