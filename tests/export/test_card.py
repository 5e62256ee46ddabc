"""The model card's code runs, its figures belong to the committed files, and Hugging Face can read it."""

import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import onnxruntime
import pytest
from huggingface_hub import ModelCard
from playwright.sync_api import Browser, Page, expect

from export import ONNX, web
from export.card import runtime_line
from export.contract import IMAGE, KINDS
from export.measurements import Refusals, Variants, Verification, sha256
from model import CHECKPOINTS
from model.recipes import RECIPES
from model.record import TrainingRecord

expect.set_options(timeout=30_000)  # milliseconds; the machine may be busy

CARD = (ONNX / "README.md").read_text()
FILES = [kind.file(name) for name in RECIPES for kind in KINDS]
RECORDS = {name: TrainingRecord.load(CHECKPOINTS / f"{name}.json") for name in RECIPES}
CDN = f"https://cdn.jsdelivr.net/npm/onnxruntime-web@{web.VERSION}/dist/"
ONE = [(60, 80), (110, 30), (105, 190)]  # with a flag
SEVEN = [(180, 40), (280, 40), (220, 190)]


def snippet(language: str, number: int = 0) -> str:
    return CARD.split(f"```{language}\n")[1 + number].split("```")[0]


def test_the_python_snippet_runs(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(ONNX)
    exec(snippet("python"), {})
    assert capsys.readouterr().out.strip() == "[1 1]"


def test_the_python_snippet_for_a_gpu_runs_with_or_without_a_gpu(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ONNX)
    names: dict[str, Any] = {}
    exec(snippet("python") + snippet("python", 1), names)
    assert capsys.readouterr().out.splitlines()[-1] == names["session"].get_providers()[0]
    assert names["session"].run(["digits"], {"sketch": names["sketch"]})[0].tolist() == [[1, 1]]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    try:
        web.package()
        with web.browser() as chromium:
            yield chromium
    except web.UnavailableError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """The address of a server with npm's package, in place of the CDN."""
    with web.serving(web.package()) as site:
        yield site


def open_page(chromium: Browser, site: str, phone: bool = False, blocked: str = "") -> tuple[Page, list[str]]:
    """Open the card's page, without the file `blocked`. Returns it and the list of its errors."""
    html = snippet("html")
    assert html.count(CDN) == 1
    page = chromium.new_page(has_touch=phone, is_mobile=phone, viewport={"width": 360, "height": 300})
    problems: list[str] = []
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.route("**/page.html", lambda route: route.fulfill(body=html.replace(CDN, site), content_type="text/html"))
    page.route("**/*.onnx", lambda route: route.fulfill(path=ONNX / route.request.url.rpartition("/")[2]))
    if blocked:
        page.route(f"**/{blocked}", lambda route: route.abort())
    page.goto(f"{site}page.html")
    if not blocked:
        expect(page.locator("output")).to_have_text("Write a number", timeout=60_000)
    return page, problems


def test_the_page_reads_a_number_before_the_pen_is_lifted(chromium: Browser, site: str) -> None:
    page, problems = open_page(chromium, site)
    corner = page.locator("canvas").bounding_box()
    assert corner
    for drawing, number in ((ONE, "1"), (SEVEN, "17")):
        for point, (x, y) in enumerate(drawing):
            page.mouse.move(corner["x"] + x, corner["y"] + y, steps=8)
            if point == 0:
                page.mouse.down()
        expect(page.locator("output")).to_have_text(re.compile(rf"^{number}, \d+ %"))  # before the pen is lifted
        page.mouse.up()
    page.get_by_role("button").click()
    expect(page.locator("output")).to_have_text("Write a number")
    assert problems == []


def test_the_page_reads_a_digit_drawn_with_a_finger_on_a_phone(chromium: Browser, site: str) -> None:
    page, problems = open_page(chromium, site, phone=True)
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


@pytest.mark.parametrize(
    ("blocked", "named"),
    [("ort.wasm.min.mjs", "ONNX Runtime Web, from cdn.jsdelivr.net,"), ("reader.onnx", "reader.onnx")],
)
def test_the_page_says_what_cannot_be_loaded(blocked: str, named: str, chromium: Browser, site: str) -> None:
    page, _ = open_page(chromium, site, blocked=blocked)
    expect(page.locator("output")).to_have_text(f"{named} cannot be loaded")


def test_the_json_body_of_the_request_is_a_sketch_of_a_one() -> None:
    tensor = json.loads(snippet("json"))["inputs"][0]
    sketch = np.array(tensor["data"], np.uint8).reshape(tensor["shape"])
    session = onnxruntime.InferenceSession(ONNX / "reader.onnx", providers=["CPUExecutionProvider"])
    assert session.run(["digits"], {tensor["name"]: sketch})[0].tolist() == [[1]]


@pytest.mark.parametrize("language", ["cpp", "csharp"])
def test_the_other_snippets_use_the_names_in_the_file(language: str) -> None:
    assert set(re.findall(r'"([\w.-]+)"', snippet(language))) == {"reader.onnx", "sketch", "digits"}


def test_the_rust_snippet_uses_the_right_output() -> None:
    session = onnxruntime.InferenceSession(ONNX / "lenet5-sketch.onnx", providers=["CPUExecutionProvider"])
    assert [output.name for output in session.get_outputs()][1] == "probabilities"
    assert "outputs[1]" in snippet("rust")


def test_hugging_face_can_read_the_front_matter() -> None:
    data = ModelCard.load(ONNX / "README.md").data
    assert (data.license, data.library_name, data.datasets) == ("mit", "onnx", ["ylecun/mnist"])
    results = {result.metric_name: result.metric_value for result in data.eval_results or []}
    assert list(results) == FILES
    for name, record in RECORDS.items():
        assert record.test
        assert results[f"{name}.onnx"] == pytest.approx(record.test.accuracy, abs=1e-4)


@pytest.mark.parametrize("file", FILES)
def test_the_hashes_are_those_of_the_files(file: str) -> None:
    assert re.search(rf"^\| `{file}` .* `{sha256(ONNX / file)}` \|$", CARD, re.MULTILINE)


def test_the_accuracy_is_that_of_the_checkpoints() -> None:
    for record in RECORDS.values():
        assert str(record.test) in CARD


def test_the_table_of_runtimes_was_measured_with_the_committed_files() -> None:
    verification = Verification.load(ONNX / "verification.json")
    measured = [*FILES, "reader.onnx"]
    assert verification.sha256 == {file: sha256(ONNX / file) for file in measured}
    assert {row.file for row in verification.rows} == set(measured)
    for row in verification.rows:
        assert runtime_line(row) in CARD
        assert not row.differs, row


def test_the_table_of_refusals_was_measured_with_the_committed_files() -> None:
    refusals = Refusals.load(ONNX / "refusals.json")
    assert refusals.sha256 == {"reader.onnx": sha256(ONNX / "reader.onnx")}
    assert refusals.rows
    for row in refusals.rows:
        assert f"| {row.set} | {row.count:,} | {100 * row.refused:.1f} % | {100 * row.sure:.1f} % |" in CARD


def test_the_table_of_smaller_files_was_measured_with_the_committed_files() -> None:
    variants = Variants.load(ONNX / "variants.json")
    assert variants.sha256 == {file: sha256(ONNX / file) for file in map(IMAGE.file, RECIPES)}
    assert variants.rows
    for row in variants.rows:
        assert f"| `{row.file}` | {row.variant} | {row.megabytes:.2f} MB | {row.points:+.2f} points |" in CARD
