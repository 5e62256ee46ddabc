"""Questions that come while others are answered are answered next, together; who comes alone waits for nobody."""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain

import pytest

from demo.networks.batches import Batches


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
        while not self.answered or number not in chain(*self.answered, [one.question for one in self.batches.waiting]):
            time.sleep(0.001)
        return asking


def test_who_comes_alone_is_answered_in_their_own_thread() -> None:
    batches = Batches[int, None, int](lambda numbers, _: [threading.get_ident() for _ in numbers], 16)
    assert [batches.ask(number, None) for number in range(3)] == [threading.get_ident()] * 3


def test_one_batch_is_answered_at_a_time() -> None:
    alone = threading.Lock()

    def answer(numbers: list[int], _: None) -> list[int]:
        assert alone.acquire(blocking=False)
        time.sleep(0.0005)
        alone.release()
        return numbers

    batches = Batches(answer, 4)
    with ThreadPoolExecutor(32) as people:
        assert list(people.map(lambda number: batches.ask(number, None), range(500))) == list(range(500))


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
