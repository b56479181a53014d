"""What each proxy is known to fail in the conformance suite, and why.

Test, or test with its case in brackets, to reason. Each is a strict expected failure: when it
passes, the suite fails and the line goes. `docs/reference/conformance.md` is generated from them.
"""

from collections.abc import Iterable


def _paths(reason: str, *cases: str) -> Iterable[tuple[str, str]]:
    return [(f"test_the_path_arrives[{case}]", reason) for case in cases]


_DOTS = (
    "dot segments are neither resolved nor refused: Traefik's sanitizePath would also join the "
    "double slashes that applications behind jupyter-server-proxy have in their paths; browsers "
    "resolve dots themselves"
)
_GO_DUPLEX = (
    "Go's HTTP/1.1 server reads the rest of a request before it sends the head of the answer "
    "(net/http, ResponseController.EnableFullDuplex), and Traefik does not turn that off"
)
GO_GZIP = (
    "Go's client asks the server for gzip where a request has no Accept-Encoding, and unpacks the "
    "answer again; Traefik has no option for it, and browsers always send the header"
)

TRAEFIK: dict[str, str] = {
    **dict(
        [
            *_paths(
                "arrives in Go's own spelling, %C3 for %c3: the same path (RFC 3986, 2.1)",
                "%c3%bc",
                "%2f",
                "%0a",
            ),
            *_paths("arrives as %7C or %5E: the same path", "pipe", "^"),
            *_paths(
                "arrives as %5C; configurable-http-proxy makes a slash of it, as browsers do "
                "before they send it",
                "backslash",
            ),
            *_paths(_DOTS, "/./", "/../ below the route", "%2E"),
            *_paths(
                "refused with 400: a request's target has no fragment (RFC 9112, 3.2), and no "
                "browser sends one",
                "#",
            ),
            *_paths(
                "arrives as it was sent; configurable-http-proxy drops the question mark",
                "empty query",
            ),
            *_paths("arrives as %3B, which every server reads as the same text", "query with ;"),
        ]
    ),
    "test_dots_lead_to_another_user": _DOTS,
    "test_nothing_is_added": GO_GZIP,
    "test_an_answer_may_begin_before_the_upload_ends": _GO_DUPLEX,
    "test_a_server_that_answers_nonsense": (
        "answers 500: Traefik has 502 and 504 for errors of the network alone"
    ),
    "test_a_length_beside_chunks": (
        "chunks alone go on, but Go keeps the client's connection open (RFC 9112, 6.3, wants it "
        "closed); another proxy in front must not be one that goes by the length"
    ),
    "test_a_websocket_s_messages_are_activity": (
        "Traefik counts a websocket once, when it is closed; JupyterHub's own servers report "
        "kernels and terminals themselves, and the hub takes the latest report"
    ),
}

_FORWARDED = (
    "adds to what the client sent (http-proxy's xfwd), and lets X-Forwarded-Host stand as it came"
)
_HOPS = "passes on every header (http-proxy)"

_HOST = "Node.js does not check Host, which arrives as it was sent"

CHP: dict[str, str] = {
    "test_capitals_in_the_host": (
        "compares the Host header as it comes with the route's host; browsers write it in lower "
        "case"
    ),
    "test_a_broken_path_is_refused[/user/ada/%]": "answers 500: decoding fails",
    "test_a_broken_path_is_refused[/user/ada/%zz]": "answers 500: decoding fails",
    "test_a_broken_path_is_refused[/user/ada/%u0041]": "answers 500: decoding fails",
    "test_a_client_cannot_set_what_the_proxy_vouches_for": _FORWARDED,
    "test_hop_by_hop_headers_end_here[Keep-Alive]": _HOPS,
    "test_hop_by_hop_headers_end_here[Proxy-Connection]": _HOPS,
    "test_hop_by_hop_headers_end_here[TE]": _HOPS,
    "test_hop_by_hop_headers_end_here[X-Named-By-Connection]": _HOPS,
    "test_hop_by_hop_headers_end_here[Upgrade]": (
        "takes any Upgrade for a websocket's, and the connection is closed when the server does "
        "not switch"
    ),
    "test_hop_by_hop_headers_of_a_response_end_here": _HOPS,
    "test_trailers_of_a_response": "drops trailers (http-proxy)",
    "test_a_body_is_refused_before_it_is_sent": (
        "answers 100 Continue itself, before the server is asked"
    ),
    "test_a_server_that_cannot_be_reached": "waits as long as the kernel tries, about two minutes",
    "test_a_server_that_closes_midway": (
        "keeps the client's connection open: http-proxy does not handle the end of the server's"
    ),
    "test_a_shape_of_smuggling_is_refused[identity, chunked]": (
        "taken for chunked, and passed on as it came"
    ),
    "test_a_shape_of_smuggling_is_refused[two spaces]": (
        "Node.js skips spaces before the path; one arrives"
    ),
    "test_a_shape_of_smuggling_is_refused[two Hosts]": "Node.js takes the first, which arrives",
    "test_a_shape_of_smuggling_is_refused[space in Host]": _HOST,
    "test_a_shape_of_smuggling_is_refused[slash in Host]": _HOST,
    "test_a_shape_of_smuggling_is_refused[@ in Host]": _HOST,
    "test_an_alias_of_the_proxy_s_headers": _HOPS,
    "test_a_restarted_proxy_has_its_table": (
        "its table is in its memory; the hub's check adds every route again"
    ),
    "test_a_websocket_s_messages_are_activity[server]": "counts what clients send alone",
}

_IN_THE_HUB = (
    "the proxy is a thread of the hub: it ends with the hub, and JupyterHub adds every route again "
    "when it starts"
)

IN_PROCESS: dict[str, str] = {
    "test_a_restarted_hub_finds_the_table": _IN_THE_HUB,
    "test_a_restarted_hub_has_nothing_to_do": _IN_THE_HUB,
    "test_users_do_not_notice_a_restart_of_the_hub": _IN_THE_HUB,
}
