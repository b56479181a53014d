"""kube-score's opinion of every object, but for the checks that do not fit a hub."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from typing import Any

from proxy_gen import stream
from proxy_gen.errors import Problem
from proxy_gen.lint import Subject
from proxy_gen.lint_rules.kubernetes import schema_version
from proxy_gen.stream import Document
from proxy_gen.tools import find_tool

RULE = "kube-score"
_CRITICAL = 1
_SHOWN = 500

# Each one with the reason why it is not for a hub.
IGNORED: Mapping[str, str] = {
    "container-image-pull-policy": "tags are pinned; a node that has the image needs no registry",
    "container-ephemeral-storage-request-and-limit": "hardly any cluster accounts for it",
    "container-security-context-user-group-id": "the stock images' users are below 10000",
    "container-resources": "requests and limits are the user's choice, as in Z2JH",
    "networkpolicy-targets-pod": "our selectors check knows the pods that the hub starts, too",
}
# The same for one component: the folder of its templates.
EXCUSED: Mapping[tuple[str, str], str] = {
    ("hub", "container-security-context-readonlyrootfilesystem"): (
        "the user's code in hub.extraConfig may write anywhere, as in Z2JH"
    ),
    ("hub", "pod-probes-identical"): "both ask /hub/health, but liveness waits minutes longer",
    ("share", "pod-probes-identical"): "both ask /health, but liveness waits two minutes",
    ("certificates", "pod-probes"): (
        "its port is open only while an authority asks, and nobody else is sent there"
    ),
    ("proxy", "pod-probes-identical"): (
        "both ask /ping, which says 503 while Traefik drains; liveness waits much longer, and "
        "whether the routes are there is the startup probe's question"
    ),
}


def check(subject: Subject) -> Iterator[Problem]:
    """Yield what kube-score calls critical, or that it failed; raises ToolError if it is missing.

    It fails as a whole on an object that it cannot parse. That is a finding, too: the other rules
    look at the same objects, and say more about them.
    """
    documents = list(subject.documents)
    command = [
        str(find_tool("kube-score")),
        *("score", "-", "--output-format", "json"),
        *(argument for name in IGNORED for argument in ("--ignore-test", name)),
    ]
    minor = ".".join(schema_version(subject.kubernetes_version).split(".")[:2])
    command += ["--kubernetes-version", f"v{minor}"]
    try:
        done = subprocess.run(
            command, input=stream.join(documents), capture_output=True, text=True, check=False
        )
        scored = json.loads(done.stdout or "[]")
    except OSError as error:
        yield _failure(str(error.strerror))
        return
    except json.JSONDecodeError:
        yield _failure(done.stderr)
        return
    if done.returncode != 0 and not scored:
        yield _failure(done.stderr)
        return
    by_name = {(one.kind, one.name): one for one in documents}
    for scored_object in scored or []:
        yield from _problems(scored_object, by_name)


def _failure(said: str) -> Problem:
    text = " ".join(said.split())
    what = f"it failed, so it checked nothing: {text[-_SHOWN:] or 'it said nothing'}"
    return Problem("", 0, "kube-score", what, "mend that, or use --no-kube-score", RULE)


def _problems(
    scored: Mapping[str, Any], by_name: Mapping[tuple[str, str], Document]
) -> Iterator[Problem]:
    kind, name = scored["type_meta"]["kind"], scored["object_meta"]["name"]
    document = by_name.get((kind, name))
    file = f"manifests/{document.file_name}" if document else f"{kind}/{name}"
    for result in scored.get("checks") or []:
        check_id = result["check"]["id"]
        if result.get("skipped") or result.get("grade") != _CRITICAL:
            continue
        if document and (document.component, check_id) in EXCUSED:
            continue
        for comment in result.get("comments") or [{}]:
            what = str(comment.get("summary") or result["check"].get("comment") or "critical")
            cure = str(comment.get("description") or "")
            path = str(comment.get("path") or "")
            yield Problem(file, 0, path, f"{check_id}: {what}", cure, RULE)
