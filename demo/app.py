"""The app: our addresses, the page with Gradio's API, and the middlewares in front of them."""

from typing import Any

from fastapi import FastAPI
from starlette.middleware import Middleware

from demo.api import add_addresses
from demo.collection import Collection
from demo.errors import HANDLERS
from demo.limits import Limits
from demo.middleware.addresses import GRADIO, Addresses
from demo.middleware.bodies import Bodies
from demo.middleware.hosts import Hosts
from demo.middleware.streams import Streams
from demo.networks.classifier import Classifier
from demo.page import add_page
from demo.reader import Reader
from demo.uploads import Uploads


def create_app(classifier: Classifier, collection: Collection | None, mcp: bool, limits: Limits) -> FastAPI:
    """The app that `classifier` answers for.

    `collection` keeps drawings that people correct; `mcp` opens /predict to language models, too.
    """
    reader, uploads = Reader(classifier, limits), Uploads(limits)
    tool = None
    if mcp:
        from demo.mcp import Tool  # its package is an extra

        tool = Tool(reader, uploads, limits)
    app = FastAPI(
        lifespan=tool.lifespan if tool else None,
        routes=tool.routes if tool else None,
        title="Draw a digit",
        summary="Two networks, LeNet5 and a feed-forward network, read a handwritten digit.",
        version="1",
        docs_url=None,  # they load from other hosts
        redoc_url=None,
        exception_handlers=HANDLERS,
        middleware=[
            Middleware(Hosts),
            Middleware(Addresses, mcp=mcp),
            Middleware(Bodies, limits=limits),
            Middleware(Streams),
        ],
    )
    add_addresses(app, reader, collection, limits)

    @app.get(f"{GRADIO}/openapi.json", include_in_schema=False)
    def openapi() -> dict[str, Any]:
        return app.openapi()

    add_page(app, reader, uploads, limits, str(collection.folder) if collection else "")
    return app
