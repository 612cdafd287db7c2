"""A directory, a Kanboard server and the mapping between them, for tests of several nights."""

from dataclasses import dataclass
from pathlib import Path

from kanport.sandbox import Sandbox
from tests.support.command_line import Kanport, Result
from tests.support.ldap.ds389 import READER
from tests.support.ldap.ldif import PEOPLE

MAPPING = """\
kanport: 1
name: nightly
{ledger}
sources:
  people:
    type: ldap
    url: {url}
    {plain}
    bind_dn: "{login}"
    bind_password: {{env: LDAP_PASSWORD}}
    base: "{base}"
    filter: {filter_}
    {source}
users:
  from: people
  {id}
  fields:
    username: {{from: {login_name}}}
    {fields}
  missing: {missing}
  managed: {{usernames: ["*"]}}
{more}
protect: [admin]
limits: {{disable: 50%, revoke: 50%}}
"""
NAMES = ("ada", "bob", "cyd", "dan", "eve", "fay", "gil", "hal")


@dataclass
class Night:
    """A directory, a Kanboard server, and the mapping between them."""

    server: Sandbox
    kanport: Kanport
    folder: Path
    url: str
    login: str = READER
    base: str = PEOPLE

    def sync(
        self,
        *options: str,
        source: str = "",
        fields: str = "active: {from: active}",
        more: str = "",
        missing: str = "disable",
        ledger: str = "ledger: nightly.ledger",
        login_name: str = "uid",
        filter_: str = "(objectClass=inetOrgPerson)",
    ) -> Result:
        path = self.folder / "nightly.yaml"
        id_ = "id: {from: id}" if "id:" in source else ""
        path.write_text(
            MAPPING.format(
                url=self.url, login=self.login, base=self.base, source=source, fields=fields,
                more=more, missing=missing, ledger=ledger, id=id_,
                login_name=login_name, filter_=filter_,
                plain="allow_plaintext: true" if "ldap://" in self.url else "",
            )
        )  # fmt: skip
        return self.kanport("sync", path, *options)

    def active(self, *names: str) -> list[bool]:
        users = self.server.store.snapshot().users
        return [bool(users[name].is_active) for name in names]


def words_of(result: Result) -> str:
    """Return all that a run printed, whatever the width of its lines."""
    return " ".join(f"{result.out} {result.err}".split())
