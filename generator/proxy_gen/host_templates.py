"""Renders what is not Kubernetes: the documents of `templates/host/`, with Jinja2."""

from __future__ import annotations

from typing import Any

import jinja2

from .host_place import exec_line


def render(name: str, **context: Any) -> str:
    """The document `templates/host/<name>` with its names filled in; a missing one is an error."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("proxy_gen", "templates/host"),
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        # These documents are configuration files and not pages.
        autoescape=False,  # noqa: S701
    )
    environment.filters["exec"] = exec_line
    return environment.get_template(name).render(**context)
