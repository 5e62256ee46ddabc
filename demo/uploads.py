"""Image files that programs upload, to ask /predict about them."""

import hashlib
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import BinaryIO

import gradio as gr
from anyio import to_thread
from gradio.utils import get_upload_folder
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

MOST = 10  # files in one form


def taking(app: gr.Blocks) -> Callable[[Request], Awaitable[Response]]:
    """The endpoint that takes a form's `files` and gives the paths by which they can be asked about.

    It stores them where Gradio's own does, and Gradio deletes them as it does those; but under no name that came from
    outside, and of a form that is damaged or holds something else nothing stays.
    """

    async def take(request: Request) -> Response:
        async with request.form(max_files=MOST, max_fields=MOST) as form:
            files = [file for file in form.getlist("files") if isinstance(file, UploadFile)]
            if not files:
                return JSONResponse({"detail": 'Send a multipart/form-data form with the image file as "files".'}, 400)
            paths = [str(await to_thread.run_sync(store, file.file)) for file in files]
        app.upload_file_set.update(paths)
        return JSONResponse(paths)

    return take


def store(file: BinaryIO) -> Path:
    """Store it in the upload folder, under its SHA-256, and return the path."""
    content = file.read()
    path = Path(get_upload_folder()) / hashlib.sha256(content).hexdigest() / "image"
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{uuid.uuid4().hex}")  # others may upload the same at this moment
    beside.write_bytes(content)
    beside.replace(path)
    return path.resolve()


def is_stored(path: object) -> bool:
    """Whether it is the path of a file in the upload folder."""
    try:
        found = Path(path).resolve()  # type: ignore[arg-type]
        return found.is_relative_to(Path(get_upload_folder()).resolve()) and found.is_file()
    except (TypeError, ValueError, OSError):
        return False
