"""Where a story takes place: a folder, a server and the command line, and what is seen of them."""

import os
import re
import resource
import signal
import ssl
import threading
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from click.testing import CliRunner
from ruamel.yaml import YAML

from kanport.apply import concurrency
from kanport.cli import cli, output
from kanport.errors import KanportError
from kanport.kanboard.client import Client
from kanport.pipeline import state_dir
from kanport.sandbox import InjectedFault, Sandbox, Store
from tests.support.files import GRANTS, MAPPING, PEOPLE
from tests.support.stories.observed import document, files, steady, without_words

BEGIN = datetime(2026, 1, 1, 2, tzinfo=UTC)
TLS = ssl.create_default_context()
# Commands whose results can be had as JSON.
WITH_JSON = {
    *("validate", "plan", "apply", "sync", "resume", "undo", "verify", "report", "explain"),
    "doctor",
}
Story = Callable[["Scene"], None]
STORIES: dict[str, Story] = {}


def story(tell: Story) -> Story:
    """Add a story to all of them."""
    STORIES[tell.__name__] = tell
    return tell


class Yaml:
    """Reads each text of YAML once."""

    def __init__(self, **options: Any) -> None:
        """Take the options that the mapping is read with; they are always the same."""

    def compose(self, text: str) -> Any:
        """Return the nodes of a text."""
        return composed(text)


@cache
def composed(text: str) -> Any:
    """Return the nodes of a text; an error is raised each time."""
    return YAML(typ="rt", pure=True).compose(text)


class Scene:
    """A folder with files, a server, and what was observed: a value for each command."""

    def __init__(self, folder: Path, server: Sandbox, patch: pytest.MonkeyPatch) -> None:
        self.folder, self.server, self.patch = folder, server, patch
        self.seen: list[Any] = []
        self._now = BEGIN
        self._told: list[Any] = []
        self._requests: list[Any] = []
        self._arrived = threading.Event()

    @property
    def store(self) -> Store:
        return self.server.store

    def write(self, **texts: str) -> None:
        """Write files; those of the club where they are called mapping, people and grants."""
        names = {"mapping": "club.yaml"}
        for name, text in texts.items():
            path = self.folder / names.get(name, f"{name}.csv")
            path.write_text(text, encoding="utf-8")
            os.utime(path, (BEGIN.timestamp(), BEGIN.timestamp()))

    def club(self, **texts: str) -> None:
        """Seed two projects and some people, and write the files of the club."""
        alpha = self.store.add_project("Alpha", identifier="ALPHA")
        self.store.add_project("Beta board")
        self.store.add_user("svc-backup", name="Backup")
        gone = self.store.add_user("gone", name="Gone Girl", email="gone@example.org")
        self.store.add_member(alpha, gone)
        self.store.add_user("robert", name="Bob Ross", email="bob@example.org")
        self.club_files(**texts)

    def club_files(self, **texts: str) -> None:
        """Write the files of the club."""
        self.write(**{"mapping": MAPPING, "people": PEOPLE, "grants": GRANTS, **texts})

    def move_to(self, server: Sandbox) -> None:
        """Let commands work on another server from now on, for as long as that is there."""
        self.server = server
        self.fault(None)
        self.patch.setenv("KANPORT_URL", server.url)
        self.patch.setenv("KANPORT_TOKEN", server.token)

    def later(self, days: float = 1) -> None:
        """Let days go by."""
        self._now += timedelta(days=days)

    def __call__(self, *arguments: str, typed: str | None = None) -> int:
        """Call the command line, take down what is seen of it, and return its exit code."""
        if arguments[0] in WITH_JSON and "--format" not in arguments:
            arguments = (*arguments, "--format", "json")
        self._told.clear()
        self._requests.clear()
        ended = CliRunner().invoke(cli, arguments, input=typed)
        if ended.exception is not None and not isinstance(ended.exception, SystemExit):
            raise ended.exception
        self.seen.append(
            {
                "command": [steady(argument) for argument in arguments],
                "code": ended.exit_code,
                "out": document(ended.stdout),
                "log": document(ended.stderr),
                "stopped": without_words(self._told),
                "server": self.store.snapshot(),
                "requests": list(self._requests),
            }
        )
        return ended.exit_code

    def hidden(self, name: str, words: set[str]) -> None:
        """Check that a file shows none of these words."""
        path = self.folder / name
        content = path.read_bytes()
        if path.suffix == ".xlsx":
            with zipfile.ZipFile(path) as book:
                content = b" ".join(map(book.read, book.namelist()))
        shown = set(re.findall(r"\w+", content.decode("utf-8", "replace")))
        assert shown & words == set()

    def fault(self, faulty: Callable[[tuple[str, ...]], InjectedFault | None] | None) -> None:
        """Let requests go wrong from now on; None lets them go right."""

        def come(names: tuple[str, ...]) -> InjectedFault | None:
            self._requests.append(tuple(Counter(names).items()))
            return faulty(names) if faulty is not None else None

        self.server.fault = come

    def interrupt(self, number: signal.Signals = signal.SIGTERM) -> None:
        """Send the signal of a polite end, as from outside, and wait until it has arrived."""
        self._arrived.clear()
        signal.pthread_kill(threading.main_thread().ident or 0, number)
        assert self._arrived.wait(600)

    @contextmanager
    def signals(self) -> Iterator[None]:
        """Notice the arrival of each signal that Python handles."""
        install = signal.signal

        def noticing(number: int, handler: Any) -> Any:
            if not callable(handler):
                return install(number, handler)

            def handle(number: int, frame: FrameType | None) -> None:
                try:
                    handler(number, frame)
                finally:
                    self._arrived.set()

            return install(number, handle)

        before = signal.getsignal(signal.SIGINT)
        self.patch.setattr(signal, "signal", noticing)
        noticing(signal.SIGINT, before)
        try:
            yield
        finally:
            install(signal.SIGINT, before)

    def journal(self) -> str:
        """Return the one journal of the state folder."""
        (path,) = (self.folder / "state").glob("*.journal.jsonl")
        return str(path.relative_to(self.folder))

    @contextmanager
    def full_disk_from(self, name: str, path: str) -> Iterator[None]:
        """Let no file grow any more once a request names a procedure, as on a disk that is full."""
        before = resource.getrlimit(resource.RLIMIT_FSIZE)

        def fill(names: tuple[str, ...]) -> None:
            if name in names:
                size = (self.folder / path).stat().st_size
                resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))

        self.fault(fill)
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
            self.fault(None)

    def prepare(self) -> None:
        """Let nothing wait, and everything happen in an order that is always the same."""
        patch, scene = self.patch, self
        self.fault(None)

        class Clock(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
                return scene._now

        def tell(problem: KanportError, *rest: Any) -> None:
            scene._told.append(problem.why.to_dict() | {"hinted": problem.hint is not None})
            shown(problem, *rest)

        shown = output.show_error
        patch.setattr(output, "show_error", tell)
        patch.setattr(state_dir, "datetime", Clock)
        defaults = concurrency.Options.__init__.__defaults__ or ()
        patch.setattr(concurrency.Options.__init__, "__defaults__", (*defaults[:-1], 0.0))
        patch.setitem(Client.open.__func__.__kwdefaults__, "sleep", lambda seconds: None)  # type: ignore[attr-defined]
        patch.setitem(Client.open.__func__.__kwdefaults__, "jitter", lambda: 0.0)  # type: ignore[attr-defined]
        patch.setattr("kanport.kanboard.client.ThreadPoolExecutor", lambda n: ThreadPoolExecutor(1))
        # What takes the most time here, and is the same each time.
        patch.setattr("kanport.kanboard.transport.tls_context", lambda settings: TLS)
        patch.setattr("kanport.mapping.yaml_file.YAML", Yaml)
        patch.chdir(self.folder)
        for name in [name for name in os.environ if name.startswith("KANPORT_")]:
            patch.delenv(name)
        for name, value in (
            ("URL", self.server.url),
            ("TOKEN", self.server.token),
            ("STATE", str(self.folder / "state")),
            ("LOG_FORMAT", "json"),
            ("CONNECTIONS", "1"),
            ("BATCH_SIZE", "3"),
        ):
            patch.setenv(f"KANPORT_{name}", value)
        for name in ("STATE", "CONFIG"):
            patch.setenv(f"XDG_{name}_HOME", str(self.folder / name.lower()))

    def end(self) -> Any:
        """Return all that was observed, with the files as they are now."""
        return self.seen, list(files(self.folder))
