"""Directories as sources: OpenLDAP, 389 Directory Server, FreeIPA, Active Directory."""

from kanport.sources.ldap.read import read_ldap
from kanport.sources.ldap.search import SourceIncomplete

__all__ = ["SourceIncomplete", "read_ldap"]
