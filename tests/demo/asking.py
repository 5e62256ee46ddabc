"""What the tests ask a running demo: drawings, pictures, and whatever bytes one likes."""

import base64
import socket
import struct
import zlib
from http.client import HTTPResponse
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest

from demo.networks.images import data_url
from tests.conftest import ROOT

ONE = np.zeros((280, 280), np.float32)
ONE[60:220, 130:150] = 1
DRAWING = data_url(ONE)
PNG = base64.b64decode(DRAWING.partition(",")[2])
DIGIT = ROOT / "demo" / "digit.png"  # a 7

# Prints the addresses that Gradio serves.
SERVED = """
import json
from demo.app import create_app
from demo.limits import Limits
from demo.networks.classifier import load
app = create_app(load("cpu"), None, False, Limits())
(gradio,) = (route.app for route in app.routes if getattr(route, "path", None) == "")
print(json.dumps(gradio.openapi()["paths"]))
"""
SECRETS = [
    "gradio_api/file=/etc/passwd",
    "gradio_api/file/etc/passwd",
    "file=/etc/passwd",
    "file/etc/passwd",
    "gradio_api/proxy=http://127.0.0.1:22/",
    "gradio_api/custom_component/1/client/component/../../../../../etc/passwd",
    "gradio_api/stream/x/../../etc/passwd",
    *(
        f"{folder}/{up}etc/passwd"
        for folder in ("assets", "static", "svelte", "gradio_api/file=/tmp/gradio")
        for up in ("../" * 9, "..%2f" * 9, "%2e%2e/" * 9, "%252e%252e%252f" * 9, "..\\" * 9, "....//" * 9, "/", "%00/")
    ),
]


def read(address: str) -> Any:
    """The digit that an honest question is answered with."""
    return httpx.post(f"{address}read", json={"canvas": DRAWING}).json()["digit"]


def upload(address: str, content: bytes = PNG) -> str:
    """The path under which Gradio's API keeps it."""
    (path,) = httpx.post(f"{address}gradio_api/upload", files={"files": content}).json()
    return str(path)


def file(path: object) -> dict[str, Any]:
    """As Gradio's clients name an upload."""
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


def raw(address: str, request: bytes, timeout: float = 5) -> bytes:
    """All that comes back for these bytes, until the server hangs up or is silent."""
    received = b""
    with connected(address, timeout) as connection:
        try:
            connection.sendall(request)
            while more := connection.recv(65536):
                received += more
        except (TimeoutError, ConnectionError):
            pass
    return received


def connected(address: str, timeout: float = 5) -> socket.socket:
    url = urlsplit(address)
    return socket.create_connection((url.hostname or "", url.port or 0), timeout)


def at_once(address: str, count: int, **request: Any) -> list[tuple[int, str | None]]:
    """What `count` people get who POST the same at the same moment: status and Retry-After."""
    asked = httpx.Request("POST", address, **request)
    head = "".join(f"{name}: {value}\r\n" for name, value in asked.headers.items())
    sent = f"POST {asked.url.path} HTTP/1.1\r\n{head}\r\n".encode() + asked.read()
    crowd = [connected(address, timeout=60) for _ in range(count)]
    for connection in crowd:
        connection.sendall(sent[:-1])
    for connection in crowd:
        connection.sendall(sent[-1:])
    found = []
    for connection in crowd:
        with HTTPResponse(connection) as answer, connection:
            answer.begin()
            found.append((answer.status, answer.getheader("Retry-After")))
    return found


def bomb(side: int, data: bytes) -> bytes:
    """A PNG of side x side pixels by its header, whose pixels are `data`, compressed."""
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def large(side: int = 4_900) -> bytes:
    """A PNG that takes a while to read."""
    return bomb(side, zlib.compress(bytes(side * (side + 1)), 9))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def check(answer: dict[str, Any], digit: int) -> None:
    """That it is the answer to a picture of `digit`."""
    assert set(answer) == {"lenet5", "ffnn", "provider", "digit", "sure"}
    assert (answer["provider"], answer["digit"], answer["sure"]) == ("CPU", digit, True)
    for network in ("lenet5", "ffnn"):
        probabilities = answer[network]
        assert list(probabilities) == list("0123456789")
        assert max(probabilities, key=lambda each: probabilities[each]) == str(digit)
        assert sum(probabilities.values()) == pytest.approx(1, abs=1e-5)
