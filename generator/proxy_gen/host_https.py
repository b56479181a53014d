"""HTTPS on one host. Pure: no file, no process.

With the table in etcd the chart's issuer publishes a certificate there, as in a cluster
(`bundle_certificates`). With the table in files Traefik itself can ask an ACME authority, as one
instance alone keeps what it got; and a certificate of one's own is in files.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .errors import UsageError

RESOLVER = "letsencrypt"
Document = dict[str, Any]


@dataclass(frozen=True)
class HostHttps:
    """Who ends TLS here. `settings` is `proxy.https`.

    `folder` has the files that whoever shows or publishes the certificate reads, `state` what an
    authority gave. `by_etcd` says that the issuer publishes it in etcd.
    """

    settings: Mapping[str, Any]
    folder: Path
    state: Path
    by_etcd: bool = False

    @property
    def kind(self) -> str:
        """The type, empty where Traefik does not end TLS."""
        type_ = str(self.settings["type"]) if self.settings["enabled"] else "offload"
        return "" if type_ == "offload" else type_

    @property
    def is_acme(self) -> bool:
        """Whether an authority is asked."""
        return self.kind == RESOLVER

    @property
    def has_issuer(self) -> bool:
        """Whether the chart's issuer runs here."""
        return bool(self.kind) and self.by_etcd

    @property
    def is_traefiks(self) -> bool:
        """Whether Traefik itself asks an authority."""
        return self.is_acme and not self.by_etcd

    @property
    def has_secret(self) -> bool:
        """Whether Traefik's static configuration holds the key of an account at the authority."""
        return self.is_traefiks and bool(
            self.settings["letsencrypt"]["externalAccountBinding"]["keyId"]
        )

    @property
    def authority(self) -> Path:
        """Certificates of the authority behind the ACME server."""
        return self.folder / "authority.crt"

    @property
    def files(self) -> tuple[Path, Path]:
        """Certificate and key on the host, of the types that have them."""
        secret = self.settings["secret"]
        if self.kind == "secret":
            folder = Path(secret["name"])
            return folder / secret["crt"], folder / secret["key"]
        return self.folder / "tls.crt", self.folder / "tls.key"

    @property
    def texts(self) -> dict[Path, str]:
        """Files that the bundle brings: the values' certificate and its key, or an authority's."""
        if self.is_acme and (authority := self.settings["letsencrypt"]["caCertificates"]):
            return {self.authority: authority}
        if self.kind != "manual":
            return {}
        manual = self.settings["manual"]
        return dict(zip(self.files, (manual["cert"], manual["key"]), strict=True))

    @property
    def _domain(self) -> Document:
        """The hosts as Traefik has those of one certificate."""
        main, *sans = self.settings["hosts"]
        return {"main": main, **({"sans": sans} if sans else {})}

    def static(self, document: Mapping[str, Any]) -> Document:
        """Traefik's static configuration with the authority that it asks, if it does."""
        found: Document = copy.deepcopy(dict(document))
        if not self.is_traefiks:
            return found
        acme = self.settings["letsencrypt"]
        found["certificatesResolvers"] = {
            RESOLVER: {
                "acme": {
                    "email": acme["contactEmail"],
                    "caServer": acme["acmeServer"],
                    "storage": str(self.state / "acme.json"),
                    "httpChallenge": {"entryPoint": "http"},
                    **({"profile": acme["profile"]} if acme["profile"] else {}),
                }
            }
        }
        resolver = found["certificatesResolvers"][RESOLVER]["acme"]
        if self.has_secret:
            binding = acme["externalAccountBinding"]
            resolver["eab"] = {"kid": binding["keyId"], "hmacEncoded": binding["hmacKey"]}
        if acme["caCertificates"]:
            resolver["caCertificates"] = [str(self.authority)]
        found["entryPoints"]["https"]["http"]["tls"] = {
            "certResolver": RESOLVER,
            "domains": [self._domain],
        }
        return found

    def dynamic(self, document: Mapping[str, Any]) -> Document:
        """The static routers with the certificate that is shown, and without the chart's issuer."""
        found: Document = copy.deepcopy(dict(document))
        if not self.kind or self.by_etcd:
            return found
        for part, name in (("routers", "acme-challenge"), ("services", "certificates")):
            found["http"][part].pop(name, None)
        tls = found.setdefault("tls", {})
        if self.is_acme:
            shown: Document = {
                "defaultGeneratedCert": {"resolver": RESOLVER, "domain": self._domain}
            }
        else:
            crt, key = map(str, self.files)
            shown = {"defaultCertificate": {"certFile": crt, "keyFile": key}}
            tls["certificates"] = [{"certFile": crt, "keyFile": key}]
        tls["stores"] = {"default": shown}
        return found


def check(https: HostHttps, *, replicas: int) -> None:
    """UsageError for HTTPS that no host can have; all that is wrong at once."""
    problems = []
    if not https.kind:
        return
    if https.kind == "cert-manager":
        problems.append(
            "proxy.https.type: cert-manager is a part of Kubernetes; use letsencrypt, or secret"
            " with the folder in which another program keeps the certificate"
        )
    if https.is_traefiks and replicas != 1:
        problems.append(
            f"proxy.traefik.replicas: {replicas} instances of Traefik cannot share what an"
            " authority gave one of them; set it to 1, or proxy.kind to traefik-etcd, or use"
            " proxy.https.type secret with a certificate that another program renews"
        )
    if https.kind == "secret" and not Path(https.settings["secret"]["name"]).is_absolute():
        problems.append(
            "proxy.https.secret.name: a host has no Secrets; write the folder with the certificate,"
            " such as /etc/letsencrypt/live/hub.example.org, and its files in secret.crt and"
            " secret.key"
        )
    if problems:
        raise UsageError("\n".join(problems))
