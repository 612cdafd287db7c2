"""How rows become users, as the mapping file says it."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field, Tag, create_model
from pydantic_core import PydanticCustomError

from kanport.fields import BESIDE_USERNAME, USERNAME, UserField
from kanport.mapping.base import TABLE, TEXT, ColumnFrom, Names, Strict, Table, Text, by_shape
from kanport.mapping.missing_spec import Steps
from kanport.mapping.problems import problem
from kanport.mapping.rules import FieldRule, Rule

AppRoleName = Literal["app-admin", "app-manager", "app-user"]


class _FieldRules(Strict):
    """Fields of a user. Kanport never changes a field that is not here."""

    username: FieldRule = Field(description=USERNAME.about)

    def rule(self, field: UserField) -> FieldRule | None:
        """Return how a field is made; None if the mapping leaves it out."""
        rule: FieldRule | None = getattr(self, field.name)
        return rule


if TYPE_CHECKING:
    UserFields = _FieldRules
else:
    # A key for each entry of the table of fields.
    UserFields = create_model(
        "UserFields",
        __base__=_FieldRules,
        __doc__=_FieldRules.__doc__,
        __module__=__name__,
        **{
            field.name: (FieldRule | None, Field(None, description=field.about))
            for field in BESIDE_USERNAME
        },
    )


class PasswordColumn(Strict):
    """Column with the passwords of new users."""

    from_: ColumnFrom = Field(alias="from", description="Name of the column with the password.")


_WAYS = "must be random, ldap, or {from: COLUMN}"


def _password_kind(value: Any) -> Any:
    # The text that stands here instead may be a password, so no message repeats it.
    if isinstance(value, str) and value not in ("random", "ldap"):
        raise problem(_WAYS)
    return value


_WHOM = 'must be ledger, or {usernames: ["*"]}'


def _ledger_or_names(value: Any) -> Any:
    if isinstance(value, str) and value != "ledger":
        raise problem(_WHOM)
    return value


class Managed(Strict):
    """The users to which `missing` applies."""

    usernames: tuple[Text, ...] = Field(
        min_length=1, description='Names or patterns, such as "*" or "ext-*".'
    )


class Users(Strict):
    """How rows become users."""

    from_: Names = Field(alias="from", description="The source, or several in order of precedence.")
    fields: UserFields = Field(
        description="Rules for the fields. Kanport never changes other fields."
    )
    id: Rule | None = Field(
        None,
        description="Stable id of a person, independent of the username, such as entryUUID or a "
        "personnel number; needs ledger.",
    )
    find_by: tuple[Literal["username", "email"], ...] = Field(
        ("username",),
        min_length=1,
        description="How to find a user on the server. With email, a new username with a known "
        "address is a rename.",
    )
    password: Annotated[
        Annotated[Literal["random", "ldap"], Tag(TEXT)] | Annotated[PasswordColumn, Tag(TABLE)],
        by_shape(_WAYS),
        BeforeValidator(_password_kind),
    ] = Field(
        "random",
        description="Password of new users; Kanboard's API cannot change a password later. ldap: "
        "Kanboard creates them from its own LDAP, and they log in with their password there.",
    )
    inactive: Literal["skip", "create"] = Field(
        "skip",
        description="What happens to users that are not active and not on the server. create: "
        "Kanport creates them with their memberships, and disables them at once.",
    )
    missing: Annotated[
        Annotated[Literal["keep", "disable", "remove"], Tag(TEXT)] | Annotated[Steps, Tag(TABLE)],
        by_shape("must be keep, disable, remove, or a table of steps: {after: 3 runs, …}"),
    ] = Field("keep", description="What happens to managed users in no source.")
    managed: (
        Annotated[
            Annotated[Literal["ledger"], Tag(TEXT)] | Annotated[Managed, Tag(TABLE)],
            by_shape(_WHOM),
            BeforeValidator(_ledger_or_names),
        ]
        | None
    ) = Field(
        None,
        description="Users to which `missing` applies. ledger: Kanport disables and removes only "
        "users that it created or adopted.",
    )

    @property
    def sources(self) -> tuple[str, ...]:
        """The names of the sources, in the order in which they win."""
        return (self.from_,) if isinstance(self.from_, str) else self.from_

    @property
    def steps(self) -> Steps | None:
        """What happens to people who are in no source; None for nothing."""
        if isinstance(self.missing, Steps):
            return self.missing
        return Steps(then=self.missing) if self.missing != "keep" else None

    @classmethod
    def mistakes(cls, raw: Table) -> Iterator[PydanticCustomError]:
        """Give what is wrong between `missing` and `managed`, and in `find_by`."""
        fields = raw.get("fields")
        if raw.get("inactive") == "create" and isinstance(fields, dict) and "active" not in fields:
            yield problem(
                "nobody is inactive where fields has no active",
                at=("inactive",),
                hint="add active to fields, or leave this out",
            )
        missing = raw.get("missing", "keep")
        steps = isinstance(missing, dict)
        if (steps or missing in ("disable", "remove")) and "managed" not in raw:
            yield problem(
                f"missing{'' if steps else f': {missing}'} needs managed, which says whom it may"
                " touch",
                at=("missing",),
                hint='managed: {usernames: ["*"]} means everybody who is not protected',
            )
        find_by = raw.get("find_by")
        if not isinstance(find_by, list | tuple):
            return
        if find_by and "username" not in find_by:
            yield problem(
                "a person is always found by username, so it must be here",
                at=("find_by",),
                hint="write [username, email]",
            )
        if "email" in find_by and isinstance(fields, dict) and "email" not in fields:
            yield problem(
                "people can only be found by email where fields has email",
                at=("find_by",),
                hint="add email to fields, or leave it out here",
            )
