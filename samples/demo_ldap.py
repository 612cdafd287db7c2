"""The demo of directories: Kanport syncs people and groups of a real slapd into a sandbox.

It starts OpenLDAP's slapd (Debian's package) on loopback with `ldap/example.ldif`, and a sandbox
with four projects. Then it runs the commands that a user would run, and prints each before its
output.
"""

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from demo_tools import ROOT, SAMPLES, call, run, sandbox, tell

from kanport.config.file import Layers
from kanport.config.settings import settings_of
from kanport.kanboard.client import Client
from kanport.kanboard.rpc import Call

# Where mappings/openldap.yaml looks for it.
PORT = 3389
PROJECTS = ("APOLLO", "ARCHIVE", "BOREALIS", "ZEPHYR")
MAPPING = "mappings/openldap.yaml"
CONFIG = """\
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/nis.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {folder}/slapd.pid
database mdb
suffix "dc=example,dc=org"
directory {folder}/data
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="cn=kanport,ou=services,dc=example,dc=org" read by * none
"""


def main() -> None:
    """Run the whole demo; exit with 1 if a command ends with an unexpected code."""
    token = secrets.token_urlsafe(24)
    # From an earlier demo, whose directory no longer exists.
    (ROOT / "mappings" / "openldap.ledger").unlink(missing_ok=True)
    with directory(), sandbox(token) as url:
        settings = settings_of(Layers({"url": url}, {"KANPORT_TOKEN": token}))
        with Client.open(settings) as client:
            for name in PROJECTS:
                call(client, Call("createProject", {"name": name.title(), "identifier": name}))
        environment = {
            **os.environ,
            "KANPORT_URL": url,
            "KANPORT_TOKEN": token,
            # Of the sample directory, which exists only during the demo.
            "LDAP_PASSWORD": "kanport-demo",
        }
        with tempfile.TemporaryDirectory() as state:
            environment["KANPORT_STATE"] = state
            tell(
                f"OpenLDAP runs on port {PORT} with {SAMPLES.name}/ldap/example.ldif, and a"
                f" Kanboard-compatible server at {url} with {len(PROJECTS)} empty projects. First a"
                " dry run:"
            )
            run(environment, 0, "plan", MAPPING, shown_lines=40)
            tell("Then a sync, as a nightly job runs it. It verifies what it wrote.")
            run(environment, 0, "sync", MAPPING, shown_lines=14)
            tell("The same dry run again: no changes are left.")
            run(environment, 0, "plan", MAPPING, "--check", shown_lines=14)


@contextmanager
def directory() -> Iterator[None]:
    """Run a slapd on loopback with the sample directory."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin"
    slapd, slapadd = (shutil.which(name, path=path) for name in ("slapd", "slapadd"))
    if slapd is None or slapadd is None:
        raise SystemExit("This demo needs OpenLDAP's slapd; on Debian: apt-get install slapd")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "data").mkdir()
        config = folder / "slapd.conf"
        config.write_text(CONFIG.format(folder=folder), encoding="utf-8")
        ldif = SAMPLES / "ldap" / "example.ldif"
        subprocess.run([slapadd, "-q", "-f", config, "-l", ldif], check=True)  # noqa: S603
        server = subprocess.Popen(  # noqa: S603 - the system's own
            [slapd, "-d", "0", "-f", config, "-h", f"ldap://127.0.0.1:{PORT}/"],
            stderr=subprocess.DEVNULL,
        )
        try:
            wait_for(server)
            yield
        finally:
            server.terminate()
            server.wait()


def wait_for(server: "subprocess.Popen[bytes]") -> None:
    """Wait until the server listens."""
    for _ in range(500):
        if server.poll() is not None:
            raise SystemExit(f"slapd did not start; is port {PORT} taken?")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", PORT)) == 0:
                return
        time.sleep(0.02)
    raise SystemExit("slapd does not answer")


if __name__ == "__main__":
    main()
