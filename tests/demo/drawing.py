"""Draw on the page in a browser, and check the answer that it shows."""

from collections.abc import Callable

import numpy as np
from playwright.sync_api import Page, expect

SECONDS = 30  # to wait for the page; the machine may be busy
expect.set_options(timeout=1000 * SECONDS)

# What Firefox does with privacy.resistFingerprinting, and Chromium with --disable-reading-from-canvas.
NOISE = """
const noise = (length) => Uint8ClampedArray.from({ length }, () => 256 * Math.random());
CanvasRenderingContext2D.prototype.getImageData = (x, y, width, height) =>
    new ImageData(noise(4 * width * height), width, height);
const toDataURL = HTMLCanvasElement.prototype.toDataURL;
HTMLCanvasElement.prototype.toDataURL = function (...kind) {
    const context = this.getContext("2d");
    context.putImageData(new ImageData(noise(4 * this.width * this.height), this.width, this.height), 0, 0);
    return toDataURL.call(this, ...kind);
};
"""
NO_PIXELS = """
const refuse = () => { throw new DOMException("no", "SecurityError") };
CanvasRenderingContext2D.prototype.getImageData = HTMLCanvasElement.prototype.toDataURL = refuse;
"""
Points = list[tuple[float, float]]
SEVEN: Points = [(0.3, 0.25), (0.7, 0.25), (0.45, 0.85)]
ONE: Points = [(0.3, 0.45), (0.56, 0.15), (0.54, 0.85)]  # with a flag


def draw(page: Page, points: Points, lift: bool = True, steps: int = 5) -> None:
    box = page.locator("#sketchpad canvas").bounding_box()
    assert box is not None
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in points]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=steps)
    if lift:
        page.mouse.up()


def touch(page: Page, *fingers: Points) -> None:
    """Move fingers along points. They touch the paper one after the other, and leave it together."""
    box = page.locator("#sketchpad canvas").bounding_box()
    assert box is not None
    paths = [
        [{"x": box["x"] + x * box["width"], "y": box["y"] + y * box["height"], "id": i} for x, y in along(points)]
        for i, points in enumerate(fingers)
    ]
    devtools = page.context.new_cdp_session(page)
    for count in range(1, len(paths) + 1):
        starts = [path[0] for path in paths[:count]]
        devtools.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": starts})
    for places in zip(*(path[1:] for path in paths), strict=True):
        devtools.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": places})
    devtools.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})


def along(points: Points, steps: int = 10) -> Points:
    shares = np.linspace(0, 1, steps * (len(points) - 1) + 1) * (len(points) - 1)
    xs, ys = (np.interp(shares, range(len(points)), values) for values in zip(*points, strict=True))
    return [(float(x), float(y)) for x, y in zip(xs, ys, strict=True)]


def expect_digit(page: Page, digit: str) -> None:
    """Expect that both networks and the page read `digit`."""
    expect(page.locator("#digit")).to_have_text(digit)
    expect(page.locator("tbody tr.read th")).to_have_text(digit)
    wait_for(page, lambda: surest(page) == [digit, digit])


def surest(page: Page) -> list[str]:
    """The digit with the longest bar, for each network."""
    widths = page.locator("tbody i").evaluate_all("bars => bars.map(bar => parseFloat(bar.style.width))")
    assert len(widths) == 20
    return [str(np.argmax(widths[network::2])) for network in (0, 1)]


def expect_blank(page: Page) -> None:
    expect(page.locator("#digit")).to_be_empty()
    expect(page.locator("#words")).to_be_empty()
    assert page.locator("#seen").get_attribute("src") is None


def wait_for(page: Page, happened: Callable[[], bool]) -> None:
    """Wait for something that no locator shows, while the page keeps running."""
    for _ in range(20 * SECONDS):
        if happened():
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"it did not happen within {SECONDS} s")
