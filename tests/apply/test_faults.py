"""Every fault at every request of a run, before and after the server acted: the end state is right.

The faults come from the server itself, so that they are real answers on a real connection.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from kanport.apply.engine import Options
from kanport.apply.journal import load_journal
from kanport.cli.running import exit_for_run
from kanport.config import resolve_settings
from kanport.errors import Exit
from kanport.kanboard.client import Client
from kanport.outcome import Run, Status
from kanport.pipeline import Execution, apply_plan, resume_run
from kanport.plan.model import Action, Plan
from kanport.sandbox import Fault, Reply, Sandbox, SandboxOptions, Snapshot, web_page
from tests.apply.plans import change, grant, new_user, plan_of

JSON = "application/json"
PHP = "<br />\n<b>Fatal error</b>:  Maximum execution time of 30 seconds exceeded in <b>x</b><br />"


def rpc(*items: object) -> Reply:
    return Reply(200, JSON, json.dumps(items).encode())


def error(code: int, message: str) -> bytes:
    body = {"jsonrpc": "2.0", "error": {"code": code, "message": message}, "id": None}
    return json.dumps(body).encode()


LOCKED = "SQL Error[SQLSTATE[HY000]: General error: 5 database is locked]"
FAULTS: dict[str, Reply | None] = {
    "the connection is reset": None,
    "401": Reply(401, JSON, error(401, "Unauthorized"), {"WWW-Authenticate": "Basic"}),
    "403": Reply(403, JSON, error(403, "Forbidden")),
    "413": web_page(413, "Request Entity Too Large"),
    "429": Reply(429, "text/plain", b"slow down", {"Retry-After": "1"}),
    "503": Reply(503, "text/html", b"<html>busy</html>", {"Retry-After": "1"}),
    "500 and nothing": Reply(500, "text/html", b""),
    "502": web_page(502, "Bad Gateway"),
    "504": web_page(504, "Gateway Timeout"),
    "PHP's time limit": Reply(200, "text/html", PHP.encode()),
    "a web page": Reply(200, "text/html", b"<html>Please log in</html>"),
    "nothing at all": Reply(200, JSON, b""),
    "half of the JSON": Reply(200, JSON, b'[{"jsonrpc":"2.0","result":tr'),
    "answers to others": rpc({"jsonrpc": "2.0", "result": True, "id": 7}),
    "no answers": rpc(),
    "one error for all": Reply(200, JSON, error(-32700, "Parse error")),
    "a locked database": Reply(200, JSON, error(0, LOCKED)),
}


@contextmanager
def prepared() -> Iterator[tuple[Sandbox, Client, Plan]]:
    """A server with a few people and a project, and a plan that changes everything."""
    with Sandbox(SandboxOptions()) as server:
        store = server.store
        project = store.add_project("Alpha", identifier="ALPHA")
        ids = {name: store.add_user(name) for name in ("off", "out", "up", "in", "gone")}
        for name in ("out", "in"):
            store.add_member(project, ids[name], "project-viewer")
        settings = resolve_settings(url=server.url, environ={"KANPORT_TOKEN": server.token})

        def of(number: int, action: Action, who: str, **parts: object) -> object:
            return change(number, action, who, user_id=ids[who], **parts)

        changes = [
            of(1, Action.USER_DISABLE, "off", before={"active": True}, after={"active": False}),
            of(2, Action.MEMBERSHIP_REVOKE, "out", project="ALPHA", project_id=project,
               before={"role": "project-viewer"}),
            *(new_user(3 + at, f"joiner{at}") for at in range(4)),
            of(7, Action.USER_UPDATE, "up", before={"name": ""}, after={"name": "Upton"}),
            of(8, Action.MEMBERSHIP_CHANGE, "in", project="ALPHA", project_id=project,
               before={"role": "project-viewer"}, after={"role": "project-manager"}),
            *(grant(9 + at, f"joiner{at}", project) for at in range(4)),
            of(13, Action.USER_REMOVE, "gone", before={"username": "gone"}),
        ]  # fmt: skip
        with Client.open(settings, sleep=lambda seconds: None, jitter=lambda: 0.0) as client:
            yield server, client, plan_of(*changes, url=client.url)  # type: ignore[arg-type]


def end_state(server: Sandbox) -> Snapshot:
    """Give what the server holds, but for ids: who is made first when something is sent again."""
    there = server.store.snapshot()
    return replace(there, users={name: replace(user, id=0) for name, user in there.users.items()})


OPTIONS = Options(batch_size=3, connections=1, pause=0.0)


def carried_out(client: Client, plan: Plan, journal: Path) -> Run:
    return apply_plan(plan, client, Execution(journal, options=OPTIONS), run_id="r")


def undisturbed(tmp_path: Path) -> tuple[Snapshot, int]:
    """Give the end state of a run without faults, and how many requests it took."""
    with prepared() as (server, client, plan):
        run = carried_out(client, plan, tmp_path / "good.jsonl")
        assert {outcome.status for outcome in run.outcomes} == {Status.DONE}
        return end_state(server), len(server.requests)


@pytest.mark.parametrize("acted", [False, True], ids=["before it acted", "after it acted"])
@pytest.mark.parametrize("name", FAULTS)
def test_one_fault_anywhere_leaves_the_right_end_state(
    tmp_path: Path, name: str, acted: bool
) -> None:
    wanted, requests = undisturbed(tmp_path)
    assert requests > 12
    for number in range(requests):
        with prepared() as (server, client, plan):
            seen = iter(range(10_000))

            def once(
                names: tuple[str, ...], seen: Iterator[int] = seen, at: int = number
            ) -> Fault | None:
                hit = next(seen) == at
                return Fault(after=None if acted else 0, reply=FAULTS[name]) if hit else None

            server.fault = once
            journal = tmp_path / f"{number}.jsonl"
            run = carried_out(client, plan, journal)
            code = exit_for_run(plan, run)
            complete = run.tally().complete
            assert (code is Exit.OK) == complete, (number, run)
            if complete:
                assert end_state(server) == wanted, (number, run)
            else:
                assert run.stopped is not None or run.tally().failed, (number, run)
                run = resume_run(load_journal(journal), client, Execution(journal, options=OPTIONS))
            assert run.tally().complete, (number, run)
            assert end_state(server) == wanted, (number, run)
            # Whatever was reported as done by somebody else was not: nobody else is there.
            assert {outcome.status for outcome in run.outcomes} == {Status.DONE}, (number, run)
