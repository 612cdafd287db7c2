"""What should be gone and is not keeps its age from run to run, until it is closed."""

from pathlib import Path

from kanport.ledger import recall, record
from kanport.memory import LedgerState, OpenKey, OpenRemoval
from kanport.model import CurrentState
from kanport.outcome import Outcome, Run, Status
from kanport.plan.change import Action
from kanport.plan.ledger_update import ledger_update
from kanport.plan.model import Plan, PlanPartial, PlanWithheld
from kanport.plan.open_removals import carried, carried_by, closed_by, open_removals
from kanport.plan.withheld import cause
from kanport.report import make
from kanport.report.html import render as as_html
from kanport.report.json_file import as_dict
from kanport.report.markdown import render as as_markdown
from kanport.report.mask import Mask
from kanport.report.pdf import render as as_pdf
from kanport.report.tables import table_of
from tests.support.changes import a_change, plan_of
from tests.support.snapshots import SERVER

URL = "http://127.0.0.1:1/jsonrpc.php"
REVOKE = a_change(
    Action.MEMBERSHIP_REVOKE,
    id="c0001",
    username="bob",
    before={"role": "project-member"},
    user_id=3,
    project="BETA",
    project_id=2,
)
DISABLE = a_change(
    Action.USER_DISABLE,
    id="c0002",
    username="eve",
    user_id=4,
    before={"active": True},
    after={"active": False},
)
GRANT = a_change(
    Action.MEMBERSHIP_GRANT,
    id="c0003",
    username="ann",
    after={"role": "project-member"},
    user_id=5,
    project="BETA",
    project_id=2,
)
HELD_BACK = PlanWithheld(DISABLE, (cause("unread-users", case="user"),))
NOWHERE = CurrentState(SERVER)


def plan_at(day: int, *changes: object, memory: LedgerState | None = None, **parts: object) -> Plan:
    """Return a plan of some day of March, with what the ledger remembers as open."""
    plan = plan_of(*changes)  # type: ignore[arg-type]
    withheld = parts.pop("withheld", ())
    before = memory.open if memory is not None else {}
    still = carried(before, plan.changes, withheld, (), NOWHERE)  # type: ignore[arg-type]
    made = {
        "created_at": f"2026-03-{day:02}T06:00:00Z",
        "withheld": withheld,
        "open": still or None,
    }
    return plan.model_copy(update=made | parts)


def run_of(plan: Plan, *statuses: Status, through: str | None = None) -> Run:
    outcomes = [
        Outcome(change.id, status, through_group=through)
        for change, status in zip(plan.changes, statuses, strict=True)
    ]
    return Run("r", plan.created_at, plan.created_at, tuple(outcomes))


def remembered(path: Path, plan: Plan, run: Run | None) -> LedgerState:
    record(path, URL, ledger_update(plan, run), now=plan.created_at)
    return recall(path, URL)


def test_only_removals_that_are_not_made_are_open() -> None:
    plan = plan_at(1, REVOKE, DISABLE, GRANT)
    assert not open_removals(plan, run_of(plan, Status.DONE, Status.ALREADY, Status.FAILED))
    found = open_removals(plan, run_of(plan, Status.FAILED, Status.SKIPPED, Status.DONE))
    assert {(one.username, one.why) for one in found} == {("bob", "failed"), ("eve", "failed")}
    # A plan alone has failed at nothing.
    assert not open_removals(plan, None)


def test_what_a_rule_decides_to_keep_is_not_open() -> None:
    decided = PlanWithheld(DISABLE, (cause("protected-account"),))
    assert not open_removals(plan_at(1, withheld=(decided,)), None)
    assert [one.why for one in open_removals(plan_at(1, withheld=(HELD_BACK,)), None)] == [
        "withheld"
    ]


def test_an_open_removal_keeps_its_age_whatever_prevents_it(tmp_path: Path) -> None:
    path = tmp_path / "a.ledger"
    first = plan_at(1, withheld=(HELD_BACK,))
    memory = remembered(path, first, None)
    second = plan_at(3, DISABLE, memory=memory)
    memory = remembered(path, second, run_of(second, Status.FAILED))
    (one,) = memory.open.values()
    assert (one.since, one.why) == ("2026-03-01T06:00:00Z", "failed")
    third = plan_at(8, DISABLE, memory=memory)
    assert [one.since for one in carried_by(third, None)] == ["2026-03-01T06:00:00Z"]
    assert make.of_plan(third).open[0].days == 7
    memory = remembered(path, third, run_of(third, Status.DONE))
    assert not memory.open
    assert not make.of_run(third, run_of(third, Status.DONE)).open


def test_access_through_a_group_stays_open_after_the_run_that_found_it(tmp_path: Path) -> None:
    path = tmp_path / "a.ledger"
    first = plan_at(1, REVOKE)
    memory = remembered(path, first, run_of(first, Status.FAILED, through="project-member"))
    assert [one.why for one in memory.open.values()] == ["through-group"]


def test_what_nothing_asks_for_any_more_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "a.ledger"
    memory = remembered(path, plan_at(1, withheld=(HELD_BACK,)), None)
    assert not remembered(path, plan_at(2, memory=memory), None).open


def test_a_plan_about_a_part_closes_only_what_it_is_about(tmp_path: Path) -> None:
    path = tmp_path / "a.ledger"
    first = plan_at(1, REVOKE, withheld=(HELD_BACK,))
    memory = remembered(path, first, run_of(first, Status.FAILED))
    assert len(memory.open) == 2
    part = plan_at(2, REVOKE, memory=memory, partial=PlanPartial(only=("user:bob",), left_out={}))
    assert closed_by(part) == frozenset({OpenKey("membership.revoke", 3, 0, 2)})
    memory = remembered(path, part, run_of(part, Status.DONE))
    assert [one.username for one in memory.open.values()] == ["eve"]
    # A plan that is older than what was recorded last knows less.
    assert remembered(path, plan_at(1), None).open == memory.open


def test_every_report_lists_what_is_still_open() -> None:
    removal = OpenRemoval(
        "user.disable", 4, 0, 0, "eve", "", "", "withheld", "2026-03-01T06:00:00Z"
    )
    memory = LedgerState(open={OpenKey.of(removal): removal})
    plan = plan_at(15, withheld=(HELD_BACK,), memory=memory)
    view = make.of_plan(plan)
    assert "oldest since 2026-03-01 06:00:00 UTC (14 days)" in " ".join(
        one.text for one in view.sentences
    )
    assert "## Still open" in as_markdown(view)
    assert "Still open" in as_html(view)
    assert as_dict(view)["open"] == [removal._asdict() | {"days": 14}]
    assert table_of(view, "open").rows[0][1] == "eve"
    assert as_pdf(view)
    masked = make.of_plan(Mask(plan).plan)
    assert masked.open[0].who not in ("eve", "")
    again = Plan.model_validate_json(plan.model_dump_json(exclude_none=True))
    assert again.open == plan.open
