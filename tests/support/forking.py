"""The other side of `tests.support.processes`: imports Kanport once, and forks for every command.

What comes through the socket that is named as the only argument: the length of a request, with the
descriptors of stdin, stdout, stderr and of the pipe that reports how it goes, and then the request.
"""

import contextlib
import gc
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import sys
import time
from importlib import import_module
from typing import Any

LENGTH = 4


def warm_up() -> None:
    """Import all that commands may need."""
    import kanport

    for module in pkgutil.walk_packages(kanport.__path__, "kanport."):
        if module.name != "kanport.__main__":
            import_module(module.name)
    for name in ("ldap3", "openpyxl", "pandas", "rich.console", "rich.table", "ruamel.yaml"):
        import_module(name)
    # As in the processes of the tests, which hold locks, too.
    setattr(sys.modules["kanport.pipeline.run_locks"], "ROUNDS", 1)  # noqa: B010
    # Pages that no garbage collection touches stay shared.
    gc.collect()
    gc.freeze()


class Forking:
    """Starts commands and tells when they end."""

    def __init__(self, requests: socket.socket) -> None:
        self._requests = requests
        self._noticed, self._wake = os.pipe()
        self._running: dict[int, int] = {}
        os.set_blocking(self._wake, False)
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        # Ctrl+C is for who runs the tests.
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def next_command(self) -> dict[str, Any]:
        """Serve until the tests end; return in the process that is to be the command only."""
        asking = self._requests.fileno()
        while True:
            ready, _, _ = select.select([asking, self._noticed], [], [])
            if self._noticed in ready:
                os.read(self._noticed, 65_536)
                self._tell_the_ended()
            if asking in ready:
                head, descriptors, _, _ = socket.recv_fds(self._requests, LENGTH, 4)
                if not head:
                    raise SystemExit
                with self._requests.makefile("rb", buffering=0) as stream:
                    left, body = int.from_bytes(head), b""
                    while len(body) < left:
                        body += stream.read(left - len(body)) or b""
                pid = os.fork()
                if pid == 0:
                    self._become(descriptors)
                    command: dict[str, Any] = json.loads(body)
                    return command
                *streams, told = descriptors
                for stream_number in streams:
                    os.close(stream_number)
                self._running[pid] = told
                os.write(told, b"%d\n" % pid)

    def _tell_the_ended(self) -> None:
        for pid in list(self._running):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                told = self._running.pop(pid)
                # Perhaps nobody waits for it any more.
                with contextlib.suppress(BrokenPipeError):
                    os.write(told, b"%d\n" % os.waitstatus_to_exitcode(status))
                os.close(told)

    def _become(self, descriptors: list[int]) -> None:
        """Be as a process that was just started."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for number, descriptor in enumerate(descriptors[:3]):
            os.dup2(descriptor, number)
        self._requests.close()
        for other in (self._noticed, self._wake, *self._running.values(), *descriptors):
            os.close(other)


def main() -> None:
    """Wait for commands, and be them."""
    warm_up()
    command = Forking(socket.socket(fileno=int(sys.argv[1]))).next_command()
    if command["session"]:
        os.setsid()
    os.chdir(command["cwd"])
    os.environ.clear()
    os.environ.update(command["env"])
    time.tzset()
    sys.stdout.reconfigure(line_buffering=os.isatty(1))  # type: ignore[union-attr]
    program, arguments = command["program"], command["arguments"]
    sys.argv[:] = [program, *arguments]
    if program == "kanport":
        runpy.run_module("kanport", run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(program, run_name="__main__")


if __name__ == "__main__":
    main()
