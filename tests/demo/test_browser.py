"""A person draws in a real browser. Skipped where there is no Chromium."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect, sync_playwright

from export.web import CHROMIUM, FLAGS

SEVEN = [(0.3, 0.25), (0.7, 0.25), (0.45, 0.85)]
ONE = [(0.3, 0.45), (0.56, 0.15), (0.54, 0.85)]  # with a flag

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")


@pytest.fixture
def page(address: str) -> Iterator[Page]:
    """The open page; afterwards: no error in its console, no request to another host."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_page()
        problems: list[str] = []
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda r: None if r.url.startswith((address, "data:", "blob:")) else problems.append(r.url))
        page.goto(address)
        page.wait_for_selector("#sketchpad canvas")
        yield page
        browser.close()
        assert problems == []


def draw(page: Page, points: list[tuple[float, float]], lift: bool = True) -> None:
    box = page.locator("#sketchpad canvas").bounding_box()
    assert box is not None
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=10)
    if lift:
        page.mouse.up()


def expect_digit(page: Page, digit: str) -> None:
    for network in ("lenet5", "ffnn"):
        expect(page.locator(f"#{network} .output-class")).to_have_text(digit)
        expect(page.locator(f"#{network} .confidence-set")).to_have_count(10)


def test_draws_reads_clears_and_reads_again(page: Page) -> None:
    expect(page.locator("#status")).to_contain_text("Draw a digit")
    expect(page.locator("#lenet5 .output-class")).to_have_count(0)

    draw(page, SEVEN)
    expect_digit(page, "7")
    expect(page.locator("#status")).to_contain_text("CPU")
    expect(page.locator("#status")).to_contain_text("ms")
    seen = page.locator("#seen img").get_attribute("src")

    page.click("#clear")
    expect(page.locator("#status")).to_contain_text("Draw a digit")
    expect(page.locator("#lenet5 .output-class")).to_have_count(0)

    draw(page, ONE)
    expect_digit(page, "1")
    assert page.locator("#seen img").get_attribute("src") != seen


def test_answers_before_the_pen_is_lifted(page: Page) -> None:
    draw(page, SEVEN, lift=False)
    expect_digit(page, "7")


def test_a_pen_that_leaves_the_window_unnoticed_does_not_go_on_drawing_or_block_the_next(page: Page) -> None:
    draw(page, ONE, lift=False)
    canvas = page.locator("#sketchpad canvas")
    canvas.evaluate("c => c.releasePointerCapture(1)")
    draw(page, [(0.3, 0.2), (0.7, 0.2)])
    page.click("#undo")
    expect_digit(page, "1")


def test_undo_takes_back_one_stroke(page: Page) -> None:
    draw(page, ONE)
    expect_digit(page, "1")
    draw(page, [(0.3, 0.2), (0.7, 0.2), (0.5, 0.2)])
    draw(page, [(0.2, 0.8), (0.8, 0.8), (0.8, 0.5), (0.2, 0.5)])
    expect(page.locator("#lenet5 .output-class")).not_to_have_text("1")
    page.click("#undo")
    page.click("#undo")
    expect_digit(page, "1")
    page.click("#undo")
    expect(page.locator("#status")).to_contain_text("Draw a digit")


def test_a_finger_draws_without_scrolling(address: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_context(**playwright.devices["Pixel 7"]).new_page()
        page.goto(address)
        page.wait_for_selector("#sketchpad canvas")
        box = page.locator("#sketchpad canvas").bounding_box()
        assert box is not None
        devtools = page.context.new_cdp_session(page)
        x = box["x"] + box["width"] / 2
        ys = [box["y"] + box["height"] * (0.2 + 0.06 * step) for step in range(11)]
        for kind, places in (("touchStart", ys[:1]), ("touchMove", ys[1:]), ("touchEnd", [None])):
            for y in places:
                points = [] if y is None else [{"x": x, "y": y}]
                devtools.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})
        expect_digit(page, "1")
        assert page.evaluate("window.scrollY") == 0
        browser.close()
