"""What a request may carry: how much, how slowly, and of which type."""

import asyncio

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from demo.limits import Limits
from demo.middleware import LATER, refusal
from demo.middleware.addresses import GRADIO, MCP

PICTURES = ("/predict", f"{GRADIO}/upload")


class Bodies:
    """Hands a request to the app once its whole body has arrived; refuses it as soon as that is too large or late."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self.app = app
        self.limits = limits
        self.held = 0  # bytes of all bodies that are arriving or being answered

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        headers, path = Headers(scope=scope), scope["path"]
        if scope["method"] in ("GET", "HEAD"):
            if "transfer-encoding" in headers or headers.get("content-length", "0") != "0":
                return await refusal(400, "This address takes no body.")(scope, receive, send)
            return await self.app(scope, receive, send)
        most, seconds = self.limits.question_bytes, self.limits.question_seconds
        kind, _, parameters = headers.get("content-type", "").lower().partition(";")
        if path in PICTURES and "charset" in parameters:
            # Some take minutes to decode; no client names one for a form.
            return await refusal(415, "This address takes no charset.")(scope, receive, send)
        if path in PICTURES:
            most, seconds = self.limits.picture_bytes, self.limits.picture_seconds
        elif path.startswith(MCP):
            most, seconds = self.limits.mcp_bytes, self.limits.picture_seconds
        elif kind.strip() != "application/json":
            # Forms of other sites cannot send it.
            return await refusal(415, "This address takes application/json.")(scope, receive, send)
        arrived: list[Message] = []
        try:
            try:
                async with asyncio.timeout(seconds):
                    refused = await self._arrive(arrived, receive, most)
            except TimeoutError:
                refused = refusal(408, f"The request did not arrive within {seconds} seconds.")
            if arrived and arrived[-1]["type"] == "http.disconnect":
                return
            messages = iter(arrived)

            async def replay() -> Message:
                return next(messages, None) or await receive()

            await (refused or self.app)(scope, replay, send)
        finally:
            self.held -= sum(len(message.get("body", b"")) for message in arrived)

    async def _arrive(self, arrived: list[Message], receive: Receive, most: int) -> Response | None:
        """Receive a body of `most` bytes at most into `arrived`, or say why not."""
        size = 0
        while not arrived or arrived[-1].get("more_body"):
            message = await receive()
            arrived.append(message)
            length = len(message.get("body", b""))
            size, self.held = size + length, self.held + length
            if size > most:
                return refusal(413, f"This address takes at most {most:,} bytes.")
            if self.held > self.limits.held_bytes and most > self.limits.question_bytes:
                return refusal(429, "The server is busy; send it again.", LATER)
        return None
