"""What a client is told when its request cannot be served: handlers for FastAPI and for Gradio."""

from collections.abc import Callable
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from demo.middleware import LATER
from demo.networks.images import ImageError
from demo.reader import BusyError

Handlers = dict[int | type[Exception], Any]


def answer(status: int, detail: str = "") -> Callable[[Request, Exception], Response]:
    """A handler that answers with `status` and `detail`, or with what the error says."""
    return lambda _, error: JSONResponse({"detail": detail or str(error)}, status, LATER if status == 429 else None)


def malformed(_: Request, error: RequestValidationError) -> Response:
    """400 for a body that is not JSON, 422 for one of another form. What was sent is not repeated."""
    found = error.errors()
    status = 400 if any(each["type"] == "json_invalid" for each in found) else 422
    detail = "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in found)
    return JSONResponse({"detail": detail}, status)


def from_gradio(_: Request, error: HTTPException) -> Response:
    """As Gradio has it, but with 429 for its 503: a full queue is no fault of the server."""
    status, headers = (429, LATER) if error.status_code == 503 else (error.status_code, error.headers)
    return JSONResponse({"detail": error.detail}, status, headers)


HANDLERS: Handlers = {RequestValidationError: malformed, ImageError: answer(422), BusyError: answer(429)}
GRADIO_HANDLERS: Handlers = {
    RequestValidationError: malformed,
    HTTPException: from_gradio,
    LookupError: answer(404, "The request names something that is not there."),
    TypeError: answer(400, "Send a multipart/form-data form with the image file as `files`."),
    ValueError: answer(400, "The request is malformed."),  # of a form that its parser cannot read
}
