"""Groups in groups: who is in one, followed down without running in circles. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from kanport.sources.ldap.ber import Entry


@dataclass(slots=True)
class Node:
    """A group: its entry, and its direct members by the keys of their DNs.

    `lost` are members of whom nobody can say who they are; `strangers` are proven to be none of
    the people, as they are gone or something else. `hidden` is True where the list of members may
    not be read, `unexpanded` where members are whom a search finds and the server does not list
    them. `logins` are those of the people whom the group lists by login.
    """

    entry: Entry
    people: set[str] = field(default_factory=set)
    logins: set[str] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)
    lost: list[str] = field(default_factory=list)
    strangers: list[str] = field(default_factory=list)
    hidden: bool = False
    unexpanded: bool = False


class Reach(NamedTuple):
    """What is reached from a group: people, the groups passed (itself first), and two warnings.

    `logins` are those of the people whom one of the groups lists by login.
    """

    people: set[str]
    passed: tuple[str, ...]
    too_deep: bool
    in_circle: bool
    logins: set[str]


def reach(start: str, nodes: Mapping[str, Node], depth: int) -> Reach:
    """Follow a group down to `depth` levels of groups below it; each group is passed once.

    >>> a = Node(Entry("a", {}), {"ada"}, groups={"b"})
    >>> b = Node(Entry("b", {}), {"bob"}, groups={"a"})
    >>> found = reach("a", {"a": a, "b": b}, 5)
    >>> sorted(found.people), found.in_circle, found.too_deep
    (['ada', 'bob'], True, False)
    """
    people: set[str] = set()
    logins: set[str] = set()
    passed: dict[str, None] = {start: None}
    level, circle = [start], False
    for _ in range(depth + 1):
        below: list[str] = []
        for key in level:
            node = nodes[key]
            people |= node.people
            logins |= node.logins
            circle = circle or start in node.groups
            for inner in node.groups:
                if inner not in passed and inner in nodes:
                    passed[inner] = None
                    below.append(inner)
        level = below
        if not level:
            return Reach(people, tuple(passed), too_deep=False, in_circle=circle, logins=logins)
    kept = [key for key in passed if key not in set(level)]
    return Reach(people, tuple(kept), too_deep=True, in_circle=circle, logins=logins)
