"""Build the app: our endpoints, the page with Gradio's API, and the middleware in front of them."""

from typing import Any

from fastapi import FastAPI
from starlette.middleware import Middleware

from demo.api import add_addresses
from demo.corrections import Corrections
from demo.errors import HANDLERS
from demo.limits import Limits
from demo.middleware.addresses import GRADIO, Addresses
from demo.middleware.bodies import Bodies
from demo.middleware.hosts import Hosts
from demo.middleware.root import BelowRoot, Root
from demo.middleware.sharing import Sharing
from demo.middleware.streams import Streams
from demo.networks.classifier import Classifier
from demo.page import add_page
from demo.reader import Reader
from demo.sketchpad import TITLE
from demo.uploads import Uploads


def create_app(
    classifier: Classifier, corrections: Corrections | None, mcp: bool, limits: Limits, root: Root | None = None
) -> FastAPI:
    """Build the app that answers with `classifier`.

    `corrections` stores corrected drawings; None disables that. `mcp` also serves /predict to language models.
    `root` is where a reverse proxy shows the page.
    """
    root = root or Root()
    reader, uploads = Reader(classifier, limits), Uploads(limits)
    tool = None
    if mcp:
        from demo.mcp import Tool  # needs an optional package

        tool = Tool(reader, uploads, limits)
    app = FastAPI(
        lifespan=tool.lifespan if tool else None,
        routes=tool.routes if tool else None,
        title=TITLE,
        summary="Two networks, LeNet5 and a feed-forward network, read handwritten numbers.",
        version="1",
        servers=[{"url": "".join(root)}] if any(root) else None,
        docs_url=None,  # these pages load scripts from other hosts
        redoc_url=None,
        exception_handlers=HANDLERS,
        middleware=[
            Middleware(Streams),
            Middleware(BelowRoot, root=root),
            Middleware(Hosts),
            Middleware(Addresses, mcp=mcp),
            Middleware(Bodies, limits=limits),
            Middleware(Sharing, root_path=root.path),
        ],
    )
    add_addresses(app, reader, corrections, limits)

    @app.get(f"{GRADIO}/openapi.json", include_in_schema=False)
    def openapi() -> dict[str, Any]:
        return app.openapi()

    @app.get("/manifest.json", include_in_schema=False)
    def manifest() -> dict[str, Any]:
        """The web app manifest that Gradio's page links, without Gradio's icons."""
        return {"name": app.title}

    add_page(app, reader, uploads, limits, str(corrections.folder) if corrections else "", root.path, mcp)
    return app
