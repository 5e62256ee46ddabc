"""A client that is slow, or one of too many, is hung up on."""

import time
from contextlib import suppress

import pytest

from tests.demo.asking import connected, raw, read


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: x\r\n"], ids=["nothing", "half a head"])
def test_who_does_not_ask_is_hung_up_on(sent: bytes, hasty: str) -> None:
    started = time.monotonic()
    assert raw(hasty, sent) == b""
    assert time.monotonic() - started < 2


def test_drop_by_drop_is_too_slow(hasty: str) -> None:
    with connected(hasty) as connection:
        started = time.monotonic()
        with suppress(ConnectionError):
            while time.monotonic() - started < 3:
                connection.sendall(b"G")
                time.sleep(0.1)
    assert time.monotonic() - started < 2


def test_a_second_request_may_be_as_slow_as_the_first(hasty: str) -> None:
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


def test_more_connections_than_the_limit_are_hung_up_on_and_make_room_again(hasty: str) -> None:
    crowd = [connected(hasty) for _ in range(80)]
    time.sleep(1)
    assert read(hasty) == 1
    for connection in crowd:
        connection.close()
