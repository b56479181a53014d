"""Pictures in the documentation: small, in a page, with a text in their place and within."""

import base64
import re

import pytest
from tests.support.pictures import LARGEST, description, with_description
from tests.support.processes import ROOT
from tests.unit.jupyterhub_ha_share.test_render import PIXEL

PAGES = {page: page.read_text() for page in (ROOT / "docs").rglob("*.md")}
PICTURES = sorted((ROOT / "docs/images").glob("*.png"))


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.stem)
def test_a_picture_is_small_and_a_page_shows_it(picture):
    assert picture.stat().st_size < LARGEST
    shown = [
        alternative
        for page, text in PAGES.items()
        for alternative, target in re.findall(r"!\[([^]]+)\]\(([^)]+\.png)\)", text)
        if (page.parent / target).resolve() == picture
    ]
    assert [text for text in shown if len(text) > 20]


def test_the_pictures_of_temporary_notebooks_say_what_is_in_them():
    pictures = {picture.stem: description(picture.read_bytes()) for picture in PICTURES}
    assert "in a server that is yours alone" in pictures["tmpnb-visitor"]
    assert "Your place in the line: 0 of 0" in pictures["tmpnb-waiting"]
    assert "Claimed by visitors 0" in pictures["tmpnb-stats"]


def test_a_picture_keeps_its_text():
    pixel = base64.b64decode(PIXEL)
    assert description(pixel) == ""
    words = "Wörter, 0 of 0"
    written = with_description(pixel, words)
    assert description(written) == words
    # A chunk: its length, its kind, its body, a sum.
    assert len(written) == len(pixel) + 12 + len(b"Description\0\0\0\0\0") + len(words.encode())
