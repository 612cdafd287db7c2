"""The server that is measured: a sandbox in its own process, or a live one."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

TOKEN = "bench"
# What bcrypt costs a stock server for each new user, on two cores (seen: 13.9 a second and core).
HASH_COST = "0.07"


@contextmanager
def bench_server(*, hashing: bool = False) -> Iterator[tuple[str, str]]:
    """Yield the URL and the token of the server to measure; a sandbox hashes only if asked to."""
    if "KANPORT_LIVE_URL" in os.environ:
        yield os.environ["KANPORT_LIVE_URL"], os.environ["KANPORT_LIVE_TOKEN"]
        return
    command = [sys.executable, "-m", "kanport", "sandbox"]
    command += ["--hash-cost", HASH_COST] if hashing else []
    server = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "KANPORT_TOKEN": TOKEN}
    )
    assert server.stdout is not None
    try:
        yield server.stdout.readline().removeprefix("listening on ").strip(), TOKEN
    finally:
        server.terminate()
        server.wait()
        server.stdout.close()
