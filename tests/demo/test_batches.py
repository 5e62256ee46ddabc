"""Questions that come while others are answered are answered next, together; who comes alone waits for nobody."""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain

import numpy as np
import pytest

from demo.batches import Batches
from demo.classifier import FILES, MAPS, NETWORKS, ONNX, Classifier, Networks, _model, load
from demo.provider import session_on_cpu


class Counter:
    """Answers 10 times each number, each batch once it is let `through`."""

    def __init__(self, largest: int = 16) -> None:
        self.batches = Batches(self.answer, largest)
        self.answered: list[list[int]] = []
        self.through = threading.Semaphore(0)
        self.people = ThreadPoolExecutor(50)

    def answer(self, numbers: list[int], kind: str) -> list[int]:
        self.answered.append(numbers)
        self.through.acquire()
        if -1 in numbers:
            raise ValueError("less than nothing")
        return [10 * number for number in numbers]

    def ask(self, number: int, kind: str = "") -> Future[int]:
        """Somebody asks, and is answered at once or waits."""
        asking = self.people.submit(self.batches.ask, number, kind)
        while number not in chain(*self.answered, [asked.question for asked in self.batches.waiting]):
            time.sleep(0.001)
        return asking


def test_who_comes_alone_is_answered_in_their_own_thread() -> None:
    batches = Batches[int, None, int](lambda numbers, _: [threading.get_ident() for _ in numbers], 16)
    assert [batches.ask(number, None) for number in range(3)] == [threading.get_ident()] * 3


def test_those_who_come_meanwhile_are_answered_together_by_kind_and_up_to_the_largest_batch() -> None:
    counter = Counter(largest=3)
    kinds = {1: "a", 2: "a", 3: "b", 4: "a", 5: "a", 6: "a", 7: "b"}
    asking = {number: counter.ask(number, kind) for number, kind in kinds.items()}
    counter.through.release(len(kinds))
    assert {number: asked.result(10) for number, asked in asking.items()} == {number: 10 * number for number in kinds}
    assert counter.answered == [[1], [2, 4, 5], [3, 7], [6]]


def test_an_error_meets_those_who_share_the_batch_and_nobody_else() -> None:
    counter = Counter(largest=2)
    asking = [counter.ask(number) for number in (1, -1, 2, 3)]
    counter.through.release(4)
    assert asking[0].result(10) == 10
    for shared in asking[1:3]:
        with pytest.raises(ValueError, match="less than nothing"):
            shared.result(10)
    assert asking[3].result(10) == 30


def test_in_a_crowd_everybody_gets_their_own_answer() -> None:
    def answer(numbers: list[int], _: None) -> list[int]:
        time.sleep(0.0005)
        return [10 * number for number in numbers]

    batches = Batches(answer, 16)
    with ThreadPoolExecutor(32) as people:
        assert list(people.map(lambda number: batches.ask(number, None), range(2_000))) == list(range(0, 20_000, 10))
    assert batches.waiting == []


def test_sketches_read_together_are_read_as_alone(digits: tuple[np.ndarray, np.ndarray]) -> None:
    sessions = {network: session_on_cpu(_model(ONNX / file)) for network, file in zip(NETWORKS, FILES, strict=True)}
    together, alone = Classifier("CPU", Networks(sessions), Networks(sessions, batch=4)), load("cpu")
    blank = np.full((56, 56), 255, np.uint8)
    sketches = [blank, *(255 - image.repeat(2 + i % 2, 0).repeat(2, 1) for i, image in enumerate(digits[0][:60]))]
    with ThreadPoolExecutor(16) as people:
        answers = list(people.map(together.classify, sketches, [i % 3 == 0 for i in range(len(sketches))]))
    for i, (sketch, answer) in enumerate(zip(sketches, answers, strict=True)):
        expected = alone.classify(sketch, look_inside=True)
        np.testing.assert_allclose(answer.image, expected.image, atol=1e-6)
        for network in NETWORKS:
            np.testing.assert_allclose(answer.probabilities[network], expected.probabilities[network], atol=1e-5)
        assert set(answer.maps) == (set(MAPS) if i % 3 == 0 else set())
        for layer, maps in answer.maps.items():
            np.testing.assert_allclose(maps, expected.maps[layer], atol=1e-4)
