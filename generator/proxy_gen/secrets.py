"""Every secret of a deployment as one tree of values: draw, rotate, list, placeholders; no I/O.

The tree has the paths of "Values for secrets" in docs/explanation/design.md, so a file with it is
a values file for Helm.
"""

from __future__ import annotations

import copy
import datetime
import difflib
import secrets as random
import string
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .errors import UsageError

if TYPE_CHECKING:  # cryptography is slow to import, and only drawing certificates needs it
    from .certificates import Leaf, Pair

CA_DAYS = 3650
LEAF_DAYS = 730
PLACEHOLDER = "PLACEHOLDER-run-proxy-gen-secrets"
MAX_MEMBERS = 5

# `helm upgrade` restarts them all by itself: a checksum of each secret is in the pods' annotations.
_HUB = "the hub"
_TRAEFIK = "every Traefik replica"
_CERTIFICATES = "what publishes certificates, where proxy.https needs it"
_ALL = "every etcd member, the hub and every Traefik replica"


@dataclass(frozen=True)
class Secret:
    """One secret: where it stands in the values, how it is drawn, who must restart after a change.

    ``kind`` is ``hex`` (64 hex digits), ``keys`` (a list of them), ``password`` or ``pair``
    (``crt`` and ``key``, PEM).
    """

    name: str
    kind: str
    restart: str
    note: str = ""

    @property
    def keys(self) -> tuple[str, ...]:
        """The keys that lead to it in the values."""
        return tuple(self.name.split("."))


SECRETS: tuple[Secret, ...] = (
    Secret("hub.cookieSecret", "hex", _HUB, "everybody has to log in again"),
    Secret(
        "hub.config.CryptKeeper.keys",
        "keys",
        _HUB,
        "the former key stays second in the list, so that what it encrypted can be read",
    ),
    Secret("proxy.secretToken", "hex", "the hub and configurable-http-proxy, where it is used"),
    Secret("proxy.traefik.api.password", "password", f"{_HUB} and {_TRAEFIK}"),
    Secret("proxy.traefik.dashboard.password", "password", _TRAEFIK),
    Secret(
        "proxy.etcd.auth.rootPassword",
        "password",
        "nothing",
        "tell etcd before the upgrade (etcdctl user passwd root), or the set-up cannot log in",
    ),
    Secret("proxy.etcd.auth.hubPassword", "password", _HUB, "the set-up Job tells etcd"),
    Secret(
        "proxy.etcd.auth.certificatesPassword",
        "password",
        _CERTIFICATES,
        "the set-up Job tells etcd",
    ),
    Secret(
        "proxy.etcd.tls.ca",
        "pair",
        _ALL,
        "all certificates are signed anew; old and new do not trust each other, so plan a pause",
    ),
    Secret("proxy.etcd.tls.server", "pair", "nothing: etcd reads it anew for each connection"),
    Secret("proxy.etcd.tls.hub", "pair", _HUB),
    Secret("proxy.etcd.tls.root", "pair", "nothing: the next set-up or maintenance Job reads it"),
    Secret("proxy.etcd.tls.traefik", "pair", _TRAEFIK),
    Secret("proxy.etcd.tls.certificates", "pair", _CERTIFICATES),
)

_CA = "proxy.etcd.tls.ca"
_BY_NAME = {secret.name: secret for secret in SECRETS}
_SIGNED = tuple(s.name for s in SECRETS if s.kind == "pair" and s.name != _CA)


def draw(
    existing: Mapping[str, Any] | None = None,
    *,
    etcd_name: str = "proxy-etcd",
    san: Sequence[str] = (),
    ca_days: int = CA_DAYS,
    leaf_days: int = LEAF_DAYS,
    now: datetime.datetime | None = None,
) -> dict[str, Any]:
    """Return ``existing`` with every missing secret drawn; nothing that is there is changed.

    ``etcd_name`` is the name of etcd's StatefulSet and Service, ``san`` further names or addresses
    of the members; ``ca_days`` and ``leaf_days`` are the validity of new certificates.
    Raises UsageError where half of a pair is there, or certificates without the CA to sign more.
    """
    from . import certificates

    tree = copy.deepcopy(dict(existing or {}))
    leaves = _leaves(etcd_name, san)
    absent = missing(tree)
    _refuse_orphans(tree, absent)
    for secret in SECRETS:  # the CA stands before what it signs
        if secret.name not in absent:
            continue
        if secret.kind != "pair":
            _put(tree, secret, _draw_plain(secret.kind))
        elif secret.name == _CA:
            _put(tree, secret, _pair_values(certificates.make_ca(days=ca_days, now=now)))
        else:
            signed = certificates.sign(_ca(tree), leaves[secret.name], days=leaf_days, now=now)
            _put(tree, secret, _pair_values(signed))
    return tree


def rotate(
    existing: Mapping[str, Any],
    name: str,
    *,
    etcd_name: str = "proxy-etcd",
    san: Sequence[str] = (),
    ca_days: int = CA_DAYS,
    leaf_days: int = LEAF_DAYS,
    now: datetime.datetime | None = None,
) -> tuple[dict[str, Any], list[Secret]]:
    """Draw the secret ``name`` anew; return the new tree and every secret that changed.

    A new CA signs all certificates anew. A new CryptKeeper key goes before the newest former one.
    Raises UsageError for an unknown name.
    """
    secret = find(name)
    tree = copy.deepcopy(dict(existing))
    former = get(tree, secret)
    changed = [secret]
    if secret.name == _CA:
        changed = [other for other in SECRETS if other.kind == "pair"]
    for other in changed:
        _remove(tree, other)
    tree = draw(tree, etcd_name=etcd_name, san=san, ca_days=ca_days, leaf_days=leaf_days, now=now)
    if secret.kind == "keys" and former:
        newest = former[0] if isinstance(former, list) else str(former).split(";")[0]
        _put(tree, secret, [*get(tree, secret), newest])
    return tree, changed


def placeholders() -> dict[str, Any]:
    """Return the whole tree with stable texts in place of secrets.

    Each text says what to do, and none is what its reader takes: a cookie secret and CryptKeeper
    keys that are not hexadecimal stop the hub, certificates that are not PEM stop etcd and Traefik.
    So a document rendered with them can be read and compared, but a cluster does not run it.
    """
    tree: dict[str, Any] = {}
    for secret in SECRETS:
        value: Any = PLACEHOLDER
        if secret.kind == "keys":
            value = [PLACEHOLDER]
        elif secret.kind == "pair":
            value = {"crt": f"{PLACEHOLDER}\n", "key": f"{PLACEHOLDER}\n"}
        _put(tree, secret, value)
    return tree


def find(name: str) -> Secret:
    """Return the secret called ``name``; raises UsageError that suggests the nearest name."""
    if name in _BY_NAME:
        return _BY_NAME[name]
    near = difflib.get_close_matches(name, _BY_NAME, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]}?" if near else f"known are: {', '.join(_BY_NAME)}"
    raise UsageError(f"{name}: no secret has this name; {hint}")


def get(tree: Mapping[str, Any], secret: Secret) -> Any:
    """Return the value of ``secret`` in ``tree``, or None where it is absent or empty."""
    node: Any = tree
    for key in secret.keys:
        if not isinstance(node, Mapping):
            return None
        node = node.get(key)
    if secret.kind == "pair" and isinstance(node, Mapping) and not any(node.values()):
        return None
    return node or None


def missing(tree: Mapping[str, Any]) -> list[str]:
    """Name the secrets that ``tree`` lacks, in the order in which they are drawn."""
    return [secret.name for secret in SECRETS if get(tree, secret) is None]


def etcd_name(values: Mapping[str, Any], release: str = "hub") -> str:
    """Name etcd's StatefulSet as the chart does from ``fullnameOverride`` and ``nameOverride``.

    As in Z2JH: a text is the prefix (empty by default), null means one made from the release.
    """
    prefix = values.get("fullnameOverride", "")
    if prefix is None:
        name = values.get("nameOverride") or "jupyterhub"
        prefix = release if name in release else f"{release}-{name}"
    return f"{prefix}-proxy-etcd" if prefix else "proxy-etcd"


def walk(tree: Mapping[str, Any]) -> Iterator[tuple[Secret, Any]]:
    """Yield every secret that ``tree`` has, with its value."""
    for secret in SECRETS:
        value = get(tree, secret)
        if value is not None:
            yield secret, value


def _leaves(etcd: str, san: Sequence[str]) -> dict[str, Leaf]:
    from . import certificates
    from .certificates import Leaf

    return {
        "proxy.etcd.tls.server": Leaf(
            sans=certificates.member_names(etcd, MAX_MEMBERS, san), server=True
        ),
        "proxy.etcd.tls.hub": Leaf(),
        "proxy.etcd.tls.root": Leaf(),
        "proxy.etcd.tls.traefik": Leaf(common_name="traefik"),
        "proxy.etcd.tls.certificates": Leaf(),
    }


def _refuse_orphans(tree: Mapping[str, Any], absent: Sequence[str]) -> None:
    for secret in SECRETS:
        value = get(tree, secret)
        if secret.kind != "pair" or value is None:
            continue
        if not isinstance(value, Mapping) or not (value.get("crt") and value.get("key")):
            if secret.name == _CA and set(absent).isdisjoint(_SIGNED):
                continue  # a CA whose key is kept elsewhere signs nothing here
            raise UsageError(f"{secret.name}: crt or key is missing; add it, or remove both")
    if _CA in absent and not set(_SIGNED) <= set(absent):
        raise UsageError(
            f"{_CA}: there are certificates but not the CA that signed them; "
            f"add it, or draw all anew with --rotate {_CA}"
        )


def _draw_plain(kind: str) -> Any:
    if kind == "hex":
        return random.token_hex(32)
    if kind == "keys":
        return [random.token_hex(32)]
    # Letters and digits need no quotes in YAML, shells, URLs and htpasswd files; 190 bits.
    return "".join(random.choice(string.ascii_letters + string.digits) for _ in range(32))


def _ca(tree: Mapping[str, Any]) -> Pair:
    from .certificates import Pair

    value = get(tree, _BY_NAME[_CA])
    if not value or not value.get("key"):
        raise UsageError(f"{_CA}: its key is needed to sign a certificate, and it is not there")
    return Pair(crt=value["crt"], key=value["key"])


def _pair_values(pair: Pair) -> dict[str, str]:
    return {"crt": pair.crt, "key": pair.key}


def _put(tree: dict[str, Any], secret: Secret, value: Any) -> None:
    node = tree
    for key in secret.keys[:-1]:
        if not isinstance(node.get(key), dict):
            if node.get(key):
                raise UsageError(f"{secret.name}: {key!r} is not a mapping")
            node[key] = {}
        node = node[key]
    node[secret.keys[-1]] = value


def _remove(tree: dict[str, Any], secret: Secret) -> None:
    node: Any = tree
    for key in secret.keys[:-1]:
        node = node.get(key) if isinstance(node, dict) else None
    if isinstance(node, dict):
        node.pop(secret.keys[-1], None)
