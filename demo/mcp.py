"""/predict as a tool of the Model Context Protocol, for language models."""

import json
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote

from fastapi import FastAPI
from mcp.server.fastmcp import FastMCP
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import Field
from starlette.requests import Request
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from demo.limits import Limits
from demo.middleware import refusal
from demo.middleware.addresses import GRADIO, MCP
from demo.networks.images import ImageError, decoded
from demo.reader import Reader
from demo.schemas import Prediction
from demo.uploads import Uploads


class Tool:
    """The tool, with the `routes` that serve it and the `lifespan` of its sessions."""

    def __init__(self, reader: Reader, uploads: Uploads, limits: Limits) -> None:
        any_host = TransportSecuritySettings(enable_dns_rebinding_protection=False)
        self.server = FastMCP(
            "Draw a digit",
            stateless_http=True,
            max_request_body_size=limits.mcp_bytes,
            transport_security=any_host,
            log_level="CRITICAL",
        )

        @self.server.tool()
        async def predict(
            image: Annotated[str, Field(description="PNG or JPEG as data URL, or the path of an uploaded file.")],
        ) -> Prediction:
            """Read a handwritten digit, dark on light or light on dark: the digit, or null, and probabilities."""
            return await reader.predict(content(image, uploads))

        (route,) = self.server.streamable_http_app().routes
        assert isinstance(route, Route)
        self.routes: list[BaseRoute] = [Route(path, WellFormed(route.endpoint)) for path in (MCP, f"{MCP}/")]

    def lifespan(self, _: FastAPI) -> AbstractAsyncContextManager[None]:
        """For FastAPI."""
        return self.server.session_manager.run()


class WellFormed:
    """Hands messages to `app` that are JSON; that of the package answers others with 500."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        body = await Request(scope, receive).body()
        try:
            json.loads(body).get("id", 0)
        except (ValueError, RecursionError, AttributeError):
            return await refusal(400, "The message is not a JSON object.")(scope, receive, send)
        messages: list[Message] = [{"type": "http.request", "body": body}]

        async def replay() -> Message:
            return messages.pop() if messages else await receive()

        await self.app(scope, replay, send)


def content(image: str, uploads: Uploads) -> bytes:
    """The image file that a data URL holds, or that lies at the path or address of an upload. ImageError for others."""
    if image.startswith("data:"):
        return decoded(image)
    path = unquote(image.partition(f"{GRADIO}/file=")[2]) or image
    if not uploads.holds(path):
        raise ImageError(f"Send the file to {GRADIO}/upload first, or the image as data URL.")
    return Path(path).read_bytes()
