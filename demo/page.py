"""The page, and Gradio's API for its clients in Python and JavaScript."""

import json
from collections.abc import Callable, Container, Coroutine
from pathlib import Path
from typing import Any

import gradio as gr
from fastapi import Depends, FastAPI, HTTPException, Request

from demo.errors import GRADIO_HANDLERS
from demo.limits import Limits
from demo.middleware import RETRY_LATER
from demo.middleware.addresses import GRADIO, MCP
from demo.networks.images import ImageError
from demo.reader import BusyError, Reader
from demo.sketchpad import HERE, MODEL_CARD, SCRIPTS, STYLES, TITLE
from demo.uploads import Uploads

# Gradio's own margins are too wide for phones, and with overflow: hidden the paper could not stay in view.
CSS = """
.gradio-container .main.app { padding: 0.75rem }
#sketchpad .html-container { padding: 0 }
.gradio-container.gradio-container { overflow: clip }
"""
FONT = ("system-ui", "sans-serif")  # Gradio's own SemiBold lacks most letters: headings would mix two fonts
FILE_TYPE = "gradio.FileData"


def add_page(
    app: FastAPI, reader: Reader, uploads: Uploads, limits: Limits, corrections_folder: str, root_path: str, mcp: bool
) -> None:
    """Serve the page at / and Gradio's API below GRADIO.

    The page asks for corrections unless `corrections_folder` is empty. Browsers see it below `root_path`.
    With `mcp` the page also names the address of the tool for language models.
    """
    blocks = create_page(reader, limits, corrections_folder, root_path, mcp)
    gr.mount_gradio_app(
        app,
        blocks,
        path="/",
        root_path=root_path,
        theme=gr.themes.Default(font=FONT),
        css=CSS,
        head=f"<style>{styles()}</style>",  # as it is: css would split selectors, css_template would nest the rules
        footer_links=[],  # Gradio's help for programs names addresses that are closed here; the page has its own
        run_history=False,
        enable_monitoring=False,
        ssr_mode=False,
        mcp_server=False,
        show_error=False,  # True would send the text of unexpected errors to clients
        max_file_size=limits.picture_bytes,
        app_kwargs={"dependencies": [Depends(guard(uploads, blocks.fns))], "exception_handlers": GRADIO_HANDLERS},
    )


def create_page(reader: Reader, limits: Limits, corrections_folder: str, root_path: str, mcp: bool) -> gr.Blocks:
    """Build the page and the endpoint /predict of Gradio's API."""

    async def predict(image: bytes) -> dict[str, Any]:
        """Read an image file of digits, dark on light or light on dark.

        Returns the number; its digits in reading order, each with the networks' probabilities and its box in pixels;
        the same of the only digit, or null if there are several; and what ran the networks, CUDA or CPU.
        """
        try:
            return (await reader.predict(image)).model_dump()
        except (ImageError, BusyError) as error:
            raise gr.Error(str(error), print_exception=False) from error

    with gr.Blocks(title=TITLE, fill_width=True, analytics_enabled=False) as blocks:
        sketchpad(corrections_folder, root_path, mcp, reader.classifier.card)
        file = gr.File(visible=False, label="image", type="binary")
        answer = gr.JSON(visible=False, label="answer")
        file.upload(predict, file, answer, api_name="predict")
    # Send queue updates once a minute. By default Gradio sends every update to every client, and the queue stops for
    # good if one of them is gone.
    return blocks.queue(max_size=limits.pictures_waiting, status_update_rate=60)


def sketchpad(corrections_folder: str, root_path: str, mcp: bool, card: Path | None) -> gr.HTML:
    """The sketchpad component.

    It asks for corrections unless `corrections_folder` is empty, and links `card`, the model card, unless it is None.
    """
    addresses = root_path, MCP if mcp else "", MODEL_CARD if card else ""
    server = f"webServer({', '.join(map(json.dumps, addresses))})"
    start = f"sketchpad(element, {server}, {json.dumps(corrections_folder)});"
    scripts = [path.read_text(encoding="utf-8") for path in [*SCRIPTS, HERE / "server.js"]]
    return gr.HTML(
        html_template=(HERE / "sketchpad.html").read_text(encoding="utf-8"),
        js_on_load="\n".join([*scripts, start]),
        apply_default_css=False,
        elem_id="sketchpad",
    )


def styles() -> str:
    """The CSS of the sketchpad. Its rules are not nested, for browsers from before 2024."""
    return "\n".join(path.read_text(encoding="utf-8") for path in STYLES)


def guard(uploads: Uploads, functions: Container[object]) -> Callable[[Request], Coroutine[Any, Any, None]]:
    """A dependency of all Gradio endpoints that refuses uploads without room and invalid questions to predict().

    `functions` holds the numbers of the functions that can be asked.
    """

    async def check(request: Request) -> None:
        path = request.url.path.rstrip("/")
        if path.endswith("/upload"):
            body = await request.body()
            if not uploads.charge(len(body), body.count(b"filename")):
                raise HTTPException(429, "The server holds too many uploads; try again later.", RETRY_LATER)
        if request.method == "POST" and path.endswith(("/join", "/predict")):
            check_question(await request.body(), "/v2/" in path, uploads, functions)

    return check


def check_question(body: bytes, is_v2: bool, uploads: Uploads, functions: Container[object]) -> None:
    """Raise HTTPException 422 unless `body` asks about exactly one uploaded file, 404 if it asks another function."""
    if len(body) > uploads.limits.queue_bytes:
        raise invalid_question(f"A question takes at most {uploads.limits.queue_bytes:,} bytes.")
    question: Any = json.loads(body) if body else None
    try:
        (file,) = [question["image"]] if is_v2 else question["data"]
        session, function = question.get("session_hash"), question.get("fn_index")
        gr.FileData(**file)
        nested = any(isinstance(value, dict | list) for name, value in file.items() if name != "meta")
        allowed = file["meta"] == {"_type": FILE_TYPE} and not nested and uploads.holds(file["path"])
    except (ValueError, TypeError, KeyError, AttributeError):
        example = f'{{"path": UPLOAD, "meta": {{"_type": "{FILE_TYPE}"}}}}'
        raise invalid_question(f"Ask about one image: {example}.") from None
    if not allowed:
        raise invalid_question(f"Send the file to {GRADIO}/upload first, and ask with the path that it returns.")
    if session is not None and not (isinstance(session, str) and 0 < len(session) <= 100):
        raise invalid_question("The session_hash must be a text of 1 to 100 characters.")
    if isinstance(function, int) and function not in functions:
        raise HTTPException(404, "There is no such function.")


def invalid_question(message: str) -> HTTPException:
    """A 422 in the form that Gradio's clients display."""
    return HTTPException(422, [{**gr.validate(False, message), "parameter_name": "image"}])
