"""The package jsonschema, imported without the second that one of its options costs."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any


def validator(schema: Mapping[str, Any]) -> Any:
    """Return jsonschema's validator for the draft that ``schema`` names, made for ``schema``."""
    load()
    from jsonschema.validators import validator_for

    return validator_for(schema)(schema)


def load() -> None:
    """Import jsonschema.

    On import it looks for optional checkers of formats, and one of them (rfc3987_syntax) compiles
    its grammars for a second each time. Nothing here checks formats, so it is hidden meanwhile.
    """
    name = "rfc3987_syntax"
    if "jsonschema" in sys.modules or name in sys.modules:
        return
    sys.modules[name] = None  # type: ignore[assignment]  # the import system's word for "absent"
    try:
        import jsonschema  # noqa: F401
    finally:
        del sys.modules[name]
