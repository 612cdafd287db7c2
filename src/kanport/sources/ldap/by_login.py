"""Members by login name: posix groups (memberUid, RFC 2307)."""

from kanport.sources.ldap.gathering import Gathering, decoded
from kanport.sources.ldap.names import either
from kanport.sources.ldap.values import texts

_AT_ONCE = 200


def follow_logins(gathering: Gathering) -> None:
    """Find who has the login names that the groups list, to the letter, as Unix compares them."""
    name = gathering.groups.login
    by_login: dict[bytes, set[str]] = {}
    for key, person in gathering.people.items():
        for login in person.attributes.get(name.lower(), ()):
            by_login.setdefault(login, set()).add(key)
    nodes = gathering.nodes.values()
    listed = {login for node in nodes for login in node.entry.attributes.get("memberuid", ())}
    everywhere = gathering.groups.outside == "fetch"
    missing = texts(sorted(listed - by_login.keys())) if everywhere else []
    for at in range(0, len(missing), _AT_ONCE):
        condition = either([name], missing[at : at + _AT_ONCE])
        for base in gathering.spec.bases:
            found, whole = gathering.lookup.where(condition, base, (base,))
            everywhere = everywhere and whole
            for entry in found.values():
                person = gathering.add_person(entry)
                for login in person.attributes.get(name.lower(), ()):
                    by_login.setdefault(login, set()).add(person.key)
    for node in nodes:
        for login in node.entry.attributes.get("memberuid", ()):
            if login in by_login:
                node.people |= by_login[login]
                node.logins |= by_login[login]
            else:
                # Who was looked for everywhere is not there; otherwise nobody knows.
                (node.strangers if everywhere else node.lost).append(decoded(login))
