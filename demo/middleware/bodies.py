"""Check request bodies: their size, content type and time of arrival."""

import asyncio
import re

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from demo.limits import Limits
from demo.middleware import RETRY_LATER, refusal
from demo.middleware.addresses import MCP, UPLOAD

PICTURE_PATHS = ("/predict", UPLOAD)
CHARSET = re.compile(r"(?:^|;)\s*charset[*\d\s]*=")  # `*` and digits: RFC 2231 has charset*= and charset*0=


class Bodies:
    """Pass a request to the app once its whole body has arrived. Refuse it as soon as the body is too large or late."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self.app = app
        self.limits = limits
        self.held_bytes = 0  # of all bodies that are arriving or being answered

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        headers, path = Headers(scope=scope), scope["path"]
        if scope["method"] in ("GET", "HEAD"):
            if "transfer-encoding" in headers or headers.get("content-length", "0") != "0":
                return await refusal(400, "This address takes no body.")(scope, receive, send)
            return await self.app(scope, receive, send)
        max_bytes, seconds = self.limits.question_bytes, self.limits.question_seconds
        media_type, _, parameters = headers.get("content-type", "").lower().partition(";")
        if path in PICTURE_PATHS and CHARSET.search(parameters):
            # Some charsets take minutes to decode, and clients name none for a form.
            return await refusal(415, "This address takes no charset.")(scope, receive, send)
        if path in PICTURE_PATHS:
            max_bytes, seconds = self.limits.picture_bytes, self.limits.picture_seconds
        elif path.startswith(MCP):
            max_bytes, seconds = self.limits.mcp_bytes, self.limits.picture_seconds
        elif media_type.strip() != "application/json":
            # A form on another site cannot send this type.
            return await refusal(415, "This address takes application/json.")(scope, receive, send)
        received: list[Message] = []
        try:
            try:
                async with asyncio.timeout(seconds):
                    refused = await self._receive_body(received, receive, max_bytes)
            except TimeoutError:
                refused = refusal(408, f"The request did not arrive within {seconds} seconds.")
            if received and received[-1]["type"] == "http.disconnect":
                return
            messages = iter(received)

            async def replay() -> Message:
                return next(messages, None) or await receive()

            await (refused or self.app)(scope, replay, send)
        finally:
            self.held_bytes -= sum(len(message.get("body", b"")) for message in received)

    async def _receive_body(self, received: list[Message], receive: Receive, max_bytes: int) -> Response | None:
        """Append the messages of a body to `received`. Returns a refusal if the body is too large."""
        size = 0
        while not received or received[-1].get("more_body"):
            message = await receive()
            received.append(message)
            length = len(message.get("body", b""))
            size, self.held_bytes = size + length, self.held_bytes + length
            if size > max_bytes:
                return refusal(413, f"This address takes at most {max_bytes:,} bytes.")
            is_picture = max_bytes > self.limits.question_bytes or size > self.limits.strokes_bytes
            if is_picture and self.held_bytes > self.limits.held_bytes:
                return refusal(429, "The server is busy; send it again.", RETRY_LATER)
        return None
