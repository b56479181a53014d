"""The secrets file: a values file that only its owner can read, with the day of each secret."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import certificates, secrets, values, yaml_text
from .errors import UsageError
from .files import write_atomically

MODE = 0o600

_HEAD = """\
# The secrets of a JupyterHub deployment, written by `proxy-gen secrets`; keep it out of git.
# Give it after the other values: helm upgrade ... -f values.yaml -f THIS_FILE
"""
_DRAWN = re.compile(r"^# drawn (\d{4}-\d\d-\d\d): (\S+)$", re.MULTILINE)


@dataclass(frozen=True)
class SecretFile:
    """The values in a secrets file, and the day on which each secret was drawn, by its name."""

    tree: dict[str, Any]
    drawn: Mapping[str, datetime.date]
    comments: bool = False
    """Whether somebody wrote comments into it, which rewriting it would lose."""


@dataclass(frozen=True)
class Entry:
    """What ``proxy-gen secrets --list`` says of one secret; never its value."""

    name: str
    there: bool
    drawn: datetime.date | None = None
    expires: datetime.date | None = None
    remark: str = ""


def refuse_foreign(file: Path) -> None:
    """Raise UsageError for a file that somebody else wrote: rewriting it would spoil it."""
    try:
        text = file.read_text(encoding="utf-8") if file.exists() else ""
    except (OSError, UnicodeDecodeError):  # whoever reads it says more
        return
    if text.strip() and _HEAD.splitlines()[0] not in text.splitlines():
        raise UsageError(
            f"{file}: not written by `proxy-gen secrets`, which would rewrite it and lose its "
            "comments; name another file, such as secrets.yaml, and give both to helm or proxy-gen"
        )


def read(file: Path) -> SecretFile:
    """Read the secrets file; an absent or empty one has no secrets. Raises as values.read does."""
    if not file.exists():
        return SecretFile({}, {})
    tree = values.read([file]).data
    text = file.read_text(encoding="utf-8")
    drawn = {}
    for day, name in _DRAWN.findall(text):
        try:
            drawn[name] = datetime.date.fromisoformat(day)
        except ValueError:  # a comment that somebody changed is worth no failure
            continue
    lines = [line for line in text.splitlines() if re.match(r"\s*#", line)]
    ours = {*_HEAD.splitlines(), *(match.group(0) for match in _DRAWN.finditer(text))}
    return SecretFile(tree, drawn, comments=any(line not in ours for line in lines))


def write(file: Path, content: SecretFile) -> None:
    """Replace the secrets file in one step, mode 0600; raises OutputError."""
    days = "".join(f"# drawn {day}: {name}\n" for name, day in sorted(content.drawn.items()))
    # The folder of a link stays, and so does the link.
    write_atomically(file.resolve(), _HEAD + days + yaml_text.dump(content.tree), mode=MODE)


def entries(content: SecretFile, today: datetime.date) -> list[Entry]:
    """Say of every secret whether it is there, when it was drawn and when it expires."""
    ca = values.get(content.tree, ("proxy", "etcd", "tls", "ca", "crt"))
    found = []
    for secret in secrets.SECRETS:
        value = secrets.get(content.tree, secret)
        if value is None:
            found.append(Entry(secret.name, there=False, remark="missing"))
        elif secret.kind == "pair":
            found.append(_certificate_entry(secret.name, value, ca, today))
        else:
            found.append(Entry(secret.name, there=True, drawn=content.drawn.get(secret.name)))
    return found


def _certificate_entry(name: str, value: Any, ca: Any, today: datetime.date) -> Entry:
    crt = value.get("crt", "") if isinstance(value, Mapping) else ""
    try:
        facts = certificates.read(str(crt))
        trusted = not ca or certificates.is_signed_by(str(crt), str(ca))
    except UsageError as error:
        return Entry(name, there=True, remark=str(error))
    expires = facts.not_after.date()
    remark = ""
    if not trusted:
        remark = "not signed by proxy.etcd.tls.ca: rotate it"
    elif expires <= today:
        remark = "expired: rotate it"
    elif (expires - today).days < 30:
        remark = "expires soon: rotate it"
    return Entry(name, True, facts.not_before.date(), expires, remark)
