"""Restrict the server to the addresses that the page, programs and Gradio's clients need."""

import re

from starlette.types import ASGIApp, Receive, Scope, Send

from demo.middleware import refusal

MAX_PATH_LENGTH = 300
GRADIO = "/gradio_api"
UPLOAD = f"{GRADIO}/upload"
MCP = f"{GRADIO}/mcp"
FILE_NAME = r"[\w-][\w.@-]*"  # of a file or folder; no hidden file, no ".."
GET_PATHS = re.compile(
    r"/|/config|/theme\.css|/favicon\.ico|/manifest\.json|/robots\.txt|/sketchpad\.png|/model-card\.md"
    r"|/health|/openapi\.json|/digit\.png"
    rf"|/(?:assets|static|svelte)(?:/{FILE_NAME})+"
    rf"|{GRADIO}/(?:info|openapi\.json|startup-events|app_id|queue/data|heartbeat/[\w-]+|call/predict/\w+)/?"
)
POST_PATHS = re.compile(
    rf"/read|/probabilities|/keep|/take-back|/predict|{GRADIO}/(?:(?:call|call/v2)/predict/?|queue/join|upload|cancel|reset)"
)


class Addresses:
    """Respond with 404 to any other address and with 405 to any other method.

    Gradio serves about 75 addresses; the page and the clients need 20. `mcp` also opens the address of the Model
    Context Protocol.
    """

    def __init__(self, app: ASGIApp, mcp: bool = False) -> None:
        self.app = app
        self.mcp = mcp

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        path, method = scope["path"], scope["method"]
        is_get = GET_PATHS.fullmatch(path)
        is_post = POST_PATHS.fullmatch(path) or (self.mcp and path.rstrip("/") == MCP)
        if len(path) > MAX_PATH_LENGTH or not (is_get or is_post):
            return await refusal(404, "There is nothing at this address.")(scope, receive, send)
        allowed = ("GET", "HEAD") if is_get else ("POST",)
        if method not in allowed:
            headers = {"Allow": ", ".join(allowed)}
            return await refusal(405, f"This address takes {allowed[0]}.", headers)(scope, receive, send)
        query = scope["query_string"] if path.startswith(f"{GRADIO}/queue/data") else b""
        await self.app({**scope, "query_string": query}, receive, send)
