"""Requests to a running demo: drawings, pictures and raw bytes."""

import base64
import json
import socket
import struct
import subprocess
import sys
import zlib
from http.client import HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest

import demo
from demo.networks.images import data_url

ONE = np.zeros((280, 280), np.float32)
ONE[60:220, 130:150] = 1
DRAWING = data_url(ONE)
PNG = base64.b64decode(DRAWING.partition(",")[2])
DIGIT = Path(demo.__file__).parent / "digit.png"  # a 7

PATHS = """
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


def gradio_paths() -> dict[str, Any]:
    """The OpenAPI paths of everything that Gradio serves, open or closed, from a separate process."""
    return dict(json.loads(subprocess.run([sys.executable, "-c", PATHS], capture_output=True, check=True).stdout))


def read(address: str) -> int:
    """Ask the server to read a drawing of a 1. Returns the digit that it reads."""
    return int(httpx.post(f"{address}read", json={"canvas": DRAWING}).json()["number"])


def upload(address: str, content: bytes = PNG) -> str:
    """Upload a file to Gradio's API. Returns the path under which it is stored."""
    (path,) = httpx.post(f"{address}gradio_api/upload", files={"files": content}).json()
    return str(path)


def file(path: object) -> dict[str, Any]:
    """The JSON object by which Gradio's clients refer to an upload."""
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


def raw(address: str, request: bytes, timeout: float = 5) -> bytes:
    """Send these bytes. Returns all that comes back until the server closes the connection or is silent."""
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
    """POST the same request `count` times at once. Returns status and Retry-After of each response."""
    asked = httpx.Request("POST", address, **request)
    head = "".join(f"{name}: {value}\r\n" for name, value in asked.headers.items())
    sent = f"POST {asked.url.path} HTTP/1.1\r\n{head}\r\n".encode() + asked.read()
    connections = [connected(address, timeout=60) for _ in range(count)]
    for connection in connections:
        connection.sendall(sent[:-1])
    for connection in connections:
        connection.sendall(sent[-1:])
    responses = []
    for connection in connections:
        with HTTPResponse(connection) as answer, connection:
            answer.begin()
            responses.append((answer.status, answer.getheader("Retry-After")))
    return responses


def bomb(side: int, data: bytes) -> bytes:
    """A PNG whose header declares side x side pixels, and whose compressed pixels are `data`."""
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def large(side: int = 4_900) -> bytes:
    """A PNG that takes long to read."""
    return bomb(side, zlib.compress(bytes(side * (side + 1)), 9))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def check(answer: dict[str, Any], digit: int, provider: str = "CPU") -> None:
    """Assert that this is the complete answer to a picture of `digit`."""
    assert set(answer) == {"lenet5", "ffnn", "provider", "digit", "sure", "number", "digits"}
    assert (answer["provider"], answer["digit"], answer["sure"]) == (provider, digit, True)
    (only,) = answer["digits"]
    assert only.pop("box")[0] > 0
    assert only == {"digit": digit, "sure": True, "line": 0, "lenet5": answer["lenet5"], "ffnn": answer["ffnn"]}
    assert answer["number"] == str(digit)
    for network in ("lenet5", "ffnn"):
        probabilities = answer[network]
        assert list(probabilities) == list("0123456789")
        assert max(probabilities, key=lambda each: probabilities[each]) == str(digit)
        assert sum(probabilities.values()) == pytest.approx(1, abs=1e-5)
