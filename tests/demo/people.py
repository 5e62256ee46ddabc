"""Simulate people who write at the same time: each opens the page and asks the server as sketchpad.js does.

A person asks several times a second while the pen moves, about the whole number when it is lifted, and again if no
answer comes.
"""

import asyncio
import base64
import json
import random
import time
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from itertools import islice
from typing import Any
from urllib.parse import urlsplit

import brotli
import numpy as np
from PIL import Image, ImageDraw

from demo.networks.classifier import load
from model.draw import Drawing
from model.styles import digits
from tests.demo.serving import memory_and_files

QUESTION_INTERVAL, MAX_IN_FLIGHT, ANSWER_TIMEOUT, RETRY_DELAY = 0.05, 3, 5, 1  # as in sketchpad.js, but seconds
STROKE, LOOK = 1.2, 0.8  # seconds to write a digit, and to look at the answer
PAPER, PEN = (420, 280), 8  # pixels, as on the page
ALONE, BESIDE = 168, 84  # pixels; longer side of a digit that is alone, and of one in a number


@dataclass(frozen=True)
class Picture:
    """A number while it is written: the bodies of the questions, and what the ONNX file reads in the last."""

    bodies: list[bytes]
    number: str

    @property
    def seconds(self) -> float:
        """Time that writing it takes."""
        return len(self.bodies) * QUESTION_INTERVAL


def pictures(count: int, longest: int = 1) -> list[Picture]:
    """Numbers of one to `longest` digits, with the questions that the page asks while they are written."""
    classifier = load("cpu")
    drawings = iter(digits(count * longest, np.random.default_rng(0))[0])
    result = []
    for i in range(count):
        length = 1 + i % longest
        strokes = written(list(islice(drawings, length)))
        points = [(stroke, i) for stroke in range(len(strokes)) for i in range(1, len(strokes[stroke]) + 1)]
        bodies = []
        for end in np.linspace(2, len(points), int(length * STROKE / QUESTION_INTERVAL)).astype(int) - 1:
            stroke, reached = points[end]
            sketch = drawn([*strokes[:stroke], strokes[stroke][:reached]])
            png = BytesIO()
            sketch.save(png, "PNG")
            canvas = "data:image/png;base64," + base64.b64encode(png.getvalue()).decode()
            question = {"canvas": canvas, "inside": None, "forms": False, "moving": bool(end < len(points) - 1)}
            bodies.append(json.dumps(question).encode())
        result.append(Picture(bodies, classifier.classify(np.asarray(sketch)).number))
    return result


def written(drawings: list[Drawing]) -> Drawing:
    """The strokes of at most four digits beside each other in the middle of the paper, in its pixels."""
    size = ALONE if len(drawings) == 1 else BESIDE
    strokes = []
    for place, drawing in enumerate(drawings):
        middle = [PAPER[0] / 2 + (place - (len(drawings) - 1) / 2) * (size + 2 * PEN), PAPER[1] / 2]
        points = np.concatenate(drawing)
        low, high = points.min(axis=0), points.max(axis=0)
        strokes += [(stroke - (low + high) / 2) * size / (high - low).max() + middle for stroke in drawing]
    return strokes


def drawn(strokes: Drawing) -> Image.Image:
    """The paper with these strokes, in its pixels."""
    sketch = Image.new("L", PAPER, 255)
    pen = ImageDraw.Draw(sketch)
    for stroke in strokes:
        path = [(x, y) for x, y in stroke.tolist()]
        pen.line(path, fill=0, width=PEN, joint="curve")
        for x, y in (path[0], path[-1]):
            pen.circle((x, y), PEN / 2, fill=0)
    return sketch


@dataclass
class Tally:
    """Counts and times of all people's questions."""

    seconds: list[float] = field(default_factory=list)  # of each answer
    final: list[float] = field(default_factory=list)  # from lifting the pen to the answer to the whole number
    busy: int = 0
    late: int = 0  # questions not answered within ANSWER_TIMEOUT
    failed: int = 0
    lost: int = 0  # numbers whose final answer did not come before the next number was begun
    wrong: int = 0  # final answers that differ from those of the ONNX file


@dataclass
class Person:
    """One person with one page."""

    address: str
    tally: Tally
    ends: float
    free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = field(default_factory=list)
    in_flight: set["asyncio.Task[None]"] = field(default_factory=set)
    max_in_flight: int = MAX_IN_FLIGHT
    next_at: float = 0.0
    newest_asked: int = 0
    newest_shown: int = 0
    lifted: float = 0.0
    impatient: bool = False

    async def stay(self, chosen: list[Picture]) -> None:
        host = urlsplit(self.address).netloc
        reader, writer = await asyncio.open_connection(*place(self.address))
        writer.write(f"GET /gradio_api/heartbeat/{random.getrandbits(64):x} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        heartbeat = asyncio.create_task(_drain(reader))
        for path in ("/", "/config"):
            await self._request(f"GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        await asyncio.sleep(random.random() * (STROKE + LOOK))
        while time.perf_counter() < self.ends:
            await self._draw(random.choice(chosen))
        await asyncio.gather(*self.in_flight)
        heartbeat.cancel()
        for _, kept in [*self.free, (reader, writer)]:
            kept.close()
            with suppress(OSError):
                await kept.wait_closed()

    async def _draw(self, picture: Picture) -> None:
        started = time.perf_counter()
        last = len(picture.bodies) - 1
        done = asyncio.Event()
        self.newest_shown, self.lifted = self.newest_asked, 0.0
        shown = -1  # the number of the picture that was asked about last
        while True:
            now = time.perf_counter()
            at = min(int((now - started) / QUESTION_INTERVAL), last)
            if at == last and not self.lifted:
                self.lifted, self.next_at = now, now
            limit = self.max_in_flight if at < last else 2 * self.max_in_flight
            if shown < at and now >= self.next_at and len(self.in_flight) < limit:
                shown = at
                self.newest_asked += 1
                self.next_at = now + QUESTION_INTERVAL
                task = asyncio.create_task(self._ask(self.newest_asked, picture, at, done))
                self.in_flight.add(task)
                task.add_done_callback(self.in_flight.discard)
            if done.is_set() or (self.lifted and now > self.lifted + ANSWER_TIMEOUT + 2 * RETRY_DELAY):
                break
            if shown == last and (self.impatient or not self.in_flight):
                self.impatient, shown = False, last - 1  # ask again
            await asyncio.sleep(0.005)
        self.tally.lost += not done.is_set()
        await asyncio.sleep(max(0, picture.seconds + LOOK - (time.perf_counter() - started)))

    def _be_impatient(self) -> None:
        self.tally.late += 1
        self.impatient = True

    async def _ask(self, number: int, picture: Picture, at: int, done: asyncio.Event) -> None:
        host = urlsplit(self.address).netloc
        body = picture.bodies[at]
        head = (
            f"POST /read HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
            f"Accept-Encoding: br\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        asked = time.perf_counter()
        answer: dict[str, Any] = {}
        late = asyncio.get_running_loop().call_later(ANSWER_TIMEOUT, self._be_impatient)
        try:
            answer = json.loads(await self._request(head.encode() + body))
        except (OSError, EOFError, ValueError) as error:
            self.tally.failed += 1
            print(f"  {error!r}", flush=True)
        finally:
            late.cancel()
        now = time.perf_counter()
        if "digits" not in answer:
            self.next_at = now + RETRY_DELAY * (0.5 + random.random())
            self.tally.busy += "detail" in answer
            return
        self.max_in_flight = 1 if answer["waited"] > 1000 * QUESTION_INTERVAL else MAX_IN_FLIGHT
        if now < self.ends:
            self.tally.seconds.append(now - asked)
        if number > self.newest_shown:
            self.newest_shown = number
            if at == len(picture.bodies) - 1:
                self.tally.final.append(now - self.lifted)
                self.tally.wrong += answer["number"] != picture.number
                done.set()

    async def _request(self, request: bytes) -> bytes:
        """Send a request over a kept connection. Returns the body of the response."""
        reader, writer = self.free.pop() if self.free else await asyncio.open_connection(*place(self.address))
        if reader.at_eof():
            writer.close()
            reader, writer = await asyncio.open_connection(*place(self.address))
        try:
            writer.write(request)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            if not head.startswith((b"http/1.1 200 ", b"http/1.1 429 ")):
                raise ValueError(head.split(b"\r\n")[0])
            if b"content-length: " in head:
                body = await reader.readexactly(int(head.split(b"content-length: ")[1].split(b"\r\n")[0]))
            else:
                body = b""
                while size := int(await reader.readline(), 16):
                    body += (await reader.readexactly(size + 2))[:-2]
                await reader.readline()
        except BaseException:
            writer.close()
            raise
        self.free.append((reader, writer))
        return brotli.decompress(body) if b"content-encoding: br" in head else body


def place(address: str) -> tuple[str | None, int | None]:
    url = urlsplit(address)
    return url.hostname, url.port


async def _drain(reader: asyncio.StreamReader) -> None:
    while await reader.read(65536):
        pass


async def crowd(address: str, process: int, people: int, seconds: float, chosen: list[Picture]) -> Tally:
    """Let `people` draw for `seconds`, and print what the server uses after 10 s and every five minutes."""
    tally = Tally()
    started = time.perf_counter()

    async def watch() -> None:
        for after in (10, *range(300, int(seconds), 300)):
            await asyncio.sleep(after - (time.perf_counter() - started))
            megabytes, files = memory_and_files(process)
            print(f"  after {after} s: {megabytes:.0f} MB resident, {files} open files", flush=True)

    watching = asyncio.create_task(watch())
    pages = [Person(address, tally, started + seconds) for _ in range(people)]
    await asyncio.gather(*(person.stay(chosen) for person in pages))
    watching.cancel()
    return tally
