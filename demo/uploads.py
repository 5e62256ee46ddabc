"""Keep the files that programs upload to Gradio's API in a temporary folder, within limits."""

import atexit
import os
import shutil
import tempfile
import threading
import time
from collections import deque
from contextlib import suppress
from pathlib import Path

from demo.limits import Limits
from demo.networks.files import SetupError

MIN_CHARGE = 10_000  # bytes; the least that a file is charged, because each also takes a folder


class Uploads:
    """The folder of uploaded files.

    Each file is deleted after `limits.uploads_seconds`, and the folder when the process ends. Gradio's delete_cache
    would leave the files of damaged forms. Create it before Gradio's components: they read GRADIO_TEMP_DIR, which it
    sets. Raises SetupError if it cannot be written.
    """

    def __init__(self, limits: Limits) -> None:
        try:
            parent = Path(os.environ.get("GRADIO_TEMP_DIR") or tempfile.gettempdir())
            parent.mkdir(parents=True, exist_ok=True)
            self.folder = Path(tempfile.mkdtemp(prefix="write-a-number-", dir=parent)).resolve()
        except OSError as error:
            reason = f"cannot create a temporary folder for uploads: {error.strerror}."
            raise SetupError(f"{reason} Set GRADIO_TEMP_DIR to a folder that can be written.") from error
        self.limits = limits
        self.charges: deque[tuple[float, int]] = deque()  # time and bytes of each upload
        self.charged_bytes = 0
        os.environ["GRADIO_TEMP_DIR"] = str(self.folder)
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        threading.Thread(target=self._keep_deleting, daemon=True).start()

    def holds(self, path: object) -> bool:
        """Whether `path` is a file in the folder, written without `..`: Gradio would fetch http://x/../.. as a URL."""
        try:
            file = Path(path)  # type: ignore[arg-type]
            return file.resolve() == file and file.is_relative_to(self.folder) and file.is_file()
        except (TypeError, ValueError, OSError):
            return False

    def charge(self, size: int, files: int) -> bool:
        """Reserve room for an upload of `size` bytes in `files` files. Returns whether there was room."""
        now = time.monotonic()
        while self.charges and self.charges[0][0] < now - self.limits.uploads_seconds:
            self.charged_bytes -= self.charges.popleft()[1]
        size = max(size, MIN_CHARGE * max(files, 1))
        if self.charged_bytes + size > self.limits.uploads_bytes:
            return False
        self.charged_bytes += size
        self.charges.append((now, size))
        return True

    def delete_old_files(self) -> None:
        """Delete the files that are older than `limits.uploads_seconds`, and the folders that are then empty."""
        for path in sorted(self.folder.rglob("*"), reverse=True):  # reversed, files come before their folder
            with suppress(OSError):
                if path.stat().st_mtime < time.time() - self.limits.uploads_seconds:
                    path.rmdir() if path.is_dir() else path.unlink()

    def _keep_deleting(self) -> None:
        while True:
            time.sleep(self.limits.uploads_seconds / 10)
            self.delete_old_files()
