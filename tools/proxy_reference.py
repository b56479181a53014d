#!/usr/bin/env python3
"""Writes docs/reference/proxy.md from the traits of the proxy classes; `--check` only compares."""

from __future__ import annotations

import inspect
import sys
from typing import Any

import generated_page
from generated_page import ROOT
from jupyterhub.proxy import Proxy
from prometheus_client.metrics import MetricWrapperBase

import jupyterhub_ha
from jupyterhub_ha import metrics

PAGE = ROOT / "docs/reference/proxy.md"
HEAD = """# Proxy classes

The classes of `jupyterhub_ha` that `c.JupyterHub.proxy_class` takes, and their options. The chart
and `proxy-gen` set all of it; you need this page if you write a `jupyterhub_config.py` yourself.
Where the package was installed with pip, the short names `traefik-etcd`, `traefik-file` and
`in-process` will do for the classes:

```python
c.JupyterHub.proxy_class = "jupyterhub_ha.TraefikEtcdProxy"
c.TraefikEtcdProxy.endpoints = ["https://127.0.0.1:2379"]
```

<!-- Generated from the traits of the classes: make generate -->
"""


def classes() -> list[type[Proxy]]:
    """The public proxy classes, by name."""
    public = (getattr(jupyterhub_ha, name) for name in jupyterhub_ha.__all__)
    return [one for one in public if inspect.isclass(one) and issubclass(one, Proxy)]


def page() -> str:
    """The whole page."""
    return HEAD + "".join(f"\n{_section(one)}" for one in _with_bases(classes())) + _metrics()


def _with_bases(public: list[type[Proxy]]) -> list[type[Proxy]]:
    """The classes, and after them those that they have in common."""
    bases = (base for one in public for base in one.__mro__[1:])
    ours = [base for base in bases if issubclass(base, Proxy) and _is_ours(base)]
    return list(dict.fromkeys([*public, *ours]))


def _is_ours(one: type) -> bool:
    return one.__module__.partition(".")[0] == jupyterhub_ha.__name__


def _metrics() -> str:
    """The package's Prometheus metrics."""
    families = (one for one in vars(metrics).values() if isinstance(one, MetricWrapperBase))
    rows = []
    for family in families:
        (described,) = family.describe()
        # A counter's sample carries the ending that Prometheus gives it.
        name = described.name + ("_total" if described.type == "counter" else "")
        labels = ", ".join(f"`{label}`" for label in family._labelnames)
        rows.append(f"| `{name}` | {described.type} | {labels} | {described.documentation} |")
    head = "\n## Metrics\n\nOn the hub's own `/hub/metrics`.\n\n"
    return head + "\n".join(["| name | type | labels | meaning |", "|---|---|---|---|", *rows, ""])


def _section(proxy: type[Proxy]) -> str:
    lines = [f"## {proxy.__name__}", "", inspect.getdoc(proxy) or ""]
    for base in filter(_is_ours, proxy.__mro__[1:]):
        # A class takes its base's options under its own name too, and that wins.
        lines += ["", f"It has the options of [{base.__name__}](#{base.__name__.lower()}) too."]
    for name, trait in sorted(proxy.class_own_traits(config=True).items()):
        lines += ["", f"### `{proxy.__name__}.{name}`", "", inspect.cleandoc(trait.help)]
        lines += ["", f"Type: {_kind(trait)}. Default: `{_default(trait)}`."]
    return "\n".join(lines) + "\n"


def _kind(trait: Any) -> str:
    name = str(type(trait).__name__).lower()
    names = {
        "unicode": "text",
        "bool": "true or false",
        "float": "number",
        "integer": "whole number",
    }
    return names.get(name, name)


def _default(trait: Any) -> str:
    return str(trait.default_value_repr())


if __name__ == "__main__":
    sys.exit(generated_page.main(PAGE, page, __doc__))
