"""What can go wrong between a request and its answer, in a small closed set of kinds.

Whoever sends calls decides by the kind and by whether the request may have reached the server:
repeat, send less at once, read back, or give up.
"""

from enum import StrEnum

from kanport.facts import Fact
from kanport.records import dataclass


class Fault(StrEnum):
    """Why there is no answer that can be trusted."""

    CONNECT = "connect"  # no connection was made: refused, no such name, no route, too slow
    TLS = "tls"  # the certificate or the handshake failed
    PROXY = "proxy"  # the proxy on the way refused
    REQUEST = "request"  # the request could not even be written
    TIMEOUT = "timeout"  # no answer, or not all of it, in time
    RESET = "reset"  # the connection ended before the answer did
    AUTH = "auth"  # HTTP 401
    FORBIDDEN = "forbidden"  # HTTP 403
    REDIRECT = "redirect"  # HTTP 3xx, never followed
    NOT_FOUND = "not-found"  # another HTTP 4xx, 501 or 505: no such API there
    REQUEST_TOO_LARGE = "request-too-large"  # HTTP 413
    BUSY = "busy"  # HTTP 429 or 503, perhaps with Retry-After
    SERVER_ERROR = "server-error"  # another HTTP 5xx, such as a PHP crash or a gateway's time limit
    ANSWER_TOO_LARGE = "answer-too-large"  # more than the limit for one answer
    TIME_LIMIT = "time-limit"  # PHP's max_execution_time, as HTML
    MEMORY_LIMIT = "memory-limit"  # PHP's memory_limit, as HTML
    PHP_ERROR = "php-error"  # another PHP error, as HTML
    HTML = "html"  # a web page that is no PHP error
    EMPTY = "empty"  # HTTP 200 and nothing
    NOT_JSON = "not-json"  # begins like JSON, but is broken or cut off
    NOT_JSON_RPC = "not-json-rpc"  # something else altogether
    ONE_ERROR = "one-error"  # one error object in the place of all answers
    WRONG_IDS = "wrong-ids"  # an answer is missing, is there twice, or belongs to no call


# Trying again changes nothing about these: the settings or the server have to be changed.
_FINAL = frozenset(
    {
        Fault.TLS,
        Fault.REQUEST,
        Fault.AUTH,
        Fault.FORBIDDEN,
        Fault.REDIRECT,
        Fault.NOT_FOUND,
        Fault.HTML,
        Fault.NOT_JSON_RPC,
    }
)
# What a smaller batch may get round; for the others the size does not matter.
_SIZE = frozenset(
    {
        Fault.TIMEOUT,
        Fault.RESET,
        Fault.REQUEST_TOO_LARGE,
        Fault.SERVER_ERROR,
        Fault.ANSWER_TOO_LARGE,
        Fault.TIME_LIMIT,
        Fault.MEMORY_LIMIT,
        Fault.PHP_ERROR,
        Fault.EMPTY,
        Fault.NOT_JSON,
        Fault.ONE_ERROR,
        Fault.WRONG_IDS,
    }
)
# What the same single call will meet again: it is as small as it gets.
_FINAL_ALONE = frozenset(
    {Fault.REQUEST_TOO_LARGE, Fault.ANSWER_TOO_LARGE, Fault.MEMORY_LIMIT, Fault.PHP_ERROR}
)

# What a procedure with a smaller answer may get round where a call fails alone, and others do not.
_TOO_MUCH = frozenset(
    {
        Fault.TIMEOUT,
        Fault.RESET,
        Fault.SERVER_ERROR,
        Fault.ANSWER_TOO_LARGE,
        Fault.TIME_LIMIT,
        Fault.MEMORY_LIMIT,
        Fault.EMPTY,
        Fault.NOT_JSON,
    }
)


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """There is no answer to a call that can be trusted: neither done nor not done.

    `reason` may be shown: it never holds text of the server. `sent` is False only where the request
    cannot have reached the server. `retry_after` is in seconds, as the server wishes.
    """

    reason: Fact
    sent: bool = True
    fault: Fault = Fault.WRONG_IDS
    retry_after: float | None = None

    @property
    def why(self) -> str:
        """The wording of the reason."""
        return self.reason.text

    @property
    def final(self) -> bool:
        """Whether trying again changes nothing."""
        return self.fault in _FINAL

    @property
    def final_alone(self) -> bool:
        """Whether trying again changes nothing for a call that was alone in its request."""
        return self.final or self.fault in _FINAL_ALONE

    @property
    def smaller_may_help(self) -> bool:
        """Whether fewer calls in one request may get an answer."""
        return self.fault in _SIZE

    @property
    def too_much(self) -> bool:
        """Whether the answer may simply have been too much for the server."""
        return self.fault in _TOO_MUCH


METHOD_NOT_FOUND = -32601
"""The code with which a server refuses a procedure that it does not have."""


class Refusal(StrEnum):
    """What kind of error refused a call."""

    NO_PROCEDURE = "no-procedure"  # the server does not have it
    DATABASE = "database"  # about the data of this one call
    PASSING = "passing"  # the database is busy with others: trying again helps
    OTHER = "other"  # of Kanboard, of its LDAP, of JSON-RPC, or not known


@dataclass(frozen=True, slots=True)
class RefusedCall:
    """The server refused a call; `reason` may be shown: it never holds text of the server."""

    code: int
    reason: Fact
    kind: Refusal = Refusal.OTHER

    @property
    def message(self) -> str:
        """The wording of the reason."""
        return self.reason.text
