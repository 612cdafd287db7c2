"""A small LDAP server that cuts answers as Active Directory does, and fails on demand.

Samba's domain controller cuts neither searches nor long attributes, so that this stands in for it
there: MaxPageSize entries in one answer, MaxValRange values of one attribute (MS-ADTS 3.1.1.3.4.6).
"""

import re
import socketserver
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

PAGED = b"1.2.840.113556.1.4.319"
Values = Mapping[str, list[bytes]]


def element(tag: int, *parts: bytes) -> bytes:
    """Give one element of BER."""
    content = b"".join(parts)
    size = len(content)
    if size < 0x80:
        return bytes([tag, size]) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + content


def elements(data: bytes) -> list[tuple[int, bytes]]:
    """Take apart what stands one after the other: tag and content of each."""
    found = []
    while data:
        size, at = data[1], 2
        if size >= 0x80:
            at = 2 + (size & 0x7F)
            size = int.from_bytes(data[2:at], "big")
        found.append((data[0], data[at : at + size]))
        data = data[at + size :]
    return found


def integer(value: int, tag: int = 0x02) -> bytes:
    """Give a number."""
    return element(tag, value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True))


def message(number: int, operation: bytes, controls: bytes = b"") -> bytes:
    """Give a whole message."""
    return element(0x30, integer(number), operation, controls)


def entry(dn: str, attributes: Values) -> bytes:
    """Give an entry."""
    several = [
        element(
            0x30,
            element(0x04, name.encode()),
            element(0x31, *(element(0x04, value) for value in values)),
        )
        for name, values in attributes.items()
    ]
    return element(0x64, element(0x04, dn.encode()), element(0x30, *several))


def ended(code: int, text: str = "", tag: int = 0x65) -> bytes:
    """Give the end of an operation."""
    return element(tag, integer(code, 0x0A), element(0x04), element(0x04, text.encode()))


def page_control(cookie: bytes) -> bytes:
    """Give the control of an answer in pages."""
    value = element(0x30, integer(0), element(0x04, cookie))
    return element(0xA0, element(0x30, element(0x04, PAGED), element(0x04, value)))


@dataclass
class Behavior:
    """How the server behaves; pages are counted from 1.

    `fail_page` maps a page to the result code that ends it, `close_page` is the page in the middle
    of which the connection is closed, `silent_page` one that is never answered. `range_fault` says
    what is wrong with later ranges: `refuse`, `gap` or `nothing`. `unknown_code` is the answer to a
    question for an entry that is not there; with `close_on_read` there is none.
    """

    max_page: int = 1000
    max_range: int = 1500
    fail_page: Mapping[int, int] = field(default_factory=dict)
    close_page: int | None = None
    silent_page: int | None = None
    say_goodbye: bool = False
    without_control: bool = False
    pages_unknown: bool = False
    stuck: bool = False
    references: int = 0
    range_fault: str | None = None
    garbage: bytes | None = None
    wrong_number: bool = False
    close_on_read: bool = False
    unknown_code: int = 32


class Responder:
    """A server with some entries, on loopback, in a thread of its own."""

    def __init__(self, entries: Mapping[str, Values], behavior: Behavior | None = None) -> None:
        self.entries = entries
        self.behavior = behavior or Behavior()
        self.questions: list[tuple[str, tuple[str, ...]]] = []
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.responder = self
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )
        self.url = f"ldap://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._server.shutdown()
        self._thread.join(10)
        self._server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    responder: Responder


class _Goodbye(Exception):
    pass


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        self.responder = self.server.responder
        self.behavior = self.responder.behavior
        try:
            for number, tag, operation, controls in self._requests():
                if tag == 0x60:
                    self._send(message(number, ended(0, tag=0x61)))
                elif tag == 0x63:
                    self._search(number, elements(operation), controls)
                else:
                    return
        except (_Goodbye, ConnectionError):
            return

    def _requests(self) -> Iterator[tuple[int, int, bytes, bytes]]:
        while head := self.rfile.read(2):
            length = head[1]
            if length >= 0x80:
                length = int.from_bytes(self.rfile.read(length & 0x7F), "big")
            (_, number), (tag, operation), *rest = elements(self.rfile.read(length))
            yield int.from_bytes(number, "big"), tag, operation, rest[0][1] if rest else b""

    def _send(self, *messages: bytes) -> None:
        self.wfile.write(b"".join(messages))

    def _search(self, number: int, request: list[tuple[int, bytes]], controls: bytes) -> None:
        does = self.behavior
        base = request[0][1].decode().lower()
        scope = request[1][1][0]
        wanted = tuple(name.decode() for _, name in elements(request[7][1]))
        self.responder.questions.append((base, wanted))
        if does.garbage is not None:
            self._send(does.garbage)
            raise _Goodbye
        if does.wrong_number:
            number += 1000
        if scope == 0:
            self._read(number, base, wanted)
            return
        found = [
            (dn, attributes)
            for dn, attributes in self.responder.entries.items()
            if dn.lower().endswith(base)
        ]
        size, cookie = self._page_asked(controls)
        if size and does.pages_unknown:
            self._send(message(number, ended(12)))
            return
        start = int(cookie or b"0")
        page = start // min(size or does.max_page, does.max_page) + 1
        stop = start + min(size or does.max_page, does.max_page)
        answers = [
            message(number, entry(dn, self._select(dn, attributes, wanted)))
            for dn, attributes in found[start:stop]
        ]
        for _ in range(does.references):
            answers.append(message(number, element(0x73, element(0x04, b"ldap://other/"))))
        if does.silent_page == page:
            return
        if does.close_page == page:
            whole = b"".join(answers)
            self._send(whole[: len(whole) // 2])
            raise _Goodbye
        if does.say_goodbye:
            name = element(0x8A, b"1.3.6.1.4.1.1466.20036")
            text = ended(52, tag=0x78)
            farewell = element(0x78, text[2:], name)
            self._send(*answers, message(0, farewell))
            raise _Goodbye
        if page in does.fail_page:
            self._send(*answers, message(number, ended(does.fail_page[page])))
            return
        more = stop < len(found)
        if not size:
            self._send(*answers, message(number, ended(4 if more else 0)))
            return
        next_cookie = str(start if does.stuck else stop).encode() if more or does.stuck else b""
        shown = [] if does.stuck else answers
        control = b"" if does.without_control else page_control(next_cookie)
        self._send(*shown, message(number, ended(0), control))

    def _read(self, number: int, base: str, wanted: tuple[str, ...]) -> None:
        for dn, attributes in self.responder.entries.items():
            if dn.lower() == base:
                ranged = any(";range=" in name for name in wanted)
                if ranged and self.behavior.range_fault == "refuse":
                    self._send(message(number, ended(1, "the range is beyond the end")))
                    return
                shown = self._select(dn, attributes, wanted)
                if ranged and self.behavior.range_fault == "nothing":
                    shown = {}
                self._send(message(number, entry(dn, shown)), message(number, ended(0)))
                return
        if self.behavior.close_on_read:
            raise _Goodbye
        self._send(message(number, ended(self.behavior.unknown_code)))

    def _select(self, dn: str, attributes: Values, wanted: tuple[str, ...]) -> Values:
        """Give the attributes that were asked for, long ones cut into ranges."""
        chosen: dict[str, list[bytes]] = {}
        most = self.behavior.max_range
        for name in wanted:
            plain, _, span = name.partition(";range=")
            values = next(
                (values for key, values in attributes.items() if key.lower() == plain.lower()), None
            )
            if values is None:
                continue
            low = int(re.match(r"\d+", span)[0]) if span else 0  # type: ignore[index]
            if len(values) <= most and not span:
                chosen[plain] = values
                continue
            if not span:
                chosen[plain] = []
            elif self.behavior.range_fault == "gap":
                low += 1
            piece = values[low : low + most]
            last = "*" if low + most >= len(values) else str(low + len(piece) - 1)
            chosen[f"{plain};range={low}-{last}"] = piece
        return chosen

    @staticmethod
    def _page_asked(controls: bytes) -> tuple[int, bytes]:
        for _, control in elements(controls):
            (_, name), *rest = elements(control)
            if name == PAGED:
                (_, critical), (_, value) = rest
                assert critical != b"\0", "a search in pages must be critical"
                ((_, inner),) = elements(value)
                (_, size), (_, cookie) = elements(inner)
                return int.from_bytes(size, "big"), cookie
        return 0, b""
