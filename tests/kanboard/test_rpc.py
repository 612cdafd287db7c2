"""One answer to each call, and never that of another."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanport.facts import fact
from kanport.fields import USER_FIELDS
from kanport.kanboard import procedures as api
from kanport.kanboard.rpc import (
    SECRET_KEYS,
    Answer,
    Call,
    CallResult,
    Fault,
    NoAnswer,
    Refusal,
    RefusedCall,
    decode,
    encode,
)
from kanport.messages import MASK

NO_METHOD = RefusedCall(
    -32601, fact("rpc-error", name="Method not found", number=-32601), Refusal.NO_PROCEDURE
)
CALLS = [Call("getVersion"), Call("isActiveUser", {"user_id": 2}), Call("getAllUsers")]


def ok(number: Any, result: Any = True) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "result": result, "id": number}


def faults(answers: list[Answer]) -> list[Fault | None]:
    return [answer.fault if isinstance(answer, NoAnswer) else None for answer in answers]


def test_a_batch_has_increasing_ids_and_parameters_by_name() -> None:
    assert json.loads(encode(CALLS, 41)) == [
        {"jsonrpc": "2.0", "method": "getVersion", "id": 41},
        {"jsonrpc": "2.0", "method": "isActiveUser", "id": 42, "params": {"user_id": 2}},
        {"jsonrpc": "2.0", "method": "getAllUsers", "id": 43},
    ]


def test_one_call_is_a_batch_too() -> None:
    assert isinstance(json.loads(encode(CALLS[:1], 1)), list)


def test_text_goes_out_as_utf_8() -> None:
    assert "Zoë 😀".encode() in encode([Call("x", {"name": "Zoë 😀"})], 1)


def test_answers_are_matched_by_id_in_whatever_order_they_come() -> None:
    body = json.dumps([ok(3, "c"), ok(1, "a"), ok(2, "b")])
    assert decode(CALLS, 1, body) == [CallResult("a"), CallResult("b"), CallResult("c")]


def test_errors_of_single_calls_leave_the_others_alone() -> None:
    error = {"code": -32601, "message": "Method not found"}
    body = json.dumps([ok(1), {"jsonrpc": "2.0", "error": error, "id": 2}, ok(3)])
    assert decode(CALLS, 1, body) == [
        CallResult(True),
        RefusedCall(
            -32601, fact("rpc-error", name="Method not found", number=-32601), Refusal.NO_PROCEDURE
        ),
        CallResult(True),
    ]


def test_null_is_an_answer() -> None:
    assert decode(CALLS[:1], 1, json.dumps([ok(1, None)])) == [CallResult(None)]


@pytest.mark.parametrize(
    ("items", "answered"),
    [
        pytest.param([ok(1), ok(3)], {0, 2}, id="one is missing"),
        pytest.param([ok(1), ok(2), ok(2, False), ok(3)], {0, 2}, id="one is there twice"),
        pytest.param([ok(1), ok("2"), ok(3)], {0, 2}, id="an id is text"),
        pytest.param([ok(1), ok(2.0), ok(3)], {0, 2}, id="an id is a fraction"),
        pytest.param([ok(True), ok(2), ok(3)], {1, 2}, id="an id is a boolean"),
        pytest.param([ok(1), ok(None), ok(3)], {0, 2}, id="an id is null"),
        pytest.param([ok(1), ok(99), ok(3)], {0, 2}, id="an id is of no call"),
        pytest.param([ok(1), "what", 7, None, ok(3)], {0, 2}, id="items are no objects"),
        pytest.param([ok(1), {**ok(2), "jsonrpc": "1.0"}, ok(3)], {0, 2}, id="another version"),
        pytest.param([ok(1), {"jsonrpc": "2.0", "id": 2}, ok(3)], {0, 2}, id="neither nor"),
        pytest.param([ok(1), {**ok(2), "error": {"code": 1}}, ok(3)], {0, 2}, id="both"),
        pytest.param([ok(1), {**ok(2), "error": None}, ok(3)], {0, 2}, id="result and null error"),
        pytest.param(
            [ok(1), {"jsonrpc": "2.0", "id": 2, "error": "no"}, ok(3)], {0, 2}, id="odd error"
        ),
        pytest.param([], set(), id="nothing at all"),
    ],
)
def test_only_what_is_certain_counts_as_answered(items: list[Any], answered: set[int]) -> None:
    answers = decode(CALLS, 1, json.dumps(items))
    assert {index for index, answer in enumerate(answers) if answer == CallResult(True)} == answered
    for index in {0, 1, 2} - answered:
        assert isinstance(answers[index], NoAnswer)


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ("", Fault.EMPTY),
        (" \n", Fault.EMPTY),
        ("\ufeff", Fault.EMPTY),
        ("<!DOCTYPE html><title>Log in</title>", Fault.HTML),
        ("It works!", Fault.NOT_JSON_RPC),
        ('"text"', Fault.NOT_JSON_RPC),
        ("null", Fault.NOT_JSON_RPC),
        ("{}", Fault.NOT_JSON_RPC),
        ('{"status":"ok"}', Fault.NOT_JSON_RPC),
        ('[{"status":"ok"}]', Fault.NOT_JSON_RPC),
        ('[{"jsonrpc":"2.0","result":true,"id":1},', Fault.NOT_JSON),
        ("[" * 100_000, Fault.NOT_JSON),
        ("[1" + "0" * 5_000 + "]", Fault.NOT_JSON),
        (
            '{"jsonrpc":"2.0","error":{"code":401,"message":"Unauthorized"},"id":null}',
            Fault.AUTH,
        ),
        (
            '{"jsonrpc":"2.0","error":{"code":403,"message":"Forbidden"},"id":null}',
            Fault.FORBIDDEN,
        ),
        (
            '{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error"},"id":null}',
            Fault.ONE_ERROR,
        ),
        ('{"jsonrpc":"2.0","result":true,"id":1}', Fault.ONE_ERROR),
        (
            "<br />\n<b>Fatal error</b>:  Maximum execution time of 30 seconds exceeded in /x",
            Fault.TIME_LIMIT,
        ),
        (
            "\nFatal error: Allowed memory size of 134217728 bytes exhausted in /x",
            Fault.MEMORY_LIMIT,
        ),
        ("<b>Fatal error</b>:  Uncaught TypeError: mb_strlen()", Fault.PHP_ERROR),
        ('<br />\n<b>Deprecated</b>: x<br />[{"jsonrpc":"2.0"}]', Fault.PHP_ERROR),
    ],
)
def test_a_broken_answer_leaves_every_call_open(body: str, fault: Fault) -> None:
    answers = decode(CALLS, 1, body)
    assert faults(answers) == [fault] * 3
    assert all(isinstance(answer, NoAnswer) and answer.sent for answer in answers)


def test_no_secret_of_a_row_gets_past_parsing() -> None:
    row = {"id": 1, "username": "ada", **dict.fromkeys(SECRET_KEYS, "$2y$10$hash")}
    body = json.dumps([ok(1, [row]), ok(2, {"5": {"deep": [row]}}), ok(3, row)])
    answers = decode(CALLS, 1, body)
    assert "hash" not in repr(answers)
    assert answers[2] == CallResult({"id": 1, "username": "ada"})


columns = st.sampled_from(sorted({"id", "username", "name", "is_active", "theme", *SECRET_KEYS}))
scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=3), st.floats(allow_nan=False)
)
odd_rows = st.dictionaries(columns, scalars | st.dictionaries(columns, scalars, max_size=2))
texts, flags = st.none() | st.text(max_size=3), st.sampled_from([None, True, 0, 1, "1", "f"])
usual_rows = st.fixed_dictionaries(
    {"id": st.integers() | st.just("7"), "username": texts},
    optional=dict.fromkeys(("name", "theme", *SECRET_KEYS), texts) | {"is_active": flags},
)


@given(
    st.lists(st.none() | usual_rows, max_size=4)
    | st.lists(st.one_of(usual_rows, odd_rows, scalars, st.lists(odd_rows, max_size=2)), max_size=4)
)
def test_rows_of_users_are_told_as_all_answers_are_but_for_columns_of_no_use(
    results: list[Any],
) -> None:
    body = json.dumps([ok(number, result) for number, result in enumerate(results, 7)])
    used = {"id", *(field.column for field in USER_FIELDS)}

    def usable(answer: Answer) -> Any:
        assert isinstance(answer, CallResult)
        if not isinstance(answer.value, dict):
            return answer.value
        assert SECRET_KEYS.isdisjoint(answer.value)
        # An object that is empty would mean that there is no such user.
        there = {"there": bool(answer.value)}
        return there | {name: value for name, value in answer.value.items() if name in used}

    told = decode([api.get_user(1)] * len(results), 7, body)
    of_all = decode([Call("getVersion")] * len(results), 7, body)
    # As text, since to Python True is 1.
    one, other = (json.dumps(list(map(usable, each)), sort_keys=True) for each in (told, of_all))
    assert one == other


def test_a_password_never_shows_in_a_repr() -> None:
    shown = repr(api.create_user("ada", "correct-horse", name="Ada"))
    assert "correct-horse" not in shown
    assert MASK in shown
    assert "username='ada'" in shown


# --- whatever comes -------------------------------------------------------------------------------

foreign_ids = st.one_of(
    st.none(), st.booleans(), st.text(max_size=3), st.floats(allow_nan=False), st.integers(-9, 0)
)


@given(st.data(), st.integers(1, 2**31), st.integers(1, 8))
def test_an_answer_is_never_paired_with_another_call(
    data: st.DataObject, first_id: int, count: int
) -> None:
    calls = [Call("getUser", {"user_id": number}) for number in range(count)]
    right = [ok(first_id + index, f"answer {index}") for index in range(count)]
    items: list[Any] = []
    for item in data.draw(st.lists(st.sampled_from(right), max_size=2 * count)):
        match data.draw(st.sampled_from(["keep", "keep", "id", "drop", "other"])):
            case "keep":
                items.append(item)
            case "id":
                items.append({**item, "id": data.draw(foreign_ids)})
            case "drop":
                key = data.draw(st.sampled_from(sorted(item)))
                items.append({name: value for name, value in item.items() if name != key})
            case _:
                items.append(data.draw(st.one_of(st.none(), st.integers(), st.text(max_size=3))))
    answers = decode(calls, first_id, json.dumps(items))
    assert len(answers) == count
    for index, answer in enumerate(answers):
        assert not isinstance(answer, RefusedCall)
        if isinstance(answer, CallResult):
            assert answer.value == f"answer {index}"
            # As text, since to Python the id True is the id 1.
            assert list(map(json.dumps, items)).count(json.dumps(right[index])) == 1


@given(st.permutations(range(6)), st.sets(st.integers(0, 5)))
def test_any_order_and_any_part_of_the_answers_is_told_right(
    order: list[int], kept: set[int]
) -> None:
    calls = [Call("getUser", {"user_id": number}) for number in range(6)]
    body = json.dumps([ok(10 + index, index) for index in order if index in kept])
    for index, answer in enumerate(decode(calls, 10, body)):
        assert (answer == CallResult(index)) if index in kept else isinstance(answer, NoAnswer)


@given(st.data())
def test_an_answer_that_is_cut_off_anywhere_answers_nothing(data: st.DataObject) -> None:
    body = json.dumps([ok(number, "x") for number in (1, 2, 3)])
    end = data.draw(st.integers(0, len(body) - 1))
    assert all(isinstance(answer, NoAnswer) for answer in decode(CALLS, 1, body[:end]))


@given(st.text(max_size=40))
def test_no_text_breaks_decoding(body: str) -> None:
    assert len(decode(CALLS, 1, body)) == 3
