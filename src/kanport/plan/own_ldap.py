"""What can be known beforehand of users whom Kanboard is to make from its own LDAP.

The API has no question that tells whether Kanboard has LDAP, and the one procedure that would show
it (createLdapUser) writes. So a plan says what it cannot know, and what speaks for it.
"""

from collections.abc import Iterable

from kanport.findings import Finding
from kanport.model import CurrentState, User
from kanport.origin import Origin
from kanport.plan.draft import Draft
from kanport.plan.model import LDAP, Action, Change
from kanport.plan.places import first_place


def by_ldap(change: Change | Draft) -> bool:
    """Tell whether a change has Kanboard make a user from its own LDAP (createLdapUser)."""
    return change.action is Action.USER_CREATE and (change.after or {}).get("password") == LDAP


def own_ldap_findings(changes: Iterable[Draft], current: CurrentState) -> list[Finding]:
    """Say once whether Kanboard's LDAP can be expected to make the new users of a plan."""
    made = [change for change in changes if by_ldap(change)]
    if not made:
        return []
    count = "1 new user is" if len(made) == 1 else f"{len(made)} new users are"
    origin = first_place(place for change in made for place in change.origin)
    known = sum(user.ldap for user in current.users)
    if not known:
        nobody = "nobody on the server" if current.unlisted is None else "nobody who was read"
        return [
            Finding(
                "ldap-unproven",
                f"{count} to come from Kanboard's own LDAP, and {nobody} came from"
                " there so far; whether it is set up shows only when the first one is made",
                origin,
                hint="Kanboard needs LDAP_AUTH with LDAP_BIND_TYPE anonymous or proxy; apply tries"
                " one user first, and leaves out the others where Kanboard has no LDAP",
            )
        ]
    users = "1 user" if known == 1 else f"{known} users"
    return [
        Finding(
            "ldap-expected",
            f"{count} to come from Kanboard's own LDAP, as {users} of the server did; whether it"
            " knows them shows only when they are made",
            origin,
            hint="with LDAP_BIND_TYPE user, Kanboard can let people in, but cannot make users",
        )
    ]


def local_finding(user: User, origin: Origin | None) -> Finding:
    """Give the finding for a local account of somebody who is to come from Kanboard's LDAP."""
    return Finding(
        "user-local",
        f"{user.username!r} has a local account, which stays so until the first login through"
        " LDAP; from then on its local password no longer works",
        origin=origin,
        value=user.username,
    )
