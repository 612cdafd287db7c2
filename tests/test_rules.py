"""The rules judge as the recorded server did, and more strictly only where that was a mistake."""

import json
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kanport.catalogue import FINDINGS
from kanport.facts import Fact
from kanport.messages import fields_of
from kanport.names import compare_key
from kanport.rules import (
    app_role_problem,
    control_problem,
    email_problem,
    is_app_role,
    is_project_role,
    name_problem,
    password_problem,
    project_role_problem,
    strip_blanks,
    suspicious_problem,
    username_problem,
)

RECORDINGS = sorted((Path(__file__).parent / "contract" / "recordings").glob("*.json"))
PARAMETERS = {
    "createUser": ("username", "password", "name", "email", "role"),
    "updateUser": ("id", "username", "name", "email", "role"),
    "addProjectUser": ("project_id", "user_id", "role"),
    "changeProjectUserRole": ("project_id", "user_id", "role"),
}
BY_FIELD = {
    "username": username_problem,
    "password": password_problem,
    "name": name_problem,
    "email": email_problem,
    "role": app_role_problem,
}


def calls(recording: Path) -> Iterator[tuple[str, dict[str, Any], Any]]:
    """Give method, named parameters and result of each call that the server judged."""
    for exchange in json.loads(recording.read_text(encoding="utf-8"))["exchanges"]:
        sent, answered = exchange["request"], exchange["response"]
        several = isinstance(sent, list)
        answers = answered if isinstance(answered, list) else [answered]
        by_id = {answer["id"]: answer for answer in answers if isinstance(answer, dict)}
        for call in sent if several else [sent]:
            if not isinstance(call, dict) or "result" not in by_id.get(call.get("id"), {}):
                continue
            given_params = call.get("params", {})
            if isinstance(given_params, list):
                names = PARAMETERS.get(call["method"], ())
                given_params = dict(zip(names, given_params, strict=False))
            yield call["method"], given_params, by_id[call["id"]]["result"]


def errors_of(values: dict[str, Any]) -> list[Fact]:
    problems = [
        problem
        for name, check in BY_FIELD.items()
        if isinstance(values.get(name), str) and (problem := check(values[name])) is not None
    ]
    return [problem for problem in problems if FINDINGS[problem.code].severity == "error"]


def judged(recording: Path, method: str) -> Iterator[tuple[dict[str, Any], bool]]:
    for name, params, result in calls(recording):
        if name == method:
            yield params, result is not False


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: path.stem)
def test_whoever_the_server_refused_to_create_is_refused_here(recording: Path) -> None:
    taken = {"admin"}
    refused = 0
    for values, created in judged(recording, "createUser"):
        username = compare_key(str(values["username"]))
        if not created and username not in taken:
            refused += 1
            assert errors_of(values), values
        if created:
            taken.add(username)
    assert refused > 0 or "access" in recording.stem


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: path.stem)
def test_whoever_the_server_rightly_created_is_allowed_here(recording: Path) -> None:
    created = [values for values, done in judged(recording, "createUser") if done]
    assert created
    stricter = [values["username"] for values in created if errors_of(values)]
    # The server made a user without a name of these blanks.
    assert stricter in (["   "], [])


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda path: path.stem)
def test_updates_are_judged_as_the_server_did(recording: Path) -> None:
    taken = {compare_key(str(values["username"])) for values, _ in judged(recording, "createUser")}
    for values, done in judged(recording, "updateUser"):
        clash = "username" in values and compare_key(values["username"]) in taken
        assert bool(errors_of(values)) == (not done) or (clash and not done), values


def test_project_roles_that_the_server_stored_without_knowing_them_are_refused() -> None:
    said = {
        role
        for recording in RECORDINGS
        for method, params, result in calls(recording)
        if method in ("addProjectUser", "changeProjectUserRole") and result is True
        if (role := params.get("role")) is not None
    }
    assert {"project-manager", "weird-role"} <= said
    assert is_project_role("project-manager")
    assert not is_project_role("weird-role")
    assert is_project_role("weird-role", ["weird-role"])


# --- usernames ------------------------------------------------------------------------------------


@pytest.mark.parametrize("blanks", ["", " ", "\t\n", "\0", " \0 ", "\u00a0", "\u200b \ufeff"])
def test_a_username_of_blanks_alone_is_empty(blanks: str) -> None:
    assert code(username_problem(blanks)) == "username-empty"


@pytest.mark.parametrize(
    ("username", "expected"),
    [
        ("ada", None),
        ("0", None),
        ("jürgen", None),
        ("😀" * 191, None),
        ("ä" * 192, "username-too-long"),
        (" ada", "username-odd"),
        ("ada\u00a0", "username-odd"),
        ("ada lovelace", "username-odd"),
        ("ada:l", "username-odd"),
        ("jürgen:l", "username-odd"),
        ("a\u200bda", "username-odd"),
        ("ad\na", "cell-control"),
        ("ad\x00a", "cell-control"),
        ("ad\udc00a", "cell-control"),
        ("jsonrpc", "username-reserved"),
        ("JSONRPC", None),
    ],
)
def test_usernames(username: str, expected: str | None) -> None:
    assert code(username_problem(username)) == expected


# --- names and addresses --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("", None),
        ("<b>x</b> & 'q' 😀", None),
        ("ä" * 255, None),
        ("ä" * 256, "name-too-long"),
        ("Ada\nLovelace", "cell-control"),
    ],
)
def test_names(name: str, expected: str | None) -> None:
    assert code(name_problem(name)) == expected


@pytest.mark.parametrize(
    "address",
    [
        "",
        "a@bc",
        "a@localhost",
        ".@--",
        "..a..@example.org",
        "a+tag@example.co.uk",
        "o'brien@example.org",
        "!#$%&'*+-/=?^_`{|}~@example.org",
        "A@1.2",
        "a@-.-",
    ],
)
def test_addresses_that_kanboard_takes(address: str) -> None:
    assert email_problem(address) is None


@pytest.mark.parametrize(
    "address",
    [
        "nope",
        "@example.org",
        "a@",
        "a@b",
        "a@.b",
        "a@b.",
        "a@b..c",
        "a@b@c",
        "a b@example.org",
        "a@example.org ",
        "ä@example.org",
        "a@exämple.org",
        "a@ä",
        '"q"@example.org',
        "a@[1.2.3.4]",
        "a@ex_ample.org",
        "a@example.org\n",
        "a,b@example.org",
        "a@example.org\0",
    ],
)
def test_addresses_that_kanboard_refuses(address: str) -> None:
    assert code(email_problem(address)) == "email-invalid"


def test_an_address_longer_than_the_column_is_refused() -> None:
    address = "a@" + "b" * 253
    assert email_problem(address) is None
    assert code(email_problem(address + "b")) == "email-too-long"


@given(st.text())
def test_no_text_breaks_a_rule(text: str) -> None:
    for check in (*BY_FIELD.values(), control_problem, project_role_problem):
        problem = check(text)
        assert problem is None or problem.code in FINDINGS


@given(st.text(alphabet=st.characters(max_codepoint=0x2100)))
def test_what_is_stripped_has_no_blank_at_its_ends(text: str) -> None:
    bare = strip_blanks(text)
    assert bare in text
    assert bare == "" or not any(end.isspace() or end == "\u200b" for end in (bare[0], bare[-1]))


@pytest.mark.parametrize(
    ("check", "text", "case"),
    [
        (control_problem, "a\nb", "line-break"),
        (control_problem, "a\u2028b", "line-break"),
        (control_problem, "a\tb", "tab"),
        (control_problem, "a\0b", ""),
        (username_problem, " ada", "blanks"),
        (username_problem, "17.0", "decimals"),
        (username_problem, "ada l", ""),
        (email_problem, "ada", "no-at"),
        (email_problem, "@x.org", "no-name"),
        (email_problem, "ä@x.org", "name"),
        (email_problem, "a@b", "domain-short"),
        (email_problem, "a@b_c.org", "domain"),
        (email_problem, "a@b..org", "dots"),
        (suspicious_problem, "аnna", "lookalike"),
        (suspicious_problem, "annaд", ""),
        (app_role_problem, "zzz", ""),
        (app_role_problem, "admin", "near"),
    ],
)
def test_a_problem_says_which_part_of_the_rule_it_is(
    check: Callable[[str], Fact | None], text: str, case: str
) -> None:
    problem = check(text)
    assert problem is not None and problem.case == case
    assert problem.text


def test_a_secret_value_that_a_rule_refuses_shows_nothing_of_it() -> None:
    worded = [kind.texts["secret"] for kind in FINDINGS.values() if "secret" in kind.texts]
    shown = {name for texts in worded for text in texts for name in fields_of(text)}
    assert len(worded) > 10
    assert shown <= {"what", "wanted", "columns"}


# --- passwords ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("password", "expected"),
    [
        ("12345", "password-too-short"),
        ("123456", None),
        ("пароль", None),
        ("😀" * 6, None),
        ("a" * 72, None),
        ("a" * 73, "password-too-long"),
        ("ä" * 36, None),
        ("ä" * 37, "password-too-long"),
        ("secret\0word", "password-invalid"),
        ("secret\nword", "password-invalid"),
        ("secret\udc00word", "password-invalid"),
        ("a lost \ufffd letter", "password-invalid"),
        (" blanks are kept ", None),
    ],
)
def test_passwords(password: str, expected: str | None) -> None:
    assert code(password_problem(password)) == expected


@given(st.text(min_size=3))
def test_no_problem_with_a_password_shows_it(password: str) -> None:
    problem = password_problem("§§§" + password)
    if problem is not None:
        assert "§§§" not in repr(problem)


# --- roles ----------------------------------------------------------------------------------------


def test_roles_are_spelled_exactly() -> None:
    assert [role for role in ("app-admin", "App-Admin", "admin", "") if is_app_role(role)] == [
        "app-admin"
    ]
    assert not is_project_role("", [""])
    assert not is_project_role("Tester", ["tester"])


@pytest.mark.parametrize(
    ("role", "hint"),
    [
        ("APP-USER", "did you mean app-user?"),
        ("manager", "did you mean app-manager?"),
        ("app-amdin", "did you mean app-admin?"),
        ("zzz", "the roles are app-admin, app-manager, app-user"),
    ],
)
def test_an_unknown_role_comes_with_a_hint(role: str, hint: str) -> None:
    problem = app_role_problem(role)
    assert problem is not None
    assert problem.hint == hint


def test_there_are_recordings() -> None:
    assert len(RECORDINGS) == 5
    assert len(list(chain.from_iterable(map(calls, RECORDINGS)))) > 500


def code(problem: Fact | None) -> str | None:
    return None if problem is None else problem.code
