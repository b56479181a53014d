"""The certificate that nobody is served with."""

from __future__ import annotations

import ssl
import time
from pathlib import Path

from cryptography import x509

from jupyterhub_ha.certificate import expiries, self_signed


def test_certificate_and_key_belong_together(tmp_path: Path) -> None:
    certificate, key = self_signed("a-name")
    (tmp_path / "crt").write_text(certificate)
    (tmp_path / "key").write_text(key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "crt", tmp_path / "key")
    read = x509.load_pem_x509_certificate(certificate.encode())
    assert read.subject.rfc4514_string() == "CN=a-name"


def test_each_is_another() -> None:
    assert self_signed("x")[0] != self_signed("x")[0]


def test_the_end_of_each_certificate_is_told() -> None:
    certificate = self_signed("x")[0]
    ends = expiries((certificate + certificate).encode())
    assert len(ends) == 2
    assert abs(ends[0] - time.time() - 3650 * 86400) < 60


def test_what_is_no_certificate_has_no_end() -> None:
    assert expiries(b"") == expiries(self_signed("x")[1].encode()) == []
