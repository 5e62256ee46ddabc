"""A reverse proxy shows the demo below /digits: all that the demo serves works there."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest
from gradio_client import Client, handle_file
from playwright.sync_api import Page

from demo.middleware.root import Root
from tests.demo.asking import DIGIT, DRAWING, check, read
from tests.demo.drawing import SEVEN, draw, expect_digit
from tests.demo.serving import ReverseProxy, running
from tests.demo.test_mcp import URL, call
from tests.demo.test_server import start
from tests.demo.test_server import test_the_readmes_javascript_runs_as_printed as ask_in_javascript

pytestmark = [pytest.mark.server]


@pytest.fixture(scope="module")
def below(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`python -m demo --root-path /digits --collect DIR --mcp`."""
    with running("--root-path", "/digits", "--collect", str(tmp_path_factory.mktemp("mine")), "--mcp") as address:
        yield address


@pytest.fixture(params=["keeps http", "keeps https", "strips http", "strips https"])
def proxy(below: str, request: pytest.FixtureRequest) -> Iterator[ReverseProxy]:
    with ReverseProxy(below, "strips" in request.param, "https" in request.param) as proxy:
        yield proxy


def test_the_page_names_the_addresses_that_the_proxy_shows(proxy: ReverseProxy) -> None:
    page = httpx.get(proxy.page).text
    assert f'"root":"{proxy.shown.rstrip("/")}"' in page
    files = re.findall(r'(?:src|href)="(\./[^"]+)"', page)
    assert len(files) > 1
    for file in files:
        assert httpx.get(urljoin(proxy.page, file)).status_code == 200, file
    assert httpx.get(f"{proxy.page}config").json()["root"] == proxy.shown.rstrip("/")


def test_the_page_is_found_without_a_slash_if_the_proxy_keeps_the_path(below: str) -> None:
    with ReverseProxy(below, strips=False, https=True) as proxy:
        answer = httpx.get(proxy.page.rstrip("/"))
    assert (answer.status_code, answer.headers["location"]) == (307, "/digits/")


def test_programs_are_answered(proxy: ReverseProxy) -> None:
    assert httpx.get(f"{proxy.page}health").json()["status"] == "ok"
    assert httpx.get(f"{proxy.page}openapi.json").json()["servers"] == [{"url": "/digits"}]
    check(httpx.post(f"{proxy.page}predict", content=DIGIT.read_bytes()).json(), 7)
    assert read(proxy.page) == 1


def test_corrections_come_from_the_page_only(proxy: ReverseProxy) -> None:
    def keep(origin: str) -> int:
        correction = {"canvas": DRAWING, "digit": 1}
        return httpx.post(f"{proxy.page}keep", json=correction, headers={"Origin": origin}).status_code

    assert keep(proxy.shown.removesuffix("/digits/")) == 200
    assert keep("https://elsewhere.example") == 403


def test_gradios_client_in_python_is_answered(proxy: ReverseProxy) -> None:
    client = Client(proxy.page, verbose=False)
    check(client.predict(handle_file(DIGIT), api_name="/predict"), 7)
    client.close()


def test_a_language_model_is_answered(proxy: ReverseProxy) -> None:
    (tool,), (answer,) = call(proxy.page, URL)
    assert tool.name == "predict"
    assert not answer.isError


@pytest.mark.parametrize("strips", [True, False])
def test_gradios_client_in_javascript_is_answered(strips: bool, below: str, tmp_path: Path) -> None:
    with ReverseProxy(below, strips, https=False) as proxy:
        ask_in_javascript(proxy.page, tmp_path)


@pytest.mark.browser
@pytest.mark.parametrize("strips", [True, False])
def test_a_person_draws_and_corrects(strips: bool, below: str, visit: Callable[..., Page]) -> None:
    with ReverseProxy(below, strips, https=False) as proxy:
        page = visit(proxy.page if strips else proxy.page.rstrip("/"))
        draw(page, SEVEN)
        expect_digit(page, "7")
        with page.expect_response("**/digits/keep") as kept:
            page.click(".wrong button:nth-child(2)")
        assert kept.value.ok


def test_the_server_itself_is_asked_with_and_without_the_path(below: str) -> None:
    assert read(below) == read(f"{below}digits/") == 1
    for path in ("digits/digits/", "digitsconfig", "digits/monitoring", "digits/../etc/passwd"):
        assert httpx.get(below + path).status_code == 404


def test_a_url_as_root_path_counts_more_than_headers() -> None:
    with running("--root-path", "https://digits.example:8443/a/b/") as address:
        assert httpx.get(f"{address}config").json()["root"] == "https://digits.example:8443/a/b"
        assert httpx.get(f"{address}openapi.json").json()["servers"] == [{"url": "https://digits.example:8443/a/b"}]
        assert read(f"{address}a/b/") == 1


@pytest.mark.parametrize(
    ("text", "origin", "path"),
    [
        ("", "", ""),
        ("/", "", ""),
        ("digits", "", "/digits"),
        ("/digits/", "", "/digits"),
        ("/a/b-c/~d_1.2", "", "/a/b-c/~d_1.2"),
        ("https://digits.example", "https://digits.example", ""),
        ("http://[::1]:8080/digits/", "http://[::1]:8080", "/digits"),
    ],
)
def test_a_root_path_is_a_path_or_a_url(text: str, origin: str, path: str) -> None:
    assert Root.parse(text) == Root(origin, path)


@pytest.mark.parametrize(
    "text",
    ["/a b", "/../a", "/a//b", "//evil.example", "ftp://a/b", "https://a/b?c", "/<script>", "/read", "/gradio_api/a"],
)
def test_any_other_root_path_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be like /digits"):
        Root.parse(text)


def test_a_root_path_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_ROOT_PATH", "/a b")
    failed = start()
    assert failed.returncode == 1
    assert failed.stderr == (
        "python -m demo: The root path must be like /digits or https://example.com/digits, but it is '/a b'.\n"
    )
