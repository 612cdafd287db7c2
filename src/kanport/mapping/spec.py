"""The mapping file as models: every key that it may have, with what it means.

The descriptions feed the JSON Schema (`kanport schema`) and with it the completion in editors.
"""

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, StrictInt, Tag
from pydantic_core import PydanticCustomError

from kanport.mapping.base import LIST, TEXT, Strict, Table, Text, by_shape
from kanport.mapping.group_spec import (
    GroupAccess,
    Groups,
    ListedGroup,
    ProjectRows,
    missing_mistakes,
)
from kanport.mapping.kanboard_spec import KanboardSource
from kanport.mapping.ldap import LdapSource
from kanport.mapping.limit_spec import DEFAULT_SHARES, Limit, Limits
from kanport.mapping.membership_spec import Matrix, Membership
from kanport.mapping.missing_spec import Steps, ledger_mistakes, names_or_has_ledger
from kanport.mapping.problems import listed, problem
from kanport.mapping.references import reference_mistakes
from kanport.mapping.rules import FieldRule, ListRule, ProjectRule, RoleRule, Rule
from kanport.mapping.source_spec import CsvSource, ExcelSource, FileSource, Source, YamlSource
from kanport.mapping.user_spec import AppRoleName, Managed, PasswordColumn, UserFields, Users

__all__ = [
    "DEFAULT_SHARES",
    "AppRoleName",
    "CsvSource",
    "ExcelSource",
    "FieldRule",
    "FileSource",
    "GroupAccess",
    "Groups",
    "KanboardSource",
    "LdapSource",
    "Limit",
    "Limits",
    "ListRule",
    "ListedGroup",
    "Managed",
    "MappingFile",
    "Matrix",
    "Membership",
    "PasswordColumn",
    "ProjectRows",
    "ProjectRule",
    "RoleRule",
    "Rule",
    "Source",
    "Steps",
    "Strict",
    "UserFields",
    "Users",
    "YamlSource",
]


_TO_DO = ("users", "memberships", "groups", "group_access", "projects")


class MappingFile(Strict):
    """A whole mapping file."""

    kanport: Literal[1] = Field(description="The version of the format.")
    name: Text | None = Field(None, description="Name of this mapping in reports.")
    sources: dict[str, Source] = Field(
        min_length=1, description="The sources of rows, each under a name of your choice."
    )
    users: Users | None = Field(None, description="How rows become users.")
    memberships: tuple[Membership, ...] = Field(
        (), description="How rows become memberships; several lists add up."
    )
    memberships_missing: Literal["keep", "revoke"] = Field(
        "keep", description="revoke: in projects that a row names, users without a row lose access."
    )
    memberships_managed: Literal["all", "ledger"] = Field(
        "all",
        description="ledger: Kanport revokes only memberships that it granted or adopted.",
    )
    groups: tuple[Groups, ...] = Field(
        (), description="How rows become groups and their members; several lists add up."
    )
    groups_missing: Literal["keep", "revoke", "remove"] = Field(
        "keep",
        description="What happens to groups that no source names any more. revoke: Kanport removes "
        "the members that it added, and the access that it granted. remove: Kanport removes "
        "managed groups.",
    )
    groups_managed: tuple[Text, ...] = Field(
        (),
        description="Names or patterns of the groups to which groups_missing applies, such as "
        '"kb-*".',
    )
    group_members_missing: Literal["keep", "remove"] = Field(
        "keep",
        description="remove: in groups that a source names, Kanport removes members that "
        "no source lists.",
    )
    group_access: tuple[GroupAccess, ...] = Field(
        (), description="Roles of groups in projects; needs ledger."
    )
    group_access_missing: Literal["keep", "revoke"] = Field(
        "keep",
        description="revoke: Kanport revokes access that it granted to a group and that no source "
        "lists any more.",
    )
    projects: (
        Annotated[
            Annotated[Literal["create"], Tag(TEXT)]
            | Annotated[tuple[ProjectRows, ...], Tag(LIST), Field(min_length=1)],
            by_shape("must be create, or a list that says how rows become projects"),
        ]
        | None
    ) = Field(
        None,
        description="Projects that Kanport creates if the server does not have them: those that "
        "rows describe or, with create, all that are named. Without it, Kanport creates none.",
    )
    projects_missing: Literal["keep", "revoke"] = Field(
        "keep",
        description="What happens to access in projects that no source names any more. keep: the "
        "access stays; while the mapping does not contain this key, each run warns. revoke: "
        "Kanport revokes what it granted, up to limits.dropped.",
    )
    protect: tuple[Text, ...] = Field(
        (), description="Usernames or patterns of accounts that Kanport never changes."
    )
    min_admins: StrictInt = Field(
        1, ge=1, description="Minimum number of active administrators that remain after each plan."
    )
    allow_admins: tuple[Text, ...] = Field(
        (), description="Usernames or patterns of users who may become administrators (app-admin)."
    )
    limits: Limits = Field(Limits(), description="Limits that stop a plan with too many changes.")
    ledger: Text | None = Field(
        None,
        description="File in which Kanport records what it did, relative to the mapping. If "
        "absence ends something (missing, memberships_missing ...), Kanport uses a ledger even "
        "without this key: beside the mapping or, if it cannot write there, in the state "
        "folder.",
    )
    invalid_rows: Literal["abort", "skip"] = Field(
        "abort",
        description="skip: Kanport ignores invalid rows and does not change the users that they "
        "name. Users whose identity is unclear never stop the others.",
    )
    custom_roles: dict[str, tuple[Text, ...]] = Field(
        {},
        description="Custom roles by project. Kanboard would accept any text as a role, so "
        "Kanport needs this list.",
    )

    @property
    def ends_by_absence(self) -> bool:
        """Whether anybody loses anything by what the sources do not name."""
        return (self.users is not None and self.users.missing != "keep") or any(
            way != "keep"
            for way in (
                self.memberships_missing,
                self.groups_missing,
                self.group_members_missing,
                self.group_access_missing,
                self.projects_missing,
            )
        )

    @property
    def keeps_ledger(self) -> bool:
        """Whether Kanport remembers between runs: by name, or because absence ends something."""
        return self.ledger is not None or self.ends_by_absence

    @classmethod
    def mistakes(cls, raw: Table) -> Iterator[PydanticCustomError]:
        """Give what is wrong between the parts, such as a source that does not exist."""
        if not any(raw.get(key) for key in _TO_DO):
            yield problem(f"needs {listed(_TO_DO)}; otherwise there is nothing to do")
        if raw.get("memberships_missing") == "revoke" and not raw.get("memberships"):
            yield problem(
                "revoke works within the projects that memberships names, and there are none",
                at=("memberships_missing",),
                hint="add memberships, or leave this out",
            )
        if raw.get("projects_missing") == "revoke" and not (
            raw.get("memberships") or raw.get("group_access")
        ):
            yield problem(
                "revoke needs memberships or group_access, and there are none",
                at=("projects_missing",),
                hint="add memberships, or leave this out",
            )
        users = raw.get("users")
        if isinstance(users, dict) and "id" in users and not names_or_has_ledger(raw):
            yield problem(
                "stable ids are kept in a ledger, and the mapping names none",
                at=("users", "id"),
                on_key=True,
                hint="add ledger: people.ledger, a file of its own beside the mapping",
            )
        yield from missing_mistakes(raw)
        yield from ledger_mistakes(raw)
        yield from reference_mistakes(raw)
