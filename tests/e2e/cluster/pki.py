"""The cluster's certificates: one authority, and what each daemon needs (Kubernetes documentation,
"PKI certificates and requirements"). Everything is kept in memory until `write` is called.
"""

from __future__ import annotations

import base64
import datetime
from dataclasses import dataclass
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .settings import DOMAIN, SERVICES, Cluster

_DAYS = 30
_SERVER = ExtendedKeyUsageOID.SERVER_AUTH
_CLIENT = ExtendedKeyUsageOID.CLIENT_AUTH


@dataclass(frozen=True)
class Wanted:
    """One certificate: file name, subject, and the names or addresses of a server."""

    file: str
    common_name: str
    group: str = ""
    names: tuple[str, ...] = ()
    addresses: tuple[IPv4Address, ...] = ()
    # Also written as a kubeconfig.
    kubeconfig: bool = False


def wanted(cluster: Cluster) -> list[Wanted]:
    """Every certificate of a cluster."""
    service = "kubernetes.default.svc"
    certificates = [
        Wanted(
            "apiserver",
            "kube-apiserver",
            names=("kubernetes", "kubernetes.default", service, f"{service}.{DOMAIN}"),
            addresses=(cluster.control.address, SERVICES[1]),
        ),
        Wanted("apiserver-kubelet", "kube-apiserver-kubelet-client", "system:masters"),
        Wanted("front-proxy", "front-proxy-client"),
        Wanted("admin", "admin", "system:masters", kubeconfig=True),
        Wanted("controller-manager", "system:kube-controller-manager", kubeconfig=True),
        Wanted("scheduler", "system:kube-scheduler", kubeconfig=True),
        Wanted("kube-proxy", "system:kube-proxy", kubeconfig=True),
        Wanted("kube-router", "kube-router", kubeconfig=True),
    ]
    for node in cluster.nodes:
        name = f"system:node:{node.name}"
        server = {"names": (node.name,), "addresses": (node.address,)}
        certificates += [
            Wanted(f"{node.name}-kubelet", name, "system:nodes", kubeconfig=True),
            Wanted(f"{node.name}-server", name, "system:nodes", **server),  # type: ignore[arg-type]
        ]
    return certificates


class Authority:
    """A certificate authority for one run of a cluster."""

    def __init__(self, name: str) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        usage = _key_usage(key_cert_sign=True, crl_sign=True)
        self.certificate = (
            _builder(self._name, self._key.public_key())
            .issuer_name(self._name)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(usage, critical=True)
            .sign(self._key, hashes.SHA256())
        )

    @property
    def pem(self) -> bytes:
        """The authority's certificate."""
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        """The authority's key: the controller manager signs requests with it."""
        return _key_pem(self._key)

    def issue(self, want: Wanted) -> tuple[bytes, bytes]:
        """A certificate and its key, both PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        parts = [x509.NameAttribute(NameOID.COMMON_NAME, want.common_name)]
        if want.group:
            parts.insert(0, x509.NameAttribute(NameOID.ORGANIZATION_NAME, want.group))
        is_server = bool(want.names or want.addresses)
        builder = (
            _builder(x509.Name(parts), key.public_key())
            .issuer_name(self._name)
            .add_extension(_key_usage(digital_signature=True), critical=True)
            .add_extension(
                x509.ExtendedKeyUsage([_SERVER if is_server else _CLIENT]), critical=False
            )
        )
        if is_server:
            names: list[x509.GeneralName] = [x509.DNSName(name) for name in want.names]
            names += [x509.IPAddress(address) for address in want.addresses]
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        certificate = builder.sign(self._key, hashes.SHA256())
        return certificate.public_bytes(serialization.Encoding.PEM), _key_pem(key)


def kubeconfig(api: str, authority: bytes, user: str, certificate: bytes, key: bytes) -> str:
    """A kubeconfig for one user, everything inside."""

    def data(pem: bytes) -> str:
        return base64.b64encode(pem).decode()

    document: dict[str, Any] = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "cluster",
        "clusters": [
            {
                "name": "cluster",
                "cluster": {"server": api, "certificate-authority-data": data(authority)},
            }
        ],
        "users": [
            {
                "name": user,
                "user": {
                    "client-certificate-data": data(certificate),
                    "client-key-data": data(key),
                },
            }
        ],
        "contexts": [{"name": "cluster", "context": {"cluster": "cluster", "user": user}}],
    }
    return yaml.safe_dump(document, sort_keys=False)


def write(cluster: Cluster) -> None:
    """Make everything anew in the cluster's folder, readable by its owner only."""
    folder = cluster.pki
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    authority = Authority(f"{cluster.name} CA")
    _save(folder / "ca.crt", authority.pem)
    _save(folder / "ca.key", authority.key_pem)
    accounts = ec.generate_private_key(ec.SECP256R1())
    _save(folder / "accounts.key", _key_pem(accounts))
    _save(
        folder / "accounts.pub",
        accounts.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        ),
    )
    for want in wanted(cluster):
        certificate, key = authority.issue(want)
        _save(folder / f"{want.file}.crt", certificate)
        _save(folder / f"{want.file}.key", key)
        if want.kubeconfig:
            text = kubeconfig(cluster.api, authority.pem, want.file, certificate, key)
            _save(folder / f"{want.file}.conf", text.encode())


def _builder(subject: x509.Name, key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        # An hour back, for clocks that differ.
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=_DAYS))
    )


def _key_usage(**used: bool) -> x509.KeyUsage:
    names = [
        "digital_signature",
        "content_commitment",
        "key_encipherment",
        "data_encipherment",
        "key_agreement",
        "key_cert_sign",
        "crl_sign",
        "encipher_only",
        "decipher_only",
    ]
    return x509.KeyUsage(**{name: used.get(name, False) for name in names})


def _key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


def _save(path: Path, content: bytes) -> None:
    path.touch(mode=0o600)
    path.write_bytes(content)
