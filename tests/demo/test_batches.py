"""A single request runs immediately; requests that arrive meanwhile run together in the next batches."""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import chain

import pytest

from demo.networks.batches import Batches


class Counter:
    """Multiplies numbers by 10. Each batch waits until `through` is released."""

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
        """Submit a number, and wait until it is in a batch or in the queue."""
        asking = self.people.submit(self.batches.run, number, kind)
        while not self.answered or number not in chain(
            *self.answered, [request.item for request in self.batches.waiting]
        ):
            time.sleep(0.001)
        return asking


def test_a_single_request_runs_in_the_thread_of_its_caller() -> None:
    batches = Batches[int, None, int](lambda numbers, _: [threading.get_ident() for _ in numbers], 16)
    assert [batches.run(number, None) for number in range(3)] == [threading.get_ident()] * 3


def test_one_batch_runs_at_a_time() -> None:
    lock = threading.Lock()

    def answer(numbers: list[int], _: None) -> list[int]:
        assert lock.acquire(blocking=False)
        time.sleep(0.0005)
        lock.release()
        return numbers

    batches = Batches(answer, 4)
    with ThreadPoolExecutor(32) as people:
        assert list(people.map(lambda number: batches.run(number, None), range(500))) == list(range(500))


def test_waiting_requests_run_together_by_kind_up_to_the_largest_batch() -> None:
    counter = Counter(largest=3)
    kinds = {1: "a", 2: "a", 3: "b", 4: "a", 5: "a", 6: "a", 7: "b"}
    asking = {number: counter.ask(number, kind) for number, kind in kinds.items()}
    counter.through.release(len(kinds))
    assert {number: asked.result(10) for number, asked in asking.items()} == {number: 10 * number for number in kinds}
    assert counter.answered == [[1], [2, 4, 5], [3, 7], [6]]


def test_an_error_reaches_the_requests_of_its_batch_and_no_others() -> None:
    counter = Counter(largest=2)
    asking = [counter.ask(number) for number in (1, -1, 2, 3)]
    counter.through.release(4)
    assert asking[0].result(10) == 10
    for shared in asking[1:3]:
        with pytest.raises(ValueError, match="less than nothing"):
            shared.result(10)
    assert asking[3].result(10) == 30


def test_each_of_many_concurrent_requests_gets_its_own_answer() -> None:
    def answer(numbers: list[int], _: None) -> list[int]:
        time.sleep(0.0005)
        return [10 * number for number in numbers]

    batches = Batches(answer, 16)
    with ThreadPoolExecutor(32) as people:
        assert list(people.map(lambda number: batches.run(number, None), range(2_000))) == list(range(0, 20_000, 10))
    assert batches.waiting == []
