"""Turn errors into HTTP responses: exception handlers for FastAPI and for Gradio."""

from collections.abc import Callable
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from demo.middleware import RETRY_LATER
from demo.middleware.addresses import UPLOAD
from demo.networks.images import ImageError
from demo.reader import BusyError

Handlers = dict[int | type[Exception], Any]


def respond_with(status: int, detail: str = "") -> Callable[[Request, Exception], Response]:
    """A handler that responds with `status` and `detail`, by default the text of the error."""
    headers = RETRY_LATER if status == 429 else None
    return lambda _, error: JSONResponse({"detail": detail or str(error)}, status, headers)


def on_invalid_body(_: Request, error: RequestValidationError) -> Response:
    """Respond with 400 for invalid JSON and 422 for JSON of the wrong form. The response does not repeat the input."""
    errors = error.errors()
    status = 400 if any(item["type"] == "json_invalid" for item in errors) else 422
    detail = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in errors)
    return JSONResponse({"detail": detail}, status)


def on_gradio_error(_: Request, error: HTTPException) -> Response:
    """Respond as Gradio does, but replace its 503 for a full queue by 429."""
    status, headers = (429, RETRY_LATER) if error.status_code == 503 else (error.status_code, error.headers)
    return JSONResponse({"detail": error.detail}, status, headers)


def on_invalid_upload(request: Request, error: Exception) -> Response:
    """Respond with 400 if the error is about an uploaded form. In any other request it is a fault, and raised again."""
    if request.url.path != UPLOAD:
        raise error
    return JSONResponse({"detail": "Send a multipart/form-data form with the image file as `files`."}, 400)


HANDLERS: Handlers = {
    RequestValidationError: on_invalid_body,
    ImageError: respond_with(422),
    BusyError: respond_with(429),
}
GRADIO_HANDLERS: Handlers = {
    RequestValidationError: on_invalid_body,
    HTTPException: on_gradio_error,
    TypeError: on_invalid_upload,  # raised if `files` is a text
    ValueError: on_invalid_upload,  # raised by the form parser
}
