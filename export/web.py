"""Run graphs in ONNX Runtime Web: npm's package, in a real Chromium."""

import base64
import hashlib
import os
import shutil
import subprocess
import tarfile
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np

VERSION = "1.30.0"
SHA512 = "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

START = """async () => {
    globalThis.ort = await import("/ort.wasm.min.mjs")
    ort.env.wasm.numThreads = 1
    globalThis.session = await ort.InferenceSession.create("/model")
}"""
RUN = """async ([type, shape, times]) => {
    const bytes = await (await fetch("/input")).arrayBuffer()
    const data = type == "uint8" ? new Uint8Array(bytes) : new Float32Array(bytes)
    const input = {[session.inputNames[0]]: new ort.Tensor(type, data, shape)}
    const started = performance.now()
    for (let time = 1; time < times; time++) await session.run(input)
    const outputs = await session.run(input)
    const seconds = (performance.now() - started) / 1000 / times
    const kinds = {}
    for (const [name, tensor] of Object.entries(outputs)) {
        kinds[name] = [tensor.type, tensor.dims]
        await fetch("/output/" + name, {method: "POST", body: tensor.data})
    }
    return [kinds, seconds]
}"""


class UnavailableError(Exception):
    """The package or the browser is missing. The message says how to get it."""


def package() -> Path:
    """Return the folder with the package's files. npm fetches it the first time. Raises UnavailableError."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "handwritten-digits"
    kept = cache / f"onnxruntime-web-{VERSION}"
    if kept.is_dir():
        return kept
    npm = shutil.which("npm")
    if npm is None:
        raise UnavailableError("npm is not installed; it fetches onnxruntime-web")
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            fetch = [npm, "pack", "--loglevel=error", "--fetch-retries=0", f"onnxruntime-web@{VERSION}"]
            done = subprocess.run(fetch, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
            archive = next(Path(folder).glob("*.tgz"), None)
            if done.returncode or archive is None:
                reason = "".join(done.stderr.strip().splitlines()[:1])
                raise UnavailableError(f"npm cannot fetch onnxruntime-web {VERSION}: {reason}")
            if base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode() != SHA512:
                raise UnavailableError(f"npm's onnxruntime-web {VERSION} does not have the SHA-512 in {__file__}")
            with tarfile.open(archive) as files:
                files.extractall(folder, filter="data")
            with suppress(OSError):  # another process may have done it already
                Path(folder, "package", "dist").rename(kept)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnavailableError(f"onnxruntime-web {VERSION} cannot be fetched: {error}") from error
    return kept


@contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve the files of a folder on this machine. Gives the address."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder)) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()


@contextmanager
def browser() -> Iterator[Any]:
    """Open a Playwright browser. Raises UnavailableError if there is none."""
    try:
        from playwright.sync_api import sync_playwright
    except ModuleNotFoundError as error:
        raise UnavailableError('playwright is not installed; pip install -e ".[runtimes]" installs it') from error
    if CHROMIUM is None:
        raise UnavailableError("there is no Chromium on the PATH; install Chromium or Chrome")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


class Page:
    """A graph in a page of its own. Call it with a batch to get the outputs by name."""

    def __init__(self, chromium: Any, site: str, path: Path) -> None:
        """Open the graph in `path`. `site` is the address that serves package()."""
        self.input, self.outputs = b"", dict[str, bytes]()
        self.page = chromium.new_page()
        self.page.route(site, lambda route: route.fulfill(content_type="text/html", body=""))
        self.page.route(site + "model", lambda route: route.fulfill(path=path))
        self.page.route(site + "input", lambda route: route.fulfill(body=self.input))
        self.page.route(site + "output/*", self._take)
        self.page.goto(site)
        self.page.evaluate(START)

    def _take(self, route: Any) -> None:
        self.outputs[route.request.url.rpartition("/")[2]] = route.request.post_data_buffer or b""
        route.fulfill()

    def _run(self, batch: np.ndarray, times: int) -> tuple[dict[str, np.ndarray], float]:
        self.input = batch.tobytes()
        kinds, seconds = self.page.evaluate(RUN, [batch.dtype.name, batch.shape, times])
        return {n: np.frombuffer(self.outputs[n], kind).reshape(shape) for n, (kind, shape) in kinds.items()}, seconds

    def __call__(self, batch: np.ndarray) -> dict[str, np.ndarray]:
        """Run one batch. Returns the outputs by name."""
        return self._run(batch, 1)[0]

    def seconds(self, batch: np.ndarray, times: int) -> float:
        """Measure the seconds of one run inside the page, as the mean of `times` runs."""
        return self._run(batch, times)[1]
