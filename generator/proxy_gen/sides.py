"""What ``proxy-gen diff`` compares: values files, a rendered folder, or a live release."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from . import helm, stream, tree, values
from .errors import UsageError
from .helm import Release
from .render import render
from .stream import Document
from .values import Overrides

_RELEASE = "release:"
_MANIFESTS = "manifests/"


@dataclass(frozen=True)
class Options:
    """How values are rendered: what stands on the command line, and for which release."""

    overrides: Overrides
    secrets: str | None
    release: Release


def beside(text: str, options: Options) -> Options:
    """The options with which values are rendered that are compared with the side ``text``.

    Beside a live release they are rendered as an upgrade of it would be: with its name and
    namespace, and with the secrets that it has.
    """
    if not text.startswith(_RELEASE):
        return options
    name, namespace = _release_name(text)
    namespace = namespace or options.release.namespace
    return replace(options, release=Release(name, namespace, live=True))


def load(text: str, options: Options) -> Sequence[Document]:
    """Return the objects of one side.

    ``text`` is ``release:NAME[@NAMESPACE]``, a folder that a render wrote, or values files with
    commas between them. Raises UsageError where it is none of them.
    """
    if text.startswith(_RELEASE):
        name, namespace = _release_name(text)
        return stream.split(helm.get_release(name, namespace or None, ["manifest"]))
    if Path(text).is_dir():
        files = tree.read(Path(text))
        manifests = [one for path, one in files.items() if path.startswith(_MANIFESTS)]
        return stream.split("".join(f"---\n{one}" for one in manifests))
    files_given = [text] if Path(text).exists() else text.split(",")
    for file in files_given:
        if file != values.STDIN and not Path(file).is_file():
            raise UsageError(
                f"{file}: neither a values file nor a rendered folder; "
                "a live release is written release:NAME@NAMESPACE"
            )
    given = values.read(files_given, options.overrides, secrets=options.secrets)
    return render(given, options.release).documents


def _release_name(text: str) -> tuple[str, str]:
    name, _, namespace = text.removeprefix(_RELEASE).partition("@")
    if not name:
        raise UsageError(f"{text}: the release has no name; write release:NAME@NAMESPACE")
    return name, namespace
