"""The page, and Gradio's API beside it, for its clients in Python and JavaScript."""

from collections.abc import Awaitable, Callable
from typing import Any

import gradio as gr
from fastapi import Depends, FastAPI, HTTPException, Request

from demo.errors import GRADIO_HANDLERS
from demo.limits import Limits
from demo.middleware import LATER
from demo.middleware.addresses import GRADIO
from demo.networks.images import ImageError
from demo.reader import BusyError, Reader
from demo.sketchpad import sketchpad
from demo.uploads import Uploads

# Gradio's own margins take a phone's width.
CSS = ".gradio-container .main.app { padding: 0.75rem } #sketchpad .html-container { padding: 0 }"
FILE = "gradio.FileData"


def add_page(app: FastAPI, reader: Reader, uploads: Uploads, limits: Limits, collects_in: str) -> None:
    """Serve the page at /, and Gradio's API below GRADIO; corrections are asked for if it `collects_in` a folder."""
    blocks = page(reader, limits, collects_in)
    gr.mount_gradio_app(
        app,
        blocks,
        path="/",
        css=CSS,
        footer_links=["api"],
        run_history=False,
        enable_monitoring=False,
        ssr_mode=False,
        mcp_server=False,
        show_error=False,  # or the text of unexpected errors would reach clients
        max_file_size=limits.picture_bytes,
        app_kwargs={"dependencies": [Depends(guard(uploads))], "exception_handlers": GRADIO_HANDLERS},
    )


def page(reader: Reader, limits: Limits, collects_in: str) -> gr.Blocks:
    """The page, and the endpoint /predict of Gradio's API."""

    async def predict(image: bytes) -> dict[str, Any]:
        """Probability of each digit by each network, for an image file of one digit, dark on light or light on dark.

        Also the digit that both together read, or null, whether they are sure of it, and what ran them, CUDA or CPU.
        """
        try:
            return (await reader.predict(image)).model_dump()
        except (ImageError, BusyError) as error:
            raise gr.Error(str(error), print_exception=False) from error

    with gr.Blocks(title="Draw a digit", analytics_enabled=False) as blocks:
        sketchpad(collects_in)
        file = gr.File(visible=False, label="image", type="binary")
        answer = gr.JSON(visible=False, label="answer")
        file.upload(predict, file, answer, api_name="predict")
    # Told of its place in the queue only now and then: by default every client is told at each step of any other, and
    # the queue stops for good if one of them is gone.
    return blocks.queue(max_size=limits.pictures_waiting, status_update_rate=60)


def guard(uploads: Uploads) -> Callable[[Request], Awaitable[None]]:
    """A dependency of all that Gradio serves: whether it may take this upload, or this question to predict()."""

    async def check(request: Request) -> None:
        path = request.url.path.rstrip("/")
        if path.endswith("/upload"):
            body = await request.body()
            if not uploads.charge(len(body), body.count(b"filename")):
                raise HTTPException(429, "The server holds too many uploads; send it later.", LATER)
        if request.method == "POST" and path.endswith(("/join", "/predict")):
            question: Any = await request.json() if await request.body() else None
            try:
                (file,) = [question["image"]] if "/v2/" in path else question["data"]
                session = question.get("session_hash")
                nested = any(isinstance(value, dict | list) for name, value in file.items() if name != "meta")
                allowed = file["meta"] == {"_type": FILE} and not nested and uploads.holds(file["path"])
            except (ValueError, TypeError, KeyError, AttributeError):
                raise invalid(f'Ask about one image: {{"path": UPLOAD, "meta": {{"_type": "{FILE}"}}}}.') from None
            if not allowed:
                raise invalid(f"Send the file to {GRADIO}/upload first, and ask with the path that it gives.")
            if session is not None and not (isinstance(session, str) and 0 < len(session) <= 100):
                raise invalid("The session_hash must be a text of 1 to 100 characters.")

    return check


def invalid(message: str) -> HTTPException:
    """422, in the form in which Gradio's clients show the message."""
    return HTTPException(422, [{**gr.validate(False, message), "parameter_name": "image"}])
