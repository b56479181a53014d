"""Every object against the strict schema of a Kubernetes version, offline."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from proxy_gen import json_schema
from proxy_gen.errors import Problem, UsageError
from proxy_gen.lint import Subject, problem
from proxy_gen.stream import Document
from proxy_gen.values import path_text

RULE = "kubernetes"


def check(subject: Subject) -> Iterator[Problem]:
    """Yield everything that the schemas find; raises UsageError for an unknown version."""
    version = schema_version(subject.kubernetes_version)
    custom = [document for document in subject.documents if _is_custom(document)]
    for document in subject.documents:
        if document not in custom:
            yield from _check(document, version)
    if custom:
        listed = ", ".join(str(document) for document in custom)
        subject.notes.append(
            f"not Kubernetes' own, so no schema is compared, and the cluster must know it: {listed}"
        )


def schema_version(wanted: str) -> str:
    """Return the full version whose schemas are there; an empty text means the newest.

    Raises UsageError that lists the known ones.
    """
    json_schema.load()
    import kubernetes_validate

    known: list[str] = list(dict.fromkeys(kubernetes_validate.utils.all_versions()))
    if not wanted:
        return known[-1]
    minor = ".".join(wanted.removeprefix("v").split(".")[:2])
    for version in known:
        if version.startswith(f"{minor}."):
            return version
    short = [".".join(version.split(".")[:2]) for version in known]
    raise UsageError(f"--kubernetes-version {wanted}: no schemas; known are {', '.join(short)}")


def _is_custom(document: Document) -> bool:
    """Whether a CustomResourceDefinition makes it; Kubernetes' own groups have short names."""
    group, slash, _ = str(document.data.get("apiVersion", "")).partition("/")
    return bool(slash) and "." in group and not group.endswith(".k8s.io")


def _check(document: Document, version: str) -> Iterator[Problem]:
    data = document.data
    api_version = str(data.get("apiVersion", ""))
    validator = _validator(document.kind, api_version, version)
    if validator is None:
        what = f"Kubernetes {version} has no {document.kind} in {api_version or 'no apiVersion'}"
        yield problem(document, "apiVersion", what, "use a version that it has", RULE)
        return
    for error in validator.iter_errors(data):
        path = path_text(tuple(error.absolute_path))
        yield problem(document, path, *_explain(error), RULE)


def _explain(error: Any) -> tuple[str, str]:
    if error.validator == "additionalProperties":
        known = error.schema.get("properties") or {}
        unknown = [str(key) for key in error.instance if key not in known]
        return f"unknown field {', '.join(unknown)}", _near(unknown[0] if unknown else "", known)
    if error.validator == "type":
        return f"{error.instance!r} has the wrong type", f"it must be {error.validator_value}"
    return str(error.message)[:200], "see the Kubernetes API reference"


def _near(key: str, known: Mapping[str, Any]) -> str:
    import difflib

    near = difflib.get_close_matches(key, known, n=1)
    return f"did you mean {near[0]}?" if near else f"known are {', '.join(sorted(known)[:12])}"


@cache
def _validator(kind: str, api_version: str, version: str) -> Any:
    from jsonschema.validators import Draft202012Validator
    from kubernetes_validate.utils import schema_contents
    from referencing import Resource

    # rbac.authorization.k8s.io/v1 is in role-rbac-v1.json
    group = re.sub(r"^([^./]*)(?:\.[^/]*)?/", r"\1-", api_version)
    folder = f"kubernetes-json-schema/v{version}-local-strict"
    try:
        schema = schema_contents(f"{folder}/{kind.lower()}-{group}.json", version)
    except FileNotFoundError:
        return None
    registry = Resource.from_contents(schema) @ _definitions(folder, version)
    return Draft202012Validator(schema, registry=registry)


@cache
def _definitions(folder: str, version: str) -> Any:
    from kubernetes_validate.utils import schema_contents
    from referencing import Registry, Resource

    contents = schema_contents(f"{folder}/_definitions.json", version)
    registry: Any = Registry()
    return Resource.from_contents(contents) @ registry
