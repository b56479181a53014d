"""Certificates in etcd, where all Traefik replicas read them at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .certificate import Pair, self_signed
from .errors import EtcdUnavailableError
from .etcd_client import EtcdClient

OWN = "jupyterhub-certificates/"
"""Prefix of what whoever publishes keeps in etcd for itself; Traefik does not read it."""
STATUS_KEY = f"{OWN}status"
LOCK_KEY = f"{OWN}lock"
PLACEHOLDER = "there is no certificate yet"


def tls_prefix(root_key: str) -> str:
    """Prefix of all that Traefik is told of TLS through etcd."""
    return f"{root_key}/tls/"


def keys(root_key: str, pairs: Sequence[Pair]) -> dict[str, str]:
    """The keys with which Traefik shows these certificates, each to clients that ask for its hosts.

    The first is also shown to clients that name no host or another one. Traefik takes PEM text
    where it takes the name of a file, so no replica needs a file.
    """
    prefix = tls_prefix(root_key)
    places = [(f"{prefix}certificates/{i}/", pair) for i, pair in enumerate(pairs)]
    places += [(f"{prefix}stores/default/defaultCertificate/", pair) for pair in pairs[:1]]
    wanted: dict[str, str] = {}
    for place, pair in places:
        wanted[f"{place}certFile"] = pair.crt
        wanted[f"{place}keyFile"] = pair.key
    return wanted


class Publisher:
    """What Traefik serves, as whoever holds the lock wants it."""

    def __init__(self, client: EtcdClient, root_key: str = "traefik") -> None:
        self._client = client
        self._root_key = root_key

    async def publish(self, pairs: Sequence[Pair], unchanged: Mapping[str, int]) -> bool:
        """Have Traefik serve exactly these certificates; whether anything had to be changed.

        With none, what is served stays; where nothing is, Traefik is given one that nobody trusts,
        since without any it draws an RSA key at each change of a route. EtcdUnavailableError when
        the lock, which `unchanged` compares, is somebody else's.
        """
        found, _ = await self._client.range(tls_prefix(self._root_key), prefix=True)
        present = {pair.key: pair.value for pair in found}
        if not pairs and present:
            return False
        wanted = keys(self._root_key, pairs) if pairs else self._placeholder()
        puts = {key: value for key, value in wanted.items() if present.get(key) != value}
        deletes = sorted(present.keys() - wanted.keys())
        if not puts and not deletes:
            return False
        done = await self._client.txn(unchanged=unchanged, puts=puts, deletes=deletes)
        if not done.succeeded:
            raise EtcdUnavailableError("the lock was lost before the certificates were published")
        return True

    def _placeholder(self) -> dict[str, str]:
        place = f"{tls_prefix(self._root_key)}stores/default/defaultCertificate/"
        crt, key = self_signed(PLACEHOLDER)
        return {f"{place}certFile": crt, f"{place}keyFile": key}

    async def tell(self, status: str) -> None:
        """Write the status, a JSON object, for whoever asks etcd."""
        await self._client.put(STATUS_KEY, status)
