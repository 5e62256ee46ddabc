"""Programs ask /predict, with gradio_client or nothing but HTTP; the page asks what it alone understands."""

import base64
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image


@pytest.fixture
def drawing(tmp_path: Path) -> Path:
    sketch = np.full((280, 280, 3), 255, np.uint8)
    sketch[60:220, 130:150] = (20, 30, 160)
    Image.fromarray(sketch).save(tmp_path / "one.png")
    return tmp_path / "one.png"


def check(answer: dict[str, dict[str, float]]) -> None:
    assert set(answer) == {"lenet5", "ffnn"}
    for probabilities in answer.values():
        assert set(probabilities) == set("0123456789")
        assert max(probabilities, key=lambda digit: probabilities[digit]) == "1"
        assert sum(probabilities.values()) == pytest.approx(1, abs=1e-5)


def test_gradio_client_gets_the_probabilities_of_both_networks(address: str, drawing: Path) -> None:
    client = Client(address, verbose=False)
    try:
        check(client.predict(handle_file(drawing), api_name="/predict"))
    finally:
        client.close()


def test_plain_http_gets_them_too(address: str, drawing: Path) -> None:
    paths = httpx.post(f"{address}gradio_api/upload", files={"files": drawing.read_bytes()}).json()
    file = {"path": paths[0], "meta": {"_type": "gradio.FileData"}}
    answer = httpx.post(f"{address}gradio_api/run/predict", json={"data": [file]}).json()
    check(answer["data"][0])


@pytest.mark.parametrize("path", ["/etc/passwd", "README.md", "../../etc/passwd"])
def test_a_file_that_was_not_uploaded_is_not_read(path: str, address: str) -> None:
    file = {"path": path, "meta": {"_type": "gradio.FileData"}}
    answer = httpx.post(f"{address}gradio_api/run/predict", json={"data": [file]})
    assert answer.status_code >= 400
    assert "data" not in answer.json()


def test_a_file_that_is_no_image_gets_a_word_that_helps(address: str, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear Sir or Madam,")
    client = Client(address, verbose=False)
    try:
        with pytest.raises(AppError, match="not an image; send a PNG or JPEG"):
            client.predict(handle_file(tmp_path / "letter.txt"), api_name="/predict")
    finally:
        client.close()


def ask(address: str, function: str, data: object) -> dict[str, Any]:
    """As the page asks; the sketchpad is component 1."""
    body = {"data": data, "component_id": 1, "fn_name": function, "session_hash": "test"}
    answer = httpx.post(f"{address}gradio_api/component_server/", json=body)
    assert answer.status_code == 200
    return dict(answer.json())


def test_the_page_gets_both_networks_answers_and_what_they_make_together(address: str, drawing: Path) -> None:
    url = "data:image/png;base64," + base64.b64encode(drawing.read_bytes()).decode()
    answer = ask(address, "read", {"canvas": url, "drawn": True, "inside": True})
    assert answer["digit"] == 1
    assert np.mean(list(answer["probabilities"].values()), axis=0) == pytest.approx(answer["together"], abs=1e-6)
    assert set(answer["maps"]) == {"conv1", "conv2", "conv3"}
    assert ask(address, "read", {"canvas": url})["maps"] == {}


@pytest.mark.parametrize(
    "question",
    [None, 7, "7", [], {}, {"canvas": None}, {"canvas": "data:image/png;base64,AAAA"}, {"canvas": {"a": 1}}],
    ids=str,
)
@pytest.mark.parametrize("function", ["read", "keep"])
def test_a_question_that_makes_no_sense_gets_a_word_not_a_crash(question: object, function: str, address: str) -> None:
    assert set(ask(address, function, question)) == {"error"}


def start(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "demo", *arguments], capture_output=True, text=True)


def test_a_port_in_use_is_named(address: str) -> None:
    port = address.rstrip("/").split(":")[-1]
    failed = start("--port", port)
    assert failed.returncode == 1
    assert f"cannot listen on 127.0.0.1, port {port}: Address already in use" in failed.stderr
    assert len(failed.stderr.splitlines()) == 1


@pytest.mark.parametrize("arguments", [("--port", "99999"), ("--host", "no.such.host.invalid")])
def test_an_address_that_does_not_exist_is_named(arguments: tuple[str, str]) -> None:
    failed = start(*arguments)
    assert failed.returncode == 1
    assert "Choose another --host or --port." in failed.stderr
    assert len(failed.stderr.splitlines()) == 1
