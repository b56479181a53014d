"""Who asks, and where it leads."""

import pytest

from jupyterhub_ha.tmpnb_visit import (
    Visitor,
    is_allowed_origin,
    local_path,
    server_of_client,
    server_path,
    visitor,
)

HTML = "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"


@pytest.mark.parametrize(
    ("agent", "robot"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", False),
        ("Mozilla/5.0 (Linux; Android 9; CUBOT X19) AppleWebKit/537.36 Chrome/120 Mobile", False),
        ("Mozilla/5.0 (iPhone) AppleWebKit/605 Mobile/15E148 [Pinterest/iOS]", False),
        ("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)", True),
        ("Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", True),
        ("Mozilla/5.0 (compatible; Discordbot/2.0; +https://discordapp.com)", True),
        ("facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", True),
        ("Twitterbot/1.0", True),
        ("LinkedInBot/1.0 (compatible; Mozilla/5.0)", True),
        ("WhatsApp/2.23.20.0", True),
        ("TelegramBot (like TwitterBot)", True),
        ("Mozilla/5.0 (Windows NT 6.1) SkypeUriPreview Preview/0.5", True),
        ("http.rb/5.1.1 (Mastodon/4.2.1; +https://mastodon.social/)", True),
        ("Mozilla/5.0 (compatible; Baiduspider/2.0)", True),
    ],
)
def test_robots(agent, robot):
    found = visitor({"User-Agent": agent, "Accept": HTML})
    assert found is (Visitor.ROBOT if robot else Visitor.PERSON)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Accept": HTML}, Visitor.PERSON),
        ({"Accept": "*/*"}, Visitor.PROGRAM),
        ({"Accept": "application/json"}, Visitor.PROGRAM),
        ({}, Visitor.PROGRAM),
        ({"Accept": HTML, "Purpose": "prefetch"}, Visitor.AHEAD),
        ({"Accept": HTML, "Sec-Purpose": "prefetch;prerender"}, Visitor.AHEAD),
        ({"Accept": HTML, "X-Moz": "prefetch"}, Visitor.AHEAD),
        ({"Accept": HTML, "X-Purpose": "preview"}, Visitor.AHEAD),
        ({"Accept": HTML, "Purpose": "something"}, Visitor.PERSON),
    ],
)
def test_who_asks(headers, expected):
    assert visitor(headers) is expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("", ""),
        ("/lab/tree/a.ipynb", "/lab/tree/a.ipynb"),
        ("/lab?x=1#y", "/lab?x=1#y"),
        ("http://hub.org/lab", "/lab"),
        ("https://hub.org/lab?next=https://hub.org/", "/lab?next=https://hub.org/"),
        ("//hub.org/lab", ""),
        ("https://hub.org", "/"),
        ("/lab/tree/a b ü.ipynb?x=1&y=%20#z", "/lab/tree/a%20b%20%C3%BC.ipynb?x=1&y=%20#z"),
        # Another site, in all the ways that browsers know.
        ("https://evil.org/lab", ""),
        ("https://hub.org@evil.org/lab", ""),
        ("https://hub.org.evil.org/", ""),
        ("//evil.org/lab", ""),
        ("///evil.org/lab", ""),
        ("/\\evil.org", ""),
        ("\\\\evil.org", ""),
        ("/\t/evil.org", ""),
        (" //evil.org", ""),
        ("javascript:alert(1)", ""),
        ("javascript://hub.org/%0aalert(1)", ""),
        ("lab", ""),
        # Out of the visitor's server.
        ("/lab/../../hub/logout", ""),
        ("/lab/%2e%2e/%2E%2E/hub/logout", ""),
        ("/lab/..hidden/a..b", "/lab/..hidden/a..b"),
    ],
)
def test_only_this_site(url, expected):
    assert local_path(url, "hub.org") == expected


@pytest.mark.parametrize("base", ["/", "/jupyter/"])
@pytest.mark.parametrize(
    ("below", "expected"),
    [
        ("hub/user-redirect/lab/tree/a%20b.ipynb?x=1", "/lab/tree/a%20b.ipynb?x=1"),
        ("hub/open/voila/render/x.ipynb", "/voila/render/x.ipynb"),
        ("user-redirect//evil.org", "/evil.org"),
        ("user/someone-else/lab/tree/a.ipynb", "/lab/tree/a.ipynb"),
        ("hub/user/someone-else/lab", "/lab"),
        ("user/someone-else", "/"),
        ("user/someone-else?x=1", "/?x=1"),
        ("hub/", ""),
        ("hub", ""),
        ("hub/home", ""),
        ("hubble.ipynb", "/hubble.ipynb"),
        ("notebooks/a.ipynb", "/notebooks/a.ipynb"),
    ],
)
def test_paths_in_the_visitor_s_server(base, below, expected):
    assert server_path(base + below, base) == expected


def test_a_path_without_the_base_is_one_of_the_server():
    assert server_path("/lab", "/jupyter/") == "/lab"


@pytest.mark.parametrize(
    ("client", "name"),
    [
        ("jupyterhub-user-abc", "abc"),
        ("jupyterhub-user-a%40b", "a@b"),
        ("jupyterhub-user-abc/named", ""),
        ("service-x", ""),
        ("", ""),
    ],
)
def test_whose_server_a_client_is(client, name):
    assert server_of_client(client) == name


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        ("https://magazine.org", True),
        ("https://a.example.org", True),
        ("https://a.b.example.org", True),
        ("https://example.org", False),
        ("https://evilexample.org", False),
        ("https://magazine.org.evil.org", False),
        ("https://evil.org/.example.org", False),
        ("https://magazineXorg", False),
        ("http://magazine.org", False),
        ("null", False),
        ("", False),
    ],
)
def test_origins(origin, allowed):
    assert is_allowed_origin(origin, ["https://magazine.org", "https://*.example.org"]) is allowed
