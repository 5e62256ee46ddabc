"""The app: the page, /predict and how they are served."""

from io import BytesIO
from pathlib import Path
from typing import Any

import gradio as gr
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from demo.classifier import KNOWN, Classifier
from demo.collection import Collection
from demo.door import API, IDLE_SECONDS, KEPT_SECONDS, PREDICTIONS, Door, Patience, Sessions, allow_files
from demo.images import read_image
from demo.questions import Asked, answering, questions
from demo.sketchpad import sketchpad
from demo.uploads import open_folder, take

# Gradio's own margins take a phone's width.
CSS = ".gradio-container .main.app { padding: 0.75rem } #sketchpad .html-container { padding: 0 }"
OPENAPI = Path(__file__).parent / "openapi.json"


def serve(
    classifier: Classifier, collection: Collection | None = None, mcp: bool = False, **launch: Any
) -> tuple[gr.Blocks, str]:
    """Start a server that `classifier` answers for; `collection` keeps drawings that people correct.

    Gives the running app and its address. `launch` goes to gr.Blocks.launch; all that it opens by default and the
    page does not need is closed.
    """
    allow_files()
    open_folder(KEPT_SECONDS)
    asked = questions(classifier, collection)
    app = build(classifier, asked, str(collection.folder) if collection else "")
    _, here, everywhere = app.launch(
        css=CSS,
        run_history=False,
        enable_monitoring=False,
        max_threads=1,  # for predict(): to read a large picture takes up to 450 MB
        ssr_mode=False,
        state_session_capacity=100,  # of Gradio's; nothing here is in them
        footer_links=["api"],
        quiet=True,
        prevent_thread_lock=True,
        mcp_server=mcp,
        app_kwargs={"routes": routes(classifier, asked), "middleware": [Middleware(Door, app._queue, mcp)]},
        **launch,
    )
    app.server.config.http_protocol_class = Patience
    app.server.config.timeout_keep_alive = IDLE_SECONDS
    app._queue.pending_messages_per_session = Sessions(app._queue)  # type: ignore[assignment]
    return app, everywhere or here


def build(classifier: Classifier, asked: dict[str, Asked], collects_in: str = "") -> gr.Blocks:
    """The page, which is answered what it `asked`, and /predict."""

    def predict(image: bytes) -> dict[str, dict[str, float] | str]:
        """Probability of each digit by each network, for an image file of one digit, dark on light or light on dark.

        And the provider that ran them, "CUDA" or "CPU".
        """
        try:
            answer = classifier.classify(read_image(BytesIO(image)))
        except ValueError as error:
            raise gr.Error(str(error), print_exception=False) from error
        said = answer.probabilities.items()
        by_digit = {name: {str(digit): float(p) for digit, p in enumerate(values)} for name, values in said}
        return {**by_digit, "provider": answer.provider}

    with gr.Blocks(title="Draw a digit", analytics_enabled=False) as app:
        sketchpad(list(asked.values()), collects_in)
        file = gr.File(visible=False, label="image", type="binary")
        probabilities = gr.JSON(visible=False, label="probabilities")
        file.upload(predict, file, probabilities, api_name="predict")
    return app.queue(max_size=PREDICTIONS, status_update_rate=60)  # or each hears of every other


def routes(classifier: Classifier, asked: dict[str, Asked]) -> list[Route]:
    """What is answered before Gradio would."""

    def health(_: Request) -> Response:
        answer = classifier.classify(KNOWN)
        return JSONResponse({"status": "ok", "provider": answer.provider, "milliseconds": answer.milliseconds})

    def openapi(_: Request) -> Response:
        return Response(OPENAPI.read_bytes(), media_type="application/json")

    # On CUDA, so that a batch fills while another is read. On the CPU, since one thread answers a seventh less than two
    # and eight answer no more.
    answer = answering(asked, threads=2 * classifier.at_once)
    return [
        Route("/health", health),
        *(Route(f"{prefix}/openapi.json", openapi) for prefix in ("", API)),
        *(Route(f"{API}/component_server{slash}", answer, methods=["POST"]) for slash in ("", "/")),
        Route(f"{API}/upload", take, methods=["POST"]),
    ]
