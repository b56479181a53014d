"""Frames of a websocket, over a pair of sockets."""

import socket
import threading

import pytest

from proxy_gen.doctor.web import NoAnswerError
from proxy_gen.doctor.websocket import Socket

PING, PONG, CLOSE, TEXT = 0x89, 0x8A, 0x88, 0x81


@pytest.fixture
def ends():
    """Ours, and the server's."""
    here, there = socket.socketpair()
    there.settimeout(5)
    with here, there:
        yield here, there


def frame(kind, payload):
    length = len(payload)
    head = bytes([length]) if length < 126 else bytes([126]) + length.to_bytes(2, "big")
    return bytes([kind]) + head + payload


def unmasked(data):
    """The payload of a short frame of a client, which is masked."""
    assert data[1] & 0x80
    return bytes(byte ^ data[2 + i % 4] for i, byte in enumerate(data[6:]))


def in_pieces(there, data, size=3):
    for at in range(0, len(data), size):
        there.sendall(data[at : at + size])


def test_a_pong_is_found_among_other_frames_that_come_in_pieces(ends):
    here, there = ends

    def answer():
        word = unmasked(there.recv(100))
        in_pieces(there, frame(TEXT, b"x" * 300) + frame(PONG, b"another's") + frame(PONG, word))

    thread = threading.Thread(target=answer)
    thread.start()
    Socket(here, b"").ping(5)
    thread.join()


def test_what_came_with_the_head_is_read_first(ends):
    here, there = ends
    whole = frame(PING, b"early")
    there.sendall(whole[3:])
    assert Socket(here, whole[:3]).idle(2) == 2
    assert unmasked(there.recv(100)) == b"early", "a ping is answered"


def test_silence_and_the_end(ends):
    here, there = ends
    opened = Socket(here, b"")
    with pytest.raises(NoAnswerError, match="no answer in time"):
        opened.ping(0.05)
    there.sendall(frame(CLOSE, b""))
    assert opened.idle(60) < 30
    there.close()
    assert opened.idle(60) < 30
    with pytest.raises(NoAnswerError, match="closed"):
        opened.ping(1)
