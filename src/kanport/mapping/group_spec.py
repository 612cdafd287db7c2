"""How rows, or the mapping itself, become groups, their members and their access to projects."""

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import Field, Tag, field_validator
from pydantic_core import PydanticCustomError

from kanport.mapping.base import LIST, TABLE, TEXT, Strict, Table, Text, by_shape, written
from kanport.mapping.missing_spec import names_or_has_ledger
from kanport.mapping.problems import problem
from kanport.mapping.rules import ListRule, ProjectRule, RoleRule, Rule, with_text_keys


class ListedGroup(Strict):
    """A group that the mapping itself lists, with its members and its external id."""

    members: tuple[Text, ...] | None = Field(
        None, description="Usernames; without this, members are left as they are."
    )
    external_id: Text | None = Field(None, description="Its id in the directory: a DN.")


ListedMembers = Annotated[
    Annotated[tuple[Text, ...], Tag(LIST)] | Annotated[ListedGroup, Tag(TABLE)],
    by_shape("must be a list of usernames, or a table: {members: [ada], external_id: …}"),
]


def _rows_or_list(raw: Table, needed: tuple[str, ...], other: tuple[str, ...]) -> Any:
    """Give what is wrong between rows (`from` and rules) and a list, of which one is needed."""
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
    """Groups and who is in them: from the rows of a source, or listed here."""

    from_: Text | None = Field(None, alias="from", description="The source.")
    name: ListRule | None = Field(None, description="The group that a row speaks of, or several.")
    member: ListRule | None = Field(
        None,
        description="Who is in it, or several; without it, members are left as they are.",
    )
    external_id: Rule | None = Field(
        None,
        description="Its id in the directory, by which a renamed group is found. Kanboard's login "
        "through LDAP takes people out of groups whose external id is no DN of theirs.",
    )
    list: dict[str, ListedMembers] | None = Field(
        None, min_length=1, description="Groups and their members: {Engineers: [ada, bob]}."
    )

    @field_validator("list", mode="before")
    @classmethod
    def _names_are_text(cls, table: Any) -> Any:
        return with_text_keys(table)

    @classmethod
    def mistakes(cls, raw: Table) -> Iterator[PydanticCustomError]:
        """Give what is wrong between rows and a list."""
        yield from _rows_or_list(raw, ("name",), ("member", "external_id"))


class GroupAccess(Strict):
    """Which groups have which role in which projects: from rows, or listed here."""

    from_: Text | None = Field(None, alias="from", description="The source.")
    group: ListRule | None = Field(None, description="The name of a group, or several.")
    project: ProjectRule | None = Field(None, description="An identifier or a name; or an id.")
    role: (
        Annotated[
            Annotated[Text, Tag(TEXT)] | Annotated[RoleRule, Tag(TABLE)],
            by_shape("must be a role, or a table that says how it is made"),
        ]
        | None
    ) = Field(None, description="A role, or how it is made.")
    list: dict[str, dict[str, Text]] | None = Field(
        None, min_length=1, description="Roles by group and project: {Engineers: {WEB: …}}."
    )

    @field_validator("list", mode="before")
    @classmethod
    def _names_are_text(cls, table: Any) -> Any:
        if not isinstance(table, dict):
            return table
        return {key: with_text_keys(part) for key, part in with_text_keys(table).items()}

    @classmethod
    def mistakes(cls, raw: Table) -> Iterator[PydanticCustomError]:
        """Give what is wrong between rows and a list."""
        yield from _rows_or_list(raw, ("group", "project", "role"), ())


class ProjectRows(Strict):
    """Projects that are created where the server has none of that identifier or name."""

    from_: Text = Field(alias="from", description="The source.")
    name: Rule = Field(description="The name that others see.")
    identifier: Rule | None = Field(
        None, description="Its short name: letters and digits, at most 50; stored in capitals."
    )
    owner: Rule | None = Field(None, description="The username of whoever answers for it.")
    description: Rule | None = Field(None, description="What it is about.")
    private: Rule | None = Field(
        None,
        description="Whether it belongs to one person alone: true or false. Kanboard's API cannot "
        "create such a project, so it is left out, with all access to it.",
    )
    active: Rule | None = Field(
        None,
        description="Whether it is open: true or false. What is closed is left out, with all access"
        " to it, as it would be open where it is created.",
    )
    called: Rule | None = Field(
        None,
        description="What memberships call it, where each row is a project of its own, as in an "
        "export; several of one name are then never taken for one.",
    )


def missing_mistakes(raw: Table) -> Iterator[PydanticCustomError]:
    """Give what is wrong between what is missing, what is managed, and the ledger."""
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
