"""python -m tests.demo.screenshot FILE: draws a digit on the page and saves the README's picture."""

import sys

from playwright.sync_api import sync_playwright

from export.web import CHROMIUM, FLAGS
from tests.demo.drawing import ONE, draw, expect_digit
from tests.demo.serving import running

with running() as address, sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
    page = browser.new_page(viewport={"width": 1000, "height": 800})
    page.goto(address)
    page.wait_for_selector("#sketchpad canvas")
    page.click("summary")
    draw(page, ONE)
    expect_digit(page, "1")
    page.locator("#sketchpad").screenshot(path=sys.argv[1])
    browser.close()
