"""A run that changes everything, to be disturbed, and how it has to end nevertheless."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from kanport.apply.concurrency import Options
from kanport.apply.journal import load_journal
from kanport.config.file import Layers
from kanport.config.settings import Timeouts, settings_of
from kanport.errors import Exit
from kanport.kanboard.client import Client
from kanport.outcome import Run, Status
from kanport.pipeline.results import exit_code_of
from kanport.pipeline.run import Execution, apply_plan, resume_run
from kanport.plan.change import Action, Change
from kanport.plan.model import Plan
from kanport.sandbox import Sandbox, SandboxOptions, StoreSnapshot
from tests.support.changes import grant, new_user, nth_change, plan_of
from tests.support.proxy import Calls, Disturbance, Proxy

OPTIONS = Options(batch_size=3, connections=1, pause=0.0)


@contextmanager
def prepared(url: str) -> Iterator[tuple[Sandbox, Plan]]:
    """A server with a few people and a project, and a plan that changes everything."""
    with Sandbox(SandboxOptions()) as server:
        store = server.store
        project = store.add_project("Alpha", identifier="ALPHA")
        ids = {name: store.add_user(name) for name in ("off", "out", "up", "in", "gone")}
        for name in ("out", "in"):
            store.add_member(project, ids[name], "project-viewer")

        def of(number: int, action: Action, who: str, **parts: object) -> Change:
            return nth_change(number, action, who, user_id=ids[who], **parts)

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
        yield server, plan_of(*changes, url=url)


def end_state(server: Sandbox) -> StoreSnapshot:
    """Give what the server holds, but for ids: who is made first when something is sent again."""
    there = server.store.snapshot()
    return replace(there, users={name: replace(user, id=0) for name, user in there.users.items()})


class Disturbed:
    """Carries the plan out through a proxy, each time on a fresh server.

    `wanted` is the end state of the run that nothing disturbs, `requests` how many that one sends.
    `timeouts` are those of the clients.
    """

    def __init__(
        self,
        proxy: Proxy,
        folder: Path,
        *,
        ca_file: Path | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        self.proxy = proxy
        self._folder = folder
        environ = {"KANPORT_TOKEN": SandboxOptions().token}
        settings = settings_of(Layers({"url": proxy.origin, "ca_file": ca_file}, environ))
        self._settings = replace(settings, timeouts=timeouts or settings.timeouts)
        with self.client() as client, self.server() as (server, plan):
            run = self.carry_out(plan, client, "undisturbed")
            assert {outcome.status for outcome in run.outcomes} == {Status.DONE}
            self.wanted, self.requests = end_state(server), proxy.requests
        assert self.requests > 12

    def client(self) -> Client:
        """Give a client that waits for nothing but answers."""
        return Client.open(self._settings, sleep=lambda seconds: None, jitter=lambda: 0.0)

    @contextmanager
    def server(
        self, disturb: Callable[[int, Calls], Disturbance | None] = lambda number, calls: None
    ) -> Iterator[tuple[Sandbox, Plan]]:
        """Put a fresh server behind the proxy."""
        with prepared(self._settings.url) as (server, plan):
            self.proxy.begin(server.url, disturb)
            yield server, plan

    def journal(self, name: str) -> Path:
        """Give where the journal of a run is."""
        return self._folder / f"{name}.jsonl"

    def carry_out(self, plan: Plan, client: Client, name: str) -> Run:
        """Carry the plan out for the first time."""
        return apply_plan(plan, client, Execution(self.journal(name), options=OPTIONS), run_id="r")

    def ends_well(self, server: Sandbox, plan: Plan, client: Client, name: str) -> None:
        """Carry the plan out, resume where it stopped, and look at how it ends."""
        run = self.carry_out(plan, client, name)
        complete = run.tally().complete
        assert (exit_code_of(plan, run) is Exit.OK) == complete, (name, run)
        if not complete:
            assert run.stopped is not None, (name, run)
            self.proxy.heal()
            journal = self.journal(name)
            run = resume_run(load_journal(journal), client, Execution(journal, options=OPTIONS))
            assert exit_code_of(plan, run) is Exit.OK, (name, run)
        assert run.tally().complete, (name, run)
        assert end_state(server) == self.wanted, (name, run)
        # Whatever was reported as done by somebody else was not: nobody else is there.
        assert {outcome.status for outcome in run.outcomes} == {Status.DONE}, (name, run)
