"""What a mapping says of a source that is a Kanboard server itself."""

from typing import ClassVar, Literal

from pydantic import Field

from kanport.mapping.base import Strict, Text
from kanport.mapping.ldap import SecretReference


class KanboardSource(Strict):
    """Rows of another Kanboard server, read through its API; nothing is ever written there."""

    type: Literal["kanboard"] = Field(description="The kind of the source.")
    url: Text = Field(description="The server, with or without /jsonrpc.php.")
    token: SecretReference = Field(
        description="Where its application token stands: {env: NAME} or {file: PATH}."
    )
    read: Literal["users", "groups", "group_members", "projects", "memberships"] = Field(
        description="Which of its tables; kanport export writes the same ones."
    )
    ca_file: Text | None = Field(
        None, description="Certificates of a private authority, in PEM; relative to the mapping."
    )
    allow_http: bool = Field(
        False, description="Send the token over plain http:// to other machines."
    )
    clear: ClassVar[str] = "\0"
    """Nothing in the rows of a server means that a field is to be cleared."""

    auth_header: Text | None = Field(
        None, description="Send the credentials in this header in place of the usual one."
    )
