"""MetaKernel's `%jigsaw` in a browser: nginx, two replicas of Traefik, a hub below /jupyter/.

The bundle for one host as its README installs it, with its kernels and its policy; nginx as
`proxy-gen edge` writes it. `tests/support/jigsaw.py` says what stands in for a site elsewhere.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import pytest
from playwright.sync_api import BrowserContext, ConsoleMessage, FrameLocator, Page, expect
from tests.support.browser import browser
from tests.support.doctor import Front
from tests.support.host import PASSWORD, Host
from tests.support.jigsaw import SITE, Site, site
from tests.support.kernels import PYTHON
from tests.support.processes import ROOT

pytestmark = pytest.mark.timeout(900)

BASE = "/jupyter/"
PICTURE = ROOT / "docs/images/metakernel-jigsaw.png"
# As strict as JupyterHub and JupyterLab allow, and what `%jigsaw` needs beside that.
POLICY = {
    "hub": {"default-src": ["'self'", "'unsafe-inline'", "data:"]},
    "singleuser": {
        "frame-ancestors": ["'self'"],
        "default-src": ["'self'", "'unsafe-inline'", "'unsafe-eval'", "data:", "blob:"],
        "script-src": ["'self'", "'unsafe-inline'", "'unsafe-eval'", f"https://{SITE}"],
        "connect-src": ["'self'", f"https://{SITE}"],
        "img-src": ["'self'", "data:", f"https://{SITE}"],
        "media-src": [f"https://{SITE}"],
    },
}
NOTEBOOK = {
    "cells": [
        {
            "cell_type": "code",
            "id": "one",
            "execution_count": None,
            "metadata": {},
            "outputs": [],
            "source": "%jigsaw Python --workspace blocks --height 380",
        }
    ],
    "metadata": {"kernelspec": {"name": PYTHON, "display_name": PYTHON, "language": "python"}},
    "nbformat": 4,
    "nbformat_minor": 5,
}


@dataclass(frozen=True)
class World:
    """The host, nginx in front of it, and the site that `%jigsaw` asks."""

    host: Host
    front: Front
    site: Site

    @property
    def home(self) -> Path:
        """The home folder of ada."""
        return self.host.folder / "homes/ada"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, pips: dict[str, str]) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("host")
    kernels = [{"name": PYTHON, "package": f"{PYTHON}==0.11.3"}]
    with site(tmp_path_factory.mktemp("site")) as there:
        options = [
            *("--set", f"hub.baseUrl={BASE}"),
            *("--set-json", f"singleuser.kernels={json.dumps(kernels)}"),
            *("--set-json", f"proxy.contentSecurityPolicy={json.dumps(POLICY)}"),
            *("--set-json", 'proxy.traefik.forwardedHeaders.trustedIPs=["127.0.0.1/32"]'),
        ]
        with Host(folder, "traefik-file", *options, env=there.env) as host:
            with mock.patch.dict(os.environ, pips):
                host.run_readme("Kernels for all users")
            home = folder / "homes/ada"
            home.mkdir(parents=True)
            (home / "blocks.ipynb").write_text(json.dumps(NOTEBOOK))
            settings = home / ".jupyter/lab/user-settings/@jupyterlab/apputils-extension"
            settings.mkdir(parents=True)
            # Or a question would lie over the picture.
            (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false"}')
            upstream = host.url.removeprefix("http://").removesuffix("/")
            with Front(tmp_path_factory.mktemp("nginx"), upstream, BASE) as front:
                yield World(host, front, there)


@pytest.fixture(scope="module")
def context(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    """A browser in which ada has logged in, and her server runs."""
    with browser(tmp_path_factory.mktemp("browser"), world.site.browser_options) as one:
        one.set_default_timeout(90_000)
        expect.set_options(timeout=90_000)
        page = one.new_page()
        refused = _refusals(page)
        page.goto(world.front.url)
        page.fill("#username_input", "ada")
        page.fill("#password_input", PASSWORD)
        page.click("#login_submit")
        page.wait_for_url(re.compile(rf"{BASE}user/ada/lab"), timeout=150_000)
        expect(page.locator(".jp-LauncherCard", has_text=PYTHON).first).to_be_visible()
        assert refused == [], "pages of the hub and JupyterLab lack something"
        page.close()
        yield one


def _refusals(page: Page) -> list[str]:
    """What the browser will say that it did not do because of a policy."""
    refused: list[str] = []

    def listen(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            refused.append(message.text)

    page.on("console", listen)
    return refused


def _run_magic(page: Page, world: World) -> FrameLocator:
    """Open the notebook, run its cell; gives the frame that it makes."""
    page.goto(f"{world.front.url}user/ada/lab/tree/blocks.ipynb")
    # The indicator beside the notebook says idle before there is a kernel; on a slow machine a cell
    # that is run then makes JupyterLab ask for one.
    expect(page.get_by_role("button", name=f"{PYTHON} | Idle")).to_be_visible()
    page.add_locator_handler(
        page.locator(".jp-Dialog"), lambda: page.click(".jp-Dialog .jp-mod-accept")
    )
    page.locator(".jp-Notebook .jp-CodeCell .cm-content").first.click()
    page.keyboard.press("Shift+Enter")
    expect(page.locator("iframe[src*='blocks.html']")).to_be_visible()
    return page.frame_locator("iframe[src*='blocks.html']")


def test_the_frame_talks_to_the_kernel(world: World, context: BrowserContext) -> None:
    page = context.new_page()
    refused = _refusals(page)
    frame = _run_magic(page, world)
    expect(frame.locator(".blocklySvg")).to_be_visible()
    assert f"{BASE}user/ada/files/blocks.html" in str(page.locator("iframe").get_attribute("src"))
    assert "/jigsaw_v2/Python.html" in world.site.asked

    frame.get_by_text("Generate Python code").click()
    generated = page.locator(".jigsaw-generated-code")
    expect(generated).to_contain_text("print('hello, hub')")

    frame.locator("#run").click()
    printed = page.locator(".jigsaw-stream")
    expect(printed.first).to_contain_text("hello, hub")
    assert "hello" in (world.home / "blocks.xml").read_text(), "the kernel has kept the blocks"
    assert refused == []

    page.screenshot(path=world.host.folder / "picture.png")
    assert (world.host.folder / "picture.png").read_bytes().startswith(b"\x89PNG")
    assert PICTURE.read_bytes().startswith(b"\x89PNG")
    if os.environ.get("WRITE_PICTURES"):
        PICTURE.write_bytes((world.host.folder / "picture.png").read_bytes())
    page.close()


def test_jupyterhubs_own_policy_forbids_the_frame(world: World, context: BrowserContext) -> None:
    """What is sent without `proxy.contentSecurityPolicy`; here nginx puts it in its place."""
    page = context.new_page()
    refused = _refusals(page)
    default = (
        "proxy_hide_header Content-Security-Policy;\n"
        "add_header Content-Security-Policy \"frame-ancestors 'none'\" always;\n"
    )
    with world.front.changed(
        lambda text: text.replace("proxy_redirect off;", f"proxy_redirect off;\n{default}")
    ):
        with page.expect_console_message(lambda message: "frame-ancestors" in message.text):
            frame = _run_magic(page, world)
        assert any("'none'" in text for text in refused), refused
        expect(frame.locator(".blocklySvg")).to_have_count(0)
    page.close()


def test_the_hub_itself_stays_out_of_frames(world: World, context: BrowserContext) -> None:
    answer = context.request.get(f"{world.front.url}hub/home")
    policy = answer.headers["content-security-policy"]
    assert policy == (
        "frame-ancestors 'none'; default-src 'self' 'unsafe-inline' data:; "
        f"report-uri {BASE}hub/security/csp-report"
    )


def test_the_public_scheme_arrives_behind_two_proxies(context: BrowserContext) -> None:
    """JupyterHub and the user's server know that they are reached by https."""
    secure = {cookie["name"]: cookie.get("secure") for cookie in context.cookies()}
    names = ("jupyterhub-hub-login", "jupyterhub-user-ada")
    assert [secure[name] for name in names] == [True, True]
