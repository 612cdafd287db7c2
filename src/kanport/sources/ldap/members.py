"""Who is in which group, in whatever way the directory says it."""

from collections.abc import Iterable

from kanport.mapping.ldap import LdapGroups
from kanport.sources.ldap.ber import Entry
from kanport.sources.ldap.by_list import follow_lists
from kanport.sources.ldap.by_login import follow_logins
from kanport.sources.ldap.by_people import follow_member_of
from kanport.sources.ldap.by_rule import follow_rule
from kanport.sources.ldap.dynamic import MEMBER_URL
from kanport.sources.ldap.gathering import Gathering
from kanport.sources.ldap.primary import add_primary


def person_attributes(groups: LdapGroups) -> tuple[str, ...]:
    """Give what must be known of people to find their groups."""
    wanted = ["memberOf"] if groups.by_member_of else []
    if _by_login(groups):
        wanted.append(groups.login)
    return tuple(wanted + _primary(groups, "primaryGroupID", "objectSid"))


def group_attributes(groups: LdapGroups) -> tuple[str, ...]:
    """Give what must be known of groups to find who is in them."""
    wanted = ("objectClass", MEMBER_URL, *groups.member_attributes)
    return (*wanted, *_primary(groups, "objectSid"))


def find_members(gathering: Gathering, wanted: Iterable[Entry]) -> None:
    """Find who is in these groups, and in the groups in them as far as they are followed."""
    keys = [gathering.add_group(entry) for entry in wanted]
    groups = gathering.groups
    if groups.by_member_of:
        follow_member_of(gathering)
    else:
        follow_lists(gathering)
    if _by_login(groups):
        follow_logins(gathering)
    if groups.nested == "rule":
        follow_rule(gathering, keys)
    if groups.primary:
        add_primary(gathering)


def _by_login(groups: LdapGroups) -> bool:
    return any(name.lower() == "memberuid" for name in groups.member_attributes)


def _primary(groups: LdapGroups, *attributes: str) -> list[str]:
    if not groups.primary:
        return []
    return [*attributes, *(["gidNumber"] if _by_login(groups) else [])]
