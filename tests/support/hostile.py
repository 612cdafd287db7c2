"""Misbehaving servers on loopback, and the limits that a test holds Kanport to."""

import contextlib
import resource
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# Seconds that everything may take and MiB that it may grow by. Both are far more than is needed, so
# that a busy machine changes nothing, and far less than what never ends would reach.
SECONDS = 300.0
MEBIBYTES = 400


class Peer:
    """A connection that was made to the server; `gone` is set when the test ends."""

    def __init__(self, connected: socket.socket, gone: threading.Event) -> None:
        self.socket = connected
        self.gone = gone

    def request(self) -> bytes:
        """Take what came first; mostly the whole of a short request."""
        return self.socket.recv(65_536)

    def send(self, data: bytes) -> None:
        """Send bytes at once."""
        self.socket.sendall(data)

    def drip(self, data: bytes, *, pause: float = 0.05) -> None:
        """Send bytes one after the other, slowly."""
        for byte in data:
            if self.gone.wait(pause):
                return
            self.send(bytes([byte]))

    def forever(self, data: bytes, *, pause: float = 0.0) -> None:
        """Send the same again and again, until the other side has had enough."""
        while not self.gone.wait(pause) if pause else not self.gone.is_set():
            self.send(data)

    def hang(self) -> None:
        """Say nothing more."""
        self.gone.wait()


@contextmanager
def listening(behavior: Callable[[Peer], None]) -> Iterator[int]:
    """Run a server that treats each connection so, in threads, and give its port."""
    gone = threading.Event()
    peers: list[socket.socket] = []

    def serve(connected: socket.socket) -> None:
        with contextlib.suppress(OSError, ValueError):
            behavior(Peer(connected, gone))
        connected.close()

    def accept() -> None:
        while not gone.is_set():
            try:
                connected, _ = server.accept()
            except OSError:
                return
            peers.append(connected)
            threading.Thread(target=serve, args=(connected,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            gone.set()
            # Closing alone does not wake up who waits in accept.
            with contextlib.suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            for connected in peers:
                with contextlib.suppress(OSError):
                    connected.shutdown(socket.SHUT_RDWR)
            thread.join(10)


@contextmanager
def bounded(seconds: float = SECONDS, mebibytes: int = MEBIBYTES) -> Iterator[None]:
    """Fail where the block takes much longer than it may, or this process grows by too much."""
    begun, before = time.monotonic(), peak()
    yield
    assert time.monotonic() - begun < seconds
    assert peak() - before < mebibytes


def peak() -> float:
    """Return the most memory that this process ever had, in MiB."""
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # macOS counts bytes, everybody else KiB.
    return size / 2**20 if sys.platform == "darwin" else size / 2**10
