"""What a mapping says of a source that is a Kanboard server itself."""

from typing import ClassVar, Literal

from pydantic import Field

from kanport.mapping.base import Strict, Text
from kanport.mapping.ldap import SecretReference


class KanboardSource(Strict):
    """Rows of another Kanboard server, read through its API. Kanport never writes to it."""

    type: Literal["kanboard"] = Field(description="Type of the source.")
    url: Text = Field(description="URL of the server, with or without /jsonrpc.php.")
    token: SecretReference = Field(
        description="Where to find its application token: {env: NAME} or {file: PATH}."
    )
    read: Literal["users", "groups", "group_members", "projects", "memberships"] = Field(
        description="The table to read, as kanport export writes it."
    )
    ca_file: Text | None = Field(
        None,
        description="PEM file with the certificates of a private certificate authority, "
        "relative to the mapping.",
    )
    allow_http: bool = Field(
        False, description="Allow http:// to another machine. The token travels unencrypted."
    )
    clear: ClassVar[str] = "\0"
    """Nothing in the rows of a server means that a field is to be cleared."""

    auth_header: Text | None = Field(
        None, description="Send the token in this header instead of Authorization."
    )
