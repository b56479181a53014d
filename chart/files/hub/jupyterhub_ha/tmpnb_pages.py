"""The few pages of temporary notebooks, each in one piece: many may ask for them at once. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from html import escape
from typing import Any, Final

from .tmpnb_line import Place
from .tmpnb_settings import Text

_PAGE: Final = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
{head}
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 1.1rem/1.5 system-ui, sans-serif; max-width: 34rem; margin: 18vh auto 0;
  padding: 0 1.5rem; }}
h1 {{ font-size: 1.6rem; line-height: 1.25; }}
.button {{ display: inline-block; padding: .6rem 1.2rem; border-radius: .4rem; background: #c2410c;
  color: #fff; text-decoration: none; }}
table {{ border-collapse: collapse; width: 100%; }}
th, td {{ border-bottom: 1px solid #8886; padding: .25rem 0; text-align: left; }}
td {{ text-align: right; font-variant-numeric: tabular-nums; }}
</style>
</head>
<body>
<main>
<h1>{title}</h1>
{body}
</main>
</body>
</html>
"""
_NO_INDEX: Final = '<meta name="robots" content="noindex">'

# What the page says in place of the names in the report.
_ROWS: Final = {
    "pool: wanted": "Wanted in the pool",
    "pool: ready": "Ready in the pool",
    "pool: starting": "Starting",
    "pool: old": "Ready, with an older image",
    "claimed": "Claimed by visitors",
    "ending": "Ending",
    "waiting": "Visitors waiting in the line",
    "spawn seconds: p50": "Seconds to start, for half of them at most",
    "spawn seconds: p99": "Seconds to start, for 99 of 100 at most",
    "spawn seconds: of": "Starts that were timed",
    "claims": "Claimed so far",
    "ended: idle": "Ended so far: idle",
    "ended: age": "Ended so far: of age",
    "ended: dead": "Ended so far: did not answer",
    "ended: stopped": "Ended so far: stopped by themselves",
    "ended: surplus": "Ended so far: not needed",
    "failures": "Failed to start so far",
}

# Asks whether a server is there, and then for the page itself, which claims it.
_WAITING_SCRIPT: Final = """\
<script>
(function () {
  var pause = %(seconds)s;
  var place = document.getElementById("place");
  function later(seconds) { setTimeout(ask, seconds * 1000); }
  function ask() {
    fetch(%(url)s, {credentials: "same-origin", cache: "no-store"}).then(function (answer) {
      if (!answer.ok) { throw new Error(answer.status); }
      return answer.json();
    }).then(function (found) {
      if (found.go) { location.reload(); return; }
      place.textContent = found.place + " of " + found.of;
      pause = found.again;
      later(pause);
    }).catch(function () { pause = Math.min(2 * pause, 60); later(pause); });
  }
  later(pause);
})();
</script>
"""


def preview(text: Text) -> str:
    """For robots and previews of links."""
    title, description = escape(text.title), escape(text.text)
    head = (
        f'<meta name="description" content="{description}">\n'
        f'<meta property="og:title" content="{title}">\n'
        f'<meta property="og:description" content="{description}">\n'
        '<meta property="og:type" content="website">'
    )
    return _page(text.title, f"<p>{description}</p>", head)


def come_again(url: str) -> str:
    """For a browser that has just got the cookie: it comes again by itself."""
    link = escape(url)
    head = f'{_NO_INDEX}\n<meta http-equiv="refresh" content="0; url={link}">'
    body = f'<p>If nothing happens, <a href="{link}">go on here</a>.</p>'
    return _page("Opening a notebook", body, head)


def no_cookies(url: str) -> str:
    """For a browser that did not bring the cookie back."""
    body = (
        "<p>This site needs a cookie to know which notebook is yours. Allow cookies for it; if you "
        "see this within another page, "
        f'<a class="button" href="{escape(url)}" target="_blank">open it in its own tab</a></p>'
    )
    return _page("Your browser keeps no cookies", body, _NO_INDEX)


def waiting(text: Text, place: Place, ask_url: str) -> str:
    """For a visitor in the line; goes on by itself, slower without JavaScript."""
    script = _WAITING_SCRIPT % {"seconds": place.again, "url": _in_script(ask_url)}
    seconds = max(math.ceil(place.again), 3)
    head = f'{_NO_INDEX}\n<noscript><meta http-equiv="refresh" content="{seconds}"></noscript>'
    body = (
        f"<p>{escape(text.text)}</p>\n"
        "<p>Your place in the line: "
        f'<strong id="place" role="status">{place.place} of {place.of}</strong></p>\n{script}'
    )
    return _page(text.title, body, head)


def too_many(seconds: float) -> str:
    """For a visitor whose address has taken as many servers as it may in a minute."""
    wait = math.ceil(seconds)
    head = f'{_NO_INDEX}\n<meta http-equiv="refresh" content="{wait}">'
    body = (
        "<p>Many notebooks were opened from your network within the last minute. "
        f"This page goes on by itself in {wait} seconds.</p>"
    )
    return _page("One moment, please", body, head)


def starting() -> str:
    """For a visitor whose own server is being looked at, as after a restart of the hub."""
    head = f'{_NO_INDEX}\n<meta http-equiv="refresh" content="2">'
    return _page("One moment, please", "<p>Your notebook is being opened.</p>", head)


def gone(text: Text, new_url: str) -> str:
    """For a visitor whose server has ended, or is somebody else's."""
    body = (
        f"<p>{escape(text.text)}</p>\n"
        f'<p><a class="button" href="{escape(new_url)}">Open a new notebook</a></p>'
    )
    return _page(text.title, body, _NO_INDEX)


def statistics(document: Mapping[str, Any]) -> str:
    """The report of the pool as a table."""
    rows = "\n".join(
        f"<tr><th>{escape(name)}</th><td>{escape(_shown(value))}</td></tr>"
        for name, value in _flat(document)
    )
    head = f'{_NO_INDEX}\n<meta http-equiv="refresh" content="10">'
    return _page("Temporary notebooks", f"<table>\n{rows}\n</table>", head)


def _page(title: str, body: str, head: str) -> str:
    return _PAGE.format(title=escape(title), body=body, head=head)


def _in_script(text: str) -> str:
    """A text for a script in HTML, where `</script>` would end it."""
    return json.dumps(text).replace("<", "\\u003c")


def _flat(document: Mapping[str, Any], before: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for key, value in document.items():
        name = f"{before}{key.replace('_', ' ')}"
        if isinstance(value, Mapping):
            found += _flat(value, f"{name}: ")
        else:
            found.append((_ROWS.get(name, name.capitalize()), value))
    return found


def _shown(value: Any) -> str:
    return "" if value is None else str(value)
