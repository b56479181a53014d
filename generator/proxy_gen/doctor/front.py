"""Checks of what stands first: the host, its certificate, plain http."""

from __future__ import annotations

import datetime
import errno
import socket
import ssl

from proxy_gen import certificates
from proxy_gen.status import judge

from .facts import OK, PROBLEM, WARN_DAYS, WARNING, FaultError, Finding, NotCheckedError
from .visit import Visit
from .web import SECONDS, NoAnswerError, Site, Web, parse, reason

# https://docs.openssl.org/3.0/man3/X509_STORE_CTX_get_error/#error-codes
_EXPIRED, _SELF_SIGNED, _NAME, _ADDRESS = 10, 18, 62, 64
_NO_ISSUER = {2, 19, 20, 21}
# Addresses of a kind that this machine does not have.
_NOT_FROM_HERE = {errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}


def reach(visit: Visit) -> Finding:
    """Look the name up, connect, shake hands; follow http to https of the same host."""
    said, failed = _reach(visit, visit.site)
    if visit.site.scheme == "http":
        there = _https(visit)
        if there is not None:
            visit.site = there
            more, failed = _reach(visit, there)
            said = f"{said}, which leads to {more}"
    if failed:
        cure = "take them out of DNS, or look why nothing listens there"
        return Finding(WARNING, f"{said}; but not {failed}", cure)
    return Finding(OK, said)


def _reach(visit: Visit, site: Site) -> tuple[str, str]:
    """Return what was reached, and the addresses that were not; raises FaultError without any."""
    try:
        found = socket.getaddrinfo(site.host, site.port, type=socket.SOCK_STREAM)
    except OSError as error:
        cure = "check the name, and the DNS record that leads to the load balancer"
        raise FaultError(f"name: {site.host} is not known ({reason(error)})", cure) from error
    failed = {}
    addresses = dict.fromkeys(str(one[4][0]) for one in found)
    for address in list(addresses):
        try:
            socket.create_connection((address, site.port), SECONDS).close()
        except OSError as error:
            del addresses[address]
            if error.errno not in _NOT_FROM_HERE:
                failed[address] = reason(error)
    listed = ", ".join(f"{address}: {why}" for address, why in failed.items())
    if not addresses:
        why = listed or "this machine has no route to it"
        what = f"port: {site.port} of {site.host} cannot be reached ({why})"
        raise FaultError(what, "check the proxy's Service, its firewall, and whether it runs")
    if site.scheme == "https":
        try:
            _shake_hands(site, visit.careless)
        except NoAnswerError as error:
            cure = "check that TLS 1.2 or later is served at this port, not plain http"
            raise FaultError(f"TLS: the handshake fails ({error})", cure) from error
    # A server of this machine may well listen at one kind of address only.
    return f"{site.origin} at {', '.join(addresses)}", "" if site.is_loopback else listed


def _shake_hands(site: Site, context: ssl.SSLContext) -> bytes:
    """Return the certificate that is shown, in DER; raises NoAnswerError."""
    with Web(site, context).connect() as connection:
        connection.connect()
        der: bytes = connection.sock.getpeercert(binary_form=True)  # type: ignore[union-attr]
    return der


def _plain(site: Site, word: str, elsewhere: str) -> Finding:
    """Judge that there is no https, which is well on this machine alone."""
    if site.is_loopback:
        return Finding(OK, f"{word}: plain http, which stays on this machine")
    return Finding(WARNING, elsewhere)


def _https(visit: Visit) -> Site | None:
    """Where plain http leads, if that is https of the same host."""
    try:
        answer = visit.web.ask(visit.hub("api"))
    except NoAnswerError:
        return None
    if not answer.location.startswith("https://"):
        return None
    there, _ = parse(answer.location)
    return there if there.host == visit.site.host else None


def certificate(visit: Visit) -> Finding:
    """Judge the certificate that is served for this name."""
    site = visit.site
    if site.scheme == "http":
        return _plain(site, "none", "none: plain http, so passwords and cookies go in clear")
    try:
        der = _shake_hands(site, visit.strict)
    except NoAnswerError as error:
        fault = error.__cause__
        if isinstance(fault, ssl.SSLCertVerificationError):
            return _not_trusted(visit, fault)
        raise
    visit.context = visit.strict
    return _days(site, _facts(der))


def _facts(der: bytes) -> certificates.Facts:
    return certificates.read(ssl.DER_cert_to_PEM_cert(der))


def _days(site: Site, facts: certificates.Facts) -> Finding:
    until = facts.not_after
    left = judge.days_left(until, datetime.datetime.now(datetime.UTC))
    said = f"valid for {site.host}, {left} days left (until {until:%Y-%m-%d})"
    if left < WARN_DAYS:
        return Finding(WARNING, said, "renew it now")
    return Finding(OK, said)


def _not_trusted(visit: Visit, fault: ssl.SSLCertVerificationError) -> Finding:
    host, code = visit.site.host, fault.verify_code
    facts = _facts(_shake_hands(visit.site, visit.careless))
    names = ", ".join(facts.sans) or "no name at all"
    if code == _EXPIRED:
        return Finding(PROBLEM, f"expired on {facts.not_after:%Y-%m-%d}", "renew it, and reload")
    if code in {_NAME, _ADDRESS}:
        return Finding(PROBLEM, f"it is for {names}, not for {host}", f"serve one for {host}")
    if code == _SELF_SIGNED:
        cure = "get one from an authority that browsers know; to check with it all the same: "
        return Finding(PROBLEM, "self-signed: browsers refuse it", f"{cure}--ca-file FILE")
    if code in _NO_ISSUER:
        return Finding(
            PROBLEM,
            "its chain does not lead to an authority that is known here",
            "serve the intermediate certificates with it, or give --ca-file FILE for your own",
        )
    return Finding(PROBLEM, f"not valid: {fault.verify_message}", "serve a valid certificate")


def to_https(visit: Visit) -> Finding:
    """Ask plain http, and see whether it leads to the same page of https."""
    site = visit.site
    if site.scheme == "http":
        return _plain(site, "no https", "there is no https here")
    port = visit.asked.http_port or (visit.given.port if visit.given.scheme == "http" else 0)
    if not port and site.port != 443:
        what = "https is not at port 443, so the port of plain http is not known"
        raise NotCheckedError(what, "--http-port PORT")
    plain = Web(Site("http", site.host, port or 80))
    path = visit.hub("login?next=%2Fx")
    try:
        answer = plain.ask(path)
    except NoAnswerError:
        return Finding(OK, f"nothing answers at port {plain.site.port}")
    if answer.location == site.origin + path:
        return Finding(OK, f"{plain.site.origin} leads to the same path of https")
    if answer.location.startswith("https://"):
        return Finding(PROBLEM, f"http leads to {answer.location}, not to {site.origin}{path}")
    return Finding(PROBLEM, f"{plain.site.origin} answers {answer.status} itself, without https")
