"""What may be shown of a server's error texts: their kind, never the text itself.

A SQL error of PostgreSQL holds the failing row with its bcrypt hash, and a PHP error page holds
paths and arguments (facts: createUser with a null role; a nested value as username). So messages
are made here out of what is recognised; whatever is not recognised is left out.
"""

import re

from kanport.kanboard.faults import Fault

# The codes of JSON-RPC 2.0, section 5.1, with the words that Kanboard's library gives them.
_RPC_CODES = {
    -32700: "Parse error",
    -32600: "Invalid Request",
    -32601: "Method not found",
    -32602: "Invalid params",
    -32603: "Internal error",
    401: "Unauthorized",
    403: "Forbidden",
}
# The `data` that Kanboard adds to -32602.
_RPC_DATA = frozenset({"Wrong number of arguments", "Too many arguments"})
# SQLSTATE codes (ISO 9075, and PostgreSQL's appendix A) that a call of ours can meet.
_SQLSTATES = {
    "22001": "a value is too long",
    "22P02": "a value is of the wrong kind",
    "23000": "a value is taken, missing or refers to nothing",
    "23502": "a value is missing",
    "23503": "a value refers to nothing",
    "23505": "a value is taken",
    "40001": "two changes got in each other's way",
    "40P01": "two changes got in each other's way",
    "42000": "the statement is wrong",
    "42601": "the statement is wrong",
}
_PHRASES = {
    "database is locked": "the database is locked",
    "LDAP server not configured": "no LDAP server is configured in Kanboard",
    "LDAP user filter is not configured": "LDAP_USER_FILTER is not set in Kanboard",
    "Username not found in LDAP profile": "LDAP_USER_ATTRIBUTE_USERNAME is wrong in Kanboard",
    "Unable to connect to LDAP server": "Kanboard cannot reach its LDAP server",
    "Unable to start LDAP TLS": "Kanboard cannot begin TLS with its LDAP server",
    "Malformed LDAP server hostname": "LDAP_SERVER or LDAP_PORT is wrong in Kanboard",
}
_SQLSTATE = re.compile(r"SQLSTATE\[([0-9A-Z]{5})\]|SQL Error\[([0-9A-Z]{5})\]")


def error_reason(code: int, message: object, data: object = None) -> str:
    """Give what may be shown of a JSON-RPC error: its code and what is recognised in its text.

    >>> error_reason(-32602, "Invalid params", "Wrong number of arguments")
    'Invalid params: Wrong number of arguments (code -32602)'
    >>> error_reason(0, "SQL Error[23502]: SQLSTATE[23502]: … Failing row contains (7, $2y$10$…)")
    'SQL error, SQLSTATE 23502: a value is missing (code 0)'
    >>> error_reason(0, "whatever else it says")
    'an error that Kanport does not know (code 0)'
    """
    text = message if isinstance(message, str) else ""
    known = _RPC_CODES.get(code)
    if known is not None:
        extra = f": {data}" if isinstance(data, str) and data in _RPC_DATA else ""
        return f"{known}{extra} (code {code})"
    phrase = next((words for part, words in _PHRASES.items() if part in text), None)
    state = _SQLSTATE.search(text)
    if state:
        name = state[1] or state[2]
        phrase = phrase or _SQLSTATES.get(name)
        return f"SQL error, SQLSTATE {name}{f': {phrase}' if phrase else ''} (code {code})"
    return f"{phrase or 'an error that Kanport does not know'} (code {code})"


def is_passing(reason: str) -> bool:
    """Tell whether what `error_reason` gave is trouble that passes, so that trying again helps.

    SQLite has one writer at a time and gives up on a call after 30 s; PostgreSQL and MariaDB break
    off one of two changes that wait for each other.

    >>> is_passing("SQL error, SQLSTATE HY000: the database is locked (code 0)")
    True
    """
    return "the database is locked" in reason or "got in each other's way" in reason


_TIME = re.compile(r"Maximum execution time of (\d[\d.]{0,6}) seconds? exceeded")
_MEMORY = re.compile(r"Allowed memory size of (\d{1,15}) bytes exhausted|Out of memory")
_UNCAUGHT = re.compile(
    r"Uncaught (?:PHP Exception )?\\?(?:\w{1,40}\\){0,6}(\w{1,40}(?:Error|Exception))"
)
# With html_errors off, PHP leaves out the tags.
_KIND = re.compile(
    r"(?:^|<b>|PHP )(Fatal error|Parse error|Warning|Notice|Deprecated)(?:</b>)?:", re.MULTILINE
)


def page_reason(page: str) -> tuple[Fault, str]:
    """Give the kind of an answer that is no JSON and what may be shown of it.

    >>> page_reason("<br /><b>Fatal error</b>:  Maximum execution time of 30 seconds exceeded …")
    (<Fault.TIME_LIMIT: 'time-limit'>, 'PHP: maximum execution time of 30 s exceeded')
    >>> page_reason("<b>Fatal error</b>:  Uncaught TypeError: mb_strlen(): Argument #1 …")
    (<Fault.PHP_ERROR: 'php-error'>, 'PHP: uncaught TypeError')
    """
    page = page[:20_000]
    if limit := _TIME.search(page):
        return Fault.TIME_LIMIT, f"PHP: maximum execution time of {limit[1]} s exceeded"
    if limit := _MEMORY.search(page):
        size = f" of {int(limit[1]) // 2**20} MiB" if limit[1] else ""
        return Fault.MEMORY_LIMIT, f"PHP: memory limit{size} exhausted"
    if uncaught := _UNCAUGHT.search(page):
        return Fault.PHP_ERROR, f"PHP: uncaught {uncaught[1]}"
    if kind := _KIND.search(page):
        return Fault.PHP_ERROR, f"PHP: {kind[1].lower()}"
    return Fault.HTML, "a web page in place of an answer"
