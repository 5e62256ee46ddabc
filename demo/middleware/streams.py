"""How a stream of events ends."""

import asyncio

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Streams:
    """Ends a response where Gradio reports an unknown event in it and breaks off, or where the server stops."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        started = ended = False

        async def watched(message: Message) -> None:
            nonlocal started, ended
            started = True
            ended = message["type"] == "http.response.body" and not message.get("more_body")
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except (RuntimeError, asyncio.CancelledError) as error:
            stops = isinstance(error, asyncio.CancelledError)
            if not started or not (stops or isinstance(error.__cause__, HTTPException)):
                raise
            if not ended:
                await send({"type": "http.response.body"})
