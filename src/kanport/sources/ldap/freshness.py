"""How new the data of a server are, so that an older copy does not pass for the truth.

OpenLDAP keeps `contextCSN` where it replicates: the newest change by the server that it was made on
(RFC 4533 and slapo-syncprov). Active Directory numbers the changes of each domain controller
(`highestCommittedUSN`); the numbers of two controllers have nothing to do with each other. On all
others there is the newest `modifyTimestamp` of what was read, which is replicated with the entry.
"""

from collections.abc import Iterable

from kanport.sources.ldap.errors import SourceIncomplete
from kanport.sources.ldap.kind import Kind, kind_of
from kanport.sources.ldap.names import dn_key, is_below
from kanport.sources.ldap.search import Directory
from kanport.sources.ldap.values import number, texts

STAMP = "modifyTimestamp"
_PADDED = 20
_LOCAL_TIMES = frozenset({Kind.ACTIVE_DIRECTORY, Kind.SAMBA, Kind.LIGHTWEIGHT})


def marks(directory: Directory, bases: Iterable[str]) -> dict[str, str]:
    """Return marks that only grow, by what they count: later data never have a smaller text.

    Empty where the server has none, or does not show them. Raises nothing.
    """
    root = directory.root
    found: dict[str, str] = {}
    usn, controller = number(root.get("highestcommittedusn")), texts(root.get("dsservicename", []))
    if usn is not None and controller:
        found[f"usn {controller[0]}"] = str(usn).zfill(_PADDED)
    if kind_of(root) is not Kind.OPENLDAP:
        return found
    keys = [dn_key(base) for base in bases]
    aside = directory.aside()
    for context in directory.contexts:
        if not any(is_below(key, dn_key(context)) for key in keys):
            continue
        try:
            entry, _ = aside.look(context, ("contextCSN",), "(objectClass=*)")
        except SourceIncomplete:
            continue
        for csn in texts(entry.attributes.get("contextcsn", [])) if entry is not None else ():
            # time#count#server#modification; the server is what the number belongs to.
            parts = csn.split("#")
            if len(parts) == 4:
                found[f"csn {context} {parts[2]}"] = csn
    return found


def tells_age(directory: Directory) -> bool:
    """Return whether the times of changes are the same on all servers of this directory."""
    return kind_of(directory.root) not in _LOCAL_TIMES
