"""python -m tests.benchmarks hostile: hostile and malformed requests, and valid questions between them.

Sends requests to every address of Gradio with unexpected methods, headers and bodies; questions, uploads and images
with some bytes changed; paths that lead out of the folder. Counts the responses by status and prints each request that
got a 5xx or no answer. Meanwhile it keeps asking a valid question, which must be answered as before.
"""

import argparse
import asyncio
import base64
import json
import random
import sys
import time
from collections import Counter
from io import BytesIO

import httpx
import numpy as np
from PIL import Image

from tests.benchmarks.pen_up import served
from tests.demo.asking import DRAWING, ONE, PNG, SECRETS, gradio_paths, read
from tests.demo.people import place
from tests.demo.serving import memory_and_files

AT_ONCE = 20
SECONDS = 70  # after which a request counts as not answered
METHODS = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "get", "X" * 50]
WORDS = [
    *("", "0", "-1", "1e999", "null", "true", "../" * 5, "\0", "%00", "é", "🙂", "x" * 5_000, "{{7*7}}", "' OR 1=1 --"),
    *(
        "http://127.0.0.1:22/",
        "file:///etc/passwd",
        "application/json",
        "text/plain",
        "multipart/form-data; boundary=x",
    ),
    *("gzip", "chunked", "identity", "bytes=0-1,5-", "100-continue", "localhost", "[::1]:7", "a..b", "https", "\x7f"),
]
HEADERS = [
    *(
        "Host",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Forwarded-For",
        "X-Direct-Url",
        "Origin",
        "Referer",
        "Cookie",
    ),
    *("Authorization", "Content-Type", "Content-Encoding", "Transfer-Encoding", "Content-Length", "Range", "Expect"),
    *("Accept", "Accept-Encoding", "Accept-Language", "If-None-Match", "If-Modified-Since", "X-Gradio-User", "Upgrade"),
]
QUESTION_KEYS = ["session_hash", "fn_index", "event_id", "event_data", "trigger_id", "simple_format", "batched"]
KEYS = ["data", "fn_name", "canvas", "path", "url", "meta", "_type", "session_hash", "fn_index", "event_id", "image"]


def changed(content: bytes, chance: random.Random) -> bytes:
    """`content` with some bytes changed, removed or inserted."""
    result = bytearray(content)
    for _ in range(chance.choice((0, 1, 1, 2, 5, 50))):
        at = chance.randrange(len(result) + 1)
        result[at : at + chance.choice((0, 1, 1, 1, 20))] = chance.randbytes(chance.choice((0, 1, 1, 1, 20)))
    return bytes(result)


def value(chance: random.Random, depth: int = 0) -> object:
    """Any JSON value."""
    kind = chance.randrange(6 if depth < 4 else 4)
    if kind == 0:
        return chance.choice((None, True, False, 0, -1, 1e300, 2**70, [], {}))
    if kind < 4:
        return chance.choice([*WORDS, *KEYS, "read", "keep", "predict", "gradio.FileData"])
    if kind == 4:
        return [value(chance, depth + 1) for _ in range(chance.randrange(4))]
    return {chance.choice(KEYS): value(chance, depth + 1) for _ in range(chance.randrange(4))}


class Hostile:
    """A source of hostile requests."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.paths = [*gradio_paths(), *("/" + path for path in SECRETS), "/health", "/openapi.json", "*", ""]
        self.uploads: list[str] = []
        image = Image.fromarray((255 * (1 - ONE)).astype(np.uint8))
        self.images = [PNG]
        for form in ("JPEG", "GIF", "WEBP", "BMP", "TIFF"):
            image.save(file := BytesIO(), form)
            self.images.append(file.getvalue())

    def request(self) -> bytes:
        """The next request."""
        return self.chance.choice((self._any, self._question, self._picture, self._upload, self._predict))()

    def _any(self) -> bytes:
        path = self.chance.choice(self.paths)
        while "{" in path:
            name = self.chance.choice(("predict", "x", "..", "%2e%2e", "0", "a" * 3_000, "%00", "%ff"))
            path = path[: path.index("{")] + name + path[path.index("}") + 1 :]
        query = self.chance.choice(
            ("", "", f"?{self.chance.choice(KEYS)}={self.chance.choice(('', 'x', '%00', '[]'))}")
        )
        body = self.chance.choice((b"", json.dumps(value(self.chance)).encode(), self.chance.randbytes(200)))
        return self._http(self.chance.choice(METHODS), path + query, body)

    def _question(self) -> bytes:
        canvas = base64.b64encode(changed(self.chance.choice(self.images), self.chance)).decode()
        question = {"canvas": f"data:image/{self.chance.choice(('png', 'jpeg'))};base64,{canvas}"}
        path = self.chance.choice(("/read", "/read", "/keep"))
        return self._json(path, self.chance.choice((question, {**question, "digit": 1}, value(self.chance))))

    def _picture(self) -> bytes:
        if self.chance.random() < 0.5:
            return self._http("POST", "/predict", changed(self.chance.choice(self.images), self.chance))
        return self._http("POST", "/predict", self._form(b"image"), "multipart/form-data; boundary=x")

    def _upload(self) -> bytes:
        return self._http("POST", "/gradio_api/upload", self._form(b"files"), "multipart/form-data; boundary=x")

    def _form(self, name: bytes) -> bytes:
        filename = self.chance.choice((b'; filename="../a\0.png"', b'; filename=""', b""))
        head = b'--x\r\nContent-Disposition: form-data; name="' + name + b'"' + filename + b"\r\n\r\n"
        form = head + changed(self.chance.choice(self.images), self.chance) + b"\r\n--x--\r\n"
        return changed(form, self.chance) if self.chance.random() < 0.5 else form

    def _predict(self) -> bytes:
        way = self.chance.choice(("call/predict", "call/v2/predict", "queue/join", "cancel", "reset"))
        path = self.chance.choice([*self.uploads[-50:], "/etc/passwd", "x"])
        named: dict[str, object] = {"path": path, "meta": {"_type": "gradio.FileData"}}
        if self.chance.random() < 0.5:
            named[self.chance.choice(("url", "meta", "is_stream", "orig_name", "size"))] = value(self.chance)
        asked: dict[str, object] = {"data": [named], "session_hash": f"{self.chance.random()}", "fn_index": 0}
        if self.chance.random() < 0.5:
            asked[self.chance.choice(QUESTION_KEYS)] = value(self.chance)
        body = self.chance.choice((asked, asked, {"image": named}, value(self.chance)))
        return self._json(f"/gradio_api/{way}", body)

    def _json(self, path: str, body: object) -> bytes:
        content = json.dumps(body).encode()
        content = changed(content, self.chance) if self.chance.random() < 0.2 else content
        return self._http("POST", path, content, "application/json")

    def _http(self, method: str, path: str, body: bytes, kind: str | None = None) -> bytes:
        headers = {"Host": "127.0.0.1", "Connection": "close", "Content-Length": str(len(body))}
        headers |= {"Content-Type": kind} if kind else {}
        if self.chance.random() < 0.3:
            headers[self.chance.choice(HEADERS)] = self.chance.choice(WORDS)
        head = "".join(f"{name}: {content}\r\n" for name, content in headers.items())
        request = f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body
        return changed(request, self.chance) if self.chance.random() < 0.05 else request


async def status(address: str, request: bytes) -> str:
    """The status of the response, or what happened instead."""
    reader, writer = await asyncio.open_connection(*place(address))
    try:
        writer.write(request)
        async with asyncio.timeout(SECONDS):
            head = await reader.readline()
        return head.split(b" ")[1].decode() if head.count(b" ") > 1 else "connection closed"
    except TimeoutError:
        return "no answer"
    except ConnectionError:
        return "connection closed"
    finally:
        writer.close()


async def attack(address: str, hostile: Hostile, count: int) -> Counter[str]:
    """Send `count` hostile requests, AT_ONCE at a time, and valid questions between them."""
    statuses: Counter[str] = Counter()
    left = count

    async def attacker() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            if left % 1_000 == 0:
                print(f"{left:,} left", flush=True)
            request = hostile.request()
            outcome = await status(address, request)
            statuses[outcome] += 1
            if outcome.startswith("5") or outcome == "no answer":
                print(f"{outcome}: {request[:300]!r}", file=sys.stderr)

    attackers = [asyncio.create_task(attacker()) for _ in range(AT_ONCE)]
    slowest = 0.0
    async with httpx.AsyncClient(timeout=60) as client:
        while not all(task.done() for task in attackers):
            asked = time.perf_counter()
            answer = await client.post(f"{address}/read", json={"canvas": DRAWING})
            assert answer.json().get("number") == "1", answer.text
            slowest = max(slowest, time.perf_counter() - asked)
            image = hostile.chance.choice(hostile.images)
            uploaded = await client.post(f"{address}/gradio_api/upload", files={"files": image})
            assert uploaded.status_code == 200, uploaded.text
            hostile.uploads += uploaded.json()
            await asyncio.sleep(0.1)
    await asyncio.gather(*attackers)
    print(f"slowest answer to a valid question meanwhile: {1000 * slowest:.0f} ms")
    return statuses


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with served([sys.executable, "-m", "demo", "--device", "cpu"]) as (address, process):
        print("before: {:.0f} MB resident, {} open files".format(*memory_and_files(process)))
        statuses = asyncio.run(attack(address.rstrip("/"), Hostile(arguments.seed), arguments.requests))
        print(", ".join(f"{count} x {outcome}" for outcome, count in sorted(statuses.items())))
        print("after: {:.0f} MB resident, {} open files".format(*memory_and_files(process)))
        print(f"a valid drawing of a 1 is read as {read(address)}")


if __name__ == "__main__":
    main()
