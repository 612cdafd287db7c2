"""Check a directory: product, login, limits, and the commands for the same searches by hand."""

import shlex
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from urllib.parse import urlsplit

from kanport.config.address import is_loopback
from kanport.doctor.checks import Check, certificate_check, fine, warning
from kanport.errors import KanportError
from kanport.mapping.ldap import LdapSource
from kanport.messages import counted
from kanport.network import LONGEST_EXCHANGE
from kanport.sources.ldap.ber import SUCCESS, Done, Entry, answer_text, meaning
from kanport.sources.ldap.connect import connected
from kanport.sources.ldap.connection import BrokenConnection, Connection, Question
from kanport.sources.ldap.members import group_attributes, person_attributes
from kanport.sources.ldap.names import dn_key, is_below
from kanport.sources.ldap.rows import GROUP, Shaper
from kanport.sources.ldap.search import KIND_ATTRIBUTES, Directory, ServerKind, kind_of

# Paged results (RFC 2696).
_PAGES = "1.2.840.113556.1.4.319"
_ANY = "(objectClass=*)"
# timeLimitExceeded, sizeLimitExceeded and adminLimitExceeded (RFC 4511).
_LIMITS = (3, 4, 11)
_SCOPES = {"subtree": "sub", "one": "one", "base": "base"}


def directory_checks(
    about: str,
    name: str,
    spec: LdapSource,
    columns: frozenset[str] | None,
    *,
    base: Path,
    environ: Mapping[str, str],
    now: datetime,
    request_timeout: float = LONGEST_EXCHANGE,
) -> Iterator[Check]:
    """Log in and check the server, before Kanport reads the source as for a plan.

    Raise what `connected` raises. A search that a server does not answer is a warning.
    """
    with connected(name, spec, base=base, environ=environ, request_timeout=request_timeout) as (
        connection,
        failures,
    ):
        if failures:
            yield warning(
                about,
                f"{connection.url} answers, but the servers before it in url do not",
                details=failures,
            )
        yield _connection(about, spec, connection, now)
        yield _login(about, spec, connection)
        root = _root(Directory(connection, 0))
        if root is None:
            yield warning(about, "Kanport cannot read its root entry, so its product is unknown")
        else:
            yield from _root_checks(about, spec, root)
        yield from _limits(about, spec, connection)
        lines = ldapsearch_lines(spec, columns or frozenset(), connection.url, base=base, now=now)
        yield fine(about, "the same searches by hand:", details=lines)


def _connection(about: str, spec: LdapSource, connection: Connection, now: datetime) -> Check:
    where = f"{connection.url} answers"
    if connection.encryption is not None:
        begun = " after StartTLS" if spec.start_tls else ""
        text = f"{where} over {connection.encryption}{begun}"
        return certificate_check(about, text, connection.certificate, now=now)
    parts = urlsplit(connection.url)
    if parts.scheme == "ldapi" or is_loopback(parts.hostname or ""):
        return fine(about, f"{where} on this machine, without TLS")
    password = " and the password" if spec.method == "simple" else ""
    return warning(
        about,
        f"{where}, without TLS: others on the network can read the data{password}",
        hint="use ldaps://, or start_tls: true",
    )


def _login(about: str, spec: LdapSource, connection: Connection) -> Check:
    way = {
        "anonymous": "anonymously",
        "simple": f"as {spec.bind_dn}",
        "external": "with the identity of the connection (EXTERNAL)",
        "gssapi": "with Kerberos",
    }[spec.method]
    who = connection.who()
    text = f"logged in {way}"
    if who:
        text += f"; the directory knows Kanport as {who.removeprefix('dn:').removeprefix('u:')}"
    if who == "" and spec.method != "anonymous":
        return warning(
            about,
            f"{text}, but the directory treats the login as anonymous",
            hint="check the login",
        )
    if spec.method == "anonymous":
        return warning(
            about,
            f"{text}; Kanport cannot tell hidden entries from missing ones",
            hint="use an account that may read all people and groups",
        )
    return fine(about, text)


def _root(directory: Directory) -> Mapping[str, list[bytes]] | None:
    try:
        entry = directory.read("", KIND_ATTRIBUTES, _ANY)
    except (KanportError, KeyError):
        return None
    return entry.attributes if entry is not None else None


def _root_checks(about: str, spec: LdapSource, root: Mapping[str, list[bytes]]) -> Iterator[Check]:
    yield fine(about, f"it is {kind_text(root)}")
    contexts = _root_texts(root, "namingContexts")
    bases = [*spec.bases]
    if spec.groups is not None:
        base = spec.groups.base
        bases += [base] if isinstance(base, str) else base
    outside = [
        one
        for one in bases
        if not any(is_below(dn_key(one), dn_key(context)) for context in contexts)
    ]
    held = f"it contains {' and '.join(contexts)}"
    if contexts and outside:
        yield warning(
            about,
            f"{held}, but not {' and '.join(outside)}",
            hint="check base",
        )
    elif contexts:
        yield fine(about, held)
    controls = _root_texts(root, "supportedControl")
    if _PAGES in controls:
        if spec.page_size:
            yield fine(
                about, f"it supports paging; Kanport requests {spec.page_size} entries per page"
            )
        else:
            yield warning(
                about,
                "it supports paging, but page_size: 0 requests all entries at once",
                hint="leave out page_size",
            )
    elif controls and spec.page_size:
        yield warning(
            about,
            "it does not list paging as supported",
            hint="if the search fails because of that, set page_size: 0",
        )


def _limits(about: str, spec: LdapSource, connection: Connection) -> Iterator[Check]:
    """Request all people of the first base at once, to see whether a limit cuts the answer off."""
    question = Question(spec.bases[0], spec.scope, spec.filter, ("1.1",))
    came, end = 0, None
    try:
        for answer in connection.ask(question):
            if isinstance(answer, Entry):
                came += 1
            elif isinstance(answer, Done):
                end = answer
    except BrokenConnection as broken:
        yield warning(about, f"a request for all entries at once failed: {broken}")
        return
    entries = counted(came, "entry", "entries")
    if end is None or end.code == SUCCESS:
        yield fine(
            about,
            f"a request for all entries at once returns {entries}; there is no limit below that",
        )
    elif end.code in _LIMITS and spec.page_size:
        yield fine(
            about,
            f"a request for all entries at once stops after {entries} ({meaning(end.code).name});"
            " Kanport uses paging, so this limit does not matter",
        )
    else:
        yield warning(
            about,
            f"a request for all entries at once stops after {entries}:"
            f" {answer_text(end.code, end.message)}",
            hint=meaning(end.code).hint,
        )


def ldapsearch_lines(
    spec: LdapSource, columns: frozenset[str], url: str, *, base: Path, now: datetime
) -> tuple[str, ...]:
    """Return command lines for the same searches; they prompt for the password or read its file."""
    grouped = spec.groups is not None
    of_groups = [column for column in columns if grouped and column.startswith(GROUP)]
    of_people = [column for column in columns if column not in of_groups]
    people = Shaper(spec, of_people, now=now).attributes
    begin = _begin(spec, url, base)
    if spec.groups is not None:
        people += person_attributes(spec.groups)
    lines = [
        shlex.join([*begin, "-b", one, "-s", _SCOPES[spec.scope], spec.filter, *_once(people)])
        for one in spec.bases
    ]
    if spec.groups is not None:
        groups = spec.groups
        names = [column.removeprefix(GROUP) for column in of_groups]
        asked = (
            *Shaper(spec, names, now=now, prefix=GROUP).attributes,
            *group_attributes(groups),
        )
        for one in [groups.base] if isinstance(groups.base, str) else groups.base:
            where = ["-b", one, "-s", _SCOPES[groups.scope], groups.filter]
            lines.append(shlex.join([*begin, *where, *_once(asked)]))
    return tuple(_environment(spec, base) + line for line in lines)


def _begin(spec: LdapSource, url: str, base: Path) -> list[str]:
    parts = ["ldapsearch", "-LLL", "-o", "ldif-wrap=no", "-H", url]
    if spec.start_tls:
        parts.append("-ZZ")
    if spec.method == "external":
        parts += ["-Y", "EXTERNAL"]
    elif spec.method == "gssapi":
        parts += ["-Y", "GSSAPI"]
    else:
        parts.append("-x")
    if spec.method == "simple" and spec.bind_dn is not None:
        parts += ["-D", spec.bind_dn]
        file = spec.bind_password.file if spec.bind_password else None
        parts += ["-y", str(base / file)] if file else ["-W"]
    if spec.page_size:
        parts += ["-E", f"!pr={spec.page_size}/noprompt"]
    return parts


def _environment(spec: LdapSource, base: Path) -> str:
    files = {
        "LDAPTLS_CACERT": spec.ca_file,
        "LDAPTLS_CERT": spec.client_cert,
        "LDAPTLS_KEY": spec.client_key or spec.client_cert,
    }
    return "".join(
        f"{name}={shlex.quote(str((base / file).absolute()))} "
        for name, file in files.items()
        if file
    )


def _once(names: tuple[str, ...]) -> list[str]:
    return list({name.lower(): name for name in names}.values()) or ["1.1"]


def _root_texts(root: Mapping[str, list[bytes]], name: str) -> list[str]:
    return [value.decode(errors="replace") for value in root.get(name.lower(), [])]


# --- the product of a directory, by its root entry (RFC 4512, 5.1) --------------------------------

_PRODUCTS = {
    ServerKind.SAMBA: "a Samba domain controller",
    ServerKind.AD_LDS: "Active Directory Lightweight Directory Services",
    ServerKind.FREEIPA: "FreeIPA",
    ServerKind.DS389: "389 Directory Server",
    ServerKind.OPENLDAP: "OpenLDAP",
}


def kind_text(root: Mapping[str, list[bytes]]) -> str:
    """Return the name of the server; the keys of `root` are in lower case.

    >>> kind_text({"objectclass": [b"top", b"OpenLDAProotDSE"]})
    'OpenLDAP'
    >>> kind_text({"vendorname": [b"389 Project"], "vendorversion": [b"389-Directory/2.3.1 B2023"]})
    '389 Directory Server (389-Directory/2.3.1 B2023)'
    """
    kind, version = kind_of(root), _joined_text(root, "vendorVersion")
    more = f" ({version})" if version else ""
    if kind is ServerKind.ACTIVE_DIRECTORY:
        host = _joined_text(root, "dnsHostName")
        return "Active Directory" + (f", the domain controller {host}" if host else "")
    if kind is ServerKind.AD_LDS:
        return _PRODUCTS[kind]
    if kind in _PRODUCTS:
        return f"{_PRODUCTS[kind]}{more}"
    vendor = _joined_text(root, "vendorName")
    return f"a directory of {vendor}{more}" if vendor else "a directory of an unknown product"


def _joined_text(root: Mapping[str, list[bytes]], name: str) -> str:
    values = root.get(name.lower(), [])
    return " ".join(value.decode(errors="replace") for value in values)[:100]
