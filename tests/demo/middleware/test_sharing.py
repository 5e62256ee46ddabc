"""Those who share the page's address see what it is."""

import re

import httpx
import pytest

pytestmark = [pytest.mark.server]


def tags(page: str) -> dict[str, str]:
    return dict(re.findall(r'<meta (?:name|property)="((?:og|twitter|description)[\w:]*)" content="([^"]*)"', page))


def test_a_shared_link_describes_the_page_and_shows_its_picture(address: str) -> None:
    page = httpx.get(address)
    shown = tags(page.text)
    assert shown["og:title"] == "Write a number"
    assert shown["og:description"] == shown["description"]
    assert "digits" in shown["description"]
    picture = httpx.get(shown["og:image"])
    assert (picture.status_code, picture.headers["content-type"]) == (200, "image/png")
    for name in ("og:title", "og:image", "og:description"):
        assert page.text.count(f'"{name}"') == 1
    assert "raw.githubusercontent.com" not in page.text
    assert int(page.headers["content-length"]) < len(page.content) / 3  # compressed
    assert httpx.get(address, headers={"Accept-Encoding": "identity"}).text == page.text


def test_the_picture_has_the_address_that_a_proxy_names(address: str) -> None:
    headers = {"X-Forwarded-Host": "digits.example", "X-Forwarded-Proto": "https"}
    shown = tags(httpx.get(address, headers=headers).text)
    assert shown["og:image"] == "https://digits.example/sketchpad.png"
