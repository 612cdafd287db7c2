"""TLS as it has to be towards a directory: chain and name are checked, and nothing is let by."""

import ssl
from pathlib import Path

from kanport.errors import ConfigInvalid
from kanport.files import open_regular
from kanport.mapping.ldap import LdapSource

_REASONS = {
    9: "its certificate is not valid yet",
    10: "its certificate has expired",
    18: "its certificate is self-signed, and not among those that are trusted",
    19: "its certificate comes from an authority that is not trusted",
    20: "its certificate comes from an authority that is not trusted",
    21: "its certificate comes from an authority that is not trusted",
    23: "its certificate has been revoked",
    62: "its certificate is for another name",
    64: "its certificate is for another address",
}
_HINTS = {
    18: "if this is the right server, name its certificate in ca_file",
    19: "name the certificate of the authority in ca_file",
    20: "name the certificate of the authority in ca_file",
    21: "name the certificate of the authority in ca_file",
    62: "use the name in url that stands in the certificate",
    64: "use the name in url that stands in the certificate",
}


def make_context(spec: LdapSource, base: Path) -> ssl.SSLContext:
    """Make what TLS needs: the certificates to trust, and our own.

    Files are relative to `base`. Raises ConfigInvalid where one cannot be used.
    """
    ca_file = base / spec.ca_file if spec.ca_file else None
    try:
        if ca_file is not None:
            open_regular(ca_file).close()
        context = ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as wrong:
        raise ConfigInvalid(
            f"ca_file {spec.ca_file} cannot be used: {_words(wrong)}",
            hint="it must be a readable file with certificates in PEM",
        ) from wrong
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Said here although they are the defaults: everything rests on them.
    context.check_hostname = True
    context.verify_mode = ssl.CERT_REQUIRED
    if spec.client_cert:
        key = base / spec.client_key if spec.client_key else None
        try:
            for file in filter(None, (base / spec.client_cert, key)):
                open_regular(file).close()
            # A password is never asked for on the terminal: nobody would answer at night.
            context.load_cert_chain(base / spec.client_cert, key, password=lambda: b"")
        except (OSError, ssl.SSLError, ValueError) as wrong:
            raise ConfigInvalid(
                f"client_cert {spec.client_cert} cannot be used: {_words(wrong)}",
                hint="it must be PEM, with the key that belongs to it, without a password",
            ) from wrong
    return context


def explain(error: BaseException) -> tuple[str, str | None]:
    """Say in plain words why TLS did not come about, and what can be done."""
    if isinstance(error, ssl.SSLCertVerificationError):
        code = error.verify_code
        reason = _REASONS.get(code, "its certificate cannot be verified")
        return f"{reason} ({error.verify_message.rstrip('.')})", _HINTS.get(code)
    return f"TLS failed: {_words(error)}", None


def _words(error: BaseException) -> str:
    if isinstance(error, ssl.SSLError) and error.reason:
        return error.reason.replace("_", " ").lower()
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error) or type(error).__name__
