"""What a directory sends, taken apart: BER messages (RFC 4511), and what result codes mean.

Answers are read here, just as much of BER as searches need, as ldap3 hides whether they are
complete. At the end are the result codes in words for whoever set up the source.
"""

from typing import NamedTuple

SEARCH_ENTRY, SEARCH_DONE, SEARCH_REFERENCE = 0x64, 0x65, 0x73
EXTENDED, INTERMEDIATE = 0x78, 0x79
PAGED_RESULTS = "1.2.840.113556.1.4.319"

Attributes = dict[str, list[bytes]]


class Malformed(ValueError):
    """What came is not LDAP."""


class EntryTooLarge(Malformed):
    """An entry is larger than it may be, or has more values."""


VALUE_COST = 64
"""Bytes that each value takes in memory beside its own."""

# An attribute longer than this is counted before its values are made.
_LONG = 4 * 1024 * 1024


class Entry(NamedTuple):
    """An entry: its DN, and the values by attribute, whose names are in lower case."""

    dn: str
    attributes: Attributes


class Done(NamedTuple):
    """The end of a search: result code, the server's words, and the cookie of paged results.

    `cookie` is None where the server sent no control for pages. `matched` is the DN of the deepest
    entry above the one asked for that exists and that the server names (matchedDN, RFC 4511,
    4.1.9); empty where it names none.
    """

    code: int
    message: str
    cookie: bytes | None
    matched: str = ""


def header(data: bytes, at: int) -> tuple[int, int, int] | None:
    """Return tag, begin and end of the element at a place; None where its header is not all there.

    >>> header(bytes([0x04, 0x02, 0x61, 0x62]), 0)
    (4, 2, 4)
    """
    if len(data) < at + 2:
        return None
    length = data[at + 1]
    if length < 0x80:
        return data[at], at + 2, at + 2 + length
    count = length & 0x7F
    if not 1 <= count <= 4:
        raise Malformed("the length of an element cannot be")
    begin = at + 2 + count
    if len(data) < begin:
        return None
    return data[at], begin, begin + int.from_bytes(data[at + 2 : begin], "big")


def element(data: bytes, at: int, end: int) -> tuple[int, int, int]:
    """Return tag, begin and end of an element that lies wholly before `end`."""
    found = header(data, at)
    if found is None or found[2] > end:
        raise Malformed("an element is longer than what holds it")
    return found


def envelope(data: bytes, begin: int, end: int) -> tuple[int, int, int, int]:
    """Return message id, tag, begin and end of the operation in a message."""
    tag, at, stop = element(data, begin, end)
    if tag != 0x02:
        raise Malformed("a message has no id")
    number = int.from_bytes(data[at:stop], "big", signed=True)
    return number, *element(data, stop, end)


def entry(data: bytes, begin: int, end: int, names: dict[bytes, str], most: int = 2**28) -> Entry:
    """Decode an entry; `names` remembers the names of attributes between calls.

    Raises EntryTooLarge where it has more than `most` bytes, VALUE_COST for each value included.
    """
    cost = end - begin
    _, at, stop = element(data, begin, end)
    dn = data[at:stop].decode("utf-8", "backslashreplace")
    _, at, last = element(data, stop, end)
    attributes: Attributes = {}
    try:
        while at < last:
            _, begin, at = _within(data, at, last)
            _, name_begin, name_end = _within(data, begin, at)
            raw = data[name_begin:name_end]
            name = names.get(raw)
            if name is None:
                name = names[raw] = raw.decode("ascii", "backslashreplace").lower()
            _, place, stop = _within(data, name_end, at)
            if stop - place > _LONG:
                _refuse_many(data, place, stop, (most - cost) // VALUE_COST)
            values = attributes.setdefault(name, [])
            # The hot path: most of the time goes by here, and most values are short.
            while place < stop:
                length = data[place + 1]
                value_begin = place + 2
                place = value_begin + length
                if length > 0x7F:
                    _, value_begin, place = _within(data, value_begin - 2, stop)
                elif place > stop:
                    raise Malformed("a value is longer than what holds it")
                values.append(data[value_begin:place])
            cost += VALUE_COST * len(values)
            if cost > most:
                raise EntryTooLarge
    except IndexError:
        raise Malformed("an entry ends too early") from None
    return Entry(dn, attributes)


def _refuse_many(data: bytes, at: int, end: int, most: int) -> None:
    """Raise EntryTooLarge where an attribute has too many values; none of them is made."""
    while at < end:
        _, _, at = _within(data, at, end)
        most -= 1
        if most < 0:
            raise EntryTooLarge


def _within(data: bytes, at: int, end: int) -> tuple[int, int, int]:
    """Do what `element` does, faster where the length is short; may raise IndexError."""
    length = data[at + 1]
    if length > 0x7F:
        return element(data, at, end)
    stop = at + 2 + length
    if stop > end:
        raise Malformed("an element is longer than what holds it")
    return data[at], at + 2, stop


def done(data: bytes, begin: int, end: int, message_end: int) -> Done:
    """Decode the end of a search, with the control for pages that may follow it."""
    _, at, stop = element(data, begin, end)
    code = int.from_bytes(data[at:stop], "big", signed=True)
    _, at, stop = element(data, stop, end)
    matched = data[at:stop].decode("utf-8", "backslashreplace")
    _, at, stop = element(data, stop, end)
    message = data[at:stop].rstrip(b"\0").decode("utf-8", "backslashreplace")
    cookie = None
    if end < message_end:
        tag, at, last = element(data, end, message_end)
        while tag == 0xA0 and at < last:
            _, inner, at_next = element(data, at, last)
            found = _cookie(data, inner, at_next)
            cookie = found if found is not None else cookie
            at = at_next
    return Done(code, message, cookie, matched)


def _cookie(data: bytes, begin: int, end: int) -> bytes | None:
    _, at, stop = element(data, begin, end)
    if data[at:stop] != PAGED_RESULTS.encode():
        return None
    while stop < end:
        tag, at, stop = element(data, stop, end)
        if tag == 0x04:
            _, at, stop = element(data, at, stop)
            _, _, size_end = element(data, at, stop)
            _, at, last = element(data, size_end, stop)
            return data[at:last]
    return None


def reference(data: bytes, begin: int, end: int) -> tuple[str, ...]:
    """Return the URLs of other servers that stand in place of an entry (RFC 4511, 4.5.3)."""
    urls = []
    while begin < end:
        _, at, begin = element(data, begin, end)
        urls.append(data[at:begin].decode("utf-8", "backslashreplace"))
    return tuple(urls)


def result(data: bytes, begin: int, end: int) -> tuple[int, str]:
    """Return the result code and the name of an extended response."""
    found = done(data, begin, end, end)
    name, at = "", begin
    while at < end:
        tag, inner, at = element(data, at, end)
        if tag == 0x8A:
            name = data[inner:at].decode("ascii", "backslashreplace")
    return found.code, name


# --- result codes ---------------------------------------------------------------------------------


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
        "raise the server's time limit for the bind account, or narrow the filter",
    ),
    4: Meaning(
        "sizeLimitExceeded",
        "its limit of entries was reached before the end",
        "raise the server's limits for the bind account (in OpenLDAP: limits with size and "
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
        "raise the server's limits for the bind account, or index what the filter looks at",
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
        "there is no such entry, or the bind account may not see it",
        "check base, and what the bind account may read",
    ),
    34: Meaning("invalidDNSyntax", "the DN is not written as it must be", "check base and bind_dn"),
    48: Meaning("inappropriateAuthentication", "it refuses this way to log in"),
    49: Meaning(
        "invalidCredentials",
        "it refuses this name and password",
        "check bind_dn and the password that bind_password points to",
    ),
    50: Meaning(
        "insufficientAccessRights",
        "the bind account may not read that",
        "give it the right to read",
    ),
    51: Meaning("busy", "it is busy", "try again later"),
    52: Meaning("unavailable", "it is not available", "try again later"),
    53: Meaning("unwillingToPerform", "it is not willing to do that"),
    80: Meaning("other", "it met an error of its own", "the server's log may say more"),
    118: Meaning("canceled", "the search was canceled"),
}


def meaning(code: int) -> Meaning:
    """Return what a result code means; codes that nobody knows are named by their number.

    >>> meaning(4).name
    'sizeLimitExceeded'
    >>> meaning(4711).name
    'result 4711'
    """
    return _MEANINGS.get(code, Meaning(f"result {code}", "it refused, with a code of its own"))


def answer_text(code: int, message: str) -> str:
    """Return what a server answered: plain words, the name of the code, the server's own words.

    >>> answer_text(51, "")
    'it is busy (busy)'
    >>> answer_text(8, "Transport encryption required.")
    'it wants TLS before a password (strongerAuthRequired: Transport encryption required.)'
    """
    known = meaning(code)
    own = " ".join(message.split())[:300]
    return f"{known.words} ({known.name}{': ' + own if own else ''})"
