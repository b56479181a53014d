"""From values to documents, as fast as helm; where it refuses, every problem is explained."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from jupyterhub_ha.errors import CertificateError

from . import chart, secrets, stream, values
from .errors import Problem, ProblemsError, ToolError
from .helm import Release, Template
from .stream import Document
from .values import Values

# `path: what; cure`, one line for each refusal of the chart's templates/validate.yaml.
_REFUSAL = re.compile(r"^\s*(?:- )?(?P<path>[A-Za-z][\w.\[\]\"/@*<>-]*): (?P<text>\S.*)$")
_PLACE = re.compile(r"\((?P<file>[^()\s]+\.(?:ya?ml|tpl|txt)):(?P<line>\d+)(?::\d+)?\)")


@dataclass(frozen=True)
class Rendered:
    """The objects that values make, and the names of the secrets that are placeholders."""

    documents: tuple[Document, ...]
    placeholders: tuple[str, ...] = ()


def render(
    given: Values, release: Release | None = None, *, folder: Path | None = None
) -> Rendered:
    """Render the chart with ``given``; secrets that are not given become placeholders.

    (Not so for a live release, which keeps its own.) So the same values make the same bytes. Raises
    ProblemsError with everything that the schema and the chart's rules refuse, ToolError where helm
    cannot be used or the chart is broken.
    """
    folder, release = folder or chart.find(), release or Release()
    # What a live release lacks in values, the chart takes from its Secrets.
    whole, absent = (given.data, []) if release.live else with_placeholders(given.data)
    values_json = Values(whole).to_json()
    with Template(folder, values_json, release, check_schema=True) as template:
        text, failure = template.result()
    if failure:
        # Only now the slower way, which finds all problems at once and explains them: helm leaves
        # the chart's rules out where the schema refuses.
        _explain(failure, given, folder, values_json, release)
    if problems := certificate_problems(given):
        raise ProblemsError(problems)
    return Rendered(tuple(stream.split(text)), tuple(absent))


def _explain(
    first: str, given: Values, folder: Path, values_json: str, release: Release
) -> NoReturn:
    with Template(folder, values_json, release) as template:
        problems = schema_problems(given, folder)  # helm is at work meanwhile
        _, failure = template.result()
    if failure:
        problems += refusals(failure, given, strict=not problems)
    problems += certificate_problems(given)
    if problems:
        raise ProblemsError(sorted(set(problems)))
    raise ToolError(f"helm template failed: {_shortened(first)}")


def schema_problems(given: Values, folder: Path) -> list[Problem]:
    """Return what the chart's schema finds wrong with ``given``."""
    from . import schema

    return schema.check(given, chart.schema(folder), chart.defaults(folder))


def certificate_problems(given: Values) -> list[Problem]:
    """Return what is wrong with the certificate for browsers that stands in the values.

    helm cannot tell: it reads no key. Traefik would serve a certificate of its own instead.
    """
    https = values.get(given.data, ("proxy", "https"), {})
    parts = {part: values.get(https, ("manual", part)) for part in ("cert", "key")}
    wanted = values.get(https, ("enabled",)) and values.get(https, ("type",)) == "manual"
    if not wanted or not all(isinstance(text, str) and text for text in parts.values()):
        return []  # the chart tells what is missing
    from jupyterhub_ha.certificate import Pair, check, facts  # slow to import

    part = "cert"
    try:
        facts(parts["cert"])
        part = "key"
        check(Pair(parts["cert"], parts["key"]))
    except CertificateError as error:
        what, _, cure = str(error).partition("; ")
        keys = ("proxy", "https", "manual", part)
        file, line = given.place(keys)
        return [Problem(file, line, values.path_text(keys), what, cure, rule="certificate")]
    return []


def with_placeholders(given: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return ``given`` with a placeholder for each missing secret, and the names of these.

    Raises nothing for a shape that is wrong: where a mapping is missing on the way to a secret,
    something else stands there, and the schema says so.
    """
    absent = []
    whole = dict(given)
    # Certificates belong together: where some are given, the chart says which ones are missing.
    some_pair = any(secret.kind == "pair" for secret, _ in secrets.walk(given))
    for secret in secrets.SECRETS:
        if secret.kind == "pair" and some_pair:
            continue
        if secrets.get(given, secret) is None and _is_free(given, secret):
            value = secrets.get(secrets.placeholders(), secret)
            tree: dict[str, Any] = {secret.keys[-1]: value}
            for key in reversed(secret.keys[:-1]):
                tree = {key: tree}
            whole = values.merge(whole, tree)
            absent.append(secret.name)
    return whole, absent


def refusals(failure: str, given: Values, *, strict: bool = True) -> list[Problem]:
    """Read the chart's refusals out of what helm printed when it failed.

    The chart prints ``path: what; cure`` lines. Where helm failed for another reason, that is
    either the consequence of a wrong shape (``strict`` is false: the schema has told already,
    nothing is returned) or a fault of the chart (ToolError).
    """
    problems = []
    head, _, body = failure.partition("\n")
    lines = [*([head.rpartition("): ")[2]] if "): " in head else []), *body.splitlines()]
    for line in lines:
        match = _REFUSAL.match(line)
        if match is None or line.startswith(("Error:", "Use --debug", "level=")):
            continue
        what, _, cure = match["text"].partition("; ")
        keys = values.path_keys(match["path"])
        file, number = given.place(keys)
        problems.append(Problem(file, number, match["path"], what, cure, rule="chart"))
    if problems or not strict:
        return problems
    place = _PLACE.search(failure)
    where = f" at {place['file']}:{place['line']}" if place else ""
    raise ToolError(f"helm template failed{where}: {_shortened(failure)}")


def _is_free(given: Mapping[str, Any], secret: secrets.Secret) -> bool:
    node: Any = given
    for key in secret.keys[:-1]:
        node = node.get(key, {})
        if not isinstance(node, Mapping):
            return False
    return True


def _shortened(failure: str) -> str:
    lines = [line for line in failure.splitlines() if line and not line.startswith("Use --debug")]
    return "\n".join(lines[-20:]).removeprefix("Error: ")
