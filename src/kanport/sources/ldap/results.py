"""What the result codes of directories mean for whoever set up the source (RFC 4511, 4.1.9)."""

from typing import NamedTuple

SUCCESS = 0
NO_SUCH_OBJECT = 32
# There is no such entry; another server has it; that is no DN; it may not be seen.
REFERRAL = 10
NOT_HERE = (NO_SUCH_OBJECT, REFERRAL, 34, 50)


class Meaning(NamedTuple):
    """The name of a result code, what it means in plain words, and what can be done."""

    name: str
    words: str
    hint: str | None = None


_MEANINGS = {
    1: Meaning(
        "operationsError",
        "it could not do that",
        "Active Directory answers so where a search comes before the login: set bind_dn",
    ),
    2: Meaning("protocolError", "it did not understand the question"),
    3: Meaning(
        "timeLimitExceeded",
        "its limit of time was reached before the end",
        "raise the server's time limit for this login, or narrow the filter",
    ),
    4: Meaning(
        "sizeLimitExceeded",
        "its limit of entries was reached before the end",
        "raise the server's limits for this login (in OpenLDAP: limits with size and "
        "size.prtotal; in Active Directory: a smaller page_size)",
    ),
    7: Meaning("authMethodNotSupported", "it does not know this way to log in"),
    8: Meaning(
        "strongerAuthRequired",
        "it wants TLS before a password",
        "use ldaps://, or start_tls: true",
    ),
    10: Meaning(
        "referral",
        "it says that another server has this",
        "name that server in url; Kanport follows no referral, as that would show its password",
    ),
    11: Meaning(
        "adminLimitExceeded",
        "one of its limits was reached before the end",
        "raise the server's limits for this login, or index what the filter looks at",
    ),
    12: Meaning(
        "unavailableCriticalExtension",
        "it cannot do what the search needs, which is to answer in pages",
        "page_size: 0 asks for all at once; its size limit must then be high enough",
    ),
    13: Meaning(
        "confidentialityRequired", "it wants TLS first", "use ldaps://, or start_tls: true"
    ),
    32: Meaning(
        "noSuchObject",
        "there is no such entry, or this login may not see it",
        "check base, and what this login may read",
    ),
    34: Meaning("invalidDNSyntax", "the DN is not written as it must be", "check base and bind_dn"),
    48: Meaning("inappropriateAuthentication", "it refuses this way to log in"),
    49: Meaning(
        "invalidCredentials",
        "it refuses this name and password",
        "check bind_dn and the password that bind_password points to",
    ),
    50: Meaning(
        "insufficientAccessRights", "this login may not read that", "give it the right to read"
    ),
    51: Meaning("busy", "it is busy", "try again later"),
    52: Meaning("unavailable", "it is not available", "try again later"),
    53: Meaning("unwillingToPerform", "it is not willing to do that"),
    80: Meaning("other", "it met an error of its own", "the server's log may say more"),
    118: Meaning("canceled", "the search was canceled"),
}


def meaning(code: int) -> Meaning:
    """Give what a result code means; codes that nobody knows are named by their number.

    >>> meaning(4).name
    'sizeLimitExceeded'
    >>> meaning(4711).name
    'result 4711'
    """
    return _MEANINGS.get(code, Meaning(f"result {code}", "it refused, with a code of its own"))


def told(code: int, message: str) -> str:
    """Say what a server answered: plain words, the name of the code, the server's own words.

    >>> told(51, "")
    'it is busy (busy)'
    >>> told(8, "Transport encryption required.")
    'it wants TLS before a password (strongerAuthRequired: Transport encryption required.)'
    """
    known = meaning(code)
    own = " ".join(message.split())[:300]
    return f"{known.words} ({known.name}{': ' + own if own else ''})"
