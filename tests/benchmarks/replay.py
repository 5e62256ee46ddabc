"""python -m tests.benchmarks replay --data DIR: numbers of pen digits written on the page with the mouse, and offline.

Prints the share of numbers that the page reads right, and that of reader.onnx on the same strokes drawn offline with
the same pen. --length 1 writes single digits. --writers 5 15 25 are the writers for development; the default is the
held-out writers.
"""

import argparse
import math
import sys
from collections.abc import Iterator

import numpy as np
from playwright.sync_api import Page, sync_playwright

from demo.networks.classifier import load
from export.web import CHROMIUM, FLAGS
from model import folders, pendigits
from model.draw import Drawing
from model.pendigits import TEST_WRITERS, Pens
from tests.benchmarks.pen_up import served, write
from tests.demo.people import drawn, written

COUNT = 100
LENGTH = 4

ANSWERED = """() => new Promise((resolve) => {
    const restart = () => { clearTimeout(timer); timer = setTimeout(resolve, 150) }
    let timer = setTimeout(resolve, 400)
    new MutationObserver(restart).observe(document.querySelector("#said"), {childList: true})
})"""


def numbers(pens: Pens, count: int, length: int) -> Iterator[tuple[str, Drawing]]:
    """Numbers of `length` digits, each with its strokes on the paper. The digits of a number are by any writers."""
    chosen = np.random.default_rng(0).choice(len(pens.labels), (count, length))
    for indices in chosen.tolist():
        yield "".join(str(pens.labels[i]) for i in indices), written([pens.drawings[i] for i in indices])


def on_the_page(page: Page, strokes: Drawing) -> str:
    """Write strokes on the page. Returns the number that it shows."""
    write(page, strokes)
    page.evaluate(ANSWERED)
    number = page.locator("#digit").text_content() or ""
    page.click("#clear")
    return number


def main() -> None:
    parser = argparse.ArgumentParser()
    folders.add_option(parser)
    parser.add_argument("--writers", type=int, nargs="+", default=TEST_WRITERS)
    parser.add_argument("--length", type=int, choices=range(1, 5), default=LENGTH, help=f"digits; default: {LENGTH}")
    arguments = parser.parse_args()
    pens = pendigits.load(folders.checked(arguments.data)).by(*arguments.writers)
    classifier = load("cpu")
    right = []
    with served([sys.executable, "-m", "demo", "--device", "cpu"]) as (address, _), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page()
        page.goto(address)
        page.wait_for_selector("#sketchpad canvas")
        for number, strokes in numbers(pens, COUNT, arguments.length):
            offline = classifier.classify(np.asarray(drawn(strokes))).number
            right.append((on_the_page(page, strokes) == number, offline == number))
        browser.close()
    here, there = np.mean(right, axis=0)
    error = math.sqrt(there * (1 - there) / COUNT)
    print(f"{here:.1%} right on the page, {there:.1%} ± {error:.1%} offline, of {COUNT} numbers")


if __name__ == "__main__":
    main()
