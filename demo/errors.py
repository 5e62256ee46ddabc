"""What a client is told when its request cannot be served."""

from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from demo.middleware import LATER
from demo.networks.images import ImageError
from demo.workers import BusyError


def malformed(_: Request, error: RequestValidationError) -> Response:
    """400 for a body that is not JSON, 422 for one of another form. What was sent is not repeated."""
    found = error.errors()
    if any(each["type"] == "json_invalid" for each in found):
        return JSONResponse({"detail": "The body is not JSON."}, 400)
    places = [".".join(map(str, each["loc"])) for each in found]
    detail = "; ".join(f"{place}: {each['msg']}" for place, each in zip(places, found, strict=True))
    return JSONResponse({"detail": detail}, 422)


def unreadable(_: Request, error: Exception) -> Response:
    return JSONResponse({"detail": str(error)}, 422)


def busy(_: Request, error: Exception) -> Response:
    return JSONResponse({"detail": str(error)}, 429, LATER)


def queue_full(_: Request, error: HTTPException) -> Response:
    """Gradio's own errors, but 429 for its 503: that its queue is full is no fault of the server."""
    status, headers = (429, LATER) if error.status_code == 503 else (error.status_code, error.headers)
    return JSONResponse({"detail": error.detail}, status, headers)


def not_there(_: Request, __: Exception) -> Response:
    return JSONResponse({"detail": "The request names something that is not there."}, 404)


def no_file(_: Request, __: Exception) -> Response:
    return JSONResponse({"detail": 'Send a multipart/form-data form with the image file as "files".'}, 400)


HANDLERS: dict[int | type[Exception], Any] = {
    RequestValidationError: malformed,
    ImageError: unreadable,
    BusyError: busy,
}
GRADIO_HANDLERS: dict[int | type[Exception], Any] = {
    **HANDLERS,
    HTTPException: queue_full,
    LookupError: not_there,  # of a function or parameter that the app does not have
    TypeError: no_file,  # of a form whose "files" are text
}
