"""What the tests ask a running demo: drawings, pictures, and whatever bytes one likes."""

import asyncio
import base64
import socket
import struct
import zlib
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np

from demo.networks.images import data_url

ONE = np.zeros((280, 280), np.float32)
ONE[60:220, 130:150] = 1
DRAWING = data_url(ONE)
PNG = base64.b64decode(DRAWING.partition(",")[2])


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


def at_once(address: str, count: int, **request: Any) -> list[httpx.Response]:
    """What `count` people get who POST the same at the same moment."""

    async def crowd() -> list[httpx.Response]:
        async with httpx.AsyncClient(timeout=30) as client:
            return await asyncio.gather(*(client.post(address, **request) for _ in range(count)))

    return asyncio.run(crowd())


def bomb(side: int, data: bytes) -> bytes:
    """A PNG of side x side pixels by its header, whose pixels are `data`, compressed."""
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + _chunk(b"IDAT", data) + _chunk(b"IEND", b"")


def large(side: int = 4_900) -> bytes:
    """A PNG that takes a while to read."""
    return bomb(side, zlib.compress(bytes(side * (side + 1)), 9))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
