"""The model card in export/onnx is true as printed, and a Hugging Face model repository as it lies."""

import hashlib
import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import onnxruntime
import pytest
from huggingface_hub import ModelCard
from playwright.sync_api import Browser, Page, Route, expect

from export import ONNX, web
from export.card import sha256, told
from model import CHECKPOINTS
from model.evaluate import percent
from tests.export.test_onnx_files import FILES, NETWORKS

CARD = (ONNX / "README.md").read_text()
CDN = f"https://cdn.jsdelivr.net/npm/onnxruntime-web@{web.VERSION}/dist/"
ONE = [(80, 130), (150, 40), (145, 240)]  # with a flag
SEVEN = [(60, 50), (220, 50), (120, 240)]


def snippet(language: str, number: int = 0) -> str:
    return CARD.split(f"```{language}\n")[1 + number].split("```")[0]


def test_its_python_runs_as_printed(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ONNX)
    exec(snippet("python"), {})
    assert capsys.readouterr().out.strip() == "1"


def test_its_python_for_a_gpu_runs_as_printed_with_or_without_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ONNX)
    names: dict[str, Any] = {}
    exec(snippet("python") + snippet("python", 1), names)
    assert capsys.readouterr().out.splitlines()[-1] == names["session"].get_providers()[0]
    assert names["session"].run(["probabilities"], {"sketch": names["sketch"]})[0].argmax() == 1


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    try:
        web.package()
        with web.browser() as chromium:
            yield chromium
    except web.UnavailableError as error:
        pytest.skip(str(error))


def open_page(chromium: Browser, phone: bool = False) -> tuple[Page, list[str]]:
    """The card's page, with the CDN's files from npm's package; and what goes wrong on it."""
    page = chromium.new_page(has_touch=phone, is_mobile=phone, viewport={"width": 360, "height": 300})
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))

    def answer(route: Route) -> None:
        name = route.request.url.rpartition("/")[2]
        if route.request.url.startswith(CDN):
            route.fulfill(path=web.package() / name, headers={"access-control-allow-origin": "*"})
        elif name == "page.html":
            route.fulfill(body=snippet("html"), content_type="text/html")
        else:
            route.fulfill(path=ONNX / name)

    page.route("**", answer)
    page.goto("http://digits.test/page.html")
    expect(page.locator("output")).to_have_text("?", timeout=60_000)
    return page, problems


def test_its_page_reads_while_one_draws(chromium: Browser) -> None:
    page, problems = open_page(chromium)
    corner = page.locator("canvas").bounding_box()
    assert corner
    for drawing, digit in ((ONE, "1"), (SEVEN, "7")):
        for number, (x, y) in enumerate(drawing):
            page.mouse.move(corner["x"] + x, corner["y"] + y, steps=8)
            if number == 0:
                page.mouse.down()
        expect(page.locator("output")).to_have_text(re.compile(rf"{digit}, \d+ %"))  # before the pen is lifted
        page.mouse.up()
        page.get_by_role("button").click()
        expect(page.locator("output")).to_have_text("?")
    assert problems == []


def test_its_page_reads_a_finger_on_a_phone(chromium: Browser) -> None:
    page, problems = open_page(chromium, phone=True)
    corner = page.locator("canvas").bounding_box()
    assert corner
    touch = page.context.new_cdp_session(page)
    path = np.concatenate([np.linspace(a, b, 8) for a, b in itertools.pairwise(ONE)])
    for number, (x, y) in enumerate(path.tolist()):
        point = {"x": corner["x"] + x, "y": corner["y"] + y}
        kind = "touchMove" if number else "touchStart"
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
    expect(page.locator("output")).to_have_text(re.compile(r"1, \d+ %"))
    assert page.evaluate("scrollY") == 0
    assert problems == []


def test_the_body_of_its_request_is_a_sketch_of_a_one() -> None:
    tensor = json.loads(snippet("json"))["inputs"][0]
    sketch = np.array(tensor["data"], np.uint8).reshape(tensor["shape"])
    session = onnxruntime.InferenceSession(ONNX / "lenet5-sketch.onnx", providers=["CPUExecutionProvider"])
    assert session.run(["probabilities"], {tensor["name"]: sketch})[0].argmax() == 1


@pytest.mark.parametrize("language", ["cpp", "csharp"])
def test_its_other_snippets_name_what_the_file_holds(language: str) -> None:
    assert set(re.findall(r'"([\w.-]+)"', snippet(language))) == {"lenet5-sketch.onnx", "sketch", "probabilities"}


def test_its_rust_takes_the_right_output() -> None:
    session = onnxruntime.InferenceSession(ONNX / "lenet5-sketch.onnx", providers=["CPUExecutionProvider"])
    assert [output.name for output in session.get_outputs()][1] == "probabilities"
    assert "outputs[1]" in snippet("rust")


def test_hugging_face_reads_its_front_matter() -> None:
    data = ModelCard.load(ONNX / "README.md").data
    assert (data.license, data.library_name, data.datasets) == ("mit", "onnx", ["ylecun/mnist"])
    results = {result.metric_name: result.metric_value for result in data.eval_results or []}
    assert list(results) == FILES
    for name in NETWORKS:
        story = json.loads((CHECKPOINTS / f"{name}.json").read_text())
        assert results[f"{name}.onnx"] == pytest.approx(story["test"]["accuracy"], abs=1e-4)


@pytest.mark.parametrize("file", FILES)
def test_its_hashes_are_the_files(file: str) -> None:
    digest = hashlib.sha256((ONNX / file).read_bytes()).hexdigest()
    assert re.search(rf"^\| `{file}` .* `{digest}` \|$", CARD, re.MULTILINE)


def test_it_says_what_the_checkpoints_say() -> None:
    for name in NETWORKS:
        assert percent(json.loads((CHECKPOINTS / f"{name}.json").read_text())["test"]) in CARD


def test_its_table_is_of_these_very_files() -> None:
    verification = json.loads((ONNX / "verification.json").read_text())
    assert verification["sha256"] == {file: sha256(ONNX / file) for file in FILES}
    assert {row["file"] for row in verification["rows"]} == set(FILES)
    for row in verification["rows"]:
        assert told(row) in CARD
        assert row.get("same") == row.get("count"), row


def test_its_table_of_refusals_is_of_these_files() -> None:
    refusals = json.loads((ONNX / "refusals.json").read_text())
    assert refusals["sha256"] == {file: sha256(ONNX / file) for file in FILES if "sketch" in file}
    for row in refusals["rows"]:
        assert f"| {row['drawn']} | {row['count']:,} | {row['refused']:.1%} | {row['sure']:.1%} |" in CARD
