"""Servers that get notices: a web server and a mail server, on loopback."""

import base64
import json
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Hook:
    """A web server that keeps what was posted to it, and answers with these codes in turn."""

    answers: list[int] = field(default_factory=lambda: [204])
    posts: list[tuple[str, dict[str, str], dict[str, Any]]] = field(default_factory=list)
    silent: threading.Event | None = None
    url: str = ""


@contextmanager
def web_server(hook: Hook) -> Iterator[Hook]:
    """Run a web server that fills a hook."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hook.posts.append((self.path, dict(self.headers), json.loads(body)))
            if hook.silent is not None:
                hook.silent.wait(20)
            number = min(len(hook.posts), len(hook.answers)) - 1
            self.send_response(hook.answers[number])
            if hook.answers[number] == 302:
                self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        hook.url = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield hook
        finally:
            if hook.silent is not None:
                hook.silent.set()
            server.shutdown()
            thread.join()


@dataclass
class Mailbox:
    """A mail server that keeps what it took, with what it offers and whom it refuses."""

    context: ssl.SSLContext | None = None
    tls_at_once: bool = False
    login: tuple[str, str] | None = None
    refused: frozenset[str] = frozenset()
    answer_to_data: str = "250 2.0.0 taken"
    mails: list[tuple[str, list[str], EmailMessage]] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    port: int = 0


class _Session(socketserver.StreamRequestHandler):
    mailbox: Mailbox
    secure = False

    def handle(self) -> None:
        if self.mailbox.tls_at_once:
            self._secure()
        try:
            self._talk()
        except (OSError, ValueError):
            return

    def finish(self) -> None:
        super().finish()
        # The server closes the socket that it accepted, not the encrypted one around it.
        self.request.close()

    def _secure(self) -> None:
        assert self.mailbox.context is not None
        self.request = self.mailbox.context.wrap_socket(self.request, server_side=True)
        self.setup()
        self.secure = True

    def _say(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())

    def _talk(self) -> None:
        box, sender = self.mailbox, ""
        receivers: list[str] = []
        known = box.login is None
        self._say("220 mail.example.org ESMTP")
        while line := self.rfile.readline().decode().rstrip("\r\n"):
            word, _, rest = line.partition(" ")
            match word.upper():
                case "EHLO":
                    starttls = box.context is not None and not self.secure
                    for offer in ["8BITMIME", "SMTPUTF8", *(["STARTTLS"] if starttls else [])]:
                        self._say(f"250-{offer}")
                    self._say("250 AUTH PLAIN" if box.login else "250 HELP")
                case "STARTTLS":
                    self._say("220 go ahead")
                    self._secure()
                case "AUTH":
                    given = base64.b64decode(rest.split()[1]).decode().split("\0")[1:]
                    known = box.login is not None and tuple(given) == box.login
                    self._say("235 welcome" if known else "535 5.7.8 not you")
                case "MAIL":
                    sender, receivers = rest.split("<")[1].split(">")[0], []
                    self._say("250 ok" if known else "530 5.7.0 log in first")
                case "RCPT":
                    to = rest.split("<")[1].split(">")[0]
                    good = to not in box.refused
                    receivers += [to] if good else []
                    self._say("250 ok" if good else "550 5.1.1 nobody of that name")
                case "DATA":
                    self._say("354 go on")
                    lines = []
                    while (part := self.rfile.readline()) != b".\r\n":
                        lines.append(part.removeprefix(b".") if part[:2] == b".." else part)
                    if box.answer_to_data.startswith("250"):
                        self._keep(sender, receivers, b"".join(lines))
                    self._say(box.answer_to_data)
                case "QUIT":
                    self._say("221 bye")
                    return
                case _:
                    self._say("250 ok")

    def _keep(self, sender: str, receivers: list[str], content: bytes) -> None:
        message = message_from_bytes(content, policy=SMTP)
        assert isinstance(message, EmailMessage)
        self.mailbox.mails.append((sender, receivers, message))
        self.mailbox.raw.append(content)
        self.mailbox.encrypted.append(self.secure)


@contextmanager
def mail_server(box: Mailbox) -> Iterator[Mailbox]:
    """Run a mail server that fills a mailbox."""

    class Session(_Session):
        mailbox = box

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        allow_reuse_address = True

        def handle_error(self, request: object, client_address: object) -> None:
            return

    with Server(("127.0.0.1", 0), Session) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        box.port = int(server.server_address[1])
        try:
            yield box
        finally:
            server.shutdown()
            thread.join()
