"""Certificates for directories: good ones, and those that must not be trusted."""

import datetime
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

CLIENT = "sync.example.org"


class Authority:
    """An authority in a folder, `ca.pem` in it, that fills folders for servers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.folder.mkdir(parents=True, exist_ok=True)
        self._ca = trustme.CA()
        self.file = folder / "ca.pem"
        self._ca.cert_pem.write_to_path(str(self.file))

    def server(self, name: str, *identities: str, expired: bool = False) -> Path:
        """Give a folder with server.pem, server.key and ca.pem."""
        now = datetime.datetime.now(datetime.UTC)
        end = now - datetime.timedelta(days=1) if expired else now + datetime.timedelta(days=2)
        issued = self._ca.issue_cert(
            *identities,
            common_name=identities[0],
            not_before=now - datetime.timedelta(days=9),
            not_after=end,
        )
        folder = self._folder(name)
        issued.cert_chain_pems[0].write_to_path(str(folder / "server.pem"))
        issued.private_key_pem.write_to_path(str(folder / "server.key"))
        return folder

    def self_signed(self, name: str, identity: str) -> Path:
        """Give a folder with a certificate that nobody signed but itself."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, identity)])
        now = datetime.datetime.now(datetime.UTC)
        made = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=2))
            .add_extension(x509.SubjectAlternativeName([x509.DNSName(identity)]), critical=False)
            .sign(key, hashes.SHA256())
        )
        folder = self._folder(name)
        (folder / "server.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
        (folder / "server.key").write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        return folder

    def client(self) -> tuple[Path, Path]:
        """Give certificate and key of a client."""
        issued = self._ca.issue_cert(CLIENT, common_name=CLIENT)
        certificate, key = self.folder / "client.pem", self.folder / "client.key"
        issued.cert_chain_pems[0].write_to_path(str(certificate))
        issued.private_key_pem.write_to_path(str(key))
        return certificate, key

    def _folder(self, name: str) -> Path:
        folder = self.folder / name
        folder.mkdir()
        (folder / "ca.pem").write_bytes(self.file.read_bytes())
        return folder
