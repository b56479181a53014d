"""What each web server in front of our proxy does otherwise than the conformance suite wants.

As in `deviations.py`: strict expected failures, test or test with its case to reason.
"""

from collections.abc import Iterable

from tests.support.deviations import GO_GZIP


def _cases(test: str, reason: str, *cases: str) -> Iterable[tuple[str, str]]:
    return [(f"{test}[{case}]", reason) for case in cases]


_PATH = "test_the_path_arrives"
_SHAPE = "test_a_shape_of_smuggling_is_refused"
_LENIENT = (
    "takes it for what it reads itself, and writes it anew: the request behind it is a second one "
    "for the web server and for the proxy, so there is nothing that the two read differently"
)
_FRAGMENT = (
    "refused with 400: a request's target has no fragment (RFC 9112, 3.2), and no browser sends one"
)
_NO_TRAILERS = "drops trailers; no part of JupyterHub sends any"
_CONTINUE = "answers 100 Continue itself, before the server is asked"
_DUPLEX = (
    "reads the rest of a request before it sends the head of the answer; JupyterHub and its "
    "servers answer when they have read the request"
)
_SPELLING = "the same path in another spelling (RFC 3986, 2.1), as Go writes it"
_BACKSLASH = (
    "arrives as %5C; configurable-http-proxy makes a slash of it, as browsers do before they send "
    "it"
)

# Of every web server.
_ALL = {
    "test_the_client_is_told": (
        "our proxy adds its own word behind that of the web server, as proxies do; the first one "
        "is the client's (tests/edge/test_headers.py)"
    ),
}
_KEPT_OPEN = (
    "chunks alone go on, but Go keeps the client's connection open (RFC 9112, 6.3, wants it closed)"
)

EDGES: dict[str, dict[str, str]] = {
    "nginx": {
        **_ALL,
        **dict(_cases(_PATH, "refused with 400; no server of JupyterHub takes it", "%00")),
        **dict(
            _cases(
                _SHAPE,
                _LENIENT,
                "header without a colon",
                "bare LF after a chunk's size",
                "two spaces",
            )
        ),
        "test_hop_by_hop_headers_end_here[X-Named-By-Connection]": (
            "passes on what Connection names, but for the headers that it knows"
        ),
        "test_trailers_of_a_response": _NO_TRAILERS,
        "test_a_body_is_refused_before_it_is_sent": _CONTINUE,
    },
    "apache": {
        **_ALL,
        **dict(_cases(_PATH, "refused with 404; no server of JupyterHub takes it", "%00")),
        **dict(_cases(_PATH, _FRAGMENT, "#")),
        **dict(_cases(_SHAPE, _LENIENT, "HTTP/9.9")),
        "test_two_cookie_headers_arrive": (
            "joins two headers with a comma, in HTTP/1.1, where no browser sends two"
        ),
        "test_trailers_of_a_response": _NO_TRAILERS,
        "test_an_answer_may_begin_before_the_upload_ends": _DUPLEX,
        "test_a_client_that_gives_up": (
            "does not look at the client while it waits for the server; it notices when it writes"
        ),
    },
    "traefik": {
        **_ALL,
        **dict(_cases(_PATH, _SPELLING, "%c3%bc", "%2f", "%0a", "pipe", "^", "query with ;")),
        **dict(_cases(_PATH, _BACKSLASH, "backslash")),
        **dict(_cases(_PATH, _FRAGMENT, "#")),
        "test_nothing_is_added": GO_GZIP,
        "test_an_answer_may_begin_before_the_upload_ends": _DUPLEX,
        "test_a_length_beside_chunks": _KEPT_OPEN,
    },
    "haproxy": {
        **_ALL,
        **dict(_cases(_PATH, _FRAGMENT, "#")),
        **dict(
            _cases(
                _SHAPE,
                _LENIENT,
                "bare LF after a chunk's size",
                "two spaces",
                "HTTP/9.9",
            )
        ),
        "test_trailers_of_a_response": "writes their names in lower case, which mean the same",
    },
    "caddy": {
        **_ALL,
        **dict(_cases(_PATH, _SPELLING, "pipe", "^")),
        **dict(_cases(_PATH, _BACKSLASH, "backslash")),
        **dict(_cases(_PATH, "arrives as %23; no browser sends it", "#")),
        "test_a_body_is_refused_before_it_is_sent": _CONTINUE,
        "test_a_length_beside_chunks": _KEPT_OPEN,
        "test_no_open_proxy": (
            "fetches nothing, but answers 200 without a body for a host that is not its own"
        ),
    },
}

UNDECIDED = {
    "haproxy": {
        "test_a_shape_of_smuggling_is_refused[NUL in a value]": (
            "the proxy behind it refuses the request, and the client is gone then: whether a "
            "second one that was sent with it is still passed on, is a matter of time"
        )
    }
}
"""Tests that are left out, since they end now so, now so."""
