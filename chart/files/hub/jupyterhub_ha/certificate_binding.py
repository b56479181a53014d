"""An external account to which an authority binds the issuer's own (RFC 8555, section 7.3.4)."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field

_PLACE = "proxy.https.letsencrypt.externalAccountBinding"
_KEY = re.compile(r"[A-Za-z0-9_-]+")
_NEEDED = ("requires External Account Binding", "externalAccountRequired")


@dataclass(frozen=True, slots=True)
class Binding:
    """The key identifier that the authority gave, and the MAC key, which is secret."""

    key_id: str
    hmac_key: str = field(repr=False)

    @property
    def mark(self) -> str:
        """A text that changes with identifier and key, and tells nothing of the key."""
        digest = hashlib.sha256(self.hmac_key.encode()).hexdigest()
        return f"{self.key_id} {digest[:16]}"

    def variables(self) -> dict[str, str]:
        """What the program lego is told, where no list of processes shows it."""
        return {"LEGO_EAB": "true", "LEGO_EAB_KID": self.key_id, "LEGO_EAB_HMAC": self.hmac_key}


def is_key(text: str) -> bool:
    """Whether this is a MAC key as it is written: base64url without padding."""
    return bool(_KEY.fullmatch(text)) and len(text) % 4 != 1


def explained(error: str, binding: Binding | None) -> str:
    """An error with the cure where an external account is missing, or is refused."""
    if binding:
        error = error.replace(binding.hmac_key, "(secret)")
    if any(words in error for words in _NEEDED) and not binding:
        return (
            "the authority makes accounts only for those who have one with it already; set keyId"
            f" and hmacKey of {_PLACE} to what it gave you ({error})"
        )
    if binding and "complete registration" in error:
        return f"{error}; check keyId and hmacKey of {_PLACE}: some authorities take them once only"
    return error
