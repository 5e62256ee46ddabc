"""Check the host names in request headers."""

from functools import lru_cache

import httpx
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from demo.middleware import refusal

PROXY_HEADER = b"x-gradio-server"  # only Gradio's own proxy sends it, and there is none here


class Hosts:
    """Refuse requests with an invalid host name, because Gradio writes the name into the page's URLs."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            for name in ("host", "x-forwarded-host"):
                if not all(is_host(value.split(",")[0]) for value in headers.getlist(name)):
                    return await refusal(400, f"The header {name} is not a valid host.")(scope, receive, send)
            scope = {**scope, "headers": [header for header in scope["headers"] if header[0] != PROXY_HEADER]}
        await self.app(scope, receive, send)


@lru_cache(maxsize=1000)
def is_host(value: str) -> bool:
    """Whether `value` is a host name or IP address, with or without a port, and nothing else."""
    try:
        return httpx.URL(f"http://{value.strip()}/").raw_path == b"/"
    except (httpx.InvalidURL, ValueError):
        return False
