"""End responses properly."""

import asyncio

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from demo.middleware import refusal


class Streams:
    """End a response that Gradio leaves open: after it reported an unknown event, or when the server stops.

    Respond with 503 to a request that is not answered when the server stops.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        started = ended = False

        async def send_and_track(message: Message) -> None:
            nonlocal started, ended
            started = True
            ended = message["type"] == "http.response.body" and not message.get("more_body")
            await send(message)

        try:
            await self.app(scope, receive, send_and_track)
        except (RuntimeError, asyncio.CancelledError) as error:
            server_stops = isinstance(error, asyncio.CancelledError)
            if not (server_stops or (started and isinstance(error.__cause__, HTTPException))):
                raise
            if not started:
                await refusal(503, "The server stops.")(scope, receive, send)
            elif not ended:
                await send({"type": "http.response.body"})
