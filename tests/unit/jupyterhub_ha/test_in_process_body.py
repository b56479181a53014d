"""Bodies end where they end, however they are cut into pieces."""

from __future__ import annotations

import pytest

from jupyterhub_ha.errors import MessageError
from jupyterhub_ha.in_process_body import (
    ChunkedDecoder,
    CloseDecoder,
    Decoder,
    LengthDecoder,
    chunk,
    last_chunk,
)

CHUNKED = b"5\r\nhello\r\n1;x=y\r\n \r\n00A\r\nto the end\r\n0\r\nX-Sum: 7\r\nTE: x\r\n\r\n"


def feed(decoder: Decoder, data: bytes, step: int) -> bytes:
    """The payload of data that comes in pieces; the rest is put together in decoder.rest."""
    payload = b""
    for start in range(0, len(data), step):
        if decoder.done:
            decoder.rest += data[start : start + step]
        else:
            payload += decoder.feed(data[start : start + step])
    return payload


@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000])
def test_chunked(step: int) -> None:
    decoder = ChunkedDecoder()
    assert feed(decoder, CHUNKED + b"GET /", step) == b"hello to the end"
    assert (decoder.done, decoder.rest) == (True, b"GET /")
    assert decoder.trailers == b"X-Sum: 7\r\n"


@pytest.mark.parametrize("step", [1, 3, 1000])
def test_length(step: int) -> None:
    decoder = LengthDecoder(5)
    assert feed(decoder, b"helloGET /", step) == b"hello"
    assert (decoder.done, decoder.rest) == (True, b"GET /")


def test_an_empty_body_is_done() -> None:
    assert LengthDecoder(0).done


def test_until_close() -> None:
    decoder = CloseDecoder()
    assert decoder.feed(b"hello") == b"hello"
    assert not decoder.done


@pytest.mark.parametrize("step", [1, 1000])
@pytest.mark.parametrize(
    "bad",
    [
        b"x\r\n", b"-1\r\n", b"+1\r\na\r\n", b"0x1\r\na\r\n", b"1\na\r\n", b"1\r\nab\r\n",
        b"1\r\na\n0\r\n\r\n", b" 1\r\na\r\n", b"1 \r\na\r\n", b"\r\n", b"1_0\r\n",
        b"FFFFFFFFFFFFFFFFF\r\n", b"1;\0\r\n", b"0\r\nX\r\n\r\n", b"0\r\nX : 1\r\n\r\n",
        b"0\r\n X: 1\r\n\r\n", b"1" * 5000, b"1;" + b"x" * 5000 + b"\r\n",
        b"0\r\n" + b"X: 1\r\n" * 5000,
    ],
)  # fmt: skip
def test_broken_chunks(bad: bytes, step: int) -> None:
    with pytest.raises(MessageError):
        feed(ChunkedDecoder(), bad, step)


def test_what_is_written_is_read_again() -> None:
    pieces = [b"a", b"b" * 70000, b""]
    written = b"".join(map(chunk, pieces)) + last_chunk(b"X: 1\r\n")
    decoder = ChunkedDecoder()
    assert feed(decoder, written, 1000) == b"".join(pieces)
    assert (decoder.done, decoder.trailers) == (True, b"X: 1\r\n")
