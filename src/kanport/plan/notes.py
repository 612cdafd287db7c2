"""What is said of one user, wherever it is noticed."""

from kanport.facts import Param, fact
from kanport.findings import Finding, finding, found
from kanport.model import User
from kanport.origin import Origin


def user_finding(
    code: str, username: str, origin: Origin | None, *, case: str = "", **params: Param
) -> Finding:
    """Return a finding about one user, whose username is its value."""
    about = fact(code, case=case, username=username, **params)
    return finding(about, origin, value=username)


def protected_finding(username: str, origin: Origin | None) -> Finding:
    """Return the finding for a row that wants to change a protected account."""
    return user_finding("person-protected", username, origin)


def spelled_finding(user: User, spelling: str, origin: Origin | None) -> Finding:
    """Return the finding for a username that the server spells in another way."""
    return found("username-spelled", origin, value=spelling, text=spelling, username=user.username)
