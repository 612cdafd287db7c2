"""Random plans, random faults, random kills, and resume until done: equals a run undisturbed."""

import itertools
import tempfile
from pathlib import Path

import hypothesis.strategies as st
from hypothesis import settings
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from kanport.apply.concurrency import Options
from kanport.apply.journal import load_journal
from kanport.config.file import Layers
from kanport.config.settings import settings_of
from kanport.kanboard.client import Client
from kanport.outcome import Run, Status
from kanport.pipeline.inputs import read_inputs
from kanport.pipeline.planning import plan_inputs
from kanport.pipeline.run import Execution, apply_plan, resume_run
from kanport.plan.model import Plan
from kanport.sandbox import InjectedFault, Reply, Sandbox, SandboxOptions, web_page
from tests.support.disturbed import end_state
from tests.support.examples import examples
from tests.support.random_inputs import Case, cases

OPTIONS = Options(batch_size=3, connections=2, pause=0.0)
REPLIES: tuple[Reply | None, ...] = (
    None,
    web_page(502, "Bad Gateway"),
    Reply(500, "text/html", b""),
    Reply(200, "application/json", b'[{"jsonrpc":"2.0"'),
    Reply(200, "text/html", b"<br />\n<b>Fatal error</b>:  Allowed memory size exhausted"),
)


class _Killed(BaseException):
    """Stands for SIGKILL: nothing of the run's own code gets to tidy up."""


class Interrupted(RuleBasedStateMachine):
    """A run on one server with all that can happen to it, beside a run on a twin without."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.servers = [Sandbox(SandboxOptions()) for _ in range(2)]
        for server in self.servers:
            server.start()
        self.clients = [
            Client.open(
                settings_of(Layers({"url": server.url}, {"KANPORT_TOKEN": server.token})),
                sleep=lambda seconds: None,
            )
            for server in self.servers
        ]
        self.plan: Plan | None = None
        self.run: Run | None = None
        self.kill_after: int | None = None
        self.journal = Path(self.folder.name) / "run.jsonl"

    def teardown(self) -> None:
        for client in self.clients:
            client.close()
        for server in self.servers:
            server.stop()
        self.folder.cleanup()

    @precondition(lambda self: self.plan is None)
    @rule(world=cases())
    def make_a_plan(self, world: Case) -> None:
        mapping = world.write(Path(self.folder.name))
        for server, client in zip(self.servers, self.clients, strict=True):
            world.fill(server)
            plan = plan_inputs(read_inputs(mapping), client)
            if server is self.servers[0]:
                self.plan = plan
            elif plan.changes:
                path = Path(self.folder.name) / "twin.jsonl"
                apply_plan(plan, client, Execution(path, options=OPTIONS), run_id="twin")

    @precondition(lambda self: self.plan is not None)
    @rule(
        at=st.integers(0, 12), after=st.sampled_from([0, 1, None]), reply=st.sampled_from(REPLIES)
    )
    def something_will_go_wrong(self, at: int, after: int | None, reply: Reply | None) -> None:
        requests = itertools.count()

        def fault(names: tuple[str, ...]) -> InjectedFault | None:
            return InjectedFault(after=after, reply=reply) if next(requests) == at else None

        self.servers[0].fault = fault

    @precondition(lambda self: self.plan is not None)
    @rule(after=st.integers(0, 8))
    def it_will_be_killed(self, after: int) -> None:
        self.kill_after = after

    @precondition(lambda self: self.plan is not None and not self.finished)
    @rule()
    def carry_out_or_resume(self) -> None:
        assert self.plan is not None
        asked = itertools.count()
        kill_after, self.kill_after = self.kill_after, None

        def should_stop() -> bool:
            if next(asked) == kill_after:
                raise _Killed
            return False

        client = self.clients[0]
        try:
            if self.journal.exists():
                recorded = load_journal(self.journal)
                self.run = resume_run(
                    recorded,
                    client,
                    Execution(self.journal, options=OPTIONS, should_stop=should_stop),
                )
            else:
                self.run = apply_plan(
                    self.plan,
                    client,
                    Execution(self.journal, options=OPTIONS, should_stop=should_stop),
                    run_id="r",
                )
        except _Killed:
            self.run = None

    @property
    def finished(self) -> bool:
        return self.run is not None and self.run.tally().complete

    @invariant()
    def a_finished_run_equals_one_undisturbed(self) -> None:
        if self.run is None:
            return
        assert self.plan is not None
        assert self.run.tally().planned == len(self.plan.changes)
        if self.finished:
            assert {outcome.status for outcome in self.run.outcomes} <= {Status.DONE}
            assert end_state(self.servers[0]) == end_state(self.servers[1])


TestInterrupted = Interrupted.TestCase
TestInterrupted.settings = settings(
    max_examples=examples(25, 500), stateful_step_count=12, deadline=None
)
