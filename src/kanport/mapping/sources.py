"""Where rows come from: files, a directory, another Kanboard."""

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal, get_args
from urllib.parse import SplitResult, urlsplit

from pydantic import (
    BeforeValidator,
    Discriminator,
    Field,
    StrictBool,
    StrictFloat,
    StrictInt,
    Tag,
    field_validator,
)
from pydantic_core import PydanticCustomError

from kanport.mapping.base import (
    CODE,
    TABLE,
    TAG_MARK,
    TEXT,
    Names,
    Strict,
    Table,
    Text,
    by_shape,
    listed,
    near,
    problem,
    quoted,
)
from kanport.mapping.conditions import Selected
from kanport.mapping.patterns import NotAPattern, compiled

SCHEMES = ("ldaps", "ldap", "ldapi")

GROUP_FILTER = (
    "(|(objectClass=group)(objectClass=groupOfNames)(objectClass=groupOfUniqueNames)"
    "(objectClass=groupOfMembers)(objectClass=groupOfURLs)(objectClass=posixGroup))"
)

ActiveRule = Literal[
    "userAccountControl", "accountExpires", "nsAccountLock", "pwdAccountLockedTime", "shadowExpire"
]
Scope = Literal["subtree", "one", "base"]
Seconds = Annotated[StrictInt | StrictFloat, Field(gt=0, le=3600)]


def several(names: str | tuple[str, ...]) -> tuple[str, ...]:
    """Return what a file may write as one text or as a list, as a list."""
    return (names,) if isinstance(names, str) else names


class SecretReference(Strict):
    """Where to find a password; the mapping itself never contains one."""

    env: Text | None = Field(None, description="Environment variable that contains the password.")
    file: Text | None = Field(
        None, description="File that only you can read, relative to the mapping."
    )

    @classmethod
    def mistakes(cls, raw: Table) -> Iterator[PydanticCustomError]:
        """Return what is wrong with the choice between the two."""
        if len(raw.keys() & {"env", "file"}) != 1:
            yield problem(
                "needs one of env or file", hint="{env: LDAP_PASSWORD} or {file: /run/secrets/ldap}"
            )


class Choice(Strict):
    """Selects one of several values of an attribute by a pattern."""

    match: Text = Field(
        description="Regular expression; Kanport uses the first value that matches."
    )

    @field_validator("match")
    @classmethod
    def _is_a_pattern(cls, pattern: str) -> str:
        try:
            compiled(pattern)
        except NotAPattern as wrong:
            raise problem(f"not a regular expression: {wrong}") from None
        return pattern


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
        yield problem(f"{text} is no address of a directory: it begins with {wanted}", at=("url",))
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


# --- what a mapping says of a source that is a Kanboard server itself -----------------------------


class KanboardSource(Selected):
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


# --- what a mapping says of each source: which file, and how it is to be read ---------------------


class FileSource(Selected):
    """What all files have in common."""

    type: str
    path: Text = Field(description="Path of the file, relative to the mapping.")
    clear: Text = Field("<clear>", description="A cell with this text clears a field.")
    max_rows: StrictInt = Field(
        1_000_000, gt=0, description="Maximum number of rows; Kanport refuses a larger source."
    )
    may_be_empty: bool = Field(False, description="true: the source may have a header and no rows.")


class ListSource(FileSource):
    """What files have in common that people edit with a spreadsheet."""

    header_row: StrictInt | None = Field(
        None,
        gt=0,
        description="Row that contains the headers (default: the first one, or the one below a "
        "title if it has all columns that the mapping names).",
    )
    verbatim: bool = Field(
        False,
        description="true: use every row and text unchanged, and do not check for damage by "
        "spreadsheets.",
    )


class CsvSource(ListSource):
    """Rows of a CSV file with a line of headers."""

    type: Literal["csv"] = Field(description="Type of the source.")
    encoding: Text | None = Field(
        None,
        description="Encoding of a file that is neither UTF-8 nor UTF-16 with a byte order "
        "mark, such as cp1252.",
    )
    columns: tuple[Text, ...] | None = Field(
        None,
        min_length=1,
        description="Names of the columns in their order. Kanport then ignores the first line.",
    )
    delimiter: Literal[",", ";", "\t", "|"] | None = Field(
        None, description="Character between the fields (default: detected from the header)."
    )

    @field_validator("encoding")
    @classmethod
    def _encoding_is_known(cls, name: str | None) -> str | None:
        if name is not None and not _is_text_encoding(name):
            close = near(name, _ENCODINGS)
            hint = f"did you mean {close}?" if close else f"for example {listed(_ENCODINGS)}"
            raise problem(f"there is no encoding {quoted(name)}", hint=hint)
        return name


class ExcelSource(ListSource):
    """Rows of one sheet of an Excel workbook (.xlsx)."""

    type: Literal["excel"] = Field(description="Type of the source.")
    sheet: Text | None = Field(
        None, description="Name of the sheet (default: the first visible one)."
    )
    hidden_rows: Literal["refuse", "read", "skip"] = Field(
        "refuse", description="What to do with hidden or filtered rows."
    )
    merged_cells: Literal["refuse", "fill"] = Field(
        "refuse", description="fill: every cell of a merged range gets its value."
    )


class YamlSource(FileSource):
    """Rows of a YAML file: a list of tables with plain values."""

    type: Literal["yaml"] = Field(description="Type of the source.")
    under: Text | None = Field(
        None, description="Key of the list in the file (default: the whole file is the list)."
    )


_ENCODINGS = ("utf-8", "cp1252", "iso-8859-1", "iso-8859-15", "cp1250", "cp1251", "cp850", "utf-16")


def _is_text_encoding(name: str) -> bool:
    try:
        # Codecs such as rot13 exist but make no text of bytes; LookupError is theirs too.
        b"a".decode(name)
    except UnicodeError:
        return True
    except (LookupError, ValueError):
        return False
    return True


def _known_kind(raw: Any) -> Any:
    if not isinstance(raw, dict) or raw.get("type") in TYPES:
        return raw
    if "type" not in raw:
        first, *others = TYPES
        raise problem(
            "type is missing",
            hint=f"write type: {first}, or {listed(others)}",
        )
    close = near(str(raw["type"]), TYPES)
    raise problem(
        f"type must be {listed(TYPES)}",
        at=("type",),
        hint=f"did you mean {close}?" if close else None,
    )


def _kind(raw: Any) -> str | None:
    kind = raw.get("type") if isinstance(raw, dict) else getattr(raw, "type", None)
    return f"{TAG_MARK}{kind}"


Source = Annotated[
    Annotated[CsvSource, Tag(f"{TAG_MARK}csv")]
    | Annotated[ExcelSource, Tag(f"{TAG_MARK}excel")]
    | Annotated[YamlSource, Tag(f"{TAG_MARK}yaml")]
    | Annotated[LdapSource, Tag(f"{TAG_MARK}ldap")]
    | Annotated[KanboardSource, Tag(f"{TAG_MARK}kanboard")],
    Discriminator(
        _kind,
        custom_error_type=CODE,
        custom_error_message="must be a table that begins with type",
    ),
    BeforeValidator(_known_kind),
]

TYPES: dict[str, type[Strict]] = {
    tag.tag.removeprefix(TAG_MARK): model
    for model, tag in map(get_args, get_args(get_args(Source)[0]))
}
"""The model of each type of source, by the name that a mapping gives it."""
FILE_TYPES = frozenset(name for name, model in TYPES.items() if issubclass(model, FileSource))
