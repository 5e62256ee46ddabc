"""python -m tests.benchmarks.crowd: many people drawing at once, here and on the same page with Keras' predict.

Each person opens the page, keeps its heartbeat and draws digit after digit, asking as sketchpad.js asks: while the pen
moves, after it was lifted, and anew where there is no answer. --people 5 --seconds 1800 --alone is steady drawing, with
resident memory and open files of the server by the minute.
"""

import argparse
import asyncio
import base64
import json
import os
import random
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import brotli
import numpy as np

from demo.networks.classifier import load
from model.strokes import draw
from model.styles import digits
from tests.benchmarks.pen_up import served

PAUSE, AHEAD, PATIENCE, RETRY = 0.05, 3, 5, 1  # seconds; as sketchpad.js has them
STROKE, LOOK = 1.2, 0.8  # seconds that a digit takes, and that its answer is looked at
PEN, SIZE = 20, 168  # pixels on 280 x 280
DIGITS = 40

PEER = """
import keras
import numpy as np
import tensorflow as tf
from demo.networks.classifier import Answer
from demo.server import listen, serve
from model.normalize import normalize

class Classifier:
    provider = "CPU"
    at_once = 1
    __str__ = lambda self: "Keras"
    networks = {name: keras.saving.load_model(f"model/checkpoints/{name}.keras") for name in ("lenet5", "ffnn")}
    image = staticmethod(tf.function(normalize, reduce_retracing=True))

    def classify(self, sketch, look_inside=False):
        image = self.image(sketch[None]).numpy()
        said = {
            name: network.predict(image.reshape(-1, *network.input_shape[1:]), verbose=0)[0]
            for name, network in self.networks.items()
        }
        return Answer(image[0], said, {}, 0.0)

classifier = Classifier()
classifier.classify(np.tri(280, dtype=np.uint8) * 255)
serve(listen(), classifier)
"""


@dataclass(frozen=True)
class Picture:
    """A digit as it grows: bodies of questions, and what the ONNX files say of the last."""

    bodies: list[bytes]
    digit: int | None


def pictures() -> list[Picture]:
    classifier = load("cpu")
    found = []
    for drawing in digits(DIGITS, np.random.default_rng(0))[0]:
        points = [(stroke, i) for stroke in range(len(drawing)) for i in range(1, len(drawing[stroke]) + 1)]
        bodies = []
        for end in np.linspace(2, len(points), int(STROKE / PAUSE)).astype(int) - 1:
            stroke, i = points[end]
            sketch = draw([*drawing[:stroke], drawing[stroke][:i]], PEN, SIZE)
            png = BytesIO()
            sketch.convert("RGBA").save(png, "PNG")
            canvas = "data:image/png;base64," + base64.b64encode(png.getvalue()).decode()
            bodies.append(json.dumps({"canvas": canvas, "drawn": True, "inside": False}).encode())
        found.append(Picture(bodies, classifier.classify(np.asarray(sketch)).digit))
    return found


@dataclass
class Tally:
    """What happened to all people's questions."""

    seconds: list[float] = field(default_factory=list)  # of each answer
    final: list[float] = field(default_factory=list)  # from lifting the pen to the answer to the whole digit
    busy: int = 0
    late: int = 0  # questions not answered within PATIENCE
    failed: int = 0
    lost: int = 0  # digits whose final answer did not come before the next was begun
    wrong: int = 0  # final answers that are not what the ONNX files say of the digit


@dataclass
class Person:
    """One page."""

    address: str
    tally: Tally
    ends: float
    free: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = field(default_factory=list)
    on_the_way: set["asyncio.Task[None]"] = field(default_factory=set)
    ahead: int = AHEAD
    next_at: float = 0.0
    asked: int = 0
    settled: int = 0
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
        await asyncio.gather(*self.on_the_way)
        heartbeat.cancel()
        for _, kept in [*self.free, (reader, writer)]:
            kept.close()
            with suppress(OSError):
                await kept.wait_closed()

    async def _draw(self, picture: Picture) -> None:
        started = time.perf_counter()
        last = len(picture.bodies) - 1
        done = asyncio.Event()
        self.settled, self.lifted = self.asked, 0.0
        shown = -1  # the number of the picture that was asked about last
        while True:
            now = time.perf_counter()
            at = min(int((now - started) / PAUSE), last)
            if at == last and not self.lifted:
                self.lifted, self.next_at = now, now
            limit = self.ahead if at < last else 2 * self.ahead
            if shown < at and now >= self.next_at and len(self.on_the_way) < limit:
                shown = at
                self.asked += 1
                self.next_at = now + PAUSE
                task = asyncio.create_task(self._ask(self.asked, picture, at, done))
                self.on_the_way.add(task)
                task.add_done_callback(self.on_the_way.discard)
            if done.is_set() or (self.lifted and now > self.lifted + PATIENCE + 2 * RETRY):
                break
            if shown == last and (self.impatient or not self.on_the_way):
                self.impatient, shown = False, last - 1  # ask anew
            await asyncio.sleep(0.005)
        self.tally.lost += not done.is_set()
        await asyncio.sleep(max(0, STROKE + LOOK - (time.perf_counter() - started)))

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
        late = asyncio.get_running_loop().call_later(PATIENCE, self._be_impatient)
        try:
            answer = json.loads(await self._request(head.encode() + body))
        except (OSError, EOFError, ValueError) as error:
            self.tally.failed += 1
            print(f"  {error!r}", flush=True)
        finally:
            late.cancel()
        now = time.perf_counter()
        if "probabilities" not in answer:
            self.next_at = now + RETRY * (0.5 + random.random())
            self.tally.busy += "detail" in answer
            return
        self.ahead = 1 if answer["waited"] > 1000 * PAUSE else AHEAD
        if now < self.ends:
            self.tally.seconds.append(now - asked)
        if number > self.settled:
            self.settled = number
            if at == len(picture.bodies) - 1:
                self.tally.final.append(now - self.lifted)
                self.tally.wrong += answer["digit"] != picture.digit
                done.set()

    async def _request(self, request: bytes) -> bytes:
        """The body of the response, over a connection that is kept."""
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


def use(process: int) -> tuple[float, int]:
    """Resident megabytes and open files of a process."""
    status = Path(f"/proc/{process}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1024, len(os.listdir(f"/proc/{process}/fd"))  # noqa: PTH208


async def crowd(address: str, process: int, people: int, seconds: float, chosen: list[Picture]) -> Tally:
    """Let `people` draw for `seconds`, and print what the server uses after 10 s, every five minutes and at the end."""
    tally = Tally()
    started = time.perf_counter()

    async def watch() -> None:
        for after in (10, *range(300, int(seconds), 300)):
            await asyncio.sleep(after - (time.perf_counter() - started))
            megabytes, files = use(process)
            print(f"  after {after} s: {megabytes:.0f} MB resident, {files} open files", flush=True)

    watching = asyncio.create_task(watch())
    pages = [Person(address, tally, started + seconds) for _ in range(people)]
    await asyncio.gather(*(person.stay(chosen) for person in pages))
    watching.cancel()
    return tally


def report(name: str, tally: Tally, seconds: float) -> float:
    """Print it, and give the answers a second."""
    rate = len(tally.seconds) / seconds
    for what, times in (("answer", tally.seconds), ("pen-up to final answer", tally.final)):
        median, p95 = 1000 * np.percentile(times or [np.nan], [50, 95])
        print(
            f"  {what}: median {median:.0f} ms, 95 % within {p95:.0f} ms, slowest {1000 * max(times, default=0):.0f} ms"
        )
    print(
        f"{name}: {rate:.0f} answers a second, {len(tally.final)} digits; {tally.failed} errors, {tally.late} late, "
        f"{tally.busy} busy, {tally.lost} final answers lost, {tally.wrong} wrong"
    )
    return rate


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=50)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--alone", action="store_true", help="without the peer")
    arguments = parser.parse_args()
    chosen = pictures()
    commands = {"here": [sys.executable, "-m", "demo", "--device", "cpu"]}
    if not arguments.alone:
        commands["Keras predict"] = [sys.executable, "-c", PEER]
    rates = []
    for name, command in commands.items():
        with served(command) as (address, process):
            tally = asyncio.run(crowd(address, process, arguments.people, arguments.seconds, chosen))
            megabytes, files = use(process)
            print(f"  at the end: {megabytes:.0f} MB resident, {files} open files")
        rates.append(report(name, tally, arguments.seconds))
    if len(rates) > 1:
        print(f"ratio of the answers a second: {rates[0] / rates[1]:.1f}")


if __name__ == "__main__":
    main()
