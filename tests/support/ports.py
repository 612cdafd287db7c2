"""Ports for servers that must know theirs before they start."""

import fcntl
import random
import socket
import tempfile
from pathlib import Path
from typing import IO

# Below what systems give to outgoing connections, so that none takes a port in between.
PORTS = range(20_000, 32_000)
_HELD: list[IO[str]] = []


def free_port() -> int:
    """Return a port on loopback that nobody listens on, and no other test run takes meanwhile.

    It stays reserved until this process ends.
    """
    folder = Path(tempfile.gettempdir()) / "kanport-test-ports"
    folder.mkdir(mode=0o777, exist_ok=True)
    draw = random.SystemRandom()
    for _ in range(1000):
        port = draw.choice(PORTS)
        lock = (folder / str(port)).open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                probe.bind(("127.0.0.1", port))
        except OSError:
            lock.close()
            continue
        _HELD.append(lock)
        return port
    raise OSError("no port is free")
