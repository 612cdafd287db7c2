"""What Kanport makes of a case, as plain data; nothing here knows how it is computed."""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from contextlib import chdir
from dataclasses import fields
from pathlib import Path
from typing import Any
from unittest.mock import patch

from kanport import ledger
from kanport.errors import KanportError
from kanport.explain import Explanation, Known, explain_person
from kanport.explain.notes import as_dict
from kanport.findings import Finding
from kanport.mapping import load_mapping
from kanport.memory import NOTHING
from kanport.model import (
    CurrentState,
    DesiredState,
    Given,
    LdapPassword,
    PasswordCell,
    RandomPassword,
    Unknown,
)
from kanport.normalize import read_passwords
from kanport.origin import Origin
from kanport.pipeline import planning
from kanport.pipeline.inputs import Inputs, inputs_of, read_tables
from kanport.plan.model import Plan
from kanport.plan.plan_file import without_wordings
from kanport.relations import About
from tests.recorded.cases import LEDGER, NOW, Case
from tests.recorded.server import URL
from tests.support.planning import plan_for

WHEN = 1_780_000_000
"""When every file was changed last (seconds since 1970): a plan names it."""


_ABOUT = {
    About.USER: "user",
    About.MEMBERSHIP: "project",
    About.GROUP_MEMBER: "group",
    About.GROUP_ACCESS: "access",
}
"""What the recordings call what a blocker is about."""


def recorded(case: Case, folder: Path) -> dict[str, Any]:
    """Write the files of a case into an empty folder, do everything with them, and return it.

    What is worded comes from the facts, which are recorded, so the wordings themselves are not.
    """
    write(case, folder)
    with chdir(folder):
        try:
            mapping = load_mapping(Path("map.yaml"))
            tables = case.tables or read_tables(mapping)
            inputs = inputs_of(mapping, tables)
        except KanportError as problem:
            return {"error": _error(problem)}
        made: dict[str, Any] = {
            "exit": int(inputs.exit_code),
            "findings": [_finding(finding) for finding in inputs.findings],
            "desired": _desired(inputs.desired),
            "sources": [
                ref.model_dump(mode="json", exclude=None if ref.files else {"files"})
                for ref in inputs.source_refs
            ],
        }
        names = [user.username.value for user in inputs.desired.users]
        passwords = read_passwords(mapping, tables, names)
        made["passwords"] = {name: text.get_secret_value() for name, text in passwords.items()}
        try:
            plan, asked = _planned(case, inputs)
        except KanportError as problem:
            made["plan"] = {"error": _error(problem)}
            return made
        made["asked"] = asked
        made["plan"] = _plan(plan)
        known = Known(mapping, tables, inputs.desired, inputs.findings, plan, case.state)
        made["explained"] = [_explained(known, who) for who in case.people]
        return made


def write(case: Case, folder: Path) -> None:
    """Write the mapping of a case, its files and its ledger."""
    text = json.dumps(case.mapping, indent=1, ensure_ascii=False)
    (folder / "map.yaml").write_text(text, encoding="utf-8")
    for name, data in case.files.items():
        (folder / name).write_bytes(data)
        os.utime(folder / name, (WHEN, WHEN))
    if case.learned is not None:
        ledger.record(folder / LEDGER, URL, case.learned, now=case.learned.planned_at)
    if case.good is not None:
        ledger.record_good(folder / LEDGER, URL, case.good)


def _planned(case: Case, inputs: Inputs) -> tuple[Plan, list[Any]]:
    """Return the plan against the server of the case, and what that server was asked for."""
    if case.tables:
        # A plan with a directory would ask it once more.
        memory = ledger.recall(inputs.ledger, URL) if inputs.ledger is not None else NOTHING
        state, spec = case.state, inputs.mapping.spec
        return plan_for(inputs.desired, state, spec, inputs.findings, memory=memory, now=NOW), []
    asked: list[Any] = []

    def read_current(client: Any, *, choose_projects: Any, **whom: Any) -> CurrentState:
        chosen = set(choose_projects(case.state.projects))
        asked.append([sorted(chosen), *(sorted(whom[key]) for key in sorted(whom))])
        roles = {number: case.state.roles[number] for number in sorted(chosen)}
        state = case.state
        return CurrentState(
            state.server, state.users, state.projects, state.groups, roles, state.users_complete
        )

    client: Any = type("Client", (), {"url": URL})
    with patch.object(planning, "read_current", read_current):
        plan, _ = planning.plan_and_state(inputs, client, now=lambda: NOW)
    return plan, asked


# --- as plain data --------------------------------------------------------------------------------


def _error(problem: KanportError) -> dict[str, Any]:
    findings = [_finding(finding) for finding in getattr(problem, "findings", ())]
    return {"type": type(problem).__name__, "findings": findings}


def _finding(finding: Finding) -> dict[str, Any]:
    made = finding.to_dict()
    for wording in ("message", "hint"):
        made.pop(wording, None)
    return made


def _places(origins: Iterable[Origin]) -> list[str]:
    return ["|".join(f"{key}={value}" for key, value in o.to_dict().items()) for o in origins]


def _given(given: Given[Any] | None) -> Any:
    return None if given is None else [given.value, *_places(given.origins)]


def _desired(desired: DesiredState) -> dict[str, Any]:
    return {
        "users": [
            {
                "username": _given(user.username),
                "name": _given(user.name),
                "email": _given(user.email),
                "role": _given(user.role),
                "active": _given(user.active),
                "more": {key: _given(value) for key, value in sorted(user.more.items())},
                "password": _password(user.password),
                "rows": _places(user.rows),
                "stable_id": _given(user.stable_id),
                "unknown": sorted(user.unknown),
            }
            for user in desired.users
        ],
        "memberships": [
            [_given(one.holder), _given(one.target), _given(one.role), one.unlisted]
            for one in desired.memberships
        ],
        "projects_named": [_given(given) for given in desired.projects_named],
        "groups": [
            [_given(one.name), _given(one.external_id), one.members_listed]
            for one in desired.groups
        ],
        "group_members": [
            [_given(one.target), _given(one.holder), one.unlisted] for one in desired.group_members
        ],
        "group_access": [
            [_given(one.holder), _given(one.target), _given(one.role)]
            for one in desired.group_access
        ],
        "projects": [
            {
                "name": _given(one.name),
                "identifier": _given(one.identifier),
                "owner": _given(one.owner),
                "description": _given(one.description),
                "private": one.private,
                "active": one.active,
                "called": _given(one.called),
            }
            for one in desired.projects
        ],
        "every_project": desired.every_project,
        "unknown": _unknown(desired.unknown),
    }


def _password(password: RandomPassword | PasswordCell | LdapPassword) -> list[str]:
    places = _places([password.origin]) if isinstance(password, PasswordCell) else []
    return [type(password).__name__, *places]


def _unknown(unknown: Unknown) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for one in fields(Unknown):
        value = getattr(unknown, one.name)
        if one.name == "because":
            value = sorted(
                [b.kind, _ABOUT[b.about], str(b.who), str(b.what), *_places([b.origin])]
                for b in value
            )
        elif one.name == "unnamed":
            value = sorted([kind, str(what), *_places([one])] for kind, what, one in value)
        elif isinstance(value, frozenset):
            # None stands for anybody, and no key of a name is like it.
            value = sorted(
                [[*map(str, pair)] if isinstance(pair, tuple) else pair for pair in value]
            )
        made[one.name] = value
    return made


def _plan(plan: Plan) -> dict[str, Any]:
    made = without_wordings(plan)
    for key in ("created_at", "made_by", "version", "kanport"):
        made.pop(key, None)
    # They are recorded already.
    made.pop("sources", None)
    return made


def _explained(known: Known, who: str) -> Any:
    try:
        told: Explanation = explain_person(known, who)
    except KanportError as problem:
        return _error(problem)
    made: Mapping[str, Any] = as_dict(told)
    keep = ("found", "wanted", "user", "access")
    rows = [{**row, "findings": len(row["findings"])} for row in made["rows"]]
    return {
        **{key: made[key] for key in keep},
        "rows": rows,
        "changes": [change["id"] for change in made["changes"]],
        "findings": [finding["code"] for finding in made["findings"]],
    }


def digest(recording: Any) -> str:
    """Return a short text that differs where recordings do."""
    text = json.dumps(recording, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
