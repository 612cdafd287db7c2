"""Directories as sources: OpenLDAP, 389 Directory Server, FreeIPA, Active Directory."""

from kanport.sources.ldap.errors import SourceIncomplete
from kanport.sources.ldap.read import read_ldap

__all__ = ["SourceIncomplete", "read_ldap"]
