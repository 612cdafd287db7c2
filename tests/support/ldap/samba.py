"""A real Active Directory protocol: Samba's domain controller, on loopback.

Samba can serve LDAP on ports 389 and 636 only, so there can be one on a machine. Whoever comes
later waits: the lock is a file that the running samba holds open.
"""

import contextlib
import fcntl
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from tests.support.ldap.slapd import cannot, program

DOMAIN = "DC=kanport,DC=test"
ADMINISTRATOR = f"CN=Administrator,CN=Users,{DOMAIN}"
PASSWORD = "Samba-geheim-9"
URL = "ldap://127.0.0.1:389"
TLS_URL = "ldaps://localhost:636"
_LOCK = Path(tempfile.gettempdir()) / "kanport-tests-samba.lock"


class Samba:
    """A running domain controller; `load` writes to it as its administrator."""

    def __init__(self, authority: Path, folder: Path) -> None:
        self._authority = authority
        self._folder = folder

    def hide(self, sid: str, dn: str, *rights: str) -> None:
        """Deny somebody rights on an entry, as in `RP` or `RP;<GUID of the attribute>`."""
        for right in rights:
            kind, _, what = right.partition(";")
            ace = f"({'OD' if what else 'D'};;{kind};{what};;{sid})"
            done = subprocess.run(
                [
                    program("samba-tool", "samba-ad-dc"),
                    *("dsacl", "set", "-H", str(self._folder / "private" / "sam.ldb")),
                    *(f"--objectdn={dn}", f"--sddl={ace}"),
                ],
                capture_output=True,
                text=True,
                check=False,
            )
            assert done.returncode == 0, done.stderr

    def load(self, *changes: str) -> None:
        """Change the directory; each change begins with its dn."""
        done = subprocess.run(
            [
                program("ldapmodify", "ldap-utils"),
                *("-x", "-H", "ldaps://127.0.0.1", "-D", ADMINISTRATOR, "-w", PASSWORD),
            ],
            input="\n".join(changes),
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, "LDAPTLS_CACERT": str(self._authority)},
        )
        assert done.returncode == 0, done.stderr


@contextlib.contextmanager
def samba(tls: Path, provisioned: Path) -> Iterator[Samba]:
    """Run a domain controller with the certificate in a folder.

    `provisioned` is where a new domain is kept, for all who share it: to make one takes seconds.
    """
    tool = program("samba-tool", "samba-ad-dc samba-ad-provision samba-dsdb-modules winbind")
    daemon = program("samba", "samba-ad-dc")
    if os.geteuid() != 0:
        cannot("Samba can only serve LDAP on port 389, which takes root")
    # Not pytest's folder: the paths of sockets would be too long.
    with tempfile.TemporaryDirectory(prefix="kanport-") as name, _LOCK.open("w") as lock:
        _wait_for(lock.fileno())
        _check_ports()
        folder = Path(name)
        if not provisioned.exists():
            _provision(tool, provisioned)
        shutil.copytree(provisioned, folder, dirs_exist_ok=True)
        _configure(folder, tls, provisioned)
        with (folder / "samba.log").open("wb") as log:
            process = subprocess.Popen(
                [daemon, "-s", str(folder / "etc" / "smb.conf"), "-F", "-M", "single"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                pass_fds=[lock.fileno()],
                start_new_session=True,
            )
        try:
            _wait_until_ready(process, folder)
            yield Samba(tls / "ca.pem", folder)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(10)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            assert process.stdin is not None
            process.stdin.close()


def _wait_for(lock: int) -> None:
    until = time.monotonic() + 1500
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            assert time.monotonic() < until, f"another samba holds {_LOCK}"
            time.sleep(0.2)


def _check_ports() -> None:
    for port in (389, 636):
        with socket.socket() as probe:
            taken = probe.connect_ex(("127.0.0.1", port)) == 0
        assert not taken, f"port {port} is taken, and Samba's controller can use no other"


def _provision(tool: str, folder: Path) -> None:
    unfinished = folder.with_suffix(".new")
    done = subprocess.run(
        [
            tool, "domain", "provision", "--server-role=dc", "--dns-backend=NONE", "--use-rfc2307",
            f"--targetdir={unfinished}", "--realm=KANPORT.TEST", "--domain=KANPORT",
            f"--adminpass={PASSWORD}", "--host-name=dc1", "--host-ip=127.0.0.1",
            "--option=interfaces=lo", "--option=bind interfaces only=yes",
            f"--option=log file={unfinished}/log",
        ],
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    unfinished.rename(folder)


def _configure(folder: Path, tls: Path, provisioned: Path) -> None:
    config = folder / "etc" / "smb.conf"
    text = config.read_text().replace(str(provisioned.with_suffix(".new")), str(folder))
    text = re.sub(r"\n\[homes\].*", "\n", text, flags=re.DOTALL)
    text = re.sub(r"\tserver services = .*", "\tserver services = ldap", text)
    private = folder / "private" / "tls"
    private.mkdir(exist_ok=True)
    for name in ("server.pem", "server.key", "ca.pem"):
        copy = private / name
        copy.write_bytes((tls / name).read_bytes())
        copy.chmod(0o600)
    lines = [
        f"pid directory = {folder}",
        f"ncalrpc dir = {folder}/ncalrpc",
        f"winbindd socket directory = {folder}/winbindd",
        f"log file = {folder}/log",
        "tls enabled = yes",
        f"tls certfile = {private}/server.pem",
        f"tls keyfile = {private}/server.key",
        f"tls cafile = {private}/ca.pem",
        "ldap server require strong auth = yes",
    ]
    config.write_text(text + "".join(f"\t{line}\n" for line in lines))


def _wait_until_ready(process: subprocess.Popen[bytes], folder: Path) -> None:
    until = time.monotonic() + 1500
    while time.monotonic() < until:
        assert process.poll() is None, (folder / "samba.log").read_text()[-3000:]
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", 636)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("samba does not answer")
