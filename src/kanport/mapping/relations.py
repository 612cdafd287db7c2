"""How rows become memberships, groups, group members and group access."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field, Tag
from pydantic_core import PydanticCustomError

from kanport.mapping.base import LIST, TABLE, Strict, Table, Text, by_shape, problem, written
from kanport.mapping.patterns import compiled
from kanport.mapping.rules import (
    ListRule,
    ProjectRule,
    RoleOrRule,
    Rule,
    TextKeys,
    pattern_mistakes,
)
from kanport.mapping.transforms import Transform
from kanport.mapping.users import names_or_has_ledger


class MatrixRule(Strict):
    """A column for each project, with the role in the cell. An empty cell gives no membership."""

    columns: (
        Annotated[
            Annotated[tuple[Text, ...], Tag(LIST), Field(min_length=1)]
            | Annotated[dict[str, Text], Tag(TABLE), Field(min_length=1)],
            by_shape("must be a list of columns, or a table of column and project"),
        ]
        | None
    ) = Field(None, description="The columns, or a table of column and project.")
    match: Text | None = Field(
        None, description="Every column whose header matches; (?P<project>…) is the project."
    )
    transform: tuple[Transform, ...] = Field((), description="Transforms, applied to each cell.")
    values: Annotated[dict[str, str], Field(min_length=1), TextKeys] | None = Field(
        None, description='Table of cell texts and roles; "" counts as an empty cell.'
    )

    @classmethod
    def mistakes(cls, raw: Table) -> Iterator[PydanticCustomError]:
        """Return what is wrong with how the columns are named."""
        if "columns" in raw and "match" in raw:
            yield problem("columns and match cannot stand together", hint="keep one of them")
        elif "columns" not in raw and "match" not in raw:
            yield problem("needs columns or match")
        pattern = raw.get("match")
        found = list(pattern_mistakes(pattern, ("project",)))
        yield from found
        if isinstance(pattern, str) and not found and not compiled(pattern).brackets:
            yield problem(
                "the pattern does not say which part is the project",
                at=("match",),
                hint="write (?P<project>…) round it",
            )


class Membership(Strict):
    """How rows become memberships: one per row, or a matrix of projects."""

    from_: Text = Field(alias="from", description="The source.")
    username: Rule = Field(description="Username of the member.")
    project: ProjectRule | None = Field(
        None, description="Identifier or name of the project, or its id."
    )
    role: RoleOrRule | None = Field(None, description="A role, or a rule for it.")
    matrix: MatrixRule | None = Field(
        None, description="Instead of project and role: a column for each project."
    )
    several: Literal["refuse", "highest"] | None = Field(
        None,
        description="If a user has two roles in one project: refuse makes it an error, highest "
        "uses the higher role (default: highest for directories, refuse for files).",
    )

    @classmethod
    def mistakes(cls, raw: Table) -> Iterator[PydanticCustomError]:
        """Return what is wrong between project, role and matrix."""
        if "matrix" in raw:
            for key in ("project", "role"):
                if key in raw:
                    yield problem(
                        f"matrix already says the {key}",
                        at=(key,),
                        on_key=True,
                        hint=f"leave out {key}, or matrix",
                    )
        elif "project" not in raw and "role" not in raw:
            yield problem("needs project and role, or a matrix")
        else:
            for key in ("project", "role"):
                if key not in raw:
                    yield problem(f"{key} is missing")


# --- how rows, or the mapping itself, become groups, their members and their access to projects ---


class ListedGroup(Strict):
    """A group in the mapping itself, with its members and its external id."""

    members: tuple[Text, ...] | None = Field(
        None, description="Usernames of the members. Without it, Kanport does not change members."
    )
    external_id: Text | None = Field(None, description="Id of the group in the directory: a DN.")


ListedMembers = Annotated[
    Annotated[tuple[Text, ...], Tag(LIST)] | Annotated[ListedGroup, Tag(TABLE)],
    by_shape("must be a list of usernames, or a table: {members: [ada], external_id: …}"),
]


def _rows_or_list(raw: Table, needed: tuple[str, ...], other: tuple[str, ...]) -> Any:
    """Return what is wrong between rows (`from` and rules) and a list, of which one is needed."""
    if "list" in raw:
        for key in ("from", *needed, *other):
            if key in raw:
                hint = "put rows into an item of their own"
                yield problem(f"list and {key} cannot stand together", at=(key,), hint=hint)
    elif written(raw, "from") is None:
        yield problem("needs from, or list")
    else:
        for key in needed:
            if key not in raw:
                yield problem(f"{key} is missing")


class Groups(Strict):
    """Groups and their members, from the rows of a source or listed here."""

    from_: Text | None = Field(None, alias="from", description="The source.")
    name: ListRule | None = Field(
        None, description="Name of the group of a row, or of several groups."
    )
    member: ListRule | None = Field(
        None,
        description="Username of a member, or of several. Without it, Kanport does not change "
        "members.",
    )
    external_id: Rule | None = Field(
        None,
        description="Id of the group in the directory, by which Kanport finds a renamed group. "
        "Kanboard's own LDAP login removes users from groups whose external id is not the DN "
        "of one of their groups.",
    )
    list: Annotated[dict[str, ListedMembers], Field(min_length=1), TextKeys] | None = Field(
        None, description="Groups and their members: {Engineers: [ada, bob]}."
    )

    @classmethod
    def mistakes(cls, raw: Table) -> Iterator[PydanticCustomError]:
        """Return what is wrong between rows and a list."""
        yield from _rows_or_list(raw, ("name",), ("member", "external_id"))


class GroupAccess(Strict):
    """Roles of groups in projects, from rows or listed here."""

    from_: Text | None = Field(None, alias="from", description="The source.")
    group: ListRule | None = Field(None, description="The name of a group, or several.")
    project: ProjectRule | None = Field(
        None, description="Identifier or name of the project, or its id."
    )
    role: RoleOrRule | None = Field(None, description="A role, or a rule for it.")
    list: (
        Annotated[dict[str, Annotated[dict[str, Text], TextKeys]], Field(min_length=1), TextKeys]
        | None
    ) = Field(None, description="Roles by group and project: {Engineers: {WEB: …}}.")

    @classmethod
    def mistakes(cls, raw: Table) -> Iterator[PydanticCustomError]:
        """Return what is wrong between rows and a list."""
        yield from _rows_or_list(raw, ("group", "project", "role"), ())


class ProjectRows(Strict):
    """Projects that Kanport creates if the server has none with this identifier or name."""

    from_: Text = Field(alias="from", description="The source.")
    name: Rule = Field(description="Name of the project.")
    identifier: Rule | None = Field(
        None, description="Identifier: letters and digits, at most 50; stored in capitals."
    )
    owner: Rule | None = Field(None, description="Username of the owner.")
    description: Rule | None = Field(None, description="Description of the project.")
    private: Rule | None = Field(
        None,
        description="Whether it is a private project: true or false. Kanboard's API cannot create "
        "one, so Kanport leaves out the project and all access to it.",
    )
    active: Rule | None = Field(
        None,
        description="Whether it is open: true or false. Kanboard's API creates only open projects, "
        "so Kanport leaves out closed ones and all access to them.",
    )
    called: Rule | None = Field(
        None,
        description="The key that memberships use for it, if each row is a separate project, as in "
        "an export. Kanport then never merges projects with the same name.",
    )


def missing_mistakes(raw: Table) -> Iterator[PydanticCustomError]:
    """Return what is wrong between what is missing, what is managed, and the ledger."""
    groups, access = raw.get("groups"), raw.get("group_access")
    if raw.get("groups_missing") == "remove" and "groups_managed" not in raw:
        yield problem(
            "groups_missing: remove needs groups_managed, which says whom it may touch",
            at=("groups_missing",),
            hint='groups_managed: ["*"] means every group',
        )
    for key, needs, value, given in (
        ("groups_missing", "groups", "remove", groups),
        ("groups_missing", "groups", "revoke", groups or access),
        ("group_members_missing", "groups", "remove", groups),
        ("group_access_missing", "group_access", "revoke", access),
    ):
        if raw.get(key) == value and not given:
            hint = f"add {needs}, or leave this out"
            yield problem(f"{value} needs {needs}, and there are none", at=(key,), hint=hint)
    if access and not names_or_has_ledger(raw):
        yield problem(
            "Kanboard does not tell which groups have access to a project, so Kanport keeps in a"
            " ledger what it gave, and the mapping names none",
            at=("group_access",),
            on_key=True,
            hint="add ledger: groups.ledger, a file of its own beside the mapping",
        )
