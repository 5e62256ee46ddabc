"""How a stream of events ends."""

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class Streams:
    """Ends the response when Gradio reports an unknown event in the midst of one and then breaks off."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        started = False

        async def watched(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except RuntimeError as error:  # Starlette raises it for an HTTPException after the head of the response
            if not (started and isinstance(error.__cause__, HTTPException)):
                raise
            await send({"type": "http.response.body"})
