"""The plan as a file."""

import json
import stat
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from kanport.errors import Exit, UsageError
from kanport.model import Group, User
from kanport.plan.model import Plan
from kanport.plan.plan_file import dump_plan, load_plan, plan_digest, plan_schema, write_plan
from tests.support.planning import (
    a_mapping,
    a_server,
    a_state,
    desired_membership,
    desired_user,
    plan_for,
)


def _the_plan() -> Plan:
    """Make a plan with changes, findings of all shapes, and a guard that stops it."""
    group = Group(1, "staff", members=frozenset({2}))
    return plan_for(
        a_state(
            desired_user("JÖRG", name="Jörg “X”"),
            desired_user("eve", 3),
            desired_user("eve", 4),
            desired_membership("jorg", "ALPHA", "project-viewer"),
            desired_membership("new", "Nowhere", row=5),
        ),
        a_server(User(2, "jorg"), groups=(group,), roles={1: {2: "project-member"}}),
        a_mapping(limits={"update": 0}),
    )


def _saved(folder: Path, plan: Plan | None = None) -> Path:
    path = folder / "plan.json"
    write_plan(path, plan or _the_plan())
    return path


def _refusal(path: Path) -> UsageError:
    with pytest.raises(UsageError) as caught:
        load_plan(path)
    assert caught.value.exit_code == Exit.USAGE
    return caught.value


def test_a_plan_reads_back_as_it_was_written(tmp_path: Path) -> None:
    plan = _the_plan()
    assert plan.changes
    assert plan.findings
    assert load_plan(_saved(tmp_path, plan)) == plan


def test_the_file_is_for_its_owner_alone_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = _saved(tmp_path)
    path.chmod(0o644)
    write_plan(path, _the_plan())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_the_text_has_a_line_for_each_change_and_real_letters(tmp_path: Path) -> None:
    plan = _the_plan()
    text = dump_plan(plan)
    assert text.endswith("}\n")
    assert "Jörg “X”" in text
    lines = [line for line in text.splitlines() if line.startswith('    {"id": "c')]
    assert len(lines) == len(plan.changes)


def test_two_plans_from_the_same_input_are_equal_but_for_the_time() -> None:
    plan = _the_plan()
    later = plan.model_copy(update={"created_at": "2027-01-01T00:00:00Z"})
    assert plan.digest == plan_digest(later) == _the_plan().digest
    assert dump_plan(plan) == dump_plan(_the_plan())


def test_the_layout_and_the_order_of_the_keys_do_not_matter(tmp_path: Path) -> None:
    path = _saved(tmp_path)
    content = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(dict(reversed(content.items())), indent=3), "utf-8")
    assert load_plan(path) == _the_plan()


@pytest.mark.parametrize("at", ["changes", "summary", "server", "findings"])
def test_a_plan_that_was_changed_is_refused(tmp_path: Path, at: str) -> None:
    path = _saved(tmp_path)
    content = json.loads(path.read_text("utf-8"))
    if at == "changes":
        content["changes"][0]["user_id"] = 77
    elif at == "summary":
        content["summary"]["user.create"] = 77
    elif at == "server":
        content["server"]["url"] = "http://other.test/jsonrpc.php"
    else:
        del content["findings"][0]
    path.write_text(json.dumps(content), "utf-8")
    assert "was changed after it was made" in _refusal(path).message


def test_a_file_that_is_no_plan_is_refused_with_what_it_is(tmp_path: Path) -> None:
    path = _saved(tmp_path)
    whole = path.read_text("utf-8")
    cases = {
        whole[: len(whole) // 2]: "is cut off",
        "": "is empty",
        "kanport: 1\n": "is not a plan",
        "1 2\n": "this is not JSON",
        "[]": "has no format",
        '{"a": 1}': "has no format",
        '{"format": "kanport-plan/9"}': "of the format 'kanport-plan/9'",
        '{"format": "kanport-plan/1"}': "is not a valid plan",
        whole.replace('"source": "people"', '"sourec": "people"'): "is not a valid plan",
        whole.replace('"row": 2', '"row": "two"'): "is not a valid plan",
        whole.replace("person-unknown", "person-unheard-of"): "is not a valid plan",
        "[" * 100_000: "this is not JSON",
    }
    for text, said in cases.items():
        path.write_text(text, "utf-8")
        assert said in _refusal(path).message
    path.write_text('{"format": "kanport-report/1"}', "utf-8")
    assert _refusal(path).message == f"{path} is not a plan"
    assert "this is a report" in (_refusal(path).hint or "")
    path.write_bytes(b"PK\x03\x04\xff\xfe")
    assert "is not UTF-8" in _refusal(path).message
    assert _refusal(tmp_path / "nowhere.json").message.startswith("there is no plan ")
    assert "cannot be read" in _refusal(tmp_path).message


def test_a_plan_that_cannot_be_written_is_said_so_and_the_old_one_stays(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written"):
        write_plan(tmp_path / "nowhere" / "plan.json", _the_plan())
    folder = tmp_path / "plan.json"
    folder.mkdir()
    with pytest.raises(UsageError, match="cannot be written"):
        write_plan(folder, _the_plan())
    assert list(tmp_path.iterdir()) == [folder]


def test_half_a_letter_from_the_server_does_not_break_the_file(tmp_path: Path) -> None:
    plan = plan_for(a_state(desired_user("ann", name="x")), a_server(User(2, "ann", name="\ud83d")))
    assert load_plan(_saved(tmp_path, plan)) == plan


def test_the_published_schema_holds_for_a_plan_and_refuses_what_is_none() -> None:
    schema = plan_schema()
    Draft202012Validator.check_schema(schema)
    content = json.loads(dump_plan(_the_plan()))
    validator = Draft202012Validator(schema)
    assert [error.message for error in validator.iter_errors(content)] == []
    content["changes"][0]["action"] = "user.frobnicate"
    assert not validator.is_valid(content)


def test_a_file_that_never_ends_is_no_plan() -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        load_plan(Path("/dev/zero"))


def test_lists_whose_texts_look_like_json_have_one_item_a_line() -> None:
    odd = ["admin", "}, {", 'a "}, {" b']
    plan = _the_plan().model_copy(update={"protect": tuple(odd)})

    text = dump_plan(plan)

    assert [f"    {json.dumps(one)}" in text for one in odd] == [True] * 3
    assert json.loads(text)["protect"] == odd


def test_limits_are_written_as_the_mapping_calls_them() -> None:
    limits = {"revoke": 5, "raise": 3}
    plan = plan_for(a_state(), a_server(), a_mapping(limits=limits))
    assert json.loads(dump_plan(plan))["limits"] == {"revoke": {"max": 5}, "raise": {"max": 3}}
