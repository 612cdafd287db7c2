"""The kinds of relations: one entry each, over which everything that handles them iterates.

A relation has a holder, a target, and a role or none: a user has a role in a project, a user is in
a group, a group has a role in a project. To add a kind, add its entry, and what reads, carries out
and reads back one of it (`kanport.normalize.relations`, `kanport.apply.calls`).
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from functools import cached_property
from typing import Any, NamedTuple

from kanport.names import case_key, compare_key, spelling_key
from kanport.records import dataclass


class About(StrEnum):
    """What a change, or a wanted thing, is about."""

    USER = "user"
    MEMBERSHIP = "membership"
    GROUP = "group"
    GROUP_MEMBER = "group_member"
    GROUP_ACCESS = "group_access"
    PROJECT = "project"

    @cached_property
    def named_by(self) -> str:
        """The attribute of a change that names a user, a group or a project."""
        return "username" if self is About.USER else self.value

    @cached_property
    def numbered_by(self) -> str:
        """The attribute of a change that has the id of a user, a group or a project."""
        return f"{self.value}_id"


class Verbs(NamedTuple):
    """What the actions of a kind are called; `changes` is empty where relations have no role."""

    gives: str
    changes: str
    ends: str


class Cells(StrEnum):
    """Which cells are shown for one part of a relation, if several rows ask for it."""

    EVERY = "every"
    FIRST_OF_EACH = "first of each row"
    FIRST = "first of all"
    NONE = "none"


class Shown(NamedTuple):
    """Which cells of the three parts of a relation are shown."""

    holder: Cells
    target: Cells
    role: Cells


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RelationKind:
    """One kind of relation.

    Args:
        about: what changes of it are about.
        holder: what has it: a user or a group.
        target: in what: a project or a group.
        several: what lists of it are called in the states and the plan.
        ledger: the table of the ledger with those that Kanport gave.
        rules: the part of the mapping with the rules that ask for it.
        verbs: what its actions are called; the last is also the setting of the mapping that ends
            what no source lists (`missing`).
        absent: the reason of a change that gives one.
        unlisted: the case of the reason `not-listed` of a change that ends one.
        withheld: the case of `missing-unknown` for ends that the input leaves open, and the
            parameter with them.
        shown: the cells that a finding shows.
        evidence: the parts whose cells, of the first that has any, are the rows that ask for one.
        key_of: returns what tells one text of a target from another.
        apart: returns what tells texts of a target apart where rows contradict each other.
    """

    about: About
    holder: About
    target: About
    several: str
    ledger: str
    rules: str
    verbs: Verbs
    absent: str
    unlisted: str
    withheld: str
    shown: Shown
    evidence: tuple[str, ...]
    key_of: Callable[[str], str]
    apart: Callable[[str], str]

    @property
    def ends(self) -> tuple[About, About]:
        """What it ties: the kind of the holder and that of the target."""
        return self.holder, self.target

    @property
    def has_roles(self) -> bool:
        """Whether relations of this kind have roles."""
        return bool(self.verbs.changes)

    @property
    def called(self) -> str:
        """What texts call several of them."""
        return self.several.replace("_", " ")

    @property
    def code(self) -> str:
        """The code of the fact that names one."""
        return self.about.value.replace("_", "-")

    def ends_unlisted(self, mapping: Any) -> bool:
        """Return whether a mapping (`MappingFile`) ends what no source lists."""
        return bool(getattr(mapping, f"{self.several}_missing") == self.verbs.ends)


_MEMBERSHIP = RelationKind(
    about=About.MEMBERSHIP,
    holder=About.USER,
    target=About.PROJECT,
    several="memberships",
    ledger="grants",
    rules="memberships",
    verbs=Verbs("grant", "change", "revoke"),
    absent="not-a-member",
    unlisted="project",
    withheld="memberships",
    shown=Shown(Cells.EVERY, Cells.EVERY, Cells.EVERY),
    # The project may stand in the header of a matrix, so its row is the last one to look at.
    evidence=("holder", "role", "target"),
    key_of=spelling_key,
    # Of one user in projects that differ in an accent, there are two.
    apart=case_key,
)
_GROUP_MEMBER = RelationKind(
    about=About.GROUP_MEMBER,
    holder=About.USER,
    target=About.GROUP,
    several="group_members",
    ledger="group_members",
    rules="groups",
    verbs=Verbs("add", "", "remove"),
    absent="not-in-group",
    unlisted="member",
    withheld="members",
    shown=Shown(Cells.FIRST_OF_EACH, Cells.NONE, Cells.NONE),
    evidence=("holder", "role", "target"),
    key_of=compare_key,
    apart=compare_key,
)
_GROUP_ACCESS = RelationKind(
    about=About.GROUP_ACCESS,
    holder=About.GROUP,
    target=About.PROJECT,
    several="group_access",
    ledger="group_access",
    rules="group_access",
    verbs=Verbs("grant", "change", "revoke"),
    absent="no-group-access",
    unlisted="access",
    withheld="access",
    shown=Shown(Cells.FIRST, Cells.FIRST, Cells.FIRST_OF_EACH),
    # The cells of the role are in all rows.
    evidence=("role",),
    key_of=spelling_key,
    apart=spelling_key,
)

RELATIONS: Mapping[About, RelationKind] = {
    kind.about: kind for kind in (_MEMBERSHIP, _GROUP_MEMBER, _GROUP_ACCESS)
}
OF_USERS = tuple(kind for kind, one in RELATIONS.items() if one.holder is About.USER)
"""The kinds whose holders are users."""

IN_PROJECTS = tuple(kind for kind, one in RELATIONS.items() if one.target is About.PROJECT)
"""The kinds whose targets are projects."""
