"""The whole mapping file as a model, with its limits and its JSON Schema.

The descriptions feed the JSON Schema (`kanport schema`), and with it the completion in editors.
Editors with yaml-language-server read draft-07, so the schema keeps to it: nothing beside a $ref,
no prefixItems, `definitions` instead of `$defs`.
"""

import json
import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field, StrictInt, Tag, model_validator
from pydantic_core import PydanticCustomError

from kanport.mapping.base import LIST, TEXT, Strict, Table, Text, by_shape, listed, problem
from kanport.mapping.controls import Accept, ApprovalRules, Separation
from kanport.mapping.references import reference_mistakes
from kanport.mapping.relations import GroupAccess, Groups, Membership, ProjectRows, missing_mistakes
from kanport.mapping.sources import Source
from kanport.mapping.transforms import SCHEMA
from kanport.mapping.users import (
    Users,
    ledger_mistakes,
    names_or_has_ledger,
)
from kanport.relations import RELATIONS


class Limit(Strict):
    """Limit for one kind of change. With max and share, both apply."""

    max: StrictInt | None = Field(None, ge=0, description="Maximum number.")
    share: float | None = Field(
        None,
        ge=0,
        le=100,
        description="Percentage of the base, rounded down; a share above 0 allows at least one.",
    )

    @model_validator(mode="before")
    @classmethod
    def _short_forms(cls, value: Any) -> Any:
        if isinstance(value, int) and not isinstance(value, bool):
            return {"max": value}
        if isinstance(value, str) and (number := re.fullmatch(SHARE, value)) is not None:
            return {"share": float(number[1])}
        if not isinstance(value, dict | Limit):
            raise problem(
                "must be a whole number such as 40, or a share such as 5%",
                hint="both together: {max: 40, share: 5}",
            )
        return value

    @classmethod
    def mistakes(cls, raw: Table) -> Iterator[PydanticCustomError]:
        """Yield the mistake of a limit without max and share."""
        if not raw:
            yield problem("needs max or share")


SHARE = r"(\d+(?:\.\d+)?)\s*%"


DEFAULT_SHARES = {"lower": 10, "disable": 10, "revoke": 20, "dropped": 20}
"""Default limits in percent; rounded up, so one change is always allowed.

An incomplete directory or file must not end the access of all users, even on small servers.
"""

DEFAULT_PROJECT_SHARES = {"lower": 50, "revoke": 50}
"""Default limits in percent of the members of a project."""

PROJECT_FLOOR = 3
"""A plan may always change this number: half of a small project is only a few members."""

DROPPED_FLOOR = 10
"""Default limit in projects and groups that no source names any more: a small team."""

DEFAULT_SHRINK = 30
"""Percentage of its rows that a source may lose since the last good run."""

SHRINK_FLOOR = 2
"""A source may always lose this number of rows: even a list of five users loses two."""


class ProjectLimits(Strict):
    """Limits for the members of one project."""

    create: Limit | None = Field(None, description="New users who get access.")
    grant: Limit | None = Field(None, description="New memberships.")
    update: Limit | None = Field(None, description="Memberships whose role changes.")
    raise_: Limit | None = Field(
        None,
        alias="raise",
        description="Roles that become higher, manager and custom roles that somebody new gets, "
        "and access that a group gets.",
    )
    lower: Limit | None = Field(
        None,
        description="Memberships that get a lower role (default: "
        f"{DEFAULT_PROJECT_SHARES['lower']}% of the members, rounded up, or {PROJECT_FLOOR}).",
    )
    disable: Limit | None = Field(None, description="Members who are disabled.")
    remove: Limit | None = Field(None, description="Members who are removed.")
    revoke: Limit | None = Field(
        None,
        description="Members who lose access in any way: revoked, through a group, disabled or "
        f"removed (default: {DEFAULT_PROJECT_SHARES['revoke']}% of the members, rounded up, or "
        f"{PROJECT_FLOOR}).",
    )

    def of(self, name: str) -> Limit | None:
        """Return the limit of a class by its name in the mapping."""
        return _limit_of(self, name)


class Limits(Strict):
    """Limits for one plan."""

    create: Limit | None = Field(None, description="New users.")
    grant: Limit | None = Field(None, description="New memberships.")
    update: Limit | None = Field(
        None,
        description="Users whose fields change or who are enabled, and memberships whose role "
        "changes.",
    )
    raise_: Limit | None = Field(
        None,
        alias="raise",
        description="Roles that become higher, administrator, manager and custom roles that "
        "somebody new gets, users who are re-enabled, and access that a group gets.",
    )
    lower: Limit | None = Field(
        None,
        description="Users and memberships that get a lower role (default: "
        f"{DEFAULT_SHARES['lower']}% of the active users and of the memberships in the projects "
        "read, rounded up).",
    )
    disable: Limit | None = Field(
        None,
        description="Users who are disabled (default: "
        f"{DEFAULT_SHARES['disable']}% of the active users, rounded up).",
    )
    revoke: Limit | None = Field(
        None,
        description="Memberships that end, and access that is lost with a group (default: "
        f"{DEFAULT_SHARES['revoke']}% of the memberships in the projects read, rounded up).",
    )
    dropped: Limit | None = Field(
        None,
        description="Memberships that end in projects and groups that no source names any more "
        f"(default: {DEFAULT_SHARES['dropped']}% of the memberships in the projects read, "
        f"rounded up, or {DROPPED_FLOOR}).",
    )
    remove: Limit | None = Field(
        None, description="Users who are removed. Without it, Kanport removes nobody."
    )
    by_project: ProjectLimits = Field(
        ProjectLimits(), description="Limits for each single project."
    )
    projects: dict[Text, ProjectLimits] = Field(
        {}, description="Other limits for single projects, by identifier, name or id ('#3')."
    )
    shrink: Limit | None = Field(
        None,
        description="Rows that a source may lose since the last good run (default: "
        f"{DEFAULT_SHRINK}%, rounded up, or {SHRINK_FLOOR}); needs ledger.",
    )

    def of(self, name: str) -> Limit | None:
        """Return the limit of a class by its name in the mapping."""
        return _limit_of(self, name)


def _limit_of(limits: "ProjectLimits | Limits", name: str) -> Limit | None:
    # `dropped` is a limit in total only, not in a project.
    found: Limit | None = getattr(limits, "raise_" if name == "raise" else name, None)
    return found


# --- the mapping file as models: every key that it may have, with what it means -------------------

_TO_DO = ("users", "memberships", "groups", "group_access", "projects")


class MappingFile(Strict):
    """A whole mapping file."""

    elsewhere = {  # noqa: RUF012 - pydantic takes no annotation here
        "missing": "for users, write it under users; for access, there are memberships_missing,"
        " groups_missing, group_access_missing and projects_missing",
        "managed": "for users, write it under users; for access, there are memberships_managed and"
        " groups_managed",
    }

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
    separation: tuple[Separation, ...] = Field(
        (), description="Separation of duties: roles that one user must not have together."
    )
    approval: ApprovalRules | None = Field(
        None, description="Who must approve a plan. With it, apply requires an approval."
    )
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
    accept: tuple[Accept, ...] = Field(
        (),
        description="Warnings and notes that somebody accepts for a time. They are notes until "
        "then, and change nothing else.",
    )
    custom_roles: dict[str, tuple[Text, ...]] = Field(
        {},
        description="Custom roles by project. Kanboard would accept any text as a role, so "
        "Kanport needs this list.",
    )

    @property
    def ends_by_absence(self) -> bool:
        """Whether anybody loses anything by what the sources do not name."""
        return (
            (self.users is not None and self.users.missing != "keep")
            or any(kind.ends_unlisted(self) for kind in RELATIONS.values())
            or not self.groups_missing == self.projects_missing == "keep"
        )

    @property
    def keeps_ledger(self) -> bool:
        """Whether Kanport remembers between runs: by name, or because absence ends something."""
        return self.ledger is not None or self.ends_by_absence

    @classmethod
    def mistakes(cls, raw: Table) -> Iterator[PydanticCustomError]:
        """Return what is wrong between the parts, such as a source that does not exist."""
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


# --- the JSON Schema of the mapping, for completion and checks in editors -------------------------

ID = "urn:kanport:schema:mapping:1"


def mapping_schema() -> dict[str, Any]:
    """Return the JSON Schema (draft-07) of a mapping file."""
    made = MappingFile.model_json_schema(by_alias=True, mode="validation")
    definitions = {name: _tidy(part) for name, part in made.pop("$defs", {}).items()}
    definitions["Limit"] = _short_forms_too(definitions["Limit"])
    rule = definitions["Separation"]
    definitions["Separation"] = {
        "description": rule.pop("description"),
        "anyOf": [rule["properties"]["roles"], rule],
    }
    definitions["Transform"] = SCHEMA
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "$id": ID,
        "title": "Kanport mapping",
        **{key: value for key, value in _tidy(made).items() if key != "title"},
        "definitions": dict(sorted(definitions.items())),
    }


def schema_text() -> str:
    """Return the schema as the text of its file."""
    return json.dumps(mapping_schema(), indent=2, ensure_ascii=False) + "\n"


def _tidy(part: Any) -> Any:
    if isinstance(part, list):
        return [_tidy(item) for item in part]
    if not isinstance(part, dict):
        return part
    if part == SCHEMA:
        return {"$ref": "#/definitions/Transform"}
    tidied = {key: _tidy(value) for key, value in part.items() if not _is_noise(key, value)}
    if "properties" in part:
        # Keys of a mapping may be called title or default; they are no annotations.
        tidied["properties"] = {key: _tidy(value) for key, value in part["properties"].items()}
    return _ref_alone(_one_choice(tidied))


def _is_noise(key: str, value: Any) -> bool:
    # Defaults are written into the file by some editors; tables of them would be a nuisance.
    return (key == "title" and isinstance(value, str)) or (
        key == "default" and (value is None or isinstance(value, list | dict))
    )


def _short_forms_too(limit: dict[str, Any]) -> dict[str, Any]:
    about = limit.pop("description")
    return {
        "description": f"{about} Write 40, 5% or {{max: 40, share: 5}}.",
        "anyOf": [
            {"type": "integer", "minimum": 0},
            {"type": "string", "pattern": f"^{SHARE}$"},
            {**limit, "minProperties": 1},
        ],
    }


def _one_choice(part: dict[str, Any]) -> dict[str, Any]:
    """Leave out null: in a file, a key without a value is a mistake."""
    choices = part.get("anyOf")
    if not isinstance(choices, list):
        return part
    left = [choice for choice in choices if choice != {"type": "null"}]
    rest = {key: value for key, value in part.items() if key != "anyOf"}
    if len(left) == 1 and not set(left[0]) & set(rest):
        return {**left[0], **rest}
    return {**rest, "anyOf": left}


def _ref_alone(part: dict[str, Any]) -> dict[str, Any]:
    """Put a $ref into an allOf: in draft-07 all that stands beside it is ignored."""
    reference = part.get("$ref")
    if not isinstance(reference, str):
        return part
    target = {"$ref": reference.replace("#/$defs/", "#/definitions/")}
    rest = {key: value for key, value in part.items() if key != "$ref"}
    return {**rest, "allOf": [target]} if rest else target
