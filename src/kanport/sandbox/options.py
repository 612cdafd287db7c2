"""How a sandbox is to behave."""

from collections.abc import Iterable
from dataclasses import field
from pathlib import Path
from typing import Literal

from kanport.records import dataclass

DialectName = Literal["sqlite", "mariadb", "postgres"]
UserRows = Literal["full", "safe", "old"]


@dataclass(frozen=True)
class LdapUser:
    """A person in the directory that the sandbox pretends to ask (createLdapUser).

    Args:
        username: the name to ask for; compared without regard to case, as directories do.
        name: the full name.
        email: the address.
    """

    username: str
    name: str = ""
    email: str = ""

    @classmethod
    def parse(cls, text: str) -> "LdapUser":
        """Read `NAME`, `NAME:FULL NAME` or `NAME:FULL NAME:EMAIL`.

        >>> LdapUser.parse("ada:Ada Lovelace")
        LdapUser(username='ada', name='Ada Lovelace', email='')
        """
        username, _, rest = text.partition(":")
        name, _, email = rest.partition(":")
        return cls(username, name, email)


@dataclass(frozen=True)
class SandboxOptions:
    """Everything that can be set on a sandbox. The defaults are a stock, fast Kanboard 1.2.53.

    Args:
        token: the application token, for the user `jsonrpc`.
        port: the port on 127.0.0.1; 0 takes a free one.
        dialect: whose database habits to show.
        store: a SQLite file to keep the state in; None keeps it in memory.
        ldap_users: whom createLdapUser finds; without any, no LDAP server is configured.
        version: what getVersion answers.
        base_url: how links to projects begin.
        user_rows: `full` as 1.0.25 to 1.2.53 answer, `safe` without the four secrets (as later
            releases will), `old` for a getAllUsers with the fixed columns of 1.0.22 to 1.0.24.
        missing_procedures: procedures that this server does not know, as older ones do not.
        text_numbers: whether numbers in rows are text, as on SQLite and MySQL before PHP 8.1.
        empty_lists: whether nobody in a project is `[]`, as before 1.0.38, and not `{}`.
        time_limit: seconds a batch may take (`max_execution_time`); the rest of it is lost.
        memory_limit: MB that getAllUsers may take (`memory_limit`).
        display_errors: whether a crash of PHP answers its text with 200, or 500 with nothing.
        hash_cost: seconds that hashing or checking a password takes.
        workers: how many passwords can be hashed at a time.
        delay: seconds that each request waits before anything happens.
    """

    token: str = field(default="sandbox-token", repr=False)
    port: int = 0
    dialect: DialectName = "sqlite"
    store: Path | None = None
    ldap_users: Iterable[LdapUser] = ()
    version: str = "1.2.53"
    base_url: str = "http://localhost"
    user_rows: UserRows = "full"
    missing_procedures: frozenset[str] = frozenset()
    text_numbers: bool = False
    empty_lists: bool = False
    time_limit: float | None = None
    memory_limit: float | None = None
    display_errors: bool = True
    hash_cost: float = 0.0
    workers: int = 2
    delay: float = 0.0
