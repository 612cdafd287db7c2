"""Every way in which a command ends, each as a process of its own, away from any terminal."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from kanport.pipeline.run_locks import run_lock
from kanport.sandbox import InjectedFault, Sandbox
from tests.support.command_line import Result
from tests.support.files import MAPPING, PEOPLE, write_files
from tests.support.processes import Command

# A run that fails in a way that none can foresee.
BUG = """\
from kanport.pipeline import inputs
from kanport.cli import main

def read_inputs(*arguments, **named):
    return 1 / 0

inputs.read_inputs = read_inputs
main()
"""


@dataclass
class Host:
    """A server, a folder with a mapping and its sources, and the processes that work on them."""

    server: Sandbox
    folder: Path
    environ: dict[str, str] = field(default_factory=dict)

    def start(self, *arguments: object) -> Command:
        """Start a command as cron would: no terminal, the server in the environment."""
        return Command(*arguments, cwd=self.folder, env=self._environ())

    def _environ(self) -> dict[str, str]:
        return {
            **{k: v for k, v in os.environ.items() if not k.startswith(("KANPORT_", "XDG_"))},
            "KANPORT_URL": self.server.url,
            "KANPORT_TOKEN": self.server.token,
            "KANPORT_STATE": str(self.folder / "state"),
            "HOME": str(self.folder),
            **self.environ,
        }

    def run(self, *arguments: object) -> Result:
        """Run a command to its end."""
        return self.said(self.start(*arguments))

    def said(self, process: Command) -> Result:
        """Wait for a command, and give what it said without what differs each time."""
        out, err = process.communicate(timeout=1500)
        return self._steadily(process.wait(), out, err)

    def kill_at(
        self, when: Callable[[tuple[str, ...]], bool], *arguments: object, after: int
    ) -> None:
        """Kill a command when it sends such a request, of which so many calls are carried out."""
        process = self.start(*arguments)

        def fault(names: tuple[str, ...]) -> InjectedFault | None:
            if not when(names):
                return None
            process.kill()
            process.wait()
            return InjectedFault(after=after)

        self.server.fault = fault
        process.communicate(timeout=1500)
        self.server.wait_until_alone()
        self.server.fault = None

    def run_code(self, code: str, *arguments: str) -> Result:
        """Run `kanport` in a new Python that runs this code to begin with."""
        ended = subprocess.run(
            [sys.executable, "-c", code, *arguments],
            cwd=self.folder,
            env=self._environ(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        return self._steadily(ended.returncode, ended.stdout, ended.stderr)

    def _steadily(self, code: int, out: str, err: str) -> Result:
        return Result(code, self._steady(out), self._steady(err))

    def _steady(self, text: str) -> str:
        text = text.replace(self.server.url, "URL").replace(str(self.folder), "FOLDER")
        text = re.sub(r"\d{8}T\d{6}Z-[0-9a-f]{6}", "RUN", text)
        text = re.sub(r"process \d+ on \S+, since \S+\)", "process N on HOST, since TIME)", text)
        return re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT", text)


def a_host(server: Sandbox, folder: Path) -> Host:
    """Give a server with two projects, and files that want three people in them."""
    server.store.add_project("Alpha", identifier="ALPHA")
    server.store.add_project("Beta board")
    write_files(folder)
    return Host(server, folder)


# --- the ways to end ------------------------------------------------------------------------------


def changed(host: Host) -> Result:
    return host.run("sync", "club.yaml")


def nothing_to_do(host: Host) -> Result:
    host.run("sync", "club.yaml")
    return host.run("sync", "club.yaml")


def a_bug(host: Host) -> Result:
    return host.run_code(BUG, "sync", "club.yaml")


def no_terminal(host: Host) -> Result:
    host.run("plan", "club.yaml", "-o", "plan.json")
    return host.run("apply", "plan.json")


def no_argument(host: Host) -> Result:
    return host.run("sync")


def a_row_left_out(host: Host) -> Result:
    write_files(
        host.folder,
        mapping=MAPPING + "invalid_rows: skip\n",
        people=PEOPLE + "dan,Dan,no-address,\n",
    )
    return host.run("sync", "club.yaml")


def a_guard(host: Host) -> Result:
    write_files(host.folder, mapping=MAPPING + "limits: {create: 2}\n")
    return host.run("sync", "club.yaml")


def invalid_rows(host: Host) -> Result:
    write_files(host.folder, people=PEOPLE + "dan,Dan,no-address,\n")
    return host.run("sync", "club.yaml")


def no_mapping(host: Host) -> Result:
    return host.run("sync", "none.yaml")


def no_configuration(host: Host) -> Result:
    host.environ |= {"KANPORT_URL": "", "KANPORT_TOKEN": "", "HOME": "/nonexistent"}
    return host.run("sync", "club.yaml")


def wrong_configuration(host: Host) -> Result:
    (host.folder / "kanport.toml").write_text('ulr = "https://kb.example.org"\n')
    return host.run("sync", "club.yaml")


def nobody_there(host: Host) -> Result:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        host.environ["KANPORT_URL"] = f"http://127.0.0.1:{free.getsockname()[1]}"
    return host.run("sync", "club.yaml")


def not_let_in(host: Host) -> Result:
    host.environ["KANPORT_TOKEN"] = "another"
    return host.run("sync", "club.yaml")


def another_run(host: Host) -> Result:
    with run_lock(
        host.server.url, None, state=host.folder / "state", command="kanport sync x.yaml"
    ):
        return host.run("sync", "club.yaml")


def a_stale_plan(host: Host) -> Result:
    host.run("plan", "club.yaml", "-o", "plan.json")
    host.server.store.add_user("ada")
    return host.run("apply", "plan.json", "--yes")


def pending(host: Host) -> Result:
    return host.run("plan", "club.yaml", "--check", "--quiet")


def interrupted(host: Host) -> Result:
    process = host.start("sync", "club.yaml")

    def fault(names: list[str]) -> None:
        if "createUser" in names:
            process.send_signal(signal.SIGTERM)

    host.server.fault = fault  # type: ignore[assignment]
    return host.said(process)


def interrupted_while_reading(host: Host) -> Result:
    process = host.start("sync", "club.yaml")

    def fault(names: list[str]) -> None:
        if "getAllUsers" in names:
            process.send_signal(signal.SIGTERM)

    host.server.fault = fault  # type: ignore[assignment]
    return host.said(process)
