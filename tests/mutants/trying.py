"""A pytest plugin that tries changes out: each in a process of its own, forked after collecting.

So a change costs no more than the tests that it takes. What has the change in it is the function
object itself, wherever it has been imported to. Programs that tests start do not have it.
"""

import contextlib
import gc
import importlib
import json
import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any

import pytest

from tests.mutants.points import Mutant, described

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
        told: Callable[[Result], None],
    ) -> None:
        """Prepare to try these changes with tests of so many seconds each."""
        self._root, self._kept = root, kept / "tests.json"
        self._mutants, self._limit, self._told = mutants, limit, told
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
        for mutant in self._mutants:
            self._told(self._try(mutant, items))
        return True

    def _measure(self, items: Sequence[pytest.Item]) -> None:
        by_file: dict[Path, list[pytest.Item]] = {}
        for item in items:
            by_file.setdefault(item.path, []).append(item)
        for path, some in by_file.items():
            sys.stderr.write(f"measuring {path.relative_to(self._root)}\n")
            found = self._kept.with_suffix(".new")
            found.unlink(missing_ok=True)
            self._kept.parent.mkdir(exist_ok=True)
            _forked(lambda some=some, found=found: self._measured(some).write(found), PATIENCE)  # type: ignore[misc]
            new = Known.read(found)
            for item in some:
                # A test that fails, or never ends, tells nothing.
                self._known.seconds[item.nodeid] = new.seconds.get(item.nodeid, float("inf"))
            self._known.functions.update(new.functions)
            self._known.write(self._kept)
            found.unlink(missing_ok=True)

    def _measured(self, items: Sequence[pytest.Item]) -> Known:
        known = Known()
        source = f"{self._root}/src/"
        for item, following in zip(items, [*items[1:], None], strict=True):
            ran: set[CodeType] = set()

            def noted(frame: FrameType, event: str, _: Any, ran: set[CodeType] = ran) -> None:
                # Called for each call, and, as it returns nothing, for nothing else.
                ran.add(frame.f_code)

            began, self._failed = time.process_time(), False
            threading.settrace(noted)
            sys.settrace(noted)
            try:
                item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
            finally:
                sys.settrace(None)
                threading.settrace(lambda *_: None)
            if not self._failed:
                known.seconds[item.nodeid] = time.process_time() - began
                known.functions[item.nodeid] = {
                    (code.co_filename.removeprefix(f"{self._root}/"), _outermost(code.co_qualname))
                    for code in ran
                    if code.co_filename.startswith(source)
                }
        return known

    def _try(self, mutant: Mutant, items: Mapping[str, pytest.Item]) -> Result:
        source = (self._root / mutant.path).read_bytes()
        diff = described(mutant, source)
        chosen = self._known.tests_of(mutant, items, self._limit)
        seconds = sum(self._known.seconds[name] for name in chosen)
        some = [items[name] for name in chosen]

        def run() -> None:
            if not patched(mutant, source):
                os._exit(3)
            for item, following in zip(some, [*some[1:], None], strict=True):
                item.ihook.pytest_runtest_protocol(item=item, nextitem=following)
                if self._failed:
                    os._exit(1)

        code = _forked(run, SPARE + FACTOR * seconds) if chosen else 0
        ending = {0: "survived", 1: "noticed", 3: "void"}.get(code, "late")
        return Result(mutant, ending, len(chosen), diff)


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


def _forked(run: Callable[[], None], seconds: float) -> int:
    """Run something in a process of its own; return its exit code, or 9 where it does not end.

    `seconds` are of the processor: on a busy machine everything takes longer.
    """
    child = os.fork()
    if child == 0:
        _forked_here(run, seconds)
    ends = time.monotonic() + PATIENCE + seconds
    while True:
        number, status = os.waitpid(child, os.WNOHANG)
        if number:
            break
        if time.monotonic() > ends:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.01)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)  # whatever tests have started
    return os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 9


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
