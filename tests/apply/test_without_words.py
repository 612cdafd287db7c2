"""No decision of a run depends on how a fact is worded: with codes for words, all is as before."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kanport.apply.executor import Options
from kanport.apply.journal import load_journal
from kanport.catalogue import ALL, Text
from kanport.config import resolve_settings
from kanport.kanboard.client import Client
from kanport.outcome import Run
from kanport.pipeline import Execution, apply_plan, plan_undo, resume_run
from kanport.plan.model import Action, Plan
from kanport.sandbox import Fault, Reply, Sandbox, web_page
from tests.apply.plans import change, grant, new_user, plan_of

OPTIONS = Options(batch_size=2, connections=1, retries=1, pause=0.0)
PHP = "<b>Fatal error</b>:  Maximum execution time of 30 seconds exceeded in <b>/x</b>"


def never(names: tuple[str, ...]) -> Fault | None:
    return None


def twice(fault: Fault) -> Callable[[], Callable[[tuple[str, ...]], Fault | None]]:
    """Return what makes something go wrong with the second and the third writing request."""

    def make() -> Callable[[tuple[str, ...]], Fault | None]:
        left = iter([None, fault, fault])
        return lambda names: next(left, None) if names[0].startswith(("create", "add")) else None

    return make


WAYS: dict[str, Callable[[], Callable[[tuple[str, ...]], Fault | None]]] = {
    "nothing": lambda: never,
    "the answer is lost": twice(Fault()),
    "nothing is done and the answer is lost": twice(Fault(after=0)),
    "a PHP error": twice(Fault(after=1, reply=web_page(200, PHP))),
    "busy": twice(Fault(after=0, reply=Reply(503, "text/plain", b""))),
    "refused": twice(Fault(after=0, reply=Reply(401, "text/plain", b""))),
    "gone for good": lambda: (
        lambda names: Fault(after=0) if any("addProjectUser" in name for name in names) else None
    ),
}


@pytest.fixture(params=WAYS, ids=str)
def way(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def codes_for_words(patch: pytest.MonkeyPatch) -> None:
    bare = {
        code: kind._replace(texts={case: Text(f"{code}-{case}", code) for case in kind.texts})
        for code, kind in ALL.items()
    }
    patch.setattr("kanport.facts.ALL", bare)


def carried_out(way: str, folder: Path) -> Iterator[object]:
    """Carry a plan out, finish it and plan to take it back; yield what was decided."""
    with Sandbox() as server:
        project = server.store.add_project("Alpha", identifier="ALPHA")
        ada = server.store.add_user("ada")
        settings = resolve_settings(url=server.url, environ={"KANPORT_TOKEN": server.token})
        with Client.open(settings, sleep=lambda seconds: None) as client:
            plan = plan_of(
                new_user(1, "bob"),
                new_user(2, "eve", email="no address"),
                change(3, Action.USER_UPDATE, "nobody", user_id=99, after={"name": "N"}),
                change(4, Action.USER_UPDATE, "ada", user_id=ada, after={"name": "Ada"}),
                grant(5, "bob", project),
                grant(6, "eve", project),
                grant(7, "ada", project, user_id=ada),
                url=client.url,
            )
            journal = folder / "run.jsonl"
            server.fault = WAYS[way]()
            run = apply_plan(plan, client, Execution(journal, options=OPTIONS), run_id="r")
            yield decided(run)
            yield decided(load_journal(journal).run)
            server.fault = never
            run = resume_run(load_journal(journal), client, Execution(journal, options=OPTIONS))
            yield decided(run)
            back: Plan = plan_undo(load_journal(journal), client, now=lambda: "")
            yield [(str(one.action), one.subject, one.before, one.after) for one in back.changes]
            yield sorted(finding.code for finding in back.findings)
            yield server.store.snapshot().memberships


def decided(run: Run) -> object:
    return (
        [(one.change_id, one.status, one.why and one.why.code) for one in run.outcomes],
        run.stopped and run.stopped.code,
        run.exit_code,
    )


def test_a_run_decides_by_codes_alone(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "worded").mkdir()
    (tmp_path / "bare").mkdir()
    worded = list(carried_out(way, tmp_path / "worded"))
    codes_for_words(monkeypatch)
    assert list(carried_out(way, tmp_path / "bare")) == worded
