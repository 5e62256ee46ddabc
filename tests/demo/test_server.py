"""Programs ask /predict, with gradio_client or nothing but HTTP; the page asks what it alone understands."""

import ast
import asyncio
import base64
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError, ValidationError
from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client
from mcp.types import TextContent
from PIL import Image

from tests.conftest import ROOT
from tests.demo.conftest import running


@pytest.fixture
def drawing(tmp_path: Path) -> Path:
    sketch = np.full((280, 280, 3), 255, np.uint8)
    sketch[60:220, 130:150] = (20, 30, 160)
    Image.fromarray(sketch).save(tmp_path / "digit.png")
    return tmp_path / "digit.png"


def check(answer: dict[str, Any]) -> None:
    assert set(answer) == {"lenet5", "ffnn", "provider"}
    assert answer.pop("provider") == "CPU"
    for probabilities in answer.values():
        assert set(probabilities) == set("0123456789")
        assert max(probabilities, key=lambda digit: probabilities[digit]) == "1"
        assert sum(probabilities.values()) == pytest.approx(1, abs=1e-5)


def printed(language: str, address: str) -> str:
    """The README's snippet that asks /predict, for this server."""
    section = (ROOT / "README.md").read_text().split("### For programs")[1]
    return section.split(f"```{language}\n")[1].split("```")[0].replace("http://127.0.0.1:7860", address.rstrip("/"))


def test_the_readmes_python_runs_as_printed(address: str, drawing: Path) -> None:
    command = [sys.executable, "-c", printed("python", address)]
    done = subprocess.run(command, cwd=drawing.parent, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "1"


def test_the_readmes_curl_runs_as_printed(address: str, drawing: Path) -> None:
    if shutil.which("curl") is None:
        pytest.skip("no curl on this machine")
    command = ["sh", "-c", printed("sh", address)]
    done = subprocess.run(command, cwd=drawing.parent, capture_output=True, text=True, check=True)
    check(json.loads(done.stdout)["data"][0])


def test_the_readmes_javascript_runs_as_printed(address: str, drawing: Path) -> None:
    if shutil.which("npm") is None:
        pytest.skip("no npm on this machine")
    fetch = ["npm", "install", "--silent", "--no-audit", "--fetch-retries=0", "@gradio/client@2"]
    if subprocess.run(fetch, cwd=drawing.parent, capture_output=True).returncode:
        pytest.skip("npm cannot fetch @gradio/client")
    (drawing.parent / "ask.mjs").write_text(printed("js", address))
    done = subprocess.run(["node", "ask.mjs"], cwd=drawing.parent, capture_output=True, text=True)
    assert done.stdout.splitlines()[-1:] == ["1"], done.stderr


def test_a_language_model_finds_it_as_a_tool(drawing: Path) -> None:
    async def ask(address: str) -> tuple[list[str], list[str]]:
        async with (
            streamablehttp_client(f"{address}gradio_api/mcp/") as (source, sink, _),
            ClientSession(source, sink) as session,
        ):
            await session.initialize()
            tools = [tool.name for tool in (await session.list_tools()).tools]
            url = "data:image/png;base64," + base64.b64encode(drawing.read_bytes()).decode()
            (path,) = httpx.post(f"{address}gradio_api/upload", files={"files": drawing.read_bytes()}).json()
            said = []
            for image in (url, f"{address}gradio_api/file={path}", "http://127.0.0.1:1/digit.png"):
                content = (await session.call_tool("predict", {"image": image})).content[0]
                assert isinstance(content, TextContent)
                said.append(content.text)
            return tools, said

    with running("--mcp") as address:
        tools, (sent, uploaded, elsewhere) = asyncio.run(ask(address))
    assert tools == ["predict"]
    check(ast.literal_eval(sent))
    check(ast.literal_eval(uploaded))
    assert "Send the file to /gradio_api/upload first" in elsewhere


def test_a_load_balancer_learns_that_it_answers_and_on_what(address: str) -> None:
    health = httpx.get(f"{address}health")
    assert health.status_code == 200
    assert (health.json()["status"], health.json()["provider"]) == ("ok", "CPU")


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


def test_an_image_elsewhere_is_not_fetched_and_the_client_says_what_to_do(address: str) -> None:
    client = Client(address, verbose=False)
    try:
        with pytest.raises(ValidationError, match="Send the file to /gradio_api/upload first"):
            client.predict(handle_file("http://127.0.0.1:1/digit.png"), api_name="/predict")
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
    assert set(ask(address, function, question)) == {"error", "waited"}


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
