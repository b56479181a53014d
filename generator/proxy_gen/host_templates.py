"""Renders what is not Kubernetes: the documents of `templates/`, with Jinja2."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import jinja2

from .host_place import exec_line


def render(name: str, **context: Any) -> str:
    """The document `templates/host/<name>` with its names filled in; a missing one is an error."""
    return render_from("host", name, {"exec": exec_line}, context)


def render_from(
    folder: str, name: str, filters: Mapping[str, Callable[..., Any]], context: Mapping[str, Any]
) -> str:
    """The document `templates/<folder>/<name>`, which has `filters` beside Jinja2's own."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("proxy_gen", f"templates/{folder}"),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        # These documents are configuration files and not pages.
        autoescape=False,  # noqa: S701
    )
    environment.filters.update(filters)
    return environment.get_template(name).render(context)
