"""`--allow` overrides exactly one guard, for one run, up to the number that was given."""

import shlex
from pathlib import Path

import pytest

from kanport.messages import fill
from kanport.model import User
from kanport.plan.guards.allowances import (
    CLASSES,
    FIRM,
    NotAllowable,
    allow_key,
    allowed_words,
    over_limit,
    parse_allowed,
)
from kanport.plan.model import Plan, blocking
from kanport.plan.plan_file import dump_plan, load_plan
from kanport.report import json_file, make, markdown
from kanport.report.sentences import fact_rows
from tests.support.planning import (
    a_mapping,
    a_server,
    a_state,
    desired_user,
    plan_for,
    stopping_guards,
)

TEN = tuple(User(number, f"u{number}") for number in range(2, 12))


def disabling(count: int, limits: object = None, **allowed: int) -> Plan:
    wanted = a_state(*(desired_user(user.username, user.id, active=False) for user in TEN[:count]))
    mapping = a_mapping(limits=limits or {})
    return plan_for(wanted, a_server(*TEN), mapping, allowed=allowed)


@pytest.mark.parametrize("limits", [{}, {"disable": 1}, {"disable": "10%"}, {"disable": 0}])
def test_a_limit_is_lifted_up_to_the_number_and_no_further(limits: object) -> None:
    assert stopping_guards(disabling(4, limits)) == ["limit-disable"]
    assert stopping_guards(disabling(4, limits, disable=4)) == []
    assert stopping_guards(disabling(4, limits, disable=3)) == ["limit-disable"]


def test_it_lifts_that_guard_alone() -> None:
    wanted = a_state(desired_user("admin", active=False), desired_user("u2", active=False))
    mapping = a_mapping(limits={"disable": 0})
    everything = dict.fromkeys(CLASSES, 99)
    assert stopping_guards(plan_for(wanted, a_server(*TEN), mapping, allowed={"disable": 9})) == [
        "last-admin"
    ]
    assert stopping_guards(plan_for(wanted, a_server(*TEN), mapping, allowed=everything)) == [
        "last-admin"
    ]
    others = {name: 99 for name in CLASSES if name != "disable"}
    assert stopping_guards(plan_for(wanted, a_server(*TEN), mapping, allowed=others)) == [
        "last-admin",
        "limit-disable",
    ]


def test_a_removal_is_confirmed_by_a_number_for_one_run() -> None:
    users = {"missing": "remove", "managed": {"usernames": ["u*"]}}
    wanted = a_state(*(desired_user(user.username) for user in TEN[2:]))
    for number, stops in ((None, True), (1, True), (2, False)):
        allowed = {} if number is None else {"remove": number}
        plan = plan_for(wanted, a_server(*TEN), a_mapping(users=users), allowed=allowed)
        assert stopping_guards(plan) == (["remove-unconfirmed"] if stops else [])


def test_the_verdict_says_that_it_was_lifted_and_up_to_which_number() -> None:
    verdict = next(v for v in disabling(4, disable=40).guards if v.guard == "limit-disable")
    assert (verdict.tripped, verdict.lifted, verdict.hint) == (False, True, None)
    assert verdict.message == (
        "Limit exceeded: 4 users would be disabled, 2 allowed (default: 10% of 11 active users,"
        " rounded up); overridden for this run, up to 40"
    )
    verdict = next(v for v in disabling(4, disable=3).guards if v.guard == "limit-disable")
    assert verdict.message.endswith("; --allow overrides this check up to 3")
    within = next(v for v in disabling(1, disable=3).guards if v.guard == "limit-disable")
    assert not within.lifted
    assert within.message.endswith("; --allow raises this to 3 for this run")
    of_no_use = next(v for v in disabling(1, disable=2).guards if v.guard == "limit-disable")
    assert of_no_use.message.endswith("rounded up)")


def test_the_number_stands_in_the_plan_and_in_its_digest(tmp_path: Path) -> None:
    plan, without = disabling(4, disable=40), disabling(4)
    path = tmp_path / "plan.json"
    path.write_text(dump_plan(plan), encoding="utf-8")
    assert '"allowed": {"disable": 40}' in path.read_text(encoding="utf-8")
    assert load_plan(path).allowed == {"disable": 40}
    assert plan.digest != without.digest


def test_every_report_of_the_plan_says_so() -> None:
    told = make.of_plan(disabling(4, disable=40))
    assert ("Allowed", "for this run: disable up to 40") in fact_rows(told.facts)
    said = "Overridden for this run by --allow: limit-disable."
    assert said in [sentence.text for sentence in told.sentences]
    assert "Allowed: for this run: disable up to 40" in markdown.render(told)
    assert "overridden: `limit-disable`" in markdown.render(told)
    assert json_file.as_dict(told)["facts"]["allowed"] == {"disable": 40}
    assert told.level == "look"
    assert not any("Allowed" in row for row in fact_rows(make.of_plan(disabling(4)).facts))


@pytest.mark.parametrize(
    ("texts", "numbers"),
    [
        (["disable=40"], {"disable": 40}),
        (["revoke:WEB=8", "disable=0"], {"disable": 0, "revoke:WEB": 8}),
        ([" revoke:Beta board = 8"], {"revoke:Beta board": 8}),
        (["revoke:a=b:c=8"], {"revoke:a=b:c": 8}),
        (["shrink:people=400", "columns:people=1", "empty:x=0"], None),
        ([], {}),
    ],
)
def test_what_is_allowed_is_read_as_it_is_typed(
    texts: list[str], numbers: dict[str, int] | None
) -> None:
    read = parse_allowed(texts)
    assert list(read) == sorted(read)
    assert numbers is None or read == numbers


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        (["disable"], "'disable': give a number, such as disable=40"),
        (["disable="], "give a number"),
        (["disable=many"], "give a number"),
        (["disable=-1"], "give a number"),
        (["disable=5%"], "give a number"),
        (["disable=²"], "give a number"),
        (["disable=" + "9" * 5000], "give a number"),
        (["shrink=4"], "name the source: shrink:SOURCE=NUMBER"),
        (["revoke:=4"], "name the project: revoke:PROJECT=NUMBER"),
        (["disabel=4"], "did you mean disable?"),
        (["limit-disable=4"], "did you mean disable?"),
        (["everything=4"], "use one of create, grant, update, raise, lower, disable"),
        (["=4"], "use one of"),
        ([""], "use one of"),
        (["disable=4", "disable=5"], "disable is allowed twice"),
        *(([f"{name}=1"], f"--allow cannot override {name}") for name in sorted(FIRM)),
    ],
)
def test_what_cannot_be_allowed_is_refused_with_what_can(texts: list[str], said: str) -> None:
    with pytest.raises(NotAllowable) as caught:
        parse_allowed(texts)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("name", "of"),
    [("revoke", "WEB"), ("revoke", "Beta board"), ("raise", "O'Neil & co"), ("shrink", "people")],
)
def test_the_option_that_a_hint_names_can_be_typed_in_a_shell(name: str, of: str) -> None:
    key = allow_key(name, of)
    option, text = shlex.split(fill("--allow {option:sh}", {"option": f"{key}=8"}))
    assert option == "--allow"
    assert parse_allowed([text]) == {f"{name}:{of}": 8}


def test_a_guard_is_firm_where_the_catalogue_has_no_words_for_overriding_it() -> None:
    assert sorted(FIRM) == [
        "allow-admins",
        "last-admin",
        "min-admins",
        "private-projects",
        "protected",
        "users-incomplete",
    ]


@pytest.mark.parametrize(
    ("allow", "case", "blocks"),
    [(None, "stopped", True), (2, "exceeded", True), (3, "overridden", False)],
)
def test_a_verdict_says_by_its_case_what_came_of_an_allowance(
    allow: int | None, case: str, blocks: bool
) -> None:
    verdict = over_limit("remove-unconfirmed", "remove", 3, allow, planned=3)
    assert verdict.why is not None
    assert (verdict.why.case, verdict.tripped, verdict.lifted) == (case, blocks, not blocks)
    assert blocking([verdict]) == ((verdict,) if blocks else ())


def test_what_was_allowed_is_told_in_words() -> None:
    keys = ["columns:people=1", "empty:grants=3", "raise=2", "revoke:WEB=8", "shrink:people=400"]
    assert allowed_words(parse_allowed(keys)) == [
        "people with up to 1 columns fewer",
        "grants without use, and up to 3 lost by it",
        "raise up to 2",
        "revoke in WEB up to 8",
        "people with up to 400 rows fewer",
    ]
