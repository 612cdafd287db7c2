"""What a server answered, and why there is no answer. It contains no text of a server."""

from collections.abc import Mapping

from kanport.catalogue.kinds import CatalogueEntry, Text, one

_WHERE = (
    "the URL must lead to Kanboard's jsonrpc.php, for example"
    " https://kanboard.example.org/jsonrpc.php"
)
_PROXY = "check HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY"
_OF_KANBOARD = "check whether this is the URL of Kanboard's jsonrpc.php"

# Why there is no reliable answer.
_SILENT: Mapping[str, CatalogueEntry] = {
    "no-connection": CatalogueEntry(
        "",
        "Kanport could not connect to the server.",
        {
            "": Text("no connection to {place}"),
            "slow": Text(
                "no connection to {place} within {seconds:g} s",
                "check the host in the URL, and whether a firewall blocks the connection",
            ),
            "none-free": Text("no connection was free in time"),
            "unknown-host": Text("cannot resolve host {place}", "check the host name in the URL"),
            "refused": Text(
                "nothing listens on {place}",
                "check whether the server runs, and the port in the URL",
            ),
        },
    ),
    "tls-failed": CatalogueEntry(
        "",
        "Kanport could not make a secure connection.",
        {
            "": Text(
                "the certificate of {place} is not valid: {problem}",
                "if a private certificate authority signed it, name its certificate with --ca-file."
                " Kanport never continues without a valid certificate",
            ),
            "expired": Text(
                "the certificate of {place} is not valid: {problem}",
                "the certificate has expired: the server needs a new one",
            ),
            "other-name": Text(
                "the certificate of {place} is not valid: {problem}",
                "use the name that the certificate is for",
            ),
            "no-tls": Text(
                "{place} does not speak TLS correctly",
                "check whether it is an https:// server, and the port",
            ),
        },
    ),
    "proxy-failed": CatalogueEntry(
        "",
        "The proxy did not let a request through.",
        {
            "": Text("the proxy refused", _PROXY),
            "credentials": Text("the proxy requires credentials ({status})"),
        },
    ),
    "request-failed": CatalogueEntry(
        "",
        "Kanport could not send the request.",
        {
            "": Text("Kanport could not write the request"),
            "url": Text("the URL cannot be used"),
        },
    ),
    "no-answer-in-time": CatalogueEntry(
        "",
        "The server took too long.",
        {
            "": Text("no answer within {seconds:g} s"),
            "in-all": Text(
                "the whole answer took longer than {seconds:g} s",
                "if the server needs that long, raise --request-timeout",
            ),
            "waited": Text("the server waited too long ({status})"),
        },
    ),
    "connection-ended": CatalogueEntry(
        "",
        "The connection ended too early.",
        one("the connection ended before the answer was complete"),
    ),
    "token-rejected": CatalogueEntry(
        "",
        "The server does not accept the token.",
        {
            "": Text(
                "the server does not accept the token from {place} ({status})",
                "compare it with the one in Kanboard: Settings > API. If PHP runs as FastCGI behind"
                " Apache, the Authorization header may get lost: see --auth-header",
            ),
            "header": Text(
                "the server does not accept the token from {place} ({status})",
                "compare it with the one in Kanboard: Settings > API. The server's setting"
                " API_AUTHENTICATION_HEADER must be {header} too",
            ),
        },
    ),
    "request-forbidden": CatalogueEntry(
        "",
        "The server refuses the request.",
        one(
            "the server refuses the request ({status})",
            "use the application's token (in Kanboard: Settings > API). A firewall in front of the"
            " server may refuse as well",
        ),
    ),
    "request-too-large": CatalogueEntry(
        "", "The request is too large for the server.", one("the request is too large ({status})")
    ),
    "server-busy": CatalogueEntry("", "The server is busy.", one("the server is busy ({status})")),
    "no-such-api": CatalogueEntry(
        "", "The URL leads to no API.", one("there is no such API ({status})", _WHERE)
    ),
    "server-failed": CatalogueEntry(
        "",
        "The server failed.",
        one("the server failed ({status})", "the error log of the web server says more"),
    ),
    "redirected": CatalogueEntry(
        "",
        "The server redirects to another address, which Kanport never follows.",
        {
            "nowhere": Text("the server redirects to nowhere", _WHERE),
            "no-address": Text("the server redirects to an invalid address", _WHERE),
            "address": Text(
                "the server redirects to {url}",
                "use that address if it is Kanboard's; Kanport never follows redirects",
            ),
            "host": Text(
                "the server redirects to another host ({host}); nothing was sent there",
                f"check whether a login page or a portal is in front of Kanboard; {_WHERE}",
            ),
        },
    ),
    "answer-too-large": CatalogueEntry(
        "",
        "The answer is larger than Kanport accepts.",
        one("the answer is larger than {limit}"),
    ),
    "answer-broken": CatalogueEntry(
        "",
        "Kanport cannot read the answer.",
        {
            "": Text("the answer is broken or incomplete"),
            "packed": Text("the answer is compressed in a way that Kanport did not request"),
            "behind": Text("the answer continues after its end"),
            "encoding": Text("the answer is not text in UTF-8"),
            "empty": Text("the answer is empty"),
        },
    ),
    "answer-not-kanboard": CatalogueEntry(
        "",
        "The answer does not come from Kanboard's API.",
        {
            "page": Text("the answer is a web page", _OF_KANBOARD),
            "text": Text("the answer is not JSON", _OF_KANBOARD),
            "json": Text("the answer is JSON, but not JSON-RPC", _OF_KANBOARD),
        },
    ),
    "answer-of-php": CatalogueEntry(
        "",
        "PHP answered instead of Kanboard.",
        {
            "time-limit": Text(
                "PHP exceeded its maximum execution time of {seconds} s",
                "raise PHP's max_execution_time on the server",
            ),
            "memory-limit": Text(
                "PHP exhausted its memory limit",
                "raise PHP's memory_limit on the server; the API has no paging",
            ),
            "memory-limit-of": Text(
                "PHP exhausted its memory limit of {mib} MiB",
                "raise PHP's memory_limit on the server; the API has no paging",
            ),
            "uncaught": Text(
                "PHP failed with an uncaught {error}",
                "the error log of PHP on the server says more",
            ),
            "error": Text("PHP reported a {error}", "the error log of PHP on the server says more"),
        },
    ),
    "one-answer-for-all": CatalogueEntry(
        "",
        "The server gave one answer to several calls.",
        {
            "": Text("the server gave one answer to all calls"),
            "error": Text("the server answered all calls with one error: {error}"),
        },
    ),
    "answer-missing": CatalogueEntry(
        "",
        "A call has no answer of its own.",
        {
            "": Text("the answer to this call is missing"),
            "strange": Text(
                "the answer to this call is missing, and {n:#answer belongs|answers belong} to no"
                " call"
            ),
            "twice": Text("there is more than one answer to this call"),
            "malformed": Text("the answer to this call is not well formed"),
        },
    ),
}

# Errors with which Kanboard refuses a call.
_ERRORS: Mapping[str, CatalogueEntry] = {
    "rpc-error": CatalogueEntry(
        "",
        "An error of JSON-RPC.",
        {
            "": Text("{name} (code {number})"),
            "data": Text("{name}: {data} (code {number})"),
        },
    ),
    "sql-error": CatalogueEntry(
        "",
        "The database refused something.",
        {
            "": Text("SQL error, SQLSTATE {state} (code {number})"),
            "too-long": Text("SQL error, SQLSTATE {state}: a value is too long (code {number})"),
            "wrong-kind": Text(
                "SQL error, SQLSTATE {state}: a value has the wrong type (code {number})"
            ),
            "integrity": Text(
                "SQL error, SQLSTATE {state}: a value is taken, missing or refers to nothing"
                " (code {number})"
            ),
            "missing": Text("SQL error, SQLSTATE {state}: a value is missing (code {number})"),
            "dangling": Text(
                "SQL error, SQLSTATE {state}: a value refers to nothing (code {number})"
            ),
            "taken": Text("SQL error, SQLSTATE {state}: a value is taken (code {number})"),
            "conflict": Text("SQL error, SQLSTATE {state}: two changes conflicted (code {number})"),
            "statement": Text(
                "SQL error, SQLSTATE {state}: the statement is wrong (code {number})"
            ),
            "locked": Text("SQL error, SQLSTATE {state}: the database is locked (code {number})"),
        },
    ),
    "database-locked": CatalogueEntry(
        "", "The database is locked.", one("the database is locked (code {number})")
    ),
    "kanboard-ldap-error": CatalogueEntry(
        "",
        "Kanboard cannot ask its own LDAP.",
        {
            "not-configured": Text("no LDAP server is configured in Kanboard (code {number})"),
            "no-filter": Text("LDAP_USER_FILTER is not set in Kanboard (code {number})"),
            "username": Text("LDAP_USER_ATTRIBUTE_USERNAME is wrong in Kanboard (code {number})"),
            "connection": Text("Kanboard cannot reach its LDAP server (code {number})"),
            "tls": Text("Kanboard cannot begin TLS with its LDAP server (code {number})"),
            "host": Text("LDAP_SERVER or LDAP_PORT is wrong in Kanboard (code {number})"),
        },
    ),
    "unknown-error": CatalogueEntry(
        "",
        "Kanport does not know the error.",
        one("an error that Kanport does not know (code {number})"),
    ),
}

# Why Kanport can read nothing from the server.
_UNREADABLE: Mapping[str, CatalogueEntry] = {
    "server-refuses": CatalogueEntry(
        "", "The server refuses the credentials.", one("{url} refuses Kanport: {answer}")
    ),
    "no-answer": CatalogueEntry(
        "",
        "The server gives no answer.",
        {
            "": Text("no answer from {url}: {answer}"),
            "to-call": Text("no answer to {method} from {url}: {answer}"),
        },
    ),
    "server-lacks": CatalogueEntry(
        "",
        "The server does not have a procedure.",
        {
            "": Text(
                "{url} has no {method}, which is in every Kanboard",
                "check whether this is Kanboard; Kanport needs Kanboard {oldest} or later",
            ),
            "since": Text(
                "{url} has no {method}, which came with Kanboard {since}",
                "check whether this is Kanboard; Kanport needs Kanboard {oldest} or later",
            ),
        },
    ),
    "reading-refused": CatalogueEntry(
        "", "The server refuses a read.", one("{url} refuses {method}: {answer}")
    ),
}

ANSWERS: Mapping[str, CatalogueEntry] = {**_SILENT, **_ERRORS, **_UNREADABLE}
