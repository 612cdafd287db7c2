"""A real 389 Directory Server for one test or one session, on loopback and in its own folder.

`dscreate` writes to /etc and asks systemd, so two test runs would share an instance. The folder
here is filled from the same template that `dscreate` fills, and `ns-slapd` serves it.
"""

import base64
import contextlib
import hashlib
import re
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterable
from getpass import getuser
from pathlib import Path
from types import TracebackType
from typing import Self

from tests.support.ldap.ldif import entry
from tests.support.ldap.slapd import ADMIN, PASSWORD, SUFFIX, cannot, program
from tests.support.ports import free_port

READER = f"uid=kanport,{SUFFIX}"
"""The login that is not the administrator, whom no ACI binds; its password is PASSWORD."""

_SHARED = Path("/dev/shm")  # noqa: S108 - where the server puts it
_TEMPLATE = Path("/usr/share/dirsrv/data/template-dse.ldif")

_NO_SCHEMA = "dn: cn=schema\nobjectClass: top\nobjectClass: ldapSubentry\ncn: schema\n"
# What FreeIPA adds to the schema, as far as the tests need it. The OIDs are FreeIPA's.
_SCHEMA = """\
dn: cn=schema
attributeTypes: ( 2.16.840.1.113730.3.8.3.1 NAME 'ipaUniqueID' EQUALITY caseIgnoreMatch
  ORDERING caseIgnoreOrderingMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 )
objectClasses: ( 2.16.840.1.113730.3.8.4.12 NAME 'ipaObject' AUXILIARY MUST ipaUniqueID )
objectClasses: ( 2.16.840.1.113730.3.8.4.3 NAME 'nestedGroup' SUP groupOfNames STRUCTURAL
  MAY memberOf )
objectClasses: ( 2.16.840.1.113730.3.8.4.4 NAME 'ipaUserGroup' SUP nestedGroup STRUCTURAL )
"""


class Ds389:
    """A 389 Directory Server with one database.

    `ldif` is loaded by the administrator; READER may then read everything but passwords, until
    `hide` takes something away. With `member_of` the server maintains `memberOf`, as FreeIPA does.
    `freeipa` adds what FreeIPA adds to the schema. `settings` are attributes of cn=config.
    """

    def __init__(
        self,
        folder: Path,
        ldif: str | Iterable[str],
        *,
        member_of: bool = False,
        freeipa: bool = True,
        settings: Iterable[str] = (),
    ) -> None:
        if not _TEMPLATE.exists():
            cannot("389 Directory Server is not installed; on Debian: apt-get install 389-ds-base")
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.port = free_port()
        self._ldif = ldif if isinstance(ldif, str) else "\n".join(ldif)
        self._process: subprocess.Popen[bytes] | None = None
        # The name of its folder is also the name of a semaphore that the whole machine shares.
        self._short = tempfile.TemporaryDirectory(prefix="kanport-389-")
        self._config = Path(self._short.name)
        self._write(member_of, freeipa, settings)

    @property
    def url(self) -> str:
        """The URL without TLS."""
        return f"ldap://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        try:
            self.up()
            self._load()
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
        """Stop it for good and remove what it left; nothing happens where it has stopped."""
        if self._process is not None:
            # Nobody reads its database again, and an orderly end takes seconds.
            self._process.kill()
            self._process.wait()
            self._process = None
        (_SHARED / f"sem.{self._config.name}.stats").unlink(missing_ok=True)
        self._short.cleanup()

    def down(self) -> None:
        """Let nobody listen any more, until `up`."""
        if self._process is not None:
            self._process.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(20)
            self._process.kill()
            self._process.wait()
            self._process = None

    def up(self) -> None:
        """Answer, with what was there before."""
        with (self.folder / "ns-slapd.log").open("ab") as log:
            self._process = subprocess.Popen(
                [program("ns-slapd", "389-ds-base"), "-D", str(self._config), "-d", "0"],
                stdout=log,
                stderr=log,
            )
        self._wait()

    def add(self, *entries: str) -> None:
        """Add entries."""
        self.modify("\n".join(entry.replace("\n", "\nchangetype: add\n", 1) for entry in entries))

    def modify(self, ldif: str) -> None:
        """Change the directory as its administrator; each change begins with its dn."""
        done = subprocess.run(
            [
                program("ldapmodify", "ldap-utils"),
                *("-x", "-H", self.url, "-D", ADMIN, "-w", PASSWORD),
            ],
            input=ldif,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    def aci(self, dn: str, aci: str) -> None:
        """Add an access control instruction to an entry."""
        self.modify(f"dn: {dn}\nchangetype: modify\nadd: aci\naci: {aci}\n")

    def hide(self, dn: str, *attributes: str) -> None:
        """Hide attributes of an entry and of what is below it from READER, or the whole entry."""
        what = f'(targetattr = "{" || ".join(attributes)}")' if attributes else '(targetattr = "*")'
        self.aci(dn, f'{what}(version 3.0; acl "hidden"; deny (all) {_BY_READER};)')

    def show(self, dn: str) -> None:
        """Show READER again what `hide` hid at this entry."""
        self.modify(f"dn: {dn}\nchangetype: modify\ndelete: aci\n")

    def _load(self) -> None:
        backend = "cn=userRoot,cn=ldbm database,cn=plugins,cn=config"
        self.add(
            entry(
                backend,
                objectClass=["top", "extensibleObject", "nsBackendInstance"],
                cn="userRoot",
                **{"nsslapd-suffix": SUFFIX},
            ),
            entry(
                f'cn="{SUFFIX}",cn=mapping tree,cn=config',
                objectClass=["top", "extensibleObject", "nsMappingTree"],
                cn=SUFFIX,
                **{"nsslapd-state": "backend", "nsslapd-backend": "userRoot"},
            ),
        )
        self.add(*[text + "\n" for text in re.split(r"\n\n+", self._ldif) if text.strip()])
        self.add(
            entry(
                READER,
                objectClass=["account", "simpleSecurityObject"],
                uid="kanport",
                userPassword=PASSWORD,
            )
        )
        self.aci(
            SUFFIX,
            '(targetattr != "userPassword || aci")'
            f'(version 3.0; acl "reader"; allow (read, search, compare) {_BY_READER};)',
        )

    def _write(self, member_of: bool, freeipa: bool, settings: Iterable[str]) -> None:
        config = self._config
        (config / "schema").mkdir()
        # The server does not start where there is no schema of one's own at all.
        (config / "schema" / "99user.ldif").write_text(_NO_SCHEMA)
        if freeipa:
            (config / "schema" / "60freeipa.ldif").write_text(_SCHEMA)
        data = self.folder / "389"
        for name in ("bak", "db", "inst", "ldif", "lock", "log", "run", "tmp"):
            (data / name).mkdir(parents=True)
        values = {
            **{f"{name}_dir": str(data / name) for name in _FOLDERS},
            "schema_dir": f"{config}/schema",
            "cert_dir": str(config),
            "config_dir": str(config),
            "db_home_dir": f"{data}/db",
            "db_lib": "bdb",
            "fqdn": "localhost",
            "ds_port": str(self.port),
            "ds_user": getuser(),
            "ds_passwd": _hashed(PASSWORD),
            "ds_suffix": SUFFIX,
            "rootdn": ADMIN,
            "ldapi": f"{config}/ldapi",
            "ldapi_enabled": "off",
            "ldapi_autobind": "off",
        }
        text = re.sub("%([a-z_]+)%", lambda found: values[found[1]], _TEMPLATE.read_text())
        lines = ["nsslapd-listenhost: 127.0.0.1", *settings]
        text = text.replace("cn: config\n", "cn: config\n" + "\n".join(lines) + "\n", 1)
        if member_of:
            text = re.sub(
                r"(cn: MemberOf Plugin\n(?:.+\n)*?nsslapd-pluginEnabled: )off",
                r"\1on",
                text,
                count=1,
                flags=re.IGNORECASE,
            )
        (config / "dse.ldif").write_text(text)

    def _wait(self) -> None:
        assert self._process is not None
        until = time.monotonic() + 60
        while time.monotonic() < until:
            assert self._process.poll() is None, self._log()
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.02)
        raise AssertionError(f"389 Directory Server does not answer\n{self._log()}")

    def _log(self) -> str:
        errors = self.folder / "389" / "log" / "errors"
        texts = [(self.folder / "ns-slapd.log").read_text()]
        return "".join([*texts, errors.read_text() if errors.exists() else ""])[-3000:]


_FOLDERS = ("bak", "db", "inst", "ldif", "lock", "log", "run", "tmp")
_BY_READER = f'userdn = "ldap:///{READER}"'


def _hashed(password: str) -> str:
    """Return a password as the configuration stores it: hashed, as it refuses clear text."""
    salt = b"kanport!"
    # {SSHA} is SHA-1 by definition.
    digest = hashlib.sha1(password.encode() + salt, usedforsecurity=False).digest()
    return "{SSHA}" + base64.b64encode(digest + salt).decode()
