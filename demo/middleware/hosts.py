"""Which host a request may say that it asks."""

from functools import lru_cache

import httpx
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from demo.middleware import refusal

PROXY = b"x-gradio-server"  # Gradio's own front proxy sends it; there is none here, so it would be a stranger's


class Hosts:
    """Refuses a request whose headers name something that is no host: Gradio puts it into the page's addresses."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            for name in ("host", "x-forwarded-host"):
                if not all(is_host(value.split(",")[0]) for value in headers.getlist(name)):
                    return await refusal(400, f"The header {name} names no host.")(scope, receive, send)
            scope = {**scope, "headers": [header for header in scope["headers"] if header[0] != PROXY]}
        await self.app(scope, receive, send)


@lru_cache(maxsize=1000)
def is_host(value: str) -> bool:
    """Whether it is a name or address, with or without a port, and nothing more."""
    try:
        return httpx.URL(f"http://{value.strip()}/").raw_path == b"/"
    except (httpx.InvalidURL, ValueError):
        return False
