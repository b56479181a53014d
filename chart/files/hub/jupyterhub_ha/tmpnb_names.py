"""Names of temporary users: unguessable, and fit for paths, pods, labels and DNS. Pure: no I/O."""

from __future__ import annotations

import math
import re
import secrets
import string
from typing import Final

_FIRST: Final = string.ascii_lowercase
_REST: Final = string.ascii_lowercase + string.digits
_LENGTH: Final = 25
_NAME: Final = re.compile(rf"[a-z][a-z0-9]{{{_LENGTH - 1}}}")

BITS: Final = math.log2(len(_FIRST)) + (_LENGTH - 1) * math.log2(len(_REST))
"""Of chance in a name."""


def new_name() -> str:
    """A name that nobody can guess, from the system's source of chance."""
    return secrets.choice(_FIRST) + "".join(secrets.choice(_REST) for _ in range(_LENGTH - 1))


def is_temporary(name: str) -> bool:
    """Whether a user's name is one that `new_name` could have given."""
    return _NAME.fullmatch(name) is not None
