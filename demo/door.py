"""What may come in, how much, and how slowly: the server's limits, kept in front of Gradio."""

import asyncio
import json
import re
import time
from collections import deque
from functools import lru_cache
from typing import Any
from urllib.parse import unquote

import h11
import httpx
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from demo.uploads import is_stored

CONNECTIONS = 800  # open at once; a process may often have no more than 1,024 files
HEAD_SECONDS = 10  # for the head of a request
IDLE_SECONDS = 75  # between requests; load balancers, which mostly wait for 60, must not find a connection just closed
JSON_BYTES, JSON_SECONDS = 60_000, 10  # for its body
FILE_BYTES, FILE_SECONDS = 20_000_000, 60  # for its body if that may hold an image file
HELD_BYTES = 200_000_000  # of all bodies that are on their way
SESSIONS = 500  # of programs, whose answers wait to be fetched
PREDICTIONS = 100  # that wait to be made, one after the other
KEPT_BYTES, KEPT_SECONDS = 1_000_000_000, 600  # of all uploads, and for how long each is there to be asked about
LEAST_BYTES = 10_000  # that an upload counts for, for it is a folder, too
LATER = {"Retry-After": "1"}

API = "/gradio_api"
NAME = r"[\w-][\w.@-]*"  # of a file or folder, but none that is hidden or leads upwards
GET = re.compile(
    rf"/|/config|/theme\.css|/favicon\.ico|/robots\.txt|/health|/openapi\.json|/(?:assets|static|svelte)(?:/{NAME})+"
    rf"|{API}/(?:info|openapi\.json|startup-events|app_id|queue/data|heartbeat/[\w-]+|call/predict/\w+)/?"
)
PREDICT = re.compile(rf"{API}/(?:(?:run|call|call/v2)/predict|queue/join)/?")
POST = re.compile(rf"{PREDICT.pattern}|{API}/(?:upload|component_server/?|cancel|reset)")
MCP = re.compile(rf"{API}/mcp(?:/.*)?")


class RefusedError(Exception):
    """A request that gets an HTTP `status` and a word instead of what it asked for."""

    def __init__(self, status: int, detail: Any, **headers: str) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = headers


class Door:
    """ASGI middleware that lets in what the page and the README's programs ask, and answers the rest with a 4xx.

    What comes in has come completely, within the limits above. `mcp` says whether the Model Context Protocol may.
    """

    def __init__(self, app: ASGIApp, mcp: bool = False) -> None:
        self.app = app
        self.mcp = mcp
        self.held = 0  # bytes of bodies that are on their way
        self.predicting = 0  # requests
        self.kept = 0  # bytes of uploads
        self.uploads: deque[tuple[float, int]] = deque()  # when each of them came, and its bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """As ASGI has it."""
        if scope["type"] == "lifespan":
            return await self.app(scope, receive, send)
        if scope["type"] == "websocket":
            return await send({"type": "websocket.close", "code": 1008})
        try:
            await self._let_in(scope, receive, send)
        except RefusedError as refusal:
            headers = {"Connection": "close", **refusal.headers}  # or the rest of its body would be waited for
            response = JSONResponse({"detail": refusal.detail}, refusal.status, headers)
            await response(scope, receive, send)

    async def _let_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        for name, value in scope["headers"]:
            if name in (b"host", b"x-forwarded-host") and not _is_host(value.split(b",")[0]):
                raise RefusedError(400, f"The header {name.decode()} names no host.")
        if GET.fullmatch(path):
            if scope["method"] not in ("GET", "HEAD"):
                raise RefusedError(405, "This address takes GET.", Allow="GET, HEAD")
            query = scope["query_string"] if path.startswith(f"{API}/queue/data") else b""
            await self._stream({**scope, "query_string": query}, receive, send)
        elif self.mcp and MCP.fullmatch(path):
            await self._with_body(scope, receive, send, FILE_BYTES, FILE_SECONDS)
        elif not POST.fullmatch(path):
            raise RefusedError(404, "There is nothing at this address.")
        elif scope["method"] != "POST":
            raise RefusedError(405, "This address takes POST.", Allow="POST")
        elif path.startswith(f"{API}/upload"):
            await self._with_body({**scope, "query_string": b""}, receive, send, FILE_BYTES, FILE_SECONDS)
        elif Headers(scope=scope).get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            raise RefusedError(415, "This address takes application/json.")  # also: no other site's plain form
        else:
            await self._with_body({**scope, "query_string": b""}, receive, send, JSON_BYTES, JSON_SECONDS)

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let in what has no body. Of events that it does not know Gradio says so, but then breaks off."""
        try:
            await self.app(scope, receive, send)
        except RuntimeError as error:
            if not isinstance(error.__cause__, HTTPException):
                raise
            await send({"type": "http.response.body"})

    async def _with_body(self, scope: Scope, receive: Receive, send: Send, most: int, seconds: float) -> None:
        body = bytearray()
        try:
            async with asyncio.timeout(seconds):
                while (message := await receive())["type"] == "http.request":
                    body += message.get("body", b"")
                    self.held += len(message.get("body", b""))
                    if len(body) > most:
                        raise RefusedError(413, f"This address takes at most {most:,} bytes.")
                    if self.held > HELD_BYTES:
                        raise RefusedError(429, "The server is busy; send it again.", **LATER)
                    if not message.get("more_body"):
                        break
                else:
                    return  # it hung up
        except TimeoutError:
            raise RefusedError(408, f"The request did not come within {seconds} seconds.") from None
        finally:
            self.held -= len(body)
        content = bytes(body)
        if PREDICT.fullmatch(scope["path"]):
            await self._predict(scope, content, receive, send)
            return
        if scope["path"].startswith(f"{API}/upload"):
            self._keep(len(content))
        await self.app(_with_length(scope, len(content)), _first(content, receive), send)

    async def _predict(self, scope: Scope, content: bytes, receive: Receive, send: Send) -> None:
        content = _question(scope["path"], content)
        if self.predicting >= PREDICTIONS:
            raise RefusedError(429, "The server is busy; ask again.", **LATER)
        self.predicting += 1
        try:
            await self.app(_with_length(scope, len(content)), _first(content, receive), _honest(send))
        finally:
            self.predicting -= 1

    def _keep(self, size: int) -> None:
        """Count an upload of `size` bytes."""
        now = time.monotonic()
        while self.uploads and self.uploads[0][0] < now - KEPT_SECONDS:
            self.kept -= self.uploads.popleft()[1]
        size = max(size, LEAST_BYTES)
        if self.kept + size > KEPT_BYTES:
            raise RefusedError(429, "The server holds too many uploads; send it later.", **LATER)
        self.kept += size
        self.uploads.append((now, size))


@lru_cache(maxsize=1000)
def _is_host(value: bytes) -> bool:
    """Whether Gradio, which puts it into the page's addresses, can."""
    try:
        return httpx.URL(f"http://{value.strip().decode('ascii')}/").raw_path == b"/"
    except (httpx.InvalidURL, ValueError):
        return False


def _question(path: str, content: bytes) -> bytes:
    """The body of a question to predict, with what Gradio needs of it and nothing else."""
    try:
        body = json.loads(content)
        (file,) = body.values() if "/v2/" in path else body["data"]
        session = body.get("session_hash")
        uploaded = file["path"]
        uploaded = unquote(uploaded.partition(f"{API}/file=")[2]) or uploaded  # as address, which MCP clients need
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise RefusedError(422, _invalid('Ask about one image, as {"data": [{"path": UPLOAD}]}.')) from None
    if not is_stored(uploaded):
        raise RefusedError(422, _invalid(f"Send the file to {API}/upload first, and ask with the path that it gives."))
    if session is not None and not (isinstance(session, str) and 0 < len(session) <= 100):
        raise RefusedError(422, _invalid("The session_hash is no short text."))
    file = {"path": uploaded, "meta": {"_type": "gradio.FileData"}}
    if "/v2/" in path:
        return json.dumps({"image": file}).encode()
    return json.dumps({"data": [file], "session_hash": session, "fn_index": 0}).encode()


def _invalid(message: str) -> list[dict[str, Any]]:
    """As Gradio's clients understand it."""
    return [{"__type__": "validate", "is_valid": False, "parameter_name": "image", "message": message}]


def _first(content: bytes, receive: Receive) -> Receive:
    """`receive` of a request whose body has come."""
    messages: list[Message] = [{"type": "http.request", "body": content, "more_body": False}]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay


def _with_length(scope: Scope, length: int) -> Scope:
    framing = (b"content-length", b"transfer-encoding")
    headers = [(name, value) for name, value in scope["headers"] if name not in framing]
    return {**scope, "headers": [*headers, (b"content-length", str(length).encode())]}


def _honest(send: Send) -> Send:
    """`send` with 422 for a 500 in which Gradio tells what predict() said of the image, and 429 for a full queue."""
    start: Message = {}

    async def judge(message: Message) -> None:
        nonlocal start
        if message["type"] == "http.response.start" and message["status"] in (500, 503):
            start = message
        elif start:
            if start["status"] == 503:
                start["status"] = 429
            elif b'"error":null' not in message.get("body", b"").replace(b" ", b""):
                start["status"] = 422
            await send(start)
            start = {}
            await send(message)
        else:
            await send(message)

    return judge


class Sessions(dict[str, Any]):
    """What Gradio's queue holds for whoever asked and has not fetched it yet, by session: of the last SESSIONS of them.

    Gradio's own drops the oldest even if its question still waits, whereupon the queue stops for good, and keeps for
    ever which questions those that it dropped had asked.
    """

    def __init__(self, queue: Any) -> None:
        super().__init__()
        self.queue = queue

    def __setitem__(self, session: str, messages: Any) -> None:
        if len(self) >= SESSIONS:
            asked, waiting = self.queue.pending_event_ids_session, self.queue.event_ids_to_events
            oldest = next((other for other in self if asked.get(other, set()).isdisjoint(waiting)), None)
            if oldest is not None:
                del self[oldest]
                asked.pop(oldest, None)
        super().__setitem__(session, messages)


class Patience(H11Protocol):
    """uvicorn's HTTP, but it hangs up on clients that are slow to ask, and if there are too many of them."""

    due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        """As asyncio has it."""
        super().connection_made(transport)
        if len(self.connections) > CONNECTIONS:
            transport.abort()
        self._watch()

    def data_received(self, data: bytes) -> None:
        """As asyncio has it."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """As asyncio has it."""
        super().connection_lost(exc)
        if self.due:
            self.due.cancel()

    def _watch(self) -> None:
        if self.conn.their_state is not h11.IDLE:
            if self.due:
                self.due.cancel()
            self.due = None
        elif self.due is None:
            self.due = self.loop.call_later(HEAD_SECONDS, self.transport.abort)
