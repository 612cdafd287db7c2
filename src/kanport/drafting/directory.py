"""The text of a first mapping for an LDAP directory. Pure."""

import json
from urllib.parse import urlsplit

from kanport.errors import UsageError


def draft_for_directory(url: str, base: str, mapping: str) -> str:
    """Give a mapping for the people of a directory (RFC 2798, inetOrgPerson).

    Raises UsageError where `url` is no LDAP address.
    """
    parts = urlsplit(url)
    if parts.scheme not in ("ldap", "ldaps") or not parts.hostname:
        raise UsageError(
            f"{url} is no address of a directory", hint="for example ldaps://ldap.example.org"
        )
    secure = "" if parts.scheme == "ldaps" else "    start_tls: true\n"
    return f"""\
# A first mapping for a directory. Read it, correct it, then:
#
#   export LDAP_PASSWORD=...
#   kanport doctor {mapping}
#   kanport validate {mapping}
#   kanport plan {mapping}

kanport: 1
name: directory

sources:
  people:
    type: ldap
    url: {json.dumps(url)}
{secure}    bind_dn: {json.dumps(f"cn=kanport,{base}")}
    bind_password: {{env: LDAP_PASSWORD}}   # or {{file: PATH}}; never in clear
    base: {json.dumps(base)}
    filter: (objectClass=inetOrgPerson)     # Active Directory: (objectCategory=person)

users:
  from: people
  fields:
    username: {{from: uid, transform: [trim, lower]}}   # Active Directory: sAMAccountName
    name: {{from: cn, transform: [collapse, trim]}}
    email: {{from: mail, transform: [trim, lower]}}
  password: random                          # or ldap, where Kanboard has this directory set up
  missing: keep                             # or disable, with managed: whom it may touch

protect: [admin, "svc-*"]                   # these are never touched
"""
