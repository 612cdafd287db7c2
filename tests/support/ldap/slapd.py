"""A real slapd for one test or one session, on loopback and a socket in its own folder."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import NoReturn, Self
from urllib.parse import quote

import pytest

from tests.support.ports import free_port

SUFFIX = "dc=example,dc=org"
ADMIN = f"cn=admin,{SUFFIX}"
PASSWORD = "slapd-geheim"
MODULES = Path("/usr/lib/ldap")
SCHEMAS = Path("/etc/ldap/schema")


def program(name: str, package: str) -> str:
    """Give the path of a program; where its Debian package is missing, see `cannot`."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/lib/openldap")
    return found or cannot(f"{name} is not installed; on Debian: apt-get install {package}")


def cannot(why: str) -> NoReturn:
    """Fail in CI, where everything has to be there; skip on a machine of somebody who tries it."""
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)


class Slapd:
    """A slapd with one database, loaded from LDIF before it starts.

    `settings` go into its configuration before the database, `database` into the database itself;
    `tls` is a folder with server.pem, server.key and ca.pem.
    """

    def __init__(
        self,
        folder: Path,
        ldif: str | Iterable[str],
        *,
        settings: Iterable[str] = (),
        database: Iterable[str] = (),
        tls: Path | None = None,
        schemas: Iterable[str] = ("core", "cosine", "nis", "inetorgperson"),
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = free_port()
        self.tls_port = free_port() if tls else None
        # The path of a socket may have at most 107 bytes, and pytest's folders are deep.
        self._short = tempfile.TemporaryDirectory(prefix="kanport-")
        self.socket = Path(self._short.name) / "ldapi"
        self._process: subprocess.Popen[bytes] | None = None
        self._tls = tls
        self._schemas = tuple(schemas)
        self._settings = tuple(settings)
        (folder / "slapd.conf").write_text(self._config(self._settings, database))
        (folder / "data").mkdir()
        (folder / "data.ldif").write_text(ldif if isinstance(ldif, str) else "\n".join(ldif))

    @property
    def url(self) -> str:
        """The URL without TLS."""
        return f"ldap://127.0.0.1:{self.port}"

    @property
    def tls_url(self) -> str:
        """The URL with TLS from the first byte; the name in it is localhost."""
        return f"ldaps://localhost:{self.tls_port}"

    @property
    def ldapi_url(self) -> str:
        """The URL of the socket."""
        return f"ldapi://{quote(str(self.socket), safe='')}"

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop it for good; nothing happens where it has stopped already."""
        self.down()
        self._short.cleanup()

    def down(self) -> None:
        """Let nobody listen any more, until `up`."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None

    def up(self) -> None:
        """Answer, with what was there before."""
        config = str(self.folder / "slapd.conf")
        urls = [self.url + "/", self.ldapi_url + "/"]
        if self.tls_port:
            urls.append(f"ldaps://127.0.0.1:{self.tls_port}/")
        with (self.folder / "slapd.log").open("ab") as log:
            self._process = subprocess.Popen(
                [program("slapd", "slapd"), "-d", "0", "-f", config, "-h", " ".join(urls)],
                stdout=log,
                stderr=log,
            )
        self._wait()

    def serve(self, *database: str) -> None:
        """Start again with other lines in the configuration of the database, such as ACLs."""
        self.down()
        (self.folder / "slapd.conf").write_text(self._config(self._settings, database))
        self.up()

    def add(self, *entries: str) -> None:
        """Add entries while it runs."""
        self.modify("\n".join(entry.replace("\n", "\nchangetype: add\n", 1) for entry in entries))

    def modify(self, ldif: str) -> None:
        """Change the directory while it runs."""
        done = subprocess.run(
            [
                program("ldapmodify", "ldap-utils"),
                "-x",
                "-H",
                self.url,
                "-D",
                ADMIN,
                "-w",
                PASSWORD,
            ],
            input=ldif,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def _start(self) -> None:
        program("slapd", "slapd")
        config = str(self.folder / "slapd.conf")
        data = str(self.folder / "data.ldif")
        loaded = subprocess.run(
            [program("slapadd", "slapd"), "-q", "-f", config, "-l", data],
            capture_output=True,
            text=True,
            check=False,
        )
        assert loaded.returncode == 0, loaded.stderr
        self.up()

    def _wait(self) -> None:
        assert self._process is not None
        until = time.monotonic() + 1200
        while time.monotonic() < until:
            assert self._process.poll() is None, (self.folder / "slapd.log").read_text()
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise AssertionError("slapd does not answer")

    def _config(self, settings: Iterable[str], database: Iterable[str]) -> str:
        lines = [f"include {SCHEMAS}/{name}.schema" for name in self._schemas]
        lines += [
            f"pidfile {self.folder}/pid",
            f"modulepath {MODULES}",
            "moduleload back_mdb",
            *settings,
        ]
        if self._tls:
            lines += [
                f"TLSCACertificateFile {self._tls}/ca.pem",
                f"TLSCertificateFile {self._tls}/server.pem",
                f"TLSCertificateKeyFile {self._tls}/server.key",
            ]
        lines += [
            "database mdb",
            f"suffix {SUFFIX}",
            f"rootdn {ADMIN}",
            f"rootpw {PASSWORD}",
            f"directory {self.folder}/data",
            "maxsize 104857600",
            "dbnosync",
            "index objectClass,uid,cn,member eq",
            *database,
        ]
        return "\n".join(lines) + "\n"
