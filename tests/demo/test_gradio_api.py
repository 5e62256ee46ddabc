"""Gradio's API beside the server's own addresses: its clients are served, and what abuse of it may cost is bounded."""

import json
import os
import re
import signal
import sys
import time
from pathlib import Path

import httpx
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError, ValidationError

from demo.limits import Limits
from tests.demo.asking import DIGIT, PNG, at_once, check, file, large, read, upload
from tests.demo.conftest import processes, running

BODIES = ["", {}, [], {"data": []}, {"data": 7}, {"data": [1, 2]}, {"data": {"path": "x"}}]
WAYS = ["call/predict", "call/v2/predict", "queue/join"]


@pytest.fixture
def client(address: str) -> Client:
    client = Client(address, verbose=False)
    yield client
    client.close()


def question(way: str, path: object, session: str = "x") -> dict[str, object]:
    return {"image": file(path)} if "v2" in way else {"data": [file(path)], "session_hash": session, "fn_index": 0}


def test_gradio_client_gets_what_predict_gives(client: Client) -> None:
    check(client.predict(handle_file(DIGIT), api_name="/predict"), 7)


def test_a_file_that_is_no_image_gets_the_reason(client: Client, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear Sir or Madam,")
    with pytest.raises(AppError, match="not an image; send a PNG or JPEG"):
        client.predict(handle_file(tmp_path / "letter.txt"), api_name="/predict")


def test_an_image_elsewhere_is_not_fetched_and_the_client_says_what_to_do(client: Client) -> None:
    with pytest.raises(ValidationError, match="Send the file to /gradio_api/upload first"):
        client.predict(handle_file("http://127.0.0.1:1/digit.png"), api_name="/predict")


def test_a_program_may_ask_for_many_before_it_fetches_the_first(client: Client) -> None:
    jobs = [client.submit(handle_file(DIGIT), api_name="/predict") for _ in range(60)]
    assert {job.result()["digit"] for job in jobs} == {7}


@pytest.mark.parametrize("way", ["call/predict", "call/v2/predict"])
def test_plain_http_gets_it_from_the_queue_too(way: str, address: str) -> None:
    ask = f"{address}gradio_api/{way}"
    body = question(way, upload(address, DIGIT.read_bytes()))
    body.pop("session_hash", None)
    event = httpx.post(ask, json=body).json()["event_id"]
    events = httpx.get(f"{address}gradio_api/call/predict/{event}").text
    assert re.search(r'event: complete\ndata: \[\{"lenet5": .*"digit": 7, "sure": true\}\]', events)


NO_UPLOADS = ["/etc/passwd", "README.md", "../../etc/passwd", "/tmp/gradio", "\0", "x" * 9_999, 7, None, []]


@pytest.mark.parametrize("path", NO_UPLOADS, ids=lambda path: str(path)[:20])
@pytest.mark.parametrize("way", WAYS)
def test_only_an_upload_can_be_asked_about(way: str, path: object, address: str) -> None:
    body = question(way, path)
    answer = httpx.post(f"{address}gradio_api/{way}", json=body)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["message"]


@pytest.mark.parametrize("body", BODIES, ids=str)
@pytest.mark.parametrize("way", WAYS)
def test_a_question_without_a_file_is_refused(way: str, body: object, address: str) -> None:
    sent = {"content": json.dumps(body) if body != "" else "", "headers": {"Content-Type": "application/json"}}
    assert httpx.post(f"{address}gradio_api/{way}", **sent).status_code == 422  # type: ignore[arg-type]


def test_an_address_does_not_pass_for_an_upload(address: str) -> None:
    """Gradio would fetch it, from wherever the server can reach."""
    path = upload(address)
    detour = "http://127.0.0.1:1/" + "../" * 20 + path.lstrip("/")
    nested = {**file(path), "orig_name": file("http://127.0.0.1:1/digit.png")}
    for hidden in (file(detour), nested, {**file(path), "meta": {"_type": "gradio.FileData", "x": file(detour)}}):
        for way, body in (("call/predict", {"data": [hidden]}), ("call/v2/predict", {"image": hidden})):
            assert httpx.post(f"{address}gradio_api/{way}", json=body).status_code == 422


@pytest.mark.parametrize("path", ["predict", "gradio_api/upload"])
@pytest.mark.parametrize(
    "kind", ["charset=undefined; boundary=x", "charset=punycode; boundary=x", "boundary=" + "x" * 300]
)
def test_a_form_that_no_parser_reads_is_refused(kind: str, path: str, address: str) -> None:
    form = b'--x\r\nContent-Disposition: form-data; name="files"; filename="x"\r\n\r\nx\r\n--x--\r\n'
    headers = {"Content-Type": f"multipart/form-data; {kind}"}
    assert httpx.post(address + path, content=form, headers=headers).status_code in (400, 415)


def test_a_function_that_is_not_there_is_refused(address: str) -> None:
    body = {**question("queue/join", upload(address)), "fn_index": 999}
    assert httpx.post(f"{address}gradio_api/queue/join", json=body).status_code == 404


def test_an_answer_that_is_not_there_ends_with_a_word(address: str) -> None:
    """Not with a connection that breaks off."""
    assert "event: error" in httpx.get(f"{address}gradio_api/call/predict/unknown").text
    assert '"session_not_found":true' in httpx.get(f"{address}gradio_api/queue/data?session_hash=unknown").text


def test_a_form_whose_files_are_text_is_refused(address: str) -> None:
    form = {"files": (None, "text")}
    assert httpx.post(f"{address}gradio_api/upload", files=form).status_code == 400


def test_many_may_upload_the_same_at_once(address: str) -> None:
    assert set(at_once(f"{address}gradio_api/upload", 50, files={"files": PNG})) == {(200, None)}


def test_nothing_stays_of_what_was_uploaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "made"))
    with running(limits=Limits(uploads_seconds=1)) as address:
        path = upload(address)
        assert Path(path).read_bytes() == PNG
        assert Path(path).is_relative_to(tmp_path)
        httpx.post(f"{address}gradio_api/upload", files=[("files", PNG), ("files", (None, "text"))])
        for _ in range(100):
            if not any(path.is_file() for path in tmp_path.rglob("*")):
                break
            time.sleep(0.1)
        assert not [path for path in tmp_path.rglob("*") if path.is_file()]
        upload(address)
    for _ in range(50):
        if not list(tmp_path.rglob("draw-a-digit-*")):
            break
        time.sleep(0.1)
    assert not list(tmp_path.rglob("draw-a-digit-*"))


def test_uploads_are_refused_when_too_many_are_kept() -> None:
    with running(limits=Limits(uploads_bytes=150_000)) as address:
        long, short = {"files": bytes(60_000)}, {"files": b"x"}
        files = [long, long, long, short, short, short, short]
        statuses = [httpx.post(f"{address}gradio_api/upload", files=each).status_code for each in files]
        assert statuses == [200, 200, 429, 200, 200, 429, 429]
        assert read(address) == 1


def test_a_full_queue_is_told_apart_from_a_fault(hasty: str) -> None:
    question = {"data": [file(upload(hasty, large()))]}
    assert set(at_once(f"{hasty}gradio_api/call/predict", 15, json=question)) == {(200, None), (429, "1")}


def test_programs_that_never_fetch_do_not_stop_the_queue(address: str) -> None:
    """Gradio keeps answers of 2,000 sessions. It stopped for good when those of a question that waits were gone."""
    path, slow, no_image = upload(address), upload(address, large()), upload(address, b"x")
    with httpx.Client(base_url=f"{address}gradio_api/", timeout=30) as program:

        def ask(path: str, session: str) -> None:
            while program.post("queue/join", json=question("queue/join", path, session)).status_code == 429:
                time.sleep(0.05)

        ask(path, "the oldest")
        for i in range(2_050):
            if i == 2_000:
                for _ in range(2):
                    ask(slow, "the oldest")
            ask(no_image, f"nobody {i}")
        event = program.post("call/predict", json={"data": [file(path)]}).json()["event_id"]
        answer = program.get(f"call/predict/{event}").text
    assert "event: complete" in answer


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT to send")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_server_that_is_stopped_ends_the_streams_that_are_open(number: signal.Signals) -> None:
    with running() as address, httpx.stream("GET", f"{address}gradio_api/heartbeat/x", timeout=10) as heartbeat:
        lines = heartbeat.iter_lines()
        assert next(lines) == "data: ALIVE"
        os.kill(processes[address], number)
        assert list(lines)[-1:] == [""]
        time.sleep(2)  # a second signal would interrupt the end
