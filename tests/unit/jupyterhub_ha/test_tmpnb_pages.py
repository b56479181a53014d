"""Pages: whatever the texts are, they are text."""

import json
import re
from html.parser import HTMLParser

import pytest

from jupyterhub_ha import tmpnb_pages as pages
from jupyterhub_ha.tmpnb_line import Place
from jupyterhub_ha.tmpnb_settings import Text

EVIL = Text('<script>alert("title")</script>', "\"'><img src=x onerror=alert(1)>")
URL = '/hub/?x="><script>alert(1)</script>'


class Elements(HTMLParser):
    """Names of all elements, and attributes by element."""

    def __init__(self, html):
        super().__init__()
        self.found = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


PAGES = {
    "preview": pages.preview(EVIL),
    "come again": pages.come_again(URL),
    "no cookies": pages.no_cookies(URL),
    "waiting": pages.waiting(EVIL, Place(3, 9, False), URL),
    "too many": pages.too_many(12.3),
    "starting": pages.starting(),
    "gone": pages.gone(EVIL, URL),
    "statistics": pages.statistics({"<b>": {"<i>": "<u>"}, "none": None}),
}


@pytest.mark.parametrize("name", PAGES)
def test_nothing_of_a_text_becomes_markup(name):
    found = Elements(PAGES[name]).found
    tags = [tag for tag, _ in found]
    assert "img" not in tags
    assert tags.count("script") == (1 if name == "waiting" else 0)
    assert not {"b", "i", "u"} & set(tags)
    assert not any(key.startswith("on") for _, attrs in found for key in attrs)
    assert tags.count("h1") == tags.count("title") == 1


@pytest.mark.parametrize("name", PAGES)
def test_only_the_preview_is_for_an_index(name):
    robots = [a["content"] for t, a in Elements(PAGES[name]).found if a.get("name") == "robots"]
    assert robots == ([] if name == "preview" else ["noindex"])


def test_the_waiting_page_goes_on_with_and_without_javascript():
    page = pages.waiting(EVIL, Place(3, 9, False), URL)
    assert "3 of 9" in page
    assert '<noscript><meta http-equiv="refresh" content="3"></noscript>' in page
    (asked,) = re.findall(r"fetch\((\".*?\"), \{", page)
    assert json.loads(asked) == URL


def test_come_again_leads_on_without_javascript():
    found = Elements(pages.come_again("/hub/?a=1&b=2")).found
    (refresh,) = (a["content"] for _, a in found if a.get("http-equiv") == "refresh")
    assert refresh == "0; url=/hub/?a=1&b=2"
    assert ("a", {"href": "/hub/?a=1&b=2"}) in found
