"""Under which keys a notebook and what belongs to it are kept. Pure.

    notebooks/ID.ipynb                    the contents, once however many share them
    pages/ID-VERSION.html                 the same, rendered; may go at any time
    shares/ID/EXPIRES-SECRETHASH.json     one for each visitor who shares it
    owners/OWNERHASH/ID                   the key of that visitor's record

Nothing that is written is ever changed, so that several processes need no lock between them.
"""

from __future__ import annotations

import base64
import hashlib
import re
from typing import Final

# 26 letters of 5 bits each: nobody finds two notebooks of one name, or guesses a secret.
_LETTERS: Final = 26
_IDENTITY: Final = re.compile(rf"[a-z2-7]{{{_LETTERS}}}")
_RECORD: Final = re.compile(rf"shares/([a-z2-7]{{{_LETTERS}}})/([0-9]+)-([a-z2-7]+)\.json")
# The page of one notebook looks otherwise with another of these.
PAGE_VERSION: Final = 1


def digest(content: bytes | str) -> str:
    """130 bits of SHA-256, in small letters and digits."""
    data = content.encode() if isinstance(content, str) else content
    found = base64.b32encode(hashlib.sha256(data).digest()).decode().lower()
    return found[:_LETTERS]


def is_identity(text: str) -> bool:
    """Whether it may be the identity of a notebook, and so a part of a key."""
    return _IDENTITY.fullmatch(text) is not None


def notebook(identity: str) -> str:
    """The contents."""
    return f"notebooks/{identity}.ipynb"


def page(identity: str) -> str:
    """The rendered contents."""
    return f"pages/{identity}-{PAGE_VERSION}.html"


def pages() -> str:
    """What the keys of all pages begin with."""
    return "pages/"


def shares(identity: str = "") -> str:
    """What the keys of all records begin with, or those of one notebook."""
    return f"shares/{identity}/" if identity else "shares/"


def record(identity: str, expires: int, secret: str) -> str:
    """The record of one visitor who shares a notebook."""
    return f"shares/{identity}/{expires}-{digest(secret)}.json"


def read_record(key: str) -> tuple[str, int, str] | None:
    """Of a record's key: the notebook, when it expires, and the hash of the secret."""
    found = _RECORD.fullmatch(key)
    return (found[1], int(found[2]), found[3]) if found else None


def owner(name: str, identity: str = "") -> str:
    """Where a visitor's record of a notebook is named; without it, what all of them begin with."""
    return f"owners/{digest(name)}/{identity}"


def file_name(name: str) -> str:
    """A name for the notebook's file, without folders and what a shell or a URL would read."""
    stem = name.replace("\\", "/").rpartition("/")[2].removesuffix(".ipynb")
    plain = re.sub(r"[^\w .()-]+", "_", stem).strip(" .")[:80].strip()
    return f"{plain or 'notebook'}.ipynb"
