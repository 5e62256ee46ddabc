"""Middleware that protects the app, one file for each subject."""

from starlette.responses import JSONResponse

RETRY_LATER = {"Retry-After": "1"}


def refusal(status: int, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """An error response that closes the connection, so that the rest of the request's body is not awaited."""
    return JSONResponse({"detail": detail}, status, {"Connection": "close", **(headers or {})})
