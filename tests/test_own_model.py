"""The commands of model/README.md lead from the first correction to the page with one's own networks, and back."""

import re
from collections.abc import Iterator
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import httpx
import numpy as np
import onnxruntime
import pytest
from PIL import Image
from playwright.sync_api import Browser, expect, sync_playwright

from export.verify import numbers
from export.web import CHROMIUM, FLAGS
from model.recipes import RECIPES, TUNE
from model.record import TrainingRecord
from tests.demo.drawing import SEVEN, draw, expect_digit
from tests.demo.serving import running
from tests.stand_ins import data_files, data_folder, on_digits_and_pens

__all__ = ["data_files", "data_folder"]
pytestmark = [pytest.mark.tensorflow, pytest.mark.server]

ROOT = Path(__file__).parent.parent


def printed(readme: str) -> list[list[str]]:
    """The words of each command in the section of a README that teaches one's own hand."""
    section = (ROOT / readme).read_text().split("## Teach it your hand")[1]
    return [line.partition("#")[0].split() for line in section.split("```sh\n")[1].split("```")[0].splitlines()]


COMMANDS = printed("model/README.md")
DIGIT = ROOT / "demo" / "digit.png"


@pytest.fixture
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def tiny_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Recipe tune for five batches with a few examples, an evaluation on a few, and a brief verification."""
    monkeypatch.setattr("model.tune.SHARES", (0.0,))
    for name, recipe in TUNE.items():
        tiny = replace(on_digits_and_pens(recipe), learning_rate=3e-3, epochs=1, batches=5, averaging=0.0)
        monkeypatch.setitem(TUNE, name, tiny)
    monkeypatch.setattr("model.evaluate.NON_DIGITS", 200)
    monkeypatch.setattr("export.verify.BATCHES", (1_000,))
    monkeypatch.setattr("export.verify.CANVASES", ((28, 28),))
    monkeypatch.setattr("export.verify.numbers", lambda images: numbers(images[:4]))


def run(monkeypatch: pytest.MonkeyPatch, words: list[str], *more: str) -> None:
    """Run a command in this process, which has the tiny recipe, and has loaded TensorFlow."""
    python, dash_m, module, *arguments = words
    assert (python, dash_m) == ("python", "-m")
    monkeypatch.setattr("sys.argv", [module, *arguments, *more])
    import_module(f"{module}.__main__").main()


def answers(address: str) -> dict[str, np.ndarray]:
    """What both networks of the server at `address` give for a picture."""
    found = httpx.post(f"{address}predict", content=DIGIT.read_bytes(), timeout=60).raise_for_status().json()
    return {name: np.array([found[name][str(digit)] for digit in range(10)]) for name in RECIPES}


def test_the_readme_prints_the_same_commands() -> None:
    assert printed("README.md") == COMMANDS[1:4]


def test_the_commands_run_as_printed(
    browser: Browser,
    tiny_recipe: None,
    data_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    collect, tune, export, own, committed = COMMANDS
    assert [words[2] for words in COMMANDS] == ["demo", "model", "export", "demo", "demo"]

    with running(*collect[3:], "--port", "0") as address:
        page = browser.new_page()
        page.goto(address)
        draw(page, SEVEN)
        expect_digit(page, "7")
        page.locator(".wrong button").nth(2).click()
        expect(page.locator("#stores")).to_contain_text(re.compile(r"Stored as a 2\."))
    assert len(list(Path("mine").glob("2/*.png"))) == 1

    few = ("--data", str(data_folder))
    run(monkeypatch, tune, *few, "--keep")
    run(monkeypatch, export, *few)
    assert TrainingRecord.load(Path("my-model/lenet5.json")).corrections == 1

    with running(*own[3:], "--port", "0") as address:
        mine = answers(address)
        page.goto(address)
        draw(page, SEVEN)
        expect(page.locator("#said")).not_to_be_empty()
    with running(*committed[3:], "--port", "0") as address:
        theirs = answers(address)
    sketch = np.asarray(Image.open(DIGIT).convert("L"))[None]
    for name in RECIPES:
        assert np.abs(np.log(mine[name] + 1e-9) - np.log(theirs[name] + 1e-9)).max() > 0.05  # both are sure
    session = onnxruntime.InferenceSession("my-model/onnx/lenet5-sketch.onnx", providers=["CPUExecutionProvider"])
    (expected,) = session.run(["probabilities"], {"sketch": sketch})
    np.testing.assert_allclose(mine["lenet5"], expected[0], atol=5e-5)
