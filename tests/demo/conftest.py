from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from demo.limits import Limits
from demo.space import __main__ as layout
from export import web
from export.web import CHROMIUM, FLAGS
from tests.demo.drawing import SECONDS
from tests.demo.serving import Balancer, Collecting, Running, running

HASTY = Limits(
    connections=60,
    head_seconds=0.5,
    question_bytes=60_000,
    question_seconds=0.5,
    picture_bytes=100_000,
    picture_seconds=1.5,
    mcp_bytes=1_000,
    held_bytes=200_000,
    pictures_waiting=2,
)


@pytest.fixture(scope="package")
def address() -> Iterator[str]:
    """The address of `python -m demo`."""
    with running() as address:
        yield address


@pytest.fixture(scope="package")
def hasty() -> Iterator[str]:
    """The address of a server with small limits, on which Gradio remembers 40 sessions instead of 2,000."""
    with running(limits=HASTY) as address:
        yield address


@pytest.fixture(scope="package")
def collecting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Collecting]:
    """`python -m demo --collect DIR --mcp --host 0.0.0.0`, on CUDA if it works."""
    folder = tmp_path_factory.mktemp("collected") / "mine"
    with running("--collect", str(folder), "--mcp", "--host", "0.0.0.0", "--device", "auto") as address:
        yield Collecting(address, folder)


@pytest.fixture(scope="session")
def start_server() -> Running:
    """running(), for a test that needs a server of its own."""
    return running


@pytest.fixture
def balancer(address: str, hasty: str) -> Iterator[Balancer]:
    """A load balancer in front of both servers."""
    with Balancer([address, hasty]) as balancer:
        yield balancer


@pytest.fixture(scope="package")
def static_page() -> dict[str, bytes]:
    """The files of the static page. Those of npm's package come from the cache."""
    try:
        package = web.package()
    except web.UnavailableError as error:
        pytest.skip(str(error))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            layout, "_web_runtime", lambda: {name: (package / name).read_bytes() for name in layout.WEB_FILES}
        )
        return layout.static()


@pytest.fixture(scope="package")
def site(static_page: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the static page."""
    folder = tmp_path_factory.mktemp("static")
    layout.lay_out(folder, static_page)
    with web.serving(folder) as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def watched(page: Page, address: str, problems: list[str]) -> Iterator[None]:
    """Note the errors in the page's console, and its requests to other hosts, in `problems`."""
    events: dict[Any, Callable[[Any], None]] = {
        "console": lambda message: problems.append(message.text) if message.type == "error" else None,
        "pageerror": lambda error: problems.append(str(error)),
        "request": lambda r: None if r.url.startswith((address, "data:", "blob:")) else problems.append(r.url),
    }
    for event, note in events.items():
        page.on(event, note)
    yield
    for event, note in events.items():
        page.remove_listener(event, note)


@pytest.fixture
def problems() -> Iterator[list[str]]:
    """Errors on the pages of a test. At its end the list must be empty."""
    problems: list[str] = []
    yield problems
    assert problems == []


@pytest.fixture
def visit(browser: Browser, problems: list[str]) -> Iterator[Callable[..., Page]]:
    """Open an address in a new browser context with these options.

    With `clock`, page.clock.fast_forward() moves the page's clock forward. `script` runs before those of the page.
    """
    contexts = []

    def visit(address: str, clock: bool = False, script: str = "", **options: Any) -> Page:
        contexts.append(browser.new_context(**options))
        page = contexts[-1].new_page()
        page.set_default_timeout(2_000 * SECONDS)  # the static page loads its networks
        if clock:
            page.clock.install()
        if script:
            page.add_init_script(script)
        watched(page, address, problems).__enter__()
        page.goto(address)
        page.wait_for_selector("#sketchpad canvas")
        return page

    yield visit
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def tab(browser: Browser) -> Page:
    return browser.new_context().new_page()


@pytest.fixture
def page(tab: Page, address: str, problems: list[str]) -> Iterator[Page]:
    """The page with blank paper, always in the same tab, which loads it four times as fast as a new tab."""
    with watched(tab, address, problems):
        tab.goto(address)
        tab.wait_for_selector("#sketchpad canvas")
        yield tab
        tab.mouse.up()
        tab.unroute_all()
        tab.evaluate("sessionStorage.clear(); localStorage.clear()")
        tab.goto("about:blank")
