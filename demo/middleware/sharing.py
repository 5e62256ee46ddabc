"""Tell those who get the page's address what it is."""

import gzip
import re
from html import escape

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from demo.sketchpad import DESCRIPTION, PICTURE, TITLE

GRADIO_TAGS = re.compile(rb'<meta\s+(?:property="og:|name="twitter:)[^>]*>\s*')


class Sharing:
    """Replace Gradio's tags for shared links, which name Gradio and its picture, by those of the page.

    It also compresses the page: Gradio compresses only its other files. Browsers see the page below `root_path`.
    """

    def __init__(self, app: ASGIApp, root_path: str) -> None:
        self.app = app
        self.root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"] != "/" or scope["method"] != "GET":
            return await self.app(scope, receive, send)
        start: Message = {}
        page = b""

        async def send_page(message: Message) -> None:
            nonlocal start, page
            if message["type"] == "http.response.start":
                start = message
                return
            page += message.get("body", b"")
            if message.get("more_body"):
                return
            described = GRADIO_TAGS.sub(b"", page).replace(b"<head>", b"<head>" + self.tags(scope), 1)
            headers = MutableHeaders(scope=start)
            headers.add_vary_header("Accept-Encoding")
            if "gzip" in Headers(scope=scope).get("accept-encoding", ""):
                described = gzip.compress(described, 6)
                headers["content-encoding"] = "gzip"
            headers["content-length"] = str(len(described))
            await send(start)
            await send({"type": "http.response.body", "body": described})

        await self.app(scope, receive, send_page)

    def tags(self, scope: Scope) -> bytes:
        """The description of the page, and the address of its picture, which must be absolute."""
        headers = Headers(scope=scope)
        host, scheme = (
            headers.get(f"x-forwarded-{name}", value).split(",")[0].strip()
            for name, value in (("host", headers.get("host", "")), ("proto", scope["scheme"]))
        )
        picture = f"{'https' if scheme == 'https' else 'http'}://{host}{self.root_path}/{PICTURE.name}"
        named = {"description": DESCRIPTION, "twitter:card": "summary_large_image"}
        properties = {"og:title": TITLE, "og:description": DESCRIPTION, "og:image": picture, "og:type": "website"}
        tags = [f'<meta name="{name}" content="{escape(text)}">' for name, text in named.items()]
        tags += [f'<meta property="{name}" content="{escape(text)}">' for name, text in properties.items()]
        return "".join(tags).encode()
