"""From one ACME authority to another, as from Let's Encrypt's staging server to the real one."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from tests.https.visitors import trusted_serial, until
from tests.support.https import HOST, HttpsSystem, Pebble


async def test_another_authority_is_asked_with_an_account_of_its_own(
    small: HttpsSystem, tmp_path: Path
) -> None:
    port = small.replicas[0].port
    serials = []
    for number in range(2):
        # The second one knows nothing of the account that is kept.
        pebble = Pebble(tmp_path / f"pebble{number}", small.http_port, {"short": 600})
        options = (*small.acme_options(pebble), "--profile", "short", "--first-pause", "1")
        issuer = small.issuer(f"issuer{number}", *options)
        with pebble:
            shown = partial(trusted_serial, HOST, port, pebble.trust())
            issuer.start()
            try:
                serials.append(await until(shown, "certificate"))
                assert (await small.status())["failures"] == 0
            finally:
                issuer.kill()
    assert len(set(serials)) == 2
