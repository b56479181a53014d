"""Which values are secret: they are never shown, neither in messages nor in differences."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .secrets import PLACEHOLDER, SECRETS

MASK = "(secret)"

_WORDS = re.compile(
    r"password|passwd|passphrase|secret|token|credential|cookie|private_?key|api_?key|access_?key",
    re.IGNORECASE,
)
# Keys that only name where a secret is, or say how one is handled.
_NAMES = re.compile(
    r"existingsecret|secretname|secretkeyref|secretref|pullsecrets?|automountserviceaccounttoken"
    r"|serviceaccounttoken|tokenexpir|cookie_max_age|_file$|_url$|secrets$|^checksum/",
    re.IGNORECASE,
)
_KNOWN = frozenset(secret.name for secret in SECRETS) | {
    "proxy.https.letsencrypt.externalAccountBinding.hmacKey",
    "proxy.https.manual.key",
}
_PEM_KEY = "PRIVATE KEY-----"


def is_secret(path: Sequence[str | int], value: Any) -> bool:
    """Tell whether ``value`` at ``path`` must not be shown.

    Only texts and numbers are secret: whether a switch is on may be shown, and a mapping or list is
    judged by its parts.
    """
    if isinstance(value, Mapping | list | bool) or value in (None, ""):
        return False
    if isinstance(value, str) and _PEM_KEY in value:
        return True
    if value == PLACEHOLDER:
        return False
    keys = [str(key) for key in path if not isinstance(key, int)]
    if any(".".join(keys[:length]) in _KNOWN for length in range(1, len(keys) + 1)):
        return True
    return any(_WORDS.search(key) and not _NAMES.search(key) for key in keys)
