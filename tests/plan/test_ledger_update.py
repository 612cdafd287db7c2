"""What a run teaches for the next time: what Kanport did, and never what somebody else had done."""

from collections.abc import Mapping
from typing import Any

import pytest

from kanport.memory import Grant, KnownEntry, LedgerUpdate, Missed
from kanport.outcome import Outcome, Run, Status
from kanport.plan.change import Action, Change
from kanport.plan.ledger_update import ledger_update
from kanport.plan.model import Plan, PlanAbsence, PlanEntry, PlanNamed
from tests.apply.undo.test_groups import of_group
from tests.support.changes import a_change, grant, new_user, nth_change, plan_of

AT = "2026-01-01T00:00:00Z"
MEMBER = "project-member"
LEFT = (Status.FAILED, Status.SKIPPED, Status.NOT_ATTEMPTED)


def run_of(
    *changes: Change,
    outcomes: Mapping[str, Status] | None = None,
    through: Mapping[str, str] | None = None,
    **parts: Any,
) -> Run:
    """Make a run that did everything, but where something else is said."""
    return Run(
        "run-1",
        AT,
        AT,
        tuple(
            Outcome(
                one.id,
                (outcomes or {}).get(one.id, Status.DONE),
                through_group=(through or {}).get(one.id),
            )
            for one in changes
        ),
        **parts,
    )


def learned(*changes: Change, status: Status = Status.DONE, **parts: Any) -> LedgerUpdate:
    outcomes = {one.id: status for one in changes}
    return ledger_update(plan_of(*changes), run_of(*changes, outcomes=outcomes, **parts))


NOTHING = LedgerUpdate(AT)
RENAMED = nth_change(
    1, Action.USER_RENAME, "ada", user_id=2, before={"username": "ada"}, after={"username": "ada.l"}
)
REVOKED = nth_change(
    1,
    Action.MEMBERSHIP_REVOKE,
    "ada",
    user_id=2,
    project="P7",
    project_id=7,
    before={"role": MEMBER},
)
REMOVED = nth_change(1, Action.USER_REMOVE, "ada", user_id=2, before={"username": "ada"})
ENABLED = nth_change(
    1, Action.USER_ENABLE, "ada", user_id=2, before={"active": False}, after={"active": True}
)
OUT = of_group(Action.GROUP_MEMBER_REMOVE, username="ada", user_id=2, group_id=5)
IN = of_group(Action.GROUP_MEMBER_ADD, username="ada", user_id=2, group_id=5)
GONE = of_group(Action.GROUP_REMOVE, group_id=5, before={"name": "Devs", "external_id": ""})
CALLED = of_group(
    Action.GROUP_UPDATE, group_id=5, before={"name": "Devs"}, after={"name": "Coders"}
)
TAGGED = of_group(
    Action.GROUP_UPDATE, group_id=5, before={"external_id": ""}, after={"external_id": "x"}
)


def of_access(action: Action, after: str | None, **parts: Any) -> Change:
    given = {"project_id": 7, "group_id": 5, **parts}
    return of_group(action, project="P7", after=None if after is None else {"role": after}, **given)


GIVEN = of_access(Action.GROUP_ACCESS_GRANT, MEMBER)
ENDED = of_access(Action.GROUP_ACCESS_REVOKE, None, before={"role": MEMBER})
NAMES: dict[str, Any] = {"group_names": {5: "Devs"}, "project_names": {7: "P7"}}


@pytest.mark.parametrize(
    ("done", "wanted", "by_others"),
    [
        (grant(1, "ada", 7, user_id=2),
         {"granted": {(2, 7): Grant("ada", "P7")}, "through_group": {(2, 7): None}},
         {"through_group": {(2, 7): None}}),
        (REVOKED,
         {"revoked": frozenset({(2, 7)}), "through_group": {(2, 7): None}}, ...),
        (RENAMED, {"renamed": {2: "ada.l"}}, ...),
        (REMOVED, {"removed": frozenset({2})}, ...),
        (ENABLED, {"enabled": frozenset({2})}, ...),
        (IN, {"put_in": {(2, 5): Grant("ada", "Devs")}}, {}),
        (OUT, {"taken_out": frozenset({(2, 5)})}, ...),
        (GONE, {"gone_groups": frozenset({5})}, ...),
        (CALLED, {"group_names": {5: "Coders"}}, ...),
        (TAGGED, {}, ...),
        (GIVEN, {"group_access": {(5, 7): MEMBER}, **NAMES}, ...),
        (ENDED, {"group_access": {(5, 7): None}, **NAMES}, ...),
    ],
    ids=lambda one: str(one.action) if isinstance(one, Change) else "",
)  # fmt: skip
def test_what_each_change_teaches(done: Change, wanted: Any, by_others: Any) -> None:
    assert learned(done) == LedgerUpdate(AT, **wanted)
    # What was so already is Kanport's from then on only where it ends.
    assert learned(done, status=Status.ALREADY) == LedgerUpdate(
        AT, **(wanted if by_others is ... else by_others)
    )
    for status in LEFT:
        assert learned(done, status=status) == NOTHING
    assert ledger_update(plan_of(done), None) == NOTHING


def test_a_new_user_is_managed_where_the_run_knows_the_number() -> None:
    joined = of_group(Action.GROUP_MEMBER_ADD, username="Ada", group_id=5, number=3)
    changes = (new_user(1, "ada"), grant(2, "ADA", 7), joined)
    found = learned(*changes, user_ids={"c0001": 9})
    assert (found.created, found.granted, found.put_in) == (
        {9: "ada"},
        {(9, 7): Grant("ADA", "P7")},
        {(9, 5): Grant("Ada", "Devs")},
    )
    blind = learned(*changes)
    assert (blind.created, blind.granted, blind.put_in) == ({}, {}, {})
    other = learned(*changes, status=Status.ALREADY, user_ids={"c0001": 9})
    assert (other.created, other.granted, other.put_in) == ({}, {}, {})


def test_new_groups_and_projects_are_known_by_the_numbers_that_they_got() -> None:
    made = of_group(Action.GROUP_CREATE, after={"name": "Devs", "external_id": ""})
    project = a_change(
        Action.PROJECT_CREATE, id="c0002", project="P7", reason="as the test wants it"
    )
    joined = of_group(Action.GROUP_MEMBER_ADD, username="ada", user_id=2, number=3)
    given = of_access(Action.GROUP_ACCESS_GRANT, MEMBER, number=4, group_id=None, project_id=None)
    granted = nth_change(
        5, Action.MEMBERSHIP_GRANT, "ada", user_id=2, project="P7", after={"role": MEMBER}
    )
    changes = (made, project, joined, given, granted)
    found = learned(*changes, group_ids={"c0001": 5}, project_ids={"c0002": 7})
    assert found.put_in == {(2, 5): Grant("ada", "Devs")}
    assert found.granted == {(2, 7): Grant("ada", "P7")}
    assert found.group_access == {(5, 7): MEMBER}
    assert (found.group_names, found.project_names) == ({5: "Devs"}, {7: "P7"})
    only_one: tuple[dict[str, Any], ...] = (
        {"group_ids": {"c0001": 5}},
        {"project_ids": {"c0002": 7}},
    )
    for parts in only_one:
        blind = learned(*changes, **parts)
        assert (blind.group_access, blind.group_names, blind.project_names) == ({}, {}, {})
    assert learned(*changes, project_ids={"c0002": 7}).put_in == {}
    assert learned(*changes, group_ids={"c0001": 5}).granted == {}


def test_whoever_is_renamed_is_known_by_the_last_name_that_took_effect() -> None:
    aside = nth_change(
        1, Action.USER_RENAME, "ada", user_id=2, before={"username": "ada"},
        after={"username": "tmp"},
    )  # fmt: skip
    back = nth_change(
        2, Action.USER_RENAME, "tmp", user_id=2, before={"username": "tmp"},
        after={"username": "ada.l"},
    )  # fmt: skip
    granted = grant(3, "ada.l", 7, user_id=2)
    whole = learned(aside, back, granted)
    assert (whole.renamed, whole.granted) == ({2: "ada.l"}, {(2, 7): Grant("ada.l", "P7")})
    changes = (aside, back, granted)
    half = ledger_update(plan_of(*changes), run_of(*changes, outcomes={"c0002": Status.FAILED}))
    assert (half.renamed, half.granted) == ({2: "tmp"}, {(2, 7): Grant("tmp", "P7")})
    none = ledger_update(
        plan_of(*changes), run_of(*changes, outcomes=dict.fromkeys(("c0001", "c0002"), LEFT[0]))
    )
    assert (none.renamed, none.granted) == ({}, {(2, 7): Grant("ada", "P7")})


@pytest.mark.parametrize("status", [Status.DONE, Status.FAILED])
def test_access_that_was_found_to_come_through_a_group_is_remembered(status: Status) -> None:
    found = learned(REVOKED, status=status, through={"c0001": "project-viewer"})
    assert found.through_group == {(2, 7): "project-viewer"}


def with_parts(plan: Plan, **parts: Any) -> Plan:
    return plan.model_copy(update=parts)


def test_absences_are_told_with_what_the_run_did_about_them() -> None:
    off = nth_change(
        1, Action.USER_DISABLE, "ada", user_id=2, before={"active": True}, after={"active": False}
    )
    states = (("missing", 2, True), ("missing", 3, False), ("back", 4, False), ("back", 5, True),
              ("enabled", 6, True))  # fmt: skip
    on = nth_change(
        2, Action.USER_ENABLE, "u4", user_id=4, before={"active": False}, after={"active": True}
    )
    plan = with_parts(
        plan_of(off, on),
        absences=tuple(
            PlanAbsence.model_validate(
                {"user_id": number, "username": f"u{number}", "state": state, "active": active}
            )
            for state, number, active in states
        ),
    )
    done = ledger_update(plan, run_of(off, on))
    assert done.missed == {2: Missed("u2", True, True), 3: Missed("u3", False, False)}
    assert done.back == {4: True, 5: True}
    assert done.enabled == {4, 6}
    # Who was disabled already was not disabled by Kanport; who is enabled already is enabled.
    already = ledger_update(
        plan, run_of(off, on, outcomes=dict.fromkeys(("c0001", "c0002"), Status.ALREADY))
    )
    assert already.missed == {2: Missed("u2", True, False), 3: Missed("u3", False, False)}
    assert already.back == done.back
    assert already.enabled == {4, 6}
    nothing = ledger_update(plan, None)
    assert nothing.missed == already.missed
    assert nothing.back == {4: False, 5: True}
    assert nothing.enabled == {6}


def test_entries_and_names_come_from_the_plan() -> None:
    named = PlanNamed(projects={7: "P7"}, groups={5: "Devs"}, gone_projects=(8,), gone_groups=(6,))
    entries = (
        PlanEntry(source="a", dn="x", username="ada", projects=("P7",), groups=("Devs",)),
        PlanEntry(source="a", dn="y", username=None, projects=(), groups=()),
        PlanEntry(source="b", dn="x", username=None, projects=(), groups=()),
    )
    found = ledger_update(with_parts(plan_of(GONE), named=named, entries=entries), run_of(GONE))
    assert (found.named_projects, found.named_groups) == ({7: "P7"}, {5: "Devs"})
    assert found.gone_projects == {8}
    assert found.gone_groups == {5, 6}
    assert found.entries == {
        "a": {"x": KnownEntry("ada", ("P7",), ("Devs",)), "y": KnownEntry()},
        "b": {"x": KnownEntry()},
    }
    assert ledger_update(with_parts(plan_of(), entries=()), None).entries == {}
