"""python -m tests.benchmarks replay --data DIR: pen digits drawn on the page with the mouse, and offline.

Prints the accuracy of both networks on the page, and that of the sketch graphs on the same strokes drawn offline, with
a pen of the same width. --writers 5 15 25 are the writers for development; the default is the held-out writers.
"""

import argparse
import math
import sys

import numpy as np
from playwright.sync_api import Page, sync_playwright

from demo.networks.classifier import load
from demo.networks.files import NETWORKS
from export.web import CHROMIUM, FLAGS
from model import folders, pendigits
from model.draw import Drawing
from model.draw import draw as draw_offline
from model.pendigits import TEST_WRITERS
from tests.benchmarks.pen_up import draw, served

COUNT = 200
PEN = 20  # pixels on 280 x 280, as on the page
SIZE = 168  # pixels of the pen's path on 280 x 280

ANSWERED = """() => new Promise((resolve) => {
    const restart = () => { clearTimeout(timer); timer = setTimeout(resolve, 150) }
    let timer = setTimeout(resolve, 400)
    new MutationObserver(restart).observe(document.querySelector("#said"), {childList: true})
})"""


def on_the_page(page: Page, drawing: Drawing) -> list[int]:
    draw(page, "#sketchpad canvas", drawing, SIZE / 280)
    page.evaluate(ANSWERED)
    widths = page.locator("tbody i").evaluate_all("bars => bars.map(bar => parseFloat(bar.style.width))")
    page.click("#clear")
    return [int(np.argmax(widths[network::2])) for network in range(2)]


def main() -> None:
    parser = argparse.ArgumentParser()
    folders.add_option(parser)
    parser.add_argument("--writers", type=int, nargs="+", default=TEST_WRITERS)
    arguments = parser.parse_args()
    pens = pendigits.load(folders.checked(arguments.data)).by(*arguments.writers)
    chosen = np.random.default_rng(0).permutation(len(pens.labels))[:COUNT]
    classifier = load("cpu")
    page_right, offline_right = [], []
    with served([sys.executable, "-m", "demo", "--device", "cpu"]) as (address, _), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page()
        page.goto(address)
        page.wait_for_selector("#sketchpad canvas")
        for i in chosen:
            drawing, digit = pens.drawings[i], pens.labels[i]
            page_right.append([read == digit for read in on_the_page(page, drawing)])
            answer = classifier.classify(np.asarray(draw_offline(drawing, PEN, SIZE)))
            offline_right.append([answer.probabilities[name].argmax() == digit for name in NETWORKS])
        browser.close()
    for name, here, there in zip(NETWORKS, np.transpose(page_right), np.transpose(offline_right), strict=True):
        error = math.sqrt(there.mean() * (1 - there.mean()) / COUNT)
        print(f"{name}: {here.mean():.1%} on the page, {there.mean():.1%} ± {error:.1%} offline, of {COUNT} pen digits")


if __name__ == "__main__":
    main()
