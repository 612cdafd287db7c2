"""What is said of people and their access on the way, wherever it is noticed."""

from kanport.findings import Finding, found
from kanport.model import User
from kanport.origin import Origin


def protected_finding(username: str, origin: Origin | None) -> Finding:
    """Give the finding for a row that wants to change a protected account."""
    return Finding(
        "person-protected",
        f"{username!r} is protected and was left as it is",
        origin=origin,
        value=username,
        hint="`protect` in the mapping says who is never touched",
    )


def disabled_finding(username: str, origin: Origin | None, why: str | None = None) -> Finding:
    """Return the finding for a source that names somebody whose account stays disabled.

    `why` is the reason where Kanport disabled them itself and yet does not enable them.
    """
    return Finding(
        "person-disabled",
        f"{username!r} is disabled on the server and stays disabled: "
        + (why or "the ledger does not say that Kanport disabled them"),
        origin=origin,
        value=username,
        hint="enable them in Kanboard if they are to work again, take them out of the source if"
        " not, or map the field `active` to let the sources decide",
    )


def unproven_finding(username: str, user: User | None, origin: Origin | None) -> Finding:
    """Return the finding for somebody of whom the directory does not say whether they are active.

    `user` is their account, which is disabled; None where they have none.
    """
    case = "new" if user is None else "disabled"
    return found("person-unproven", origin, case=case, value=username, username=username)


def spelled_finding(user: User, spelling: str, origin: Origin | None) -> Finding:
    """Give the finding for a username that the server spells in another way."""
    return Finding(
        "username-spelled",
        f"{spelling!r} is {user.username!r} on the server, and stays so",
        origin=origin,
        value=spelling,
    )


def old_name_finding(username: str, new_name: str, origin: Origin | None) -> Finding:
    """Give the finding for a membership that names somebody as they were called before a rename."""
    return Finding(
        "username-old",
        f"{username!r} is to be called {new_name!r}; from then on this row does not name them",
        origin=origin,
        value=username,
        hint=f"write {new_name!r} here",
    )


def inactive_finding(username: str, origin: Origin | None) -> Finding:
    """Give the finding for somebody who is not active and not on the server."""
    return Finding(
        "person-inactive",
        f"{username!r} is not active and not on the server, so is not created",
        origin=origin,
        value=username,
    )


def unmanaged_finding(username: str, origin: Origin | None) -> Finding:
    """Give the finding for somebody who is to be disabled and whom Kanport does not manage."""
    return Finding(
        "person-unmanaged",
        f"{username!r} is not active in the sources, but neither created nor adopted by Kanport,"
        " and so stays enabled",
        origin=origin,
        value=username,
        hint="kanport adopt MAPPING takes those whom the sources name into the ledger",
    )


def kept_finding(username: str, origin: Origin | None) -> Finding:
    """Give the finding for somebody whom a valid row lowers and an invalid row names as well."""
    return Finding(
        "row-skipped",
        f"{username!r} would lose something, but is named by an invalid row as well,"
        " and so keeps it",
        origin=origin,
        value=username,
        hint="correct the invalid row",
    )
