"""A server under an address that stays the same, whatever port it listens on.

Plans, journals and ledgers name their server. So that recorded ones can be carried out again, a
proxy on loopback answers for the address that they name.
"""

import http.client
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

RECORDED_URL = "http://kanboard.test/jsonrpc.php"
RECORDED_TOKEN = "recorded"


@contextmanager
def proxy_to(url: str) -> Iterator[str]:
    """Serve a proxy that sends whatever it is asked to one server; yield its own URL."""
    to = urlsplit(url)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            server = http.client.HTTPConnection(to.hostname or "", to.port, timeout=30)
            names = ("Authorization", "Content-Type")
            headers = {name: self.headers[name] for name in names if name in self.headers}
            try:
                server.request("POST", urlsplit(self.path).path, body, headers)
                answer = server.getresponse()
                text = answer.read()
            except http.client.HTTPException:
                self.close_connection = True
                return
            finally:
                server.close()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.headers["Content-Type"])
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, format: str, *args: Any) -> None:
            """Write nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as proxy:
        threading.Thread(target=proxy.serve_forever, args=(0.02,), daemon=True).start()
        try:
            yield f"http://127.0.0.1:{proxy.server_port}"
        finally:
            proxy.shutdown()
