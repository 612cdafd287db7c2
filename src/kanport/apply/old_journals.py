"""What journals of earlier versions say in sentences, as facts. Nothing else reads sentences.

Version 0.1.0 wrote only the wording of why a change was not made and why a run stopped. A sentence
that is not known here stays as it was written.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from kanport.facts import Fact, Param, as_written, fact


def upgraded(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a record with what this version looks at: codes with parameters, and typed answers."""
    if "code" in record or "results" in record:
        return record
    for name in ("reason", "stopped"):
        if name in record:
            return {**record, **fact_of(record[name]).to_dict()}
    if "answers" in record:
        return {**record, "results": [result_of(text) for text in record["answers"]]}
    return record


def result_of(text: str) -> Any:
    """Return an answer as records of this version hold it.

    >>> result_of("id 12"), result_of("true"), result_of("never sent: nothing listens")["sent"]
    (12, True, False)
    """
    kind, _, rest = text.partition(" ")
    if text in ("true", "false"):
        return text == "true"
    if kind in ("id", "error") and rest.removeprefix("-").isdecimal():
        return int(rest) if kind == "id" else {"error": int(rest)}
    if kind == "none:" or text.startswith("never sent: "):
        return {"sent": kind == "none:"}
    return None


def fact_of(text: str) -> Fact:
    """Return what a sentence of version 0.1.0 means.

    >>> fact_of("it was sent, and what became of it is not known").code
    'sent-unknown'
    >>> fact_of("whatever else it says").code
    'as-written'
    """
    for pattern, make in _SENTENCES:
        if found := pattern.fullmatch(text):
            return make(**found.groupdict())
    return as_written(text)


def _plain(code: str, *, case: str = "") -> Callable[..., Fact]:
    return lambda **params: fact(code, case=case, **params)


def _nested(code: str, *inner: str, case: str = "") -> Callable[..., Fact]:
    """Return a function that makes a fact; its parameters in `inner` are sentences themselves."""

    def make(**params: str) -> Fact:
        read: dict[str, Param] = {
            name: fact_of(value) if name in inner else value for name, value in params.items()
        }
        return fact(code, case=case, **read)

    return make


def _found(code: str, case: str) -> Callable[..., Fact]:
    """Return a function that makes a fact with a list of what was found; `answer` is a sentence."""

    def make(found: str, **params: str) -> Fact:
        several = tuple(map(fact_of, found.split("; ")))
        read: dict[str, Param] = {
            name: fact_of(value) if name == "answer" else value for name, value in params.items()
        }
        return fact(code, case=case, found=several, **read)

    return make


def _through(groups: str, role: str) -> Fact:
    names = tuple(groups.split(", "))
    return fact("still-through-group", case="groups", role=role, groups=names, n=len(names))


_SENTENCES = [
    (re.compile(pattern, re.DOTALL), make)
    for pattern, make in (
        ("stopped by a signal", _plain("stopped-by-signal")),
        (
            "stopped, because the run took longer than its deadline",
            _plain("stopped-by-deadline"),
        ),
        ("stopped, because too many items failed", _plain("stopped-by-errors")),
        (
            "the journal (?P<path>.+) cannot be written: (?P<error>.+)",
            _plain("journal-broken"),
        ),
        (
            "the passwords file (?P<path>.+) cannot be written: (?P<error>.+)",
            _plain("passwords-broken"),
        ),
        (
            r"The server cannot be reached any more: (?P<answer>.+)\.",
            _nested("server-lost", "answer"),
        ),
        (
            r"What (?P<change>c\d+) did cannot be read back: (?P<found>.+)\.",
            _nested("cannot-read-back", "found"),
        ),
        ("the run was cut off", _plain("cut-off")),
        ("the run was cut off, and the rest left to the next one", _plain("left-to-next-run")),
        (
            "it was sent, and did not take effect before the run was cut off",
            _plain("sent-in-vain"),
        ),
        ("it was sent, and what became of it is not known", _plain("sent-unknown")),
        ("(?P<last>.+); not tried again, as the run ended", _nested("not-tried-again", "last")),
        (
            "the server has changed since the plan was made: (?P<found>.+)",
            _nested("changed-since-plan", "found"),
        ),
        (
            "checked again right before: (?P<verdict>.+)",
            _nested("checked-again", "verdict"),
        ),
        (
            "not tried, as Kanboard cannot take users from its own LDAP: (?P<first>.+)",
            _nested("kanboard-ldap-fails", "first"),
        ),
        ("the project (?P<project>.+) was not created", _plain("not-created", case="project")),
        ("the group (?P<group>.+) was not created", _plain("not-created", case="group")),
        (r"(?P<username>\S+) was not created", _plain("not-created", case="user")),
        (
            "the username (?P<username>.+) is not free, as its user was not renamed",
            _plain("username-not-free"),
        ),
        (
            "the username (?P<username>.+) is not free, as its user was not renamed; until the next"
            " run gives it to them, they are called (?P<temporary>.+)",
            _plain("username-not-free", case="temporary"),
        ),
        (
            "the user did not get the temporary username (?P<username>.+)",
            _plain("not-renamed-first"),
        ),
        (
            "the server refused it and does not say why; (?P<found>.+)",
            _found("rejected", "silent-found"),
        ),
        (
            r"the server refused it \((?P<answer>.+?)\); (?P<found>.+)",
            _found("rejected", "error-found"),
        ),
        ("the server refused it: (?P<found>.+)", _found("rejected", "found")),
        ("the server said yes, but (?P<found>.+)", _found("no-effect", "found")),
        (
            r"the server never answered it \((?P<answer>.+?)\); (?P<found>.+)",
            _found("never-answered", "found"),
        ),
        (
            "still a member through (?:group|one of the groups) (?P<groups>.+); the role is"
            " (?P<role>[^;]+)",
            _through,
        ),
        (
            "still a member through a group; the role is (?P<role>[^;]+)",
            _plain("still-through-group"),
        ),
        ("there is no such user", _plain("not-there", case="user")),
        ("there is no such group", _plain("not-there", case="group")),
        ("there is no such project", _plain("not-there", case="project")),
        ("the role is (?P<role>[^;]+)", _plain("role-now")),
        ("there is no role", _plain("role-now", case="none")),
    )
]
