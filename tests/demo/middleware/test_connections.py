"""Slow clients and too many connections are closed."""

import time
from contextlib import suppress

import httpx
import pytest

from tests.demo.asking import connected, raw, read

pytestmark = [pytest.mark.server]


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: x\r\n"], ids=["nothing", "half a head"])
def test_an_idle_connection_is_closed(sent: bytes, hasty: str) -> None:
    started = time.monotonic()
    assert raw(hasty, sent) == b""
    assert time.monotonic() - started < 2


def test_a_head_that_arrives_byte_by_byte_is_too_slow(hasty: str) -> None:
    with connected(hasty) as connection:
        started = time.monotonic()
        with suppress(ConnectionError):
            while time.monotonic() - started < 3:
                connection.sendall(b"G")
                time.sleep(0.1)
    assert time.monotonic() - started < 2


def test_each_request_of_a_connection_has_the_full_time(hasty: str) -> None:
    with connected(hasty) as connection:
        for _ in range(2):
            connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n")
            time.sleep(0.2)
            connection.sendall(b"\r\n")
            answer = b""
            while not answer.endswith(b"}"):
                answer += connection.recv(65536)
            assert answer.startswith(b"HTTP/1.1 200 ")
            time.sleep(0.7)  # longer than a head may take, but no request has begun
        connection.sendall(b"GET /health")
        assert connection.recv(65536) == b""


def test_connections_above_the_limit_are_closed_and_make_room_again(hasty: str) -> None:
    crowd = [connected(hasty) for _ in range(80)]
    with suppress(ConnectionError):
        assert crowd[-1].recv(1) == b""
    crowd[0].setblocking(False)
    with pytest.raises(BlockingIOError):  # the first ones are still open
        crowd[0].recv(1)
    for connection in crowd:
        connection.close()
    for _ in range(50):
        with suppress(httpx.TransportError):
            assert read(hasty) == 1
            break
        time.sleep(0.1)
    assert read(hasty) == 1
