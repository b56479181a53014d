"""X.509 certificates: one that nobody is served with, and when others end. Pure: no I/O."""

from __future__ import annotations

import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_DAYS = 3650


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
