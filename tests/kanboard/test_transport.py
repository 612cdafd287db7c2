"""What goes over the wire, and what becomes of everything that can go wrong there."""

import base64
import datetime
import gzip
import socket
import ssl
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import trustme
from pydantic import SecretStr

from kanport.config.settings import MOST_CONNECTIONS, Settings, Timeouts
from kanport.errors import ConfigInvalid
from kanport.exchange import proxy_for
from kanport.facts import fact
from kanport.kanboard.faults import Fault, NoAnswer
from kanport.kanboard.transport import Transport, tls_context
from tests.support.http_server import (
    TOKEN,
    Breaking,
    Reply,
    Request,
    ScriptedServer,
    close_at_once,
    cut_off,
    drip,
    hang,
    reset,
    serve,
    settings_for,
)
from tests.support.tls import tls

PROXY_VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXY_VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def post(settings: Settings, body: bytes = b"[]") -> str | NoAnswer:
    with Transport(settings) as transport:
        return transport.post(body)


def fault(settings: Settings) -> NoAnswer:
    reply = post(settings)
    assert isinstance(reply, NoAnswer)
    return reply


def basic(secret: str = TOKEN) -> str:
    return base64.b64encode(f"jsonrpc:{secret}".encode()).decode()


def ok(_: object) -> Reply:
    return Reply(b"[]")


# --- what is sent ---------------------------------------------------------------------------------


def test_the_token_goes_as_http_basic() -> None:
    with serve(ok) as server:
        assert post(settings_for(server), b"[1]") == "[]"
    request = server.requests[0]
    assert (request.method, request.target, request.body) == ("POST", "/jsonrpc.php", b"[1]")
    assert request.headers["authorization"] == f"Basic {basic()}"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["user-agent"].startswith("kanport/")


def test_another_header_carries_the_token_where_the_settings_say_so() -> None:
    with serve(ok) as server:
        post(settings_for(server, auth_header="X-API-Auth"))
    assert server.requests[0].headers["x-api-auth"] == basic()
    assert "authorization" not in server.requests[0].headers


@pytest.mark.parametrize("auth_header", [None, "X-API-Auth"])
def test_no_credentials_come_from_netrc(
    auth_header: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login eve password stolen\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(netrc))
    with serve(ok) as server:
        post(settings_for(server, auth_header=auth_header))
    expected = f"Basic {basic()}" if auth_header is None else None
    assert server.requests[0].headers.get("authorization") == expected


def test_a_connection_is_used_again() -> None:
    ports: list[int] = []

    def note(handler: object) -> None:
        ports.append(handler.client_address[1])  # type: ignore[attr-defined]
        handler.close_connection = False  # type: ignore[attr-defined]
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]")  # type: ignore[attr-defined]

    with serve(lambda _: note) as server, Transport(settings_for(server)) as transport:
        assert [transport.post(b"[]") for _ in range(3)] == ["[]"] * 3
    assert len(set(ports)) == 1


def test_a_byte_order_mark_and_compression_are_understood() -> None:
    packed = gzip.compress(b"\xef\xbb\xbf[]")
    with serve(lambda _: Reply(packed, headers={"Content-Encoding": "gzip"})) as server:
        assert post(settings_for(server)) == "[]"


# --- statuses -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, Fault.NOT_FOUND),
        (401, Fault.AUTH),
        (403, Fault.FORBIDDEN),
        (404, Fault.NOT_FOUND),
        (405, Fault.NOT_FOUND),
        (407, Fault.PROXY),
        (408, Fault.TIMEOUT),
        (413, Fault.REQUEST_TOO_LARGE),
        (429, Fault.BUSY),
        (500, Fault.SERVER_ERROR),
        (501, Fault.NOT_FOUND),
        (505, Fault.NOT_FOUND),
        (502, Fault.SERVER_ERROR),
        (503, Fault.BUSY),
        (504, Fault.SERVER_ERROR),
        (599, Fault.SERVER_ERROR),
    ],
)
def test_a_status_becomes_a_kind_whatever_the_body_says(status: int, expected: Fault) -> None:
    body = [{"jsonrpc": "2.0", "result": True, "id": 1}]
    with serve(lambda _: Reply(body, status=status)) as server:
        reply = fault(settings_for(server))
    assert reply.fault is expected
    assert f"HTTP {status}" in reply.why


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_says_when_to_come_back(status: int) -> None:
    with serve(lambda _: Reply(status=status, headers={"Retry-After": "17"})) as server:
        assert fault(settings_for(server)).retry_after == 17.0


@pytest.mark.parametrize("value", ["soon", "nan", "inf", "-5", ""])
def test_an_odd_retry_after_does_no_harm(value: str) -> None:
    with serve(lambda _: Reply(status=503, headers={"Retry-After": value})) as server:
        assert fault(settings_for(server)).retry_after in (None, 0.0)


def test_a_wrong_token_is_told_with_where_it_came_from() -> None:
    with serve(lambda _: Reply(status=401)) as server:
        reply = fault(settings_for(server, token_from="KANPORT_TOKEN"))
    assert "KANPORT_TOKEN" in reply.why
    assert reply.reason.hint is not None and "--auth-header" in reply.reason.hint


# --- redirects ------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed_to_another_host(status: int) -> None:
    with serve(ok) as other:
        address = f"http://user:secret@localhost:{other.server_address[1]}/x?ticket=secret"
        with serve(lambda _: Reply(status=status, headers={"Location": address})) as server:
            reply = fault(settings_for(server))
    assert other.requests == []
    assert reply.fault is Fault.REDIRECT
    assert reply.why == "the server redirects to another host (localhost); nothing was sent there"
    assert "secret" not in repr(reply)


def test_no_redirect_is_followed_on_the_same_host_either_but_it_is_told() -> None:
    with serve(lambda _: Reply(status=301, headers={"Location": "/kb/jsonrpc.php"})) as server:
        reply = fault(settings_for(server))
    assert len(server.requests) == 1
    assert reply.why == f"the server redirects to {server.origin}/kb/jsonrpc.php"


@pytest.mark.parametrize("location", [None, "http://[", "http://", "http:///x", "https://a:b/"])
def test_an_odd_redirect_does_no_harm(location: str | None) -> None:
    headers = {} if location is None else {"Location": location}
    with serve(lambda _: Reply(status=302, headers=headers)) as server:
        assert fault(settings_for(server)).fault in (Fault.REDIRECT, Fault.RESET)


# --- broken connections ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("breaking", "expected"),
    [
        (close_at_once, Fault.RESET),
        (reset, Fault.RESET),
        (cut_off, Fault.RESET),
        (hang, Fault.TIMEOUT),
        (drip, Fault.TIMEOUT),
    ],
)
def test_a_request_that_was_sent_may_have_been_done(breaking: Breaking, expected: Fault) -> None:
    with serve(lambda _: breaking) as server:
        reply = fault(settings_for(server, read=0.3, total=0.5))
    assert (reply.fault, reply.sent) == (expected, True)
    assert len(server.requests) == 1


def test_a_server_that_is_down_got_nothing() -> None:
    with serve(ok) as server:
        settings = settings_for(server)
    reply = fault(settings)
    assert (reply.fault, reply.sent) == (Fault.CONNECT, False)
    assert "nothing listens on 127.0.0.1:" in reply.why


def test_a_server_that_takes_no_connection_got_nothing() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        place = listener.getsockname()
        # A queue of length 0 takes one connection; the next waits forever.
        with socket.create_connection(place), socket.socket() as second:
            second.setblocking(False)
            second.connect_ex(place)
            settings = Settings(
                url=f"http://127.0.0.1:{place[1]}/jsonrpc.php",
                token=SecretStr(TOKEN),
                timeouts=Timeouts(connect=0.3),
            )
            reply = fault(settings)
    assert (reply.fault, reply.sent) == (Fault.CONNECT, False)
    assert "within 0.3 s" in reply.why


def test_a_name_that_does_not_exist_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    reply = fault(
        Settings(url="https://kanboard.invalid/jsonrpc.php", token=SecretStr(TOKEN), ca_file=None)
    )
    assert (reply.fault, reply.sent) == (Fault.CONNECT, False)
    assert reply.reason == fact("no-connection", case="unknown-host", place="kanboard.invalid")


def test_an_answer_without_end_is_not_read_to_its_end() -> None:
    with serve(lambda _: Reply(b" " * 2**21)) as server:
        reply = fault(settings_for(server, answer_limit=2**20))
    assert reply.fault is Fault.ANSWER_TOO_LARGE


def test_a_compressed_answer_counts_as_large_as_it_is() -> None:
    packed = gzip.compress(b" " * 2**24)
    assert len(packed) < 2**20
    with serve(lambda _: Reply(packed, headers={"Content-Encoding": "gzip"})) as server:
        reply = fault(settings_for(server, answer_limit=2**20))
    assert reply.fault is Fault.ANSWER_TOO_LARGE


@pytest.mark.parametrize(
    "reply",
    [Reply(b'["\xff"]'), Reply(b"no gzip", headers={"Content-Encoding": "gzip"})],
    ids=["no UTF-8", "no gzip"],
)
def test_an_answer_that_is_no_text_is_no_answer(reply: Reply) -> None:
    with serve(lambda _: reply) as server:
        assert fault(settings_for(server)).fault is Fault.NOT_JSON


# --- certificates ---------------------------------------------------------------------------------


@pytest.fixture
def good(ca: trustme.CA) -> Iterator[ScriptedServer]:
    with serve(ok, tls(ca.issue_cert("127.0.0.1"))) as server:
        yield server


def test_a_private_authority_is_trusted_where_its_certificate_is_named(
    good: ScriptedServer, ca_file: Path
) -> None:
    assert post(settings_for(good, ca_file=ca_file)) == "[]"


def test_a_private_authority_is_not_trusted_otherwise(good: ScriptedServer) -> None:
    reply = fault(settings_for(good))
    assert (reply.fault, reply.sent, good.requests) == (Fault.TLS, False, [])
    assert reply.reason.hint is not None and "--ca-file" in reply.reason.hint


def test_an_expired_certificate_is_refused(ca: trustme.CA, ca_file: Path) -> None:
    past = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    expired = ca.issue_cert("127.0.0.1", not_after=past)
    with serve(ok, tls(expired)) as server:
        reply = fault(settings_for(server, ca_file=ca_file))
    assert (reply.fault, reply.sent, server.requests) == (Fault.TLS, False, [])
    assert "expired" in reply.why


def test_a_certificate_for_another_name_is_refused(ca: trustme.CA, ca_file: Path) -> None:
    with serve(ok, tls(ca.issue_cert("kanboard.example.org"))) as server:
        reply = fault(settings_for(server, ca_file=ca_file))
    assert (reply.fault, reply.sent, server.requests) == (Fault.TLS, False, [])
    assert "127.0.0.1" in reply.why
    # The library ends its reason with a full stop; what tells it to a person does as well.
    assert not reply.why.endswith(".")


def test_a_certificate_that_signed_itself_is_refused(tmp_path: Path) -> None:
    itself = trustme.CA()
    pem = tmp_path / "self.pem"
    pem.write_bytes(itself.private_key_pem.bytes() + itself.cert_pem.bytes())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    with serve(ok, context) as server:
        reply = fault(settings_for(server))
    assert (reply.fault, reply.sent, server.requests) == (Fault.TLS, False, [])
    assert "self-signed" in reply.why


def test_https_to_a_server_without_tls_is_told() -> None:
    with serve(ok) as server:
        settings = settings_for(server)
        url = settings.url.replace("http:", "https:")
        reply = fault(Settings(url=url, token=settings.token))
    assert (reply.fault, reply.sent, server.requests) == (Fault.TLS, False, [])


def test_a_ca_file_that_holds_no_certificate_is_told(tmp_path: Path) -> None:
    path = tmp_path / "ca.pem"
    path.write_text("nothing of the kind")
    with pytest.raises(ConfigInvalid, match=r"ca\.pem cannot be used"):
        Transport(
            Settings(url="https://kb.example.org/jsonrpc.php", token=SecretStr(TOKEN), ca_file=path)
        )


# --- proxies --------------------------------------------------------------------------------------


def elsewhere(scheme: str = "http") -> Settings:
    return Settings(
        url=f"{scheme}://kanboard.invalid/jsonrpc.php", token=SecretStr(TOKEN), allow_http=True
    )


def test_the_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve(ok) as proxy:
        monkeypatch.setenv("http_proxy", proxy.origin)
        assert post(elsewhere()) == "[]"
    assert proxy.requests[0].target == "http://kanboard.invalid/jsonrpc.php"


def test_a_proxy_sees_no_credentials_of_an_encrypted_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with serve(lambda _: Reply(status=403)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.origin)
        reply = fault(elsewhere("https"))
    assert (reply.fault, reply.sent) == (Fault.PROXY, False)
    assert proxy.requests[0].method == "CONNECT"
    assert "authorization" not in proxy.requests[0].headers


def test_there_is_never_a_proxy_for_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    with serve(ok) as server:
        assert post(settings_for(server)) == "[]"
    assert proxy_for("https://[::1]/jsonrpc.php") is None
    assert proxy_for("https://localhost/jsonrpc.php") is None


def test_no_proxy_is_honoured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "proxy.example.org:3128")
    monkeypatch.setenv("NO_PROXY", "inside.example.org")
    assert proxy_for("https://kb.example.org/") == "http://proxy.example.org:3128"
    assert proxy_for("https://inside.example.org/") is None


@pytest.mark.parametrize("proxy", ["socks5://u:secret@127.0.0.1:1", "what://u:secret@x"])
def test_a_proxy_that_cannot_be_used_is_told_without_its_credentials(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("https_proxy", proxy)
    with pytest.raises(ConfigInvalid, match="proxy") as caught:
        Transport(elsewhere("https"))
    assert "secret" not in repr(caught.value) + str(caught.value.hint)


@pytest.mark.parametrize("host", ["exa_mple..org", "a" * 300, "xn--zz--9"])
def test_a_host_that_cannot_be(host: str) -> None:
    settings = Settings(url=f"https://{host}/jsonrpc.php", token=SecretStr(TOKEN))
    reply = fault(settings)
    assert not reply.sent


def test_as_many_connections_as_can_be_set_work_at_once() -> None:
    together = threading.Barrier(MOST_CONNECTIONS)

    def script(_: Request) -> Reply:
        # Each request waits until all of them are there.
        together.wait(60)
        return Reply(body="[]")

    with (
        serve(script) as server,
        Transport(settings_for(server)) as transport,
        ThreadPoolExecutor(MOST_CONNECTIONS) as pool,
    ):
        replies = list(pool.map(transport.post, [b"[]"] * MOST_CONNECTIONS))
    assert replies == ["[]"] * MOST_CONNECTIONS


@pytest.mark.parametrize(
    ("url", "proxy", "trusts"),
    [
        ("https://kb.example.org/jsonrpc.php", "", True),
        ("http://kb.example.org/jsonrpc.php", "", False),
        ("http://kb.example.org/jsonrpc.php", "http://proxy.example.org:3128", False),
        ("http://kb.example.org/jsonrpc.php", "HTTPS://proxy.example.org:3128", True),
    ],
)
def test_the_systems_authorities_count_wherever_tls_is_on_the_way(
    url: str, proxy: str, trusts: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(authority))
    monkeypatch.setenv("SSL_CERT_FILE", str(authority))
    monkeypatch.setenv("http_proxy", proxy)
    context = tls_context(Settings(url=url, token=SecretStr(TOKEN)))
    assert context.verify_mode is ssl.CERT_REQUIRED and context.check_hostname
    assert (context.cert_store_stats()["x509_ca"] > 0) is trusts
