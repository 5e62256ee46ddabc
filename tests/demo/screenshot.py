"""python -m tests.demo.screenshot ADDRESS FILE: draws a digit on the running page and saves the README's picture."""

import math
import sys
import time

from playwright.sync_api import sync_playwright

from tests.demo.test_browser import CHROMIUM, FLAGS, draw, expect_digit

TURNS = [math.radians(angle) for angle in range(0, 361, 10)]
TWO = [
    *((0.5 - 0.16 * math.cos(turn), 0.34 - 0.16 * math.sin(turn)) for turn in TURNS[:21]),
    (0.33, 0.8),
    (0.7, 0.8),
]

with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
    page = browser.new_page(viewport={"width": 1000, "height": 720}, device_scale_factor=1)
    page.goto(sys.argv[1])
    page.wait_for_selector("#sketchpad canvas")
    draw(page, TWO)
    expect_digit(page, "2")
    time.sleep(0.5)
    page.screenshot(path=sys.argv[2])
    browser.close()
