"""What may come in, how much, and how slowly: the server's limits, kept in front of Gradio."""

import asyncio
import json
import re
import sys
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

CONNECTIONS = 800  # open at once
HEAD_SECONDS = 10  # for the head of a request
READ_SECONDS = 30  # until a client takes more of an answer that is sent to it
IDLE_SECONDS = 75  # between requests; load balancers, which mostly wait for 60, must not find a connection just closed
JSON_BYTES, JSON_SECONDS = 60_000, 10  # for its body
FILE_BYTES, FILE_SECONDS = 20_000_000, 60  # for its body if that is a form with files
MCP_BYTES = 4_000_000  # for its body if that is of the Model Context Protocol, which takes no more
HELD_BYTES = 200_000_000  # of all bodies that are on their way; then no more files are taken
SESSIONS, ANSWERS = 500, 100  # of programs, and of each, that wait to be fetched
PREDICTIONS = 100  # that wait to be made, one after the other
KEPT_BYTES, KEPT_SECONDS = 1_000_000_000, 600  # of all uploads, and for how long each is there to be asked about
LEAST_BYTES = 10_000  # that an upload counts for, for it is a folder, too
LATER = {"Retry-After": "1"}

PATH_LENGTH = 300
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

    def __init__(self, app: ASGIApp, queue: Any, mcp: bool = False) -> None:
        self.app = app
        self.queue = queue  # Gradio's
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
        path, headers = scope["path"], Headers(scope=scope)
        for name in ("host", "x-forwarded-host"):
            if not all(_is_host(value.split(",")[0]) for value in headers.getlist(name)):
                raise RefusedError(400, f"The header {name} names no host.")
        scope = {**scope, "headers": [header for header in scope["headers"] if header[0] != b"x-gradio-server"]}
        if len(path) > PATH_LENGTH:
            raise RefusedError(404, "There is nothing at this address.")
        if GET.fullmatch(path):
            if scope["method"] not in ("GET", "HEAD"):
                raise RefusedError(405, "This address takes GET.", Allow="GET, HEAD")
            if "transfer-encoding" in headers or headers.get("content-length", "0") != "0":
                raise RefusedError(400, "This address takes no body.")
            query = scope["query_string"] if path.startswith(f"{API}/queue/data") else b""
            await self._stream({**scope, "query_string": query}, receive, send)
        elif self.mcp and MCP.fullmatch(path):
            await self._with_body(scope, receive, send, MCP_BYTES, FILE_SECONDS)
        elif not POST.fullmatch(path):
            raise RefusedError(404, "There is nothing at this address.")
        elif scope["method"] != "POST":
            raise RefusedError(405, "This address takes POST.", Allow="POST")
        elif path.startswith(f"{API}/upload"):
            await self._with_body({**scope, "query_string": b""}, receive, send, FILE_BYTES, FILE_SECONDS)
        elif headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
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
            try:
                async with asyncio.timeout(seconds):
                    while more := await self._more(receive, body, most):
                        pass
            except TimeoutError:
                raise RefusedError(408, f"The request did not come within {seconds} seconds.") from None
            if more is not None:
                await self._with_whole(scope, bytes(body), receive, send)
        finally:
            self.held -= len(body)

    async def _more(self, receive: Receive, body: bytearray, most: int) -> bool | None:
        """Take up what comes next of a `body`. Says whether it goes on, or None if the client hung up."""
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        self.held += len(message.get("body", b""))
        if len(body) > most:
            raise RefusedError(413, f"This address takes at most {most:,} bytes.")
        if self.held > HELD_BYTES and most > JSON_BYTES:
            raise RefusedError(429, "The server is busy; send it again.", **LATER)
        return bool(message.get("more_body"))

    async def _with_whole(self, scope: Scope, body: bytes, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if path.startswith(f"{API}/upload"):
            self._keep(len(body))
        elif body:
            body = _sane(body)
            if MCP.fullmatch(path):
                self._keep(len(body))
        framing = (b"content-length", b"transfer-encoding")
        headers = [header for header in scope["headers"] if header[0] not in framing]
        if not PREDICT.fullmatch(path):
            headers.append((b"content-length", str(len(body)).encode()))
            await self.app({**scope, "headers": headers}, _first(body, receive), send)
            return
        session, body = _question(path, body)
        asked = self.queue.pending_event_ids_session.get(session, ())
        if self.predicting >= PREDICTIONS or len(asked) >= ANSWERS:
            raise RefusedError(429, "The server is busy; ask again.", **LATER)
        self.predicting += 1
        try:
            headers.append((b"content-length", str(len(body)).encode()))
            await self.app({**scope, "headers": headers}, _first(body, receive), _honest(send))
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
def _is_host(value: str) -> bool:
    """Whether Gradio, which puts it into the page's addresses, can."""
    try:
        return httpx.URL(f"http://{value.strip()}/").raw_path == b"/"
    except (httpx.InvalidURL, ValueError):
        return False


def _sane(body: bytes) -> bytes:
    """JSON without what JSON has not, or could not be written back: NaN, half of a surrogate pair."""
    try:
        return json.dumps(json.loads(body), ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        raise RefusedError(400, "The body is not JSON.") from None


def _question(path: str, body: bytes) -> tuple[str | None, bytes]:
    """The session of a question to predict(), and of its body what Gradio needs and nothing else."""
    try:
        asked = json.loads(body)
        (file,) = asked.values() if "/v2/" in path else asked["data"]
        session = asked.get("session_hash")
        uploaded = file["path"]
        uploaded = unquote(uploaded.partition(f"{API}/file=")[2]) or uploaded  # as address, which MCP clients need
    except (ValueError, TypeError, KeyError, AttributeError):
        raise RefusedError(422, _invalid('Ask about one image, as {"data": [{"path": UPLOAD}]}.')) from None
    if not is_stored(uploaded):
        raise RefusedError(422, _invalid(f"Send the file to {API}/upload first, and ask with the path that it gives."))
    if session is not None and not (isinstance(session, str) and 0 < len(session) <= 100):
        raise RefusedError(422, _invalid("The session_hash is no short text."))
    file = {"path": uploaded, "meta": {"_type": "gradio.FileData"}}
    question = {"image": file} if "/v2/" in path else {"data": [file], "session_hash": session, "fn_index": 0}
    return session, json.dumps(question).encode()


def _invalid(message: str) -> list[dict[str, Any]]:
    """As Gradio's clients understand it."""
    return [{"__type__": "validate", "is_valid": False, "parameter_name": "image", "message": message}]


def _first(content: bytes, receive: Receive) -> Receive:
    """`receive` of a request whose body has come."""
    messages: list[Message] = [{"type": "http.request", "body": content, "more_body": False}]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay


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


def allow_files() -> None:
    """Let the process open as many files as its connections may need; many systems allow 1,024 unless asked."""
    if sys.platform != "win32":
        import resource

        most = 2 * CONNECTIONS + 200
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if soft != resource.RLIM_INFINITY and soft < most:
            resource.setrlimit(
                resource.RLIMIT_NOFILE, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard)
            )


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
    """uvicorn's HTTP, but it hangs up on clients that are slow to ask or listen, and if there are too many of them."""

    due: asyncio.TimerHandle | None = None  # when the head of a request
    taken: asyncio.TimerHandle | None = None  # when what was sent

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
        for timer in filter(None, (self.due, self.taken)):
            timer.cancel()

    def pause_writing(self) -> None:
        """As asyncio has it."""
        super().pause_writing()
        self.taken = self.loop.call_later(READ_SECONDS, self.transport.abort)

    def resume_writing(self) -> None:
        """As asyncio has it."""
        super().resume_writing()
        if self.taken:
            self.taken.cancel()

    def _watch(self) -> None:
        if self.conn.their_state is not h11.IDLE:
            if self.due:
                self.due.cancel()
            self.due = None
        elif self.due is None:
            self.due = self.loop.call_later(HEAD_SECONDS, self.transport.abort)
