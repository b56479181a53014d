"""One authority and the certificates of a deployment, as files."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from pathlib import Path

from proxy_gen.certificates import Leaf, make_ca, sign


@dataclass(frozen=True)
class CertFiles:
    """Paths of the authority, and of the certificate and key of one part."""

    ca: Path
    cert: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        """A client's TLS context with these."""
        context = ssl.create_default_context(cafile=self.ca)
        context.load_cert_chain(self.cert, self.key)
        return context


def write_certificates(folder: Path, address: str = "127.0.0.1") -> dict[str, CertFiles]:
    """Certificates `server`, `hub`, `root`, `certificates` and `traefik`, valid for this host,
    also where it is reached by another of its addresses."""
    folder.mkdir(parents=True, exist_ok=True)
    ca = make_ca()
    (folder / "ca.crt").write_text(ca.crt)
    leaves = {
        "server": Leaf(sans=tuple(dict.fromkeys((address, "127.0.0.1", "localhost"))), server=True),
        "hub": Leaf(),
        "root": Leaf(),
        "certificates": Leaf(),
        "traefik": Leaf(common_name="traefik"),
    }
    files = {}
    for name, leaf in leaves.items():
        pair = sign(ca, leaf)
        made = CertFiles(folder / "ca.crt", folder / f"{name}.crt", folder / f"{name}.key")
        made.cert.write_text(pair.crt)
        made.key.write_text(pair.key)
        made.key.chmod(0o600)
        files[name] = made
    return files
