"""Image files that programs upload, to ask /predict about them."""

import atexit
import hashlib
import os
import shutil
import sys
import tempfile
import threading
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from anyio import to_thread
from gradio.utils import get_upload_folder
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

MOST = 10  # files in one form


def open_folder(seconds: float) -> None:
    """Give Gradio a folder of this process for all that it stores, and delete there what is older than `seconds`.

    Gradio itself forgets some of its files. The folder is deleted when the process ends.
    """
    where = Path(os.environ.get("GRADIO_TEMP_DIR") or tempfile.gettempdir())
    where.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="draw-a-digit-", dir=where))
    os.environ["GRADIO_TEMP_DIR"] = str(folder)
    if mcp := sys.modules.get("gradio.mcp"):
        mcp.DEFAULT_TEMP_DIR = str(folder)  # type: ignore[attr-defined] # it has asked for the folder already
    atexit.register(shutil.rmtree, folder, ignore_errors=True)

    def sweep() -> None:
        while True:
            time.sleep(seconds / 10)
            for path in sorted(folder.rglob("*"), reverse=True):  # what a folder holds comes before it
                with suppress(OSError):
                    if path.stat().st_mtime < time.time() - seconds:
                        path.rmdir() if path.is_dir() else path.unlink()

    threading.Thread(target=sweep, daemon=True).start()


async def take(request: Request) -> Response:
    """The endpoint that takes a form's `files` and gives the paths by which they can be asked about.

    It stores them where Gradio's own does, but under no name that came from outside, and of a form that is damaged or
    holds something else nothing stays.
    """
    async with request.form(max_files=MOST, max_fields=MOST) as form:
        files = [file for file in form.getlist("files") if isinstance(file, UploadFile)]
        if not files:
            return JSONResponse({"detail": 'Send a multipart/form-data form with the image file as "files".'}, 400)
        return JSONResponse([str(await to_thread.run_sync(store, file.file)) for file in files])


def store(file: BinaryIO) -> Path:
    """Store it in the folder, under its SHA-256, and return the path."""
    content = file.read()
    path = Path(get_upload_folder()) / hashlib.sha256(content).hexdigest() / "image"
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{uuid.uuid4().hex}")  # others may upload the same at this moment
    beside.write_bytes(content)
    beside.replace(path)
    return path.resolve()


def is_stored(path: object) -> bool:
    """Whether it is the path of a file in the folder."""
    try:
        found = Path(path).resolve()  # type: ignore[arg-type]
        return found.is_relative_to(Path(get_upload_folder()).resolve()) and found.is_file()
    except (TypeError, ValueError, OSError):
        return False
