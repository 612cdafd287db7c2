"""JSON-RPC 2.0 envelopes: calls into one request, one answer to each call. No I/O.

Kanboard's habits that this copes with (contract recordings, facts C2): one error object in the
place of a whole batch's answers, answers whose items lack an id, HTML with status 200.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import repeat, starmap
from operator import itemgetter
from types import MappingProxyType
from typing import Any, NamedTuple

from pydantic_core import SchemaValidator, ValidationError, to_json
from pydantic_core import core_schema as schema

from kanport.facts import fact
from kanport.fields import USER_FIELDS, USERNAME, Holds
from kanport.kanboard.faults import METHOD_NOT_FOUND, Fault, NoAnswer, Refusal, RefusedCall
from kanport.kanboard.redact import judge_error, judge_page
from kanport.messages import MASK

__all__ = [
    "METHOD_NOT_FOUND",
    "Answer",
    "Call",
    "CallResult",
    "Calls",
    "Fault",
    "NoAnswer",
    "Refusal",
    "RefusedCall",
    "decode",
    "encode",
]

# Keys of rows that hold a hash or a token. They are dropped while the answer is parsed, so that
# nothing behind this module ever holds them (kanboard/kanboard#5877: getUser, getAllUsers and
# getGroupMembers hand them out).
SECRET_KEYS = frozenset({"password", "twofactor_secret", "api_access_token", "token"})
# Without one of these, JSON has none of the keys: what escapes an ASCII letter begins with "\\u00".
_SECRET_TEXTS = (*(f'"{key}"' for key in sorted(SECRET_KEYS)), "\\u00")
_NO_PARAMS: Mapping[str, Any] = MappingProxyType({})
# What answers with one user's row. Most of its columns are of no use and take as long to parse.
_USER_ROW = frozenset({"getUser", "getUserByName"})


class Call(NamedTuple):
    """One call of a procedure with named parameters. Secret parameters never show in a repr."""

    method: str
    params: Mapping[str, Any] = _NO_PARAMS

    def __repr__(self) -> str:
        shown = (
            f", {name}={MASK if name in SECRET_KEYS else repr(value)}"
            for name, value in self.params.items()
        )
        return f"Call({self.method}{''.join(shown)})"


class Calls(Sequence[Call]):
    """Calls of one procedure, each made when it is sent, so that no server waits for the last."""

    def __init__(self, make: Callable[..., Call], arguments: Sequence[tuple[Any, ...]]) -> None:
        self._make = make
        self._arguments = arguments

    def __len__(self) -> int:
        return len(self._arguments)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return Calls(self._make, self._arguments[index])
        return self._make(*self._arguments[index])

    def __iter__(self) -> Iterator[Call]:
        return starmap(self._make, self._arguments)


class CallResult(NamedTuple):
    """The server answered a call; secret keys of rows are gone from the value."""

    value: Any


Answer = CallResult | RefusedCall | NoAnswer


def encode(calls: Sequence[Call], first_id: int) -> bytes:
    """Return the body of a batch request; the calls get the ids from `first_id` on, in order.

    A batch of one is a batch all the same, so that its answer is an array too.
    """
    envelopes: list[dict[str, Any]] = [
        {"jsonrpc": "2.0", "method": method, "id": number, "params": params}
        if params
        else {"jsonrpc": "2.0", "method": method, "id": number}
        for number, (method, params) in enumerate(calls, first_id)
    ]
    # Takes a third of what json.dumps does.
    return to_json(envelopes)


def decode(calls: Sequence[Call], first_id: int, body: str) -> list[Answer]:
    """Return one answer to each call, in the order of the calls, out of the body of a response.

    An answer is taken only where exactly one item of the array has the call's id and is well
    formed. Every other call gets NoAnswer with the reason: it may have been done or not.
    """
    items = _user_rows(calls, body) or _items(body)
    if isinstance(items, NoAnswer):
        return [items] * len(calls)
    values = _values_in_order(items, first_id, len(calls))
    if values is not None:
        # As `Result(value)` for each, without a call of Python code for each.
        return list(map(tuple.__new__, repeat(CallResult), zip(values)))
    found: dict[int, list[Answer]] = {}
    strange = 0
    for item in items:
        number = _id_of(item)
        if number is None or not 0 <= number - first_id < len(calls):
            strange += 1
        else:
            found.setdefault(number - first_id, []).append(_answer(item))
    if strange:
        missing = NoAnswer(fact("answer-missing", case="strange", n=strange))
    else:
        missing = NoAnswer(fact("answer-missing"))
    twice = NoAnswer(fact("answer-missing", case="twice"))
    return [
        missing if (mine := found.get(index)) is None else mine[0] if len(mine) == 1 else twice
        for index in range(len(calls))
    ]


_PARTS = itemgetter("id", "jsonrpc", "result")


def _values_in_order(items: list[Any], first_id: int, count: int) -> Sequence[Any] | None:
    """Return the results where each call has exactly one, in the order of the calls, else None.

    This is how nearly every answer looks, so it is checked without a look at each item.
    """
    try:
        ids, versions, values = zip(*map(_PARTS, items), strict=True)
    except (KeyError, TypeError, ValueError):
        return None
    ordered = ids == tuple(range(first_id, first_id + count)) and set(map(type, ids)) == {int}
    plain = versions.count("2.0") == count and set(map(len, items)) == {
        len(("id", "jsonrpc", "result"))
    }
    return values if ordered and plain else None


def _user_rows(calls: Sequence[Call], body: str) -> list[Any] | None:
    """Return the items of a plain answer to calls that ask for users; None for any other answer.

    Rows have only the columns that Kanport uses: Python never holds the others, hashes among them.
    """
    if not {call.method for call in calls} <= _USER_ROW:
        return None
    try:
        items: list[Any] = _ROWS.validate_json(body)
    except ValidationError:
        return None
    return items


def _rows_schema() -> schema.ListSchema:
    """Return the form of answers with a user's row each, which holds no list and no object."""
    text, number = schema.str_schema(strict=True), schema.int_schema(strict=True)
    # SQLite and MySQL with PHP before 8.1 have text for a number.
    other = schema.nullable_schema(
        schema.union_schema([number, text, schema.bool_schema(strict=True)], mode="left_to_right")
    )
    columns = {
        one.column: other if one.holds is Holds.FLAG else schema.nullable_schema(text)
        for one in USER_FIELDS
    }
    row = schema.typed_dict_schema(
        {
            # What lacks one of these is no row of a user.
            name: schema.typed_dict_field(form, required=name in ("id", USERNAME.column))
            for name, form in ({"id": other} | columns).items()
        },
        extra_behavior="ignore",
    )
    parts = {
        "id": number,
        "jsonrpc": schema.literal_schema(["2.0"]),
        "result": schema.nullable_schema(row),
    }
    return schema.list_schema(
        schema.typed_dict_schema(
            {name: schema.typed_dict_field(form) for name, form in parts.items()},
            extra_behavior="forbid",
        )
    )


_ROWS = SchemaValidator(_rows_schema())


def _items(body: str) -> list[Any] | NoAnswer:
    text = body.strip("\ufeff \t\r\n")
    if not text:
        return NoAnswer(fact("answer-broken", case="empty"), fault=Fault.EMPTY)
    if text[0] not in "[{":
        return _no_json(text)
    try:
        # The hook costs more than all the rest, and most answers are a word for each call.
        hook = _without_secrets if any(one in text for one in _SECRET_TEXTS) else None
        parsed = json.loads(text, object_hook=hook)
    except (ValueError, RecursionError):
        # Without its cause: that holds the text of the answer.
        return NoAnswer(fact("answer-broken"), fault=Fault.NOT_JSON)
    if isinstance(parsed, list):
        if parsed and not any(isinstance(item, dict) and "jsonrpc" in item for item in parsed):
            return _NOT_JSON_RPC
        return parsed
    return _single(parsed)


def _no_json(text: str) -> NoAnswer:
    fault, reason = judge_page(text)
    return NoAnswer(reason, fault=fault)


_NOT_JSON_RPC = NoAnswer(fact("answer-not-kanboard", case="json"), fault=Fault.NOT_JSON_RPC)


def _single(parsed: Any) -> NoAnswer:
    # Where one item of a batch is refused with 401 or 403, Kanboard answers with one object for
    # the whole batch; the items before it were done.
    if not isinstance(parsed, dict) or parsed.get("jsonrpc") != "2.0":
        return _NOT_JSON_RPC
    refused = _refused(parsed.get("error"))
    if refused is None:
        return NoAnswer(fact("one-answer-for-all"), fault=Fault.ONE_ERROR)
    fault = {401: Fault.AUTH, 403: Fault.FORBIDDEN}.get(refused.code, Fault.ONE_ERROR)
    why = fact("one-answer-for-all", case="error", error=refused.reason)
    return NoAnswer(why, fault=fault)


def _id_of(item: Any) -> int | None:
    number = item.get("id") if isinstance(item, dict) else None
    return number if type(number) is int else None


def _answer(item: dict[str, Any]) -> Answer:
    if item.get("jsonrpc") == "2.0":
        if "result" in item and "error" not in item:
            return CallResult(item["result"])
        refused = _refused(item.get("error"))
        if refused is not None and "result" not in item:
            if refused.kind is Refusal.PASSING:
                return NoAnswer(refused.reason, fault=Fault.BUSY)
            return refused
    return NoAnswer(fact("answer-missing", case="malformed"))


def _refused(error: Any) -> RefusedCall | None:
    code = error.get("code") if isinstance(error, dict) else None
    if type(code) is not int:
        return None
    return judge_error(code, error.get("message"), error.get("data"))


def _without_secrets(row: dict[str, Any]) -> dict[str, Any]:
    if not SECRET_KEYS.isdisjoint(row):
        for key in SECRET_KEYS:
            row.pop(key, None)
    return row
