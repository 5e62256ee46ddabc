"""Start the demo as a user does, and inspect its process."""

import itertools
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryFile
from typing import NamedTuple, Self

import httpx

from demo.limits import Limits

Running = Callable[..., AbstractContextManager[str]]
processes: dict[str, "subprocess.Popen[str]"] = {}  # by the address that each serves
lines: dict[str, str] = {}  # what each printed at its start

SERVE = """
import gradio.queueing
import httpx

from demo.limits import Limits
from demo.networks.classifier import load
from demo.server import listen, serve
cache = gradio.queueing.LRUCache
gradio.queueing.LRUCache = lambda size: cache(size // 50)
serve(listen(), load("cpu"), mcp=True, limits={limits})
"""


@contextmanager
def running(*options: str, limits: Limits | None = None) -> Iterator[str]:
    """Run `python -m demo`, or serve with other `limits`. Yields the address.

    With other limits MCP is on, too, and Gradio remembers 40 sessions instead of 2,000. Fails if the server prints
    anything after the line with its address, or a traceback.
    """
    command = [sys.executable, "-m", "demo", "--device", "cpu", *options]
    if limits:
        command = [sys.executable, "-c", SERVE.format(limits=limits)]
    with (
        TemporaryFile("w+") as log,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True) as process,
    ):
        assert process.stdout is not None
        printed = ""
        while not (match := re.search(r"^Draw at (\S+) \((.+)\)", printed, re.MULTILINE)):
            line = process.stdout.readline()
            assert line, f"{printed}{log.seek(0)}{log.read()}"
            printed += line
        processes[match[1]], lines[match[1]] = process, printed
        try:
            yield match[1]
        finally:
            process.terminate()
            assert process.stdout.read() == ""
            process.wait()
            log.seek(0)
            errors = log.read()
            assert "Traceback" not in errors, errors


def memory_and_files(process: int) -> tuple[float, int]:
    """Resident megabytes and open files of a process."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024, len(os.listdir(f"/proc/{process}/fd"))  # noqa: PTH208


class Collecting(NamedTuple):
    """A demo with all options."""

    address: str
    folder: Path
    """Where it stores corrections."""


class Balancer:
    """A load balancer that sends requests to `servers` in turn. `address` stays the same while it is closed."""

    def __init__(self, servers: list[str]) -> None:
        self.servers = servers
        self.turns = itertools.count()
        self.port = 0
        self.open()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    def open(self) -> None:
        balancer = self

        class Handler(BaseHTTPRequestHandler):
            def forward(self) -> None:
                balancer.forward(self)

            do_GET = do_HEAD = do_POST = forward  # noqa: N815

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()

    def headers(self) -> dict[str, str]:
        """What it adds to each request."""
        return {}

    def path(self, path: str) -> str:
        """What it asks the server for `path`."""
        return path

    def forward(self, request: BaseHTTPRequestHandler) -> None:
        body = request.rfile.read(int(request.headers.get("Content-Length", 0)))
        headers = {**request.headers, **self.headers(), "Connection": "close"}
        to = self.servers[next(self.turns) % len(self.servers)].rstrip("/") + self.path(request.path)
        try:
            with httpx.stream(request.command, to, headers=headers, content=body, timeout=None) as answer:
                request.send_response(answer.status_code)
                for name in ("Content-Type", "Content-Encoding", "Location"):
                    if name in answer.headers:
                        request.send_header(name, answer.headers[name])
                request.end_headers()
                for chunk in answer.iter_raw():
                    request.wfile.write(chunk)
        except httpx.TransportError:
            request.send_error(502)
        except OSError:
            pass  # the browser closed the connection


class ReverseProxy(Balancer):
    """Shows a server below /digits. It strips this prefix from what it forwards, or keeps it.

    With `https` it says that it was asked over HTTPS as https://digits.example. In fact it is asked over HTTP.
    """

    def __init__(self, server: str, strips: bool, https: bool) -> None:
        self.strips, self.https = strips, https
        super().__init__([server])

    def headers(self) -> dict[str, str]:
        return {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "digits.example"} if self.https else {}

    def path(self, path: str) -> str:
        if path == "/favicon.ico":  # of the proxy's own site
            return path
        below = path.removeprefix("/digits/")
        if below == path and (self.strips or path != "/digits"):
            return "/outside"
        return f"/{below}" if self.strips else path

    @property
    def page(self) -> str:
        """The address of the page."""
        return f"{self.address}digits/"

    @property
    def shown(self) -> str:
        """The address of the page that it names to the server."""
        return "https://digits.example/digits/" if self.https else self.page
