"""Addresses of a server: what people paste, made into the URL of the API. No I/O."""

import contextlib
import ipaddress
import re
from urllib.parse import SplitResult, urlsplit

from kanport.errors import ConfigInvalid

ENDPOINT = "jsonrpc.php"
EXAMPLE = "https://kanboard.example.org/jsonrpc.php"


def is_loopback(host: str) -> bool:
    """Return whether a host of a URL is this machine, without asking a name server.

    >>> [is_loopback(host) for host in ("localhost", "127.8.8.8", "::1", "localhost.evil.org")]
    [True, True, True, False]
    """
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def normalize_url(text: str, *, allow_http: bool = False) -> str:
    """Return the URL of the API for any address of a Kanboard server.

    With or without /jsonrpc.php, with a sub-folder, a trailing slash or the query of a page.
    Raises ConfigInvalid for what is no such address; the message never holds credentials.

    >>> normalize_url("HTTPS://KB.example.org:443/boards/?controller=Dashboard")
    'https://kb.example.org/boards/jsonrpc.php'
    """
    text = text.strip()
    parts = _split(text)
    if "@" in parts.netloc:
        raise ConfigInvalid(
            "the server's URL contains credentials",
            hint="take them out of the URL; the token belongs in KANPORT_TOKEN or in a file named "
            "by KANPORT_TOKEN_FILE",
        )
    if parts.scheme not in ("http", "https") or not parts.hostname:
        shown = text if "@" not in text else "the server's URL"
        raise ConfigInvalid(
            f"{shown!r} is not the URL of a server: it must begin with https://, or http:// for"
            " this machine",
            hint=f"a whole URL looks like {EXAMPLE}",
        )
    host = parts.hostname
    if parts.scheme == "http" and not allow_http and not is_loopback(host):
        raise ConfigInvalid(
            f"http://{host} is not encrypted: others on the network could read the token",
            hint="use https://, or --allow-http if the network is safe",
        )
    netloc = f"[{host}]" if ":" in host else host
    if parts.port not in (None, 443 if parts.scheme == "https" else 80):
        netloc += f":{parts.port}"
    return f"{parts.scheme}://{netloc}{_endpoint(parts.path)}"


def _split(text: str) -> SplitResult:
    # urlsplit drops line breaks and tabs silently, so that what is checked is not what was given.
    if re.search(r"[\s\x00-\x1f\x7f\\]", text):
        raise ConfigInvalid("the server's URL contains spaces, control characters or backslashes")
    try:
        parts = urlsplit(text)
        # The port is parsed only when asked for.
        if parts.port == 0:
            raise ValueError
        # Names with empty or overlong labels would break the look-up.
        (parts.hostname or "").encode("idna")
    except ValueError:
        raise ConfigInvalid(
            "the server's URL is invalid: check its host and port",
            hint=f"a whole URL looks like {EXAMPLE}",
        ) from None
    return parts


def _endpoint(path: str) -> str:
    folder = path.rstrip("/")
    for page in (f"/{ENDPOINT}", "/index.php"):
        folder = folder.removesuffix(page).rstrip("/")
    return f"{folder}/{ENDPOINT}"


def canonical_url(url: str) -> str:
    """Return one URL for all spellings that certainly mean the same server.

    All names and addresses of this machine's loopback count as one; the case of the host, a dot at
    its end, the default port, slashes at the end and `/jsonrpc.php` make no difference. No name
    server is asked.

    >>> canonical_url("http://127.0.0.1:80/jsonrpc.php"), canonical_url("HTTP://LocalHost./")
    ('http://localhost/', 'http://localhost/')
    """
    parts = urlsplit(url)
    host = (parts.hostname or "").rstrip(".").lower()
    try:
        address: ipaddress.IPv4Address | ipaddress.IPv6Address = ipaddress.ip_address(host)
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
            address = address.ipv4_mapped
        host = str(address)
    except ValueError:
        with contextlib.suppress(UnicodeError):
            host = host.encode("idna").decode()
    if is_loopback(host):
        host = "localhost"
    port = port_of(url)
    if port != _DEFAULT_PORTS.get(parts.scheme):
        host += f":{port}"
    path = re.sub(r"/+", "/", parts.path).removesuffix("/").removesuffix(f"/{ENDPOINT}")
    return f"{parts.scheme}://{host}{path}/"


def port_of(url: str) -> int:
    """Return the port of a URL; 0 if it is unknown."""
    parts = urlsplit(url)
    try:
        return parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)
    except ValueError:
        return 0


_DEFAULT_PORTS = {"http": 80, "https": 443}
