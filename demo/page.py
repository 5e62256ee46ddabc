"""The page, and Gradio's API beside it, for its clients in Python and JavaScript."""

import json
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import gradio as gr
from fastapi import Depends, FastAPI, HTTPException, Request

from demo.errors import GRADIO_HANDLERS
from demo.limits import Limits
from demo.middleware import LATER
from demo.middleware.addresses import GRADIO
from demo.networks.images import ImageError
from demo.reader import Reader
from demo.sketchpad import sketchpad
from demo.uploads import Uploads
from demo.workers import BusyError

# Gradio's own margins take a phone's width.
CSS = ".gradio-container .main.app { padding: 0.75rem } #sketchpad .html-container { padding: 0 }"
SESSIONS = 100  # that Gradio keeps, 59 kB each; nothing here is in them
FILE = "gradio.FileData"
ASKED = 2_000  # sessions whose questions are counted: Gradio keeps answers for as many


def add_page(app: FastAPI, reader: Reader, uploads: Uploads, limits: Limits, collects_in: str) -> None:
    """Serve the page at /, and Gradio's API below GRADIO; corrections are asked for if it `collects_in` a folder."""
    blocks = build(reader, limits, collects_in)
    blocks.state_session_capacity = SESSIONS
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
        max_file_size=limits.picture_bytes,
        app_kwargs={"dependencies": [Depends(Guard(uploads, limits))], "exception_handlers": GRADIO_HANDLERS},
    )


def build(reader: Reader, limits: Limits, collects_in: str) -> gr.Blocks:
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


class Guard:
    """A dependency of all that Gradio serves: which uploads and questions it may take."""

    def __init__(self, uploads: Uploads, limits: Limits) -> None:
        self.uploads = uploads
        self.limits = limits
        self.unfetched: Counter[str] = Counter()  # answers, by session
        self.fetching: Counter[str] = Counter()  # open streams of answers, by session

    async def __call__(self, request: Request) -> AsyncIterator[None]:
        """Check one request. Raises HTTPException with 422 for a malformed question, 429 for one too many."""
        path = request.url.path.rstrip("/")
        if path.endswith(f"{GRADIO}/queue/data"):
            session = request.query_params.get("session_hash", "")
            self.fetching[session] += 1
            try:
                yield
            finally:
                self.fetching -= Counter([session])
                del self.unfetched[session]
            return
        if path.endswith(f"{GRADIO}/upload") and not self.uploads.charge(len(await request.body())):
            raise HTTPException(429, "The server holds too many uploads; send it later.", LATER)
        if request.method == "POST" and path.endswith((f"{GRADIO}/queue/join", "/predict")):
            question = await request.json() if await request.body() else None
            self._count(self._session(question, by_name="/v2/" in path))
        yield

    def _session(self, question: Any, by_name: bool) -> str | None:
        """The session of a question to predict(), which must ask about one upload."""
        try:
            (file,) = question.values() if by_name else question["data"]
            path, kind = file["path"], file["meta"]["_type"]
            session = None if by_name else question.get("session_hash")
        except (ValueError, TypeError, KeyError, AttributeError):
            path = kind = session = None
        if kind != FILE:
            example = json.dumps({"data": [{"path": "UPLOAD", "meta": {"_type": FILE}}]})
            raise invalid(f"Ask about one image, as {example}.")
        if not self.uploads.holds(path):
            raise invalid(f"Send the file to {GRADIO}/upload first, and ask with the path that it gives.")
        if session is not None and not (isinstance(session, str) and 0 < len(session) <= 100):
            raise invalid("The session_hash must be a text of 1 to 100 characters.")
        return session

    def _count(self, session: str | None) -> None:
        if session is None or self.fetching[session]:
            return
        if self.unfetched[session] >= self.limits.unfetched_answers:
            raise HTTPException(429, "Fetch the answers that wait for you first.", LATER)
        self.unfetched[session] += 1
        if len(self.unfetched) > ASKED:
            del self.unfetched[next(iter(self.unfetched))]


def invalid(message: str) -> HTTPException:
    """422, in the form in which Gradio's clients show the message."""
    return HTTPException(422, [{**gr.validate(False, message), "parameter_name": "image"}])
