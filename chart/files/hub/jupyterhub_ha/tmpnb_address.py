"""Who a visitor is by address, and how many servers one address may take. Pure: no I/O.

The address is the last one in X-Forwarded-For that no trusted proxy in front of ours has: a proxy
writes the address that it sees behind what the client claims. X-Real-IP is not read, since not
every proxy writes it, and a client may.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

_MINUTE = 60.0
_IPV6_NETWORK = 64

Network = IPv4Network | IPv6Network


def client_address(peer: str, forwarded_for: str, trusted: Sequence[Network]) -> str:
    """The client's address; `peer` is who connected to the hub, usually our own proxy.

    With nothing but trusted addresses it is the first one, as these are believed.
    """
    claimed = [text.strip() for text in forwarded_for.split(",") if text.strip()]
    found = peer
    for text in reversed(claimed):
        address = _address(text)
        if address is None:
            break  # no proxy writes that, so all before it is a client's
        found = str(address)
        if not any(address in network for network in trusted):
            break
    return found


def counted_as(address: str) -> str:
    """What counts as one address: of IPv6 a network of 64 bits, since each house has one."""
    found = _address(address)
    if isinstance(found, IPv6Address):
        return str(ip_network((found, _IPV6_NETWORK), strict=False))
    return str(found or address)


def _address(text: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(found, "ipv4_mapped", None) or found


class AddressLimit:
    """At most so many servers for one address in a minute; 0: no limit."""

    def __init__(self, per_minute: int) -> None:
        self._per_minute = per_minute
        self._taken: dict[str, deque[float]] = {}

    def wait(self, address: str, now: float) -> float:
        """Seconds until this address may take a server; 0: now."""
        self._forget(now)
        taken = self._taken.get(address)
        if not self._per_minute or not taken or len(taken) < self._per_minute:
            return 0.0
        return taken[-self._per_minute] + _MINUTE - now

    def took(self, address: str, now: float) -> None:
        """Note that it has taken one."""
        self._taken.setdefault(address, deque()).append(now)

    def gave_back(self, address: str) -> None:
        """The last one that it took was of no use."""
        if taken := self._taken.get(address):
            taken.pop()

    def _forget(self, now: float) -> None:
        for address, taken in list(self._taken.items()):
            while taken and taken[0] <= now - _MINUTE:
                taken.popleft()
            if not taken:
                del self._taken[address]
