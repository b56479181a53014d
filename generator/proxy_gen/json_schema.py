"""The package jsonschema, imported without the second that one of its options costs."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

_FORMAT_CHECKERS = (
    "fqdn",
    "isoduration",
    "jsonpointer",
    "rfc3987_syntax",
    "uri_template",
    "webcolors",
)


def validator(schema: Mapping[str, Any]) -> Any:
    """Return jsonschema's validator for the draft that ``schema`` names, made for ``schema``."""
    load()
    from jsonschema.validators import validator_for

    return validator_for(schema)(schema)


def load() -> None:
    """Import jsonschema.

    On import it looks for optional checkers of formats, and where they are installed they cost more
    than all else here: one of them (rfc3987_syntax) compiles its grammars for a second each time.
    Nothing here checks formats, so they are hidden meanwhile.
    """
    if "jsonschema" in sys.modules:
        return
    hidden = [name for name in _FORMAT_CHECKERS if name not in sys.modules]
    for name in hidden:
        sys.modules[name] = None  # type: ignore[assignment]  # the import system's "absent"
    try:
        import jsonschema  # noqa: F401
    finally:
        for name in hidden:
            del sys.modules[name]
