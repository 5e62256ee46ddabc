"""The files that programs upload to Gradio's API, in a folder of this process."""

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

LEAST_BYTES = 10_000  # the least that a file is charged, because each also takes a folder


class Uploads:
    """Makes the folder, deletes each file in it after `limits.uploads_seconds`, and the folder when the process ends.

    Make it before Gradio's components: they learn of the folder by GRADIO_TEMP_DIR. Gradio's own delete_cache leaves
    the files of damaged forms.
    """

    def __init__(self, limits: Limits) -> None:
        where = Path(os.environ.get("GRADIO_TEMP_DIR") or tempfile.gettempdir())
        where.mkdir(parents=True, exist_ok=True)
        self.folder = Path(tempfile.mkdtemp(prefix="draw-a-digit-", dir=where)).resolve()
        self.limits = limits
        self.charged: deque[tuple[float, int]] = deque()  # when, and bytes
        self.bytes = 0
        os.environ["GRADIO_TEMP_DIR"] = str(self.folder)
        atexit.register(shutil.rmtree, self.folder, ignore_errors=True)
        threading.Thread(target=self._sweep, daemon=True).start()

    def holds(self, path: object) -> bool:
        """Whether it is the path of a file in the folder, without detours: http://x/../.. is an address to Gradio."""
        try:
            found = Path(path)  # type: ignore[arg-type]
            return found.resolve() == found and found.is_relative_to(self.folder) and found.is_file()
        except (TypeError, ValueError, OSError):
            return False

    def charge(self, size: int, files: int) -> bool:
        """Whether there is room for an upload of `size` bytes in so many `files`, which it takes then."""
        now = time.monotonic()
        while self.charged and self.charged[0][0] < now - self.limits.uploads_seconds:
            self.bytes -= self.charged.popleft()[1]
        size = max(size, LEAST_BYTES * max(files, 1))
        if self.bytes + size > self.limits.uploads_bytes:
            return False
        self.bytes += size
        self.charged.append((now, size))
        return True

    def _sweep(self) -> None:
        while True:
            time.sleep(self.limits.uploads_seconds / 10)
            for path in sorted(self.folder.rglob("*"), reverse=True):  # the contents of a folder come before it
                with suppress(OSError):
                    if path.stat().st_mtime < time.time() - self.limits.uploads_seconds:
                        path.rmdir() if path.is_dir() else path.unlink()
