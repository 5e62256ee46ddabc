"""Gradio's API serves Gradio's clients and plain HTTP, and refuses or limits abuse."""

import asyncio
import json
import os
import re
import signal
import sys
import time
from pathlib import Path

import httpx
import pytest
from fastapi import HTTPException, Request
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError, ValidationError

from demo.errors import GRADIO_HANDLERS
from demo.limits import Limits
from demo.uploads import Uploads
from tests.demo.asking import DIGIT, PNG, at_once, check, file, large, upload
from tests.demo.serving import Running, processes

pytestmark = [pytest.mark.server]

BODIES = ["", {}, [], {"data": []}, {"data": 7}, {"data": [1, 2]}, {"data": {"path": "x"}}]
WAYS = ["call/predict", "call/v2/predict", "queue/join"]


@pytest.fixture
def client(address: str) -> Client:
    client = Client(address, verbose=False, max_workers=200)  # each question takes three; with too few, some get stuck
    yield client
    client.close()


def question(way: str, path: object, session: str = "x") -> dict[str, object]:
    return {"image": file(path)} if "v2" in way else {"data": [file(path)], "session_hash": session, "fn_index": 0}


def test_gradio_client_gets_the_answer_of_predict(client: Client) -> None:
    check(client.predict(handle_file(DIGIT), api_name="/predict"), 7)


def test_a_file_that_is_not_an_image_gets_the_reason(client: Client, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear Sir or Madam,")
    with pytest.raises(AppError, match="not an image; send a PNG or JPEG"):
        client.predict(handle_file(tmp_path / "letter.txt"), api_name="/predict")


def test_the_url_of_an_image_is_not_fetched_and_the_error_says_what_to_do(client: Client) -> None:
    with pytest.raises(ValidationError, match="Send the file to /gradio_api/upload first"):
        client.predict(handle_file("http://127.0.0.1:1/digit.png"), api_name="/predict")


def test_a_program_may_ask_many_questions_before_it_fetches_the_first_answer(client: Client) -> None:
    jobs = [client.submit(handle_file(DIGIT), api_name="/predict") for _ in range(60)]
    assert {job.result()["digit"] for job in jobs} == {7}


@pytest.mark.parametrize("way", ["call/predict", "call/v2/predict"])
def test_plain_http_gets_an_answer_from_the_queue(way: str, address: str) -> None:
    ask = f"{address}gradio_api/{way}"
    body = question(way, upload(address, DIGIT.read_bytes()))
    body.pop("session_hash", None)
    event = httpx.post(ask, json=body).json()["event_id"]
    events = httpx.get(f"{address}gradio_api/call/predict/{event}").text
    assert re.search(
        r'event: complete\ndata: \[\{"lenet5": .*"digit": 7, "sure": true, "number": "7", "digits": \[.*\]\}\]', events
    )


NO_UPLOADS = ["/etc/passwd", "README.md", "../../etc/passwd", "/tmp/gradio", "\0", "x" * 9_999, 7, None, []]


@pytest.mark.parametrize("path", NO_UPLOADS, ids=lambda path: str(path)[:20])
@pytest.mark.parametrize("way", WAYS)
def test_a_path_that_is_not_an_upload_is_refused(way: str, path: object, address: str) -> None:
    body = question(way, path)
    answer = httpx.post(f"{address}gradio_api/{way}", json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["message"]


@pytest.mark.parametrize("body", BODIES, ids=str)
@pytest.mark.parametrize("way", WAYS)
def test_a_question_without_a_file_is_refused(way: str, body: object, address: str) -> None:
    sent = {"content": json.dumps(body) if body != "" else "", "headers": {"Content-Type": "application/json"}}
    assert httpx.post(f"{address}gradio_api/{way}", **sent).status_code == 422  # type: ignore[arg-type]


def test_a_url_that_contains_the_path_of_an_upload_is_refused(address: str) -> None:
    """Gradio would fetch it, from any host that the server can reach."""
    path = upload(address)
    detour = "http://127.0.0.1:1/" + "../" * 20 + path.lstrip("/")
    nested = {**file(path), "orig_name": file("http://127.0.0.1:1/digit.png")}
    for hidden in (file(detour), nested, {**file(path), "meta": {"_type": "gradio.FileData", "x": file(detour)}}):
        for way, body in (("call/predict", {"data": [hidden]}), ("call/v2/predict", {"image": hidden})):
            assert httpx.post(f"{address}gradio_api/{way}", json=body).status_code == 422


@pytest.mark.parametrize("field", [{"mime_type": 5}, {"size": "foo"}, {"url": 7}, {"is_stream": "maybe"}], ids=str)
@pytest.mark.parametrize("way", WAYS)
def test_a_file_object_with_an_invalid_field_is_refused(way: str, field: dict[str, object], address: str) -> None:
    hidden = {**file(upload(address)), **field}
    body = {"image": hidden} if "v2" in way else {"data": [hidden], "session_hash": "x", "fn_index": 0}
    answer = httpx.post(f"{address}gradio_api/{way}", json=body)
    assert answer.status_code == 422
    assert "Ask about one image" in answer.json()["detail"][0]["message"]


@pytest.mark.parametrize("way", WAYS)
def test_a_question_that_is_too_long_is_refused(way: str, address: str) -> None:
    """Gradio keeps questions in memory."""
    body = question(way, upload(address))
    answer = httpx.post(f"{address}gradio_api/{way}", json={**body, "trigger_id": "x" * 5_000})
    assert answer.status_code == 422
    nested = httpx.post(
        f"{address}gradio_api/{way}", content=b"[" * 4_900, headers={"Content-Type": "application/json"}
    )
    assert nested.status_code in (400, 422)


@pytest.mark.parametrize("path", ["predict", "gradio_api/upload"])
@pytest.mark.parametrize(
    "kind",
    [
        "charset=undefined; boundary=x",
        "boundary=x; charset*=utf-8''punycode",
        "boundary=x;Charset =punycode",
        "charset=punycode; boundary=x",
        "boundary=" + "x" * 300,
    ],
)
def test_a_form_with_an_unusable_content_type_is_refused(kind: str, path: str, address: str) -> None:
    form = b'--x\r\nContent-Disposition: form-data; name="files"; filename="x"\r\n\r\nx\r\n--x--\r\n'
    headers = {"Content-Type": f"multipart/form-data; {kind}"}
    assert httpx.post(address + path, content=form, headers=headers).status_code in (400, 415)


def test_an_unknown_function_is_refused(address: str) -> None:
    path = upload(address)
    for way in WAYS:
        asked = httpx.post(f"{address}gradio_api/{way}", json={**question(way, path), "fn_index": 999})
        assert asked.status_code == 404
    unnamed = {"data": [file(path)], "session_hash": "x", "api_name": "nothing"}
    assert httpx.post(f"{address}gradio_api/queue/join", json=unnamed).status_code == 400


def test_a_fault_is_not_taken_for_a_damaged_upload() -> None:
    """Gradio raises TypeError and ValueError for such uploads. In other requests they are faults for the log."""

    def request_of(path: str) -> Request:
        return Request({"type": "http", "path": path, "query_string": b"", "headers": [], "server": ("x", 80)})

    assert LookupError not in GRADIO_HANDLERS
    for error in (TypeError("a fault"), ValueError("a fault")):
        handler = GRADIO_HANDLERS[type(error)]
        assert handler(request_of("/gradio_api/upload"), error).status_code == 400
        with pytest.raises(type(error), match="a fault"):
            handler(request_of("/config"), error)


def test_a_request_for_an_unknown_answer_gets_an_error_event(address: str) -> None:
    """Not a connection that breaks off."""
    assert "event: error" in httpx.get(f"{address}gradio_api/call/predict/unknown").text
    assert '"session_not_found":true' in httpx.get(f"{address}gradio_api/queue/data?session_hash=unknown").text


def test_a_form_whose_files_are_text_is_refused(address: str) -> None:
    form = {"files": (None, "text")}
    assert httpx.post(f"{address}gradio_api/upload", files=form).status_code == 400


def test_many_programs_may_upload_the_same_file_at_once(address: str) -> None:
    assert set(at_once(f"{address}gradio_api/upload", 50, files={"files": PNG})) == {(200, None)}


def test_a_full_queue_gives_429_with_retry_after(hasty: str) -> None:
    question = {"data": [file(upload(hasty, large()))]}
    assert set(at_once(f"{hasty}gradio_api/call/predict", 15, json=question)) == {(200, None), (429, "1")}


def test_programs_that_never_fetch_their_answers_do_not_stop_the_queue(hasty: str) -> None:
    """Gradio forgets the oldest sessions. If a question of theirs still waits, its own queue would stop forever."""
    path, slow, no_image = upload(hasty), upload(hasty, large()), upload(hasty, b"x")
    with httpx.Client(base_url=f"{hasty}gradio_api/", timeout=30) as program:

        def accepted(address: str, body: object) -> httpx.Response:
            while (answer := program.post(address, json=body)).status_code == 429:
                time.sleep(0.05)
            return answer

        def ask(path: str, session: str) -> None:
            accepted("queue/join", question("queue/join", path, session))

        ask(path, "the oldest")
        for i in range(60):
            if i == 35:
                ask(slow, "the oldest")
                ask(slow, "the oldest")
            ask(no_image, f"nobody {i}")
        event = accepted("call/predict", {"data": [file(path)]}).json()["event_id"]
        answer = program.get(f"call/predict/{event}").text
    assert "event: complete" in answer


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stopped_server_ends_its_streams_and_leaves_no_file(
    number: signal.Signals, start_server: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    with start_server() as address:
        path = Path(upload(address))
        assert path.is_relative_to(tmp_path)
        assert path.read_bytes() == PNG
        with httpx.stream("GET", f"{address}gradio_api/heartbeat/x", timeout=10) as heartbeat:
            lines = heartbeat.iter_lines()
            assert next(lines) == "data: ALIVE"
            os.kill(processes[address].pid, number)
            assert list(lines)[-1:] == [""]
        processes[address].wait(10)
    assert not [path for path in tmp_path.rglob("*") if path.is_file() or "write-a-number" in path.name]


def test_an_upload_beyond_the_limit_gives_429_with_retry_after(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from demo.page import guard  # imports Gradio, which takes seconds

    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    uploads = Uploads(Limits(uploads_bytes=150_000))

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"x" * 100_000}

    def request() -> Request:
        return Request({"type": "http", "method": "POST", "path": "/gradio_api/upload", "headers": []}, receive)

    check = guard(uploads, {0})
    asyncio.run(check(request()))
    with pytest.raises(HTTPException) as refused:
        asyncio.run(check(request()))
    assert (refused.value.status_code, refused.value.headers) == (429, {"Retry-After": "1"})
