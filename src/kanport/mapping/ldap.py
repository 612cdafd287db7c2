"""What a mapping says of a directory as a source: how to reach it, and what to read there."""

from collections.abc import Iterator
from typing import Annotated, Any, Literal
from urllib.parse import SplitResult, urlsplit

from pydantic import (
    Field,
    StrictBool,
    StrictInt,
    Tag,
)
from pydantic_core import PydanticCustomError

from kanport.mapping.base import (
    TABLE,
    TEXT,
    Names,
    PatternText,
    Seconds,
    SecretReference,
    Strict,
    Table,
    Text,
    by_shape,
    listed,
    problem,
)
from kanport.mapping.conditions import Selected

SCHEMES = ("ldaps", "ldap", "ldapi")

GROUP_FILTER = (
    "(|(objectClass=group)(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)"
    "(objectClass=groupOfMembers)(objectClass=groupOfURLs)(objectClass=posixGroup))"
)

ActiveRule = Literal[
    "userAccountControl", "accountExpires", "nsAccountLock", "pwdAccountLockedTime", "shadowExpire"
]

Scope = Literal["subtree", "one", "base"]


def several(names: str | tuple[str, ...]) -> tuple[str, ...]:
    """Return what a file may write as one text or as a list, as a list."""
    return (names,) if isinstance(names, str) else names


class Choice(Strict):
    """Selects one of several values of an attribute by a pattern."""

    match: PatternText = Field(
        description="Regular expression; Kanport uses the first value that matches."
    )


Choose = Annotated[
    Annotated[Literal["first", "rdn"], Tag(TEXT)] | Annotated[Choice, Tag(TABLE)],
    by_shape("must be first, rdn, or {match: PATTERN}"),
]


class LdapGroups(Strict):
    """The groups whose members are the rows: one row for each group and member."""

    base: Names = Field(description="Entries below which Kanport searches groups, one or several.")
    scope: Scope = Field("subtree", description="How deep to search below the base.")
    filter: Text = Field(GROUP_FILTER, description="Filter that finds the groups.")
    names: tuple[Text, ...] = Field(
        (), description="Groups that must exist, by DN or cn. Kanport reads only these."
    )
    members: Names = Field(
        "member",
        description="Attribute that lists members: member, uniqueMember or memberUid; or memberOf, "
        "an attribute of the members.",
    )
    login: Text = Field("uid", description="Attribute of a person whose value memberUid contains.")
    nested: Literal["none", "walk", "rule"] = Field(
        "walk",
        description="Nested groups: walk follows them, rule lets the server follow them (Active "
        "Directory), none ignores them.",
    )
    depth: StrictInt = Field(
        10,
        gt=0,
        le=100,
        description="Maximum depth of nested groups; members of deeper groups are unknown.",
    )
    primary: StrictBool = Field(
        True,
        description="Include people whose primary group it is (primaryGroupID, or gidNumber with "
        "memberUid); member lists omit them.",
    )
    outside: Literal["fetch", "report"] = Field(
        "fetch",
        description="Members that are not below the base of the people: fetch reads their entries "
        "and includes those that are users of the mapping; report only reports them. Members "
        "that are locked, or in no source of users, neither get nor keep access.",
    )
    ignore: tuple[Text, ...] = Field(
        (), description="DNs of members to ignore, such as a placeholder in empty groups."
    )

    @classmethod
    def mistakes(cls, raw: Table) -> Iterator[PydanticCustomError]:
        """Return what is wrong between the attribute with the members and how they are followed."""
        members = raw.get("members", "member")
        named = [members] if isinstance(members, str) else members
        if not isinstance(named, list | tuple):
            return
        lower = [str(name).lower() for name in named]
        if "memberof" in lower and len(lower) > 1:
            yield problem(
                "memberOf cannot stand together with others",
                at=("members",),
                hint="it stands at the people, the others at the groups",
            )
        if raw.get("nested") == "rule" and set(lower) & {"uniquemember", "memberuid"}:
            yield problem(
                "the server's rule only follows member and memberOf",
                at=("nested",),
                hint="write walk",
            )

    @property
    def member_attributes(self) -> tuple[str, ...]:
        """The attributes that list members."""
        return several(self.members)

    @property
    def by_member_of(self) -> bool:
        """Whether the people say which groups they are in, and not the groups."""
        return self.member_attributes[0].lower() == "memberof"


class LdapSource(Selected):
    """The entries of an LDAP directory: people, or with `groups` the members of groups."""

    type: Literal["ldap"] = Field(description="Type of the source.")
    url: Names = Field(
        description="ldaps://HOST, ldap://HOST or ldapi://SOCKET. Kanport tries several in their "
        "order."
    )
    start_tls: StrictBool = Field(
        False, description="Start TLS on ldap:// before anything else is sent."
    )
    ca_file: Text | None = Field(
        None, description="PEM file with the certificates to trust (default: those of the system)."
    )
    client_cert: Text | None = Field(None, description="Kanport's own certificate, in PEM.")
    client_key: Text | None = Field(
        None, description="Key of Kanport's certificate, in PEM, if it is not in the same file."
    )
    bind: Literal["anonymous", "simple", "external", "gssapi"] | None = Field(
        None,
        description="How to log in: simple with bind_dn and bind_password, external with a client "
        "certificate or over ldapi://, gssapi with a Kerberos ticket (default: simple with a "
        "bind_dn, otherwise anonymous).",
    )
    bind_dn: Text | None = Field(
        None, description="Account for the login. Active Directory also accepts name@domain."
    )
    bind_password: SecretReference | None = Field(
        None, description="Where to find the password: {env: NAME} or {file: PATH}."
    )
    allow_plaintext: StrictBool = Field(
        False,
        description="Send the password over ldap:// without TLS. Others on the network can read "
        "it.",
    )
    connect_timeout: Seconds = Field(10, description="Maximum seconds to connect to a server.")
    timeout: Seconds = Field(60, description="Maximum seconds without a byte from the server.")
    base: Names = Field(description="Entries below which Kanport searches people, one or several.")
    scope: Scope = Field("subtree", description="How deep to search below the base.")
    filter: Text = Field("(objectClass=person)", description="Filter that finds the people.")
    page_size: StrictInt = Field(
        500,
        ge=0,
        le=20_000,
        description="Entries in one answer; 0 requests all at once, for servers without paging.",
    )
    max_entries: StrictInt = Field(
        1_000_000,
        gt=0,
        description="Maximum number of entries, groups included; Kanport refuses more.",
    )
    max_entry_bytes: StrictInt = Field(
        256 * 2**20,
        gt=0,
        description="Maximum size of an entry in bytes; each value counts 64 bytes more.",
    )
    max_bytes: StrictInt = Field(
        4 * 2**30,
        gt=0,
        description="Maximum size of all entries in bytes; each value counts 64 bytes more.",
    )
    id: Text | None = Field(
        None,
        description="Attribute that stays when the name changes: entryUUID, objectGUID, "
        "nsUniqueId, ipaUniqueID. It becomes the column id.",
    )
    active: tuple[ActiveRule, ...] = Field(
        (),
        description="Attributes that show that an account is disabled. They become the column "
        "active. A temporary lockout does not count.",
    )
    binary: dict[str, Literal["guid", "sid", "hex", "base64"]] = Field(
        {},
        description="How to write attributes that are not text. Kanport knows objectGUID and "
        "similar ones.",
    )
    choose: dict[str, Choose] = Field(
        {},
        description="Which of several values of an attribute to use: the first in alphabetical "
        "order, the one in the DN (rdn), or {match: PATTERN}.",
    )
    groups: LdapGroups | None = Field(
        None, description="Read members of groups: one row for each group and member."
    )
    clear: Text = Field("<clear>", description="A value with this text clears a field.")

    @property
    def urls(self) -> tuple[str, ...]:
        """The servers, in the order in which they are tried."""
        return several(self.url)

    @property
    def bases(self) -> tuple[str, ...]:
        """Where people are looked for."""
        return several(self.base)

    @property
    def method(self) -> Literal["anonymous", "simple", "external", "gssapi"]:
        """How to log in."""
        return self.bind or ("simple" if self.bind_dn else "anonymous")

    @classmethod
    def mistakes(cls, raw: Table) -> Iterator[PydanticCustomError]:
        """Return what is wrong with the servers, and between connection and login."""
        given = raw.get("url")
        urls = (
            [given] if isinstance(given, str) else given if isinstance(given, list | tuple) else []
        )
        parsed = [url for url in map(_parts, urls) if url is not None]
        for text in urls:
            yield from _url_mistakes(text)
        yield from _bind_mistakes(raw, parsed)
        plain = [url for url in parsed if url.scheme == "ldap"]
        if raw.get("start_tls") is True and parsed and not plain:
            yield problem("StartTLS is for ldap:// only", at=("start_tls",), hint="leave it out")
        if "client_key" in raw and "client_cert" not in raw:
            yield problem("a key needs its certificate, client_cert", at=("client_key",))
        protected = raw.get("start_tls") is True or raw.get("allow_plaintext") is True
        if "bind_password" in raw and plain and not protected:
            yield problem(
                "the password would go over the network in clear",
                at=("url",),
                hint="use ldaps://, or start_tls: true; allow_plaintext: true if it must be",
            )


def _parts(url: Any) -> SplitResult | None:
    try:
        return urlsplit(url) if isinstance(url, str) else None
    except ValueError:
        return None


def _url_mistakes(text: Any) -> Iterator[PydanticCustomError]:
    if not isinstance(text, str):
        return
    url = _parts(text)
    if url is None or url.scheme not in SCHEMES:
        wanted = listed([f"{scheme}://" for scheme in SCHEMES])
        yield problem(
            f"{text} is not an address of a directory: it begins with {wanted}", at=("url",)
        )
        return
    if "@" in url.netloc:
        # The message must not show what may be a password.
        yield problem("an address holds no user and password", at=("url",), hint="use bind_dn")
        return
    if url.scheme == "ldapi":
        return
    try:
        port_fits = url.port != 0
    except ValueError:
        port_fits = False
    if not url.hostname or not port_fits:
        yield problem(f"{text} names no host, or a port that cannot be", at=("url",))
    if url.path.strip("/") or url.query or url.fragment:
        yield problem(
            f"{text} holds more than scheme, host and port",
            at=("url",),
            hint="base, scope and filter have keys of their own",
        )


def _bind_mistakes(raw: Table, urls: list[SplitResult]) -> Iterator[PydanticCustomError]:
    method = raw.get("bind") or ("simple" if "bind_dn" in raw else "anonymous")
    if method == "simple":
        for key in ("bind_dn", "bind_password"):
            if key not in raw:
                yield problem(f"{key} is missing, which a simple bind needs")
    else:
        for key in ("bind_dn", "bind_password"):
            if key in raw:
                yield problem(f"{key} is only for bind: simple", at=(key,), on_key=True)
    if method != "external" or not urls:
        return
    if "client_cert" not in raw and any(url.scheme != "ldapi" for url in urls):
        yield problem(
            "external needs a client certificate, or ldapi://",
            at=("bind",),
            hint="add client_cert and client_key",
        )
    if any(url.scheme == "ldap" for url in urls) and raw.get("start_tls") is not True:
        yield problem("external over ldap:// needs start_tls: true", at=("bind",))
