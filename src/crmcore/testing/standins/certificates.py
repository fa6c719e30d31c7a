"""An authority made for the occasion, and a certificate of its own for loopback."""

from __future__ import annotations

import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import attrs
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

HOSTS = ("localhost",)
_DAY = timedelta(days=1)


@attrs.frozen
class Authority:
    """Files of a directory: the authority's certificate, and a chain with its key for the server."""

    directory: Path

    @property
    def ca_file(self) -> str:
        """The certificate that clients trust."""
        return str(self.directory / "ca.pem")

    def server_context(self, protocol: str) -> ssl.SSLContext:
        """Return the server's side of TLS, which speaks one protocol (ALPN)."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.directory / "server.pem")
        context.set_alpn_protocols([protocol])
        return context

    def client_context(self, *protocols: str) -> ssl.SSLContext:
        """Return a client's side, which trusts this authority alone."""
        context = ssl.create_default_context(cafile=self.ca_file)
        if protocols:
            context.set_alpn_protocols(list(protocols))
        return context


@contextmanager
def authority(*hosts: str) -> Iterator[Authority]:
    """Make an authority and a certificate for loopback and further hosts; the files go at the end."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        root, leaf = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        issuer = _named("crmcore stand-ins")
        ca = _unsigned(issuer, issuer, root.public_key()).add_extension(
            x509.BasicConstraints(ca=True, path_length=0), critical=True
        )
        ca = ca.add_extension(_key_usage(signs=True), critical=True)
        ca = ca.add_extension(x509.SubjectKeyIdentifier.from_public_key(root.public_key()), critical=False)
        (directory / "ca.pem").write_bytes(ca.sign(root, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
        named = _for_hosts(_unsigned(_named("stand-in"), issuer, leaf.public_key()), root, hosts)
        chain = _pem(leaf) + named.sign(root, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        (directory / "server.pem").write_bytes(chain)
        yield Authority(directory)


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _unsigned(subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.now(UTC)
    made = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    made = made.serial_number(x509.random_serial_number())
    return made.not_valid_before(now - _DAY).not_valid_after(now + 30 * _DAY)


def _for_hosts(
    made: x509.CertificateBuilder, root: ec.EllipticCurvePrivateKey, hosts: tuple[str, ...]
) -> x509.CertificateBuilder:
    names = [x509.DNSName(host) for host in (*HOSTS, *hosts)]
    alternative = x509.SubjectAlternativeName([*names, x509.IPAddress(ip_address("127.0.0.1"))])
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(root.public_key())
    made = made.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    return made.add_extension(alternative, critical=False).add_extension(identifier, critical=False)


def _key_usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs,
        crl_sign=signs,
        encipher_only=False,
        decipher_only=False,
    )


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
