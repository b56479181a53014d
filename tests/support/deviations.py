"""What each proxy is known to fail in the conformance suite, and why.

Test, or test with its case in brackets, to reason. Each is a strict expected failure: when it
passes, the suite fails and the line goes. `docs/reference/conformance.md` is generated from them.
"""

TRAEFIK: dict[str, str] = {}

CHP: dict[str, str] = {
    "test_capitals_in_the_host": (
        "configurable-http-proxy compares the Host header as it comes with the route's host; "
        "browsers write it in lower case"
    ),
}
