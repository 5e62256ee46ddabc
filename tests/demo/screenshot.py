"""python -m tests.demo.screenshot FILE: writes a number on the page and saves the README's picture."""

import sys

from playwright.sync_api import expect, sync_playwright

from export.web import CHROMIUM, FLAGS
from tests.demo.serving import running

with running() as address, sync_playwright() as playwright:
    browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
    page = browser.new_page(viewport={"width": 1200, "height": 800})
    page.goto(address)
    page.wait_for_selector("#sketchpad canvas")
    page.get_by_label("the year 2026").click()
    expect(page.locator("#digit")).to_have_text("2026", timeout=60_000)
    page.mouse.move(0, 0)
    page.locator("#sketchpad").screenshot(path=sys.argv[1])
    browser.close()
