"""A pytest plugin that tries changes out: each in a process of its own, forked after collecting.

So a change costs no more than the tests that it takes. What has the change in it is the function
object itself, wherever it has been imported to. Programs that tests start do not have it.
"""

import contextlib
import cProfile
import gc
import importlib
import json
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any, TypeVar

import pytest

from tests.mutants.points import Mutant, described

Key = TypeVar("Key")
# Of random examples, these many tell of nearly all changes.
EXAMPLES = 20
# Seconds beside those that the tests took when they were measured, and bytes.
SPARE, FACTOR = 20.0, 4.0
PATIENCE = 600.0
MEMORY = 4 * 2**30


@dataclass
class Known:
    """How long each test took, and which functions of which modules it ran, by node id."""

    seconds: dict[str, float] = field(default_factory=dict)
    functions: dict[str, set[tuple[str, str]]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path) -> "Known":
        """Read what was measured earlier; nothing where there is no such file."""
        if not path.exists():
            return cls()
        content = json.loads(path.read_text(encoding="utf-8"))
        return cls(
            content["seconds"],
            {name: {(a, b) for a, b in some} for name, some in content["functions"].items()},
        )

    def write(self, path: Path) -> None:
        """Keep it for later."""
        content = {
            "seconds": self.seconds,
            "functions": {name: sorted(some) for name, some in self.functions.items()},
        }
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content), encoding="utf-8")

    def tests_of(self, mutant: Mutant, there: Iterable[str], limit: float) -> list[str]:
        """Return the tests that run a change: those beside its package first, the quickest first.

        Of a function that is new, any test may run it that runs something else of its module.
        """
        there = [name for name in there if name in self.functions]
        place = (mutant.path, mutant.function)
        names = [name for name in there if place in self.functions[name]]
        if not names:
            names = [
                name
                for name in there
                if any(path == mutant.path for path, _ in self.functions[name])
            ]
        beside = (f"tests/{mutant.path.split('/')[2]}/", mutant.path)
        names.sort(key=lambda name: (not name.startswith(beside), self.seconds[name], name))
        chosen: list[str] = []
        left = limit
        for name in names:
            if not chosen or self.seconds[name] <= left:
                chosen.append(name)
                left -= self.seconds[name]
        return chosen


@dataclass(frozen=True)
class Result:
    """What became of a change: `noticed`, `late` (its tests do not end), `survived`, or `void`."""

    mutant: Mutant
    ending: str
    tests: int
    diff: str


class Trying:
    """The plugin; `results` are what became of the changes, in their order."""

    def __init__(
        self,
        root: Path,
        kept: Path,
        mutants: Sequence[Mutant],
        *,
        limit: float,
        anew: bool,
        workers: int,
        told: Callable[[Result], None],
    ) -> None:
        """Prepare to try these changes with tests of so many seconds each."""
        self._root, self._kept = root, kept / "tests.json"
        self._mutants, self._limit, self._told = mutants, limit, told
        self._workers = workers
        # A file that somebody edits meanwhile has its changes at other places.
        self._sources = {mutant.path: (root / mutant.path).read_bytes() for mutant in mutants}
        self._known = Known() if anew else Known.read(self._kept)
        self._failed = False

    def pytest_collection(self) -> None:
        """Choose how many examples tests draw, before they are imported."""
        import hypothesis  # pytest wants to import it first

        hypothesis.settings.register_profile(
            "mutants",
            deadline=None,
            derandomize=True,
            max_examples=EXAMPLES,
            suppress_health_check=list(hypothesis.HealthCheck),
        )
        hypothesis.settings.load_profile("mutants")

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Draw no more examples either where a test asks for more; hypothesis has no other way."""
        import hypothesis

        name = "_hypothesis_internal_use_settings"
        for item in items:
            own = getattr(item, "obj", None)
            own = getattr(own, "__func__", own)
            asked = getattr(own, name, None)
            if isinstance(asked, hypothesis.settings) and asked.max_examples > EXAMPLES:
                setattr(own, name, hypothesis.settings(asked, max_examples=EXAMPLES))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Notice a test that fails."""
        self._failed |= report.failed

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Measure the tests that are new, and try the changes."""
        items = {item.nodeid: item for item in session.items}
        self._measure([item for name, item in items.items() if name not in self._known.seconds])
        for result in self._results(items):
            self._told(result)
        return True

    def _measure(self, items: Sequence[pytest.Item]) -> None:
        """Run each file of tests in a process of its own, and keep what each one finds at once."""
        by_file: dict[Path, list[pytest.Item]] = {}
        for item in items:
            by_file.setdefault(item.path, []).append(item)
        self._kept.parent.mkdir(exist_ok=True)
        jobs = {
            path: Job(lambda some=some, path=path: self._measured(some).write(self._new(path)))  # type: ignore[misc]
            for path, some in by_file.items()
        }
        for path, _ in _finished(jobs, self._workers):
            sys.stderr.write(f"measured {path.relative_to(self._root)}\n")
            new = Known.read(self._new(path))
            self._new(path).unlink(missing_ok=True)
            for item in by_file[path]:
                # A test that fails, or never ends, tells nothing.
                self._known.seconds[item.nodeid] = new.seconds.get(item.nodeid, float("inf"))
            self._known.functions.update(new.functions)
            self._known.write(self._kept)

    def _new(self, path: Path) -> Path:
        name = str(path.relative_to(self._root)).replace("/", ".")
        return self._kept.with_name(f"{name}.json")

    def _measured(self, items: Sequence[pytest.Item]) -> Known:
        known = Known()
        source = f"{self._root}/src/"
        threads: dict[threading.Thread, cProfile.Profile] = {}

        def begin(_frame: FrameType, _event: str, _argument: Any) -> None:
            sys.setprofile(None)
            threads[threading.current_thread()] = profile = _profile()
            profile.enable()

        threading.setprofile(begin)
        for item, following in zip(items, [*items[1:], None], strict=True):
            began, self._failed = time.process_time(), False
            for thread in [thread for thread in threads if not thread.is_alive()]:
                del threads[thread]
            profile = _profile()
            profile.enable()
            try:
                item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
            finally:
                profile.disable()
            if not self._failed:
                known.seconds[item.nodeid] = time.process_time() - began
                ran = {
                    entry.code
                    for some in (profile, *threads.values())
                    for entry in some.getstats()
                    if isinstance(entry.code, CodeType)
                }
                known.functions[item.nodeid] = {
                    (code.co_filename.removeprefix(f"{self._root}/"), _outermost(code.co_qualname))
                    for code in ran
                    if code.co_filename.startswith(source)
                }
        return known

    def _results(self, items: Mapping[str, pytest.Item]) -> Iterator[Result]:
        """Yield what becomes of each change, as soon as it is known."""
        chosen = [self._known.tests_of(mutant, items, self._limit) for mutant in self._mutants]
        jobs = {}
        for number, (mutant, names) in enumerate(zip(self._mutants, chosen, strict=True)):
            seconds = sum(self._known.seconds[name] for name in names)
            some = [items[name] for name in names]
            jobs[number] = Job(
                lambda mutant=mutant, some=some: self._try(mutant, some),  # type: ignore[misc]
                SPARE + FACTOR * seconds,
            )
        endings = {0: "survived", 1: "noticed", 3: "void"}
        for number, code in _finished(jobs, self._workers):
            mutant = self._mutants[number]
            source = self._sources[mutant.path]
            ending = endings.get(code, "late")
            yield Result(mutant, ending, len(chosen[number]), described(mutant, source))

    def _try(self, mutant: Mutant, items: Sequence[pytest.Item]) -> None:
        """Run tests with a change until one fails; end the process with 1 then, else with 0."""
        if not patched(mutant, self._sources[mutant.path]):
            os._exit(3)
        for item, following in zip(items, [*items[1:], None], strict=False):
            item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
            if self._failed:
                os._exit(1)


def patched(mutant: Mutant, source: bytes) -> bool:
    """Put a change into the function that it is in; return False where that cannot be done."""
    name = mutant.path.removeprefix("src/").removesuffix(".py").replace("/", ".")
    name = name.removesuffix(".__init__")
    importlib.import_module(name)
    whole = compile(mutant.applied(source), mutant.path, "exec", dont_inherit=True)
    (new,) = [code for code in _codes(whole) if code.co_qualname == mutant.function][-1:]
    found = [
        one
        for one in gc.get_objects()
        if isinstance(one, FunctionType)
        # A decorator gives its own function the name of the one that it wraps, but not its code.
        and (one.__module__, one.__code__.co_qualname) == (name, mutant.function)
    ]
    try:
        for one in found:
            one.__code__ = new
    except ValueError:  # it has other variables of functions around it
        return False
    return bool(found)


def _codes(code: CodeType) -> Iterable[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _codes(constant)


def _outermost(qualname: str) -> str:
    return qualname.partition(".<locals>")[0]


def _profile() -> cProfile.Profile:
    return cProfile.Profile(builtins=False, subcalls=False)


@dataclass(frozen=True, slots=True)
class Job:
    """Something to run in a process of its own, in so many seconds of the processor.

    On a busy machine everything takes longer, so no clock on the wall ends it before `PATIENCE`.
    """

    run: Callable[[], None]
    seconds: float = PATIENCE


def _finished(jobs: Mapping[Key, Job], workers: int) -> Iterator[tuple[Key, int]]:
    """Run jobs, so many at once; yield their keys with their exit codes, as each one ends.

    The code is 9 for a job that does not end.
    """
    waiting = list(jobs.items())[::-1]
    running: dict[int, tuple[Key, float]] = {}
    while waiting or running:
        while waiting and len(running) < workers:
            key, job = waiting.pop()
            child = os.fork()
            if child == 0:
                _forked_here(job.run, job.seconds)
            running[child] = key, time.monotonic() + PATIENCE + job.seconds
        for child, (key, ends) in list(running.items()):
            number, status = os.waitpid(child, os.WNOHANG)
            if number:
                del running[child]
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(child, signal.SIGKILL)  # whatever tests have started
                yield key, os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 9
            elif time.monotonic() > ends:
                os.kill(child, signal.SIGKILL)
        time.sleep(0.02)


def _forked_here(run: Callable[[], None], seconds: float) -> None:
    code = 1
    try:
        os.setpgid(0, 0)
        nothing = os.open(os.devnull, os.O_RDWR)
        for number in (0, 1, 2):
            os.dup2(nothing, number)
        most = int(seconds) + 1
        resource.setrlimit(resource.RLIMIT_CPU, (most, most + 5))
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
        run()
        code = 0
    finally:
        # A change may make anything go wrong, also in pytest: then it was noticed.
        os._exit(code)
