"""Stable ids: who is who when usernames change hands."""

from kanport.model import DesiredUser, Identity, Unknown, User
from kanport.outcome import Outcome, Run, Status
from kanport.plan.change import Risk
from kanport.plan.ledger_update import identities_after
from kanport.plan.staleness import differences
from tests.support.findings import codes
from tests.support.planning import (
    a_mapping,
    a_server,
    a_state,
    cell,
    desired_membership,
    desired_user,
    lines_of,
    plan_for,
)

IDS = {"id": {"from": "number"}}
MAPPING = a_mapping(
    users={**IDS, "missing": "disable", "managed": {"usernames": ["*"]}},
    ledger="people.ledger",
    memberships_missing="revoke",
    protect=["admin"],
)
BY_EMAIL = a_mapping(
    users={
        **IDS,
        "find_by": ["username", "email"],
        "missing": "disable",
        "managed": {"usernames": ["*"]},
    },
    ledger="people.ledger",
    protect=["admin"],
)
ADA = User(5, "ada", email="ada@x.org")
BOB = User(6, "bob", email="bob@x.org")
KNOWN_ADA = Identity("7", 5, "ada")
KNOWN_BOB = Identity("8", 6, "bob")


def who(username: str, stable_id: str | None = None, row: int = 2, **fields: object) -> DesiredUser:
    """Want a person with this stable id."""
    given = {"stable_id": stable_id} if stable_id is not None else {}
    return desired_user(username, row, **given, **fields)


def test_a_known_id_with_another_username_is_a_rename() -> None:
    wanted = a_state(who("ada.l", "7", email="new@x.org"))
    plan = plan_for(wanted, a_server(ADA), MAPPING, known=[KNOWN_ADA])
    assert lines_of(plan) == [
        "user.rename ada {'username': 'ada'} -> {'username': 'ada.l'}",
        "user.update ada.l {'email': 'ada@x.org'} -> {'email': 'new@x.org'}",
    ]
    rename = plan.changes[0]
    assert rename.user_id == 5
    assert rename.reason == "same stable id, other username"
    assert [str(place.column) for place in rename.origin] == ["stable_id", "username"]


def test_a_rename_by_id_is_looked_at_twice_only_where_it_is_an_administrator() -> None:
    wanted = a_state(who("ada.l", "7"))
    boss = User(5, "ada", email="ada@x.org", role="app-admin")
    for user, risk in ((ADA, ()), (boss, (Risk.LOGIN_CHANGED,))):
        (rename,) = plan_for(wanted, a_server(user), MAPPING, known=[KNOWN_ADA]).changes
        assert rename.risk == risk


def test_the_ledger_says_nothing_where_nothing_changed() -> None:
    plan = plan_for(a_state(who("ada", "7")), a_server(ADA), MAPPING, known=[KNOWN_ADA])
    assert plan.changes == () and codes(plan) == []


def test_without_a_ledger_people_are_found_by_username_and_remembered() -> None:
    plan = plan_for(a_state(who("ada", "7"), who("cy", "9", 3)), a_server(ADA), MAPPING)
    assert [(one.id, one.username, one.user_id) for one in plan.identities] == [
        ("7", "ada", 5),
        ("9", "cy", None),
    ]


def test_a_spelling_that_differs_in_case_alone_is_no_rename() -> None:
    plan = plan_for(a_state(who("Ada", "7")), a_server(ADA), MAPPING, known=[KNOWN_ADA])
    assert plan.changes == () and codes(plan) == ["username-spelled"]
    assert plan.identities[0].username == "ada"


def test_a_login_of_a_person_with_another_id_is_nobody_s_until_somebody_decides() -> None:
    wanted = a_state(who("ada", "9", role="app-admin"), desired_membership("ada", "ALPHA"))
    server = a_server(ADA, roles={1: {5: "project-viewer"}})
    plan = plan_for(wanted, server, MAPPING, known=[KNOWN_ADA])
    assert plan.changes == ()
    assert "identity-changed" in codes(plan)
    (finding,) = [one for one in plan.findings if one.code == "identity-changed"]
    assert (finding.fact["stable_id"], finding.fact["owner"]) == ("9", "7")
    assert plan.identities == ()


def test_a_login_that_became_free_by_a_rename_goes_to_a_new_account() -> None:
    wanted = a_state(
        who("ada.l", "7"),
        who("ada", "9", 3, name="Ada Two"),
        desired_membership("ada", "ALPHA", row=3),
        desired_membership("ada.l", "BETA"),
    )
    server = a_server(ADA, roles={1: {5: "project-viewer"}})
    plan = plan_for(wanted, server, MAPPING, known=[KNOWN_ADA])
    assert [line.split(" {")[0] for line in lines_of(plan)] == [
        "membership.revoke ada ALPHA",
        "user.rename ada",
        "user.create ada",
        "membership.grant ada ALPHA",
        "membership.grant ada.l BETA",
    ]
    assert [change.user_id for change in plan.changes] == [5, 5, None, None, 5]
    assert differences(plan, server) == []
    assert [(one.id, one.username, one.user_id) for one in plan.identities] == [
        ("7", "ada.l", 5),
        ("9", "ada", None),
    ]


def test_renames_in_a_row_free_one_name_after_the_other() -> None:
    wanted = a_state(who("bob", "7"), who("cy", "8", 3))
    plan = plan_for(wanted, a_server(ADA, BOB), MAPPING, known=[KNOWN_ADA, KNOWN_BOB])
    assert [line.split(" {")[0] for line in lines_of(plan)] == [
        "user.rename bob",
        "user.rename ada",
    ]
    assert differences(plan, a_server(ADA, BOB)) == []


def test_two_who_swap_their_names_do_so_by_way_of_a_temporary_one() -> None:
    wanted = a_state(who("bob", "7"), who("ada", "8", 3))
    plan = plan_for(wanted, a_server(ADA, BOB), MAPPING, known=[KNOWN_ADA, KNOWN_BOB])
    assert lines_of(plan) == [
        "user.rename ada {'username': 'ada'} -> {'username': 'kanport-rename-5'}",
        "user.rename bob {'username': 'bob'} -> {'username': 'ada'}",
        "user.rename kanport-rename-5 {'username': 'kanport-rename-5'} -> {'username': 'bob'}",
    ]
    assert codes(plan) == [] and differences(plan, a_server(ADA, BOB)) == []
    assert [(one.username, one.user_id) for one in plan.identities] == [("bob", 5), ("ada", 6)]


def test_a_new_username_that_somebody_else_keeps_changes_neither() -> None:
    wanted = a_state(who("bob", "7", role="app-admin"))
    plan = plan_for(wanted, a_server(ADA, BOB), MAPPING, known=[KNOWN_ADA])
    assert plan.changes == ()
    assert "identity-changed" in codes(plan)


def test_the_name_of_a_protected_account_does_not_become_free() -> None:
    mapping = a_mapping(users=IDS, ledger="l", protect=["svc-*"])
    service = User(5, "svc-a")
    wanted = a_state(who("ada", "7"), who("svc-a", "8", 3))
    plan = plan_for(wanted, a_server(service), mapping, known=[Identity("7", 5, "svc-a")])
    assert plan.changes == ()


def test_a_leaver_and_a_joiner_are_not_one_person() -> None:
    wanted = a_state(who("bob", "8"))
    plan = plan_for(wanted, a_server(ADA), MAPPING, known=[KNOWN_ADA])
    assert [line.split(" {")[0] for line in lines_of(plan)] == [
        "user.disable ada",
        "user.create bob",
    ]


def test_an_address_alone_does_not_give_an_account_to_another_id() -> None:
    wanted = a_state(who("ada.l", "9", email="ada@x.org"))
    plan = plan_for(wanted, a_server(ADA), BY_EMAIL, known=[KNOWN_ADA])
    assert plan.changes == ()
    assert "identity-changed" in codes(plan)


def test_an_address_finds_whom_the_ledger_does_not_know_yet() -> None:
    wanted = a_state(who("ada.l", "7", email="ada@x.org"))
    plan = plan_for(wanted, a_server(ADA), BY_EMAIL)
    assert lines_of(plan) == ["user.rename ada {'username': 'ada'} -> {'username': 'ada.l'}"]
    assert plan.changes[0].reason == "same email, other username"


def test_somebody_who_is_gone_from_the_server_is_found_by_username_as_usual() -> None:
    again = User(9, "ada")
    plan = plan_for(a_state(who("ada", "7")), a_server(again), MAPPING, known=[KNOWN_ADA])
    assert plan.changes == ()
    assert plan.identities[0].user_id == 9


def test_a_number_that_passed_to_another_user_is_not_believed() -> None:
    # SQLite gives the number of a removed user to the next one.
    wanted = a_state(who("zoe", "9"), who("ada", "7", 3))
    plan = plan_for(wanted, a_server(User(5, "zoe")), MAPPING, known=[KNOWN_ADA])
    assert plan.changes == ()
    assert "identity-changed" in codes(plan)
    made_by_hand = a_server(User(5, "zoe"), User(6, "ada"))
    plan = plan_for(wanted, made_by_hand, MAPPING, known=[KNOWN_ADA])
    assert plan.changes == () and codes(plan) == []
    assert [(one.id, one.user_id) for one in plan.identities] == [("7", 6), ("9", 5)]


def test_a_server_set_up_anew_with_other_numbers_is_told_by_usernames() -> None:
    server = a_server(User(5, "bob"), User(6, "ada"))
    wanted = a_state(who("ada", "7"), who("bob", "8", 3))
    plan = plan_for(wanted, server, MAPPING, known=[KNOWN_ADA, KNOWN_BOB])
    assert plan.changes == () and codes(plan) == []
    assert [(one.id, one.user_id) for one in plan.identities] == [("7", 6), ("8", 5)]


def test_a_rename_that_the_ledger_missed_is_seen_on_the_server() -> None:
    wanted = a_state(who("ada.l", "7"))
    plan = plan_for(wanted, a_server(User(5, "ada.l")), MAPPING, known=[KNOWN_ADA])
    assert plan.changes == () and codes(plan) == []


def test_an_account_renamed_by_hand_to_a_third_name_is_a_question() -> None:
    server = a_server(User(5, "ada2"))
    plan = plan_for(a_state(who("ada.l", "7")), server, MAPPING, known=[KNOWN_ADA])
    assert plan.changes == ()
    assert "identity-changed" in codes(plan)


def test_an_invalid_row_under_a_new_username_keeps_the_old_account() -> None:
    unknown = Unknown(people=frozenset({"ada.l"}), ids=frozenset({("ada.l", "7")}))
    server = a_server(ADA, BOB, roles={1: {5: "project-member"}})
    plan = plan_for(a_state(unknown=unknown), server, MAPPING, known=[KNOWN_ADA, KNOWN_BOB])
    assert [line.split(" {")[0] for line in lines_of(plan)] == ["user.disable bob"]
    named = a_state(unknown=unknown, named=["ALPHA"])
    plan = plan_for(named, server, MAPPING, known=[KNOWN_ADA, KNOWN_BOB])
    assert not [change for change in plan.changes if change.user_id == 5]


def test_an_invalid_row_of_a_joiner_keeps_nobody_else() -> None:
    unknown = Unknown(people=frozenset({"new"}), ids=frozenset({("new", "99")}))
    plan = plan_for(a_state(unknown=unknown), a_server(BOB), MAPPING, known=[KNOWN_BOB])
    assert [line.split(" {")[0] for line in lines_of(plan)] == ["user.disable bob"]


def test_an_invalid_membership_of_a_stranger_may_be_anybody_s() -> None:
    unknown = Unknown(people=frozenset({"bobby"}))
    plan = plan_for(a_state(unknown=unknown), a_server(BOB), MAPPING, known=[KNOWN_BOB])
    assert plan.changes == () and codes(plan) == ["missing-unknown"]


def test_an_invalid_row_under_the_recorded_username_keeps_whoever_has_another_one_by_now() -> None:
    server = a_server(User(5, "ada.l"), roles={1: {5: "project-member"}})

    def lost(*rows: DesiredUser, unknown: Unknown) -> list[str]:
        wanted = a_state(*rows, unknown=unknown, named=["ALPHA"])
        return [
            line.split(" {")[0]
            for line in lines_of(plan_for(wanted, server, MAPPING, [], [KNOWN_ADA]))
        ]

    described = who("ada.l", "7")
    assert lost(described, unknown=Unknown()) == ["membership.revoke ada.l ALPHA"]
    assert lost(unknown=Unknown()) == ["user.disable ada.l", "membership.revoke ada.l ALPHA"]
    in_doubt = Unknown(people=frozenset({"ada"}))
    assert lost(described, unknown=in_doubt) == []
    assert lost(unknown=in_doubt) == []
    membership = Unknown(memberships=frozenset({("ada", "alpha")}))
    assert lost(described, unknown=membership) == []


def test_a_membership_under_the_old_username_still_finds_the_person() -> None:
    wanted = a_state(who("ada.l", "7"), desired_membership("ada", "ALPHA", row=3))
    plan = plan_for(wanted, a_server(ADA), MAPPING, known=[KNOWN_ADA])
    assert [(str(one.action), one.user_id) for one in plan.changes] == [
        ("user.rename", 5),
        ("membership.grant", 5),
    ]
    (finding,) = plan.findings
    assert finding.code == "username-old" and finding.origin == cell("username", 3)
    assert (finding.fact["username"], finding.fact["new_username"]) == ("ada", "ada.l")
    same = a_state(who("ada.l", "7"), desired_membership("ADA.L", "ALPHA"))
    assert codes(plan_for(same, a_server(ADA), MAPPING, known=[KNOWN_ADA])) == []


def test_people_without_an_id_are_told_by_username() -> None:
    plan = plan_for(a_state(who("ada")), a_server(ADA), MAPPING, known=[KNOWN_ADA])
    assert plan.changes == () and codes(plan) == [] and plan.identities == ()


def test_somebody_without_an_id_gets_a_name_only_when_it_is_free() -> None:
    wanted = a_state(who("bob", "7"), who("ada", None, 3))
    plan = plan_for(wanted, a_server(ADA, BOB), MAPPING, known=[KNOWN_ADA])
    assert plan.changes == ()
    plan = plan_for(wanted, a_server(ADA), MAPPING, known=[KNOWN_ADA])
    assert [line.split(" {")[0] for line in lines_of(plan)] == [
        "user.rename ada",
        "user.create ada",
    ]


def test_one_id_for_two_people_is_neither_s() -> None:
    wanted = a_state(who("ada", "7"), who("eve", "7", 3))
    plan = plan_for(wanted, a_server(ADA), MAPPING, known=[KNOWN_ADA])
    assert plan.changes == ()
    assert codes(plan).count("id-shared") == 2


def test_new_people_need_all_users_of_the_server_where_ids_tell_them() -> None:
    server = a_server(ADA, complete=False)
    plan = plan_for(a_state(who("new", "9")), server, a_mapping(users=IDS, ledger="l"))
    assert [verdict.guard for verdict in plan.guards if verdict.tripped] == ["users-incomplete"]


def test_the_ledger_gets_what_a_run_did_and_no_more() -> None:
    wanted = a_state(who("ada.l", "7"), who("cy", "9", 3), who("dee", "10", 4))
    plan = plan_for(wanted, a_server(ADA), a_mapping(users=IDS, ledger="l"), known=[KNOWN_ADA])
    rename, cy, dee = plan.changes
    assert (cy.username, dee.username) == ("cy", "dee")

    def after(*statuses: Status) -> list[tuple[str, int, str]]:
        changes = (rename, cy, dee)
        outcomes = tuple(
            Outcome(change.id, status) for change, status in zip(changes, statuses, strict=True)
        )
        run = Run("r", "", "", outcomes, user_ids={cy.id: 20, dee.id: 21})
        return [(one.id, one.user_id, one.username) for one in identities_after(plan, run)]

    done, failed = Status.DONE, Status.FAILED
    assert after(done, done, Status.ALREADY) == [
        ("10", 21, "dee"),
        ("7", 5, "ada.l"),
        ("9", 20, "cy"),
    ]
    assert after(failed, done, failed) == [("7", 5, "ada"), ("9", 20, "cy")]
    assert [(one.id, one.username) for one in identities_after(plan, None)] == [("7", "ada")]


def test_a_name_that_may_not_be_given_up_for_a_protected_one_does_not_become_free() -> None:
    mapping = a_mapping(users=IDS, ledger="l", protect=["svc-*"])
    wanted = a_state(who("svc-a", "7"), who("ada", "8", 3))
    plan = plan_for(wanted, a_server(ADA), mapping, known=[KNOWN_ADA])
    assert plan.changes == ()
    assert "identity-changed" in codes(plan)


def test_access_for_a_disputed_login_goes_to_nobody() -> None:
    wanted = a_state(who("ada", "9"), desired_membership("ada", "ALPHA", row=40))
    plan = plan_for(wanted, a_server(ADA), MAPPING, known=[KNOWN_ADA])
    assert plan.changes == ()
    assert sorted(codes(plan)) == ["identity-changed", "missing-unknown", "row-skipped"]


def test_access_for_a_login_that_an_invalid_row_gives_to_another_goes_to_nobody() -> None:
    unknown = Unknown(people=frozenset({"ada"}), ids=frozenset({("ada", "9")}))
    wanted = a_state(desired_membership("ada", "ALPHA"), unknown=unknown)
    plan = plan_for(wanted, a_server(ADA), MAPPING, known=[KNOWN_ADA])
    assert plan.changes == ()
    same = Unknown(people=frozenset({"ada"}), ids=frozenset({("ada", "7")}))
    plan = plan_for(
        a_state(desired_membership("ada", "ALPHA"), unknown=same),
        a_server(ADA),
        MAPPING,
        known=[KNOWN_ADA],
    )
    assert [str(change.action) for change in plan.changes] == ["membership.grant"]


def test_access_for_a_login_that_an_unreadable_row_may_have_given_to_another_waits() -> None:
    unknown = Unknown(everybody=True)
    wanted = a_state(desired_membership("ada", "ALPHA"), unknown=unknown)
    plan = plan_for(wanted, a_server(ADA), MAPPING, known=[KNOWN_ADA])
    assert plan.changes == ()
    told_of = a_state(who("ada", "7", 3), desired_membership("ada", "ALPHA"), unknown=unknown)
    plan = plan_for(told_of, a_server(ADA), MAPPING, known=[KNOWN_ADA])
    assert [str(change.action) for change in plan.changes] == ["membership.grant"]


def test_an_account_that_may_have_been_renamed_by_hand_is_given_to_nobody() -> None:
    server = a_server(User(5, "dora"))
    wanted = a_state(who("ada.l", "7"), who("dora", "9", 3))
    plan = plan_for(wanted, server, MAPPING, known=[KNOWN_ADA])
    assert plan.changes == () and plan.identities == ()
    assert codes(plan).count("identity-changed") == 2
