"""Drawings are read several at a time, pictures one at a time, and the queue is bounded."""

import asyncio
import threading
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from demo.limits import Limits
from demo.networks.classifier import Answer
from demo.reader import BusyError, Reader
from demo.schemas import Question
from tests.demo.asking import DRAWING, PNG


@dataclass
class Slow:
    """A classifier that answers only once `go` is set."""

    batch_size: int = 1
    asked: int = 0
    go: threading.Event = field(default_factory=threading.Event)

    def classify(self, sketch: np.ndarray, look_inside: bool = False) -> Answer:
        self.asked += 1
        assert self.go.wait(10)
        probabilities = np.eye(10, dtype=np.float32)[1]
        return Answer(np.zeros((28, 28), np.float32), {"lenet5": probabilities, "ffnn": probabilities}, {}, 0.0)


@pytest.mark.parametrize(
    ("kind", "batch_size", "threads"), [("drawing", 1, 2), ("drawing", 16, 32), ("picture", 1, 1), ("picture", 16, 1)]
)
def test_calls_beyond_the_threads_and_the_queue_get_busy_errors(kind: str, batch_size: int, threads: int) -> None:
    slow = Slow(batch_size)

    async def ask() -> list[Any]:
        reader = Reader(slow, Limits(drawings_waiting=3, pictures_waiting=3))  # type: ignore[arg-type]
        question = Question(canvas=DRAWING, drawn=True)
        asked = [
            asyncio.create_task(reader.read(question) if kind == "drawing" else reader.predict(PNG))
            for _ in range(threads + 5)
        ]
        while slow.asked < threads:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)  # time in which one call too many would start
        assert slow.asked == threads
        slow.go.set()
        return await asyncio.gather(*asked, return_exceptions=True)

    answers = asyncio.run(ask())
    assert [answer.digit for answer in answers[: threads + 3]] == [1] * (threads + 3)
    assert [type(answer) for answer in answers[threads + 3 :]] == [BusyError] * 2


def test_an_answer_says_how_long_its_question_waited() -> None:
    slow = Slow()

    async def ask() -> list[float]:
        reader = Reader(slow, Limits())  # type: ignore[arg-type]
        asked = [asyncio.create_task(reader.read(Question(canvas=DRAWING))) for _ in range(3)]
        await asyncio.sleep(0.2)
        slow.go.set()
        return [(await each).waited for each in asked]

    first, second, third = asyncio.run(ask())
    assert max(first, second) < 150 < third
