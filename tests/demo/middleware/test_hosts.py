"""A request with an invalid host name is refused, because Gradio writes the name into the page's URLs."""

import httpx
import pytest

from tests.demo.asking import raw

pytestmark = [pytest.mark.server]


@pytest.mark.parametrize("header", ["Host: [::", "Host: a/../b?c", "Host: x\r\nX-Forwarded-Host: [::"])
def test_an_invalid_host_name_is_refused(header: str, address: str) -> None:
    answer = raw(address, f"GET / HTTP/1.1\r\n{header}\r\nConnection: close\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("host", ["digits.example", "127.0.0.1:7860", "[::1]:7860", "a.example, b.example"])
def test_any_valid_host_name_is_accepted(host: str, address: str) -> None:
    assert httpx.get(address, headers={"X-Forwarded-Host": host}).status_code == 200


def test_the_header_of_gradios_own_proxy_is_ignored(address: str) -> None:
    assert httpx.get(address, headers={"X-Gradio-Server": "http://["}).status_code == 200
