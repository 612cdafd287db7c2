"""How fast people and groups are read, beside ldap3 that keeps nothing.

`python -m tests.bench.directory [PEOPLE GROUPS]`, by default 20,000 and 1,000.
"""

import resource
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

from tests.support.ldap.ldif import GROUPS, PEOPLE, dn, group, person, tree
from tests.support.ldap.reading import read, spec
from tests.support.ldap.slapd import ADMIN, PASSWORD, Slapd

ATTRIBUTES = ("uid", "cn", "sn", "givenName", "mail", "employeeType")
ROUNDS = 3


def entries(people: int, groups: int) -> Iterator[str]:
    """Yield the directory: each group has 100 of the people."""
    yield from tree()
    for number in range(people):
        name = f"u{number:05}"
        yield person(name, givenName=f"First{number}", employeeType="A", telephoneNumber="+49 30 1")
    for number in range(groups):
        members = (dn(f"u{(number * 37 + k * 191) % people:05}") for k in range(100))
        yield group(f"kb-p{number}-member", *members)


def bare(url: str) -> None:
    """Search in pages with ldap3 and keep nothing."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        import ldap3
    server = ldap3.Server(url, get_info=ldap3.NONE)
    connection = ldap3.Connection(server, ADMIN, PASSWORD, auto_bind=True, check_names=False)
    pages = connection.extend.standard.paged_search
    for base, names in ((PEOPLE, ATTRIBUTES), (GROUPS, ("cn", "member"))):
        for _ in pages(base, "(objectClass=*)", attributes=names, paged_size=500, generator=True):
            continue
    connection.unbind()


def ours(url: str, group_count: int) -> None:
    """Read the members of all groups, as a mapping does."""
    groups = {"base": GROUPS, "filter": "(objectClass=groupOfNames)"}
    table = read(spec(url, filter="(uid=*)", groups=groups), *ATTRIBUTES, "group.cn")
    assert len(table.rows) == 100 * group_count


def seconds(call: Callable[[str], None], url: str) -> float:
    """Say how long a call takes."""
    begin = time.perf_counter()
    call(url)
    return time.perf_counter() - begin


class Compared(NamedTuple):
    """The seconds that Kanport and ldap3 alone take, and the memory of Kanport (MB)."""

    kanport: float
    alone: float
    memory: int

    @property
    def speed(self) -> float:
        """The speed of Kanport as a share of that of ldap3 alone."""
        return self.alone / self.kanport


def compared(people: int, groups: int) -> Compared:
    """Read a directory in both ways, in turns; the quickest round of each counts."""
    with tempfile.TemporaryDirectory() as folder:
        database = ["sizelimit unlimited"]
        with Slapd(Path(folder) / "slapd", entries(people, groups), database=database) as slapd:
            kanport, alone = [], []
            for _ in range(ROUNDS):
                kanport.append(seconds(partial(ours, group_count=groups), slapd.url))
                memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
                alone.append(seconds(bare, slapd.url))
    return Compared(min(kanport), min(alone), memory)


def main(people: int = 20_000, groups: int = 1_000) -> None:
    """Print the ratio and the memory."""
    took = compared(people, groups)
    sys.stdout.write(
        f"{people:,} people and {groups:,} groups: {took.kanport:.2f} s, {took.memory} MB at most;"
        f" ldap3 alone {took.alone:.2f} s; {took.speed:.0%} of its speed\n"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
