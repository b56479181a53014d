"""The user's own configuration code: files in `jupyterhub_config.d`, then `hub.extraConfig`."""

from __future__ import annotations

import linecache
import logging
from typing import Any

from jupyterhub_ha.values import BadValuesError, Values

_log = logging.getLogger("jupyterhub_ha")


def run_snippets(values: Values, namespace: dict[str, Any]) -> None:
    """Run every snippet with `namespace` as its global names, sorted by file name, then by key.

    An exception passes through with a note that names the snippet; its traceback shows the
    snippet's own lines. Raises BadValuesError for entries that are no text, before any runs.
    """
    snippets = [*_files(values), *_entries(values)]
    for name, source in snippets:
        _run(name, source, namespace)


def _files(values: Values) -> list[tuple[str, str]]:
    files = sorted(values.mounts.snippets.glob("*.py"), key=lambda file: file.name)
    return [(str(file), file.read_text(encoding="utf-8")) for file in files]


def _entries(values: Values) -> list[tuple[str, str]]:
    entries = values.mapping("hub.extraConfig")
    wrong = [key for key, source in entries.items() if not isinstance(source, str | None)]
    if wrong:
        raise BadValuesError(
            [
                f"hub.extraConfig.{key}: Python code as text is needed; "
                "hub.config takes traits as a mapping"
                for key in sorted(wrong)
            ]
        )
    return [(f"hub.extraConfig.{key}", entries[key]) for key in sorted(entries) if entries[key]]


def _run(name: str, source: str, namespace: dict[str, Any]) -> None:
    _log.info("running %s", name)
    # In the cache of lines, or a traceback could not show them: the text has no file.
    linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
    try:
        exec(compile(source, name, "exec"), namespace)  # noqa: S102 - it is the user's own code
    except Exception as error:
        error.add_note(f"raised by the configuration snippet {name}")
        raise
