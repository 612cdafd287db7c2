"""Dynamic groups: those whose members are whom a search finds (groupOfURLs, memberURL).

Some servers expand them, so that the group lists its members like any other (OpenLDAP with the
overlay dynlist). Others give the URL and nothing else, and such a group is not an empty one.
"""

from collections.abc import Mapping, Set
from urllib.parse import unquote, urlsplit

from kanport.errors import ConfigInvalid
from kanport.sources.ldap.connection import Question
from kanport.sources.ldap.errors import SourceIncomplete
from kanport.sources.ldap.gathering import Gathering, decoded
from kanport.sources.ldap.names import both, dn_key
from kanport.sources.ldap.proof import ANY

MEMBER_URL = "memberURL"
_CLASS = b"groupofurls"
_SCOPES = {"": "base", "base": "base", "one": "one", "sub": "subtree"}


def follow_urls(gathering: Gathering, listed: Mapping[str, Set[str]]) -> None:
    """Mark the dynamic groups that the server does not expand.

    `listed` are the members that the groups list, by the keys of groups and members.
    """
    for key, members in listed.items():
        node = gathering.nodes[key]
        urls = node.entry.attributes.get(MEMBER_URL.lower(), [])
        classes = {value.lower() for value in node.entry.attributes.get("objectclass", ())}
        if urls:
            node.unexpanded = not all(_is_expanded(gathering, url, members) for url in urls)
        elif _CLASS in classes and not members:
            # Even the URL may not be read.
            node.unexpanded = not gathering.lookup.proof.without({key: node.entry.dn}, MEMBER_URL)


def _is_expanded(gathering: Gathering, raw: bytes, members: Set[str]) -> bool:
    """Return whether a group lists whom its URL finds; if that is nobody, nobody may be hidden."""
    question = _question(decoded(raw))
    if question is None:
        return bool(members)
    try:
        found = {dn_key(entry.dn) for entry in gathering.directory.search(question)}
        if found:
            return found <= members
        others = {dn_key(entry.dn) for entry in gathering.directory.search(_not(question))}
        everything = gathering.directory.search(question._replace(filter=ANY))
        return all(dn_key(entry.dn) in others for entry in everything)
    except (ConfigInvalid, SourceIncomplete):
        return False


def _not(question: Question) -> Question:
    return question._replace(filter=f"(!{both(question.filter)})")


def _question(url: str) -> Question | None:
    """Return the search of an LDAP URL for entries (RFC 4516); None for any other.

    >>> _question("ldap:///ou=people,dc=x??sub?(l=Kiel)")[:3]
    ('ou=people,dc=x', 'subtree', '(l=Kiel)')
    """
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    attributes, scope, filter_ = [*map(unquote, parts.query.split("?")), "", ""][:3]
    base = unquote(parts.path.removeprefix("/"))
    known = scope.lower() in _SCOPES
    if parts.scheme.lower() != "ldap" or parts.netloc or attributes or not base or not known:
        return None
    return Question(base, _SCOPES[scope.lower()], filter_ or ANY, ())
