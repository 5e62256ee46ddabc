"""Only the addresses of Gradio that the page and Gradio's clients need are open."""

import re

import httpx
import pytest

from tests.demo.asking import SECRETS, gradio_paths, raw, read, upload

pytestmark = [pytest.mark.server]

OPEN = """
GET / HEAD /
GET /assets/{path} GET /config GET /favicon.ico GET /robots.txt GET /static/{path} GET /svelte/{path}
GET /manifest.json GET /theme.css
GET /gradio_api/app_id GET /gradio_api/app_id/ GET /gradio_api/call/{api_name}/{event_id}
GET /gradio_api/heartbeat/{session_hash} GET /gradio_api/info GET /gradio_api/info/ GET /gradio_api/openapi.json
GET /gradio_api/queue/data GET /gradio_api/startup-events
POST /gradio_api/call/v2/{api_name} POST /gradio_api/call/v2/{api_name}/ POST /gradio_api/call/{api_name}
POST /gradio_api/call/{api_name}/ POST /gradio_api/cancel POST /gradio_api/queue/join
POST /gradio_api/reset POST /gradio_api/upload
"""


def test_only_these_addresses_of_gradio_are_open(address: str) -> None:
    opened = set()
    for path, operations in gradio_paths().items():
        filled = re.sub(r"{(\w+)}", lambda slot: "predict" if slot[1] == "api_name" else "x", path)
        for method in map(str.upper, operations):
            with httpx.stream(method, address.rstrip("/") + filled) as answer:
                closed = answer.status_code == 404 and (method == "HEAD" or b"nothing at this" in answer.read())
                opened |= set() if closed else {f"{method} {path}"}
    assert opened == set(re.findall(r"[A-Z]+ \S+", OPEN))


@pytest.mark.parametrize("path", SECRETS)
def test_no_file_of_the_server_can_be_read(path: str, address: str) -> None:
    answer = raw(address, f"GET /{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert re.match(rb"HTTP/1.1 40[04] ", answer)
    assert b"root:" not in answer


def test_an_upload_cannot_be_downloaded(address: str) -> None:
    path = upload(address)
    for way in (f"gradio_api/file={path}", f"gradio_api/file{path}", f"file={path}", f"static{path}"):
        assert httpx.get(address + way).status_code == 404


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("GET /read", 405),
        ("GET /predict", 405),
        ("POST /health", 405),
        ("DELETE /config", 405),
        ("GET /gradio_api/queue/join", 405),
        ("POST /gradio_api/run/predict", 404),
        ("POST /gradio_api/component_server", 404),
        ("GET /assets/" + "x" * 300, 404),
        ("BREW /coffee", 404),
    ],
)
def test_another_address_or_method_is_refused(line: str, status: int, address: str) -> None:
    answer = raw(address, f"{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".encode())
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert (b"\r\nallow: " in answer.lower()) == (status == 405)
    assert read(address) == 1


def test_no_websocket_is_opened(address: str) -> None:
    upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA=="
    answer = raw(address, f"GET / HTTP/1.1\r\nHost: x\r\n{upgrade}\r\n\r\n".encode(), 1)
    assert answer
    assert not answer.startswith(b"HTTP/1.1 101 ")
