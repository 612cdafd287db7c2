"""What an approval holds for, and what it does not."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretBytes

from kanport.approval import (
    Approval,
    approval_key,
    approve,
    approved_for,
    load_approval,
    refusals,
    with_signature,
    write_approval,
)
from kanport.errors import ConfigInvalid, UsageError
from kanport.outcome import Signature
from kanport.plan.model import PlanApproval
from kanport.plan.plan_file import plan_digest
from tests.support.report.examples import make_plan

NOW = "2026-11-05T08:00:00Z"
KEY = SecretBytes(b"a key that nobody would find")
PLAN = make_plan()
OTHER = PLAN.model_copy(update={"changes": PLAN.changes[1:]})
OTHER = OTHER.model_copy(update={"digest": plan_digest(OTHER)})


def _approval(**changed: Any) -> Approval:
    parts: dict[str, Any] = {
        "by": "Ada Lovelace",
        "note": "Ticket 4711",
        "approved_at": "2026-11-04T08:00:00Z",
        "expires_at": "2026-11-11T08:00:00Z",
        "recorded_by": "ada@desk",
        "version": "1.0",
    }
    return approve(PLAN, **{**parts, **changed})


def test_an_approval_holds_for_its_plan_until_it_ends() -> None:
    approval = _approval()
    assert refusals(approval, PLAN, now=NOW) == []
    assert refusals(approval, PLAN, now="2026-11-11T07:59:59Z") == []
    (why,) = refusals(approval, PLAN, now="2026-11-11T08:00:00Z")
    assert why == "it expired at 2026-11-11T08:00:00Z"


def test_an_approval_holds_for_no_other_plan() -> None:
    (why,) = refusals(_approval(), OTHER, now=NOW)
    assert "another plan" in why


def test_an_approval_holds_for_no_other_server() -> None:
    there = PLAN.server.model_copy(update={"url": "https://other.example.org/jsonrpc.php"})
    moved = PLAN.model_copy(update={"server": there})
    (why,) = refusals(_approval(), moved, now=NOW)
    assert "https://other.example.org/jsonrpc.php" in why


@given(
    field=st.sampled_from(sorted(Approval.model_fields.keys() - {"others"})),
    text=st.text(min_size=1).filter(lambda text: text.isprintable()),
)
def test_whatever_is_changed_in_an_approval_is_detected(field: str, text: str) -> None:
    approval = _approval(key=KEY)
    if field == "format":
        return
    value = approval.changes + 1 if field == "changes" else text
    assert refusals(approval.model_copy(update={field: value}), PLAN, now=NOW, key=KEY)


def test_with_a_key_only_its_holders_may_approve() -> None:
    signed = _approval(key=KEY)
    assert refusals(signed, PLAN, now=NOW, key=KEY) == []
    assert refusals(signed, PLAN, now=NOW) == []
    (why,) = refusals(_approval(), PLAN, now=NOW, key=KEY)
    assert "not signed" in why
    (why,) = refusals(signed, PLAN, now=NOW, key=SecretBytes(b"another key than that one"))
    assert "not signed with the key" in why


def test_a_forged_approval_with_a_expected_digest_is_detected_by_the_key() -> None:
    forged = _approval(key=KEY).model_copy(update={"by": "Mallory"})
    forged = forged.model_copy(update={"digest": forged.expected_digest()})
    assert refusals(forged, PLAN, now=NOW) == []
    assert refusals(forged, PLAN, now=NOW, key=KEY) == [
        "it is not signed with the key that is set here"
    ]


def test_an_approval_comes_back_from_its_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "plan.approval.json"
    for approval in (_approval(), _approval(key=KEY, note="Zoë says: \u202e\n*yes*")):
        write_approval(path, approval)
        assert load_approval(path) == approval
    assert "nobody would find" not in path.read_text("utf-8")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is not JSON"),
        ("[]", "is not an approval of the format"),
        ('{"format": "kanport-plan/1"}', "is not an approval of the format"),
        ('{"format": "kanport-approval/1"}', "is not a valid approval"),
    ],
)
def test_a_file_that_is_no_approval_is_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "x.json"
    path.write_text(text, "utf-8")
    with pytest.raises(UsageError, match=said):
        load_approval(path)


def test_the_key_comes_from_the_environment_or_from_a_file_of_ones_own(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("0123456789abcdef\n", "utf-8")
    path.chmod(0o600)
    in_file = approval_key({"KANPORT_APPROVAL_KEY_FILE": str(path)})
    assert in_file is not None and in_file.get_secret_value() == b"0123456789abcdef"
    assert approval_key({"KANPORT_APPROVAL_KEY": "0123456789abcdef"}) == in_file
    assert approval_key({}) is None


def test_a_key_that_others_can_read_or_guess_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text("0123456789abcdef", "utf-8")
    path.chmod(0o644)
    with pytest.raises(ConfigInvalid, match="can be read"):
        approval_key({"KANPORT_APPROVAL_KEY_FILE": str(path)})
    with pytest.raises(ConfigInvalid, match="fewer than 16"):
        approval_key({"KANPORT_APPROVAL_KEY": "hunter2"})
    with pytest.raises(ConfigInvalid, match="both set"):
        approval_key({"KANPORT_APPROVAL_KEY": "x" * 20, "KANPORT_APPROVAL_KEY_FILE": str(path)})


def test_the_file_is_what_is_documented(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_approval(path, _approval(key=KEY))
    content = json.loads(path.read_text("utf-8"))
    assert content["format"] == "kanport-approval/1"
    assert content["plan"] == PLAN.digest
    assert content["changes"] == len(PLAN.changes)
    assert content["by"] == "Ada Lovelace"
    assert len(content["signature"]) == 64


# --- several approvers, and others than the planner -----------------------------------------------

RULED = PLAN.model_copy(update={"approval": PlanApproval(approvers=2, planner="eve@build7")})
RULED = RULED.model_copy(update={"digest": plan_digest(RULED)})


def _approvals(*people: tuple[str, str], key: SecretBytes | None = None) -> Approval:
    """Return the file that these people made one after the other."""
    others: tuple[Approval, ...] = ()
    for name, actor in people:
        approval = approve(
            RULED,
            by=name,
            note="Ticket",
            approved_at="2026-11-04T08:00:00Z",
            expires_at="2026-11-11T08:00:00Z",
            recorded_by=actor,
            version="1.0",
            key=key,
            others=others,
        )
        others = approval.all
    return approval


ADA, BOB = ("Ada", "ada@desk"), ("Bob", "bob@desk")


def test_several_people_approve_one_plan_in_one_file(tmp_path: Path) -> None:
    path = tmp_path / "plan.approval.json"
    approval = _approvals(ADA, BOB, key=KEY)
    write_approval(path, approval)
    assert load_approval(path) == approval
    assert refusals(approval, RULED, now=NOW, key=KEY) == []
    approved = approved_for(approval, RULED, now=NOW, key=KEY)
    assert (approved.names, approved.signature) == ("Ada, Bob", Signature.VALID)


@pytest.mark.parametrize(
    "people",
    [
        [ADA],
        # The same account under two names, and one name from two accounts.
        [ADA, ("Bob", "ADA@laptop")],
        [ADA, ("ada", "bob@desk")],
    ],
)
def test_two_approvers_are_two_people(people: list[tuple[str, str]]) -> None:
    (why,) = refusals(_approvals(*people), RULED, now=NOW)
    assert why.startswith("1 of 2 approvals are there")


@pytest.mark.parametrize("planner", [("Eve", "eve@laptop"), ("Eve", "root@desk")])
def test_the_planner_does_not_approve(planner: tuple[str, str]) -> None:
    (why,) = refusals(_approvals(ADA, planner), RULED, now=NOW)
    assert why == f"'Eve' ({planner[1]}) made the plan, so somebody else must approve it"


def test_each_approval_of_a_file_must_hold() -> None:
    approval = _approvals(ADA, BOB, key=KEY)
    forged = approval.others[0].model_copy(update={"by": "Mallory"})
    whys = refusals(approval.model_copy(update={"others": (forged,)}), RULED, now=NOW, key=KEY)
    assert whys == [
        "of 'Mallory': it was changed after it was made",
        "of 'Mallory': it is not signed with the key that is set here",
    ]
    journal = approved_for(approval, RULED, now=NOW, key=KEY)
    hidden = replace(journal, others=())
    assert with_signature(hidden, RULED, KEY).signature is Signature.MISMATCH
