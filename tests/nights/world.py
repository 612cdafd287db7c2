"""All that a night needs: company, directory, server in another process, mail and webhook."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from kanport.lock import Lock, hold_locks
from kanport.sandbox.dialects import DIALECTS
from kanport.sandbox.store import Store
from tests.nights.company import MAPPING, PROJECTS, Company
from tests.nights.truth import Account, Truth
from tests.support.ldap.slapd import PASSWORD, Slapd
from tests.support.metrics import read_metrics
from tests.support.processes import Command
from tests.support.receivers import Hook, Mailbox, mail_server, web_server

# Whether somebody is active, and their projects with their roles, by login.
Seen = dict[str, tuple[bool, frozenset[tuple[str, str]]]]

FIRST_DAY = datetime(2027, 1, 1, 2, 30, tzinfo=UTC)
TOKEN = "thirty-nights"
AT = str(Path(__file__).parent / "at.py")

# The state folder becomes a disk of its own with all that lies in it, and then a full one.
FULL_DISK = """\
set -e
state=$1; shift
cp -a "$state" "$state.kept"
mount -t tmpfs -o size=16m tmpfs "$state"
cp -a "$state.kept/." "$state"
cat /dev/zero > "$state/filler" 2> "$state.kept/why" || true
grep -q "No space left" "$state.kept/why"
set +e; "$@"; code=$?; set -e
rm -r "$state/filler" "$state.kept"
cp -a "$state" "$state.kept"
umount "$state"
cp -a "$state.kept/." "$state"
rm -r "$state.kept"
exit $code
"""


@dataclass(frozen=True)
class Morning:
    """What somebody finds in the morning: how the run ended, what cron has to mail, and notices."""

    code: int
    said: str
    mails: tuple[str, ...]
    posts: tuple[dict[str, Any], ...]


@dataclass
class World:
    """Everything, on one day after the other."""

    folder: Path
    directory: Slapd
    mailbox: Mailbox
    hook: Hook
    company: Company
    truth: Truth = field(default_factory=Truth)
    today: int = 0
    _sandbox: Command | None = None
    url: str = ""

    @property
    def state(self) -> Path:
        """The state folder."""
        return self.folder / "state"

    @property
    def moment(self) -> datetime:
        """When the run of this night begins; each night a minute later than the one before."""
        return FIRST_DAY + timedelta(days=self.today - 1, minutes=self.today)

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must not be written anywhere."""
        return TOKEN, PASSWORD

    def is_tonight(self, moment: str) -> bool:
        """Whether this is a time (RFC 3339) of the run of this night."""
        return timedelta() <= datetime.fromisoformat(moment) - self.moment < timedelta(minutes=1)

    @staticmethod
    def seconds(moment: str | None) -> float | None:
        """Give a time in seconds since 1970."""
        return None if moment is None else datetime.fromisoformat(moment).timestamp()

    # --- the server -----------------------------------------------------------------------------

    def start_server(self, *options: str) -> None:
        """Start the server, always at the same address."""
        self.stop_server()
        port = self.url.rpartition(":")[2].partition("/")[0] or "0"
        store = str(self.folder / "server.sqlite")
        self._sandbox = Command(
            *("sandbox", "--store", store, "--port", port, *options),
            cwd=self.folder,
            env={**os.environ, "KANPORT_TOKEN": TOKEN},
            stderr=subprocess.DEVNULL,
        )
        assert self._sandbox.stdout is not None
        self.url = self._sandbox.stdout.readline().removeprefix("listening on ").strip()

    def stop_server(self) -> None:
        """Stop the server."""
        if self._sandbox is not None:
            self._sandbox.terminate()
            self._sandbox.communicate()
            self._sandbox = None

    @contextmanager
    def store(self) -> Iterator[Store]:
        """Look into the server, past its API."""
        store = Store(DIALECTS["sqlite"], self.folder / "server.sqlite")
        try:
            yield store
        finally:
            store.close()

    def seen(self) -> Seen:
        """Give what can be seen of everybody on the server, by login."""
        with self.store() as store:
            now = store.snapshot()
        roles: dict[str, set[tuple[str, str]]] = {name: set() for name in now.users}
        for (project, name), role in now.memberships.items():
            roles[name].add((project, role.removeprefix("project-")))
        return {name: (user.is_active, frozenset(roles[name])) for name, user in now.users.items()}

    def same_people(self) -> None:
        """Check that everybody still has the account that was theirs, whatever it is called."""
        with self.store() as store:
            ids = {name: user.id for name, user in store.snapshot().users.items()}
        for account in self.truth.accounts:
            if account.login in ids:
                if account.user_id is None:
                    account.user_id = ids[account.login]
                assert account.user_id == ids[account.login], account

    # --- what happens by day --------------------------------------------------------------------

    def by_hand(self, login: str, *, active: bool = True, **teams: str) -> None:
        """Let an administrator make an account, or enable or disable one."""
        with self.store() as store:
            ids = {name: user.id for name, user in store.snapshot().users.items()}
            if login in ids:
                store.change("UPDATE users SET is_active = ? WHERE id = ?", active, ids[login])
                account = self.truth.of(login)
                account.active, account.disabled_on = active, None
                return
            number = store.add_user(login, active=active)
            for project, level in teams.items():
                (project_id,) = (
                    one.id
                    for one in store.snapshot().projects.values()
                    if one.identifier == project
                )
                store.add_member(project_id, number, f"project-{level}")
        self.truth.accounts.append(Account(login, dict(teams), active=active, ours=False))

    def publish(self, export: Callable[[str], str] | None = None) -> None:
        """Let list and directory say how the company is; `export` is what spoils the list."""
        text = self.company.list_of_people()
        path = self.folder / "etc" / "people.csv"
        path.write_text(export(text) if export is not None else text, encoding="utf-8")
        os.utime(path, (self.moment.timestamp(), self.moment.timestamp() - 3600))
        self.directory.modify(self.company.directory_changes())

    # --- and by night ---------------------------------------------------------------------------

    def start(
        self, *arguments: str, wrapped: tuple[str, ...] = (), largest: int = 0
    ) -> "Command | subprocess.Popen[str]":
        """Start kanport as cron does: the line of the crontab, and next to no environment."""
        line = (self.moment.isoformat(), str(largest), *arguments)
        environ = {
            "PATH": os.environ["PATH"],
            "LANG": "C.UTF-8",
            "KANPORT_CONFIG": str(self.folder / "etc" / "kanport.toml"),
            "KANPORT_BATCH_SIZE": "2",
        }
        if not wrapped:
            return Command(
                *line, program=AT, cwd=self.folder, env=environ, stderr=subprocess.STDOUT
            )
        return subprocess.Popen(
            [*wrapped, sys.executable, AT, *line],
            cwd=self.folder,
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def cron(
        self, *, wrapped: tuple[str, ...] = (), largest: int = 0
    ) -> "Command | subprocess.Popen[str]":
        """Start the run of the night."""
        log = str(self.state / "kanport.log")
        line = ("sync", str(self.folder / "etc" / "nightly.yaml"), "--log-file", log)
        return self.start(*line, "--log-format", "json", wrapped=wrapped, largest=largest)

    def morning(self, process: "Command | subprocess.Popen[str]") -> Morning:
        """Wait for the run, and give what there is to be found in the morning."""
        said, _ = process.communicate(timeout=1500)
        mails = tuple(str(mail["Subject"]) for _, _, mail in self.mailbox.mails)
        posts = tuple(body for _, _, body in self.hook.posts)
        self.mailbox.mails.clear()
        self.hook.posts.clear()
        return Morning(process.wait(), said, mails, posts)

    def as_usual(self) -> Morning:
        """Let the night go by."""
        return self.morning(self.cron())

    def without_directory(self) -> Morning:
        """Let the night go by while the directory is down."""
        self.directory.down()
        try:
            return self.as_usual()
        finally:
            self.directory.up()

    def on_a_full_disk(self) -> Morning:
        """Let the night go by while nothing can be written to the state folder."""
        if not may_mount():
            return self.morning(self.cron(largest=1))
        wrapped = ("unshare", "--mount", "sh", "-c", FULL_DISK, "sh", str(self.state))
        return self.morning(self.cron(wrapped=wrapped))

    def on_a_disk_that_fills_up(self) -> Morning:
        """Let the night go by on a disk that takes the plan and only the first of the journal."""
        plan = self.folder / "seen-before.json"
        mapping = str(self.folder / "etc" / "nightly.yaml")
        looked = self.morning(self.start("plan", mapping, "-o", str(plan)))
        assert looked.code == 0, looked
        compact = len(json.dumps(json.loads(plan.read_text()), separators=(",", ":")))
        return self.morning(self.cron(largest=compact + 2000))

    def beside_another_run(self) -> Morning:
        """Let the night go by while the run of the night before is still at work."""
        # A server has a lock for each thing that it is known by, and each port of it its own.
        locks = [Lock(path, "the server") for path in sorted((self.state / "locks").iterdir())]
        since = (self.moment - timedelta(days=1)).isoformat()
        with hold_locks(locks, command="kanport sync of yesterday", now=since):
            return self.as_usual()

    def killed_half_way(self) -> Morning:
        """Kill the run on a slow server, when it has made some of the accounts and not all."""
        self.start_server("--hash-cost", "0.2", "--workers", "1")
        before = len(self.seen())
        process = self.cron()
        until = time.monotonic() + 1500
        while len(self.seen()) < before + 3:
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < until
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        morning = self.morning(process)
        self.start_server()
        return morning

    # --- what monitoring sees -------------------------------------------------------------------

    def status(self) -> dict[str, Any]:
        """Give the status file."""
        status: dict[str, Any] = json.loads((self.state / "status.json").read_text())
        return status

    def metrics(self) -> dict[tuple[str, ...], float]:
        """Give the metrics."""
        return read_metrics((self.state / "kanport.prom").read_text())

    def written(self) -> dict[str, str]:
        """Give all that was written into the state folder, as text."""
        return {
            str(path.relative_to(self.folder)): path.read_bytes().decode("utf-8", "replace")
            for path in sorted(self.state.rglob("*"))
            if path.is_file()
        }


def may_mount() -> bool:
    """Whether a disk of its own can be made for one process."""
    if os.geteuid() != 0 or not shutil.which("unshare"):
        return False
    tried = ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]
    return subprocess.run(tried, capture_output=True, check=False).returncode == 0


CONFIGURATION = """\
url = "{url}"
token = {{file = "token"}}
state = "../state"
status = "../state/status.json"
prometheus = "../state/kanport.prom"

[notify.email]
on = "change"
host = "127.0.0.1"
port = {port}
security = "none"
from = "kanport@example.org"
to = ["ops@example.org"]

[notify.webhook]
on = "always"
url = "{hook}"
"""


@contextmanager
def world_of(folder: Path, company: Company) -> Iterator[World]:
    """Give everything as it is before the first night."""
    etc = folder / "etc"
    etc.mkdir()
    (folder / "state").mkdir()
    with ExitStack() as stack:
        mailbox = stack.enter_context(mail_server(Mailbox()))
        hook = stack.enter_context(web_server(Hook()))
        directory = stack.enter_context(Slapd(folder / "slapd", company.first_directory()))
        world = World(folder, directory, mailbox, hook, company)
        stack.callback(world.stop_server)
        world.start_server()
        world.truth.accounts.append(Account("admin", ours=False))
        with world.store() as store:
            for project in PROJECTS:
                store.add_project(project.title(), identifier=project)
        for name, text in {"token": TOKEN, "ldap-password": PASSWORD}.items():
            (etc / name).write_text(text)
            (etc / name).chmod(0o600)
        (etc / "nightly.yaml").write_text(MAPPING.replace("LDAP_URL", directory.url))
        (etc / "kanport.toml").write_text(
            CONFIGURATION.format(url=world.url, port=mailbox.port, hook=hook.url)
        )
        yield world


def years_in(text: str) -> set[str]:
    """Give the years of all times in a text (RFC 3339, or as run ids hold them)."""
    return set(re.findall(r"(?<!\d)(20\d\d)-?\d\d-?\d\dT\d\d:?\d\d", text))
