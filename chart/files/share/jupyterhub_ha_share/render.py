"""A notebook of a stranger as HTML that does nothing: text, tables and pictures.

nbconvert makes the HTML, and bleach takes from the whole of it what is not on the lists here; what
nbconvert itself cleans does not matter then. The service sends the result with a policy that
forbids scripts once more.
"""

from __future__ import annotations

import re
import warnings
from typing import Any, Final

import bleach
import nbformat
from bleach.css_sanitizer import ALLOWED_CSS_PROPERTIES, CSSSanitizer
from nbconvert.exporters import HTMLExporter
from nbformat.validator import NotebookValidationError

_TAGS: Final = """
    a abbr b blockquote br caption center cite code col colgroup dd del details div dl dt em figure
    figcaption font h1 h2 h3 h4 h5 h6 hr i img ins kbd li mark ol p pre q s samp small span strike
    strong sub summary sup table tbody td tfoot th thead tr tt u ul var
    """
_ATTRIBUTES: Final = """
    align alt border cellpadding cellspacing class color colspan dir height lang open rowspan scope
    start style title valign width
    """
_HEADINGS: Final = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
_STYLES: Final = ALLOWED_CSS_PROPERTIES | {
    *("border", "border-bottom", "border-left", "border-radius", "border-right"),
    *("border-top", "margin", "margin-bottom", "margin-left", "margin-right", "margin-top"),
    *("max-width", "padding", "padding-bottom", "padding-left", "padding-right", "padding-top"),
}
_LINK: Final = re.compile(r"(?:https?://|mailto:|#)", re.IGNORECASE)
_OUTWARD: Final = re.compile(r'<a (?=[^<>]*\bhref="(?!#))')
_PICTURE: Final = re.compile(r"data:image/(?:png|jpeg|gif|webp|svg\+xml);base64,[\w+/=\s]*")
# What can be shown, the best first. LaTeX is last: it is shown as its source.
_SHOWN: Final = (
    *("image/svg+xml", "image/png", "image/jpeg"),
    *("text/html", "text/markdown", "text/plain", "text/latex"),
)
NOT_SHOWN: Final = "This output is a program. Open the notebook in a server of your own to see it."


class NoNotebookError(Exception):
    """What was given cannot be taken for a notebook; the message says why."""


def checked(given: bytes) -> Any:
    """The notebook, in the newest format, with nothing in it that says that it may be trusted.

    Raises NoNotebookError. Jupyter believes a notebook that is saved with `trusted` in its cells:
    the scripts in its outputs would run when somebody opens it.
    """
    try:
        text = given.decode("utf-8")
        with warnings.catch_warnings():
            # Such as cells without identities, which get some.
            warnings.simplefilter("ignore")
            notebook = nbformat.reads(text, as_version=4)  # type: ignore[no-untyped-call]
            nbformat.validate(notebook)
    except UnicodeDecodeError as error:
        raise NoNotebookError("it is no text in UTF-8") from error
    except NotebookValidationError as error:
        raise NoNotebookError(
            f"it is not as nbformat describes a notebook: {error}"[:300]
        ) from error
    except RecursionError:
        raise
    except Exception as error:  # nbformat lets all that its converters stumble over through
        raise NoNotebookError(f"it cannot be read as a notebook: {error}"[:300]) from error
    notebook.metadata.pop("signature", None)
    for number, cell in enumerate(notebook.cells):
        cell.metadata.pop("trusted", None)
        # Identities are drawn where there are none; the same contents are to be the same.
        cell["id"] = f"c{number}"
    notebook["nbformat_minor"] = max(notebook.nbformat_minor, 5)
    return notebook


def rendered(notebook: Any) -> str:
    """The cells as HTML, without head and body. The notebook is left as it was."""
    shown = nbformat.from_dict(notebook)  # type: ignore[no-untyped-call]
    for cell in shown.cells:
        for output in cell.get("outputs", []):
            if "data" in output:
                output["data"] = _shown(output["data"])
    exporter = HTMLExporter(  # type: ignore[no-untyped-call]
        template_name="basic", sanitize_html=False
    )
    try:
        page, _ = exporter.from_notebook_node(shown)
    except (RecursionError, MemoryError):
        raise
    except Exception as error:  # such as a picture that Markdown names and the cell has not
        raise NoNotebookError(f"it cannot be shown: {error}"[:300]) from error
    return cleaned(page)


def cleaned(page: str) -> str:
    """HTML with nothing but what is on the lists."""
    styles = CSSSanitizer(allowed_css_properties=_STYLES)
    # What bleach leaves of these is their text, which nobody wants to read.
    text = re.sub(r"(?is)<(script|style)\b.*?</\1\s*>", "", page)
    found = bleach.clean(
        text,
        tags=_TAGS.split(),
        attributes=_is_allowed,
        protocols={"http", "https", "mailto", "data"},
        strip=True,
        strip_comments=True,
        css_sanitizer=styles,
    )
    # The page is in a frame; neither of the two attributes is on the lists.
    return _OUTWARD.sub('<a target="_blank" rel="noopener nofollow" ', found)


def _is_allowed(tag: str, name: str, value: str) -> bool:
    if name == "href":
        return tag == "a" and _LINK.match(value.strip()) is not None
    if name == "src":
        return tag == "img" and _PICTURE.fullmatch(value.strip()) is not None
    return name in _ATTRIBUTES.split() or (name == "id" and tag in _HEADINGS)


def _shown(data: dict[str, Any]) -> dict[str, Any]:
    """The one form of an output that is shown; widgets and scripts have none."""
    for kind in _SHOWN:
        if kind in data:
            # A table or a picture of a program is a text of it, or an empty element.
            content = "".join(data[kind]) if isinstance(data[kind], list) else data[kind]
            if kind == "text/html" and not _has_something(content):
                continue
            return {kind: content}
    return {"text/plain": NOT_SHOWN}


def _has_something(page: str) -> bool:
    text = cleaned(page)
    return "<img" in text or bool(re.sub(r"<[^>]*>|\s", "", text))
