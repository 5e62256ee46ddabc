"""The body of a request must have the right type and must not be too large or too slow."""

import re
import time
from contextlib import ExitStack

import httpx
import pytest

from tests.demo.asking import PNG, connected, raw, read

pytestmark = [pytest.mark.server]

JSON = "Content-Type: application/json"
FORM = "Content-Type: multipart/form-data"


@pytest.mark.parametrize(
    ("head", "body", "status"),
    [
        (f"POST /read HTTP/1.1\r\n{JSON}", b"[" * 50_000, 400),
        (f"POST /read HTTP/1.1\r\n{JSON}", b'{"a":' * 9_999, 400),
        (f"POST /read HTTP/1.1\r\n{JSON}", b"\xff\xfe\x00", 400),
        (f"POST /read HTTP/1.1\r\n{JSON}", b'"x"', 422),
        (f"POST /read HTTP/1.1\r\n{JSON}", b'{"canvas": NaN}', 422),
        (f"POST /read HTTP/1.1\r\n{JSON}", b'{"canvas": "\\udfff"}', 422),
        (f"POST /keep HTTP/1.1\r\n{JSON}", b'{"canvas": 1e999, "digit": Infinity}', 422),
        (f"POST /gradio_api/call/predict HTTP/1.1\r\n{JSON}", b"[" * 50_000, 400),
        (f"POST /gradio_api/call/predict HTTP/1.1\r\n{JSON}", b'{"data": "x"}', 422),
        (f"POST /gradio_api/cancel HTTP/1.1\r\n{JSON}", b'{"event_id": Infinity}', 422),
        (f"POST /gradio_api/reset HTTP/1.1\r\n{JSON}", b'["\\udfff", 1e999]', 422),
        (f"POST /gradio_api/cancel HTTP/1.1\r\n{JSON}", b"{}", 422),
        ("POST /read HTTP/1.1\r\nContent-Type: text/plain", b"{}", 415),
        ("POST /keep HTTP/1.1", b"{}", 415),
        (f"POST /read HTTP/1.1\r\n{JSON}", bytes(2_710_001), 413),
        ("POST /predict HTTP/1.1", b"", 422),
        (f"POST /predict HTTP/1.1\r\n{FORM}", b"--x", 400),
        (f"POST /predict HTTP/1.1\r\n{FORM}; boundary=x", b"--y", 400),
        (f"POST /predict HTTP/1.1\r\n{FORM}; boundary=x", b"--x--\r\n", 422),
        (f"POST /gradio_api/upload HTTP/1.1\r\n{FORM}", b"--x", 400),
        (f"POST /gradio_api/upload HTTP/1.1\r\n{FORM}; boundary=x", b"--y", 400),
        ("POST /gradio_api/upload HTTP/1.1", b"", 400),
        ("GET / HTTP/1.1", b"x", 400),
        ("GET / HTTP/1.1\r\nX-Padding: " + "x" * 200_000, b"", 400),
        ("GET /" + "x" * 200_000 + " HTTP/1.1", b"", 400),
        ("\0\1\2\3", b"", 400),
    ],
    ids=lambda part: repr(part)[:60],
)
def test_a_malformed_request_is_refused_without_a_traceback(head: str, body: bytes, status: int, address: str) -> None:
    request = f"{head}\r\nHost: x\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body
    answer = raw(address, request)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert not re.search(rb"Traceback|\.py|site-packages", answer)
    assert read(address) == 1


@pytest.mark.parametrize(
    "head",
    [b"POST /predict HTTP/1.1\r\nContent-Length: 99", b"POST /predict HTTP/1.1\r\nTransfer-Encoding: chunked"],
    ids=["half a body", "an endless body"],
)
def test_a_body_that_arrives_too_slowly_gets_408_and_is_closed(head: bytes, hasty: str) -> None:
    started = time.monotonic()
    answer = raw(hasty, head + b"\r\nHost: x\r\n\r\n1\r\nx\r\n")
    assert answer[9:12] == b"408"
    assert time.monotonic() - started < 5


@pytest.mark.parametrize("path", ["predict", "gradio_api/upload"])
def test_an_endless_body_is_cut_off_at_the_limit(path: str, hasty: str) -> None:
    head = f"POST /{path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    assert raw(hasty, head + (b"2710\r\n" + bytes(10_000) + b"\r\n") * 1_000)[9:12] in (b"413", b"")
    assert httpx.post(hasty + path, files={"image": bytes(100_001)}).status_code == 413
    assert read(hasty) == 1


@pytest.mark.parametrize(("path", "picture"), [("predict", PNG + bytes(9_000)), ("read", bytes(20_000))])
def test_incomplete_pictures_block_other_pictures_but_no_drawings(path: str, picture: bytes, hasty: str) -> None:
    headers = {"Content-Type": "application/json"}
    with ExitStack() as connections:
        for _ in range(4):
            connection = connections.enter_context(connected(hasty))
            connection.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n" + bytes(99_000))
        assert read(hasty) == 1
        statuses = {httpx.post(hasty + path, content=picture, headers=headers).status_code for _ in range(5)}
        assert 429 in statuses


def test_a_boundary_may_contain_the_word_charset(address: str) -> None:
    headers = {"Content-Type": "multipart/form-data; boundary=charset-x"}
    assert httpx.post(f"{address}predict", files={"image": PNG}, headers=headers).status_code == 200
