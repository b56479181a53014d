"""Every check: its name, the question that it asks, and the cure where the answer is no.

The page docs/reference/doctor.md is made from this table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from . import front, hub, parts, spawning, streams
from .facts import Finding
from .visit import Visit


@dataclass(frozen=True)
class Check:
    """One check. ``after`` names the check without which it makes no sense; ``needs`` are words."""

    name: str
    question: str
    cure: str
    run: Callable[[Visit], Finding]
    after: str = "jupyterhub"
    needs: str = ""


_SERVER = "`--user`, a token"

CHECKS = (
    Check(
        "reach",
        "Can the host be reached: its name, its port, TLS?",
        "check DNS, that the proxy runs and listens there, its Service in Kubernetes, firewalls",
        front.reach,
        after="",
    ),
    Check(
        "certificate",
        "Is the certificate valid, for this name, with its chain, and for how long?",
        "serve a certificate for this name, with its chain",
        front.certificate,
        after="reach",
    ),
    Check(
        "jupyterhub",
        "Is it JupyterHub that answers?",
        "check the URL, and that the hub runs",
        hub.jupyterhub,
        after="reach",
    ),
    Check(
        "base-url",
        "Is the hub at this base URL, and do redirects stay below it?",
        "let hub.baseUrl, the URL and what stands in front agree",
        hub.base_url,
    ),
    Check(
        "slash",
        "Does the base URL without its slash lead to the one with it?",
        "redirect it in front; `proxy-gen edge` writes the line for your web server",
        hub.slash,
    ),
    Check(
        "to-https",
        "Does plain http lead to the same page of https?",
        "redirect with 308, path and query kept",
        front.to_https,
        needs="`--http-port` where https is not at 443",
    ),
    Check(
        "forwarded",
        "Does the hub know its public scheme and host?",
        "let what stands in front set X-Forwarded-Proto and X-Scheme and keep Host, and our proxy "
        "believe it (proxy.traefik.forwardedHeaders.trustedIPs)",
        hub.forwarded,
    ),
    Check(
        "forged",
        "Are forged X-Forwarded-* headers of a client ignored?",
        "set them in front, never pass them on; trust the web server's own addresses only",
        hub.forged,
    ),
    Check(
        "body-size",
        "Is a large upload allowed?",
        "raise the limit in front, such as nginx's client_max_body_size",
        streams.body_size,
    ),
    Check(
        "upload",
        "Does the hub hear of an upload before it ends?",
        "turn the buffering of requests off in front, such as nginx's proxy_request_buffering",
        streams.upload,
        after="body-size",
    ),
    Check(
        "events",
        "Do a starting server's events come one by one?",
        "turn the buffering of responses off in front, such as nginx's proxy_buffering",
        spawning.events,
        needs=f"{_SERVER}, `--spawn`",
    ),
    Check(
        "websockets",
        "Do websockets pass, both ways?",
        "pass Upgrade and Connection on in front, with HTTP/1.1",
        streams.websockets,
        needs=_SERVER,
    ),
    Check(
        "idle",
        "Does an idle websocket stay open?",
        "raise the read timeout in front, such as nginx's proxy_read_timeout, and the load "
        "balancer's",
        streams.idle,
        needs=f"{_SERVER}, `--idle`",
    ),
    Check(
        "frames",
        "Is who may frame the pages left to JupyterHub?",
        "leave X-Frame-Options and Content-Security-Policy alone in front; JupyterHub's own stands "
        "in its configuration",
        hub.frames,
        needs=f"{_SERVER}, for more than the hub's own pages",
    ),
    Check(
        "kernels",
        "Does a user's server offer its kernels, and those of `--kernel` and of the values?",
        "install the kernel for all users with `singleuser.kernels`, or in their image; "
        "`jupyter kernelspec list` there shows all. A server that ran before it has to start anew",
        parts.kernels,
        needs=_SERVER,
    ),
    Check(
        "replicas",
        "Do all replicas serve the same routing table?",
        "look at the log of the one that is behind, or restart it",
        parts.replicas,
        after="",
        needs="`--replica` for each",
    ),
    Check(
        "etcd",
        "Is etcd healthy, as far as can be seen from here?",
        "`proxy-gen status` looks closer, on Kubernetes",
        parts.etcd,
        needs="`--values` with endpoints, or a token with `read:metrics`",
    ),
    Check(
        "clock",
        "Do the clocks here and there agree?",
        "let both machines follow NTP",
        parts.clock,
    ),
    Check(
        "latency",
        "Is a small request answered within a second?",
        "look at the load of proxy and hub, and at the way between",
        parts.latency,
    ),
)
NAMES = tuple(check.name for check in CHECKS)
