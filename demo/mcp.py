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
from demo.middleware.addresses import GRADIO, MCP, UPLOAD
from demo.networks.images import ImageError, decode_data_url
from demo.reader import Reader
from demo.schemas import Prediction
from demo.sketchpad import TITLE
from demo.uploads import Uploads

IMAGE = (
    "PNG or JPEG as data URL, data:image/png;base64,..., or the path that an upload to "
    f"{UPLOAD} returned. Other addresses, and files of your machine, are not fetched."
)


class Tool:
    """The tool `predict`: `routes` serve it, and `lifespan` must run while the server runs."""

    def __init__(self, reader: Reader, uploads: Uploads, limits: Limits) -> None:
        any_host = TransportSecuritySettings(enable_dns_rebinding_protection=False)
        self.server = FastMCP(
            TITLE,
            stateless_http=True,
            max_request_body_size=limits.mcp_bytes,
            transport_security=any_host,
            log_level="CRITICAL",
        )

        @self.server.tool()
        async def predict(
            image: Annotated[str, Field(description=IMAGE)],
        ) -> Prediction:
            """Read handwritten numbers, dark on light or light on dark: the number as text, and each of its digits."""
            return await reader.predict(image_bytes(image, uploads))

        (route,) = self.server.streamable_http_app().routes
        assert isinstance(route, Route)
        self.routes: list[BaseRoute] = [Route(path, WellFormed(route.endpoint)) for path in (MCP, f"{MCP}/")]

    def lifespan(self, _: FastAPI) -> AbstractAsyncContextManager[None]:
        """Run the sessions of the protocol."""
        return self.server.session_manager.run()


class WellFormed:
    """Respond with 400 to messages that are not JSON objects. The package mcp responds to some of them with 500."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        body = await Request(scope, receive).body()
        try:
            message = json.loads(body)
            json.dumps(message, ensure_ascii=False).encode()  # fails for half a surrogate pair, as the response would
        except (ValueError, RecursionError):
            message = None
        if not isinstance(message, dict):
            return await refusal(400, "The message is not a JSON object.")(scope, receive, send)
        messages: list[Message] = [{"type": "http.request", "body": body}]

        async def replay() -> Message:
            return messages.pop() if messages else await receive()

        await self.app(scope, replay, send)


def image_bytes(image: str, uploads: Uploads) -> bytes:
    """The image file behind `image`: a data URL, or the path or URL of an upload. Raises ImageError for others."""
    if image.startswith("data:"):
        return decode_data_url(image)
    path = unquote(image.partition(f"{GRADIO}/file=")[2]) or image
    if not uploads.holds(path):
        raise ImageError(f"Send the image as a data URL, or send the file to {UPLOAD} first.")
    return Path(path).read_bytes()
