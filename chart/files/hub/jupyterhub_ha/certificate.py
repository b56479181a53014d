"""X.509 certificates: when they end, whom they name, and one that nobody trusts. Pure: no I/O."""

from __future__ import annotations

import datetime
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from .errors import CertificateError

_DAYS = 3650


@dataclass(frozen=True, slots=True)
class Pair:
    """A certificate with its chain, and its private key, both PEM."""

    crt: str
    key: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What the first certificate of a PEM text says of itself; times are Unix times in seconds."""

    serial: str
    not_before: float
    not_after: float
    hosts: tuple[str, ...]


def self_signed(name: str) -> tuple[str, str]:
    """A certificate (X.509, RFC 5280) and its key (ECDSA P-256, PKCS #8), both PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=_DAYS))
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(pem).decode(), private.decode()


def expiries(pem: bytes) -> list[float]:
    """Unix times at which the certificates in a PEM text expire, in their order; [] for none."""
    try:
        found = x509.load_pem_x509_certificates(pem)
    except ValueError:
        return []
    return [certificate.not_valid_after_utc.timestamp() for certificate in found]


def facts(crt: str) -> Facts:
    """Read a PEM text's first certificate, the server's; CertificateError if there is none."""
    certificate = _first(crt)
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        hosts: tuple[str, ...] = ()
    else:
        hosts = tuple(str(name.value).lower() for name in names)
    return Facts(
        f"{certificate.serial_number:x}",
        certificate.not_valid_before_utc.timestamp(),
        certificate.not_valid_after_utc.timestamp(),
        hosts,
    )


def check(pair: Pair) -> Facts:
    """What a pair's certificate says, once the key is found to be its own.

    CertificateError where certificate or key cannot be read, or do not belong together.
    """
    found = facts(pair.crt)
    try:
        key = serialization.load_pem_private_key(pair.key.encode(), password=None)
    except (TypeError, ValueError, UnsupportedAlgorithm) as error:
        # Without the text of the error, which might quote the key.
        raise CertificateError(
            "the key is no PEM private key without a passphrase; it begins with -----BEGIN"
        ) from error
    if key.public_key() != _first(pair.crt).public_key():
        raise CertificateError(
            "the key does not belong to the first certificate; the server's own certificate comes"
            " first, those of its authorities follow"
        )
    return found


def _first(crt: str) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificates(crt.encode())[0]
    except (ValueError, IndexError) as error:
        raise CertificateError(
            "there is no PEM certificate; it begins with -----BEGIN CERTIFICATE"
        ) from error
