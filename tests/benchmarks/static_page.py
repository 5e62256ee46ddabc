"""python -m tests.benchmarks static_page --data DIR: speed and answers of the page that needs no server.

Lays the page out, serves it by Python and measures the time from opening it with an empty cache to the first answer,
and from pen-up to the final answer. Then it compares the answers with those of the server's page. It writes numbers of
four pen digits by the writers for development; --length 1 writes single digits.
"""

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, Playwright, sync_playwright

from demo.space.__main__ import lay_out, static
from export.web import CHROMIUM, FLAGS
from model import folders, pendigits
from model.draw import Drawing
from tests.benchmarks.pen_up import WATCH, served, write
from tests.benchmarks.replay import COUNT, LENGTH, numbers, on_the_page

OPENINGS = 7
AIM = 80  # milliseconds
WRITERS = (5, 15, 25)
NOTE = """() => {
    window.milliseconds = []
    const note = () => window.milliseconds.push(window.changed - window.lifted)
    document.querySelector("#clear").addEventListener("pointerdown", note)
}"""


def first_answer(playwright: Playwright, address: str, strokes: Drawing) -> float:
    """Seconds until a new browser shows the first answer."""
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
    page = browser.new_page()
    started = time.perf_counter()
    page.goto(address)
    write(page, strokes)
    page.wait_for_selector("#digit:not(:empty)")
    seconds = time.perf_counter() - started
    browser.close()
    return seconds


def read(page: Page, address: str, drawings: list[Drawing]) -> tuple[list[str], list[float]]:
    """The numbers that are shown, and milliseconds from the last pen-up to the last change of the answer."""
    page.goto(address)
    page.wait_for_selector("#sketchpad canvas")
    page.evaluate(WATCH, "#sketchpad .answers")
    page.evaluate(NOTE)
    found = [on_the_page(page, drawing) for drawing in drawings]
    return found, page.evaluate("window.milliseconds")


def main() -> None:
    parser = argparse.ArgumentParser()
    folders.add_option(parser)
    parser.add_argument("--length", type=int, choices=range(1, 5), default=LENGTH, help=f"digits; default: {LENGTH}")
    arguments = parser.parse_args()
    pens = pendigits.load(folders.checked(arguments.data)).by(*WRITERS)
    page = static()
    drawings = [strokes for _, strokes in numbers(pens, COUNT, arguments.length)]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        lay_out(Path(folder), page)
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
    print(f"the server's page reads the same in {same} of {COUNT} drawings")


if __name__ == "__main__":
    main()
