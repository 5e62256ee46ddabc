"""Language models can use /predict as a tool, through MCP."""

import asyncio
import base64
import json
from urllib.parse import urlsplit

import httpx
import pytest
from mcp import ClientSession
from mcp.client.streamable_http import streamablehttp_client
from mcp.types import CallToolResult, TextContent, Tool
from playwright.sync_api import Page

from demo.networks.classifier import load
from tests.demo.asking import DIGIT, check, upload
from tests.demo.conftest import watched
from tests.demo.serving import Collecting

pytestmark = [pytest.mark.server]

URL = "data:image/png;base64," + base64.b64encode(DIGIT.read_bytes()).decode()


@pytest.fixture
def address(collecting: Collecting) -> str:
    return collecting.address


def call(address: str, *images: str) -> tuple[list[Tool], list[CallToolResult]]:
    """The tools that the server offers, and the result of predict() for each image."""

    async def ask() -> tuple[list[Tool], list[CallToolResult]]:
        async with (
            streamablehttp_client(f"{address}gradio_api/mcp/") as (source, sink, _),
            ClientSession(source, sink) as session,
        ):
            await session.initialize()
            tools = (await session.list_tools()).tools
            return tools, [await session.call_tool("predict", {"image": image}) for image in images]

    return asyncio.run(ask())


def test_a_language_model_finds_the_tool_and_gets_json(address: str) -> None:
    (tool,), answers = call(
        address, URL, path := upload(address, DIGIT.read_bytes()), f"{address}gradio_api/file={path}"
    )
    assert tool.name == "predict"
    assert set(tool.inputSchema["properties"]) == {"image"}
    assert "data:image/png;base64,..., or the path" in tool.inputSchema["properties"]["image"]["description"]
    for answer in answers:
        (content,) = answer.content
        assert isinstance(content, TextContent)
        check(json.loads(content.text), 7, provider=load("auto").provider)
        assert answer.structuredContent == json.loads(content.text)


@pytest.mark.parametrize(
    ("image", "reason"),
    [
        ("http://127.0.0.1:1/digit.png", "send the file to /gradio_api/upload first"),
        ("/etc/passwd", "send the file to /gradio_api/upload first"),
        ("data:image/png;base64,!", "not base64"),
        ("data:text/plain;base64,RGVhcg==", "not an image"),
    ],
)
def test_an_argument_that_is_not_an_image_gets_the_reason(image: str, reason: str, address: str) -> None:
    _, (answer,) = call(address, image)
    assert answer.isError
    assert reason in str(answer.content)


MALFORMED = [
    b"\xff",
    b"[" * 100_000,
    b"",
    b"7",
    b"[{}]",
    b'{"id": ' + b"1" * 5_000 + b"}",
    b'{"jsonrpc": "2.0", "id": "\\ud800", "method": "tools/list"}',
]


@pytest.mark.parametrize("message", MALFORMED, ids=len)
def test_a_malformed_message_is_refused(message: bytes, address: str) -> None:
    headers = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
    assert httpx.post(f"{address}gradio_api/mcp/", content=message, headers=headers).status_code == 400
    assert httpx.get(f"{address}gradio_api/mcp/", headers=headers).status_code == 405


def test_the_page_names_the_address_of_the_tool(address: str, tab: Page, problems: list[str]) -> None:
    address = f"http://127.0.0.1:{urlsplit(address).port}/"
    with watched(tab, address, problems):
        tab.goto(address)
        tab.get_by_text("Use it from a program").click()
        tab.wait_for_load_state("networkidle")
        named = tab.locator("#models").inner_text().rpartition(" ")[2]
    assert '"name":"predict"' in list_tools(named)


def list_tools(url: str, **headers: str) -> str:
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    headers = {"Accept": "application/json, text/event-stream", **headers}
    return httpx.post(url, json=body, headers=headers).text


def test_the_address_works_with_and_without_a_slash_at_its_end(address: str) -> None:
    for path in ("gradio_api/mcp", "gradio_api/mcp/"):
        assert '"name":"predict"' in list_tools(address + path, Host="digits.example")


def test_a_message_that_is_too_long_is_refused(hasty: str) -> None:
    assert httpx.post(f"{hasty}gradio_api/mcp/", json={"x": "x" * 1_000}).status_code == 413
