"""The answers to drawings and pictures, which are read several at a time and one at a time, with a bounded queue."""

import asyncio
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from demo.limits import Limits
from demo.networks.classifier import Answer, load
from demo.networks.images import data_url, decode_data_url, read_canvas
from demo.reader import BusyError, Reader
from demo.schemas import Question
from tests.demo.asking import DRAWING, PNG
from tests.demo.tiny import BLOT, SURE, TINY, UNSURE, bar, bars


@dataclass
class Slow:
    """A classifier that answers only once `go` is set."""

    batch_size: int = 1
    folder: Path = TINY
    sha256: str = ""
    asked: int = 0
    go: threading.Event = field(default_factory=threading.Event)

    def classify(self, sketch: np.ndarray, look_inside: bool = False, with_fc6: bool = False) -> Answer:
        self.asked += 1
        assert self.go.wait(10)
        return Answer([], 0.0)


@pytest.mark.parametrize(
    ("kind", "batch_size", "threads"), [("drawing", 1, 2), ("drawing", 16, 32), ("picture", 1, 1), ("picture", 16, 1)]
)
def test_calls_beyond_the_threads_and_the_queue_get_busy_errors(kind: str, batch_size: int, threads: int) -> None:
    slow = Slow(batch_size)

    async def ask() -> list[Any]:
        reader = Reader(slow, Limits(drawings_waiting=3, pictures_waiting=3))  # type: ignore[arg-type]
        question = Question(canvas=DRAWING)
        asked = [
            asyncio.create_task(reader.read(question) if kind == "drawing" else reader.predict(PNG))
            for _ in range(threads + 5)
        ]
        async with asyncio.timeout(10):
            while slow.asked < threads:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)  # time in which one call too many would start
        assert slow.asked == threads
        slow.go.set()
        return await asyncio.gather(*asked, return_exceptions=True)

    answers = asyncio.run(ask())
    assert [answer.number for answer in answers[: threads + 3]] == [""] * (threads + 3)
    assert [type(answer) for answer in answers[threads + 3 :]] == [BusyError] * 2


def test_an_answer_says_how_long_its_question_waited() -> None:
    slow = Slow()

    async def ask() -> tuple[list[float], float, float]:
        reader = Reader(slow, Limits())  # type: ignore[arg-type]
        started = time.perf_counter()
        asked = [asyncio.create_task(reader.read(Question(canvas=DRAWING))) for _ in range(3)]
        async with asyncio.timeout(10):
            while slow.asked < 2:
                await asyncio.sleep(0.001)
        began = time.perf_counter()
        await asyncio.sleep(0.05)
        held = time.perf_counter() - began
        slow.go.set()
        return [(await each).waited for each in asked], 1000 * (began - started), 1000 * held

    (first, second, third), beginning, held = asyncio.run(ask())
    assert max(first, second) <= beginning
    assert held <= third


@dataclass
class OneByOne(Slow):
    """A classifier that answers once for each release of `turn`, and tells which questions it began, in order."""

    began: list[str] = field(default_factory=list)
    turn: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def classify(self, sketch: np.ndarray, look_inside: bool = False, with_fc6: bool = False) -> Answer:
        self.began.append("lifted" if look_inside else "moving")
        assert self.turn.acquire(timeout=10)
        return Answer([], 0.0)


def test_questions_of_lifted_pens_are_answered_before_those_of_moving_ones() -> None:
    slow = OneByOne()

    async def ask() -> None:
        reader = Reader(slow, Limits())  # type: ignore[arg-type]
        moving, lifted = Question(canvas=DRAWING, moving=True), Question(canvas=DRAWING, inside=0)

        async def began(count: int) -> None:
            async with asyncio.timeout(10):
                while len(slow.began) < count:
                    await asyncio.sleep(0.001)

        asked = [asyncio.create_task(reader.read(moving)) for _ in range(2)]
        await began(2)
        asked += [asyncio.create_task(reader.read(question)) for question in [moving] * 8 + [lifted] * 4]
        await asyncio.sleep(0)  # all of them wait
        asked[2].cancel()
        asked[10].cancel()
        for count in range(3, 13):
            slow.turn.release()
            await began(count)
        slow.turn.release(2)
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert [i for i, answer in enumerate(answers) if isinstance(answer, asyncio.CancelledError)] == [2, 10]

    asyncio.run(ask())
    assert slow.began == ["moving"] * 2 + ["lifted"] * 3 + ["moving"] * 7


@pytest.fixture(scope="module")
def tiny() -> Reader:
    return Reader(load("cpu", TINY), Limits())


def drawn(sketch: np.ndarray) -> str:
    return data_url(1 - sketch.astype(np.float32) / 255)


def saved(sketch: np.ndarray) -> bytes:
    return decode_data_url(drawn(sketch))


def test_a_reading_tells_each_digit_in_order_with_its_box_and_image(tiny: Reader) -> None:
    sketch = bars((1, SURE), (7, UNSURE), (2, BLOT))
    reading = asyncio.run(tiny.read(Question(canvas=drawn(sketch))))
    assert reading.number == "17?"
    assert [(piece.digit, piece.sure, piece.line) for piece in reading.digits] == [
        (1, True, 0),
        (7, False, 0),
        (None, False, 0),
    ]
    assert reading.digits[0].box == [6, 15, 14, 27]
    for piece in reading.digits:
        assert np.mean(list(piece.probabilities.values()), axis=0) == pytest.approx(piece.together, abs=1e-6)
        assert read_canvas(piece.image).pixels.shape == (28, 28)


@pytest.mark.parametrize("inside", [None, 0, 1, 2])
def test_only_the_digit_that_was_asked_for_is_opened(inside: int | None, tiny: Reader) -> None:
    question = Question(canvas=drawn(bars((1, SURE), (7, SURE))), inside=inside)
    reading = asyncio.run(tiny.read(question))
    opened = [i for i, piece in enumerate(reading.digits) if piece.maps]
    assert opened == [inside] * (inside in (0, 1))


def test_a_picture_of_one_digit_gets_the_fields_of_one_digit(tiny: Reader) -> None:
    prediction = asyncio.run(tiny.predict(saved(bar(4))))
    (only,) = prediction.digits
    assert (prediction.number, prediction.digit, prediction.sure) == ("4", 4, True)
    assert (prediction.lenet5, prediction.ffnn) == (only.lenet5, only.ffnn)


def test_a_picture_of_ink_that_is_no_digit_gets_its_probabilities_but_no_digit(tiny: Reader) -> None:
    prediction = asyncio.run(tiny.predict(saved(bar(4, BLOT))))
    assert (prediction.number, prediction.digit, prediction.sure) == ("?", None, False)
    assert prediction.lenet5 == prediction.digits[0].lenet5


def test_a_picture_of_a_number_gets_each_digit_but_no_fields_of_one_digit(tiny: Reader) -> None:
    prediction = asyncio.run(tiny.predict(saved(bars((2, SURE), (0, SURE)))))
    assert [piece.digit for piece in prediction.digits] == [2, 0]
    assert (prediction.number, prediction.digit, prediction.sure) == ("20", None, False)
    assert (prediction.lenet5, prediction.ffnn) == (None, None)
