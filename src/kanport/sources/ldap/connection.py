"""The one place that knows ldap3: connect, begin TLS, log in, ask, and hand on what comes back.

ldap3 makes the requests. Kanport makes the socket and TLS itself, as ldap3 checks no certificate by
default, and reads the answers itself, as ldap3 hides whether they are complete (see `ber`).
"""

import contextlib
import ssl
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

from pydantic import SecretStr

from kanport.errors import ConfigInvalid
from kanport.network import BoundedSocket, Deadline, Overdue, TooLarge, shown_size, within
from kanport.records import dataclass
from kanport.sources.ldap import ber
from kanport.sources.ldap.ber import SUCCESS, answer_text, meaning
from kanport.sources.ldap.sockets import LoginRefused, explain_tls, open_socket, words

with warnings.catch_warnings():
    # ldap3 2.9.1 imports names from pyasn1 that are deprecated there.
    warnings.simplefilter("ignore", DeprecationWarning)
    import ldap3
    from ldap3.core.exceptions import LDAPException, LDAPInvalidFilterError
    from ldap3.operation.search import search_operation
    from ldap3.protocol.rfc2696 import paged_search_control

START_TLS = "1.3.6.1.4.1.1466.20037"
DISCONNECTION = "1.3.6.1.4.1.1466.20036"
WHO_AM_I = "1.3.6.1.4.1.4203.1.11.3"
_SCOPES = {"subtree": ldap3.SUBTREE, "one": ldap3.LEVEL, "base": ldap3.BASE}
# What a server may send until we are logged in; a ticket of Kerberos has up to 64 KiB.
_LOGIN_BYTES = 1024 * 1024


# A broken message makes ldap3 raise whatever its decoder stumbles upon.
_FROM_LDAP3 = (
    LDAPException,
    OSError,
    ValueError,
    TypeError,
    LookupError,
    AttributeError,
    ArithmeticError,
    RecursionError,
)
# Seconds for logging out, which nobody waits for.
_FAREWELL = 5.0


class BrokenConnection(Exception):
    """The connection broke, or what came over it made no sense; the text says how."""


class TooMuch(BrokenConnection):
    """The server sent more, or for longer, than it may; `setting` is what allows more."""

    def __init__(self, message: str, setting: str) -> None:
        super().__init__(message)
        self.setting = setting


class Most(NamedTuple):
    """What a server may send: entries, bytes of one entry, and bytes of all entries.

    Each value counts as `ber.VALUE_COST` bytes more, for that is what it takes in memory.
    """

    entries: int
    entry: int
    whole: int


class _Budget:
    """What is left of what a server may send."""

    def __init__(self, most: Most) -> None:
        self.most = most
        self._entries, self._bytes = most.entries, most.whole

    def spend(self, cost: int) -> None:
        """Count an entry; raise TooMuch where it is one too many."""
        self._entries -= 1
        self._bytes -= cost
        if self._entries < 0:
            raise TooMuch(f"there are more than {self.most.entries} entries", "max_entries")
        if self._bytes < 0:
            raise TooMuch(
                f"the entries are longer in all than {shown_size(self.most.whole)}", "max_bytes"
            )


@dataclass(frozen=True, slots=True)
class Login:
    """How to log in; `password` is only for `simple`."""

    method: str
    dn: str | None = None
    password: SecretStr | None = None


class Question(NamedTuple):
    """One search: where, how deep, which entries, which attributes."""

    base: str
    scope: str
    filter: str
    attributes: tuple[str, ...]


class Referral(NamedTuple):
    """Instead of an entry: other servers that may have more."""

    urls: tuple[str, ...] = ()


class Connection:
    """A connection to one server, logged in. It never goes over to another one.

    `timeout` bounds each silence of the server, `request_timeout` each exchange as a whole: opening
    the connection with the login, and each question with all of its answer. `most` bounds what the
    server may send.

    Raises Refused where it does not come about, and ConfigInvalid where Kerberos is asked for and
    not installed.
    """

    def __init__(
        self,
        url: str,
        login: Login,
        *,
        context: ssl.SSLContext | None,
        start_tls: bool,
        connect_timeout: float,
        timeout: float,
        request_timeout: float,
        most: Most,
    ) -> None:
        self.url = url
        self._broken = False
        self._names: dict[bytes, str] = {}
        parts = urlsplit(url)
        host = parts.hostname or "localhost"
        self._request_timeout = request_timeout
        self._budget = _Budget(most)
        deadline = Deadline(request_timeout)
        connected = open_socket(url, connect_timeout, context, deadline)
        self._socket = BoundedSocket(connected, deadline, silence=timeout, most=_LOGIN_BYTES)
        try:
            self._ldap = _hand_over(self._socket, host, login, timeout)
            if start_tls and parts.scheme == "ldap":
                assert context is not None  # noqa: S101 - for the type checker
                self._start_tls(context, host)
            self._bind(login, deadline)
        except BaseException:
            self.close()
            self._socket.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Log out and close; nothing happens where it is closed already."""
        connection = getattr(self, "_ldap", None)
        if connection is None:
            return
        self._socket.begin(Deadline(_FAREWELL), _LOGIN_BYTES)
        with contextlib.suppress(LDAPException, OSError):
            connection.unbind()
        self._socket.close()

    @property
    def encryption(self) -> str | None:
        """The version of TLS; None where there is none."""
        connected = self._socket.plain
        return connected.version() if isinstance(connected, ssl.SSLSocket) else None

    @property
    def certificate(self) -> dict[str, Any]:
        """What the server's certificate says, as `ssl` gives it; empty where there is none."""
        connected = self._socket.plain
        return (connected.getpeercert() or {}) if isinstance(connected, ssl.SSLSocket) else {}

    def who(self) -> str | None:
        """Ask the server whom it takes us for (RFC 4532): `dn:…`, `u:…`, or "" for anonymous.

        None where it does not say. Not to be asked while a search is under way.
        """
        self._socket.begin(Deadline(self._request_timeout), _LOGIN_BYTES)
        try:
            self._ldap.extended(WHO_AM_I)
        except _FROM_LDAP3:
            return None
        answer: Any = self._ldap.result
        if int(answer["result"]) != SUCCESS:
            return None
        return bytes(answer.get("responseValue") or b"").decode(errors="replace")

    def ask(
        self, question: Question, *, page_size: int = 0, cookie: bytes = b""
    ) -> Iterator[ber.Entry | Referral | ber.Done]:
        """Ask for one page, or for all where `page_size` is 0; Done comes last, always.

        Raises Broken where the answer does not come to its end, and ConfigInvalid where the
        question cannot be put. Another question may only be asked once Done has come.
        """
        try:
            request = search_operation(
                question.base,
                question.filter,
                _SCOPES[question.scope],
                ldap3.DEREF_NEVER,
                list(question.attributes) or [ldap3.NO_ATTRIBUTES],
                size_limit=0,
                time_limit=0,
                types_only=False,
                auto_escape=False,
                auto_encode=True,
            )
        except LDAPInvalidFilterError as wrong:
            raise ConfigInvalid(
                f"the filter {question.filter} is not written as it must be",
                hint="every part stands in brackets: (&(objectClass=person)(mail=*))",
            ) from wrong
        except (LDAPException, ValueError) as wrong:
            raise ConfigInvalid(
                f"the search for {question.filter} below {question.base} cannot be put: {wrong}"
            ) from wrong
        if self._broken:
            raise BrokenConnection("the connection broke before")
        # Critical, so that a server that cannot do pages says so instead of cutting the answer.
        controls = [paged_search_control(True, page_size, cookie)] if page_size else None
        # Until the end has come, whatever comes next belongs to this question.
        self._broken = True
        self._socket.begin(Deadline(self._request_timeout), self._budget.most.whole)
        try:
            number = self._ldap.send("searchRequest", request, controls)
        except (LDAPException, OSError) as wrong:
            raise BrokenConnection(f"the connection broke ({words(wrong)})") from wrong
        # ldap3 keeps a note of each request until it has read the answer itself.
        self._ldap.strategy._outstanding.pop(number, None)
        for answer in self._answers(number):
            if isinstance(answer, ber.Done):
                self._broken = False
            yield answer

    def _answers(self, number: int) -> Iterator[ber.Entry | Referral | ber.Done]:
        try:
            for data, begin, end in self._messages():
                whose, tag, at, stop = ber.envelope(data, begin, end)
                if whose == 0:
                    raise BrokenConnection(_farewell(data, tag, at, stop))
                if whose != number:
                    raise BrokenConnection("an answer came to a question that was not asked")
                if tag == ber.SEARCH_ENTRY:
                    found = ber.entry(data, at, stop, self._names, self._budget.most.entry)
                    values = sum(map(len, found.attributes.values()))
                    self._budget.spend(stop - at + ber.VALUE_COST * values)
                    yield found
                elif tag == ber.SEARCH_DONE:
                    yield ber.done(data, at, stop, end)
                    return
                elif tag == ber.SEARCH_REFERENCE:
                    yield Referral(ber.reference(data, at, stop))
                elif tag != ber.INTERMEDIATE:
                    raise BrokenConnection("an answer of the wrong kind came")
        except ber.EntryTooLarge as wrong:
            raise TooMuch(
                f"one entry is longer than {shown_size(self._budget.most.entry)}", "max_entry_bytes"
            ) from wrong
        except ber.Malformed as wrong:
            raise BrokenConnection(f"what came is not LDAP: {wrong}") from wrong

    def _messages(self) -> Iterator[tuple[bytes, int, int]]:
        """Yield each message as it comes: the bytes that it stands in, begin and end."""
        data, at = b"", 0
        most = self._budget.most.entry
        while True:
            found = ber.header(data, at)
            if found is not None and found[2] - at > most:
                raise TooMuch(f"one entry is longer than {shown_size(most)}", "max_entry_bytes")
            if found is not None and found[2] <= len(data):
                at = found[2]
                yield data, found[1], found[2]
                continue
            wanted = 0 if found is None else found[2] - len(data)
            data, at = data[at:] + self._receive(max(wanted, 1)), 0

    def _receive(self, wanted: int) -> bytes:
        pieces = []
        while wanted > 0:
            try:
                piece = self._socket.recv(262_144)
            except Overdue as wrong:
                raise TooMuch(
                    f"the answer took longer than {self._request_timeout:g} s in all",
                    "--request-timeout",
                ) from wrong
            except TooLarge as wrong:
                raise TooMuch(
                    f"the answer is longer than {shown_size(self._budget.most.whole)}", "max_bytes"
                ) from wrong
            except TimeoutError as wrong:
                raise BrokenConnection("it fell silent, and the timeout was reached") from wrong
            except OSError as wrong:
                raise BrokenConnection(f"the connection broke ({words(wrong)})") from wrong
            if not piece:
                raise BrokenConnection("it closed the connection before the end")
            pieces.append(piece)
            wanted -= len(piece)
        return b"".join(pieces)

    def _start_tls(self, context: ssl.SSLContext, host: str) -> None:
        connection = self._ldap
        try:
            connection.extended(START_TLS)
        except _FROM_LDAP3 as wrong:
            raise LoginRefused(f"StartTLS failed: {self._why(wrong)}") from wrong
        code = int(connection.result["result"])
        if code != SUCCESS:
            answer = answer_text(code, str(connection.result["message"]))
            raise LoginRefused(
                f"it refuses StartTLS: {answer}",
                hint="does the server have a certificate? Nothing was sent in clear",
            )
        try:
            self._socket = self._socket.over_tls(context, host)
        except (OSError, ValueError) as wrong:
            reason, hint = explain_tls(wrong)
            raise LoginRefused(reason, hint=hint) from wrong
        connection.socket = self._socket
        connection.tls_started = True

    def _bind(self, login: Login, deadline: Deadline) -> None:
        def bind() -> None:
            self._ldap.bind(read_server_info=False)

        try:
            if login.method == "gssapi":
                # Kerberos asks servers of its own, over sockets of its own.
                within(deadline.left(), bind, what="the login")
            else:
                bind()
        except ImportError as wrong:
            raise ConfigInvalid(
                "bind: gssapi needs a package that is not installed",
                hint="in a clone: pip install '.[kerberos]'",
            ) from wrong
        except _FROM_LDAP3 as wrong:
            raise LoginRefused(f"the login failed: {self._why(wrong)}") from wrong
        except Exception as wrong:
            # What the Kerberos library raises is of its own kinds, none of which may be installed.
            if login.method != "gssapi":
                raise
            raise LoginRefused(
                f"the login with Kerberos failed: {words(wrong)}",
                hint="is there a ticket? (klist)",
            ) from wrong
        result: Any = self._ldap.result
        code = int(result["result"])
        if code != SUCCESS:
            # Only a server that has no time says nothing about name and password; others would
            # count the same wrong password again, and lock the account.
            why = answer_text(code, str(result["message"]))
            raise LoginRefused(
                f"it does not let {login.dn or 'us'} in: {why}",
                hint=meaning(code).hint,
                final=code not in (51, 52),
            )

    def _why(self, wrong: BaseException) -> str:
        """Return why an exchange through ldap3 failed, whose own words hide the cause."""
        if self._socket.deadline.over:
            return f"it took longer than {self._request_timeout:g} s (--request-timeout)"
        if self._socket.exceeded:
            return f"it sent more than {shown_size(_LOGIN_BYTES)}"
        if isinstance(wrong, LDAPException | OSError):
            return words(wrong)
        return "what came is not LDAP"


def _hand_over(connected: BoundedSocket, host: str, login: Login, timeout: float) -> Any:
    """Return ldap3 a socket that is open already."""
    server = ldap3.Server(
        host,
        get_info=ldap3.NONE,
        allowed_referral_hosts=[],
        use_ssl=isinstance(connected.plain, ssl.SSLSocket),
        connect_timeout=timeout,
    )
    sasl = {"external": ldap3.EXTERNAL, "gssapi": ldap3.KERBEROS}
    ways = {"simple": ldap3.SIMPLE, "anonymous": ldap3.ANONYMOUS}
    password = login.password.get_secret_value().encode() if login.password else None
    connection = ldap3.Connection(
        server,
        user=login.dn if login.method == "simple" else None,
        password=password,
        authentication=ways.get(login.method, ldap3.SASL),
        sasl_mechanism=sasl.get(login.method),
        # Empty, but there: without it the server asks back, and ldap3 has nothing to say.
        sasl_credentials=b"" if login.method == "external" else None,
        client_strategy=ldap3.SYNC,
        auto_bind=ldap3.AUTO_BIND_NONE,
        auto_referrals=False,
        auto_range=False,
        check_names=False,
        raise_exceptions=False,
        read_only=True,
        receive_timeout=timeout,
    )
    connection.socket = connected
    connection.closed = False
    connection.listening = True
    connection.strategy._outstanding = {}
    return connection


def _farewell(data: bytes, tag: int, begin: int, end: int) -> str:
    if tag == ber.EXTENDED:
        code, name = ber.result(data, begin, end)
        if name == DISCONNECTION:
            return f"it closed the connection: {answer_text(code, '')}"
    return "it sent something that was not asked for"
