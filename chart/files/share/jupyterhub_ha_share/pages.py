"""The pages around shared notebooks, and the policies that they are sent with. Pure."""

from __future__ import annotations

import time
from html import escape
from typing import Final
from urllib.parse import quote

from .shares import Record

# Of our own pages: no script and no style but the service's own files.
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# Of what comes from visitors: an origin of its own, no scripts, and nothing from elsewhere. Links
# open in new windows, which are ordinary ones.
STRANGERS_POLICY: Final = (
    "default-src 'none'; img-src data:; style-src 'self' 'unsafe-inline'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'; "
    "sandbox allow-popups allow-popups-to-escape-sandbox"
)

_PAGE: Final = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
{head}<title>{title}</title>
<link rel="stylesheet" href="{prefix}static/share.css">
</head>
<body class="{kind}"{data}>
{body}
</body>
</html>
"""


def view(prefix: str, record: Record) -> str:
    """One notebook: what it is, the ways on, and a frame with its page."""
    title = record.title or record.name
    below = f"{prefix}{record.identity}"
    until = f"until {_day(record.expires)}" if record.expires else "until it is deleted"
    head = (
        f'<meta property="og:title" content="{escape(title)}">\n'
        '<meta property="og:description" content="A shared Jupyter notebook">\n'
        '<meta property="og:type" content="article">\n'
    )
    body = f"""\
<header>
<h1>{escape(title)}</h1>
<p>{escape(record.name)}, shared by a visitor on {_day(record.created)}, {until}.
Nobody has checked it.</p>
<nav>
<a class="button" rel="nofollow" href="{below}/open">Open in a server of your own</a>
<a rel="nofollow" href="{below}/{escape(quote(record.name))}" download>Download</a>
</nav>
</header>
<iframe title="The notebook" src="{below}/page"
 sandbox="allow-popups allow-popups-to-escape-sandbox"></iframe>"""
    return _page(prefix, title, body, kind="view", head=head)


def content(prefix: str, page: str) -> str:
    """What stands in the frame: the rendered notebook."""
    return _page(prefix, "Notebook", f"<main>\n{page}\n</main>", kind="content")


def mine(prefix: str, server: str, hub: str, max_size: int) -> str:
    """The page of a visitor: notebooks of the own server, and what is shared."""
    body = f"""\
<main>
<h1>Share a notebook</h1>
<p>Save it first. Who has the link sees the notebook with its outputs as it is now, also when your
server has ended, and may open a copy in a server of their own.</p>
<p id="status" role="status"></p>
<nav id="folders"></nav>
<ul id="notebooks"></ul>
<section id="created" hidden>
<h2>The link</h2>
<p><a id="link"></a></p>
<p>With this one you can delete it when your server is gone; keep it to yourself:
<a id="delete-link"></a></p>
</section>
<h2>What you share</h2>
<ul id="shares"></ul>
</main>
<script src="{prefix}static/common.js"></script>
<script src="{prefix}static/share.js"></script>"""
    data = {"prefix": prefix, "server": server, "hub": hub, "maxSize": str(max_size)}
    return _page(prefix, "Share a notebook", body, kind="mine", data=data)


def opening(prefix: str, server: str, record: Record, *, asks: bool) -> str:
    """Puts a copy into the visitor's own server, and goes there; at once, or when asked to."""
    body = f"""\
<main>
<h1>Opening {escape(record.name)}</h1>
<p id="status" role="status">A copy {"will be" if asks else "is being"} put into your server.</p>
<p><button id="open" class="button"{"" if asks else " hidden"}>Open a copy</button></p>
<noscript><p>This needs JavaScript.</p></noscript>
</main>
<script src="{prefix}static/common.js"></script>
<script src="{prefix}static/open.js"></script>"""
    source = f"{prefix}{record.identity}/{quote(record.name)}"
    data = {"prefix": prefix, "server": server, "source": source, "name": record.name}
    return _page(prefix, "Opening", body, kind="opening", data=data)


def deletion(prefix: str, identity: str) -> str:
    """For who has the secret, which stands behind `#` and so in no log."""
    body = f"""\
<main>
<h1>Delete a shared notebook</h1>
<p id="status" role="status">The link will be of no use any more.</p>
<p><button id="delete" class="button">Delete it</button></p>
</main>
<script src="{prefix}static/common.js"></script>
<script src="{prefix}static/delete.js"></script>"""
    data = {"prefix": prefix, "identity": identity}
    return _page(prefix, "Delete a shared notebook", body, kind="deletion", data=data)


def problem(prefix: str, text: str) -> str:
    """An error, for people."""
    body = (
        f'<main>\n<h1>{escape(text)}</h1>\n<p><a href="{prefix}">Share a notebook</a></p>\n</main>'
    )
    return _page(prefix, text, body, kind="problem")


def _page(
    prefix: str,
    title: str,
    body: str,
    *,
    kind: str,
    head: str = "",
    data: dict[str, str] | None = None,
) -> str:
    attributes = "".join(
        f' data-{"".join(f"-{c.lower()}" if c.isupper() else c for c in key)}="{escape(value)}"'
        for key, value in (data or {}).items()
    )
    return _PAGE.format(
        prefix=escape(prefix), title=escape(title), body=body, head=head, kind=kind, data=attributes
    )


def _day(seconds: int) -> str:
    return time.strftime("%Y-%m-%d", time.gmtime(seconds))
