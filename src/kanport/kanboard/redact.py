"""What may be shown of a server's error texts: their kind, never the text itself.

A SQL error of PostgreSQL holds the failing row with its bcrypt hash, and a PHP error page holds
paths and arguments (facts: createUser with a null role; a nested value as username). So messages
are made here out of what is recognized; whatever is not recognized is left out.
"""

import re

from kanport.facts import Fact, fact
from kanport.kanboard.faults import METHOD_NOT_FOUND, Fault, Refusal, RefusedCall

# The codes of JSON-RPC 2.0, section 5.1, with the words that Kanboard's library gives them. 401 and
# 403 are the library's own.
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
# SQLSTATE codes (ISO 9075, and PostgreSQL's appendix A) that a call of ours can meet, with the case
# of the catalogue that says what they mean.
_SQLSTATES = {
    "22001": "too-long",
    "22P02": "wrong-kind",
    "23000": "integrity",
    "23502": "missing",
    "23503": "dangling",
    "23505": "taken",
    "40001": "conflict",
    "40P01": "conflict",
    "42000": "statement",
    "42601": "statement",
}
_LOCKED = "database is locked"
# What Kanboard says of its own LDAP, by the case of the catalogue.
_LDAP = {
    "LDAP server not configured": "not-configured",
    "LDAP user filter is not configured": "no-filter",
    "Username not found in LDAP profile": "username",
    "Unable to connect to LDAP server": "connection",
    "Unable to start LDAP TLS": "tls",
    "Malformed LDAP server hostname": "host",
}
_SQLSTATE = re.compile(r"SQLSTATE\[([0-9A-Z]{5})\]|SQL Error\[([0-9A-Z]{5})\]")


def judge_error(code: int, message: object, data: object = None) -> RefusedCall:
    """Return a JSON-RPC error as what is recognized in its text. Nothing else reads that text.

    SQLite has one writer at a time and gives up on a call after 30 s; PostgreSQL and MariaDB break
    off one of two changes that wait for each other. That passes, so that trying again helps.

    >>> judge_error(-32602, "Invalid params", "Wrong number of arguments").message
    'Invalid params: Wrong number of arguments (code -32602)'
    >>> judge_error(0, "SQL Error[23502]: SQLSTATE[23502]: … Failing row (7, $2y$10$…)").message
    'SQL error, SQLSTATE 23502: a value is missing (code 0)'
    >>> judge_error(0, "whatever else it says").message
    'an error that Kanport does not know (code 0)'
    >>> judge_error(0, "SQLSTATE[HY000]: General error: 5 database is locked").kind
    <Refusal.PASSING: 'passing'>
    """
    text = message if isinstance(message, str) else ""
    name = _RPC_CODES.get(code)
    if name is not None:
        kind = Refusal.NO_PROCEDURE if code == METHOD_NOT_FOUND else Refusal.OTHER
        if isinstance(data, str) and data in _RPC_DATA:
            why = fact("rpc-error", case="data", name=name, data=data, number=code)
            return RefusedCall(code, why, kind)
        return RefusedCall(code, fact("rpc-error", name=name, number=code), kind)
    if state := _SQLSTATE.search(text):
        state_code = state[1] or state[2]
        case = "locked" if _LOCKED in text else _SQLSTATES.get(state_code, "")
        kind = Refusal.PASSING if case in ("locked", "conflict") else Refusal.DATABASE
        return RefusedCall(code, fact("sql-error", case=case, state=state_code, number=code), kind)
    if _LOCKED in text:
        return RefusedCall(code, fact("database-locked", number=code), Refusal.PASSING)
    for part, case in _LDAP.items():
        if part in text:
            return RefusedCall(code, fact("kanboard-ldap-error", case=case, number=code))
    return RefusedCall(code, fact("unknown-error", number=code))


_TIME = re.compile(r"Maximum execution time of (\d[\d.]{0,6}) seconds? exceeded")
_MEMORY = re.compile(r"Allowed memory size of (\d{1,15}) bytes exhausted|Out of memory")
_UNCAUGHT = re.compile(
    r"Uncaught (?:PHP Exception )?\\?(?:\w{1,40}\\){0,6}(\w{1,40}(?:Error|Exception))"
)
# With html_errors off, PHP leaves out the tags.
_KIND = re.compile(
    r"(?:^|<b>|PHP )(Fatal error|Parse error|Warning|Notice|Deprecated)(?:</b>)?:", re.MULTILINE
)


def judge_page(page: str) -> tuple[Fault, Fact]:
    """Return the kind of an answer that is no JSON and what may be shown of it.

    >>> fault, why = judge_page("Maximum execution time of 30 seconds exceeded")
    >>> fault, why.text
    (<Fault.TIME_LIMIT: 'time-limit'>, 'PHP exceeded its maximum execution time of 30 s')
    >>> fault, why = judge_page("<b>Fatal error</b>:  Uncaught TypeError: mb_strlen(): Argument #1")
    >>> fault, why.text
    (<Fault.PHP_ERROR: 'php-error'>, 'PHP failed with an uncaught TypeError')
    """
    page = page[:20_000]
    if limit := _TIME.search(page):
        return Fault.TIME_LIMIT, fact("answer-of-php", case="time-limit", seconds=limit[1])
    if limit := _MEMORY.search(page):
        if limit[1] is None:
            return Fault.MEMORY_LIMIT, fact("answer-of-php", case="memory-limit")
        mib = int(limit[1]) // 2**20
        return Fault.MEMORY_LIMIT, fact("answer-of-php", case="memory-limit-of", mib=mib)
    if uncaught := _UNCAUGHT.search(page):
        return Fault.PHP_ERROR, fact("answer-of-php", case="uncaught", error=uncaught[1])
    if kind := _KIND.search(page):
        return Fault.PHP_ERROR, fact("answer-of-php", case="error", error=kind[1].lower())
    case = "page" if page.startswith("<") else "text"
    fault = Fault.HTML if case == "page" else Fault.NOT_JSON_RPC
    return fault, fact("answer-not-kanboard", case=case)
