import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from export.web import CHROMIUM, FLAGS

processes: dict[str, int] = {}  # by the address that each serves


@contextmanager
def running(*options: str, limits: dict[str, Any] | None = None) -> Iterator[str]:
    """`python -m demo`, started as a user starts it, or with other `limits`: constants "module.NAME" of the demo.

    Gives the address it prints.
    """
    start = ["-m", "demo"]
    if limits:
        patches = [f"demo.{name} = {value!r}" for name, value in limits.items()]
        start = ["-c", "\n".join(["import demo.__main__, demo.app", *patches, "demo.__main__.main()"])]
    command = [sys.executable, *start, "--device", "cpu", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        said: list[str] = []
        for line in process.stdout:
            said.append(line)
            if line.startswith("Draw at"):
                break
        found = re.search(r"^Draw at (\S+)", "".join(said), re.MULTILINE)
        assert found, said
        processes[found[1]] = process.pid
        try:
            yield found[1]
        finally:
            process.terminate()


@pytest.fixture(scope="package")
def address() -> Iterator[str]:
    with running() as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Page]]:
    """Opens an address in a tab of its own; afterwards: no error in its console, no request to another host."""
    problems: list[str] = []
    contexts = []

    def visit(address: str, **profile: Any) -> Page:
        context = browser.new_context(**profile)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("request", lambda r: None if r.url.startswith((address, "data:", "blob:")) else problems.append(r.url))
        page.goto(address)
        page.wait_for_selector("#sketchpad canvas")
        return page

    visit.problems = problems  # type: ignore[attr-defined]
    yield visit
    for context in contexts:
        context.close()
    assert problems == []
