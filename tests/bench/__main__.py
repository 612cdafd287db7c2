"""How much of what the server can do Kanport gets: `make bench`.

Everything is printed as a ratio of two rates that were measured in the same run, in turns, since no
machine is equally quick twice; the middle one of several rounds counts. The server is a sandbox in
a process of its own, or the one of KANPORT_LIVE_URL and KANPORT_LIVE_TOKEN, which is filled with
users and projects and should be thrown away afterwards.
"""

import os
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from itertools import chain, count, product
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from kanport.apply.concurrency import Options
from kanport.config.file import Layers
from kanport.config.settings import Settings, settings_of
from kanport.kanboard import procedures
from kanport.kanboard.client import Client
from kanport.kanboard.reader import read_current
from kanport.kanboard.rpc import Call, CallResult
from kanport.pipeline.run import Execution, apply_plan
from kanport.plan.change import Action, Change
from tests.bench.server import bench_server
from tests.support.changes import grant, new_user, nth_change, plan_of

SIZES = (100, 200, 334, 500)
CONNECTIONS = (1, 2, 3, 4, 8)
ONE_BY_ONE = 100
# So many calls show which way is the quickest; twenty ways are tried.
SAMPLE = 4000
WHOLE_SERVER = {"users": 5000, "projects": 200, "members": 200}
TAG = secrets.token_hex(3)
NUMBERS = count(1)


def main() -> None:
    """Measure, and print a table of ratios."""
    say(f"server: {'live' if os.environ.get('KANPORT_LIVE_URL') else 'sandbox'}")
    say("")
    say("applying                    of the bare loop      times one by one   own CPU a change")
    with bench() as quick:
        say(str(quick.memberships(1000)))
        say(str(quick.memberships(20_000, rounds=2)))
        say(str(quick.updates(1000)))
    with bench(hashing=True) as hashing:
        say(str(hashing.new_users(200)))
    say("")
    with bench() as quick:
        read = quick.reading(**WHOLE_SERVER)
    size = "{users} users, {projects} projects, each with {members} members".format(**WHOLE_SERVER)
    say(f"reading {size}: {read.share:.0%} of the bare loop, {read.cpu:.0f} µs of own CPU each")


class Applied(NamedTuple):
    """What applying takes: shares of the bare loop, rate beside calls one by one, own CPU (µs)."""

    what: str
    amount: int
    writing: float
    whole: float
    times: float
    cpu: float

    def __str__(self) -> str:
        """Return the line of the table."""
        return (
            f"{self.amount:6} {self.what:13} writing {self.writing:4.0%}, whole {self.whole:4.0%}"
            f" {self.times:16.0f}x {self.cpu:17.0f} µs"
        )


class Read(NamedTuple):
    """What reading takes: the share of the bare loop, and own CPU for each membership (µs)."""

    share: float
    cpu: float


@contextmanager
def bench(*, hashing: bool = False) -> "Iterator[Bench]":
    """Yield a bench with a server of its own, or with the live one."""
    with bench_server(hashing=hashing) as (url, token), TemporaryDirectory() as folder:
        yield Bench(settings_of(Layers({"url": url}, {"KANPORT_TOKEN": token})), Path(folder))


def say(line: str) -> None:
    """Print a line at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that something takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


class Bench:
    """Measures one server; each measurement makes users and projects of its own."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self._settings = settings
        self._folder = folder
        self._client = Client.open(settings)
        made = self._results([self._create_call() for _ in range(40)])
        self._users = [number for number in made if isinstance(number, int)]

    def memberships(self, amount: int, *, rounds: int = 9) -> Applied:
        """Grant memberships: new projects with all users in each."""
        per_project = len(self._users)

        def pairs(wanted: int) -> list[tuple[int, int]]:
            projects = self._projects(-(-wanted // per_project))
            return [(project, user) for project in projects for user in self._users][:wanted]

        def calls(wanted: int) -> list[Call]:
            return [procedures.add_project_user(*pair, "project-member") for pair in pairs(wanted)]

        def changes(wanted: int) -> list[Change]:
            return [
                grant(at, f"bench{user}", project, user_id=user)
                for at, (project, user) in enumerate(pairs(wanted), 1)
            ]

        return self._compare("memberships", amount, calls, changes, SIZES, rounds)

    def updates(self, amount: int) -> Applied:
        """Change names, over and over for the same users."""

        def calls(wanted: int) -> list[Call]:
            return [
                procedures.update_user(self._user(at), name=f"Name {next(NUMBERS)}")
                for at in range(wanted)
            ]

        def changes(wanted: int) -> list[Change]:
            # Each user once in a plan, or a later change would undo an earlier one.
            users = self._more_users(wanted)
            return [
                nth_change(at, Action.USER_UPDATE, f"u{user}", user_id=user, before={"name": ""},
                       after={"name": f"Name {next(NUMBERS)}"})
                for at, user in enumerate(users, 1)
            ]  # fmt: skip

        return self._compare("updates", amount, calls, changes, SIZES)

    def new_users(self, amount: int) -> Applied:
        """Create users, which costs the server a password hash each."""

        def calls(wanted: int) -> list[Call]:
            return [self._create_call() for _ in range(wanted)]

        def changes(wanted: int) -> list[Change]:
            return [new_user(at, self._name()) for at in range(1, wanted + 1)]

        return self._compare("new users", amount, calls, changes, (5, 10), rounds=3)

    def reading(self, *, users: int, projects: int, members: int, rounds: int = 5) -> Read:
        """Read a whole server, and compare with posting the same reading calls ready-made."""
        people = self._more_users(users)
        ids = self._projects(projects)
        pairs = [
            (project, people[(at * 7 + number) % users])
            for at, project in enumerate(ids)
            for number in range(members)
        ]
        joins = [procedures.add_project_user(*pair, "project-member") for pair in pairs]
        self._loop(joins, 500, 4)
        everything = [
            procedures.get_version(),
            procedures.get_all_projects(),
            procedures.get_all_groups(),
            procedures.get_all_users(),
        ]
        lists = [procedures.get_project_users(one) for one in ids]
        roles = [procedures.get_project_user_role(*pair) for pair in pairs]

        def bare(lanes: int) -> None:
            self._loop(everything, len(everything), 1)
            self._loop(lists, 50, lanes)
            self._loop(roles, 500, lanes)

        def whole() -> None:
            read_current(self._client, choose_projects=lambda there: ids)

        lanes = min((2, 3, 4), key=lambda lanes: timed(partial(bare, lanes)))
        ratios, costs = [], []
        for _ in range(rounds):
            before = timed(partial(bare, lanes))
            cpu = time.process_time()
            seconds = timed(whole)
            costs.append(time.process_time() - cpu)
            ratios.append((before + timed(partial(bare, lanes))) / 2 / seconds)
        return Read(median(ratios), 1e6 * median(costs) / len(joins))

    # --- measuring ----------------------------------------------------------------------------

    def _compare(
        self,
        what: str,
        amount: int,
        calls: Callable[[int], list[Call]],
        changes: Callable[[int], list[Change]],
        sizes: Sequence[int],
        rounds: int = 9,
    ) -> Applied:
        single = calls(min(ONE_BY_ONE, amount))
        alone = len(single) / timed(lambda: [self._client.batch([call]) for call in single])
        sample = min(amount, SAMPLE)
        size, connections = min(
            product(sizes, CONNECTIONS),
            key=lambda way: timed(partial(self._loop, calls(sample), *way)),
        )
        found = [self._round(calls, changes, amount, size, connections) for _ in range(rounds)]
        *shares, cpu = zip(*found, strict=True)
        writing, whole, seconds = map(median, shares)
        times = amount / seconds / alone
        # Other programs can only add to the CPU that work takes.
        return Applied(what, amount, writing, whole, times, 1e6 * min(cpu) / amount)

    def _round(
        self,
        calls: Callable[[int], list[Call]],
        changes: Callable[[int], list[Change]],
        amount: int,
        size: int,
        connections: int,
    ) -> tuple[float, float, float, float]:
        """Apply a plan between two bare loops; give both ratios, the seconds, and own CPU."""
        before, after = calls(amount), calls(amount)
        plan = plan_of(*changes(amount), url=self._client.url)
        # A run has connections of its own; those of the loops would be looked through, too.
        own = Client.open(self._settings)
        watched = Watched(own)
        execution = Execution(self._folder / f"{next(NUMBERS)}.jsonl", options=Options())
        loop = timed(lambda: self._loop(before, size, connections))
        cpu = time.process_time()
        begun = time.perf_counter()
        run = apply_plan(plan, watched, execution, run_id="bench")  # type: ignore[arg-type]
        whole = time.perf_counter() - begun
        cpu = time.process_time() - cpu
        own.close()
        if not run.tally().complete:
            raise SystemExit(f"the run did not come to its end: {run.tally()}")
        loop = (loop + timed(lambda: self._loop(after, size, connections))) / 2
        # Writing and reading back share the connections, so each gets its part of the time.
        writing = whole * watched.writing / (watched.writing + watched.reading)
        return loop / writing, loop / whole, whole, cpu

    def _loop(self, calls: Sequence[Call], size: int, connections: int) -> None:
        """Post ready-made batches, and do nothing else."""
        chunks = [calls[at : at + size] for at in range(0, len(calls), size)]
        with ThreadPoolExecutor(connections) as pool:
            list(pool.map(self._client.batch, chunks))

    # --- what is needed on the server -----------------------------------------------------------

    def _results(self, calls: Sequence[Call]) -> list[object]:
        # A live server hashes a password for each new user, so all its cores are kept busy.
        chunks = [calls[at : at + 20] for at in range(0, len(calls), 20)]
        found: list[object] = []
        with ThreadPoolExecutor(4) as pool:
            for answer in chain.from_iterable(pool.map(self._client.batch, chunks)):
                if not isinstance(answer, CallResult) or answer.value is False:
                    raise SystemExit(f"the server refused something: {answer}")
                found.append(answer.value)
        return found

    def _projects(self, wanted: int) -> list[int]:
        calls = [Call("createProject", {"name": f"Bench {self._name()}"}) for _ in range(wanted)]
        return [number for number in self._results(calls) if isinstance(number, int)]

    def _more_users(self, wanted: int) -> list[int]:
        missing = wanted - len(self._users)
        if missing > 0:
            made = self._results([self._create_call() for _ in range(missing)])
            self._users += [number for number in made if isinstance(number, int)]
        return self._users[:wanted]

    def _user(self, at: int) -> int:
        return self._users[at % len(self._users)]

    def _create_call(self) -> Call:
        return procedures.create_user(self._name(), "bench-password")

    def _name(self) -> str:
        return f"bench-{TAG}-{next(NUMBERS)}"


class Watched:
    """A client that adds up how long writing and reading take, over all connections."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.writing = 0.0
        self.reading = 0.0

    def check_may_write(self) -> None:
        """Check as the client does."""
        self._client.check_may_write()

    def batch(self, calls: Sequence[Call]) -> object:
        """Send a batch, and take the time."""
        begun = time.perf_counter()
        answers = self._client.batch(calls)
        self.writing += time.perf_counter() - begun
        return answers

    def read(self, calls: Sequence[Call], **how: Any) -> object:
        """Read, and take the time."""
        begun = time.perf_counter()
        values = self._client.read(calls, **how)
        self.reading += time.perf_counter() - begun
        return values


if __name__ == "__main__":
    main()
