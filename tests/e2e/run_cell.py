#!/usr/bin/env python3
"""Logs in to a running hub, starts the user's server, and runs a cell in a real kernel.

python tests/e2e/run_cell.py http://127.0.0.1:8000/ --user alice --password-file FILE
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.support.hub_session import HubSession, SessionError


async def run(session: HubSession, code: str) -> None:
    """Do it, and tell each step on stderr; the cell's output goes to stdout."""
    await session.login()
    print(f"logged in as {session.username}", file=sys.stderr)
    await session.start_server()
    print(f"server is up: {session.server_url}", file=sys.stderr)
    print(await session.run_cell(code), end="")


def main() -> int:
    """0 when the cell ran, 1 with a message when any step failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("url")
    parser.add_argument("--user", default="alice")
    parser.add_argument("--password-file", type=Path, required=True)
    parser.add_argument("--code", default="print(6 * 7)")
    options = parser.parse_args()
    try:
        password = options.password_file.read_text().strip()
        asyncio.run(run(HubSession(options.url, options.user, password), options.code))
    except (SessionError, OSError) as error:
        print(f"run_cell: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
