"""Ask a directory what it is, without a login, for a first mapping."""

from pathlib import Path

from kanport.drafting.directory import LOCK_ATTRIBUTES, DirectoryKind, FoundDirectory
from kanport.errors import KanportError
from kanport.mapping.ldap import LdapSource
from kanport.sources.ldap.connect import connected
from kanport.sources.ldap.kind import Kind, kind_of
from kanport.sources.ldap.proof import Proof
from kanport.sources.ldap.search import Directory
from kanport.sources.ldap.values import texts

_SECONDS = 5
_KINDS: dict[Kind, DirectoryKind] = {
    Kind.ACTIVE_DIRECTORY: "active-directory",
    Kind.SAMBA: "active-directory",
    Kind.LIGHTWEIGHT: "ad-lds",
    Kind.FREEIPA: "freeipa",
    Kind.DS389: "389-ds",
    Kind.OPENLDAP: "openldap",
}
_NAMES: dict[DirectoryKind, str] = {
    "active-directory": "Active Directory",
    "ad-lds": "Active Directory Lightweight Directory Services",
    "freeipa": "FreeIPA",
    "389-ds": "389 Directory Server",
    "openldap": "OpenLDAP",
}


def ask_directory(url: str, base: str, ca_file: str | None = None) -> FoundDirectory:
    """Return which server a directory is; `unknown` where it does not tell.

    Sends neither name nor password. Raises KanportError where no connection comes about.
    """
    spec = LdapSource.model_validate(
        {
            "type": "ldap",
            "url": url,
            "base": base,
            "ca_file": ca_file,
            "connect_timeout": _SECONDS,
            "timeout": _SECONDS,
        }
    )
    with connected("init", spec, base=Path(), environ={}) as (connection, _):
        directory = Directory(connection, 0)
        kind = _KINDS.get(kind_of(directory.root), "unknown")
        proof = Proof(directory)
        # FreeIPA's root entry may not show what it is; its schema and its tree do.
        in_accounts = "cn=accounts," in base.lower().replace(" ", "")
        in_schema = proof.shows_schema and proof.knows("ipaUniqueID")
        if kind == "389-ds" and (in_accounts or in_schema):
            kind = "freeipa"
        knows = frozenset(filter(proof.knows, LOCK_ATTRIBUTES)) if proof.shows_schema else None
        version = " ".join(texts(directory.root.get("vendorversion", [])))
        name = _NAMES.get(kind, "")
        return FoundDirectory(kind, f"{name} ({version})" if name and version else name, knows)


def named_directory(kind: DirectoryKind) -> FoundDirectory:
    """Return a directory of which only its kind is known."""
    return FoundDirectory(kind, _NAMES[kind])


def try_to_ask(url: str, base: str, ca_file: str | None) -> tuple[FoundDirectory | None, str]:
    """Return which server a directory is, or None and why it could not be asked."""
    try:
        found = ask_directory(url, base, ca_file)
    except (KanportError, ValueError) as problem:
        details = getattr(problem, "details", ())
        return None, "; ".join(map(str, details)) or str(problem)
    return found, "" if found.kind != "unknown" else "it does not say what it is"
