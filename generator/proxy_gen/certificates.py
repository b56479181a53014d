"""The certificate authority and the certificates of etcd's members and clients; no I/O.

Everything is PEM text: keys are ECDSA P-256 in PKCS #8 (RFC 5208), certificates X.509 v3
(RFC 5280).
"""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .errors import UsageError
from .secrets import CA_DAYS, LEAF_DAYS

ORGANISATION = "jupyterhub-ha"
SOON_DAYS = 30
"""From here on a certificate of etcd, its clients or its members is a problem: nothing renews it by
itself, and this is time enough to replace it at leisure."""

# Clocks differ: a certificate drawn here must be valid at once on a node that is a little late.
_BACKDATE = datetime.timedelta(hours=1)
_P256 = ec.SECP256R1()


@dataclass(frozen=True)
class Pair:
    """A certificate and its private key, both PEM."""

    crt: str
    key: str


@dataclass(frozen=True)
class Leaf:
    """What one certificate is for.

    ``common_name`` stays empty except for a client that etcd shall know by its certificate alone:
    etcd's JSON gateway refuses every client certificate with a CommonName.
    """

    common_name: str = ""
    sans: tuple[str, ...] = ()
    server: bool = False


def make_ca(*, days: int = CA_DAYS, now: datetime.datetime | None = None) -> Pair:
    """Draw a certificate authority that is valid for ``days`` days from ``now``."""
    key = ec.generate_private_key(_P256)
    subject = _name("proxy-etcd CA")
    builder = (
        _builder(subject, subject, key.public_key(), days, now)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_key_usage(ca=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    return _pair(builder.sign(key, hashes.SHA256()), key)


def sign(
    ca: Pair, leaf: Leaf, *, days: int = LEAF_DAYS, now: datetime.datetime | None = None
) -> Pair:
    """Draw a key for ``leaf`` and sign its certificate with ``ca``.

    Raises UsageError if ``ca`` is no certificate with its own P-256 key, or if a name in
    ``leaf.sans`` is neither an IP address nor a DNS name.
    """
    ca_crt, ca_key = _load_ca(ca)
    key = ec.generate_private_key(_P256)
    usages = [ExtendedKeyUsageOID.CLIENT_AUTH]
    if leaf.server:
        usages.insert(0, ExtendedKeyUsageOID.SERVER_AUTH)
    builder = (
        _builder(_name(leaf.common_name), ca_crt.subject, key.public_key(), days, now)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_key_usage(ca=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), critical=False
        )
    )
    if leaf.sans:
        names = x509.SubjectAlternativeName([_general_name(san) for san in leaf.sans])
        builder = builder.add_extension(names, critical=False)
    return _pair(builder.sign(ca_key, hashes.SHA256()), key)


@dataclass(frozen=True)
class Facts:
    """What a certificate says of itself; times are UTC, ``issuer`` as in RFC 4514."""

    not_before: datetime.datetime
    not_after: datetime.datetime
    sans: tuple[str, ...]
    issuer: str


def read(crt: str) -> Facts:
    """Read a PEM certificate; raises UsageError if it is none."""
    certificate = _load_crt(crt)
    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        sans: tuple[str, ...] = ()
    else:
        sans = tuple(str(name.value) for name in names)
    return Facts(
        certificate.not_valid_before_utc,
        certificate.not_valid_after_utc,
        sans,
        certificate.issuer.rfc4514_string(),
    )


def is_signed_by(crt: str, ca_crt: str) -> bool:
    """Tell whether the key of ``ca_crt`` signed ``crt``; raises UsageError if one is no PEM."""
    certificate, issuer = _load_crt(crt), _load_crt(ca_crt)
    try:
        certificate.verify_directly_issued_by(issuer)
    except Exception:  # wrong issuer, wrong signature, foreign algorithm: all mean no
        return False
    return True


def _load_crt(crt: str) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(crt.encode())
    except ValueError as error:
        raise UsageError("not a PEM certificate; it begins with -----BEGIN CERTIFICATE") from error


def _load_ca(ca: Pair) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    crt = _load_crt(ca.crt)
    try:
        key = serialization.load_pem_private_key(ca.key.encode(), password=None)
    except (TypeError, ValueError) as error:
        raise UsageError("the CA's key is not an unencrypted PEM private key") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise UsageError("the CA's key is not an ECDSA key; sign the missing certificates yourself")
    if key.public_key() != crt.public_key():
        raise UsageError("the CA's key does not belong to its certificate")
    return crt, key


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    public_key: ec.EllipticCurvePublicKey,
    days: int,
    now: datetime.datetime | None,
) -> x509.CertificateBuilder:
    start = (now or datetime.datetime.now(datetime.UTC)).replace(microsecond=0)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start - _BACKDATE)
        .not_valid_after(start + datetime.timedelta(days=days))
    )


def _name(common_name: str) -> x509.Name:
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANISATION)]
    if common_name:
        attributes.append(x509.NameAttribute(NameOID.COMMON_NAME, common_name))
    return x509.Name(attributes)


def _general_name(san: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(san))
    except ValueError:
        pass
    label = "abcdefghijklmnopqrstuvwxyz0123456789-_*"
    parts = san.lower().split(".")
    if not all(part and set(part) <= set(label) for part in parts):
        raise UsageError(f"{san!r} is neither an IP address nor a DNS name")
    return x509.DNSName(san)


def _key_usage(*, ca: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=ca,
        crl_sign=ca,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _pair(certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> Pair:
    return Pair(
        crt=certificate.public_bytes(serialization.Encoding.PEM).decode(),
        key=key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        ).decode(),
    )


def member_names(etcd_name: str, members: int, extra: Sequence[str] = ()) -> tuple[str, ...]:
    """Name every address at which a member of the StatefulSet ``etcd_name`` is called.

    The names are given for ``members`` members, so that scaling up needs no new certificate.
    """
    pods = [f"{etcd_name}-{ordinal}.{etcd_name}" for ordinal in range(members)]
    names = [*pods, etcd_name, "localhost", "127.0.0.1", "::1", *extra]
    return tuple(dict.fromkeys(names))
