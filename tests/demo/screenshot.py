"""python -m tests.demo.screenshot ADDRESS FILE: draws a digit on the running page and saves the README's picture."""

import sys
import time

from playwright.sync_api import sync_playwright

from export.web import CHROMIUM, FLAGS
from tests.demo.test_browser import draw, expect_digit

ONE_WITH_A_FLAG = [(0.3, 0.45), (0.56, 0.15), (0.54, 0.85)]

with sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
    page = browser.new_page(viewport={"width": 1000, "height": 720}, device_scale_factor=1)
    page.goto(sys.argv[1])
    page.wait_for_selector("#sketchpad canvas")
    draw(page, ONE_WITH_A_FLAG)
    expect_digit(page, "1")
    time.sleep(0.5)
    page.screenshot(path=sys.argv[2])
    browser.close()
