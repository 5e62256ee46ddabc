"""python -m tests.benchmarks.static_page --data DIR: the page that needs no server, laid out and served by Python.

From opening it with nothing cached to the first answer, and from lifting the pen to the final answer. Then whether
the server's page says the same of the same pen digits, which are of the writers to develop with.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from playwright.sync_api import Page, Playwright, sync_playwright

from demo.space.__main__ import lay_out, static
from export.web import CHROMIUM, FLAGS
from model import strokes
from model.strokes import Drawing
from tests.benchmarks.pen_up import WATCH, draw, served
from tests.benchmarks.replay import COUNT, on_the_page

OPENINGS = 7
AIM = 30  # milliseconds
WRITERS = (5, 15, 25)
NOTE = """() => {
    window.milliseconds = []
    const note = () => window.milliseconds.push(window.changed - window.lifted)
    document.querySelector("#clear").addEventListener("pointerdown", note)
}"""


def first_answer(playwright: Playwright, address: str, drawing: Drawing) -> float:
    """Seconds until a browser that was never here shows one."""
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
    page = browser.new_page()
    started = time.perf_counter()
    page.goto(address)
    draw(page, "#sketchpad canvas", drawing)
    page.wait_for_selector("#digit:not(:empty)")
    seconds = time.perf_counter() - started
    browser.close()
    return seconds


def read(page: Page, address: str, drawings: list[Drawing]) -> tuple[list[list[int]], list[float]]:
    """What both networks say of each, and milliseconds from the last pen-up to the last change of the answer."""
    page.goto(address)
    page.wait_for_selector("#sketchpad canvas")
    page.evaluate(WATCH, "#sketchpad .answers")
    page.evaluate(NOTE)
    said = [on_the_page(page, drawing) for drawing in drawings]
    return said, page.evaluate("window.milliseconds")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, metavar="DIR")
    pens = strokes.load(parser.parse_args().data).by(*WRITERS)
    drawings = [pens.drawings[i] for i in np.random.default_rng(0).permutation(len(pens.labels))[:COUNT]]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        lay_out(Path(folder), static())
        files = [sys.executable, "-u", "-m", "http.server", "--bind", "127.0.0.1", "--directory", folder, "0"]
        demo = [sys.executable, "-m", "demo", "--device", "cpu"]
        with served(files) as (printed, _):
            address = printed.rstrip(")")
            seconds = [first_answer(playwright, address, drawing) for drawing in drawings[:OPENINGS]]
            print(
                f"first answer: median {statistics.median(seconds):.2f} s, slowest {max(seconds):.2f} s of {OPENINGS}"
            )
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            here, milliseconds = read(browser.new_page(), address, drawings)
        median, within = statistics.median(milliseconds), sum(0 < value <= AIM for value in milliseconds)
        print(
            f"pen-up to final answer: median {median:.0f} ms, slowest {max(milliseconds):.0f} ms of {COUNT} drawings; "
            f"{within} within {AIM} ms"
        )
        with served(demo) as (address, _):
            there, _ = read(browser.new_page(), address, drawings)
        browser.close()
    same = sum(ours == theirs for ours, theirs in zip(here, there, strict=True))
    print(f"both networks say the same on the server's page of {same} of {COUNT} drawings")


if __name__ == "__main__":
    main()
