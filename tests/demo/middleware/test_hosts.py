"""A request names a host, or is refused: Gradio puts the name into the page's addresses."""

import httpx
import pytest

from tests.demo.asking import raw


@pytest.mark.parametrize("header", ["Host: [::", "Host: a/../b?c", "Host: x\r\nX-Forwarded-Host: [::"])
def test_what_names_no_host_is_refused(header: str, address: str) -> None:
    answer = raw(address, f"GET / HTTP/1.1\r\n{header}\r\nConnection: close\r\n\r\n".encode())
    assert answer.startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("host", ["digits.example", "127.0.0.1:7860", "[::1]:7860", "a.example, b.example"])
def test_any_host_may_serve_the_page(host: str, address: str) -> None:
    assert httpx.get(address, headers={"X-Forwarded-Host": host}).status_code == 200


def test_a_header_meant_for_gradios_own_proxy_does_nothing(address: str) -> None:
    assert httpx.get(address, headers={"X-Gradio-Server": "http://["}).status_code == 200
