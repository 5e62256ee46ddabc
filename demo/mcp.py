"""/predict as a tool of the Model Context Protocol, for language models."""

import base64
import binascii
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated
from urllib.parse import unquote

from fastapi import FastAPI
from mcp.server.fastmcp import FastMCP
from mcp.server.transport_security import TransportSecuritySettings
from pydantic import Field
from starlette.routing import Route

from demo.limits import Limits
from demo.middleware.addresses import GRADIO, MCP
from demo.networks.images import ImageError
from demo.reader import Reader
from demo.schemas import Prediction
from demo.uploads import Uploads


def add_tool(app: FastAPI, reader: Reader, uploads: Uploads, limits: Limits) -> None:
    """Serve the tool at MCP."""
    server = FastMCP(
        app.title,
        stateless_http=True,
        max_request_body_size=limits.mcp_bytes,
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),  # any host may serve it
        log_level="ERROR",
    )

    @server.tool()
    async def predict(
        image: Annotated[str, Field(description="PNG or JPEG as data URL, or the path of an uploaded file.")],
    ) -> Prediction:
        """Read a handwritten digit, dark on light or light on dark. Gives the digit, or null, and probabilities."""
        return await reader.predict(content(image, uploads))

    app.router.routes += [
        Route(path, route.endpoint)
        for route in server.streamable_http_app().routes
        if isinstance(route, Route)
        for path in (MCP, f"{MCP}/")
    ]
    before = app.router.lifespan_context

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with before(app), server.session_manager.run():
            yield

    app.router.lifespan_context = lifespan


def content(image: str, uploads: Uploads) -> bytes:
    """The image file that is meant by a data URL, or by the path or address of an upload. ImageError for another."""
    if image.startswith("data:"):
        try:
            return base64.b64decode(image.partition(",")[2], validate=True)
        except (binascii.Error, ValueError) as error:
            raise ImageError("The data URL is not base64.") from error
    path = unquote(image.partition(f"{GRADIO}/file=")[2]) or image
    if not uploads.holds(path):
        raise ImageError(f"Send the file to {GRADIO}/upload first, or the image as data URL.")
    return Path(path).read_bytes()
