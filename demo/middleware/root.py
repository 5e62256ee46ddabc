"""Serve the app below the path that a reverse proxy shows."""

import re
from typing import NamedTuple
from urllib.parse import urlsplit

from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from demo.middleware.addresses import GET_PATHS, POST_PATHS

ROOT = re.compile(r"(https?://(?:[\w.-]+|\[[\w:.]+\])(?::\d+)?)?((?:/(?!\.)[\w.~-]+)*)", re.ASCII)
FOLDERS = re.compile(r"/(?:assets|static|svelte|gradio_api)(?:/.*)?")


class Root(NamedTuple):
    """Where a reverse proxy shows the page."""

    origin: str = ""
    """`https://example.com`; empty if the headers of each request name it."""

    path: str = ""
    """`/digits`; empty if the page is at `/`."""

    @classmethod
    def parse(cls, text: str) -> "Root":
        """Read a path or an http URL. Raises ValueError for anything else, and for a path of the demo's own."""
        text = text.strip().rstrip("/")
        found = ROOT.fullmatch(text if not text or "://" in text or text.startswith("/") else f"/{text}")
        if not found or GET_PATHS.fullmatch(found[2]) or POST_PATHS.fullmatch(found[2]) or FOLDERS.fullmatch(found[2]):
            raise ValueError(f"The root path must be like /digits or https://example.com/digits, but it is {text!r}.")
        return cls(found[1] or "", found[2])


class BelowRoot:
    """Serve the app below `root.path`, and also at `/`: some proxies keep the path in what they forward, some do not.

    Redirects `root.path` without a slash, because the page's files are relative to it. An origin in `root` replaces the
    one that the proxy names.
    """

    def __init__(self, app: ASGIApp, root: Root) -> None:
        self.app = app
        self.root = root
        url = urlsplit(root.origin)
        self.origin = [(b"x-forwarded-host", url.netloc.encode()), (b"x-forwarded-proto", url.scheme.encode())]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        path = self.root.path
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        if path and scope["path"] == path and scope["method"] in ("GET", "HEAD"):
            return await RedirectResponse(f"{path}/")(scope, receive, send)
        if path and scope["path"].startswith(f"{path}/"):
            below = {
                "path": scope["path"].removeprefix(path),
                "raw_path": scope["raw_path"].removeprefix(path.encode()),
            }
            scope = {**scope, **below}
        if self.root.origin:
            names = [name for name, _ in self.origin]
            headers = [header for header in scope["headers"] if header[0] not in names]
            scope = {**scope, "headers": headers + self.origin}
        await self.app(scope, receive, send)
