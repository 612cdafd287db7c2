"""How rows become users, and what happens to users in no source (`missing`)."""

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BeforeValidator, Field, Tag, WithJsonSchema, create_model
from pydantic_core import PydanticCustomError

from kanport.fields import BESIDE_USERNAME, USERNAME, UserField
from kanport.mapping.base import (
    TABLE,
    TEXT,
    ColumnFrom,
    Names,
    Strict,
    Table,
    Text,
    by_shape,
    problem,
)
from kanport.mapping.rules import FieldRule, Rule
from kanport.records import dataclass

_SPAN = r"([1-9]\d{0,3})\s+(run|day)s?"
_DAYS = r"([1-9]\d{0,3})\s+days?"
_SAYS = "must be a number of runs or days, such as 3 runs or 7 days"
_SAYS_DAYS = "must be a number of days, such as 180 days"


@dataclass(frozen=True, slots=True)
class Span:
    """How long somebody has to be missing: so many runs in a row, or so many days."""

    number: int
    unit: Literal["run", "day"]

    def __str__(self) -> str:
        return f"{self.number} {self.unit}{'' if self.number == 1 else 's'}"


def _span(value: Any, pattern: str, says: str) -> Span:
    if isinstance(value, Span):
        return value
    found = re.fullmatch(pattern, value.strip()) if isinstance(value, str) else None
    if found is None:
        raise problem(says)
    return Span(int(found[1]), "day" if pattern == _DAYS or found[2] == "day" else "run")


RunsOrDays = Annotated[
    Span,
    BeforeValidator(lambda value: _span(value, _SPAN, _SAYS)),
    WithJsonSchema({"type": "string", "pattern": f"^{_SPAN}$"}),
]
Days = Annotated[
    Span,
    BeforeValidator(lambda value: _span(value, _DAYS, _SAYS_DAYS)),
    WithJsonSchema({"type": "string", "pattern": f"^{_DAYS}$"}),
]


class Steps(Strict):
    """What happens to managed users in no source, step by step; needs ledger."""

    after: RunsOrDays | None = Field(
        None,
        description="Wait for this number of runs in a row that miss the user, or for this number "
        "of days after the first such run. Without it, Kanport acts on the first run.",
    )
    or_: RunsOrDays | None = Field(
        None,
        alias="or",
        description="The other of the two. Kanport acts when the first is reached.",
    )
    then: Literal["disable", "remove"] = Field(description="What happens to the user then.")
    and_: Literal["revoke"] | None = Field(
        None,
        alias="and",
        description="revoke: at the same time, the user loses the memberships in the projects that "
        "the sources name.",
    )
    remove_after: Days | None = Field(
        None,
        description="Remove users that Kanport disabled this number of days ago and that have been "
        "missing since then, up to limits.remove.",
    )

    def __str__(self) -> str:
        parts = [f"after {self.after}" if self.after else "", f"or {self.or_}" if self.or_ else ""]
        return " ".join(part for part in (self.then, *parts) if part)

    @property
    def waits(self) -> tuple[Span, ...]:
        """The spans of which one must have passed; none where nobody is waited for."""
        return tuple(span for span in (self.after, self.or_) if span is not None)

    @classmethod
    def mistakes(cls, raw: Table) -> Iterator[PydanticCustomError]:
        """Return what is wrong between the steps."""
        after, other = _unit(raw.get("after")), _unit(raw.get("or", raw.get("or_")))
        if other is not None and "after" not in raw:
            yield problem("or is an alternative to after, and there is none", at=("or",))
        elif after is not None and after == other:
            yield problem(
                "after and or must be one in runs and one in days; whichever is first counts",
                at=("or",),
                hint="keep the shorter one",
            )
        if raw.get("then") == "remove" and "remove_after" in raw:
            yield problem(
                "remove_after is for those who were disabled before",
                at=("remove_after",),
                on_key=True,
                hint="write then: disable, or leave it out",
            )


def _unit(value: Any) -> str | None:
    if isinstance(value, Span):
        return value.unit
    found = re.fullmatch(_SPAN, value.strip()) if isinstance(value, str) else None
    return found[2] if found is not None else None


_ABSENCE = (
    "memberships_missing",
    "groups_missing",
    "group_members_missing",
    "group_access_missing",
    "projects_missing",
)


def keeps_ledger_by_default(raw: Table) -> bool:
    """Return whether a mapping has a ledger although it names none: where absence ends something.

    `raw` is the whole mapping as it was written.
    """
    users = raw.get("users")
    missing = users.get("missing", "keep") if isinstance(users, dict) else "keep"
    return missing != "keep" or any(raw.get(key, "keep") != "keep" for key in _ABSENCE)


def names_or_has_ledger(raw: Table) -> bool:
    """Return whether a mapping has a ledger, by name or by default."""
    return "ledger" in raw or keeps_ledger_by_default(raw)


def ledger_mistakes(raw: Table) -> Iterator[PydanticCustomError]:
    """Yield which parts of a mapping need a ledger where it has none, and where they fit nothing.

    `raw` is the whole mapping as it was written.
    """
    users = raw.get("users")
    missing = users.get("missing") if isinstance(users, dict) else None
    managed = users.get("managed") if isinstance(users, dict) else None
    hint = "add ledger: people.ledger, a file of its own beside the mapping"
    if not names_or_has_ledger(raw):
        if managed == "ledger":
            yield problem(
                "whom Kanport manages is kept in a ledger, and the mapping names none",
                at=("users", "managed"),
                hint=hint,
            )
        if raw.get("memberships_managed") == "ledger":
            yield problem(
                "what Kanport granted is kept in a ledger, and the mapping names none",
                at=("memberships_managed",),
                hint=hint,
            )
    if isinstance(missing, dict) and "and" in missing and not raw.get("memberships"):
        yield problem(
            "revoke works within the projects that memberships names, and there are none",
            at=("users", "missing", "and"),
            hint="add memberships, or leave this out",
        )


# --- how rows become users, as the mapping file says it -------------------------------------------

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
        """Return what is wrong between `missing` and `managed`, and in `find_by`."""
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
