"""What the server keeps out: a middleware for each subject, in front of the app."""

from starlette.responses import JSONResponse

LATER = {"Retry-After": "1"}


def refusal(status: int, detail: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """A response that closes the connection: what is left of the request's body is not waited for."""
    return JSONResponse({"detail": detail}, status, {"Connection": "close", **(headers or {})})
