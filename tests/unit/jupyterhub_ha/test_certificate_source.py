"""An ACME source, with a program in place of lego that does as it is told."""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from jupyterhub_ha.certificate import Pair, check, facts, self_signed
from jupyterhub_ha.certificate_acme import (
    ACCOUNT,
    ACCOUNT_KEY,
    ACCOUNT_SERVER,
    CRT,
    KEY,
    ORDER,
    Lego,
    Order,
    complaint,
)
from jupyterhub_ha.certificate_binding import Binding, is_key
from jupyterhub_ha.certificate_source import ATTEMPTS, AcmeSource, FileSource
from jupyterhub_ha.certificate_state import FolderState
from jupyterhub_ha.errors import CertificateError, IssueError

ORDERED = Order(("hub.example.org", "www.example.org"), "admin@example.org", "https://ca:14000/dir")
NOW = 1_800_000_000.0

# Notes how it was called; does what the folder of its script says.
_SCRIPT = """#!/bin/sh
here=$(dirname "$0")
echo "$@" >> "$here/calls"
env > "$here/environment"
while [ "$1" != --path ]; do shift; done
mkdir -p "$2/accounts/ca_14000/admin@example.org/keys" "$2/certificates"
ls "$2/certificates" > "$here/given"
echo '{"registration": 1}' > "$2/accounts/ca_14000/admin@example.org/account.json"
echo 'an account key' > "$2/accounts/ca_14000/admin@example.org/keys/admin@example.org.key"
if [ -e "$here/fails" ]; then cat "$here/fails" >&2; exit 1; fi
cp "$here/tls.crt" "$2/certificates/hub.example.org.crt"
cp "$here/tls.key" "$2/certificates/hub.example.org.key"
echo '{}' > "$2/certificates/hub.example.org.json"
"""


class Scene:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.program = folder / "lego"
        self.program.write_text(_SCRIPT)
        self.program.chmod(0o755)
        self.state = FolderState(folder / "state")
        self.now = NOW
        self.draw()

    def draw(self) -> None:
        crt, key = self_signed("hub.example.org")
        (self.folder / "tls.crt").write_text(crt)
        (self.folder / "tls.key").write_text(key)

    def source(self, order: Order = ORDERED) -> AcmeSource:
        environment = {"PATH": "/usr/bin:/bin", "A_PASSWORD": "secret", "https_proxy": "http://p"}
        lego = Lego(str(self.program), ":8089", "/ca.pem", environment=environment)
        return AcmeSource(self.state, lego, order, clock=lambda: self.now)

    def calls(self) -> list[str]:
        return (self.folder / "calls").read_text().splitlines()

    def fail(self, text: str) -> None:
        (self.folder / "fails").write_text(text)

    def succeed(self) -> None:
        (self.folder / "fails").unlink()


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


async def test_the_first_certificate_is_due_at_once_and_kept(scene: Scene) -> None:
    source = scene.source()
    assert await source.current() is None
    assert source.due == 0
    assert await source.obtain() == ""
    served = await source.current()
    assert served == Pair(
        (scene.folder / "tls.crt").read_text(), (scene.folder / "tls.key").read_text()
    )
    assert source.due is not None
    assert source.due > facts(served.crt).not_before
    texts = await scene.state.load()
    assert texts[ACCOUNT_KEY] == "an account key\n"
    assert json.loads(texts[ORDER])["hosts"] == [*ORDERED.hosts]
    again = scene.source()
    assert await again.current() == served
    assert again.due == source.due


async def test_how_lego_is_called(scene: Scene) -> None:
    source = scene.source(Order(ORDERED.hosts, ORDERED.email, ORDERED.server, "shortlived"))
    await source.obtain()
    await source.obtain()
    first, second = scene.calls()
    assert "--domains hub.example.org --domains www.example.org" in first
    assert "--http.port :8089" in first
    assert first.endswith("run --profile shortlived")
    assert second.endswith(
        "renew --days -1 --no-random-sleep --force-cert-domains --profile shortlived"
    )
    assert "hub.example.org.crt" in (scene.folder / "given").read_text()
    environment = (scene.folder / "environment").read_text()
    assert "LEGO_CA_CERTIFICATES=/ca.pem" in environment
    assert "https_proxy=http://p" in environment
    assert "secret" not in environment


async def test_other_hosts_are_due_at_once_while_the_old_certificate_is_served(
    scene: Scene,
) -> None:
    source = scene.source()
    await source.obtain()
    old = await source.current()
    changed = scene.source(Order(("hub.example.org",), ORDERED.email, ORDERED.server))
    assert await changed.current() == old
    assert changed.due == 0
    scene.draw()
    await changed.obtain()
    assert await changed.current() != old
    assert scene.calls()[-1].endswith("run")


async def test_a_failure_is_counted_across_restarts_and_keeps_the_certificate(
    scene: Scene,
) -> None:
    source = scene.source()
    await source.obtain()
    old = await source.current()
    scene.fail("2026/01/31 03:00:00 Could not obtain certificates:\n\terror: no way")
    assert await source.obtain() == "Could not obtain certificates: error: no way"
    assert source.due == NOW + 120
    restarted = scene.source()
    assert await restarted.current() == old
    assert restarted.due == NOW + 120
    assert restarted.status()["failures"] == 1
    await restarted.obtain()
    assert restarted.due == NOW + 240
    scene.succeed()
    scene.draw()
    assert await restarted.obtain() == ""
    assert restarted.status()["failures"] == 0
    assert await restarted.current() != old


async def test_corrected_values_are_tried_at_once(scene: Scene) -> None:
    scene.fail("Could not obtain certificates: no such host")
    await scene.source().obtain()
    corrected = scene.source(Order(("right.example.org",), ORDERED.email, ORDERED.server))
    await corrected.current()
    assert corrected.due == 0


async def test_the_account_is_of_one_server_and_its_key_for_all(scene: Scene) -> None:
    await scene.source().obtain()
    accounts = []
    for server in (ORDERED.server, "https://another.test/directory"):
        scene.program.write_text(_SCRIPT.replace("mkdir", 'ls -R "$2" > "$here/before"\nmkdir'))
        await scene.source(Order(ORDERED.hosts, ORDERED.email, server)).obtain()
        found = (scene.folder / "before").read_text()
        assert "admin@example.org.key" in found
        accounts.append("account.json" in found)
    assert accounts == [True, False]
    assert (await scene.state.load())[ACCOUNT_SERVER] == "https://another.test/directory"


async def test_without_its_server_an_account_is_not_used_to_renew(scene: Scene) -> None:
    """lego renews with an account only; with its key alone it has to begin anew."""
    await scene.source().obtain()
    await scene.source().obtain()
    assert "renew" in scene.calls()[-1]
    texts = await scene.state.load()
    await scene.state.save({k: text for k, text in texts.items() if k != ACCOUNT_SERVER})
    await scene.source().obtain()
    assert scene.calls()[-1].endswith("run")


async def test_an_account_that_the_authority_has_lost_is_made_anew(scene: Scene) -> None:
    source = scene.source()
    await source.obtain()
    scene.fail("acme: error: 400 :: urn:ietf:params:acme:error:accountDoesNotExist :: none")
    await source.obtain()
    texts = await scene.state.load()
    assert ACCOUNT not in texts
    assert ACCOUNT_KEY not in texts
    assert CRT in texts
    await source.obtain()
    assert scene.calls()[-1].endswith("run")


async def test_a_key_of_another_certificate_is_not_served(scene: Scene) -> None:
    source = scene.source()
    (scene.folder / "tls.key").write_text(self_signed("another")[1])
    assert "cannot be served" in await source.obtain()
    assert await source.current() is None
    assert KEY not in await scene.state.load()


async def test_nothing_is_asked_of_an_authority_if_it_could_not_be_kept(scene: Scene) -> None:
    class Refused:
        async def load(self) -> dict[str, str]:
            return {}

        async def save(self, texts: Mapping[str, str]) -> None:
            raise IssueError("refused")

    source = AcmeSource(Refused(), Lego(str(scene.program), ":8089"), ORDERED)
    with pytest.raises(IssueError):
        await source.obtain()
    assert not (scene.folder / "calls").exists()


async def test_a_program_that_is_missing_is_named(scene: Scene) -> None:
    source = AcmeSource(scene.state, Lego("/nowhere/lego", ":8089"), ORDERED)
    with pytest.raises(IssueError, match="/nowhere/lego: No such file"):
        await source.obtain()


async def test_one_that_hangs_is_ended(scene: Scene) -> None:
    scene.program.write_text("#!/bin/sh\nsleep 60\n")
    source = AcmeSource(scene.state, Lego(str(scene.program), ":8089", seconds=0.2), ORDERED)
    assert "had not ended" in await source.obtain()


async def test_the_state_is_for_its_owner_only(scene: Scene) -> None:
    await scene.source().obtain()
    folder = scene.folder / "state"
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()] == [0o600]
    assert ATTEMPTS in await scene.state.load()


async def test_files_that_cannot_be_served_are_named(tmp_path: Path) -> None:
    source = FileSource(tmp_path / "tls.crt", tmp_path / "tls.key")
    with pytest.raises(CertificateError, match=r"tls\.crt cannot be read"):
        await source.current()
    crt, key = self_signed("hub.example.org")
    source.crt.write_text(crt)
    source.key.write_text("no key")
    with pytest.raises(CertificateError, match="no PEM private key"):
        await source.current()
    source.key.write_text(key)
    assert await source.current() == Pair(crt, key)
    source.crt.write_text("")
    with pytest.raises(CertificateError, match="no PEM certificate"):
        await source.current()


def test_a_chain_begins_with_the_servers_certificate() -> None:
    crt, key = self_signed("hub.example.org")
    authority, _ = self_signed("authority")
    assert check(Pair(crt + authority, key)).serial == facts(crt).serial
    with pytest.raises(CertificateError, match="comes first"):
        check(Pair(authority + crt, key))


def test_a_complaint_is_one_short_line() -> None:
    said = (
        "2026/01/31 03:00:00 [INFO] acme: Registering account\n"
        "2026/01/31 03:00:01 Could not obtain certificates:\n"
        "\terror: one or more domains had a problem:\n[hub.example.org] acme: error: 400\n"
    )
    assert complaint(said) == (
        "Could not obtain certificates: error: one or more domains had a problem: "
        "[hub.example.org] acme: error: 400"
    )
    assert len(complaint("error " + "x" * 5000)) == 600
    assert complaint("") == "lego failed and said nothing"


BOUND = Order(ORDERED.hosts, ORDERED.email, ORDERED.server, "", Binding("kid-1", "c2VjcmV0LWtleQ"))


async def test_an_external_accounts_key_is_told_where_no_list_of_processes_shows_it(
    scene: Scene,
) -> None:
    await scene.source(BOUND).obtain()
    environment = (scene.folder / "environment").read_text().splitlines()
    assert {"LEGO_EAB=true", "LEGO_EAB_KID=kid-1", "LEGO_EAB_HMAC=c2VjcmV0LWtleQ"} < {*environment}
    assert "c2VjcmV0" not in "".join(scene.calls())
    assert "c2VjcmV0" not in json.dumps(await scene.state.load())
    assert "c2VjcmV0" not in repr(BOUND)


async def test_another_external_account_has_an_account_and_a_key_of_its_own(scene: Scene) -> None:
    await scene.source(BOUND).obtain()
    scene.program.write_text(_SCRIPT.replace("mkdir", 'ls -R "$2" > "$here/before"\nmkdir'))
    await scene.source(BOUND).obtain()
    assert "account.json" in (scene.folder / "before").read_text()
    other = replace(BOUND, binding=Binding("kid-2", "c2VjcmV0LWtleQ"))
    await scene.source(other).obtain()
    assert "admin@example.org" not in (scene.folder / "before").read_text()


async def test_a_corrected_key_is_tried_at_once(scene: Scene) -> None:
    scene.fail("Could not complete registration: could not register account: unauthorized")
    source = scene.source(BOUND)
    assert "check keyId and hmacKey of proxy.https" in await source.obtain()
    assert source.due == NOW + 120
    corrected = scene.source(replace(BOUND, binding=Binding("kid-1", "YW5vdGhlci1rZXk")))
    await corrected.current()
    assert corrected.due == 0


async def test_an_authority_that_wants_an_external_account(scene: Scene) -> None:
    scene.fail("Server requires External Account Binding. Use --eab with --kid and --hmac.")
    assert "set keyId and hmacKey of proxy.https" in await scene.source().obtain()


def test_an_order_without_an_external_account_is_written_as_before_there_were_any() -> None:
    assert "binding" not in json.loads(ORDERED.text())


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("c2VjcmV0", True),
        ("a-_b", True),
        ("a+/b", False),
        ("YQ==", False),
        ("", False),
        ("a", False),
    ],
)
def test_a_mac_key_is_base64url_without_padding(text: str, is_one: bool) -> None:
    assert is_key(text) is is_one
