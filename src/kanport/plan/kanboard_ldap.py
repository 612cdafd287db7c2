"""What can be known beforehand of users whom Kanboard is to make from its own LDAP.

The API has no question that tells whether Kanboard has LDAP, and the one procedure that would show
it (createLdapUser) writes. So a plan says what it cannot know, and what speaks for it.
"""

from collections.abc import Iterable

from kanport.findings import Finding, found
from kanport.model import CurrentState, LdapPassword
from kanport.origin import first_place
from kanport.plan.change import Change, UserChange


def by_ldap(change: Change) -> bool:
    """Return whether a change has Kanboard make a user from its own LDAP (createLdapUser)."""
    return isinstance(change, UserChange) and isinstance(change.new.password, LdapPassword)


def kanboard_ldap_findings(changes: Iterable[UserChange], current: CurrentState) -> list[Finding]:
    """Say once whether Kanboard's LDAP can be expected to make the new users of a plan."""
    made = [change for change in changes if by_ldap(change)]
    if not made:
        return []
    origin = first_place(place for change in made for place in change.origin)
    if known := sum(user.ldap for user in current.users):
        return [found("ldap-expected", origin, count=len(made), known=known)]
    case = "" if current.unlisted is None else "unlisted"
    return [found("ldap-unproven", origin, case=case, count=len(made))]
