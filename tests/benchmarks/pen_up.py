"""python -m tests.benchmarks pen_up: time from pen-up to the final answer, here and in the stock Gradio app.

Both have the same classifier, and get the same digits in turn, in Chromium. The time ends with the last change of the
answer on the page. Then it measures numbers of four digits on the page here, and how often that page answers while the
pen moves, also over a network with a round trip of 200 ms.
"""

import argparse
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from playwright.sync_api import Page, sync_playwright

from export.web import CHROMIUM, FLAGS
from model.draw import Drawing
from model.styles import digits
from tests.demo.people import PAPER, written

DIGITS = 12
CALM = 1_500  # milliseconds without a change, after which the answer counts as final

STOCK = """
import gradio as gr
from demo.networks.classifier import load

classifier = load("cpu")

def read(drawing):
    digits = classifier.classify(255 - drawing["composite"][..., 3]).digits
    return {str(digit): float(p) for digit, p in enumerate(digits[0].together)} if digits else {}

with gr.Blocks() as app:
    pad = gr.Sketchpad(elem_id="pad")
    label = gr.Label(elem_id="answer")
    pad.change(read, pad, label)
_, address, _ = app.launch(quiet=True, prevent_thread_lock=True)
print("at", address, flush=True)
app.block_thread()
"""
WATCH = """selector => {
    window.changed = 0
    const note = () => { window.changed = performance.now() }
    const seen = {subtree: true, childList: true, characterData: true, attributes: true}
    new MutationObserver(note).observe(document.querySelector(selector), seen)
    window.addEventListener("pointerup", () => { window.lifted = performance.now() }, true)
}"""


@contextmanager
def served(command: list[str]) -> Iterator[tuple[str, int]]:
    """Run a server. Yields the address that it prints and its process ID."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout is not None
        printed = next(match for line in process.stdout if (match := re.search(r"http://\S+", line)))
        try:
            yield printed[0], process.pid
        finally:
            process.terminate()


def write(page: Page, strokes: Drawing, canvas: str = "#sketchpad canvas") -> None:
    """Draw strokes in pixels of PAPER in the middle of a canvas, with one move of the mouse per point."""
    box = page.locator(canvas).first.bounding_box()
    assert box is not None
    middle = [box["x"] + box["width"] / 2, box["y"] + box["height"] / 2]
    for stroke in strokes:
        places = (stroke - np.array(PAPER) / 2) * box["height"] / PAPER[1] + middle
        page.mouse.move(*places[0])
        page.mouse.down()
        for place in places[1:]:
            page.mouse.move(*place)
        page.mouse.up()


def milliseconds(page: Page) -> float:
    """Milliseconds from the last pen-up to the last change of the answer."""
    while page.evaluate("performance.now() - Math.max(window.lifted, window.changed)") < CALM:
        page.wait_for_timeout(100)
    return float(page.evaluate("window.changed - window.lifted"))


def answers_a_second(page: Page, latency: int) -> float:
    """Answers per second while the pen moves, measured for 3 s."""
    devtools = page.context.new_cdp_session(page)
    unlimited = {"offline": False, "downloadThroughput": -1, "uploadThroughput": -1}
    devtools.send("Network.enable")
    devtools.send("Network.emulateNetworkConditions", {**unlimited, "latency": latency})
    page.bring_to_front()
    page.evaluate(
        "() => { window.answers = 0; window.counter?.disconnect();"
        " window.counter = new MutationObserver(() => window.answers++);"
        " window.counter.observe(document.querySelector('#speed'), {childList: true}) }"
    )
    box = page.locator("#sketchpad canvas").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 50, box["y"] + 50)
    page.mouse.down()
    ends = page.evaluate("performance.now()") + 3_000
    step = 0
    while page.evaluate("performance.now()") < ends:
        step += 1
        page.mouse.move(box["x"] + 50 + step % 200, box["y"] + 60 + step % 170)
    answers = page.evaluate("window.answers")
    page.mouse.up()
    page.click("#clear")
    return float(answers / 3)


def main() -> None:
    argparse.ArgumentParser().parse_args()
    drawings, _ = digits(DIGITS, np.random.default_rng(0))
    ours: list[float] = []
    theirs: list[float] = []
    fours: list[float] = []
    demo = [sys.executable, "-m", "demo", "--device", "cpu"]
    with (
        served(demo) as (here, _),
        served([sys.executable, "-c", STOCK]) as (there, _),
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page, stock = browser.new_page(), browser.new_page()
        page.goto(here)
        page.wait_for_selector("#sketchpad canvas")
        page.evaluate(WATCH, "#sketchpad .answers")
        stock.goto(there)
        stock.get_by_label("Brush").click()
        stock.evaluate(WATCH, "#answer")
        for number, drawing in enumerate(drawings):
            page.bring_to_front()
            for together, times in (([drawing], ours), ([*drawings, *drawings][number : number + 4], fours)):
                write(page, written(together))
                times.append(milliseconds(page))
                page.click("#clear")
            stock.bring_to_front()
            write(stock, written([drawing]), "#pad canvas")
            theirs.append(milliseconds(stock))
            stock.get_by_label("Clear canvas").click()
            stock.wait_for_timeout(CALM)
            stock.get_by_label("Brush").click()
        for latency in (0, 200):
            print(
                f"network with {latency} ms: {answers_a_second(page, latency):.1f} answers per second with a moving pen"
            )
        browser.close()
    for name, times in (("here", ours), ("here, four digits", fours), ("gr.Sketchpad and gr.Label", theirs)):
        print(f"{name}: median {statistics.median(times):.0f} ms, slowest {max(times):.0f} ms of {len(times)}")
    print(f"ratio of the medians: 1 / {statistics.median(theirs) / statistics.median(ours):.1f}")


if __name__ == "__main__":
    main()
