"""Error texts of the server never reach anybody; their kind does."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kanport.facts import Fact, fact
from kanport.kanboard.faults import Fault
from kanport.kanboard.redact import judge_error, judge_page
from kanport.kanboard.rpc import Call, NoAnswer, Refusal, RefusedCall, decode

RECORDINGS = sorted((Path(__file__).parents[1] / "contract" / "recordings").glob("*.json"))
HASH = "$2y$10$abcdefghijklmnopqrstuv"
# As PostgreSQL words it where createUser is called with a null role.
NULL_ROLE = (
    "SQL Error[23502]: SQLSTATE[23502]: Not null violation: 7 ERROR:  null value in column "
    '"role" of relation "users" violates not-null constraint\n'
    f"DETAIL:  Failing row contains (7, eve, {HASH}, f, null)."
)


def exchanges() -> Iterator[dict[str, Any]]:
    for path in RECORDINGS:
        yield from json.loads(path.read_text(encoding="utf-8"))["exchanges"]


def test_a_failing_row_never_shows_with_its_hash() -> None:
    error = {"code": 0, "message": NULL_ROLE}
    body = json.dumps([{"jsonrpc": "2.0", "error": error, "id": 1}])
    answer = decode([Call("createUser")], 1, body)[0]
    assert answer == RefusedCall(
        0, fact("sql-error", case="missing", state="23502", number=0), Refusal.DATABASE
    )


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (
            "SQL Error[HY000]: SQLSTATE[HY000]: General error: 5 database is locked",
            "SQL error, SQLSTATE HY000: the database is locked (code 0)",
        ),
        (
            'SQL Error[42601]: SQLSTATE[42601]: Syntax error: 7 ERROR: at or near "WHERE"',
            "SQL error, SQLSTATE 42601: the statement is wrong (code 0)",
        ),
        ("SQL Error[99ZZZ]: secret", "SQL error, SQLSTATE 99ZZZ (code 0)"),
        (
            "LDAP server not configured, check the parameter LDAP_SERVER",
            "no LDAP server is configured in Kanboard (code 0)",
        ),
        ("anything with a secret", "an error that Kanport does not know (code 0)"),
    ],
)
def test_what_is_recognised_is_said_in_our_words(message: str, shown: str) -> None:
    assert judge_error(0, message).message == shown


def test_unknown_data_of_an_error_is_left_out() -> None:
    assert HASH not in judge_error(-32602, "Invalid params", HASH).message
    assert judge_error(-32602, HASH, ["x"]).message == "Invalid params (code -32602)"


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda path: path.stem)
def test_every_recorded_error_becomes_words_of_ours(path: Path) -> None:
    for exchange in json.loads(path.read_text(encoding="utf-8"))["exchanges"]:
        response = exchange["response"]
        items = response if isinstance(response, list) else [response]
        for item in items:
            error = item.get("error") if isinstance(item, dict) else None
            if error:
                shown = judge_error(error["code"], error["message"], error.get("data")).message
                assert shown.endswith(f"(code {error['code']})")
                assert "WHERE" not in shown
                assert "\n" not in shown


def test_every_recorded_php_page_is_told_by_its_kind() -> None:
    pages = [
        exchange["response"]
        for exchange in exchanges()
        if isinstance(exchange["response"], str) and exchange["response"].startswith("<")
    ]
    assert pages
    for page in pages:
        assert judge_page(page) == (
            Fault.PHP_ERROR,
            fact("answer-of-php", case="uncaught", error="TypeError"),
        )


def test_a_php_page_shows_nothing_of_its_text() -> None:
    page = f"<br />\n<b>Warning</b>:  password_hash({HASH}) in /srv/secret/UserModel.php"
    answer = decode([Call("createUser")], 1, page)[0]
    assert isinstance(answer, NoAnswer)
    assert answer.reason == fact("answer-of-php", case="error", error="warning")


@pytest.mark.parametrize(
    ("page", "kind"),
    [
        (
            "<b>Fatal error</b>:  Maximum execution time of 30 seconds exceeded in <b>/x</b>",
            (Fault.TIME_LIMIT, fact("answer-of-php", case="time-limit", seconds="30")),
        ),
        (
            "<b>Fatal error</b>:  Allowed memory size of 134217728 bytes exhausted (tried to …",
            (Fault.MEMORY_LIMIT, fact("answer-of-php", case="memory-limit-of", mib=128)),
        ),
        (
            "PHP Fatal error:  Uncaught PDOException: SQLSTATE[08006] secret",
            (Fault.PHP_ERROR, fact("answer-of-php", case="uncaught", error="PDOException")),
        ),
        (
            "<b>Fatal error</b>:  Uncaught Kanboard\\Core\\Ldap\\LogicException: secret",
            (Fault.PHP_ERROR, fact("answer-of-php", case="uncaught", error="LogicException")),
        ),
        (
            "<html><body>Sign in</body></html>",
            (Fault.HTML, fact("answer-not-kanboard", case="page")),
        ),
    ],
)
def test_a_page_is_told_by_its_kind(page: str, kind: tuple[Fault, Fact]) -> None:
    assert judge_page(page) == kind
