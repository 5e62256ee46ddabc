import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from tempfile import TemporaryFile
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from demo.limits import Limits
from export.web import CHROMIUM, FLAGS

processes: dict[str, int] = {}  # by the address that each serves


SERVE = """
from demo.limits import Limits
from demo.networks.classifier import load
from demo.server import listen, serve
serve(listen(), load("cpu"), mcp={mcp}, limits={limits})
"""


@contextmanager
def running(*options: str, limits: Limits | None = None, mcp: bool = False) -> Iterator[str]:
    """`python -m demo`, started as a user starts it, or served with other `limits`. Gives the address it prints."""
    command = [sys.executable, "-m", "demo", "--device", "cpu", *options]
    if limits:
        command = [sys.executable, "-c", SERVE.format(mcp=mcp, limits=limits)]
    with (
        TemporaryFile("w+") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        assert process.stdout is not None
        found = re.search(r"^Draw at (\S+)", process.stdout.readline())
        assert found, log.seek(0) or log.read()
        processes[found[1]] = process.pid
        try:
            yield found[1]
        finally:
            process.terminate()
            process.wait()
            log.seek(0)
            assert "Traceback" not in (said := log.read()), said


@pytest.fixture(scope="package")
def address() -> Iterator[str]:
    with running() as address:
        yield address


HASTY = Limits(
    connections=60,
    head_seconds=0.5,
    question_seconds=0.5,
    picture_bytes=100_000,
    picture_seconds=0.5,
    held_bytes=200_000,
    pictures_waiting=2,
)


@pytest.fixture(scope="package")
def hasty() -> Iterator[str]:
    """A server of small limits."""
    with running(limits=HASTY) as address:
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
