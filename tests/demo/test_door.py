"""Whatever is sent, by people who mean harm or programs gone wrong, gets a word, and the next question its answer."""

import asyncio
import base64
import json
import re
import socket
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import numpy as np
import pytest
import schemathesis
from hypothesis import settings
from schemathesis.checks import CHECKS

from demo.app import OPENAPI
from demo.images import data_url
from tests.demo.conftest import running

ONE = np.zeros((280, 280))
ONE[60:220, 130:150] = 1
PNG = base64.b64decode(data_url(ONE).partition(",")[2])


def read(address: str) -> Any:
    """The digit, for an honest question."""
    question = {"fn_name": "read", "data": {"canvas": data_url(ONE)}}
    return httpx.post(f"{address}gradio_api/component_server/", json=question).json()["digit"]


def raw(address: str, request: bytes, timeout: float = 5) -> bytes:
    """All that comes back for these bytes, until the server hangs up or is silent."""
    url = urlsplit(address)
    with socket.create_connection((url.hostname or "", url.port or 0), timeout) as connection:
        received = b""
        try:
            connection.sendall(request)
            while more := connection.recv(65536):
                received += more
        except (TimeoutError, ConnectionError):
            pass
        return received


schema = schemathesis.openapi.from_dict(json.loads(OPENAPI.read_text()))
# Of a path only the server knows whether it is an upload, and the page wants to show why a canvas cannot be read.
UNTOLD: Any = [CHECKS.get_one(name) for name in ("positive_data_acceptance", "negative_data_rejection")]


@schema.parametrize()
@settings(database=None, deadline=None)
def test_the_schema_is_true_whatever_is_sent(case: schemathesis.Case[Any], address: str) -> None:
    case.call_and_validate(base_url=address, excluded_checks=UNTOLD)


def test_the_schema_is_where_programs_look_for_it(address: str) -> None:
    for path in ("openapi.json", "gradio_api/openapi.json"):
        assert httpx.get(address + path).json() == json.loads(OPENAPI.read_text())


OPEN = """
GET / HEAD /
GET /assets/{path} GET /config GET /favicon.ico GET /robots.txt GET /static/{path} GET /svelte/{path}
GET /theme.css GET /gradio_api/app_id GET /gradio_api/app_id/ GET /gradio_api/call/{api_name}/{event_id}
GET /gradio_api/heartbeat/{session_hash} GET /gradio_api/info GET /gradio_api/info/ GET /gradio_api/openapi.json
GET /gradio_api/queue/data GET /gradio_api/startup-events
POST /gradio_api/call/v2/{api_name} POST /gradio_api/call/v2/{api_name}/ POST /gradio_api/call/{api_name}
POST /gradio_api/call/{api_name}/ POST /gradio_api/cancel POST /gradio_api/component_server
POST /gradio_api/component_server/ POST /gradio_api/queue/join POST /gradio_api/reset
POST /gradio_api/run/{api_name} POST /gradio_api/run/{api_name}/ POST /gradio_api/upload
"""


SERVED = """
import json
from gradio.routes import App
from demo.app import build
from demo.classifier import load
from demo.questions import questions
classifier = load("cpu")
print(json.dumps(App.create_app(build(classifier, questions(classifier))).openapi()["paths"]))
"""


def test_of_all_that_gradio_serves_only_this_is_open(address: str) -> None:
    served = subprocess.run([sys.executable, "-c", SERVED], capture_output=True, text=True, check=True).stdout
    found = set()
    for path, operations in json.loads(served).items():
        filled = re.sub(r"{(\w+)}", lambda slot: "predict" if slot[1] == "api_name" else "x", path)
        for method in map(str.upper, operations):
            with httpx.stream(method, address.rstrip("/") + filled) as answer:
                closed = answer.status_code == 404 and (method == "HEAD" or b"nothing at this" in answer.read())
                found |= set() if closed else {f"{method} {path}"}
    assert found == set(re.findall(r"[A-Z]+ \S+", OPEN))


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


@pytest.mark.parametrize("path", SECRETS)
def test_no_file_of_the_server_can_be_read(path: str, address: str) -> None:
    answer = raw(address, f"GET /{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert re.match(rb"HTTP/1.1 40[04] ", answer)
    assert b"root:" not in answer


NO_UPLOADS = ["/etc/passwd", "README.md", "../../etc/passwd", "/tmp/gradio", "\0", "x" * 9_999, 7, None, []]


@pytest.mark.parametrize("path", NO_UPLOADS, ids=lambda path: str(path)[:20])
@pytest.mark.parametrize("way", ["run/predict", "call/predict", "call/v2/predict", "queue/join"])
def test_only_an_upload_can_be_asked_about(way: str, path: object, address: str) -> None:
    file = {"path": path, "url": "http://127.0.0.1:22/", "meta": {"_type": "gradio.FileData"}}
    body: Any = {"image": file} if "v2" in way else {"data": [file], "session_hash": "x", "fn_index": 0}
    answer = httpx.post(f"{address}gradio_api/{way}", json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["message"]


def upload(address: str, content: bytes) -> Any:
    (path,) = httpx.post(f"{address}gradio_api/upload", files={"files": content}).json()
    file = {"path": path, "meta": {"_type": "gradio.FileData"}}
    return httpx.post(f"{address}gradio_api/run/predict", json={"data": [file]}, timeout=60)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def bomb(side: int, data: bytes) -> bytes:
    """A PNG of side x side pixels by its header."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"Dear Sir or Madam,", "not an image"),
        (PNG[:100], "damaged"),
        (bomb(40_000, zlib.compress(bytes(10_000_000))), "too large"),
        (bomb(8_000, zlib.compress(bytes(10_000_000))), "at most 25,000,000"),
        (bomb(300, zlib.compress(bytes(19_000_000), 1)), None),
        (b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>', "not an image"),
    ],
    ids=["a letter", "half an image", "a bomb", "a smaller bomb", "an image with too much in it", "an SVG"],
)
def test_an_upload_that_is_no_digit_gets_a_word(content: bytes, word: str | None, address: str) -> None:
    answer = upload(address, content)
    if word is None:
        assert answer.status_code == 200
    else:
        assert answer.status_code == 422
        assert word in answer.json()["error"]


@pytest.mark.parametrize("url", [None, 7, "data:image/png;base64,", "data:image/svg+xml;base64,PHN2Zz4=", "x" * 50_001])
def test_a_bomb_in_a_question_gets_a_word(url: Any, address: str) -> None:
    bombs = [base64.b64encode(bomb(side, zlib.compress(bytes(1_000_000)))).decode() for side in (317, 5_000, 60_000)]
    for canvas in [url, *("data:image/png;base64," + content for content in bombs)]:
        body = {"fn_name": "read", "data": {"canvas": canvas}}
        answer = httpx.post(f"{address}gradio_api/component_server/", json=body)
        assert answer.status_code == 200
        assert set(answer.json()) == {"error", "waited"}


@pytest.mark.parametrize(
    ("head", "body", "status"),
    [
        ("POST /gradio_api/component_server/ HTTP/1.1\r\nContent-Type: application/json", b"[" * 50_000, 400),
        ("POST /gradio_api/component_server/ HTTP/1.1\r\nContent-Type: application/json", b'{"a":' * 9_999, 400),
        ("POST /gradio_api/component_server/ HTTP/1.1\r\nContent-Type: application/json", b"\xff\xfe\x00", 400),
        ("POST /gradio_api/run/predict HTTP/1.1\r\nContent-Type: application/json", b"[" * 50_000, 400),
        ("POST /gradio_api/run/predict HTTP/1.1\r\nContent-Type: application/json", b'{"data": "x"}', 422),
        ("POST /gradio_api/component_server/ HTTP/1.1\r\nContent-Type: application/json", b'"x"', 422),
        ("POST /gradio_api/cancel HTTP/1.1\r\nContent-Type: application/json", b'{"event_id": Infinity}', 400),
        ("POST /gradio_api/reset HTTP/1.1\r\nContent-Type: application/json", b'["\\udfff", 1e999]', 400),
        ("POST /gradio_api/cancel HTTP/1.1\r\nContent-Type: application/json", b"{}", 422),
        ("POST /gradio_api/component_server/ HTTP/1.1\r\nContent-Type: text/plain", b"{}", 415),
        ("POST /gradio_api/component_server/ HTTP/1.1", b"{}", 415),
        ("POST /gradio_api/component_server/ HTTP/1.1\r\nContent-Type: application/json", bytes(60_001), 413),
        ("POST /gradio_api/upload HTTP/1.1\r\nContent-Type: multipart/form-data", b"--x", 400),
        ("POST /gradio_api/upload HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=x", b"--y", 400),
        ("POST /gradio_api/upload HTTP/1.1", b"", 400),
        ("DELETE /config HTTP/1.1", b"", 405),
        ("GET /gradio_api/run/predict HTTP/1.1", b"", 405),
        ("GET /config HTTP/1.1\r\nX-Forwarded-Host: [::", b"", 400),
        ("GET / HTTP/1.1\r\nX-Forwarded-Host: a/../b?c", b"", 400),
        ("GET / HTTP/1.1", b"x", 400),
        ("GET /assets/" + "x" * 300 + " HTTP/1.1", b"", 404),
        ("GET / HTTP/1.1\r\nX-Padding: " + "x" * 200_000, b"", 400),
        ("GET /" + "x" * 200_000 + " HTTP/1.1", b"", 400),
        ("BREW /coffee HTTP/1.1", b"", 404),
        ("\0\1\2\3", b"", 400),
    ],
)
def test_a_malformed_request_is_refused_without_a_trace_of_the_code(
    head: str, body: bytes, status: int, address: str
) -> None:
    request = f"{head}\r\nHost: x\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body
    answer = raw(address, request)
    assert answer.startswith(f"HTTP/1.1 {status} ".encode())
    assert not re.search(rb"Traceback|\.py|site-packages", answer)
    assert read(address) == 1


def test_a_header_meant_for_gradios_own_proxy_does_nothing(address: str) -> None:
    assert httpx.get(address, headers={"X-Gradio-Server": "http://["}).status_code == 200


def test_no_websocket_is_opened(address: str) -> None:
    upgrade = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: eA=="
    answer = raw(address, f"GET / HTTP/1.1\r\nHost: x\r\n{upgrade}\r\n\r\n".encode(), 1)
    assert answer
    assert not answer.startswith(b"HTTP/1.1 101 ")


HASTY: dict[str, Any] = {
    "door.HEAD_SECONDS": 0.5,
    "door.JSON_SECONDS": 0.5,
    "door.FILE_SECONDS": 0.5,
    "door.FILE_BYTES": 100_000,
    "door.HELD_BYTES": 200_000,
    "door.CONNECTIONS": 20,
    "door.PREDICTIONS": 5,
    "door.SESSIONS": 10,
    "questions.WAITING": 1,
}


@pytest.fixture(scope="module")
def hasty() -> Iterator[str]:
    """A server of small limits."""
    with running(limits=HASTY) as address:
        yield address


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"", b""),
        (b"GET / HTTP/1.1\r\nHost: x\r\n", b""),
        (b"POST /gradio_api/upload HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nx", b"408"),
        (b"POST /gradio_api/upload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n", b"408"),
    ],
    ids=["nothing", "half a head", "half a body", "a body without an end"],
)
def test_who_sends_too_slowly_is_hung_up_on(sent: bytes, status: bytes, hasty: str) -> None:
    started = time.monotonic()
    assert raw(hasty, sent)[9:12] == status
    assert time.monotonic() - started < 2


def test_drop_by_drop_is_too_slow(hasty: str) -> None:
    url = urlsplit(hasty)
    with socket.create_connection((url.hostname or "", url.port or 0), 5) as connection:
        started = time.monotonic()
        with suppress(ConnectionError):
            while time.monotonic() - started < 3:
                connection.sendall(b"G")
                time.sleep(0.1)
    assert time.monotonic() - started < 2


def test_an_upload_without_an_end_is_cut_off_at_the_limit(hasty: str) -> None:
    head = b"POST /gradio_api/upload HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    assert raw(hasty, head + (b"2710\r\n" + bytes(10_000) + b"\r\n") * 1_000)[9:12] in (b"413", b"")
    assert httpx.post(f"{hasty}gradio_api/upload", files={"files": bytes(100_001)}).status_code == 413
    assert read(hasty) == 1


def test_uploads_that_do_not_end_keep_nobody_from_drawing(hasty: str) -> None:
    url = urlsplit(hasty)
    head = b"POST /gradio_api/upload HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n"
    crowd = [socket.create_connection((url.hostname or "", url.port or 0), 5) for _ in range(4)]
    for connection in crowd:
        connection.sendall(head + bytes(99_000))
    time.sleep(0.2)
    assert read(hasty) == 1
    for connection in crowd:
        connection.close()


def test_nothing_stays_of_what_was_uploaded_or_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "made"))
    with running("--mcp", limits={"app.KEPT_SECONDS": 1}) as address:
        upload(address, PNG)
        assert [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()] == [PNG]
        image = "data:image/png;base64," + base64.b64encode(PNG).decode()
        call = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {"name": "predict", "arguments": {"image": image}},
        }
        headers = {"Accept": "application/json, text/event-stream"}
        assert "lenet5" in httpx.post(f"{address}gradio_api/mcp/", json=call, headers=headers).text
        time.sleep(3)
        assert not [path for path in tmp_path.rglob("*") if path.is_file()]
    time.sleep(1)
    assert not list(tmp_path.glob("draw-a-digit-*"))


def test_uploads_are_refused_when_too_many_are_kept() -> None:
    with running(limits={"door.KEPT_BYTES": 150_000}) as address:
        large, small = {"files": bytes(60_000)}, {"files": b"x"}
        files = [large, large, large, small, small, small, small]
        statuses = [httpx.post(f"{address}gradio_api/upload", files=each).status_code for each in files]
        assert statuses == [200, 200, 429, 200, 200, 429, 429]
        assert read(address) == 1


def test_more_connections_than_the_limit_are_hung_up_on_and_make_room_again(hasty: str) -> None:
    url = urlsplit(hasty)
    crowd = [socket.create_connection((url.hostname or "", url.port or 0), 5) for _ in range(40)]
    time.sleep(1)
    assert read(hasty) == 1
    for connection in crowd:
        connection.close()


def at_once(address: str, count: int, **request: Any) -> list[httpx.Response]:
    """What `count` people get who POST the same at the same moment."""

    async def crowd() -> list[httpx.Response]:
        async with httpx.AsyncClient() as client:
            return await asyncio.gather(*(client.post(address, **request) for _ in range(count)))

    return asyncio.run(crowd())


def test_a_crowd_is_told_that_the_server_is_busy(hasty: str) -> None:
    question = {"fn_name": "read", "data": {"canvas": data_url(ONE)}}
    answers = [answer.json() for answer in at_once(f"{hasty}gradio_api/component_server/", 15, json=question)]
    assert {"busy": True} in answers
    assert any(answer.get("digit") == 1 for answer in answers)
    assert read(hasty) == 1


def test_programs_are_told_that_the_server_is_busy(hasty: str) -> None:
    (path,) = httpx.post(f"{hasty}gradio_api/upload", files={"files": PNG}).json()
    question = {"data": [{"path": path, "meta": {"_type": "gradio.FileData"}}]}
    answers = at_once(f"{hasty}gradio_api/run/predict", 15, json=question)
    assert {answer.status_code for answer in answers} == {200, 429}
    assert {answer.headers.get("Retry-After") for answer in answers if answer.status_code == 429} == {"1"}


def test_programs_that_never_fetch_their_answers_do_not_stop_the_queue(hasty: str) -> None:
    large = bomb(4_900, zlib.compress(bytes(4_900 * 4_901), 9))  # takes a while to read
    paths = [httpx.post(f"{hasty}gradio_api/upload", files={"files": each}).json()[0] for each in (PNG, large)]

    def ask(way: str, path: str, session: str | None = None) -> httpx.Response:
        file = {"path": path, "meta": {"_type": "gradio.FileData"}}
        body = {"data": [file], "session_hash": session, "fn_index": 0}
        while (answer := httpx.post(f"{hasty}gradio_api/{way}", json=body)).status_code == 429:
            time.sleep(0.1)
        return answer

    for i in range(HASTY["door.SESSIONS"]):
        ask("queue/join", paths[0], f"nobody {i}")
    time.sleep(0.5)
    for _ in range(2):
        ask("queue/join", paths[1], "slow")
    ask("queue/join", paths[0], "nobody 1")  # the oldest, whose question waits
    ask("queue/join", paths[0], "late")
    event = ask("call/predict", paths[0]).json()["event_id"]
    assert "event: complete" in httpx.get(f"{hasty}gradio_api/call/predict/{event}").text


def test_another_site_cannot_store_drawings(tmp_path: Path) -> None:
    body = {"fn_name": "keep", "data": {"canvas": data_url(ONE), "digit": 1}}
    with running("--collect", str(tmp_path)) as address:
        ask = f"{address}gradio_api/component_server/"
        elsewhere = {"Origin": "http://elsewhere.example"}
        for headers in (elsewhere, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}, {"Origin": "http://["}):
            assert httpx.post(ask, json=body, headers=headers).status_code == 403
        assert not list(tmp_path.rglob("*.png"))
        proxy = {"Origin": "http://digits.lan", "X-Forwarded-Host": "digits.lan"}
        for headers in ({}, {"Origin": address.rstrip("/")}, proxy, {"Sec-Fetch-Site": "same-origin", **elsewhere}):
            assert "kept" in httpx.post(ask, json=body, headers=headers).json()


def test_many_may_upload_the_same_at_once(address: str) -> None:
    answers = at_once(f"{address}gradio_api/upload", 50, files={"files": PNG})
    assert {answer.status_code for answer in answers} == {200}


def test_nobody_gets_another_persons_upload_to_see(address: str) -> None:
    (path,) = httpx.post(f"{address}gradio_api/upload", files={"files": PNG}).json()
    for way in (f"gradio_api/file={path}", f"gradio_api/file{path}", f"file={path}", f"static{path}"):
        assert httpx.get(address + way).status_code == 404


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have one local address")
def test_nobody_else_is_listened_to_unless_asked(address: str) -> None:
    port = urlsplit(address).port or 0
    assert urlsplit(address).hostname == "127.0.0.1"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", port), 5)
    with running("--host", "0.0.0.0") as everywhere:
        assert read(f"http://127.0.0.2:{urlsplit(everywhere).port}/") == 1
